//! What people are asked, what they answered, and what comes of it for a decision.

use std::sync::Arc;

use stage0_engine::decision::Decision;
use stage0_engine::policy::Verdict;
use stage0_engine::time::Timestamp;
use stage0_store::{
    FoundTicket, Looked, RunId, StoreError, Ticket, TicketError, TicketId, TicketStatus, Yes,
};
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_object::object;
use stage0_wire::parse_approval_token;
use stage0_wire::problem::Problem;

use super::{Service, now};
use crate::ledger::Book;
use crate::refusal::Refusal;

/// The ticket of what was decided about, if people have answered it and nothing came of that yet.
pub(super) fn answered(
    book: &Book<'_>,
    decision: &Decision<'_>,
    run: Option<&RunId>,
) -> Result<Option<FoundTicket>, StoreError> {
    // Nothing that people say lifts a DENY.
    if decision.verdict == Verdict::Deny || !book.has_tickets() {
        return Ok(None);
    }
    let id = TicketId::of(run, decision.call_id(), &decision.action_digest());
    let found = Ticket::find(book.states(), &id)?;
    Ok(found.filter(|found| {
        !found.ticket.answers.is_empty() && found.ticket.status != TicketStatus::Used
    }))
}

/// Whether there is a ticket of this name.
pub(super) fn is_known(book: &Book<'_>, id: &TicketId) -> Result<bool, StoreError> {
    Ok(book.has_tickets() && Ticket::find(book.states(), id)?.is_some())
}

/// Notes what a decision means for its ticket: that people are asked from here on, or that their answer was
/// used. The ticket that somebody has to look at.
pub(super) fn note(
    book: &mut Book<'_>,
    decision: &Decision<'_>,
    run: Option<&RunId>,
    facts: &str,
    now: Timestamp,
) -> Result<Option<TicketId>, StoreError> {
    let asked = Ticket::open(decision, run, facts, now);
    if asked.is_none() && !book.has_tickets() {
        return Ok(None);
    }
    let id = TicketId::of(run, decision.call_id(), &decision.action_digest());
    let found = Ticket::find(book.states(), &id)?;
    let version = found.as_ref().map(|found| found.version);
    let before = found.map(|found| found.ticket);
    let next = match (asked, before) {
        (None, Some(ticket)) => {
            let is_used =
                decision.verdict == Verdict::Allow && ticket.status == TicketStatus::Granted;
            if !is_used {
                return Ok(None);
            }
            Ticket {
                status: TicketStatus::Used,
                ..ticket
            }
        }
        (None, None) => return Ok(None),
        (Some(asked), Some(ticket)) => {
            let asks_the_same = asked.asks == ticket.asks || !ticket.answers.is_empty();
            // Whoever is being asked goes on being asked.
            if ticket.status_at(now) == TicketStatus::Pending && asks_the_same {
                return Ok(Some(id));
            }
            asked
        }
        (Some(asked), None) => asked,
    };
    let is_pending = next.status == TicketStatus::Pending;
    if !next.put(book.states(), version)? {
        return Err(StoreError::Contended);
    }
    book.note_ticket();
    Ok(is_pending.then_some(id))
}

/// A person's answer, as it comes from outside.
#[derive(Debug, Clone)]
pub(crate) enum PersonsAnswer {
    Yes(Yes),
    Signed(String),
    No {
        by: String,
        roles: Vec<String>,
        reason: Option<String>,
    },
}

