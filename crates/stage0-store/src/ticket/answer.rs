//! People's answers to a ticket.

use std::collections::BTreeSet;
use std::fmt;

use stage0_engine::host::{Answer, ApprovalRecord, Proof};
use stage0_engine::legible::is_hidden;
use stage0_engine::time::Timestamp;

use super::{Ticket, TicketStatus};
use crate::limits::{ANSWER_TEXT_BYTES_MAX, TICKET_ANSWERS_MAX};

/// Why an answer is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketError {
    /// It was answered, used or given up.
    Closed(TicketStatus),
    /// The same person has answered.
    Twice(String),
    /// The person has none of these roles.
    Role(Vec<String>),
    /// More answers than a ticket takes.
    TooMany,
    /// A name or a reason is empty, too long, or has characters that nobody sees.
    Text(&'static str),
    /// A signed answer is to another question: none that this ticket asks.
    Other,
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(status) => {
                write!(f, "nobody is asked any more: it is {}", status.as_str())
            }
            Self::Twice(by) => write!(f, "`{by}` has answered before"),
            Self::Role(roles) => write!(
                f,
                "this takes somebody with the role {}",
                roles.join(" or ")
            ),
            Self::TooMany => write!(f, "a ticket takes at most {TICKET_ANSWERS_MAX} answers"),
            Self::Text(what) => {
                write!(
                    f,
                    "`{what}` has 1 to {ANSWER_TEXT_BYTES_MAX} bytes and no invisible characters"
                )
            }
            Self::Other => f.write_str("what was signed answers another question"),
        }
    }
}

impl std::error::Error for TicketError {}

/// A person's yes, by the word of whoever asked the person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Yes {
    /// Who.
    pub by: String,
    /// The person's roles.
    pub roles: Vec<String>,
    /// Why, if the person said so.
    pub reason: Option<String>,
    /// When it ends, if before what the rule says.
    pub expires_at: Option<Timestamp>,
}

/// A person's answer, as it comes from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonsAnswer {
    /// Yes, by the word of whoever asked.
    Yes(Yes),
    /// No, by the word of whoever asked.
    No {
        /// Who.
        by: String,
        /// The person's roles.
        roles: Vec<String>,
        /// Why, if the person said so.
        reason: Option<String>,
    },
    /// What the person signed.
    Signed(ApprovalRecord),
}

impl Ticket {
    /// Takes a person's answer.
    ///
    /// # Errors
    /// It is not taken; nothing has changed.
    pub fn answer(&mut self, answer: &PersonsAnswer, now: Timestamp) -> Result<(), TicketError> {
        match answer {
            PersonsAnswer::Yes(yes) => self.grant(yes, now),
            PersonsAnswer::No { by, roles, reason } => {
                self.reject(by, roles, reason.as_deref(), now)
            }
            PersonsAnswer::Signed(record) => self.take_signed(record.clone(), now),
        }
    }

    /// Takes a person's yes to everything that is asked.
    ///
    /// # Errors
    /// It is not taken; nothing has changed.
    pub fn grant(&mut self, yes: &Yes, now: Timestamp) -> Result<(), TicketError> {
        self.check(&yes.by, yes.reason.as_deref(), now)?;
        for role in &yes.roles {
            check_text("roles", role)?;
        }
        let lacks = self.asks.iter().find(|ask| {
            !ask.roles.is_empty() && !ask.roles.iter().any(|role| yes.roles.contains(role))
        });
        if let Some(ask) = lacks {
            return Err(TicketError::Role(ask.roles.clone()));
        }
        let records = self.records(Answer::Approved, &yes.by, &yes.roles, yes.expires_at, now);
        self.take(records, yes.reason.as_deref());
        Ok(())
    }

