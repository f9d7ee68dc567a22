//! `/decisions`: what was decided, for whoever looks back.

use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use super::answer::json;
use super::{Answer, Call, route};
use crate::limits::PAGE_MAX;
use crate::refusal::Refusal;
use crate::service::Page;

/// A page of decisions.
pub(super) async fn decisions(call: Call) -> Answer {
    call.only(&route::DECISIONS)?;
    let text = |key: &str| call.parameter(key).map(str::to_owned);
    let wrong = |key: &str, what: &str| -> Refusal {
        Problem::new(ProblemCode::QueryInvalid, format!("`{key}` is {what}")).into()
    };
    let verdict = text("verdict");
    let is_one = |verdict: &String| ["ALLOW", "DENY", "DEFER"].contains(&&**verdict);
    if verdict.as_ref().is_some_and(|verdict| !is_one(verdict)) {
        return Err(wrong("verdict", "ALLOW, DENY or DEFER"));
    }
    let since = call.said("since").map(Timestamp::parse).transpose();
    let number = |key: &str| match call.said(key) {
        None => Ok(None),
        Some(text) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| wrong(key, "a number from 0")),
    };
    let limit = number("limit")?.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX));
    if limit.is_some_and(|limit| !(1..=PAGE_MAX).contains(&limit)) {
        return Err(wrong("limit", &format!("a number from 1 to {PAGE_MAX}")));
    }
    let page = Page {
        request_id: text("request_id"),
        verdict,
        run: text("run_id"),
        since: since.map_err(|_| wrong("since", "a time such as 2026-01-05T10:00:00Z"))?,
        before: number("before")?,
        limit,
    };
    Ok(json(call.service.decisions(page).await?))
}

/// One decision, with its receipt.
pub(super) async fn decision(call: Call) -> Answer {
    call.only(&route::DECISION)?;
    Ok(json(call.service.decision(call.tail.clone()).await?))
}
