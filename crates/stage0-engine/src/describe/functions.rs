//! The functions that conditions may call, as data.

use crate::condition::builtin::{FORMS, FUNCTIONS};
use crate::condition::typing::{Type, usage};

/// A function that conditions may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionDescription {
    /// Its name.
    pub name: &'static str,
    /// How it is called: `text.startsWith(beginning)`. What may be left out has a question mark.
    pub usage: String,
    /// The type of its answer: `bool`, `number`, `text`, ...
    pub result: &'static str,
    /// What it does.
    pub summary: &'static str,
}

/// Every function that conditions may call, in the order of the documentation.
///
/// Loops and `has`, which take names and paths instead of values, stand behind the others.
pub fn functions() -> impl Iterator<Item = FunctionDescription> {
    let functions = FUNCTIONS.iter().map(|signature| FunctionDescription {
        name: signature.name,
        usage: usage(signature),
        result: short_name(signature.result),
        summary: signature.summary,
    });
    let forms = FORMS.iter().map(|form| FunctionDescription {
        name: form.name,
        usage: form.usage.to_owned(),
        result: short_name(form.result),
        summary: form.summary,
    });
    functions.chain(forms)
}

fn short_name(kind: Type) -> &'static str {
    match kind {
        Type::Dyn => "any",
        Type::Null => "null",
        Type::Bool => "bool",
        Type::Number => "number",
        Type::String => "text",
        Type::Timestamp => "timestamp",
        Type::Duration => "duration",
        Type::List(_) => "list",
        Type::Map(_) => "object",
    }
}
