//! Arguments against the catalog: one entry's schema, flat, as the properties generate them.

use stage0_engine::codes::IssueCode;

use super::decimal::Decimal;
use super::model::{ArgumentKind, Tool};
use super::value::Value;

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
            Some((_, value)) => wrong.extend(flaw(&argument.kind, value).map(|code| (code, path))),
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

fn flaw(kind: &ArgumentKind, value: &Value) -> Option<IssueCode> {
    let outside = |bound: &Option<i64>, order| {
        let Value::Number(number) = value else {
            return false;
        };
        bound.is_some_and(|bound| number.order(Decimal::whole(bound)) == Some(order))
    };
    match (kind, value) {
        (ArgumentKind::Number(min, max), Value::Number(_)) => {
            let beyond =
                outside(min, std::cmp::Ordering::Less) || outside(max, std::cmp::Ordering::Greater);
            beyond.then_some(IssueCode::ARGUMENT_RANGE)
        }
        (ArgumentKind::Enum(words), Value::Text(text)) => {
            (!words.contains(&text.as_str())).then_some(IssueCode::ARGUMENT_VALUE)
        }
        (ArgumentKind::Any, _)
        | (ArgumentKind::Text, Value::Text(_))
        | (ArgumentKind::Bool, Value::Bool(_)) => None,
        _ => Some(IssueCode::ARGUMENT_TYPE),
    }
}
