//! The plain fields of the context: the host's bare word, bound to nothing.

use super::{Approved, Question, Spent, is_nobody, is_same_person};
use crate::codes::IssueCode;
use crate::time::Timestamp;

/// What the plain fields say, and until when.
pub(super) fn asserted(
    question: &Question<'_, '_>,
    barred: &[&str],
) -> (Approved, Option<Timestamp>) {
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
        (None, None) if at.is_none() => return (Approved::Yes(Spent::default()), None),
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
        (Approved::Yes(Spent::default()), until)
    }
}
