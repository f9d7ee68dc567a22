//! Tickets: what people are asked about one action, and what they answered.
//!
//! A decision that waits for a person leaves a ticket, under a name that follows from the run, the call and the
//! action, so that asking twice asks once. Answers are collected here and handed to the next decision about the
//! same action as [`Host::approvals`](stage0_engine::host::Host::approvals): whether they are enough, fit and
//! still count is decided by the engine alone. A no stands, whatever a policy says later.

mod answer;
mod text;

use std::fmt;

use stage0_engine::decision::{Decision, Detail, Needs};
use stage0_engine::digest::Digest;
use stage0_engine::host::ApprovalRecord;
use stage0_engine::policy::Verdict;
use stage0_engine::time::{Duration, Timestamp};

pub use self::answer::{PersonsAnswer, TicketError, Yes};
use crate::error::StoreError;
use crate::key::{Key, RunId};
use crate::limits::{TICKET_KEPT_MS, TICKET_PENDING_MS, TICKETS_MAX};
use crate::parts::find_one;
use crate::store::{Change, Row, StateStore, To};

/// What a ticket goes by: digits that follow from what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId(Box<str>);

impl TicketId {
    /// The ticket of this action of a call of a run. A call without an id is known by its action.
    pub fn of(run: Option<&RunId>, call: Option<&str>, action: &Digest) -> Self {
        const DIGITS: usize = 24;
        let mut named = action.to_hex().into_bytes();
        for part in [run.map_or("", RunId::as_str), call.unwrap_or("")] {
            named.push(b'\n');
            // Names have no line breaks.
            named.extend_from_slice(part.as_bytes());
        }
        let digest = Digest::of(&named).to_hex();
        Self(digest.get(..DIGITS).unwrap_or(&digest).into())
    }

    /// The one that somebody names; nothing where the text is no such name.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 24 && text.bytes().all(is_digit)).then(|| Self(text.into()))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How it stands with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TicketStatus {
    /// Somebody is asked.
    Pending,
    /// As many people as were asked for have said yes.
    Granted,
    /// Somebody has said no.
    Rejected,
    /// The action was allowed because of it.
    Used,
    /// Nobody answered in time.
    Expired,
}

impl TicketStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Granted,
        Self::Rejected,
        Self::Used,
        Self::Expired,
    ];

    /// `pending`, `granted`, `rejected`, `used` or `expired`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Granted => "granted",
            Self::Rejected => "rejected",
            Self::Used => "used",
            Self::Expired => "expired",
        }
    }

    /// The one that goes by this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What one rule asks people for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The rule, as `pack/id`.
    pub rule: String,
    /// Digest of what it demands of an approval.
    pub terms: Digest,
    /// Digest of what the approval is bound to.
    pub action: Digest,
    /// Roles of which an approver has to have one; any will do if there is none.
    pub roles: Vec<String>,
    /// How many people have to say yes.
    pub people: u32,
    /// What the issue says.
    pub message: String,
}

/// What people are asked about one action, and what they answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What it goes by.
    pub id: TicketId,
    /// How it stood when it was kept; see [`status_at`](Self::status_at).
    pub status: TicketStatus,
    /// The request that asked first.
    pub request_id: String,
    /// The run.
    pub run: Option<String>,
    /// The id of the call, where it has one.
    pub call: Option<String>,
    /// The tools, as the request named them.
    pub tools: Vec<String>,
    /// Digest of the action.
    pub action: Digest,
    /// `name@version` of the policy that asked.
    pub policy_version: String,
    /// Its digest.
    pub policy_digest: Digest,
    /// Why it was deferred.
    pub reason: String,
    /// What people are asked.
    pub questions: Vec<String>,
    /// What rules ask for.
    pub asks: Vec<Ask>,
    /// The facts that the decision read, as one JSON object, without what the policy redacts.
    pub facts: String,
    /// When it was asked.
    pub opened_at: Timestamp,
    /// When it is given up.
    pub expires_at: Timestamp,
    /// What people answered.
    pub answers: Vec<ApprovalRecord>,
    /// What those said who gave a reason, in the order of their answers.
    pub remarks: Vec<String>,
}

