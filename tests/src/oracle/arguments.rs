//! Arguments against the catalog: one entry's schema, as the properties generate them.

use std::cmp::Ordering;

use stage0_engine::codes::IssueCode;

use super::decimal::Decimal;
use super::model::{ArgumentKind, Tool};
use super::value::{Value, read_instant};

/// What is wrong with a call's arguments, with the path of each.
pub(super) fn check(tool: &Tool, arguments: &[(&'static str, Value)]) -> Vec<(IssueCode, String)> {
    let Some(schema) = &tool.args else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    for argument in schema {
        let path = format!("args.{}", argument.name);
        match arguments.iter().find(|(name, _)| *name == argument.name) {
            None if argument.optional => {}
            None => wrong.push((IssueCode::ARGUMENT_MISSING, path)),
            Some((_, Value::Null)) if argument.nullable => {}
            Some((_, value)) => wrong.extend(flaws(&argument.kind, value, path)),
        }
    }
    let unlisted = arguments
        .iter()
        .filter(|(name, _)| schema.iter().all(|known| known.name != *name));
    if !tool.extra_args {
        wrong.extend(
            unlisted.map(|(name, _)| (IssueCode::ARGUMENT_NOT_ALLOWED, format!("args.{name}"))),
        );
    }
    wrong
}

/// What is wrong with one value, and with each of its elements.
pub(super) fn flaws(kind: &ArgumentKind, value: &Value, path: String) -> Vec<(IssueCode, String)> {
    let code = match (kind, value) {
        (ArgumentKind::Number(min, max), Value::Number(number)) => {
            let is_beyond = |bound: &Option<i64>, order| {
                bound.is_some_and(|bound| number.order(Decimal::whole(bound)) == order)
            };
            let beyond = is_beyond(min, Ordering::Less) || is_beyond(max, Ordering::Greater);
            beyond.then_some(IssueCode::ARGUMENT_RANGE)
        }
        (ArgumentKind::Integer, Value::Number(number)) => {
            let is_whole = number.modulo(Decimal::whole(1)) == Some(Decimal::whole(0));
            (!is_whole).then_some(IssueCode::ARGUMENT_TYPE)
        }
        (ArgumentKind::Enum(words), Value::Text(text)) => {
            (!words.contains(&text.as_str())).then_some(IssueCode::ARGUMENT_VALUE)
        }
        (ArgumentKind::Time, Value::Text(text)) => read_instant(text)
            .is_none()
            .then_some(IssueCode::ARGUMENT_TYPE),
        (ArgumentKind::List(Some(items)), Value::List(elements)) => {
            let elements = elements.iter().enumerate();
            return elements
                .flat_map(|(at, element)| flaws(items, element, format!("{path}[{at}]")))
                .collect();
        }
        (ArgumentKind::Any, _)
        | (ArgumentKind::Text, Value::Text(_))
        | (ArgumentKind::Bool, Value::Bool(_))
        | (ArgumentKind::List(None), Value::List(_))
        | (ArgumentKind::Object, Value::Map(_)) => None,
        _ => Some(IssueCode::ARGUMENT_TYPE),
    };
    code.map(|code| (code, path)).into_iter().collect()
}
