//! Calls that run together or not at all, decided also by what people answered about each.

use stage0_engine::host::{ApprovalRecord, Host};
use stage0_engine::policy::Verdict;
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;
use stage0_wire::Policy;

use super::asking::Decided;
use super::attempt::Attempt;
use super::batch::AskingBatch;
use super::consulting::{Consulted, answered, find, noted};
use crate::error::StoreError;
use crate::key::RunId;
use crate::store::{Change, StateStore};
use crate::ticket::{Found, Ticket};

/// Calls that run together or not at all, as the policy and people are asked.
#[derive(Debug, Clone, Copy)]
pub struct ConsultingBatch<'q> {
    /// The policy that decides.
    pub policy: &'q Policy,
    /// The requests, which the policy [admits](Policy::admit), each with what its host adds, without people's
    /// answers.
    pub requests: &'q [(&'q Request<'q>, Host<'q>)],
    /// The run that they belong to; without one, rules that ask for a run defer.
    pub run: Option<&'q RunId>,
    /// Whether there may be tickets. Whoever knows that there never was one saves a look.
    pub may_have_tickets: bool,
}

impl ConsultingBatch<'_> {
    /// Decides with what is kept at this moment, as [`Consulting::attempt`](super::Consulting::attempt) does
    /// for one call. `take` is told the position of each.
    ///
    /// # Errors
    /// The state or a ticket could not be had.
    pub fn attempt<T>(
        &self,
        store: &dyn StateStore,
        now: Timestamp,
        take: impl FnMut(usize, &Decided<'_>, &Host<'_>) -> T,
    ) -> Result<Attempt<Vec<Consulted<T>>>, StoreError> {
        let alone = self.ask(self.requests, store, now)?;
        let looks = alone
            .look()
            .iter()
            .map(|decided| find(store, &decided.decision, self.run, self.may_have_tickets));
        let found: Vec<Option<Found>> = looks.collect::<Result<_, _>>()?;
        let each = found.iter().zip(alone.look());
        let tickets: Vec<Option<&Ticket>> = each
            .map(|(found, decided)| answered(found.as_ref(), &decided.decision, self.run))
            .collect();
        if tickets.iter().all(Option::is_none) {
            return Ok(self.finish(alone, &found, self.requests, take));
        }
        let answers: Vec<Vec<ApprovalRecord>> = tickets
            .iter()
            .map(|ticket| ticket.map_or_else(Vec::new, |ticket| ticket.answers.clone()))
            .collect();
        let asked = self.with(&answers, &vec![None; answers.len()]);
        let with_answers = self.ask(&asked, store, now)?;
        let all = with_answers.look().iter();
        let strictest = all.map(|decided| decided.decision.verdict).max();
        let no: Vec<Option<&str>> = tickets
            .iter()
            .map(|ticket| ticket.and_then(Ticket::rejected_by))
            .collect();
        if strictest == Some(Verdict::Deny) || no.iter().all(Option::is_none) {
            return Ok(self.finish(with_answers, &found, &asked, take));
        }
        let asked = self.with(&answers, &no);
        let refused = self.ask(&asked, store, now)?;
        Ok(self.finish(refused, &found, &asked, take))
    }

    fn ask<'h>(
        &'h self,
        requests: &'h [(&'h Request<'h>, Host<'h>)],
        store: &dyn StateStore,
        now: Timestamp,
    ) -> Result<Attempt<Vec<Decided<'h>>>, StoreError> {
        let asking = AskingBatch {
            policy: self.policy,
            requests,
            run: self.run,
        };
        asking.attempt(store, now)
    }

    /// The requests with what people said about each.
    fn with<'h>(
        &'h self,
        answers: &'h [Vec<ApprovalRecord>],
        no: &[Option<&'h str>],
    ) -> Vec<(&'h Request<'h>, Host<'h>)> {
        let each = self.requests.iter().zip(answers).zip(no);
        each.map(|(((request, host), approvals), rejected_by)| {
            let host = Host {
                approvals,
                rejected_by: *rejected_by,
                ..*host
            };
            (*request, host)
        })
        .collect()
    }

    fn finish<T>(
        &self,
        attempt: Attempt<Vec<Decided<'_>>>,
        found: &[Option<Found>],
        asked: &[(&Request<'_>, Host<'_>)],
        mut take: impl FnMut(usize, &Decided<'_>, &Host<'_>) -> T,
    ) -> Attempt<Vec<Consulted<T>>> {
        let mut changes: Vec<Change> = Vec::new();
        let mut tickets = Vec::with_capacity(found.len());
        for (decided, found) in attempt.look().iter().zip(found) {
            let Decided { decision, now, .. } = decided;
            let (ticket, change) = noted(found.as_ref(), decision, self.run, *now);
            tickets.push(ticket);
            // Calls that are the same one have one ticket.
            let is_new = |change: &Change| changes.iter().all(|known| known.key != change.key);
            changes.extend(change.filter(is_new));
        }
        let taken = attempt.map(|all| {
            let each = all.iter().zip(asked).zip(tickets).enumerate();
            each.map(|(position, ((decided, (_, host)), ticket))| Consulted {
                taken: take(position, decided, host),
                ticket,
            })
            .collect()
        });
        taken.with(changes)
    }
}
