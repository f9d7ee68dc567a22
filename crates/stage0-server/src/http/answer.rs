//! What is answered: JSON, and the one shape of what is refused.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use stage0_store::TicketId;
use stage0_wire::json_object::object;
use stage0_wire::problem::problems_to_json;

use super::call::REQUEST_ID;
use crate::refusal::Refusal;

/// Says that an answer was given before.
const REPEATED: &str = "stage0-repeated";

/// Names the approval that a decision waits for.
const APPROVAL_ID: &str = "stage0-approval-id";

/// A text of this kind.
pub(super) fn text(kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// JSON.
pub(super) fn json(body: impl Into<Body>) -> Response {
    text("application/json", body)
}

/// Notes that an answer was given before.
pub(super) fn repeated(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(REPEATED, HeaderValue::from_static("true"));
    response
}

/// Names the approval that a decision waits for.
pub(super) fn waiting(mut response: Response, ticket: &TicketId) -> Response {
    if let Ok(id) = HeaderValue::from_str(ticket.as_str()) {
        response.headers_mut().insert(APPROVAL_ID, id);
    }
    response
}

/// Why nothing was decided, in the shape that every client reads.
pub(super) fn refuse(refusal: &Refusal, request_id: &str) -> Response {
    let (message, retry_after) = (refusal.message(), refusal.retry_after());
    let mut out = String::new();
    object(&mut out, |answer| {
        object(answer.member("detail"), |detail| {
            detail.text("detail", &message);
            detail.text("request_id", request_id);
            if let Some(seconds) = retry_after {
                detail.plain("retry_after_seconds", seconds);
            }
        });
        answer.text("message", &message);
        answer.text("request_id", request_id);
        if let Some(seconds) = retry_after {
            answer.plain("retry_after_seconds", seconds);
        }
        answer.plain("problems", problems_to_json(refusal.problems()));
    });
    let mut response = json(out);
    let status = StatusCode::from_u16(refusal.status());
    *response.status_mut() = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    match refusal {
        Refusal::Unauthorized => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Refusal::Method(allowed) => {
            if let Ok(allowed) = HeaderValue::from_str(allowed) {
                headers.insert(header::ALLOW, allowed);
            }
        }
        _ => {}
    }
    response
}

/// What every answer has.
pub(super) fn finish(mut response: Response, request_id: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_bytes(request_id.as_bytes()) {
        headers.insert(REQUEST_ID, id);
    }
    let fixed = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
