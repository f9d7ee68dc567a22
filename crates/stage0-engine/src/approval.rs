//! Whether the approval that a rule asks for is there.
//!
//! An approval is evidence, never an override: it satisfies the rule that asked and nothing else, and
//! the whole decision is made anew. It fits one action, under one rule's terms, for a time, by people
//! who may approve. What is wrong with one that does not fit is told by its own code.

use crate::canonical::write_string;
use crate::codes::IssueCode;
use crate::condition::Slot;
use crate::condition::value::Value;
use crate::digest::Digest;
use crate::facts::{Facts, Presence};
use crate::host::{Answer, ApprovalRecord};
use crate::index::{CompiledApproval, CompiledRule};
use crate::policy::{Approval, EvidenceSource};
use crate::request::Request;
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

/// What looking for an approval found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Approved {
    /// Enough people said yes.
    Yes,
    /// Somebody said no.
    Rejected { by: String },
    /// Not yet, and why: nothing where nobody was asked.
    NotYet {
        why: Option<IssueCode>,
        missing: u32,
        facts: Vec<String>,
    },
}

/// What an approval is looked up with.
#[derive(Debug)]
pub(crate) struct Question<'q, 'a> {
    pub(crate) rule: &'q CompiledRule,
    pub(crate) approval: &'q CompiledApproval,
    pub(crate) facts: &'q Facts<'a>,
    pub(crate) request: &'q Request<'a>,
    pub(crate) records: &'q [ApprovalRecord],
    /// Digest of the action, or of the bound facts.
    pub(crate) action: Digest,
    pub(crate) now: Timestamp,
}

/// Looks for the approval that a rule asks for, and tells until when the answer stands.
pub(crate) fn find(question: &Question<'_, '_>) -> (Approved, Option<Timestamp>) {
    let turn = match question.approval.evidence {
        EvidenceSource::Host => next_turn(question),
        EvidenceSource::Asserted => None,
    };
    // A no counts whoever asked; what a yes is worth cannot be told while nobody knows who asked.
    if let Some(by) = rejection(question) {
        return (Approved::Rejected { by }, turn);
    }
    match (barred(question), question.approval.evidence) {
        (Ok(barred), EvidenceSource::Host) => (recorded(question, &barred), turn),
        (Ok(barred), EvidenceSource::Asserted) => asserted(question, &barred),
        (Err(facts), _) => {
            let missing = question.approval.min;
            (
                Approved::NotYet {
                    why: None,
                    missing,
                    facts,
                },
                turn,
            )
        }
    }
}

/// Who said no.
fn rejection(question: &Question<'_, '_>) -> Option<String> {
    let Question { request, .. } = question;
    match question.approval.evidence {
        EvidenceSource::Host => {
            let mut records = question.records.iter();
            let no = |record: &&ApprovalRecord| {
                record.answer == Answer::Rejected
                    && *record.rule == *question.rule.id
                    && record.terms == question.approval.terms
                    && record.action == question.action
            };
            records.find(no).map(|record| record.by.clone())
        }
        EvidenceSource::Asserted if request.approval_status() == Some("rejected") => {
            let by = request.approved_by().filter(|by| !is_nobody(by));
            Some(by.unwrap_or("somebody").to_owned())
        }
        EvidenceSource::Asserted => None,
    }
}

