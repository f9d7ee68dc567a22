//! HTTP: routes, who may use them, and what is answered.

mod answer;
mod authzen;
mod call;
mod check;
mod decisions;
mod health;
mod openapi;
mod outcome;
mod page;
mod policy;
mod trace_context;
mod usage;

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, on};
use stage0_store::{Scope, ShownKey};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::Instrument as _;

pub(crate) use self::call::Call;
use self::trace_context::TraceContext;
use crate::config::Bounds;
use crate::key_ring::Caller;
use crate::metrics::AnswerLabel;
use crate::refusal::Refusal;
use crate::service::{Service, now};

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

/// Where a route is, and who may use it; everybody, if no scope is named.
#[derive(Debug, Clone, Copy)]
struct Route {
    name: &'static str,
    method: &'static str,
    scope: Option<Scope>,
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
        let check = Some(Scope::Check);
        let read = Some(Scope::Read);
        let admin = Some(Scope::Admin);
        Routes(Router::new())
            .add("POST", "/check", check, check::check)
            .add("POST", "/check/batch", check, check::check_batch)
            .add("POST", "/outcome", check, outcome::outcome)
            .add("GET", "/usage", check, usage::usage)
            .add("GET", "/decisions", read, decisions::decisions)
            .add("GET", "/decisions/{request_id}", read, decisions::decision)
            .add("GET", "/policy", read, policy::policy)
            .add("POST", "/policy/reload", admin, policy::reload)
            .add("GET", "/metrics", read, health::metrics)
            .add("POST", "/access/v1/evaluation", check, authzen::evaluation)
            .add(
                "POST",
                "/access/v1/evaluations",
                check,
                authzen::evaluations,
            )
            .add(
                "GET",
                "/.well-known/authzen-configuration",
                None,
                authzen::metadata,
            )
            .add("GET", "/healthz", None, health::healthz)
            .add("GET", "/readyz", None, health::readyz)
            .add("GET", "/openapi.json", None, openapi::openapi)
            .add("GET", "/docs", None, page::docs)
            .add("GET", "/", None, page::front)
            .0
            .fallback(any(not_found))
            .with_state(self)
    }

    /// Answers a request by a route.
    async fn serve<F, A>(
        &self,
        route: Route,
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
            Ok(None) | Err(_) => now().map_or_else(|_| String::new(), |now| service.ids.next(now)),
        };
        let span = tracing::debug_span!(
            "request",
            method = route.method,
            route = route.name,
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
                let request_id = request_id?;
                let caller = self.caller(route, request.headers()).await?;
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
        let route = route.name;
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
    async fn caller(&self, route: Route, headers: &HeaderMap) -> Result<Arc<Caller>, Refusal> {
        let Some(scope) = route.scope else {
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
        let caller = service.keys.find(&shown, now()?);
        let caller = caller.ok_or(Refusal::Unauthorized)?;
        if !caller.may(scope) {
            return Err(Refusal::Forbidden(scope));
        }
        Ok(caller)
    }
}

/// Routes that are being gathered.
struct Routes(Router<App>);

impl Routes {
    fn add<F, A>(
        self,
        method: &'static str,
        name: &'static str,
        scope: Option<Scope>,
        work: F,
    ) -> Self
    where
        F: Fn(Call) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Answer> + Send + 'static,
    {
        let route = Route {
            name,
            method,
            scope,
        };
        let filter = if method == "GET" {
            MethodFilter::GET
        } else {
            MethodFilter::POST
        };
        let handler = move |State(app): State<App>, params: RawPathParams, request: Request| async move {
            app.serve(route, request, params, work).await
        };
        let other = move |State(app): State<App>, params: RawPathParams, request: Request| async move {
            let open = Route {
                scope: None,
                ..route
            };
            app.serve(open, request, params, |_| async move {
                Err(Refusal::Method(method))
            })
            .await
        };
        let routed: MethodRouter<App> = on(filter, handler).fallback(other);
        Self(self.0.route(name, routed))
    }
}

async fn not_found(State(app): State<App>, params: RawPathParams, request: Request) -> Response {
    let route = Route {
        name: "*",
        method: "*",
        scope: None,
    };
    let path = request.uri().path().to_owned();
    app.serve(route, request, params, |_| async move {
        Err(Refusal::NotFound(format!(
            "There is nothing at `{path}`; see /docs"
        )))
    })
    .await
}
