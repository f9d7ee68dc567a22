//! Values against schemas: what is wrong with a call's arguments, before any rule is asked.
//!
//! All violations are reported, each with its path. Objects are closed unless their schema says
//! otherwise: an argument that the policy's author never thought of is refused, with a did-you-mean
//! because it is usually a misspelt one. A message tells what the schema's author wrote, and never the
//! value, which is the agent's.

use core::cmp::Ordering;

use crate::codes::IssueCode;
use crate::condition::program::Pattern;
use crate::document::{Kind, ValueRef};
use crate::index::SchemaPatterns;
use crate::legible::one_line;
use crate::number::Number;
use crate::policy::schema::{SchemaNode, SchemaType, Schemas};
use crate::suggest::nearest;
use crate::time::window::Window;
use crate::time::{Duration, Timestamp, Zone};

/// Violations reported for one call; more would not be read.
const VIOLATIONS_MAX: usize = 20;

/// Characters of an argument's name that are told.
const KEY_CHARS_MAX: usize = 64;
/// Allowed values that are named.
const VALUES_MAX: usize = 6;
/// Characters of an allowed value that are told.
const VALUE_CHARS_MAX: usize = 60;
/// Characters of a pattern that are told.
const PATTERN_CHARS_MAX: usize = 100;

/// One violation of a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) code: IssueCode,
    pub(crate) path: String,
    pub(crate) message: String,
}

/// Checks a value, reporting into `violations`. Nested parts wait in a list: nothing recurses.
pub(crate) fn check(
    schemas: &Schemas,
    patterns: &SchemaPatterns,
    schema: u32,
    value: ValueRef<'_>,
    path: &str,
    violations: &mut Vec<Violation>,
) {
    if fits_quickly(schemas, schema, value) {
        return;
    }
    let mut waiting = vec![(schema, value, path.to_owned())];
    while let Some((schema, value, path)) = waiting.pop() {
        if violations.len() >= VIOLATIONS_MAX {
            return;
        }
        let Some(node) = schemas.node(schema) else {
            continue;
        };
        if node.nullable && value.is_null() {
            continue;
        }
        if let Some((code, message)) = one(node, patterns.get(&schema), value, &path) {
            violations.push(Violation {
                code,
                path,
                message,
            });
            continue;
        }
        if let Some(items) = node.items {
            for (position, element) in value.elements().enumerate() {
                waiting.push((items, element, format!("{path}[{position}]")));
            }
        }
        if node.kind == SchemaType::Object {
            members(schemas, node, value, &path, &mut waiting, violations);
        }
    }
}

/// The common case without allocating: a flat object whose scalar members are all in order.
fn fits_quickly(schemas: &Schemas, schema: u32, value: ValueRef<'_>) -> bool {
    let Some(node) = schemas.node(schema) else {
        return false;
    };
    if node.kind != SchemaType::Object || value.kind() != Kind::Object || node.values.is_some() {
        return false;
    }
    let mut known = 0_usize;
    for (key, member) in value.members() {
        let Some((_, property)) = node.properties.iter().find(|(name, _)| name.value == key) else {
            if node.extra {
                continue;
            }
            return false;
        };
        let Some(property) = schemas.node(*property) else {
            return false;
        };
        if property.items.is_some()
            || property.kind == SchemaType::Object
            || property.pattern.is_some()
            || one(property, None, member, "").is_some()
        {
            return false;
        }
        known = known.saturating_add(1);
    }
    // Keys are unique, so as many known members as properties means that none is missing.
    known == node.properties.len()
}

#[inline(never)]
fn members<'v>(
    schemas: &Schemas,
    node: &SchemaNode,
    value: ValueRef<'v>,
    path: &str,
    waiting: &mut Vec<(u32, ValueRef<'v>, String)>,
    violations: &mut Vec<Violation>,
) {
    for (name, property) in &node.properties {
        match value.get(&name.value) {
            Some(member) => waiting.push((*property, member, format!("{path}.{}", name.value))),
            None if schemas
                .node(*property)
                .is_some_and(|property| property.optional) => {}
            None => violations.push(Violation {
                code: IssueCode::ARGUMENT_MISSING,
                path: format!("{path}.{}", name.value),
                message: format!("`{path}.{}` is missing", name.value),
            }),
        }
    }
    if node.extra {
        return;
    }
    let is_known = |key: &str| node.properties.iter().any(|(name, _)| name.value == key);
    let keys = value.members().map(|(key, _)| key);
    let mut unknown: Vec<&str> = keys.filter(|key| !is_known(key)).collect();
    // The first by name, so that the order of arguments does not matter.
    unknown.sort_unstable();
    for key in unknown.into_iter().take(VIOLATIONS_MAX) {
        let known = node.properties.iter().map(|(name, _)| name.value.as_str());
        let hint = nearest(key, known).map(|near| format!("; did you mean `{near}`?"));
        let shown = one_line(key, KEY_CHARS_MAX);
        violations.push(Violation {
            code: IssueCode::ARGUMENT_NOT_ALLOWED,
            path: format!("{path}.{shown}"),
            message: format!(
                "`{path}.{shown}` is not an argument of this tool{}",
                hint.unwrap_or_default()
            ),
        });
    }
}

