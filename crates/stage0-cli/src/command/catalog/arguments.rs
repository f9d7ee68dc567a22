//! Arguments of the policy language, from JSON Schema.
//!
//! What the language cannot say is left open, as `any`, rather than said wrongly: the tool itself
//! still looks. Nothing is taken for allowed because a schema does not mention it.

use core::cell::{Cell, RefCell};

use stage0_engine::canonical::write_string;
use stage0_engine::document::{Kind, ValueRef};

use stage0_wire::Policy;

/// Schemas inside schemas that are described; what is deeper is `any`.
const DEPTH_MAX: usize = 8;

/// Schemas that are described for one tool; what comes after them is `any`. Schemas that refer to each
/// other have a form that is many times as long as they are.
const SCHEMAS_MAX: usize = 2_000;

/// References followed one after the other.
const REFERENCES_MAX: usize = 32;

/// Reads the schemas of one tool.
pub(super) struct Schemas<'d> {
    /// What references point into.
    root: ValueRef<'d>,
    /// Those that the one which is being described stands in.
    open: RefCell<Vec<u32>>,
    described: Cell<usize>,
}

/// A schema, and whether null is accepted beside it.
struct Found<'d> {
    schema: ValueRef<'d>,
    is_nullable: bool,
}

impl<'d> Schemas<'d> {
    pub(super) fn of(root: ValueRef<'d>) -> Self {
        Self {
            root,
            open: RefCell::default(),
            described: Cell::new(0),
        }
    }

    /// The lines of `args`, one for each argument, and whether others are accepted; `None` where the
    /// schema says nothing of them.
    pub(super) fn arguments(&self) -> Option<(Vec<String>, bool)> {
        let Found { schema, .. } = self.follow(self.root)?;
        let properties = schema
            .get("properties")
            .filter(|value| value.kind() == Kind::Object);
        let is_closed = schema
            .get("additionalProperties")
            .and_then(ValueRef::as_bool)
            == Some(false);
        let Some(properties) = properties else {
            return is_closed.then(|| (Vec::new(), false));
        };
        let lines = self.members(schema, properties, 0);
        Some((lines, takes_others(schema)))
    }

    /// `name: type` of each member.
    fn members(&self, schema: ValueRef<'d>, properties: ValueRef<'d>, depth: usize) -> Vec<String> {
        let required: Vec<&str> = schema
            .get("required")
            .into_iter()
            .flat_map(ValueRef::elements)
            .filter_map(ValueRef::as_str)
            .collect();
        properties
            .members()
            .map(|(name, member)| {
                let mut line = key(name);
                line.push_str(": ");
                line.push_str(&self.argument(member, !required.contains(&name), depth));
                line
            })
            .collect()
    }

    /// One argument, in one line.
    fn argument(&self, schema: ValueRef<'d>, is_optional: bool, depth: usize) -> String {
        let count = self.described.get().saturating_add(1);
        self.described.set(count);
        let is_known = |index: u32| self.open.borrow().contains(&index);
        let found = self.follow(schema).filter(|found| {
            depth < DEPTH_MAX && count <= SCHEMAS_MAX && !is_known(found.schema.index())
        });
        let mut parts = Vec::new();
        let mut is_nullable = false;
        match found {
            Some(found) => {
                is_nullable = found.is_nullable;
                self.open.borrow_mut().push(found.schema.index());
                self.describe(found.schema, &mut parts, &mut is_nullable, depth);
                self.open.borrow_mut().pop();
            }
            None => parts.push("type: any".to_owned()),
        }
        if is_nullable && !parts.iter().any(|part| part == "type: any") {
            parts.push("nullable: true".to_owned());
        }
        if is_optional {
            parts.push("optional: true".to_owned());
        }
        format!("{{ {} }}", parts.join(", "))
    }

    fn describe(
        &self,
        schema: ValueRef<'d>,
        parts: &mut Vec<String>,
        is_nullable: &mut bool,
        depth: usize,
    ) {
        if let Some(values) = enumerated(schema, is_nullable) {
            parts.push(values);
            return;
        }
        let word = match type_of(schema, is_nullable) {
            Some("boolean") => "bool",
            Some("array") => "list",
            Some(word @ ("string" | "number" | "integer" | "object")) => word,
            _ => {
                parts.push("type: any".to_owned());
                return;
            }
        };
        parts.push(format!("type: {word}"));
        match word {
            "number" | "integer" => {
                for (key, names) in [
                    ("min", ["minimum", "exclusiveMinimum"]),
                    ("max", ["maximum", "exclusiveMaximum"]),
                ] {
                    let bound = names
                        .iter()
                        .find_map(|name| schema.get(name)?.number_text());
                    parts.extend(bound.map(|bound| format!("{key}: {bound}")));
                }
            }
            "string" => {
                parts.extend(length(schema, "minLength", "maxLength"));
                let pattern = schema.get("pattern").and_then(ValueRef::as_str);
                parts.extend(
                    pattern
                        .filter(|pattern| is_understood(pattern))
                        .map(|pattern| format!("pattern: {}", quoted(pattern))),
                );
            }
            "list" => {
                parts.extend(length(schema, "minItems", "maxItems"));
                if let Some(items) = schema
                    .get("items")
                    .filter(|items| items.kind() == Kind::Object)
                {
                    parts.push(format!(
                        "items: {}",
                        self.argument(items, false, depth.saturating_add(1))
                    ));
                }
            }
            "object" => {
                let properties = schema.get("properties").filter(|value| !value.is_empty());
                if let Some(properties) = properties {
                    let members = self.members(schema, properties, depth.saturating_add(1));
                    parts.push(format!("properties: {{ {} }}", members.join(", ")));
                    if takes_others(schema) {
                        parts.push("extra: allow".to_owned());
                    }
                }
            }
            _ => {}
        }
    }

