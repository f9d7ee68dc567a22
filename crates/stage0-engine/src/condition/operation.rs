//! What the operators mean, value by value.
//!
//! One place for the strong Kleene tables: an absent fact makes a result unknown unless the other
//! side settles it, and unknown wins over error. Comparing values of different kinds is an error
//! except against null. Arithmetic is exact or an error.

use bumpalo::collections::{String as ArenaString, Vec as ArenaVec};

use super::scratch::{ENTRY_BYTES, Scratch};
use super::tree::Operator;
use super::value::{EvalError, Value};

/// A truth value as the logic operators see it: anything else than a truth value is an error.
pub(crate) fn truth(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Bool(_) => value,
        other => other.expected(&"a truth value"),
    }
}

/// `left && right`, in either order.
#[inline]
pub(crate) fn and<'a>(left: Value<'a>, right: Value<'a>) -> Value<'a> {
    if let (Value::Bool(left), Value::Bool(right)) = (left, right) {
        return Value::Bool(left && right);
    }
    match (truth(left), truth(right)) {
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Value::Bool(false),
        (left, right) => undecided(left, right).unwrap_or(Value::Bool(true)),
    }
}

/// `left || right`, in either order.
#[inline]
pub(crate) fn or<'a>(left: Value<'a>, right: Value<'a>) -> Value<'a> {
    if let (Value::Bool(left), Value::Bool(right)) = (left, right) {
        return Value::Bool(left || right);
    }
    match (truth(left), truth(right)) {
        (Value::Bool(true), _) | (_, Value::Bool(true)) => Value::Bool(true),
        (left, right) => undecided(left, right).unwrap_or(Value::Bool(false)),
    }
}

/// Unknown before error, the left error before the right one; nothing if both are values.
fn undecided<'a>(left: Value<'a>, right: Value<'a>) -> Option<Value<'a>> {
    match (left, right) {
        (Value::Unknown, _) | (_, Value::Unknown) => Some(Value::Unknown),
        (Value::Error(_), _) => Some(left),
        (_, Value::Error(_)) => Some(right),
        _ => None,
    }
}

/// `!operand`
pub(crate) fn not(operand: Value<'_>) -> Value<'_> {
    match truth(operand) {
        Value::Bool(value) => Value::Bool(!value),
        other => other,
    }
}

/// `-operand`
pub(crate) fn negate(operand: Value<'_>) -> Value<'_> {
    match operand {
        Value::Number(number) => Value::Number(number.neg()),
        Value::Duration(duration) => Value::Duration(duration.neg()),
        other => other.expected(&"a number"),
    }
}

/// `test ? then : otherwise`; an unknown test is settled when both branches agree.
pub(crate) fn conditional<'a>(
    test: Value<'a>,
    then: Value<'a>,
    otherwise: Value<'a>,
    scratch: &mut Scratch<'a>,
) -> Value<'a> {
    match truth(test) {
        Value::Bool(true) => then,
        Value::Bool(false) => otherwise,
        Value::Unknown => match equal(then, otherwise, scratch) {
            Value::Bool(true) => then,
            _ => Value::Unknown,
        },
        error => error,
    }
}

/// Every operator but the two that may skip their right side.
pub(crate) fn binary<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
    scratch: &mut Scratch<'a>,
) -> Value<'a> {
    match operator {
        Operator::Or => or(left, right),
        Operator::And => and(left, right),
        Operator::Equal => equal(left, right, scratch),
        Operator::NotEqual => not(equal(left, right, scratch)),
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
            compare(operator, left, right, scratch)
        }
        Operator::In => contains(right, left, scratch),
        Operator::Add
        | Operator::Subtract
        | Operator::Multiply
        | Operator::Divide
        | Operator::Remainder => arithmetic(operator, left, right, scratch),
    }
}

/// `left == right`, to any depth, without recursing: pairs that remain to be compared wait in a list.
#[inline]
pub(crate) fn equal<'a>(left: Value<'a>, right: Value<'a>, scratch: &mut Scratch<'a>) -> Value<'a> {
    if let (Value::String(text), Value::String(_)) = (left, right)
        && text.len() >= LONG_TEXT_BYTES
    {
        scratch.read(text);
    }
    // Scalars, which is nearly always, need no list.
    if let Some(settled) = equal_scalars(left, right) {
        return settled;
    }
    equal_deep(left, right, scratch)
}

