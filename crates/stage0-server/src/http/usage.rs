//! `/usage`: how much of its plan a key has used.

use super::answer::json;
use super::{Answer, Call, route};

/// How much the key that asks has used.
pub(super) async fn usage(call: Call) -> Answer {
    call.only(&route::USAGE)?;
    let environment = call.parameter("environment").unwrap_or_default();
    Ok(json(
        call.service
            .usage(&call.caller, &call.request_id, environment)
            .await?,
    ))
}
