//! Deciding with what is kept, and with what people answered: one request, or several that run together.

use stage0_engine::host::{ApprovalRecord, Host};
use stage0_engine::policy::Verdict;
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;
use stage0_store::{Asking, AskingBatch, Attempt, Decided, FoundTicket, RunId, StoreError, Ticket};
use stage0_wire::{Policy, REDACTION_SECRET_BYTES, facts_to_json};

use super::Record;
use super::made::{Made, Recording};
use super::tickets::{answered, note};
use crate::ledger::Book;

/// One request that is decided with what is kept.
pub(super) struct Step<'s> {
    pub(super) policy: &'s Policy,
    pub(super) request: &'s Request<'s>,
    pub(super) body: &'s [u8],
    pub(super) request_id: &'s str,
    pub(super) run: Option<&'s RunId>,
    pub(super) record: Record,
    pub(super) secret: &'s [u8; REDACTION_SECRET_BYTES],
}

impl Step<'_> {
    /// Decides, also by what people answered about the same action; where it has to wait for people, they
    /// are asked.
    pub(super) fn decide(&self, book: &mut Book<'_>, now: Timestamp) -> Result<Made, StoreError> {
        let host = Host {
            request_id: self.request_id,
            ..Host::default()
        };
        let alone = self.attempt(book, &host, now)?;
        let Some(found) = answered(book, &alone.look().decision, self.run)? else {
            return self.put(book, alone, &host);
        };
        let host = Host {
            approvals: &found.ticket.answers,
            ..host
        };
        let with_answers = self.attempt(book, &host, now)?;
        let is_denied = with_answers.look().decision.verdict == Verdict::Deny;
        match found.ticket.rejected_by().filter(|_| !is_denied) {
            None => self.put(book, with_answers, &host),
            // A no stands, though no rule asks for a yes any more.
            rejected_by => {
                let host = Host {
                    rejected_by,
                    ..host
                };
                let refused = self.attempt(book, &host, now)?;
                self.put(book, refused, &host)
            }
        }
    }

    fn attempt<'h>(
        &'h self,
        book: &Book<'_>,
        host: &'h Host<'h>,
        now: Timestamp,
    ) -> Result<Attempt<Decided<'h>>, StoreError> {
        let asking = Asking {
            policy: self.policy,
            request: self.request,
            host,
            run: self.run,
        };
        asking.attempt(book.states(), now)
    }

    fn put(
        &self,
        book: &mut Book<'_>,
        attempt: Attempt<Decided<'_>>,
        host: &Host<'_>,
    ) -> Result<Made, StoreError> {
        // Nobody else writes, so nobody was faster.
        let decided = attempt.put(book.states())?.ok_or(StoreError::Contended)?;
        self.take(book, &decided, host)
    }

    /// Takes down what was decided.
    fn take(
        &self,
        book: &mut Book<'_>,
        decided: &Decided<'_>,
        host: &Host<'_>,
    ) -> Result<Made, StoreError> {
        let recording = Recording {
            policy: self.policy,
            request: self.request,
            body: self.body,
            host,
            run: self.run,
            record: self.record,
            secret: self.secret,
        };
        let decision = &decided.decision;
        let facts = facts_to_json(decision, None);
        let ticket = note(book, decision, self.run, &facts, decided.now)?;
        let mut made = recording.take(decided);
        made.ticket = ticket;
        Ok(made)
    }
}

/// Decides requests that run together or not at all, also by what people answered about each.
pub(super) fn decide_together(
    book: &mut Book<'_>,
    steps: &[Step<'_>],
    now: Timestamp,
) -> Result<Vec<Made>, StoreError> {
    let nothing = vec![Vec::new(); steps.len()];
    let asked = with_hosts(steps, &nothing, &[]);
    let alone = attempt_together(book, steps, &asked, now)?;
    let decided = alone.look().iter().zip(steps);
    let found = decided.map(|(decided, step)| answered(book, &decided.decision, step.run));
    let found: Vec<Option<FoundTicket>> = found.collect::<Result<_, _>>()?;
    if found.iter().all(Option::is_none) {
        return put_together(book, steps, alone, &asked);
    }
    let tickets = || {
        found
            .iter()
            .map(|found| found.as_ref().map(|found| &found.ticket))
    };
    let answers: Vec<Vec<ApprovalRecord>> = tickets()
        .map(|ticket| ticket.map_or_else(Vec::new, |ticket| ticket.answers.clone()))
        .collect();
    let asked = with_hosts(steps, &answers, &[]);
    let with_answers = attempt_together(book, steps, &asked, now)?;
    let no: Vec<Option<&str>> = tickets()
        .map(|ticket| ticket.and_then(Ticket::rejected_by))
        .collect();
    let all = with_answers.look().iter();
    let is_denied = all.map(|decided| decided.decision.verdict).max() == Some(Verdict::Deny);
    if is_denied || no.iter().all(Option::is_none) {
        return put_together(book, steps, with_answers, &asked);
    }
    let asked = with_hosts(steps, &answers, &no);
    let refused = attempt_together(book, steps, &asked, now)?;
    put_together(book, steps, refused, &asked)
}

fn with_hosts<'h>(
    steps: &'h [Step<'_>],
    answers: &'h [Vec<ApprovalRecord>],
    no: &[Option<&'h str>],
) -> Vec<(&'h Request<'h>, Host<'h>)> {
    let each = steps.iter().zip(answers).enumerate();
    each.map(|(position, (step, approvals))| {
        let host = Host {
            request_id: step.request_id,
            approvals,
            rejected_by: no.get(position).copied().flatten(),
            ..Host::default()
        };
        (step.request, host)
    })
    .collect()
}

fn attempt_together<'h>(
    book: &Book<'_>,
    steps: &'h [Step<'_>],
    requests: &'h [(&'h Request<'h>, Host<'h>)],
    now: Timestamp,
) -> Result<Attempt<Vec<Decided<'h>>>, StoreError> {
    let Some(first) = steps.first() else {
        return Err(StoreError::Unreadable(
            "there is nothing to decide".to_owned(),
        ));
    };
    let asking = AskingBatch {
        policy: first.policy,
        requests,
        run: first.run,
    };
    asking.attempt(book.states(), now)
}

fn put_together(
    book: &mut Book<'_>,
    steps: &[Step<'_>],
    attempt: Attempt<Vec<Decided<'_>>>,
    asked: &[(&Request<'_>, Host<'_>)],
) -> Result<Vec<Made>, StoreError> {
    let decided = attempt.put(book.states())?.ok_or(StoreError::Contended)?;
    let each = steps.iter().zip(asked).zip(&decided);
    each.map(|((step, (_, host)), decided)| step.take(book, decided, host))
        .collect()
}