impl Ticket {
    /// The ticket of a decision that waits for people, and for nothing else that could be had; nothing
    /// where it does not. `facts` is what of the request may be shown.
    pub fn open(
        decision: &Decision<'_>,
        run: Option<&RunId>,
        facts: &str,
        now: Timestamp,
    ) -> Option<Self> {
        if decision.verdict != Verdict::Defer {
            return None;
        }
        let asks: Vec<Ask> = decision.issues.iter().filter_map(ask).collect();
        if asks.is_empty() {
            return None;
        }
        let action = decision.action_digest();
        let pending = Duration::from_ms(TICKET_PENDING_MS).unwrap_or(Duration::ZERO);
        Some(Self {
            id: TicketId::of(run, decision.call_id(), &action),
            status: TicketStatus::Pending,
            request_id: decision.request_id.to_owned(),
            run: run.map(|run| run.as_str().to_owned()),
            call: decision.call_id().map(str::to_owned),
            tools: decision
                .tool_verdicts
                .iter()
                .map(|tool| tool.name.clone().into_owned())
                .collect(),
            action,
            policy_version: decision.policy_version().to_owned(),
            policy_digest: decision.policy_digest(),
            reason: decision.reason(),
            questions: decision
                .questions
                .iter()
                .map(|question| question.clone().into_owned())
                .collect(),
            asks,
            facts: facts.to_owned(),
            opened_at: now,
            expires_at: now.checked_add(pending).unwrap_or(Timestamp::MAX),
            answers: Vec::new(),
            remarks: Vec::new(),
        })
    }

    /// How it stands at this time.
    pub fn status_at(&self, now: Timestamp) -> TicketStatus {
        match self.status {
            TicketStatus::Pending if self.expires_at <= now => TicketStatus::Expired,
            status => status,
        }
    }

    /// Who said no, if somebody did.
    pub fn rejected_by(&self) -> Option<&str> {
        use stage0_engine::host::Answer;
        let no = self
            .answers
            .iter()
            .find(|record| record.answer == Answer::Rejected);
        no.map(|record| record.by.as_str())
    }

    /// The ticket of this name.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn find(store: &dyn StateStore, id: &TicketId) -> Result<Option<Found>, StoreError> {
        let key = Key::Ticket(id.clone());
        let Some(kept) = find_one(store, key)?.kept else {
            return Ok(None);
        };
        Ok(Some(Found {
            ticket: Self::parse(&kept.row.text)?,
            version: kept.version,
        }))
    }

    /// Tickets, those that were changed longest ago first.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn list(store: &dyn StateStore) -> Result<Vec<Self>, StoreError> {
        let kept = store.tickets(TICKETS_MAX)?;
        kept.iter()
            .map(|kept| Self::parse(&kept.row.text))
            .collect()
    }

    /// Keeps it, if what is there is still what was found; whether it is kept.
    ///
    /// # Errors
    /// It cannot be kept.
    pub fn put(&self, store: &dyn StateStore, found: Option<u64>) -> Result<bool, StoreError> {
        store.swap(&[self.change(found)])
    }

    /// What becomes of its row.
    pub(crate) fn change(&self, found: Option<u64>) -> Change {
        let kept = Duration::from_ms(TICKET_KEPT_MS).unwrap_or(Duration::ZERO);
        let row = Row {
            text: self.to_json(),
            until: self.expires_at.checked_add(kept).ok(),
        };
        Change {
            key: self.key(),
            from: found,
            to: To::Row(row),
        }
    }

    /// What its row is called.
    pub(crate) fn key(&self) -> Key {
        Key::Ticket(self.id.clone())
    }
}

/// A ticket as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The ticket.
    pub ticket: Ticket,
    /// What tells it from what it will be.
    pub version: u64,
}

/// What an issue asks people for, if it does.
fn ask(issue: &stage0_engine::decision::Issue<'_>) -> Option<Ask> {
    let resolution = issue.resolution.as_ref()?;
    if resolution.needs != Needs::Approval {
        return None;
    }
    let digest = |name: &str| {
        let detail = issue.details.iter().find(|(detail, _)| *detail == name);
        match detail {
            Some((_, Detail::Text(text))) => Digest::parse(text).ok(),
            _ => None,
        }
    };
    Some(Ask {
        rule: issue.rule.to_owned(),
        terms: digest("terms")?,
        action: digest("action")?,
        roles: resolution.roles.clone(),
        people: resolution.approvals.max(1),
        message: issue.message.clone().into_owned(),
    })
}
