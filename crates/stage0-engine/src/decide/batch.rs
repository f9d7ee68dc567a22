//! Several calls that run together or not at all.
//!
//! They are decided in their order, each after those before it: what the first reserves is gone for the
//! second. Where one of them may not run, none may, and nothing is reserved: what was allowed alone is
//! then no ALLOW either, so that no single answer can be taken out of the batch and obeyed.

use super::{Draft, decide, peek};
use crate::codes::IssueCode;
use crate::decision::{Decision, Needs, Resolution, Who};
use crate::host::Host;
use crate::index::PolicyIndex;
use crate::policy::Verdict;
use crate::request::Request;
use crate::state::RunState;
use crate::time::Timestamp;

/// Decides several requests in their order, as calls that run together or not at all: either all of the
/// decisions are ALLOW, or none is. The state that comes back is the one after all of them; where they
/// are not allowed it counts the attempts and reserves nothing.
#[must_use]
pub fn decide_batch<'a>(
    policy: &'a PolicyIndex,
    batch: &[(&'a Request<'a>, Host<'a>)],
    state: &RunState,
    now: Timestamp,
) -> (Vec<Decision<'a>>, RunState) {
    let mut decisions = Vec::with_capacity(batch.len());
    let mut next = state.clone();
    for (request, host) in batch {
        let (decision, after) = decide(policy, request, host, &next, now);
        decisions.push(decision);
        next = after;
    }
    let verdicts = decisions.iter().map(|decision| decision.verdict);
    let strictest = verdicts.max().unwrap_or(Verdict::Allow);
    if strictest == Verdict::Allow {
        return (decisions, next);
    }
    let mut next = state.clone();
    for ((request, host), decision) in batch.iter().zip(&mut decisions) {
        if decision.verdict == Verdict::Allow {
            let host = Host {
                others: strictest,
                ..*host
            };
            *decision = peek(policy, request, &host, &next, now);
        }
        next = decision.next_state(&next);
    }
    (decisions, next)
}

impl Draft<'_> {
    /// A call whose batch does not run does not run.
    pub(super) fn hold_to_others(&mut self, others: Verdict) {
        let (code, message, needs) = match others {
            Verdict::Allow => return,
            Verdict::Deny => (
                IssueCode::BATCH_DENIED,
                "Another call of this batch is denied, and they run together or not at all.",
                Needs::Fix,
            ),
            Verdict::Defer => (
                IssueCode::BATCH_DEFERRED,
                "Another call of this batch has to wait, and they run together or not at all.",
                Needs::Wait,
            ),
        };
        let resolution = Resolution::new(needs, Who::Agent);
        self.engine(code, others, message, Some(resolution), Vec::new());
    }
}
