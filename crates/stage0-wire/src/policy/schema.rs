//! Schemas of arguments, params and facts: the small subset of JSON Schema that policies write.
//!
//! A schema is a map, or the name of a type alone: `amount: number`. Nested schemas are put in a
//! queue instead of being read by recursion, which also gives each child a larger index than its
//! parent. A key that the type gives no meaning is an error: a `min` that nobody checks would look
//! like a guard.

use std::collections::VecDeque;

use stage0_engine::document::Document;
use stage0_engine::limits::SCHEMA_DEPTH_MAX;
use stage0_engine::number::Number;
use stage0_engine::policy::FindingKind;
use stage0_engine::policy::schema::{SchemaNode, SchemaType, Schemas};
use stage0_engine::time::window::Window;
use stage0_engine::time::{Duration, Timestamp, Zone};

use crate::codes::ProblemCode;
use crate::decode::Decoder;
use crate::escape::quoted;
use crate::fields::{self, Fields};
use crate::shape::{Form, Key, OneOf, Shape, Words, names};
use crate::tree::{Node, NodeValue};

/// Whether what is not listed is accepted.
pub(super) const EXTRA: [(&str, bool); 2] = [("refuse", false), ("allow", true)];
pub(super) static EXTRA_WORDS: Words = Words::new(&names(&EXTRA));

const TYPES: [(&str, SchemaType); 12] = SchemaType::NAMES;
pub(super) static TYPE_WORDS: Words = Words {
    names: &names(&TYPES),
    // `boolean` and `array` are JSON Schema's words for `bool` and `list`.
    listed: TYPES.len().saturating_sub(2),
    later: &[],
    help: "text of whatever kind is a `string`, which a `pattern` or an `enum` can narrow",
};

const LENGTH_MAX: u32 = u32::MAX;

/// The schema of an argument, or of a member of an object.
pub(super) static ARGUMENT: Form =
    Form::Either(&[Form::Words(&TYPE_WORDS), Form::Map(&ARGUMENT_SHAPE)]);

static ARGUMENT_SHAPE: Shape = Shape {
    name: "argument",
    what: "an argument",
    doc: "What an argument may be.",
    groups: &[
        &SCHEMA_KEYS,
        &[Key::new(
            "optional",
            Form::Bool,
            "Whether the argument may be left out; false if not given.",
        )],
    ],
    one_of: OneOf::NONE,
};

/// The schema of a list's entries.
static ITEMS_SHAPE: Shape = Shape {
    name: "items",
    what: "a schema of entries",
    doc: "What the entries of a list may be.",
    groups: &[&SCHEMA_KEYS],
    one_of: OneOf::NONE,
};

/// The keys that every schema has.
pub(super) static SCHEMA_KEYS: [Key; 10] = [
    Key::new(
        "type",
        Form::Words(&TYPE_WORDS),
        "The type: bool, number, integer, string, timestamp, duration, window, list, object, or any.",
    ),
    Key::new(
        "enum",
        Form::List(&Form::Either(&[Form::Text, Form::Number, Form::Bool])),
        "The values allowed.",
    ),
    Key::new("min", Form::Number, "The least number allowed."),
    Key::new("max", Form::Number, "The largest number allowed."),
    Key::new(
        "length",
        Form::Either(&[Form::Whole(0, LENGTH_MAX), Form::Map(&LENGTH)]),
        "How many characters a text, or entries a list, has: a number, or the least and the most.",
    ),
    Key::new(
        "pattern",
        Form::Text,
        "A regular expression that a text matches somewhere; `^` and `$` make it fit the whole text.",
    ),
    Key::new("items", Form::Either(&[
            Form::Words(&TYPE_WORDS),
            Form::Map(&ITEMS_SHAPE),
        ]), "What the entries of a list may be."),
    Key::new(
        "properties",
        Form::MapOf(None, &ARGUMENT),
        "The members of an object. Each is required unless it is optional, and others are refused. Without `properties` any are accepted.",
    ),
    Key::new(
        "extra",
        Form::Words(&EXTRA_WORDS),
        "Whether members that `properties` does not list are accepted: refuse (the default) or allow.",
    )
    .with("properties"),
    Key::new("nullable", Form::Bool, "Whether null is accepted as well; false if not given."),
];