    /// Takes a person's no. One is enough.
    ///
    /// # Errors
    /// It is not taken; nothing has changed.
    pub fn reject(
        &mut self,
        by: &str,
        roles: &[String],
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), TicketError> {
        // Whoever said yes may think better of it, as long as nothing came of it.
        let is_open = matches!(
            self.status_at(now),
            TicketStatus::Pending | TicketStatus::Granted
        );
        if !is_open {
            return Err(TicketError::Closed(self.status_at(now)));
        }
        check_text("by", by)?;
        if let Some(reason) = reason {
            check_text("reason", reason)?;
        }
        let records = self.records(Answer::Rejected, by, roles, None, now);
        self.take(records, reason);
        self.status = TicketStatus::Rejected;
        Ok(())
    }

    /// Takes an answer that somebody signed. Whether the signature holds is decided with the next decision.
    ///
    /// # Errors
    /// It is not taken; nothing has changed.
    pub fn take_signed(
        &mut self,
        record: ApprovalRecord,
        now: Timestamp,
    ) -> Result<(), TicketError> {
        let is_asked = self.asks.iter().any(|ask| {
            ask.rule == record.rule && ask.terms == record.terms && ask.action == record.action
        });
        if !is_asked {
            return Err(TicketError::Other);
        }
        let status = self.status_at(now);
        if !matches!(status, TicketStatus::Pending | TicketStatus::Granted) {
            return Err(TicketError::Closed(status));
        }
        if self.answers.len() >= TICKET_ANSWERS_MAX {
            return Err(TicketError::TooMany);
        }
        if self.answers.contains(&record) {
            return Err(TicketError::Twice(record.by));
        }
        self.take(vec![record], None);
        Ok(())
    }

    fn check(&self, by: &str, reason: Option<&str>, now: Timestamp) -> Result<(), TicketError> {
        let status = self.status_at(now);
        if status != TicketStatus::Pending {
            return Err(TicketError::Closed(status));
        }
        check_text("by", by)?;
        if let Some(reason) = reason {
            check_text("reason", reason)?;
        }
        let is_same = |record: &&ApprovalRecord| record.by.to_lowercase() == by.to_lowercase();
        if self.answers.iter().any(|record| is_same(&record)) {
            return Err(TicketError::Twice(by.to_owned()));
        }
        if self.answers.len().saturating_add(self.asks.len()) > TICKET_ANSWERS_MAX {
            return Err(TicketError::TooMany);
        }
        Ok(())
    }

    fn records(
        &self,
        answer: Answer,
        by: &str,
        roles: &[String],
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Vec<ApprovalRecord> {
        let first = self.answers.len();
        let asks = self.asks.iter().enumerate();
        let record = |(position, ask): (usize, &super::Ask)| ApprovalRecord {
            // Asked anew, an action has other records: each counts once.
            id: format!(
                "{}-{}-{}",
                self.id,
                self.opened_at.to_ms(),
                first.saturating_add(position)
            ),
            answer,
            by: by.to_owned(),
            roles: roles.to_vec(),
            rule: ask.rule.clone(),
            terms: ask.terms,
            action: ask.action,
            issued_at: now,
            expires_at,
            proof: Proof::Host,
        };
        asks.map(record).collect()
    }

    fn take(&mut self, records: Vec<ApprovalRecord>, reason: Option<&str>) {
        self.answers.extend(records);
        self.remarks.extend(reason.map(str::to_owned));
        let is_enough = |ask: &super::Ask| {
            let people: BTreeSet<String> = self
                .answers
                .iter()
                .filter(|record| record.rule == ask.rule && record.answer == Answer::Approved)
                .map(|record| record.by.to_lowercase())
                .collect();
            u32::try_from(people.len()).unwrap_or(u32::MAX) >= ask.people
        };
        let says_no = self.rejected_by().is_some();
        if says_no {
            self.status = TicketStatus::Rejected;
        } else if self.asks.iter().all(is_enough) {
            self.status = TicketStatus::Granted;
        }
    }
}

fn check_text(what: &'static str, text: &str) -> Result<(), TicketError> {
    let is_bounded = (1..=ANSWER_TEXT_BYTES_MAX).contains(&text.len());
    let is_seen =
        |character: char| !is_hidden(character) || (what == "reason" && character == '\n');
    if is_bounded && text.chars().all(is_seen) && !text.trim().is_empty() {
        Ok(())
    } else {
        Err(TicketError::Text(what))
    }
}
