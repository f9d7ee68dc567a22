//! `/halt` and `/resume`: the operator's stop.

use stage0_wire::json_object::object;

use super::answer::json;
use super::body::Body;
use super::{Answer, Call};
use crate::halt::Halted;

/// Denies everything from here on.
pub(super) async fn halt(call: Call) -> Answer {
    let body = Body::read(&call, &["by", "reason"])?;
    let (by, reason) = (body.text("by")?, body.text("reason")?);
    let halted = call.service.halt(by, reason).await?;
    Ok(json(told(Some(&halted))))
}

/// Lets the policy decide again.
pub(super) async fn resume(call: Call) -> Answer {
    Body::read(&call, &[])?;
    call.service.resume().await?;
    Ok(json(told(None)))
}

/// Whether everything is denied, and why.
pub(super) fn told(halted: Option<&Halted>) -> String {
    let mut out = String::new();
    object(&mut out, |answer| match halted {
        Some(halted) => answer.plain("halted", halted.to_json()),
        None => answer.plain("halted", "null"),
    });
    out
}