static LENGTH: Shape = Shape {
    name: "length",
    what: "a length",
    doc: "The least and the most characters of a text, or entries of a list.",
    groups: &[&[
        Key::new("min", Form::Whole(0, LENGTH_MAX), "The least length."),
        Key::new("max", Form::Whole(0, LENGTH_MAX), "The largest length."),
    ]],
    one_of: OneOf::NONE,
};

/// Whether a map says anything about a type.
pub(super) fn is_schema(fields: Fields<'_>) -> bool {
    SCHEMA_KEYS.iter().any(|key| fields.has(key.name))
}

/// A schema that waits to be read.
struct Waiting<'n> {
    index: u32,
    node: &'n Node,
    depth: usize,
}

/// Adds the schema of a value; its index.
pub(super) fn add(decoder: &mut Decoder<'_>, schemas: &mut Schemas, node: &Node) -> u32 {
    let mut reader = Reader {
        decoder,
        schemas,
        waiting: VecDeque::new(),
    };
    let index = reader.promise(node, 1);
    reader.read_waiting();
    index
}

/// Adds the schema of an object whose members are the entries of a map; its index.
pub(super) fn add_object(
    decoder: &mut Decoder<'_>,
    schemas: &mut Schemas,
    object: SchemaNode,
    members: &Node,
) -> u32 {
    let mut reader = Reader {
        decoder,
        schemas,
        waiting: VecDeque::new(),
    };
    let index = reader.reserve(object);
    reader.members(index, members, 1);
    reader.read_waiting();
    index
}

struct Reader<'r, 's, 'n> {
    decoder: &'r mut Decoder<'s>,
    schemas: &'r mut Schemas,
    waiting: VecDeque<Waiting<'n>>,
}

impl<'n> Reader<'_, '_, 'n> {
    fn reserve(&mut self, node: SchemaNode) -> u32 {
        let index = u32::try_from(self.schemas.nodes.len()).unwrap_or(u32::MAX);
        self.schemas.nodes.push(node);
        index
    }

    /// Makes room for a schema that is read later.
    fn promise(&mut self, node: &'n Node, depth: usize) -> u32 {
        let index = self.reserve(SchemaNode::default());
        self.waiting.push_back(Waiting { index, node, depth });
        index
    }

    fn members(&mut self, object: u32, members: &'n Node, depth: usize) {
        let Some(members) = Fields::of(members) else {
            return;
        };
        let members = members.entries.iter();
        let properties = members
            .map(|(name, node)| (name.clone(), self.promise(node, depth)))
            .collect();
        if let Some(object) = self.schemas.nodes.get_mut(object as usize) {
            object.properties = properties;
        }
    }

    fn read_waiting(&mut self) {
        while let Some(Waiting { index, node, depth }) = self.waiting.pop_front() {
            if depth > SCHEMA_DEPTH_MAX {
                let message = format!("schemas are nested more than {SCHEMA_DEPTH_MAX} deep");
                self.decoder.error_with_help(
                    node.span,
                    ProblemCode::PolicyTooDeep,
                    message,
                    "leave the inner parts open: `type: object` without `properties`",
                );
                continue;
            }
            let schema = self.schema(node);
            let items = Fields::of(node).and_then(|fields| fields.get("items"));
            let items = items.map(|items| self.promise(items, depth.saturating_add(1)));
            if let Some(slot) = self.schemas.nodes.get_mut(index as usize) {
                *slot = SchemaNode { items, ..schema };
            }
            if let Some(properties) = Fields::of(node).and_then(|fields| fields.get("properties")) {
                self.members(index, properties, depth.saturating_add(1));
            }
        }
    }

    /// A schema without what is nested in it.
    fn schema(&mut self, node: &Node) -> SchemaNode {
        let named = fields::word(node, &TYPES);
        let mut schema = SchemaNode {
            span: node.span,
            kind: named.map(|kind| kind.value).unwrap_or_default(),
            extra: true,
            ..SchemaNode::default()
        };
        let Some(fields) = Fields::of(node) else {
            return schema;
        };
        let kind = fields.word("type", &TYPES);
        schema.kind = kind.map(|kind| kind.value).unwrap_or_default();
        schema.optional = fields.is_true("optional");
        schema.nullable = fields.is_true("nullable");
        schema.min = fields.number("min").map(|min| min.value);
        schema.max = fields.number("max").map(|max| max.value);
        schema.pattern = fields.text("pattern");
        // Without a list of its members, an object may have any.
        let extra = fields.word("extra", &EXTRA);
        schema.extra = extra.map_or(!fields.has("properties"), |extra| extra.value);
        if let Some(length) = fields.get("length") {
            (schema.length_min, schema.length_max) = self.length(length);
        }
        schema.values = fields
            .get("enum")
            .and_then(|values| self.values(values, schema.kind));
        self.check_keys(fields, schema.kind);
        schema
    }

