//! HTTP: routes, who may use them, and what is answered.

mod answer;
mod approvals;
mod authzen;
mod body;
mod call;
mod check;
mod decisions;
mod halt;
mod health;
mod openapi;
mod outcome;
mod page;
mod policy;
mod route;
mod trace_context;
mod usage;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::HeaderMap;
use axum::response::{Redirect, Response};
use axum::routing::{MethodFilter, MethodRouter, any, on};
use stage0_engine::time::Timestamp;
use stage0_store::{Scope, ShownKey};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::Instrument as _;

pub(crate) use self::call::Call;
use self::route::{ROUTES, Route};
use self::trace_context::TraceContext;
use crate::config::Bounds;
use crate::key_ring::Caller;
use crate::metrics::AnswerLabel;
use crate::refusal::Refusal;
use crate::service::Service;

/// What a route comes to.
type Answer = Result<Response, Refusal>;

/// What every route has at hand.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    service: Arc<Service>,
    /// Who asks where no keys are asked for.
    anybody: Option<Arc<Caller>>,
    bounds: Bounds,
    places: Semaphore,
}

impl App {
    pub(crate) fn new(service: Arc<Service>, is_open: bool, bounds: Bounds) -> Self {
        Self(Arc::new(Shared {
            service,
            anybody: is_open.then(|| Arc::new(Caller::anybody())),
            places: Semaphore::new(bounds.concurrency.max(1)),
            bounds,
        }))
    }

    /// All routes.
    pub(crate) fn router(self) -> Router {
        Routes(Router::new(), BTreeSet::new())
            .add(&route::CHECK, check::check)
            .add(&route::CHECK_BATCH, check::check_batch)
            .add(&route::OUTCOME, outcome::outcome)
            .add(&route::USAGE, usage::usage)
            .add(&route::DECISIONS, decisions::decisions)
            .add(&route::DECISION, decisions::decision)
            .add(&route::APPROVALS, approvals::approvals)
            .add(&route::APPROVAL, approvals::approval)
            .add(&route::REQUEST_APPROVAL, approvals::request)
            .add(&route::GRANT, approvals::grant)
            .add(&route::REJECT, approvals::reject)
            .add(&route::POLICY, policy::policy)
            .add(&route::RELOAD, policy::reload)
            .add(&route::HALT, halt::halt)
            .add(&route::RESUME, halt::resume)
            .add(&route::METRICS, health::metrics)
            .add(&route::EVALUATION, authzen::evaluation)
            .add(&route::EVALUATIONS, authzen::evaluations)
            .add(&route::AUTHZEN, authzen::metadata)
            .add(&route::HEALTHZ, health::healthz)
            .add(&route::READYZ, health::readyz)
            .add(&route::OPENAPI, openapi::openapi)
            .add(&route::DOCS, page::docs)
            .add(&route::SCRIPT, page::script)
            .add(&route::STYLE, page::style)
            .0
            .route("/", any(|| async { Redirect::to(route::DOCS.path) }))
            .fallback(any(not_found))
            .with_state(self)
    }

