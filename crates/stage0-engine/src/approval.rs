//! Whether the approval that a rule asks for is there.
//!
//! An approval is evidence, never an override: it satisfies the rule that asked and nothing else, and
//! the whole decision is made anew. It fits one action, under one rule's terms, for a time, by people
//! who may approve. What is wrong with one that does not fit is told by its own code.

use crate::canonical::write_string;
use crate::codes::IssueCode;
use crate::condition::value::Value;
use crate::digest::Digest;
use crate::facts::Facts;
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
    /// Enough people said yes, until then.
    Yes { until: Option<Timestamp> },
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

/// Looks for the approval that a rule asks for.
pub(crate) fn find(question: &Question<'_, '_>) -> Approved {
    match question.approval.evidence {
        EvidenceSource::Host => recorded(question),
        EvidenceSource::Asserted => asserted(question),
    }
}

/// Values of facts that name people, such as the requester.
fn barred<'a>(question: &Question<'_, 'a>) -> Result<Vec<&'a str>, Vec<String>> {
    let mut people = Vec::new();
    let mut missing = Vec::new();
    for slot in &question.approval.not {
        match question.facts.value(*slot) {
            Value::String(person) => people.push(person),
            list if list.visit().is_some() => {
                people.extend(
                    list.visit()
                        .into_iter()
                        .flatten()
                        .filter_map(|value| match value {
                            Value::String(person) => Some(person),
                            _ => None,
                        }),
                );
            }
            _ => missing.push(question.facts.table().name(*slot).to_owned()),
        }
    }
    if missing.is_empty() {
        Ok(people)
    } else {
        Err(missing)
    }
}

fn recorded(question: &Question<'_, '_>) -> Approved {
    let Question {
        rule,
        approval,
        now,
        ..
    } = question;
    let barred = match barred(question) {
        Ok(barred) => barred,
        // Whether the approver is the requester cannot be told.
        Err(facts) => {
            return Approved::NotYet {
                why: None,
                missing: approval.min,
                facts,
            };
        }
    };
    let mut people: Vec<(&str, Option<Timestamp>)> = Vec::new();
    let mut best: Option<IssueCode> = None;
    for record in question
        .records
        .iter()
        .filter(|record| *record.rule == *rule.id)
    {
        let until = expiry(record, approval);
        let flaw = if record.terms != approval.terms {
            Some(IssueCode::APPROVAL_WRONG_POLICY)
        } else if record.action != question.action {
            Some(IssueCode::APPROVAL_WRONG_ACTION)
        } else if record.answer == Answer::Rejected {
            return Approved::Rejected {
                by: record.by.clone(),
            };
        } else if record.answer == Answer::Pending {
            Some(IssueCode::APPROVAL_PENDING)
        } else if record.issued_at > *now {
            Some(IssueCode::APPROVAL_NOT_YET_VALID)
        } else if until.is_some_and(|until| *now >= until) {
            Some(IssueCode::APPROVAL_EXPIRED)
        } else if barred.contains(&record.by.as_str()) {
            Some(IssueCode::APPROVAL_SELF)
        } else if !approval.roles.is_empty()
            && !record
                .roles
                .iter()
                .any(|role| approval.roles.iter().any(|wanted| **wanted == **role))
        {
            Some(IssueCode::APPROVAL_ROLE)
        } else {
            None
        };
        match flaw {
            // The flaw that is nearest to a yes is the one worth telling.
            Some(flaw) => best = best.max(Some(flaw).filter(|flaw| Some(*flaw) > best)),
            None => match people.iter_mut().find(|(by, _)| *by == record.by) {
                Some((_, known)) => *known = later(*known, until),
                None => people.push((&record.by, until)),
            },
        }
    }
    let given = u32::try_from(people.len()).unwrap_or(u32::MAX);
    if given >= approval.min {
        // The answer stands as long as enough of the approvals do.
        let mut ends: Vec<Timestamp> = people.iter().filter_map(|(_, until)| *until).collect();
        ends.sort_unstable();
        let spare = given.saturating_sub(approval.min) as usize;
        return Approved::Yes {
            until: ends.get(spare).copied(),
        };
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

fn later(one: Option<Timestamp>, two: Option<Timestamp>) -> Option<Timestamp> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.max(two)),
        _ => None,
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
fn asserted(question: &Question<'_, '_>) -> Approved {
    let Question {
        approval,
        request,
        now,
        ..
    } = question;
    let not_yet = |why| Approved::NotYet {
        why,
        missing: 1,
        facts: Vec::new(),
    };
    let by = request.context_text("approved_by");
    match request.context_text("approval_status") {
        Some("approved") => {}
        Some("rejected") => {
            return Approved::Rejected {
                by: by.unwrap_or("somebody").to_owned(),
            };
        }
        Some("pending") => return not_yet(Some(IssueCode::APPROVAL_PENDING)),
        _ => return not_yet(None),
    }
    match barred(question) {
        Ok(barred) if by.is_some_and(|by| barred.contains(&by)) => {
            return not_yet(Some(IssueCode::APPROVAL_SELF));
        }
        Ok(barred) if !barred.is_empty() && by.is_none() => {
            let facts = vec!["context.approved_by".to_owned()];
            return Approved::NotYet {
                why: None,
                missing: 1,
                facts,
            };
        }
        Ok(_) => {}
        Err(facts) => {
            return Approved::NotYet {
                why: None,
                missing: 1,
                facts,
            };
        }
    }
    let Some(ttl) = approval.ttl else {
        return Approved::Yes { until: None };
    };
    let Some(at) = request
        .context_text("approved_at")
        .and_then(|at| Timestamp::parse(at).ok())
    else {
        return Approved::NotYet {
            why: Some(IssueCode::APPROVAL_TIMESTAMP_MISSING),
            missing: 1,
            facts: vec!["context.approved_at".to_owned()],
        };
    };
    let until = at.checked_add(ttl).ok();
    if at > *now {
        not_yet(Some(IssueCode::APPROVAL_NOT_YET_VALID))
    } else if until.is_some_and(|until| *now >= until) {
        not_yet(Some(IssueCode::APPROVAL_EXPIRED))
    } else {
        Approved::Yes { until }
    }
}
