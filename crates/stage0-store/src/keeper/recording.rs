//! The line that a log keeps of a decision.

use stage0_engine::host::Host;
use stage0_engine::policy::Mode;
use stage0_engine::request::Request;
use stage0_wire::question::{Answer, Question};
use stage0_wire::record::{record_decision, record_facts};
use stage0_wire::{
    Policy, REDACTION_SECRET_BYTES, approvals_to_json, decision_to_json, facts_to_json,
    state_to_json,
};

use super::asking::Decided;
use crate::key::RunId;

/// What a record is made with.
#[derive(Debug, Clone, Copy)]
pub struct Recording<'r> {
    /// The policy that decided.
    pub policy: &'r Policy,
    /// The request.
    pub request: &'r Request<'r>,
    /// Its text.
    pub body: &'r [u8],
    /// What its host added in the end.
    pub host: &'r Host<'r>,
    /// The run that it belongs to.
    pub run: Option<&'r RunId>,
    /// Whether all of the request is kept. What a policy redacts is never kept.
    pub is_full: bool,
    /// What redacted facts are digested with.
    pub secret: &'r [u8; REDACTION_SECRET_BYTES],
}

impl Recording<'_> {
    /// The decision's canonical text, and its record.
    pub fn take(&self, decided: &Decided<'_>) -> (String, String) {
        let Decided {
            decision,
            state,
            next,
            now,
        } = decided;
        let answer = Answer {
            verdict: decision.verdict,
            decision: decision_to_json(decision),
            // Where there is no run the record has none.
            state: self.run.map_or_else(String::new, |_| state_to_json(next)),
        };
        let approvals = approvals_to_json(self.host.approvals);
        let state = self.run.map(|_| state_to_json(state));
        let question = Question {
            request: self.body,
            request_id: Some(self.host.request_id),
            // Where the host adds none the policy's own is in force.
            mode: (self.host.mode != Mode::Observe).then(|| self.host.mode.as_str()),
            approvals: (!self.host.approvals.is_empty()).then_some(&*approvals),
            state: state.as_deref(),
            now: *now,
        };
        let run = self.run.map(RunId::as_str);
        let redacts = self.policy.index().redacts();
        let record = if self.is_full && !redacts {
            record_decision(run, &question, &answer)
        } else {
            let facts = facts_to_json(decision, redacts.then_some(self.secret));
            record_facts(run, &question, &answer, &facts, self.request.call_id())
        };
        (answer.decision, record)
    }
}
