//! `/openapi.json`.

use super::answer::json;
use super::{Answer, Call};

/// The description of the API.
pub(super) async fn openapi(_: Call) -> Answer {
    Ok(json("{}"))
}
