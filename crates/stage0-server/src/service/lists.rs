//! Decisions, for whoever looks back.

use std::sync::Arc;

use stage0_audit::chain::{Body, Line};
use stage0_engine::time::Timestamp;
use stage0_store::{FoundRecord, Looked, SqliteStore, StoreError};
use stage0_wire::json_object::{Object, object};

use super::Service;
use super::outcome::trace_of;
use crate::limits::PAGE;
use crate::refusal::Refusal;

/// Which decisions somebody wants to see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) request_id: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) run: Option<String>,
    pub(crate) since: Option<Timestamp>,
    pub(crate) before: Option<u64>,
    pub(crate) limit: Option<u32>,
}

impl Service {
    /// A page of decisions, the newest first, as JSON.
    pub(crate) async fn decisions(self: &Arc<Self>, page: Page) -> Result<String, Refusal> {
        Ok(self.look(move |store| page_json(store, &page)).await?)
    }

    /// Everything that is known about one request, as JSON.
    pub(crate) async fn decision(self: &Arc<Self>, request_id: String) -> Result<String, Refusal> {
        let message = format!("No decision has the request id `{request_id}`");
        let found = self.look(move |store| {
            let looked = Looked {
                request_id: Some(&request_id),
                count: 1,
                ..Looked::default()
            };
            let Some(found) = store.decisions(&looked)?.pop() else {
                return Ok(None);
            };
            let mut out = String::new();
            write_decision(&mut out, store, &found, true)?;
            Ok(Some(out))
        });
        found.await?.ok_or(Refusal::NotFound(message))
    }
}

fn page_json(store: &SqliteStore, page: &Page) -> Result<String, StoreError> {
    let count = page.limit.unwrap_or(PAGE);
    let looked = Looked {
        request_id: page.request_id.as_deref(),
        verdict: page.verdict.as_deref(),
        run: page.run.as_deref(),
        since: page.since,
        before: page.before,
        count,
    };
    let found = store.decisions(&looked)?;
    let mut out = String::new();
    let mut done = Ok(());
    object(&mut out, |answer| {
        answer.list("decisions", &found, |out, found| {
            if done.is_ok() {
                done = write_decision(out, store, found, false);
            }
        });
        // A page that is full has perhaps another one behind it.
        let is_full = u32::try_from(found.len()) == Ok(count);
        match found.last().filter(|_| is_full) {
            Some(last) => answer.plain("next_before", last.seq),
            None => answer.plain("next_before", "null"),
        }
    });
    done.map(|()| out)
}

fn write_decision(
    out: &mut String,
    store: &SqliteStore,
    found: &FoundRecord,
    is_whole: bool,
) -> Result<(), StoreError> {
    let trace = trace_of(found)?;
    let outcomes = store.outcomes(&trace.request_id)?;
    let outcome = outcomes.iter().rfind(|outcome| outcome.seq > found.seq);
    object(out, |entry| {
        entry.text("request_id", &trace.request_id);
        entry.plain("seq", found.seq);
        entry.text("at", &trace.at);
        entry.text("verdict", &trace.verdict);
        entry.texts("codes", &trace.codes);
        entry.texts("tools", &trace.tools);
        entry.text("reason", &trace.reason);
        entry.plain("risk_score", trace.risk);
        entry.text("policy_version", &trace.policy_version);
        entry.text("policy_digest", &trace.policy_digest);
        entry.text("environment", &trace.environment);
        entry.text("approved_by", &trace.approved_by);
        let action = outcome.and_then(|outcome| outcome.outcome.as_deref());
        entry.optional("final_runtime_action", action);
        entry.text("action_digest", &trace.action);
        entry.optional("call_id", trace.call.as_deref());
        entry.optional("run_id", found.run.as_deref());
        entry.optional("api_key_id", found.key_id.as_deref());
        match found.latency_us {
            Some(latency) => entry.plain("latency_us", latency),
            None => entry.plain("latency_us", "null"),
        }
        if is_whole {
            write_line(entry, "receipt", &found.line);
            entry.list("outcomes", &outcomes, |out, outcome| {
                out.push_str(&outcome.line);
            });
        }
    });
    Ok(())
}

/// A line of the chain is JSON as it stands.
fn write_line(entry: &mut Object<'_>, name: &str, line: &str) {
    entry.plain(name, line);
}

/// The record in a line of the chain.
pub(super) fn record_of(line: &str) -> Option<&str> {
    match Line::parse(line).ok()?.body {
        Body::Record(record) => Some(record),
        Body::Checkpoint(_) => None,
    }
}
