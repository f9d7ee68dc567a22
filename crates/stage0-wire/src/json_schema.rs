//! The JSON Schema of policies and test files, for editors.
//!
//! It is written from the descriptions that the decoder checks files against, so whatever an editor
//! offers is what Stage0 reads. It cannot say everything: names that have to exist, types that have
//! to fit and conditions are checked when a policy is loaded.

use std::collections::VecDeque;

use stage0_engine::canonical::write_string;

use crate::cases;
use crate::policy;
use crate::shape::{Form, Key, NameRule, Presence, Shape};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

const CONDITION: &str = "A condition in a typed subset of CEL, such as args.amount <= 500 or \
    context.actor_role in [\"support\", \"finance\"].";

/// The JSON Schema of policies, draft 2020-12, as indented text that ends in a line break.
pub fn policy_schema() -> String {
    schema("Stage0 policy", &policy::POLICY)
}

/// The JSON Schema of files of test cases, draft 2020-12, as indented text that ends in a line break.
pub fn test_file_schema() -> String {
    schema("Stage0 test file", &cases::TEST_FILE)
}

/// A value that is to be written.
enum Json {
    Text(String),
    Number(u32),
    Bool(bool),
    List(Vec<Self>),
    Object(Members),
}

type Members = Vec<(&'static str, Json)>;

fn text(text: impl Into<String>) -> Json {
    Json::Text(text.into())
}

fn texts(texts: impl IntoIterator<Item = &'static str>) -> Json {
    Json::List(texts.into_iter().map(text).collect())
}

fn schema(title: &str, root: &'static Form) -> String {
    let mut writer = Writer::default();
    let mut whole = vec![("$schema", text(DIALECT)), ("title", text(title))];
    whole.extend(writer.form(root));
    let mut definitions = vec![(
        "condition",
        Json::Object(vec![
            ("type", text("string")),
            ("description", text(CONDITION)),
        ]),
    )];
    while let Some(shape) = writer.waiting.pop_front() {
        let definition = Json::Object(writer.shape(shape));
        definitions.push((shape.name, definition));
    }
    definitions.sort_by_key(|(name, _)| *name);
    whole.push(("$defs", Json::Object(definitions)));
    let mut out = String::new();
    write(&mut out, &Json::Object(whole), 0);
    out.push('\n');
    out
}

/// Writes forms, and remembers the shapes that they refer to.
#[derive(Default)]
struct Writer {
    waiting: VecDeque<&'static Shape>,
    names: Vec<&'static str>,
}

impl Writer {
    fn form(&mut self, form: &'static Form) -> Members {
        let typed = |name: &str| vec![("type", text(name))];
        match form {
            Form::Text => typed("string"),
            Form::Duration => [
                typed("string"),
                vec![("examples", texts(["15m", "4h", "1d"]))],
            ]
            .into_iter()
            .flatten()
            .collect(),
            Form::Timestamp => vec![("type", text("string")), ("format", text("date-time"))],
            Form::Name(rule) => name(rule),
            Form::Condition => reference("condition"),
            Form::TrueOrCondition => {
                let condition = Json::Object(reference("condition"));
                let always = Json::Object(vec![("const", Json::Bool(true))]);
                vec![("anyOf", Json::List(vec![always, condition]))]
            }
            Form::Bool => typed("boolean"),
            Form::Number => typed("number"),
            Form::Whole(least, most) => vec![
                ("type", text("integer")),
                ("minimum", Json::Number(*least)),
                ("maximum", Json::Number(*most)),
            ],
            Form::Words(words) => vec![("enum", texts(words.names.iter().copied()))],
            Form::List(entry) => list(self.form(entry)),
            Form::OneOrMany(one) | Form::OneOrMore(one) => {
                let alone = Json::Object(self.form(one));
                let mut many = list(self.form(one));
                if matches!(form, Form::OneOrMore(_)) {
                    many.push(("minItems", Json::Number(1)));
                }
                let many = Json::Object(many);
                vec![("anyOf", Json::List(vec![alone, many]))]
            }
            Form::Headed(first, others) => vec![
                ("type", text("array")),
                ("minItems", Json::Number(1)),
                (
                    "prefixItems",
                    Json::List(vec![Json::Object(self.form(first))]),
                ),
                ("items", Json::Object(self.form(others))),
            ],
            Form::Map(shape) => {
                if !self.names.contains(&shape.name) {
                    self.names.push(shape.name);
                    self.waiting.push_back(shape);
                }
                reference(shape.name)
            }
            Form::MapOf(rule, value) => {
                let mut members = typed("object");
                if let Some(rule) = rule {
                    members.push(("propertyNames", Json::Object(name(rule))));
                }
                members.push(("additionalProperties", Json::Object(self.form(value))));
                members
            }
            Form::Object => typed("object"),
            Form::Any => Vec::new(),
            Form::Either(forms) => {
                let forms = forms.iter();
                let forms = forms.map(|form| Json::Object(self.form(form))).collect();
                vec![("anyOf", Json::List(forms))]
            }
        }
    }

    fn shape(&mut self, shape: &'static Shape) -> Members {
        let keys: Vec<&'static Key> = shape.keys().collect();
        let mut members = vec![("type", text("object")), ("description", text(shape.doc))];
        let properties = keys.iter().map(|key| {
            let mut property = vec![("description", text(key.doc))];
            property.extend(self.form(&key.form));
            (key.name, Json::Object(property))
        });
        members.push(("properties", Json::Object(properties.collect())));
        members.push(("additionalProperties", Json::Bool(false)));
        let required = keys.iter();
        let required = required.filter(|key| matches!(key.presence, Presence::Required(_)));
        let required: Vec<_> = required.map(|key| key.name).collect();
        if !required.is_empty() {
            members.push(("required", texts(required)));
        }
        let beside = keys.iter().filter_map(|key| match key.presence {
            Presence::With(other) => Some((key.name, texts([other]))),
            _ => None,
        });
        let beside: Members = beside.collect();
        if !beside.is_empty() {
            members.push(("dependentRequired", Json::Object(beside)));
        }
        if !shape.one_of.keys.is_empty() {
            let choices = shape.one_of.keys.iter();
            let choices = choices.map(|key| Json::Object(vec![("required", texts([*key]))]));
            members.push(("oneOf", Json::List(choices.collect())));
        }
        members
    }
}

fn reference(name: &str) -> Members {
    vec![("$ref", text(format!("#/$defs/{name}")))]
}

fn list(entry: Members) -> Members {
    vec![("type", text("array")), ("items", Json::Object(entry))]
}

fn name(rule: &NameRule) -> Members {
    vec![("type", text("string")), ("pattern", text(rule.pattern()))]
}

/// Appends a value with two spaces for each level of nesting. The nesting is that of the
/// descriptions, which refer to each other by name where they would not end.
fn write(out: &mut String, value: &Json, depth: usize) {
    let inner = depth.saturating_add(1);
    let line = |out: &mut String, position: usize| {
        out.push_str(if position > 0 { ",\n" } else { "\n" });
        out.extend(std::iter::repeat_n("  ", inner));
    };
    let end = |out: &mut String, is_empty: bool, bracket: char| {
        if !is_empty {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
        out.push(bracket);
    };
    match value {
        Json::Text(text) => write_string(out, text),
        Json::Number(number) => out.push_str(&number.to_string()),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::List(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                line(out, position);
                write(out, item, inner);
            }
            end(out, items.is_empty(), ']');
        }
        Json::Object(members) => {
            out.push('{');
            for (position, (key, member)) in members.iter().enumerate() {
                line(out, position);
                write_string(out, key);
                out.push_str(": ");
                write(out, member, inner);
            }
            end(out, members.is_empty(), '}');
        }
    }
}
