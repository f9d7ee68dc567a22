//! Whether the approval that a rule asks for is there.
//!
//! An approval is evidence, never an override: it satisfies the rule that asked and nothing else, and
//! the whole decision is made anew. It fits one action, under one rule's terms, for a time, by people
//! who may approve. What is wrong with one that does not fit is told by its own code.

mod asserted;
mod record;
mod spend;
mod vouch;

use std::collections::BTreeMap;

use self::asserted::asserted;
pub(crate) use self::record::{given, spendable};
use self::record::{next_turn, recorded};
use self::spend::amount;
use crate::canonical::write_string;
use crate::codes::IssueCode;
use crate::condition::Slot;
use crate::condition::timing::earlier;
use crate::condition::value::Value;
use crate::decide::subject::InRun;
use crate::digest::Digest;
use crate::facts::{Facts, Presence};
use crate::host::Host;
use crate::index::{CompiledApproval, CompiledKey, CompiledRule};
use crate::policy::{Approval, EvidenceSource, Grant};
use crate::request::Request;
use crate::state::{Move, RunState};
use crate::time::Timestamp;

/// Digest of an approval block: the terms under which somebody said yes. Mending a typo elsewhere in
/// the policy does not void an approval; changing who may give it does.
pub(crate) fn terms(approval: &Approval) -> Digest {
    let mut text = String::from("{\"bind\":");
    write_list(
        &mut text,
        approval.bind.iter().map(|path| path.value.as_str()),
    );
    text.push_str(",\"evidence\":");
    write_string(&mut text, approval.evidence.as_str());
    if let Some(grant) = &approval.grant {
        text.push_str(",\"grant\":");
        write_grant(&mut text, grant);
    }
    text.push_str(",\"min\":");
    text.push_str(&approval.min.to_string());
    text.push_str(",\"not\":");
    write_list(
        &mut text,
        approval.not.iter().map(|path| path.value.as_str()),
    );
    text.push_str(",\"roles\":");
    write_list(
        &mut text,
        approval.roles.iter().map(|role| role.value.as_str()),
    );
    if let Some(ttl) = approval.ttl {
        text.push_str(",\"ttl\":");
        write_string(&mut text, &ttl.to_string());
    }
    text.push_str(",\"v\":1}");
    Digest::of(text.as_bytes())
}

fn write_grant(text: &mut String, grant: &Grant) {
    text.push('{');
    if let Some(total) = &grant.max_total {
        text.push_str("\"max_total\":");
        total.value.write_to(text);
        text.push(',');
    }
    if let Some(sum) = &grant.sum {
        text.push_str("\"sum\":");
        write_string(text, &sum.value);
        text.push(',');
    }
    if let Some(ttl) = grant.ttl {
        text.push_str("\"ttl\":");
        write_string(text, &ttl.to_string());
        text.push(',');
    }
    text.push_str("\"uses\":");
    text.push_str(&grant.uses.to_string());
    text.push('}');
}

fn write_list<'t>(text: &mut String, items: impl Iterator<Item = &'t str>) {
    let mut items: Vec<&str> = items.collect();
    items.sort_unstable();
    text.push('[');
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        write_string(text, item);
    }
    text.push(']');
}

/// Whose yes counted, and what is used of it if the call is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Spent {
    /// People; none where the host's bare word was enough.
    pub(crate) by: Vec<String>,
    pub(crate) moves: Vec<Move>,
}

/// What looking for an approval found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Approved {
    /// Enough people said yes.
    Yes(Spent),
    /// Somebody said no.
    Rejected { by: String },
    /// Not yet, and why: nothing where nobody was asked.
    NotYet {
        why: Option<IssueCode>,
        missing: u32,
        facts: Vec<String>,
    },
    /// Enough people might have, and the host has not said how often their yes was used.
    Uncounted,
}

/// What an approval is looked up with.
#[derive(Debug)]
pub(crate) struct Question<'q, 'a> {
    pub(crate) rule: &'q CompiledRule,
    pub(crate) approval: &'q CompiledApproval,
    pub(crate) keys: &'q BTreeMap<Box<str>, CompiledKey>,
    pub(crate) facts: &'q Facts<'a>,
    pub(crate) request: &'q Request<'a>,
    pub(crate) host: &'q Host<'q>,
    pub(crate) state: &'q RunState,
    /// What the call is held under, and whether it was allowed before; nothing where nobody answered, and
    /// nothing is used.
    pub(crate) in_run: Option<InRun>,
    /// Digest of the action, or of the bound facts.
    pub(crate) action: Digest,
    pub(crate) now: Timestamp,
}