/// The first instant to come at which a record begins or ends.
fn next_turn(question: &Question<'_, '_>) -> Option<Timestamp> {
    question
        .records
        .iter()
        .filter(|record| *record.rule == *question.rule.id)
        .flat_map(|record| [Some(record.issued_at), expiry(record, question.approval)])
        .flatten()
        .filter(|turn| *turn > question.now)
        .min()
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
    for slot in approval.bind.iter().chain(&approval.not) {
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
    match approval.evidence {
        EvidenceSource::Host => None,
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

fn recorded(question: &Question<'_, '_>, barred: &[&str]) -> Approved {
    let Question { rule, approval, .. } = question;
    let mut people: Vec<&str> = Vec::new();
    let mut best: Option<IssueCode> = None;
    for record in question
        .records
        .iter()
        .filter(|record| *record.rule == *rule.id)
    {
        match judge(question, record, barred) {
            Err(flaw) => best = best.max(flaw),
            Ok(()) if people.iter().any(|by| is_same_person(by, &record.by)) => {}
            Ok(()) => people.push(&record.by),
        }
    }
    let given = u32::try_from(people.len()).unwrap_or(u32::MAX);
    if given >= approval.min {
        return Approved::Yes;
    }
    let missing = approval.min.saturating_sub(given);
    let why = if given > 0 {
        Some(IssueCode::APPROVAL_NOT_ENOUGH)
    } else {
        best
    };
    Approved::NotYet {
        why,
        missing,
        facts: Vec::new(),
    }
}

/// Whether a record is a yes that counts; or what is wrong with it, where that has a code.
fn judge(
    question: &Question<'_, '_>,
    record: &ApprovalRecord,
    barred: &[&str],
) -> Result<(), Option<IssueCode>> {
    let Question { approval, now, .. } = question;
    let until = expiry(record, approval);
    let mut roles = record.roles.iter();
    let is_entitled = approval.roles.is_empty()
        || roles.any(|role| approval.roles.iter().any(|wanted| **wanted == **role));
    Err(Some(if record.terms != approval.terms {
        IssueCode::APPROVAL_WRONG_POLICY
    } else if record.action != question.action {
        IssueCode::APPROVAL_WRONG_ACTION
    } else if record.answer != Answer::Approved {
        IssueCode::APPROVAL_PENDING
    } else if is_nobody(&record.by) {
        return Err(None);
    } else if record.issued_at > *now {
        IssueCode::APPROVAL_NOT_YET_VALID
    } else if until.is_some_and(|until| *now >= until) {
        IssueCode::APPROVAL_EXPIRED
    } else if barred
        .iter()
        .any(|person| is_same_person(person, &record.by))
    {
        IssueCode::APPROVAL_SELF
    } else if !is_entitled {
        IssueCode::APPROVAL_ROLE
    } else {
        return Ok(());
    }))
}

/// Those whose yes counts, each with the instant at which it ends, if it does: for explaining why a
/// rule is content with its approval.
pub(crate) fn given(question: &Question<'_, '_>) -> Vec<(String, Option<Timestamp>)> {
    let Question { rule, approval, .. } = question;
    let barred = barred(question).unwrap_or_default();
    match approval.evidence {
        EvidenceSource::Host => {
            let records = question.records.iter();
            let mut people: Vec<(String, Option<Timestamp>)> = records
                .filter(|record| *record.rule == *rule.id)
                .filter(|record| judge(question, record, &barred).is_ok())
                .map(|record| (record.by.clone(), expiry(record, approval)))
                .collect();
            people.sort();
            people.dedup();
            people
        }
        EvidenceSource::Asserted => {
            let (_, until) = asserted(question, &barred);
            let by = question.request.approved_by().filter(|by| !is_nobody(by));
            vec![(by.unwrap_or("somebody").to_owned(), until)]
        }
    }
}

/// The earlier of the record's own end and the rule's time to live.
fn expiry(record: &ApprovalRecord, approval: &CompiledApproval) -> Option<Timestamp> {
    let lived = approval
        .ttl
        .and_then(|ttl| record.issued_at.checked_add(ttl).ok());
    match (record.expires_at, lived) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

/// The plain fields of the context: the host's bare word, bound to nothing.
fn asserted(question: &Question<'_, '_>, barred: &[&str]) -> (Approved, Option<Timestamp>) {
    let Question {
        approval,
        request,
        now,
        ..
    } = question;
    let not_yet = |why, facts: &[&str]| Approved::NotYet {
        why,
        missing: 1,
        facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
    };
    let by = request.approved_by().filter(|by| !is_nobody(by));
    match request.approval_status() {
        Some("approved") => {}
        Some("pending") => return (not_yet(Some(IssueCode::APPROVAL_PENDING), &[]), None),
        _ => return (not_yet(None, &[]), None),
    }
    if by.is_some_and(|by| barred.iter().any(|person| is_same_person(person, by))) {
        return (not_yet(Some(IssueCode::APPROVAL_SELF), &[]), None);
    }
    if by.is_none() && !barred.is_empty() {
        return (not_yet(None, &["context.approved_by"]), None);
    }
    let at = request.approved_at().map(|at| Timestamp::parse(at).ok());
    let (at, until) = match (at.flatten(), approval.ttl) {
        (Some(at), ttl) => (at, ttl.and_then(|ttl| at.checked_add(ttl).ok())),
        (None, None) if at.is_none() => return (Approved::Yes, None),
        (None, _) => {
            let missing = not_yet(
                Some(IssueCode::APPROVAL_TIMESTAMP_MISSING),
                &["context.approved_at"],
            );
            return (missing, None);
        }
    };
    if at > *now {
        (
            not_yet(Some(IssueCode::APPROVAL_NOT_YET_VALID), &[]),
            Some(at),
        )
    } else if until.is_some_and(|until| *now >= until) {
        (not_yet(Some(IssueCode::APPROVAL_EXPIRED), &[]), None)
    } else {
        (Approved::Yes, until)
    }
}
