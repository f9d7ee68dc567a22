//! Values as people read them: short, on one line, and never able to pass for anything else.
//!
//! Explanations quote texts, so that `"5"` is seen to be none of the numbers; messages do not, because
//! they are sentences. In both, what would be invisible is spelled out.

use super::value::Value;
use crate::legible::{one_line, push_legible};

/// Characters of a text that are shown.
const SHOWN_CHARS: usize = 60;
/// Elements of a list that are shown.
const SHOWN_ITEMS: usize = 6;

/// A value for an explanation.
pub(crate) fn show(value: Value<'_>) -> String {
    match value {
        Value::Unknown => "missing".to_owned(),
        Value::Error(error) => error.to_string(),
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Timestamp(at) => at.to_string(),
        Value::Duration(span) => span.to_string(),
        Value::DocumentMap(_) | Value::Map(_) => {
            let count = value.len().unwrap_or(0);
            let plural = if count == 1 { "" } else { "s" };
            format!("an object of {count} member{plural}")
        }
        Value::DocumentList(_) | Value::List(_) => format!("[{}]", items(value, show)),
    }
}

/// A value inside a sentence.
pub(crate) fn tell(value: Value<'_>) -> String {
    match value {
        Value::Unknown => "(missing)".to_owned(),
        Value::Error(_) => "(unreadable)".to_owned(),
        Value::String(text) => one_line(text, SHOWN_CHARS),
        Value::DocumentList(_) | Value::List(_) => items(value, tell),
        other => show(other),
    }
}

fn items(list: Value<'_>, write: impl Fn(Value<'_>) -> String) -> String {
    let mut text = String::new();
    for (position, element) in list.visit().into_iter().flatten().enumerate() {
        if position > 0 {
            text.push_str(", ");
        }
        if position == SHOWN_ITEMS {
            text.push_str("...");
            break;
        }
        match element {
            Value::DocumentList(_) | Value::List(_) => text.push_str("[...]"),
            Value::DocumentMap(_) | Value::Map(_) => text.push_str("{...}"),
            scalar => text.push_str(&write(scalar)),
        }
    }
    text
}

fn quoted(text: &str) -> String {
    let mut shown = String::from("\"");
    for (position, c) in text.chars().enumerate() {
        if position == SHOWN_CHARS {
            shown.push_str("...");
            break;
        }
        push_legible(&mut shown, c);
    }
    shown.push('"');
    shown
}
