//! Whether the server lives, whether it can decide, and what it counts.

use axum::http::StatusCode;
use stage0_wire::json_object::object;

use super::answer::{json, text};
use super::{Answer, Call};

/// That this process answers.
pub(super) async fn healthz(_: Call) -> Answer {
    Ok(json("{\"status\":\"ok\"}"))
}

/// Whether decisions can be made and kept, and by which policy. Everybody may ask, so it says nothing about
/// what is wrong with a policy; `/policy` does.
pub(super) async fn readyz(call: Call) -> Answer {
    let is_ready = call.service.is_ready().await;
    let policy = call.service.policy.policy();
    let is_current = call.service.policy.trouble().is_none();
    let mut out = String::new();
    object(&mut out, |answer| {
        answer.plain("ready", is_ready);
        answer.text("store", if is_ready { "ok" } else { "unavailable" });
        answer.text(
            "policy",
            if is_current {
                "current"
            } else {
                "refused a newer one"
            },
        );
        answer.text("policy_version", policy.index().label());
        answer.text("policy_digest", &policy.index().digest().to_string());
    });
    let mut response = json(out);
    if !is_ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

/// What the server counts of itself.
pub(super) async fn metrics(call: Call) -> Answer {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(text(kind, call.service.metrics.to_text()))
}
