//! A request whose caller is known and whose body has come.

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use http_body_util::BodyExt as _;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::question::check_request_id;

use super::route::Route;
use crate::key_ring::Caller;
use crate::limits::{BODY_BYTES_MAX, DRAIN_BYTES_MAX};
use crate::refusal::Refusal;
use crate::service::{Asked, Service};

/// The header by which a client names its request.
pub(super) const REQUEST_ID: &str = "x-request-id";

/// A request whose caller is known and whose body has come.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: Arc<Service>,
    pub(crate) caller: Arc<Caller>,
    /// Its id.
    pub(crate) request_id: String,
    /// Whether its client gave it the id.
    pub(crate) is_named: bool,
    /// The part of the path that is a value.
    pub(crate) tail: String,
    /// Pairs of the query.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// When the last byte came.
    pub(crate) since: Instant,
}

impl Call {
    pub(super) async fn of(
        service: &Arc<Service>,
        caller: Arc<Caller>,
        request_id: (String, bool),
        tail: Option<String>,
        request: Request,
        is_open: bool,
    ) -> Result<Self, Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes());
        let query = query.map(|(key, value)| (key.into_owned(), value.into_owned()));
        let query = query.collect();
        let body = if request.method() == Method::POST {
            let (head, body) = request.into_parts();
            if let Err(refusal) = check_head(&head.headers, is_open) {
                drain(body).await;
                return Err(refusal);
            }
            read(body).await?
        } else {
            Bytes::new()
        };
        Ok(Self {
            service: Arc::clone(service),
            caller,
            request_id: request_id.0,
            is_named: request_id.1,
            tail: tail.unwrap_or_default(),
            query,
            body,
            since: Instant::now(),
        })
    }

    /// Where this server is asked.
    pub(crate) fn base(&self) -> String {
        self.service.base.clone()
    }

    /// What is asked, where the body is a request.
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            body: self.body.clone(),
            request_id: self.request_id.clone(),
            is_named: self.is_named,
            caller: Arc::clone(&self.caller),
            since: self.since,
        }
    }

    /// Refuses what is in the query and means nothing.
    pub(super) fn only(&self, route: &Route) -> Result<(), Refusal> {
        let known: Vec<&str> = route.query.iter().map(|parameter| parameter.name).collect();
        for (key, _) in &self.query {
            if !known.contains(&key.as_str()) {
                let message = format!("`{key}` is no parameter of this");
                let help = if known.is_empty() {
                    "there is none".to_owned()
                } else {
                    format!("there are `{}`", known.join("`, `"))
                };
                return Err(Problem::new(ProblemCode::QueryInvalid, message)
                    .help(help)
                    .into());
            }
        }
        Ok(())
    }

    /// The value of a parameter, also one that is empty.
    pub(crate) fn said(&self, key: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(name, _)| name == key);
        pair.map(|(_, value)| value.as_str())
    }

    /// The value of a parameter; an empty one is none.
    pub(crate) fn parameter(&self, key: &str) -> Option<&str> {
        self.said(key).filter(|value| !value.is_empty())
    }
}

/// Reads a body of at most as many bytes as there may be.
async fn read(mut body: Body) -> Result<Bytes, Refusal> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let message = "the body did not come whole";
            Refusal::from(Problem::new(ProblemCode::BodyInvalid, message))
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len().saturating_add(data.len()) > BODY_BYTES_MAX {
            drain(body).await;
            return Err(Refusal::TooLarge);
        }
        if bytes.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Bytes::from(bytes))
}

/// Reads on for a while and forgets it: a client that is still writing does not see an answer.
async fn drain(mut body: Body) {
    let mut left = DRAIN_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else {
            return;
        };
        left = rest;
    }
}

/// Whether a body is worth reading.
fn check_head(headers: &HeaderMap, is_open: bool) -> Result<(), Refusal> {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(Refusal::TooLarge);
    }
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        // A page in a browser can send such a body anywhere. It cannot send a key.
        return if is_open && length != Some(0) {
            Err(Refusal::MediaType)
        } else {
            Ok(())
        };
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json")
        || kind
            .get(kind.len().saturating_sub(5)..)
            .is_some_and(|end| end.eq_ignore_ascii_case("+json"));
    if is_json {
        Ok(())
    } else {
        Err(Refusal::MediaType)
    }
}

/// The id that a client gave its request.
pub(super) fn request_id_of(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(id) = headers.get(REQUEST_ID) else {
        return Ok(None);
    };
    let Ok(id) = str::from_utf8(id.as_bytes()) else {
        let message = "a request id is UTF-8";
        return Err(Problem::new(ProblemCode::HostInvalid, message).into());
    };
    // An empty one is none: clients send what they have.
    if id.is_empty() {
        return Ok(None);
    }
    check_request_id(id)?;
    Ok(Some(id.to_owned()))
}

/// The key that somebody shows.
pub(super) fn key_of(headers: &HeaderMap) -> Result<&str, Refusal> {
    let text = |name: header::HeaderName| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?;
        // Of two keys nobody knows which counts.
        values.next().is_none().then(|| first.to_str().ok())?
    };
    let bearer = text(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let named = text(header::HeaderName::from_static("x-api-key")).map(str::trim);
    match (named, bearer) {
        (Some(named), Some(bearer)) if named != bearer => Err(Refusal::Unauthorized),
        (Some(key), _) | (None, Some(key)) => Ok(key),
        (None, None) => Err(Refusal::Unauthorized),
    }
}

/// Refuses what was sent to another name than that of this machine: a page in a browser could have had its
/// own name point here.
pub(super) fn refuse_strange_hosts(headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let is_ours = host.is_some_and(|host| {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        name.eq_ignore_ascii_case("localhost") || name == "::1" || name.starts_with("127.")
    });
    if is_ours {
        Ok(())
    } else {
        Err(Refusal::Unauthorized)
    }
}