    /// The schema that a value stands for: what a reference points to, the only form of a union that
    /// is not null, the only part of a whole. `None` where that is none or several.
    fn follow(&self, schema: ValueRef<'d>) -> Option<Found<'d>> {
        let mut found = Found {
            schema,
            is_nullable: false,
        };
        for _ in 0..REFERENCES_MAX {
            if found.schema.kind() != Kind::Object {
                return None;
            }
            if let Some(reference) = found.schema.get("$ref").and_then(ValueRef::as_str) {
                found.schema = self.pointed(reference)?;
                continue;
            }
            let union = ["anyOf", "oneOf", "allOf"]
                .iter()
                .find_map(|name| found.schema.get(name));
            let Some(union) = union else {
                return Some(found);
            };
            let is_null =
                |form: &ValueRef<'_>| form.get("type").and_then(ValueRef::as_str) == Some("null");
            let mut forms = union.elements().filter(|form| !is_null(form));
            found.is_nullable |= union.elements().any(|form| is_null(&form));
            match (forms.next(), forms.next()) {
                (Some(form), None) => found.schema = form,
                _ => return None,
            }
        }
        None
    }

    /// What a reference inside the schema points to.
    fn pointed(&self, reference: &str) -> Option<ValueRef<'d>> {
        let path = reference.strip_prefix('#')?;
        path.split('/').skip(1).try_fold(self.root, |value, step| {
            value.get(&step.replace("~1", "/").replace("~0", "~"))
        })
    }
}

/// Whether an object says that it takes members which it does not name.
fn takes_others(schema: ValueRef<'_>) -> bool {
    schema
        .get("additionalProperties")
        .is_some_and(|others| others.kind() == Kind::Object || others.as_bool() == Some(true))
}

/// `enum`, if the values are all of a kind that can be listed.
fn enumerated(schema: ValueRef<'_>, is_nullable: &mut bool) -> Option<String> {
    let values: Vec<ValueRef<'_>> = match (schema.get("enum"), schema.get("const")) {
        (Some(list), _) => list.elements().collect(),
        (None, Some(one)) => vec![one],
        (None, None) => return None,
    };
    let mut texts = Vec::new();
    for value in values {
        match value.kind() {
            Kind::Null => *is_nullable = true,
            Kind::String => texts.push(quoted(value.as_str()?)),
            Kind::Number => texts.push(value.number_text()?.to_owned()),
            Kind::Bool => texts.push(value.as_bool()?.to_string()),
            Kind::List | Kind::Object => return None,
        }
    }
    (!texts.is_empty()).then(|| format!("enum: [{}]", texts.join(", ")))
}

/// The only type that is not null.
fn type_of<'d>(schema: ValueRef<'d>, is_nullable: &mut bool) -> Option<&'d str> {
    let named = schema.get("type")?;
    if let Some(word) = named.as_str() {
        return Some(word);
    }
    let words: Vec<&str> = named.elements().filter_map(ValueRef::as_str).collect();
    *is_nullable |= words.contains(&"null");
    let mut others = words.into_iter().filter(|word| *word != "null");
    let first = others.next();
    first.filter(|_| others.next().is_none())
}

/// Whether a pattern, which is one of JavaScript's, is one of the policy language as well.
fn is_understood(pattern: &str) -> bool {
    let pattern = quoted(pattern);
    let policy = format!(
        "stage0: v1\nname: a\nversion: 0.0.1\ntools: {{ a: {{ args: {{ a: {{ type: string, pattern: {pattern} }} }} }} }}\n"
    );
    Policy::parse(&policy).is_ok()
}

fn length(schema: ValueRef<'_>, least: &str, most: &str) -> Option<String> {
    let bound = |key: &str, name: &str| {
        let text = schema.get(name)?.number_text()?;
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| format!("{key}: {text}"))
    };
    let bounds: Vec<String> = [bound("min", least), bound("max", most)]
        .into_iter()
        .flatten()
        .collect();
    (!bounds.is_empty()).then(|| format!("length: {{ {} }}", bounds.join(", ")))
}

/// A text of YAML.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::new();
    write_string(&mut out, text);
    out
}

/// A key of YAML.
pub(super) fn key(name: &str) -> String {
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_plain = begins
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    // What YAML takes for something else than text.
    let means_more = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_word = means_more
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word));
    if is_plain && !is_word {
        name.to_owned()
    } else {
        quoted(name)
    }
}
