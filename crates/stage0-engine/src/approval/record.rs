//! People's answers as they were recorded or signed: which of them count.

use super::spend::{Spending, key_of, lifetime, spend};
use super::vouch::{claims_role, vouched};
use super::{Approved, Question, Spent, asserted, barred, is_nobody, is_same_person};
use crate::codes::IssueCode;
use crate::host::{Answer, ApprovalRecord, Proof};
use crate::index::CompiledApproval;
use crate::number::Number;
use crate::policy::EvidenceSource;
use crate::state::Move;
use crate::state::counter::Window;
use crate::time::Timestamp;

/// The records that are about this rule: the host's, and those that came with the request. One that cannot
/// be read may be about any.
fn about<'q>(question: &'q Question<'_, '_>) -> impl Iterator<Item = &'q ApprovalRecord> {
    let records = question.host.approvals.iter();
    let records = records.chain(question.request.approvals());
    records.filter(|record| *record.rule == *question.rule.id || record.proof == Proof::Unreadable)
}

/// Who said no. A no that nobody vouches for is none.
pub(super) fn rejection(question: &Question<'_, '_>) -> Option<String> {
    let mut records = about(question);
    let no = |record: &&ApprovalRecord| {
        record.answer == Answer::Rejected
            && record.terms == question.approval.terms
            && record.action == question.action
            && vouched(question, record).is_ok()
    };
    records.find(no).map(|record| record.by.clone())
}

/// The first instant to come at which a record or its key begins or ends.
pub(super) fn next_turn(question: &Question<'_, '_>) -> Option<Timestamp> {
    let turns = about(question).flat_map(|record| {
        let revoked = match &record.proof {
            Proof::Signed(signature) => question.keys.get(&*signature.key),
            _ => None,
        };
        [
            Some(record.issued_at),
            expiry(record, question.approval),
            revoked.and_then(|key| key.revoked_at),
        ]
    });
    turns.flatten().filter(|turn| *turn > question.now).min()
}

/// Whether enough people said yes, each of them often enough for one call more.
pub(super) fn recorded(
    question: &Question<'_, '_>,
    barred: &[&str],
    amount: Option<Number>,
) -> Approved {
    let Question { approval, .. } = question;
    let mut best: Option<IssueCode> = None;
    let mut good: Vec<&ApprovalRecord> = Vec::new();
    for record in about(question) {
        match judge(question, record, barred) {
            Err(flaw) => best = best.max(flaw),
            Ok(()) => good.push(record),
        }
    }
    // What ends first is used first. Which records a host happens to list first must not matter.
    good.sort_by_key(|record| {
        let end = expiry(record, approval).unwrap_or(Timestamp::MAX);
        (end, key_of(question, record))
    });
    let mut people: Vec<&str> = Vec::new();
    let mut moves: Vec<Move> = Vec::new();
    let mut uncounted: Vec<&str> = Vec::new();
    let is_known = |people: &[&str], record: &ApprovalRecord| {
        people.iter().any(|by| is_same_person(by, &record.by))
    };
    for record in good {
        if is_known(&people, record) || people.len() >= approval.min as usize {
            continue;
        }
        match spend(question, record, amount) {
            Spending::Room(spent) => {
                people.push(&record.by);
                moves.extend(spent);
            }
            Spending::Spent => best = best.max(Some(IssueCode::APPROVAL_USED)),
            Spending::Uncounted if is_known(&uncounted, record) => {}
            Spending::Uncounted => uncounted.push(&record.by),
        }
    }
    uncounted.retain(|by| !people.iter().any(|known| is_same_person(known, by)));
    let given = count(people.len());
    let missing = approval.min.saturating_sub(given);
    if missing == 0 {
        let by = people.into_iter().map(str::to_owned).collect();
        return Approved::Yes(Spent { by, moves });
    }
    if count(uncounted.len()) >= missing {
        return Approved::Uncounted;
    }
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

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Whether a record is a yes that counts, however often it was used; or what is wrong with it, where
/// that has a code.
fn judge(
    question: &Question<'_, '_>,
    record: &ApprovalRecord,
    barred: &[&str],
) -> Result<(), Option<IssueCode>> {
    let Question { approval, now, .. } = question;
    let until = expiry(record, approval);
    let mut roles = record.roles.iter();
    let is_entitled = approval.roles.is_empty()
        || roles.any(|role| {
            approval.roles.iter().any(|wanted| **wanted == **role)
                && claims_role(question, record, role)
        });
    Err(Some(if record.proof == Proof::Unreadable {
        IssueCode::APPROVAL_BAD_SIGNATURE
    } else if record.terms != approval.terms {
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
    } else if let Err(flaw) = vouched(question, record) {
        flaw
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

/// The counters of what was used of the approvals that fit, for hosts that keep counters apart.
pub(crate) fn spendable(question: &Question<'_, '_>) -> Vec<(Box<str>, Window)> {
    let barred = barred(question).unwrap_or_default();
    let fitting = about(question).filter(|record| judge(question, record, &barred).is_ok());
    let keys = fitting.flat_map(|record| {
        let window = lifetime(record, question.approval);
        let keys = key_of(question, record).counters(question.approval);
        keys.into_iter().map(move |key| (key, window))
    });
    keys.collect()
}

/// Those whose yes counts, each with the instant at which it ends, if it does: for explaining why a
/// rule is content with its approval.
pub(crate) fn given(question: &Question<'_, '_>) -> Vec<(String, Option<Timestamp>)> {
    let Question { approval, .. } = question;
    let barred = barred(question).unwrap_or_default();
    let records = about(question).filter(|record| judge(question, record, &barred).is_ok());
    let mut people: Vec<(String, Option<Timestamp>)> = records
        .map(|record| (record.by.clone(), expiry(record, approval)))
        .collect();
    people.sort();
    people.dedup();
    if people.is_empty() && approval.evidence == EvidenceSource::Asserted {
        let (_, until) = asserted(question, &barred);
        let by = question.request.approved_by().filter(|by| !is_nobody(by));
        return vec![(by.unwrap_or("somebody").to_owned(), until)];
    }
    people
}

/// The earlier of the record's own end and the rule's time to live.
pub(super) fn expiry(record: &ApprovalRecord, approval: &CompiledApproval) -> Option<Timestamp> {
    let lived = approval
        .ttl
        .and_then(|ttl| record.issued_at.checked_add(ttl).ok());
    match (record.expires_at, lived) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}
