//! The page that a person reads: the reference of the API, drawn from `/openapi.json` by the page itself.

use axum::http::{HeaderValue, header};

use super::answer::text;
use super::{Answer, Call};

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

/// Nothing comes from elsewhere, and nobody else shows it in a frame.
const CONTENT_POLICY: &str = "default-src 'none'; connect-src 'self'; script-src 'self'; style-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page.
pub(super) async fn docs(_: Call) -> Answer {
    let mut response = text("text/html; charset=utf-8", PAGE);
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_POLICY),
    );
    Ok(response)
}

/// What draws it.
pub(super) async fn script(_: Call) -> Answer {
    Ok(text("text/javascript; charset=utf-8", SCRIPT))
}

/// How it looks.
pub(super) async fn style(_: Call) -> Answer {
    Ok(text("text/css; charset=utf-8", STYLE))
}