fn equal_deep<'a>(left: Value<'a>, right: Value<'a>, scratch: &mut Scratch<'a>) -> Value<'a> {
    let mut waiting = vec![(left, right)];
    let mut outcome = Value::Bool(true);
    while let Some((left, right)) = waiting.pop() {
        let Some(settled) = equal_scalars(left, right) else {
            if !equal_containers(left, right, &mut waiting, scratch) {
                return Value::Bool(false);
            }
            // Lists that a condition builds may hold one list many times over, and so on within it:
            // what takes little room can take forever to compare.
            if scratch.is_out_of_steps() {
                return Value::Error(EvalError::TooManySteps);
            }
            continue;
        };
        if matches!(settled, Value::Bool(false)) {
            return settled;
        }
        outcome = and(outcome, settled);
    }
    outcome
}

/// Queues the parts of two containers of one kind; false if their shapes already differ.
fn equal_containers<'a>(
    left: Value<'a>,
    right: Value<'a>,
    waiting: &mut Vec<(Value<'a>, Value<'a>)>,
    scratch: &mut Scratch<'a>,
) -> bool {
    if left.len() != right.len() {
        return false;
    }
    scratch.work(left.len().unwrap_or(0).saturating_mul(STEPS_PER_PAIR));
    if matches!(left, Value::DocumentList(_) | Value::List(_)) {
        let (Some(lefts), Some(rights)) = (left.visit(), right.visit()) else {
            return false;
        };
        waiting.extend(lefts.zip(rights));
        return true;
    }
    let (lefts, rights) = (sorted_entries(left), sorted_entries(right));
    let have_same_keys = lefts
        .iter()
        .map(|(key, _)| key)
        .eq(rights.iter().map(|(key, _)| key));
    if have_same_keys {
        waiting.extend(
            lefts
                .iter()
                .zip(&rights)
                .map(|((_, left), (_, right))| (*left, *right)),
        );
    }
    have_same_keys
}

/// Comparing two elements, or two members once they are sorted, takes about as long as so many
/// instructions.
const STEPS_PER_PAIR: usize = 4;

/// Texts from which on comparing them costs more than the instruction that does.
const LONG_TEXT_BYTES: usize = 256;

/// An object's members by key, so that comparing large objects does not search one for each member
/// of the other.
fn sorted_entries(map: Value<'_>) -> Vec<(&str, Value<'_>)> {
    let mut entries: Vec<(&str, Value<'_>)> = match map {
        Value::DocumentMap(value) => value
            .members()
            .map(|(key, value)| (key, Value::from_document(value)))
            .collect(),
        Value::Map(entries) => entries.to_vec(),
        _ => Vec::new(),
    };
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries
}

/// Whether an object has this key; a value that is no object has none.
pub(crate) fn has_member(map: Value<'_>, key: &str) -> bool {
    match map {
        Value::DocumentMap(value) => value.get(key).is_some(),
        Value::Map(entries) => entries.iter().any(|(name, _)| *name == key),
        _ => false,
    }
}

/// Equality, if it can be told without looking inside containers.
#[inline]
fn equal_scalars<'a>(left: Value<'a>, right: Value<'a>) -> Option<Value<'a>> {
    // What is nearly always compared comes first.
    Some(Value::Bool(match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right,
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (left, right) if undecided(left, right).is_some() => return undecided(left, right),
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::DocumentList(_) | Value::List(_), Value::DocumentList(_) | Value::List(_))
        | (Value::DocumentMap(_) | Value::Map(_), Value::DocumentMap(_) | Value::Map(_)) => {
            return None;
        }
        (left, right) => return Some(incomparable(left, right)),
    }))
}

fn incomparable<'a>(left: Value<'a>, right: Value<'a>) -> Value<'a> {
    match (left.kind(), right.kind()) {
        (Some(left), Some(right)) => Value::Error(EvalError::Incomparable { left, right }),
        _ => Value::Unknown,
    }
}

#[inline]
fn compare<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
    scratch: &mut Scratch<'a>,
) -> Value<'a> {
    let ordering = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.cmp(&right),
        (Value::String(left), Value::String(right)) => {
            if left.len() >= LONG_TEXT_BYTES {
                scratch.read(left);
            }
            // The order of UTF-8 bytes is the order of code points.
            left.cmp(right)
        }
        (Value::Timestamp(left), Value::Timestamp(right)) => left.cmp(&right),
        (Value::Duration(left), Value::Duration(right)) => left.cmp(&right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(&right),
        (left, right) if undecided(left, right).is_some() => {
            return undecided(left, right).unwrap_or(left);
        }
        (left, right) if left.kind() == right.kind() => {
            return left.expected(&"values that have an order");
        }
        (left, right) => return incomparable(left, right),
    };
    Value::Bool(match operator {
        Operator::Less => ordering.is_lt(),
        Operator::LessEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        _ => ordering.is_ge(),
    })
}

