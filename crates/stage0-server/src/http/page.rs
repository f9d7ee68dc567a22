//! The pages that a person sees.

use axum::http::{HeaderValue, StatusCode, header};

use super::answer::text;
use super::{Answer, Call};

const PAGE: &str = include_str!("page.html");

/// The reference of the API, drawn from `/openapi.json` by the page itself.
pub(super) async fn docs(_: Call) -> Answer {
    let mut response = text("text/html; charset=utf-8", PAGE);
    let policy = "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    Ok(response)
}

/// Where to look.
pub(super) async fn front(_: Call) -> Answer {
    let mut response = text(
        "text/plain; charset=utf-8",
        "Stage0. The reference of this API is at /docs\n",
    );
    *response.status_mut() = StatusCode::SEE_OTHER;
    response
        .headers_mut()
        .insert(header::LOCATION, HeaderValue::from_static("/docs"));
    Ok(response)
}
