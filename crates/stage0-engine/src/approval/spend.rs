//! How much of an approval is left: one call, or what its grant says.
//!
//! What was used is counted like what limits count, in counters that the host keeps: held while a call that
//! was allowed is under way, given back if it fails. A host that wrote a record itself may do without, since
//! it need not hand it in twice. A token can be handed in by anybody, so what nobody counts is not
//! known to be unused.

use std::borrow::Cow;

use super::Question;
use super::record::expiry;
use crate::canonical::write_string;
use crate::condition::value::Value;
use crate::decide::subject::InRun;
use crate::digest::Digest;
use crate::host::{ApprovalRecord, Proof};
use crate::index::CompiledApproval;
use crate::number::Number;
use crate::state::counter::{Counter, Hold, Window};
use crate::state::{HOLD_DEFAULT, Move, RunState};
use crate::time::Timestamp;

/// Hexadecimal digits of a digest that tell approvals of one rule apart: 128 bits.
const KEY_DIGITS: usize = 32;

/// What one call would do to an approval.
pub(super) enum Spending {
    /// There is enough left; and what is used of it.
    Room(Vec<Move>),
    /// There is not.
    Spent,
    /// Nobody knows.
    Uncounted,
}

/// One approval under one rule, as counters call it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ApprovalKey(Box<str>);

impl ApprovalKey {
    /// The counter of its uses.
    fn uses(&self) -> Box<str> {
        self.0.clone()
    }

    /// The counter of what the uses add up to.
    fn total(&self) -> Box<str> {
        [&*self.0, "+"].concat().into()
    }

    /// All its counters.
    pub(super) fn counters(&self, approval: &CompiledApproval) -> Vec<Box<str>> {
        let total = approval.total.map(|_| self.total());
        [Some(self.uses()), total].into_iter().flatten().collect()
    }
}

/// The name of an approval under a rule. Two keys may use the same id.
pub(super) fn key_of(question: &Question<'_, '_>, record: &ApprovalRecord) -> ApprovalKey {
    let mut text = String::from("[");
    if let Proof::Signed(signature) = &record.proof {
        write_string(&mut text, &signature.key);
        text.push(',');
    }
    write_string(&mut text, &record.id);
    text.push(']');
    let digest = Digest::of(text.as_bytes()).to_hex();
    let digits = digest.get(..KEY_DIGITS).unwrap_or(&digest);
    ApprovalKey([&*question.rule.id, "!", digits].concat().into())
}

/// How long an approval has to be remembered: as long as it lasts, from any time at which it was used.
pub(super) fn lifetime(record: &ApprovalRecord, approval: &CompiledApproval) -> Window {
    let end = expiry(record, approval).unwrap_or(Timestamp::MAX);
    Window::Sliding(end.since(record.issued_at))
}

/// What this call adds to the sum of a grant; nothing where none is added up.
///
/// # Errors
/// The fact that is missing.
pub(super) fn amount(question: &Question<'_, '_>) -> Result<Option<Number>, String> {
    let Some((slot, _)) = question.approval.total else {
        return Ok(None);
    };
    match question.facts.value(slot) {
        Value::Number(number) => Ok(Some(number)),
        // Anything else but an absent one is a fault, which was asked for before.
        _ => Err(question.facts.table().name(slot).to_owned()),
    }
}

/// What this call would do to an approval.
pub(super) fn spend(
    question: &Question<'_, '_>,
    record: &ApprovalRecord,
    amount: Option<Number>,
) -> Spending {
    let Question { approval, .. } = question;
    let Some(in_run) = question.in_run else {
        return Spending::Uncounted;
    };
    let key = key_of(question, record);
    let window = lifetime(record, approval);
    let uses = (
        key.uses(),
        Number::ONE,
        Number::from_i64(i64::from(approval.uses)),
    );
    let total = approval.total.zip(amount);
    let total = total.map(|((_, max), amount)| (key.total(), amount, max));
    let mut moves = Vec::new();
    for (key, amount, max) in [Some(uses), total].into_iter().flatten() {
        // A call that was allowed before has used what it uses.
        let amount = if in_run.was_allowed() {
            Number::ZERO
        } else {
            amount
        };
        let Some(counter) = counter(question.state, &key) else {
            if record.proof == Proof::Host && !approval.has_grant {
                continue;
            }
            return Spending::Uncounted;
        };
        let sum = counter.sum(window, question.now);
        let sum = sum.and_then(|sum| sum.checked_add(amount));
        if sum.is_ok_and(|sum| sum <= max) {
            moves.extend(
                (!amount.is_zero()).then(|| held(in_run, key, window, amount, question.now)),
            );
        } else {
            return Spending::Spent;
        }
    }
    Spending::Room(moves)
}

/// What was used, if the host says so.
fn counter<'s>(state: &'s RunState, key: &str) -> Option<Cow<'s, Counter>> {
    match state.counters.get(key) {
        Some(counter) => Some(Cow::Borrowed(counter)),
        None if state.is_whole => Some(Cow::Owned(Counter::default())),
        None => None,
    }
}

fn held(in_run: InRun, key: Box<str>, window: Window, amount: Number, now: Timestamp) -> Move {
    let until = now.checked_add(HOLD_DEFAULT);
    Move {
        key,
        window,
        amount,
        hold: Some(Hold {
            call: in_run.call,
            until: until.unwrap_or(Timestamp::MAX),
            is_cost: false,
        }),
    }
}