/// `element in list` or `key in object`: an equal element settles it, whatever the others are.
fn contains<'a>(list: Value<'a>, element: Value<'a>, scratch: &mut Scratch<'a>) -> Value<'a> {
    if let Some(settled) = undecided(element, list) {
        return settled;
    }
    match (list, element) {
        (Value::DocumentMap(_) | Value::Map(_), Value::String(key)) => {
            scratch.work(list.search_steps());
            Value::Bool(has_member(list, key))
        }
        (Value::DocumentMap(_) | Value::Map(_), other) => other.expected(&"text as key"),
        (Value::DocumentList(_) | Value::List(_), _) => {
            is_element(element, list.visit().into_iter().flatten(), scratch)
        }
        (other, _) => other.expected(&"a list or an object behind `in`"),
    }
}

/// Whether one of the candidates equals the element.
pub(crate) fn is_element<'a>(
    element: Value<'a>,
    candidates: impl Iterator<Item = Value<'a>>,
    scratch: &mut Scratch<'a>,
) -> Value<'a> {
    if matches!(element, Value::Unknown | Value::Error(_)) {
        return element;
    }
    let mut outcome = Value::Bool(false);
    for candidate in candidates {
        scratch.work(STEPS_PER_PAIR);
        let same = equal(element, candidate, scratch);
        if matches!(same, Value::Bool(true)) {
            return same;
        }
        outcome = or(outcome, same);
        if scratch.is_out_of_steps() {
            return Value::Error(EvalError::TooManySteps);
        }
    }
    outcome
}

#[inline(never)]
fn arithmetic<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
    scratch: &mut Scratch<'a>,
) -> Value<'a> {
    if let Some(settled) = undecided(left, right) {
        return settled;
    }
    let time = |result: Result<Value<'a>, crate::time::TimeError>| {
        result.unwrap_or_else(|error| Value::Error(EvalError::Time(error)))
    };
    match (operator, left, right) {
        (_, Value::Number(left), Value::Number(right)) => {
            let result = match operator {
                Operator::Add => left.checked_add(right),
                Operator::Subtract => left.checked_sub(right),
                Operator::Multiply => left.checked_mul(right),
                Operator::Divide => left.checked_div(right),
                _ => left.checked_rem(right),
            };
            result.map_or_else(
                |error| Value::Error(EvalError::Number(error)),
                Value::Number,
            )
        }
        (Operator::Add, Value::String(left), Value::String(right)) => {
            let len = left.len().saturating_add(right.len());
            if !scratch.build(len) {
                return Value::Error(EvalError::TooLarge);
            }
            let mut text = ArenaString::with_capacity_in(len, scratch.arena);
            text.push_str(left);
            text.push_str(right);
            Value::String(text.into_bump_str())
        }
        (
            Operator::Add,
            Value::DocumentList(_) | Value::List(_),
            Value::DocumentList(_) | Value::List(_),
        ) => {
            let len = left
                .len()
                .unwrap_or(0)
                .saturating_add(right.len().unwrap_or(0));
            if !scratch.build(len.saturating_mul(ENTRY_BYTES)) {
                return Value::Error(EvalError::TooLarge);
            }
            let mut values = ArenaVec::with_capacity_in(len, scratch.arena);
            values.extend(left.visit().into_iter().flatten());
            values.extend(right.visit().into_iter().flatten());
            Value::List(values.into_bump_slice())
        }
        (Operator::Add, Value::Timestamp(at), Value::Duration(by))
        | (Operator::Add, Value::Duration(by), Value::Timestamp(at)) => {
            time(at.checked_add(by).map(Value::Timestamp))
        }
        (Operator::Subtract, Value::Timestamp(at), Value::Duration(by)) => {
            time(at.checked_sub(by).map(Value::Timestamp))
        }
        (Operator::Subtract, Value::Timestamp(left), Value::Timestamp(right)) => {
            Value::Duration(left.since(right))
        }
        (Operator::Add, Value::Duration(left), Value::Duration(right)) => {
            time(left.checked_add(right).map(Value::Duration))
        }
        (Operator::Subtract, Value::Duration(left), Value::Duration(right)) => {
            time(left.checked_sub(right).map(Value::Duration))
        }
        (_, left, right) if left.kind() == right.kind() => left.expected(match operator {
            Operator::Add => &"numbers, texts, lists or times",
            _ => &"numbers or times",
        }),
        (_, left, right) => incomparable(left, right),
    }
}