/// Which tickets somebody wants to see.
#[derive(Debug, Clone, Default)]
pub(crate) struct TicketPage {
    pub(crate) status: Option<TicketStatus>,
    pub(crate) run: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl Service {
    /// Tickets, those that were changed longest ago first, as JSON.
    pub(crate) async fn tickets(self: &Arc<Self>, page: TicketPage) -> Result<String, Refusal> {
        let now = now()?;
        let tickets = self.look(|store| Ticket::list(store)).await?;
        let is_meant = |ticket: &&Ticket| {
            let is = |wanted: &Option<String>, own: Option<&str>| {
                wanted.as_deref().is_none_or(|wanted| Some(wanted) == own)
            };
            page.status
                .is_none_or(|status| status == ticket.status_at(now))
                && is(&page.run, ticket.run.as_deref())
                && is(&page.request_id, Some(&ticket.request_id))
        };
        let mut out = String::new();
        object(&mut out, |answer| {
            let meant = tickets.iter().filter(is_meant);
            answer.list("approvals", meant, |out, ticket| {
                out.push_str(&ticket.to_shown_json(now));
            });
        });
        Ok(out)
    }

    /// One ticket, as JSON.
    pub(crate) async fn ticket(self: &Arc<Self>, id: &str) -> Result<String, Refusal> {
        let wanted = ticket_id(id)?;
        let now = now()?;
        let found = self.look(move |store| Ticket::find(store, &wanted)).await?;
        let found = found.ok_or_else(|| unknown(id))?;
        Ok(found.ticket.to_shown_json(now))
    }

    /// The ticket of a request that was deferred, as JSON.
    pub(crate) async fn ticket_of(self: &Arc<Self>, request_id: String) -> Result<String, Refusal> {
        let now = now()?;
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
            let trace = super::outcome::trace_of(&found)?;
            let run = found.run.as_deref().and_then(|run| RunId::new(run).ok());
            let action = stage0_engine::digest::Digest::parse(&trace.action);
            let action = action.map_err(|_| super::outcome::damaged())?;
            let id = TicketId::of(run.as_ref(), trace.call.as_deref(), &action);
            Ok(Some(Ticket::find(store, &id)?))
        });
        match found.await? {
            None => Err(Refusal::NotFound(message)),
            Some(None) => Err(Refusal::Conflict(
                "This request does not wait for an approval".to_owned(),
            )),
            Some(Some(found)) => Ok(found.ticket.to_shown_json(now)),
        }
    }

    /// Takes a person's answer; the ticket after it, as JSON.
    pub(crate) async fn answer(&self, id: &str, answer: PersonsAnswer) -> Result<String, Refusal> {
        let wanted = ticket_id(id)?;
        let signed = match &answer {
            PersonsAnswer::Signed(token) => {
                Some(parse_approval_token(token).map_err(|reason| {
                    let message = format!("this is no signed approval: {reason}");
                    Problem::new(ProblemCode::TokenInvalid, message)
                })?)
            }
            PersonsAnswer::Yes(_) | PersonsAnswer::No { .. } => None,
        };
        let kept = self
            .ledger
            .write(move |book| {
                let now = now()?;
                let Some(FoundTicket {
                    mut ticket,
                    version,
                }) = Ticket::find(book.states(), &wanted)?
                else {
                    return Ok(None);
                };
                let taken = match (&answer, &signed) {
                    (PersonsAnswer::Yes(yes), _) => ticket.grant(yes, now),
                    (PersonsAnswer::No { by, roles, reason }, _) => {
                        ticket.reject(by, roles, reason.as_deref(), now)
                    }
                    (PersonsAnswer::Signed(_), Some(record)) => {
                        ticket.take_signed(record.clone(), now)
                    }
                    (PersonsAnswer::Signed(_), None) => Err(TicketError::Other),
                };
                if let Err(error) = taken {
                    return Ok(Some(Err(error)));
                }
                if !ticket.put(book.states(), Some(version))? {
                    return Err(StoreError::Contended);
                }
                Ok(Some(Ok(ticket.to_shown_json(now))))
            })
            .await;
        self.note(&kept);
        match kept? {
            None => Err(unknown(id)),
            Some(Ok(text)) => Ok(text),
            Some(Err(error @ (TicketError::Closed(_) | TicketError::Twice(_)))) => {
                Err(Refusal::Conflict(error.to_string()))
            }
            Some(Err(error)) => {
                Err(Problem::new(ProblemCode::AnswerRefused, error.to_string()).into())
            }
        }
    }
}

fn ticket_id(text: &str) -> Result<TicketId, Refusal> {
    TicketId::parse(text).ok_or_else(|| unknown(text))
}

fn unknown(id: &str) -> Refusal {
    Refusal::NotFound(format!("There is no approval `{id}`"))
}
