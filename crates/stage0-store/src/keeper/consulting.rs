//! A decision that is also made by what people answered about the same action, and leaves a ticket where it
//! has to wait for them.

use stage0_engine::decision::Decision;
use stage0_engine::host::Host;
use stage0_engine::policy::Verdict;
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;
use stage0_wire::{Policy, facts_to_json};

use super::asking::{Asking, Decided};
use super::attempt::Attempt;
use crate::error::StoreError;
use crate::key::RunId;
use crate::store::{Change, StateStore, To};
use crate::ticket::{Found, Ticket, TicketId, TicketStatus};

/// What is asked, of the policy and of people.
#[derive(Debug, Clone, Copy)]
pub struct Consulting<'q> {
    /// The policy that decides.
    pub policy: &'q Policy,
    /// The request, which the policy [admits](Policy::admit).
    pub request: &'q Request<'q>,
    /// What its host adds, without people's answers: those are found.
    pub host: Host<'q>,
    /// The run that it belongs to; without one, rules that ask for a run defer.
    pub run: Option<&'q RunId>,
    /// Whether there may be tickets. Whoever knows that there never was one saves a look.
    pub may_have_tickets: bool,
}

/// What was made of a decision, and whom it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consulted<T> {
    /// What was made of it.
    pub taken: T,
    /// The ticket that it waits for.
    pub ticket: Option<TicketId>,
}

impl Consulting<'_> {
    /// Decides with what is kept at this moment: alone, and where people have answered once more with their
    /// answers. A no stands, though no rule asks for a yes any more. `take` makes of the decision, and of what
    /// its host has added in the end, whatever outlives them. Tickets are kept together with the state.
    ///
    /// # Errors
    /// The state or the ticket could not be had.
    pub fn attempt<T>(
        &self,
        store: &dyn StateStore,
        now: Timestamp,
        take: impl FnOnce(&Decided<'_>, &Host<'_>) -> T,
    ) -> Result<Attempt<Consulted<T>>, StoreError> {
        let alone = self.asking(&self.host).attempt(store, now)?;
        let decision = &alone.look().decision;
        let found = find(store, decision, self.run, self.may_have_tickets)?;
        let Some(answered) = answered(found.as_ref(), decision, self.run) else {
            return Ok(self.finish(alone, found.as_ref(), &self.host, take));
        };
        let host = Host {
            approvals: &answered.answers,
            ..self.host
        };
        let with_answers = self.asking(&host).attempt(store, now)?;
        let is_denied = with_answers.look().decision.verdict == Verdict::Deny;
        let rejected_by = answered.rejected_by().filter(|_| !is_denied);
        if rejected_by.is_none() {
            return Ok(self.finish(with_answers, found.as_ref(), &host, take));
        }
        let host = Host {
            rejected_by,
            ..host
        };
        let refused = self.asking(&host).attempt(store, now)?;
        Ok(self.finish(refused, found.as_ref(), &host, take))
    }

    fn asking<'h>(&'h self, host: &'h Host<'h>) -> Asking<'h> {
        Asking {
            policy: self.policy,
            request: self.request,
            host,
            run: self.run,
        }
    }

    fn finish<T>(
        &self,
        attempt: Attempt<Decided<'_>>,
        found: Option<&Found>,
        host: &Host<'_>,
        take: impl FnOnce(&Decided<'_>, &Host<'_>) -> T,
    ) -> Attempt<Consulted<T>> {
        let Decided { decision, now, .. } = attempt.look();
        let (ticket, change) = noted(found, decision, self.run, *now);
        let attempt = attempt.map(|decided| take(&decided, host));
        attempt
            .with(change)
            .map(|taken| Consulted { taken, ticket })
    }
}

/// The ticket of what was decided about. Nothing that people say lifts a DENY, so it has none.
pub(super) fn find(
    store: &dyn StateStore,
    decision: &Decision<'_>,
    run: Option<&RunId>,
    may_have_tickets: bool,
) -> Result<Option<Found>, StoreError> {
    if decision.verdict == Verdict::Deny || !may_have_tickets {
        return Ok(None);
    }
    let id = TicketId::of(run, decision.call_id(), &decision.action_digest());
    Ticket::find(store, &id)
}

/// The ticket, if people have answered it and their answers may still count.
pub(super) fn answered<'f>(
    found: Option<&'f Found>,
    decision: &Decision<'_>,
    run: Option<&RunId>,
) -> Option<&'f Ticket> {
    let ticket = &found?.ticket;
    // A run knows which of its calls was allowed, and that asking about it again is no further use.
    let is_known_call = run.is_some() && decision.call_id().is_some();
    let may_count = ticket.status != TicketStatus::Used || is_known_call;
    (may_count && !ticket.answers.is_empty()).then_some(ticket)
}

/// What a decision means for its ticket: that people are asked from here on, or that their answer was used.
/// The ticket that somebody has to look at, and what becomes of its row.
pub(super) fn noted(
    found: Option<&Found>,
    decision: &Decision<'_>,
    run: Option<&RunId>,
    now: Timestamp,
) -> (Option<TicketId>, Option<Change>) {
    let version = found.map(|found| found.version);
    let before = found.map(|found| &found.ticket);
    let same = before.map(|ticket| Change {
        key: ticket.key(),
        from: version,
        to: To::Same,
    });
    let asked = match decision.verdict {
        // What people see of a request is without what the policy redacts.
        Verdict::Defer => Ticket::open(decision, run, &facts_to_json(decision, None), now),
        Verdict::Allow | Verdict::Deny => None,
    };
    let next = match (asked, before) {
        (None, Some(ticket))
            if decision.verdict == Verdict::Allow && ticket.status == TicketStatus::Granted =>
        {
            Ticket {
                status: TicketStatus::Used,
                ..ticket.clone()
            }
        }
        (None, _) => return (None, same),
        (Some(asked), Some(ticket)) => {
            let asks_the_same = asked.asks == ticket.asks || !ticket.answers.is_empty();
            // Whoever is being asked goes on being asked.
            if ticket.status_at(now) == TicketStatus::Pending && asks_the_same {
                return (Some(asked.id), same);
            }
            asked
        }
        (Some(asked), None) => asked,
    };
    let waits_for = (next.status == TicketStatus::Pending).then(|| next.id.clone());
    (waits_for, Some(next.change(version)))
}