/// What is wrong with one value itself.
fn one(
    node: &SchemaNode,
    pattern: Option<&Pattern>,
    value: ValueRef<'_>,
    path: &str,
) -> Option<(IssueCode, String)> {
    let number = value.as_number();
    let text = value.as_str();
    let of_type = match node.kind {
        SchemaType::Any => true,
        SchemaType::Bool => value.kind() == Kind::Bool,
        SchemaType::Number => number.is_some(),
        SchemaType::Integer => number.is_some_and(Number::is_integral),
        SchemaType::String => text.is_some(),
        SchemaType::Timestamp => text.is_some_and(|text| Timestamp::parse(text).is_ok()),
        SchemaType::Duration => text.is_some_and(|text| Duration::parse(text).is_ok()),
        SchemaType::Window => text.is_some_and(|text| Window::parse(text, Zone::UTC).is_ok()),
        SchemaType::List => value.kind() == Kind::List,
        SchemaType::Object => value.kind() == Kind::Object,
    };
    if !of_type {
        return Some((
            IssueCode::ARGUMENT_TYPE,
            format!(
                "`{path}` must be {}, and this is {}",
                node.kind.text(),
                found(value)
            ),
        ));
    }
    if let Some(values) = &node.values {
        let known = values.root().elements().any(|known| same(known, value));
        if !known {
            let message = format!("`{path}` must be {}", one_of(values.root()));
            return Some((IssueCode::ARGUMENT_VALUE, message));
        }
    }
    if let Some(broken) = number.and_then(|number| bound_of_number(node, number)) {
        return Some((
            IssueCode::ARGUMENT_RANGE,
            format!("`{path}` must be {broken}"),
        ));
    }
    if let Some(broken) = bound_of_length(node, value) {
        return Some((
            IssueCode::ARGUMENT_RANGE,
            format!("`{path}` must have {broken}"),
        ));
    }
    let (pattern, text) = (pattern?, text?);
    let fault = if pattern.steps(text).is_none() {
        "is too long for the pattern"
    } else if pattern.regex.is_match(text) {
        return None;
    } else {
        "does not fit the pattern"
    };
    let written = node.pattern.as_ref().map_or("", |pattern| &pattern.value);
    let message = format!(
        "`{path}` {fault} `{}`",
        one_line(written, PATTERN_CHARS_MAX)
    );
    Some((IssueCode::ARGUMENT_VALUE, message))
}

/// Why a value that a schema lists can never be given.
pub(crate) fn why_never(
    node: &SchemaNode,
    pattern: Option<&Pattern>,
    value: ValueRef<'_>,
) -> Option<String> {
    let rest = SchemaNode {
        values: None,
        ..node.clone()
    };
    let (_, why) = one(&rest, pattern, value, "it")?;
    Some(format!(
        "{} can never be given: {}",
        shown(value),
        why.replacen("`it`", "it", 1)
    ))
}

/// The bound that a number breaks.
fn bound_of_number(node: &SchemaNode, number: Number) -> Option<String> {
    match (node.min, node.max) {
        (Some(min), _) if number.cmp(&min) == Ordering::Less => Some(format!("at least {min}")),
        (_, Some(max)) if number.cmp(&max) == Ordering::Greater => Some(format!("at most {max}")),
        _ => None,
    }
}

/// The bound that the length of a text or list breaks.
fn bound_of_length(node: &SchemaNode, value: ValueRef<'_>) -> Option<String> {
    if node.length_min.is_none() && node.length_max.is_none() {
        return None;
    }
    let (length, one, many) = match value.as_str() {
        Some(text) => (text.chars().count(), "character", "characters"),
        None => (value.len(), "entry", "entries"),
    };
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let (which, bound) = match (node.length_min, node.length_max) {
        (Some(min), _) if length < min => ("at least", min),
        (_, Some(max)) if length > max => ("at most", max),
        _ => return None,
    };
    let what = if bound == 1 { one } else { many };
    Some(format!("{which} {bound} {what}"))
}

/// The values that a schema lists, as its author wrote them.
#[inline(never)]
fn one_of(values: ValueRef<'_>) -> String {
    let listed: Vec<String> = values.elements().take(VALUES_MAX).map(shown).collect();
    match (values.len().saturating_sub(VALUES_MAX), listed.split_last()) {
        (0, Some((last, before))) if !before.is_empty() => {
            format!("{} or {last}", before.join(", "))
        }
        (0, _) => listed.concat(),
        (1, _) => format!("{} or one other value", listed.join(", ")),
        (left, _) => format!("{} or one of {left} other values", listed.join(", ")),
    }
}

fn shown(value: ValueRef<'_>) -> String {
    if let Some(text) = value.as_str() {
        format!("`{}`", one_line(text, VALUE_CHARS_MAX))
    } else if let Some(number) = value.as_number() {
        format!("`{number}`")
    } else if let Some(truth) = value.as_bool() {
        format!("`{truth}`")
    } else {
        found(value).to_owned()
    }
}

/// Whether two scalars are the same value.
fn same(one: ValueRef<'_>, two: ValueRef<'_>) -> bool {
    match (one.kind(), two.kind()) {
        (Kind::String, Kind::String) => one.as_str() == two.as_str(),
        (Kind::Number, Kind::Number) => one.as_number() == two.as_number(),
        (Kind::Bool, Kind::Bool) => one.as_bool() == two.as_bool(),
        (Kind::Null, Kind::Null) => true,
        _ => false,
    }
}

fn found(value: ValueRef<'_>) -> &'static str {
    match value.kind() {
        Kind::Null => "null",
        Kind::Bool => "true or false",
        Kind::Number => "a number",
        Kind::String => "text",
        Kind::List => "a list",
        Kind::Object => "an object",
    }
}