/// Looks for the approval that a rule asks for, and tells until when the answer stands.
pub(crate) fn find(question: &Question<'_, '_>) -> (Approved, Option<Timestamp>) {
    let turn = next_turn(question);
    // A no counts whoever asked; what a yes is worth cannot be told while nobody knows who asked.
    if let Some(by) = rejection(question) {
        return (Approved::Rejected { by }, turn);
    }
    let not_yet = |facts| Approved::NotYet {
        why: None,
        missing: question.approval.min,
        facts,
    };
    let barred = match barred(question) {
        Ok(barred) => barred,
        Err(facts) => return (not_yet(facts), turn),
    };
    let recorded = match amount(question) {
        Ok(amount) => recorded(question, &barred, amount),
        Err(fact) => not_yet(vec![fact]),
    };
    match (&recorded, question.approval.evidence) {
        (Approved::NotYet { .. }, EvidenceSource::Asserted) => {
            let (asserted, until) = asserted(question, &barred);
            (asserted, earlier(turn, until))
        }
        _ => (recorded, turn),
    }
}

/// Who said no.
fn rejection(question: &Question<'_, '_>) -> Option<String> {
    let Question { request, .. } = question;
    if let Some(by) = record::rejection(question) {
        return Some(by);
    }
    if question.approval.evidence == EvidenceSource::Asserted
        && request.approval_status() == Some("rejected")
    {
        let by = request.approved_by().filter(|by| !is_nobody(by));
        return Some(by.unwrap_or("somebody").to_owned());
    }
    None
}

/// Whether two names are one person's. Systems differ in whether `Ana` and `ana` are two accounts;
/// taking them for one never lets anybody approve twice, or approve what they asked for.
fn is_same_person(one: &str, two: &str) -> bool {
    one.trim().eq_ignore_ascii_case(two.trim())
}

fn is_nobody(name: &str) -> bool {
    name.trim().is_empty()
}

/// The fact that makes it impossible to ask for the approval, and why: one that cannot be bound, one
/// that should name people and does not, or one that asserts it and is no text.
pub(crate) fn fault(
    approval: &CompiledApproval,
    facts: &Facts<'_>,
    request: &Request<'_>,
) -> Option<(String, String)> {
    let fault = |slot: Slot, reason| Some((facts.table().name(slot).to_owned(), reason));
    let sum = approval.total.map(|(slot, _)| slot);
    for slot in approval.bind.iter().chain(&approval.not).chain(&sum) {
        if let Presence::Error(error) = facts.presence(*slot) {
            return fault(*slot, error.to_string());
        }
    }
    let names_people = |value: Value<'_>| match value {
        Value::String(_) | Value::Unknown | Value::Error(_) => true,
        Value::List(_) | Value::DocumentList(_) => value
            .visit()
            .into_iter()
            .flatten()
            .all(|person| matches!(person, Value::String(_))),
        _ => false,
    };
    let mut people = approval.not.iter();
    if let Some(stray) = people.find(|slot| !names_people(facts.value(**slot))) {
        return fault(*stray, "it names nobody".to_owned());
    }
    if let Some(slot) = sum {
        match facts.value(slot) {
            Value::Number(number) if number.is_negative() => {
                return fault(slot, "an amount is never negative".to_owned());
            }
            Value::Number(_) | Value::Unknown => {}
            _ => return fault(slot, "it is no number".to_owned()),
        }
    }
    match approval.evidence {
        EvidenceSource::Host | EvidenceSource::Signed => None,
        EvidenceSource::Asserted => {
            let name = request.asserted_approval_fault()?;
            Some((format!("context.{name}"), "it is no text".to_owned()))
        }
    }
}

/// The people who may not approve, such as the requester; or the facts that should say who they are.
fn barred<'a>(question: &Question<'_, 'a>) -> Result<Vec<&'a str>, Vec<String>> {
    let mut people = Vec::new();
    let mut missing = Vec::new();
    for slot in &question.approval.not {
        let before = people.len();
        let value = question.facts.value(*slot);
        let is_there = match value {
            Value::String(person) => {
                people.push(person);
                true
            }
            _ => value.visit().is_some_and(|elements| {
                people.extend(elements.filter_map(|element| match element {
                    Value::String(person) => Some(person),
                    _ => None,
                }));
                true
            }),
        };
        let named = people.get(before..).unwrap_or_default();
        if !is_there || named.iter().any(|person| is_nobody(person)) {
            missing.push(question.facts.table().name(*slot).to_owned());
        }
    }
    if missing.is_empty() {
        Ok(people)
    } else {
        Err(missing)
    }
}
