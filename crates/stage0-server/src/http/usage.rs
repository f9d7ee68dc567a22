//! `/usage`: how much of its plan a key has used.

use super::answer::json;
use super::{Answer, Call};

/// How much the key that asks has used.
pub(super) async fn usage(call: Call) -> Answer {
    call.only(&["environment"])?;
    let id = match &call.request_id {
        Some(id) => id.clone(),
        None => call.service.ids.next(crate::service::now()?),
    };
    let environment = call.parameter("environment").unwrap_or_default();
    Ok(json(
        call.service.usage(&call.caller, &id, environment).await?,
    ))
}
