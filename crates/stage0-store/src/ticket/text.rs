//! A ticket's canonical text: what is kept of it, and what is shown.

use stage0_engine::canonical::write_value;
use stage0_engine::digest::Digest;
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::number::Number;
use stage0_engine::time::Timestamp;
use stage0_wire::json_object::{Object, object};
use stage0_wire::strict_json::{JsonLimits, parse};
use stage0_wire::{approvals_to_json, parse_approvals};

use super::{Ask, Ticket, TicketId, TicketStatus};
use crate::error::StoreError;
use crate::limits::TICKET_BYTES_MAX;

const LIMITS: JsonLimits = JsonLimits {
    bytes_max: TICKET_BYTES_MAX,
    depth_max: 80,
    nodes_max: 400_000,
};

impl Ticket {
    /// Its canonical text, answers and all.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        object(&mut out, |ticket| {
            self.write(ticket, self.status);
            ticket.plain("answers", approvals_to_json(&self.answers));
        });
        out
    }

    /// What people are shown of it at this time.
    pub fn to_shown_json(&self, now: Timestamp) -> String {
        let mut out = String::new();
        object(&mut out, |ticket| {
            self.write(ticket, self.status_at(now));
            ticket.list("answers", &self.answers, |out, record| {
                object(out, |answer| {
                    answer.text("by", &record.by);
                    answer.texts("roles", &record.roles);
                    answer.text("rule", &record.rule);
                    answer.text("answer", word_of(record.answer));
                    answer.text("at", &record.issued_at.to_string());
                });
            });
        });
        out
    }

    fn write(&self, ticket: &mut Object<'_>, status: TicketStatus) {
        ticket.text("id", self.id.as_str());
        ticket.text("status", status.as_str());
        ticket.text("request_id", &self.request_id);
        ticket.optional("run_id", self.run.as_deref());
        ticket.optional("call_id", self.call.as_deref());
        ticket.texts("tools", &self.tools);
        ticket.text("action_digest", &self.action.to_hex());
        ticket.text("policy_version", &self.policy_version);
        ticket.text("policy_digest", &self.policy_digest.to_hex());
        ticket.text("reason", &self.reason);
        ticket.texts("questions", &self.questions);
        ticket.list("asks", &self.asks, |out, ask| {
            object(out, |entry| {
                entry.text("rule", &ask.rule);
                entry.text("terms", &ask.terms.to_hex());
                entry.text("action", &ask.action.to_hex());
                entry.texts("roles", &ask.roles);
                entry.plain("people", ask.people);
                entry.text("message", &ask.message);
            });
        });
        ticket.plain("facts", &self.facts);
        ticket.text("opened_at", &self.opened_at.to_string());
        ticket.text("expires_at", &self.expires_at.to_string());
        ticket.texts("remarks", &self.remarks);
    }

    /// Reads what was kept.
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let damaged = || StoreError::Damaged("a ticket is not what was kept".to_owned());
        let document = parse(text.as_bytes(), &LIMITS).map_err(|_| damaged())?;
        read(document.root()).ok_or_else(damaged)
    }
}

fn word_of(answer: stage0_engine::host::Answer) -> &'static str {
    use stage0_engine::host::Answer;
    match answer {
        Answer::Approved => "approved",
        Answer::Rejected => "rejected",
        Answer::Pending => "pending",
    }
}

fn read(root: ValueRef<'_>) -> Option<Ticket> {
    let text = |key: &str| root.get(key)?.as_str().map(str::to_owned);
    let digest = |key: &str| Digest::parse(root.get(key)?.as_str()?).ok();
    let time = |key: &str| Timestamp::parse(root.get(key)?.as_str()?).ok();
    let texts = |key: &str| texts(root.get(key)?);
    let asks = root
        .get("asks")?
        .elements()
        .map(read_ask)
        .collect::<Option<_>>()?;
    let mut facts = String::new();
    write_value(&mut facts, root.get("facts")?);
    let mut answers = String::new();
    write_value(&mut answers, root.get("answers")?);
    Some(Ticket {
        id: TicketId::parse(&text("id")?)?,
        status: TicketStatus::parse(&text("status")?)?,
        request_id: text("request_id")?,
        run: text("run_id"),
        call: text("call_id"),
        tools: texts("tools")?,
        action: digest("action_digest")?,
        policy_version: text("policy_version")?,
        policy_digest: digest("policy_digest")?,
        reason: text("reason")?,
        questions: texts("questions")?,
        asks,
        facts,
        opened_at: time("opened_at")?,
        expires_at: time("expires_at")?,
        answers: parse_approvals("answers", answers.as_bytes()).ok()?,
        remarks: texts("remarks")?,
    })
}

fn texts(list: ValueRef<'_>) -> Option<Vec<String>> {
    let texts = list.elements().map(|text| text.as_str().map(str::to_owned));
    (list.kind() == Kind::List).then(|| texts.collect())?
}

fn read_ask(ask: ValueRef<'_>) -> Option<Ask> {
    let text = |key: &str| ask.get(key)?.as_str().map(str::to_owned);
    let digest = |key: &str| Digest::parse(ask.get(key)?.as_str()?).ok();
    let people = ask.get("people")?.as_number().and_then(Number::to_i64)?;
    Some(Ask {
        rule: text("rule")?,
        terms: digest("terms")?,
        action: digest("action")?,
        roles: texts(ask.get("roles")?)?,
        people: u32::try_from(people).ok()?,
        message: text("message")?,
    })
}
