//! What people are asked, what they answered, and what comes of it for a decision.

use std::sync::Arc;

use stage0_store::{
    FoundTicket, Looked, PersonsAnswer, RunId, StoreError, Ticket, TicketError, TicketId,
    TicketStatus,
};
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_object::object;
use stage0_wire::parse_approval_token;
use stage0_wire::problem::Problem;

use super::Service;
use crate::ledger::Book;
use crate::refusal::Refusal;

/// Whether there is a ticket of this name.
pub(super) fn is_known(book: &Book<'_>, id: &TicketId) -> Result<bool, StoreError> {
    Ok(book.has_tickets() && Ticket::find(book.states(), id)?.is_some())
}

/// A person's answer, as it comes from outside.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Said(PersonsAnswer),
    Signed(String),
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
        let now = self.now()?;
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
        let now = self.now()?;
        let found = self.look(move |store| Ticket::find(store, &wanted)).await?;
        let found = found.ok_or_else(|| unknown(id))?;
        Ok(found.ticket.to_shown_json(now))
    }

    /// The ticket of a request that was deferred, as JSON.
    pub(crate) async fn ticket_of(self: &Arc<Self>, request_id: String) -> Result<String, Refusal> {
        let now = self.now()?;
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
    pub(crate) async fn answer(&self, id: &str, reply: Reply) -> Result<String, Refusal> {
        let wanted = ticket_id(id)?;
        let answer = match reply {
            Reply::Said(answer) => answer,
            Reply::Signed(token) => {
                PersonsAnswer::Signed(parse_approval_token(&token).map_err(|reason| {
                    let message = format!("this is no signed approval: {reason}");
                    Problem::new(ProblemCode::TokenInvalid, message)
                })?)
            }
        };
        let kept = self
            .ledger
            .write(move |book| {
                let now = book.now()?;
                let Some(FoundTicket {
                    mut ticket,
                    version,
                }) = Ticket::find(book.states(), &wanted)?
                else {
                    return Ok(None);
                };
                if let Err(error) = ticket.answer(&answer, now) {
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