    /// Answers a request by a route.
    async fn serve<F, A>(
        &self,
        route: &'static Route,
        scope: Option<Scope>,
        request: Request,
        params: RawPathParams,
        work: F,
    ) -> Response
    where
        F: FnOnce(Call) -> A,
        A: Future<Output = Answer>,
    {
        let since = Instant::now();
        let service = &self.0.service;
        let trace = TraceContext::of(request.headers());
        let request_id = call::request_id_of(request.headers());
        let shown_id = match &request_id {
            Ok(Some(id)) => id.clone(),
            // Ids sort by time, and there are more without one.
            Ok(None) | Err(_) => service.ids.next(service.now().unwrap_or(Timestamp::MIN)),
        };
        let span = tracing::debug_span!(
            "request",
            method = route.method,
            route = route.path,
            request_id = %shown_id,
            trace_id = trace.trace_id(),
            parent_id = trace.parent_id(),
        );
        let tail = params.iter().next().map(|(_, value)| value.to_owned());
        let answer = async {
            let Ok(_place) = self.0.places.try_acquire() else {
                return Err(Refusal::Busy);
            };
            let given = async {
                let is_named = request_id?.is_some();
                let request_id = (shown_id.clone(), is_named);
                let caller = self.caller(scope, request.headers()).await?;
                let is_open = self.0.anybody.is_some();
                let call = Call::of(service, caller, request_id, tail, request, is_open).await?;
                work(call).await
            };
            let given = timeout(self.0.bounds.deadline, given).await;
            given.unwrap_or(Err(Refusal::Deadline))
        };
        let answer = answer.instrument(span.clone()).await;
        let response = match answer {
            Ok(response) => response,
            Err(refusal) => {
                let _entered = span.enter();
                if let Refusal::Store(error) = &refusal {
                    tracing::warn!(request_id = %shown_id, %error, "refused");
                }
                answer::refuse(&refusal, &shown_id)
            }
        };
        let status = response.status().as_u16();
        let route = route.path;
        service
            .metrics
            .answers
            .get_or_create(&AnswerLabel { route, status })
            .inc();
        let _entered = span.enter();
        tracing::debug!(status, micros = since.elapsed().as_micros(), "answered");
        answer::finish(response, &shown_id)
    }

    /// Who asks, if they may ask for this.
    async fn caller(
        &self,
        scope: Option<Scope>,
        headers: &HeaderMap,
    ) -> Result<Arc<Caller>, Refusal> {
        let Some(scope) = scope else {
            return Ok(Arc::new(Caller::nobody()));
        };
        if let Some(anybody) = &self.0.anybody {
            call::refuse_strange_hosts(headers)?;
            return Ok(Arc::clone(anybody));
        }
        let text = call::key_of(headers)?;
        let shown = ShownKey::parse(text).ok_or(Refusal::Unauthorized)?;
        let service = &self.0.service;
        if !service.keys.knows(&shown) {
            service.learn_key(shown.id).await?;
        }
        let caller = service.keys.find(&shown, service.now()?);
        let caller = caller.ok_or(Refusal::Unauthorized)?;
        if !caller.may(scope) {
            return Err(Refusal::Forbidden(scope));
        }
        Ok(caller)
    }
}

/// Routes that are being gathered.
struct Routes(Router<App>, BTreeSet<&'static str>);

impl Routes {
    fn add<F, A>(mut self, route: &'static Route, work: F) -> Self
    where
        F: Fn(Call) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Answer> + Send + 'static,
    {
        let filter = if route.method == "GET" {
            MethodFilter::GET
        } else {
            MethodFilter::POST
        };
        let handler = move |State(app): State<App>, params: RawPathParams, request: Request| async move {
            app.serve(route, route.scope, request, params, work).await
        };
        let other = move |State(app): State<App>, params: RawPathParams, request: Request| async move {
            app.serve(route, None, request, params, |_| async move {
                Err(Refusal::Method(methods_of(route.path)))
            })
            .await
        };
        let routed: MethodRouter<App> = on(filter, handler);
        // A path that may be asked in two ways says once what neither is.
        let routed = if self.1.insert(route.path) {
            routed.fallback(other)
        } else {
            routed
        };
        Self(self.0.route(route.path, routed), self.1)
    }
}

/// The methods with which a path may be asked.
fn methods_of(path: &str) -> String {
    let methods = ROUTES.iter().filter(|route| route.path == path);
    let methods: Vec<&str> = methods.map(|route| route.method).collect();
    methods.join(", ")
}

async fn not_found(State(app): State<App>, params: RawPathParams, request: Request) -> Response {
    const ELSEWHERE: &Route = &Route {
        path: "*",
        ..route::DOCS
    };
    let path = request.uri().path().to_owned();
    app.serve(ELSEWHERE, None, request, params, |_| async move {
        Err(Refusal::NotFound(format!(
            "There is nothing at `{path}`; see /docs"
        )))
    })
    .await
}
