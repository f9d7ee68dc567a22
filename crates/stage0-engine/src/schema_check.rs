//! Values against schemas: what is wrong with a call's arguments, before any rule is asked.
//!
//! All violations are reported, each with its path. Objects are closed unless their schema says
//! otherwise: an argument that the policy's author never thought of is refused, with a did-you-mean
//! because it is usually a misspelt one.

use core::cmp::Ordering;

use crate::codes::IssueCode;
use crate::condition::program::Pattern;
use crate::document::{Kind, ValueRef};
use crate::index::SchemaPatterns;
use crate::legible::one_line;
use crate::policy::schema::{SchemaNode, SchemaType, Schemas};
use crate::suggest::nearest;
use crate::time::{Duration, Timestamp};

/// Violations reported for one call; more would not be read.
const VIOLATIONS_MAX: usize = 20;

/// Characters of an argument's name that are told.
const KEY_CHARS_MAX: usize = 64;

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
        SchemaType::Integer => number.is_some_and(super::number::Number::is_integral),
        SchemaType::String => text.is_some(),
        SchemaType::Timestamp => text.is_some_and(|text| Timestamp::parse(text).is_ok()),
        SchemaType::Duration => text.is_some_and(|text| Duration::parse(text).is_ok()),
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
            return Some((
                IssueCode::ARGUMENT_VALUE,
                format!("`{path}` is none of the allowed values"),
            ));
        }
    }
    if let Some(number) = number {
        if node
            .min
            .is_some_and(|min| number.cmp(&min) == Ordering::Less)
        {
            return Some((
                IssueCode::ARGUMENT_RANGE,
                format!("`{path}` is below the least allowed value"),
            ));
        }
        if node
            .max
            .is_some_and(|max| number.cmp(&max) == Ordering::Greater)
        {
            return Some((
                IssueCode::ARGUMENT_RANGE,
                format!("`{path}` is above the largest allowed value"),
            ));
        }
    }
    if node.length_min.is_some() || node.length_max.is_some() {
        let len = text.map_or(value.len(), |text| text.chars().count());
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        if node.length_min.is_some_and(|min| len < min) {
            return Some((
                IssueCode::ARGUMENT_RANGE,
                format!("`{path}` is shorter than allowed"),
            ));
        }
        if node.length_max.is_some_and(|max| len > max) {
            return Some((
                IssueCode::ARGUMENT_RANGE,
                format!("`{path}` is longer than allowed"),
            ));
        }
    }
    let (pattern, text) = (pattern?, text?);
    let fault = if pattern.steps(text).is_none() {
        "is too long for its pattern"
    } else if pattern.regex.is_match(text) {
        return None;
    } else {
        "does not fit its pattern"
    };
    Some((IssueCode::ARGUMENT_VALUE, format!("`{path}` {fault}")))
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
