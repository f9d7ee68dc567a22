//! A decision that was made, as what is answered and what is kept of it.

use stage0_engine::decision::Decision;
use stage0_engine::host::Host;
use stage0_engine::policy::{Severity, Verdict};
use stage0_engine::request::Request;
use stage0_engine::state::RunState;
use stage0_store::{Decided, Packed, RunId, TicketId};
use stage0_wire::{Policy, REDACTION_SECRET_BYTES};

use super::Record;
use crate::metrics::{CodeLabel, Metrics, VerdictLabel};

/// A decision that was made and is not kept yet.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) verdict: Verdict,
    /// Its canonical text.
    pub(crate) answer: String,
    /// Its record.
    pub(crate) record: String,
    /// The same, packed.
    pub(crate) packed: Packed,
    /// The ticket that it would have or rest on.
    pub(crate) about: TicketId,
    /// The ticket that it waits for.
    pub(crate) ticket: Option<TicketId>,
    /// The codes of its issues of MEDIUM and above.
    codes: Vec<String>,
}

/// What a record is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recording<'r> {
    pub(crate) policy: &'r Policy,
    pub(crate) request: &'r Request<'r>,
    pub(crate) body: &'r [u8],
    pub(crate) host: &'r Host<'r>,
    pub(crate) run: Option<&'r RunId>,
    pub(crate) record: Record,
    pub(crate) secret: &'r [u8; REDACTION_SECRET_BYTES],
}

impl Recording<'_> {
    /// Takes down a decision.
    pub(crate) fn take(&self, decided: &Decided<'_>) -> Made {
        let recording = stage0_store::Recording {
            policy: self.policy,
            request: self.request,
            body: self.body,
            host: self.host,
            run: self.run,
            is_full: self.record == Record::Full || self.request.debug_store_input(),
            secret: self.secret,
        };
        let (answer, record) = recording.take(decided);
        let decision = &decided.decision;
        Made {
            verdict: decision.verdict,
            codes: codes(decision),
            answer,
            packed: Packed::of(&record),
            record,
            about: TicketId::of(self.run, decision.call_id(), &decision.action_digest()),
            ticket: None,
        }
    }
}

fn codes(decision: &Decision<'_>) -> Vec<String> {
    let heavy = decision.issues.iter();
    let heavy = heavy.filter(|issue| issue.severity >= Severity::Medium);
    let mut codes: Vec<String> = heavy.map(|issue| issue.code.to_owned()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// A decision that needs nothing that is kept.
pub(crate) fn decide_alone<'q>(
    policy: &'q Policy,
    request: &'q Request<'q>,
    host: &Host<'q>,
    now: stage0_engine::time::Timestamp,
) -> Decided<'q> {
    let state = RunState::default();
    let (decision, next) = policy.decide(request, host, &state, now);
    Decided {
        decision,
        state,
        next,
        now,
    }
}

impl Made {
    /// Counts it.
    pub(crate) fn count(&self, metrics: &Metrics) {
        let verdict = self.verdict.as_str();
        metrics
            .decisions
            .get_or_create(&VerdictLabel { verdict })
            .inc();
        for code in &self.codes {
            let code = code.clone();
            metrics
                .issues
                .get_or_create(&CodeLabel { code, verdict })
                .inc();
        }
    }
}
