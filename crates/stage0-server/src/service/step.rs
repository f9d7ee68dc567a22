//! Deciding with what is kept, and with what people answered: one request, or several that run together.

use stage0_engine::host::Host;
use stage0_engine::policy::Mode;
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;
use stage0_store::{Consulted, Consulting, ConsultingBatch, Decided, RunId, StoreError};
use stage0_wire::{Policy, REDACTION_SECRET_BYTES};

use super::Record;
use super::made::{Made, Recording};
use crate::ledger::Book;

/// One request that is decided with what is kept.
pub(super) struct Step<'s> {
    pub(super) policy: &'s Policy,
    pub(super) request: &'s Request<'s>,
    pub(super) body: &'s [u8],
    pub(super) request_id: &'s str,
    /// What the operator says.
    pub(super) mode: Mode,
    pub(super) run: Option<&'s RunId>,
    pub(super) record: Record,
    pub(super) secret: &'s [u8; REDACTION_SECRET_BYTES],
}

impl<'s> Step<'s> {
    /// Decides, also by what people answered about the same action; where it has to wait for people, they
    /// are asked.
    pub(super) fn decide(&self, book: &mut Book<'_>, now: Timestamp) -> Result<Made, StoreError> {
        let consulting = Consulting {
            policy: self.policy,
            request: self.request,
            host: self.host(),
            run: self.run,
            may_have_tickets: book.has_tickets(),
        };
        let take = |decided: &Decided<'_>, host: &Host<'_>| self.take(decided, host);
        let attempt = consulting.attempt(book.states(), now, take)?;
        // Nobody else writes, so nobody was faster.
        let consulted = attempt.put(book.states())?.ok_or(StoreError::Contended)?;
        Ok(noted(book, consulted))
    }

    fn host(&self) -> Host<'s> {
        Host {
            request_id: self.request_id,
            mode: self.mode,
            ..Host::default()
        }
    }

    /// Takes down what was decided.
    fn take(&self, decided: &Decided<'_>, host: &Host<'_>) -> Made {
        let recording = Recording {
            policy: self.policy,
            request: self.request,
            body: self.body,
            host,
            run: self.run,
            record: self.record,
            secret: self.secret,
        };
        recording.take(decided)
    }
}

/// Decides requests that run together or not at all, also by what people answered about each.
pub(super) fn decide_together(
    book: &mut Book<'_>,
    steps: &[Step<'_>],
    now: Timestamp,
) -> Result<Vec<Made>, StoreError> {
    let Some(first) = steps.first() else {
        return Err(StoreError::Unreadable(
            "there is nothing to decide".to_owned(),
        ));
    };
    let requests: Vec<(&Request<'_>, Host<'_>)> = steps
        .iter()
        .map(|step| (step.request, step.host()))
        .collect();
    let consulting = ConsultingBatch {
        policy: first.policy,
        requests: &requests,
        run: first.run,
        may_have_tickets: book.has_tickets(),
    };
    let take = |position: usize, decided: &Decided<'_>, host: &Host<'_>| {
        steps.get(position).map(|step| step.take(decided, host))
    };
    let attempt = consulting.attempt(book.states(), now, take)?;
    let consulted = attempt.put(book.states())?.ok_or(StoreError::Contended)?;
    let made = consulted
        .into_iter()
        .filter_map(|Consulted { taken, ticket }| {
            let taken = taken?;
            Some(noted(book, Consulted { taken, ticket }))
        });
    Ok(made.collect())
}

/// The decision with the ticket that it waits for, which the book knows of from here on.
fn noted(book: &mut Book<'_>, consulted: Consulted<Made>) -> Made {
    if consulted.ticket.is_some() {
        book.note_ticket();
    }
    let mut made = consulted.taken;
    made.ticket = consulted.ticket;
    made
}
