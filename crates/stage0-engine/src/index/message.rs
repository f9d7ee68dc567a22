//! Messages with facts in them: `Retry {context.retry_count} of {params.retries_max}`.
//!
//! Between braces stands the path of a fact or param, or a named expression, and nothing else: a
//! message tells what the rule saw and computes nothing. A brace of its own is written twice.

use super::environment::RuleNames;
use crate::condition::tree::{Expr, Path};
use crate::condition::{Slot, syntax, typing};
use crate::facts::FactRoot;
use crate::policy::{FindingKind, PolicyFinding};
use crate::span::Spanned;

/// A part of a message as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    Text(String),
    /// A fact's path, a param's or that of a named expression.
    Path(Path),
}

/// A part of a message as rules tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(Box<str>),
    Fact(Slot),
    /// A named expression, by its place.
    Let(u32),
}

/// A message ready to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// As it is written.
    pub(crate) text: Box<str>,
    /// Its parts; none where it is told as it is written.
    pub(crate) parts: Vec<Part>,
}

/// Takes a message apart, and finds what is wrong with it.
#[inline(never)]
pub(super) fn read(
    message: &Spanned<String>,
    names: &RuleNames<'_>,
) -> (Vec<Written>, Vec<PolicyFinding>) {
    let mut parts = Vec::new();
    let mut findings = Vec::new();
    let mut text = String::new();
    let mut rest = message.value.as_str();
    while let Some((before, after)) = rest.split_once(['{', '}']) {
        text.push_str(before);
        let brace = rest
            .get(before.len()..)
            .and_then(|from| from.chars().next());
        let brace = brace.unwrap_or('{');
        if let Some(after) = after.strip_prefix(brace) {
            text.push(brace);
            rest = after;
            continue;
        }
        let inside = after.split_once('}').filter(|_| brace == '{');
        let Some((inside, after)) = inside else {
            let finding = PolicyFinding::new(
                FindingKind::Message,
                message.span,
                format!("the message has a `{brace}` without its counterpart"),
            );
            findings.push(finding.with_help(format!(
                "a fact stands between braces, as in {{args.amount}}; for the character itself write `{brace}{brace}`"
            )));
            return (parts, findings);
        };
        rest = after;
        match path(inside, names) {
            Ok(path) => {
                parts.push(Written::Text(core::mem::take(&mut text)));
                parts.push(Written::Path(path));
            }
            Err((why, help)) => {
                let finding = PolicyFinding::new(FindingKind::Message, message.span, why);
                findings.push(finding.with_help(help));
            }
        }
    }
    text.push_str(rest);
    parts.push(Written::Text(text));
    (parts, findings)
}

/// The path between two braces; or why it is none, and what to do about it.
fn path(inside: &str, names: &RuleNames<'_>) -> Result<Path, (String, String)> {
    let tree = syntax::parse(inside).ok();
    let path = match tree.as_ref().map(|tree| tree.nodes.as_slice()) {
        Some([node]) => match &node.expr {
            Expr::Path(path) => Some(path),
            _ => None,
        },
        _ => None,
    };
    let known = path.filter(|path| {
        FactRoot::find(&path.root).is_some() || ["params", "let"].contains(&path.root.as_str())
    });
    let (Some(path), Some(tree)) = (known, &tree) else {
        return Err((
            format!("`{{{inside}}}` in the message names no fact, param or named expression"),
            "write for example {context.ticket_id}, {params.limit} or {let.total}".to_owned(),
        ));
    };
    let mut errors = Vec::new();
    typing::check(tree, names, &mut errors);
    match errors.first() {
        None => Ok(path.clone()),
        Some(error) => Err((
            format!("in the message, {}", error.message()),
            error.help().unwrap_or("check the spelling").to_owned(),
        )),
    }
}