    fn length(&mut self, node: &Node) -> (Option<u32>, Option<u32>) {
        let Some(fields) = Fields::of(node) else {
            let exactly = fields::whole(node);
            return (exactly, exactly);
        };
        let (least, most) = (fields.whole("min"), fields.whole("max"));
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            self.contradiction(node, "the least length is above the largest", "swap them");
        }
        (least, most)
    }

    fn values(&mut self, values: &Node, kind: SchemaType) -> Option<Document<'static>> {
        let NodeValue::List(items) = &values.value else {
            return None;
        };
        if items.is_empty() {
            self.contradiction(
                values,
                "an empty `enum` accepts no value",
                "list the values allowed, or leave `enum` out",
            );
        }
        for item in items {
            if let Some(shown) = unfit(item, kind) {
                let message = format!("{shown} can never be given: it is not {}", kind.text());
                let help = match (&item.value, kind) {
                    (NodeValue::Number(written), SchemaType::String) => {
                        format!("put it in quotes: `\"{written}\"`")
                    }
                    _ => String::from("the values of `enum` are of the schema's type"),
                };
                self.contradiction(item, message, help);
            }
        }
        values.to_document().ok()
    }

    /// Reports the keys that a type gives no meaning.
    fn check_keys(&mut self, fields: Fields<'_>, kind: SchemaType) {
        for (key, kinds) in MEANINGFUL {
            let Some(span) = fields.key_span(key) else {
                continue;
            };
            if kinds.contains(&kind) {
                continue;
            }
            let listed = |kind: &SchemaType| TYPES.iter().find(|(_, known)| known == kind);
            let types: Vec<String> = kinds
                .iter()
                .filter_map(listed)
                .map(|(name, _)| format!("`type: {name}`"))
                .collect();
            let types = types.join(" or ");
            let (message, help) = match kind {
                SchemaType::Any => (
                    format!("`{key}` says nothing without a type"),
                    format!("add {types}"),
                ),
                other => (
                    format!("`{key}` says nothing about {}", other.text()),
                    format!("`{key}` goes with {types}"),
                ),
            };
            let code = ProblemCode::Finding(FindingKind::Schema);
            self.decoder.error_with_help(span, code, message, help);
        }
    }

    fn contradiction(&mut self, node: &Node, message: impl AsRef<str>, help: impl AsRef<str>) {
        let code = ProblemCode::Finding(FindingKind::Schema);
        self.decoder.error_with_help(node.span, code, message, help);
    }
}

/// The types that a key says something about. The first name of each type is the one to advise.
const MEANINGFUL: [(&str, &[SchemaType]); 7] = [
    ("min", &[SchemaType::Number, SchemaType::Integer]),
    ("max", &[SchemaType::Number, SchemaType::Integer]),
    ("length", &[SchemaType::String, SchemaType::List]),
    ("pattern", &[SchemaType::String]),
    ("items", &[SchemaType::List]),
    ("properties", &[SchemaType::Object]),
    ("extra", &[SchemaType::Object]),
];

/// A value as a message shows it, if it can never be of a type.
fn unfit(node: &Node, kind: SchemaType) -> Option<String> {
    let (shown, fits) = match &node.value {
        NodeValue::String(text) => {
            let fits = match kind {
                SchemaType::Any | SchemaType::String => true,
                SchemaType::Timestamp => Timestamp::parse(&text.value).is_ok(),
                SchemaType::Duration => Duration::parse(&text.value).is_ok(),
                SchemaType::Window => Window::parse(&text.value, Zone::UTC).is_ok(),
                _ => false,
            };
            (quoted(&text.value), fits)
        }
        NodeValue::Number(number) => {
            let fits = match kind {
                SchemaType::Any | SchemaType::Number => true,
                SchemaType::Integer => Number::parse(number).is_ok_and(Number::is_integral),
                _ => false,
            };
            (format!("the number {}", quoted(number)), fits)
        }
        NodeValue::Bool(value) => {
            let fits = matches!(kind, SchemaType::Any | SchemaType::Bool);
            (format!("`{value}`"), fits)
        }
        _ => return None,
    };
    (!fits).then_some(shown)
}
