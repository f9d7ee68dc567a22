//! Values of another kind than expected, and what to do about them.

use super::{Decoder, Subject, Task};
use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::shape::{Form, Kind};
use crate::tree::{NodeValue, is_json_number};

impl Decoder<'_> {
    /// Reports that a value is of another kind than its form takes, with help where the remedy is
    /// plain.
    #[inline(never)]
    pub(super) fn mismatch(&mut self, task: Task<'_>, kind: Kind) {
        let Task {
            node,
            form,
            subject,
        } = task;
        let is_written = kind != Kind::Null || self.sources.slice(node.span) == "null";
        let found = match &node.value {
            NodeValue::Null if is_written => String::from("`null`"),
            NodeValue::Null | NodeValue::Invalid => String::from("nothing"),
            NodeValue::Bool(value) => format!("`{value}`"),
            NodeValue::Number(number) => format!("the number {}", quoted(number)),
            NodeValue::String(text) => format!("the text {}", quoted(&text.value)),
            NodeValue::List(_) => String::from("a list"),
            NodeValue::Map(_) => String::from("a map"),
        };
        let wanted = match (form, subject) {
            // What an entry of a list is says more than the list's name.
            (Form::Map(shape), Subject::Unnamed | Subject::EntryOf(_)) => {
                format!("{} must be a map", shape.what)
            }
            _ => subject.must_be(&form.expected()),
        };
        let help = if is_written {
            remedy(&node.value, kind, form)
        } else {
            String::from(missing_value(form, subject))
        };
        let message = format!("{wanted}, found {found}");
        self.error_with_help(node.span, ProblemCode::PolicyWrongType, message, help);
    }
}

/// What to do about a value that is not written.
fn missing_value(form: &Form, subject: Subject) -> &'static str {
    match subject {
        Subject::EntryOf(_) | Subject::FirstOf(_) => {
            "write the entry behind the `-`, or remove the line"
        }
        _ if form.takes(Kind::Text) => "write the value behind the `:`",
        _ if form.takes(Kind::Map) => "write its keys below it, or `{}` if there is nothing to say",
        _ if form.takes(Kind::List) => "write its entries below it, or `[]` if there are none",
        _ => "write the value behind the `:`",
    }
}

/// What to do about a value of the wrong kind; empty where that cannot be told.
fn remedy(value: &NodeValue, kind: Kind, form: &Form) -> String {
    let takes = |kind| form.takes(kind);
    let help = match (kind, value) {
        (_, NodeValue::Number(written)) if form.takes_any_text() => {
            return format!("put it in quotes: `\"{written}\"`");
        }
        (_, NodeValue::Bool(written)) if form.takes_any_text() => {
            return format!("put it in quotes: `\"{written}\"`");
        }
        (_, NodeValue::String(text))
            if takes(Kind::Number) && is_json_number(&text.value)
                || takes(Kind::Bool) && matches!(text.value.as_str(), "true" | "false") =>
        {
            return format!("remove the quotes: `{}`", text.value);
        }
        (Kind::Text | Kind::Map, _) if takes(Kind::List) => {
            "write each entry on a line of its own behind `- `, or all in `[]`"
        }
        (Kind::List | Kind::Map, _) if takes(Kind::Text) && !takes(Kind::Map) => {
            "put text that begins with `[` or `{`, or contains `: `, in single quotes"
        }
        (Kind::List, _) if takes(Kind::Map) => {
            "write `key: value` lines without `- ` in front of them, or all in `{}`"
        }
        (_, _) if takes(Kind::Map) && !takes(Kind::Text) && !takes(Kind::Number) => {
            "write `key: value` lines below it, or all in `{}`"
        }
        _ => "",
    };
    String::from(help)
}
