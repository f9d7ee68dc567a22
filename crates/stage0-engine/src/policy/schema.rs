//! Schemas of arguments, params and facts: a small subset of JSON Schema, flat.
//!
//! A schema is checked against a value before any rule is asked, and tells the type checker what a
//! path is. Nodes refer to each other by index, so neither checking nor dropping recurses.

use crate::document::Document;
use crate::number::Number;
use crate::span::{Span, Spanned};

/// The types that a schema may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SchemaType {
    /// No `type`: any value.
    #[default]
    Any,
    /// `bool`
    Bool,
    /// `number`
    Number,
    /// `integer`: a number without a fraction
    Integer,
    /// `string`
    String,
    /// `timestamp`: text as RFC 3339 with an offset
    Timestamp,
    /// `duration`: text such as `15m`
    Duration,
    /// `window`: text such as `Mon-Fri 09:00-17:00 Europe/Berlin`
    Window,
    /// `list`
    List,
    /// `object`
    Object,
}

impl SchemaType {
    /// Every type with its name in policies; `array` and `boolean` are JSON Schema's words.
    pub const NAMES: [(&'static str, SchemaType); 12] = [
        ("any", Self::Any),
        ("bool", Self::Bool),
        ("number", Self::Number),
        ("integer", Self::Integer),
        ("string", Self::String),
        ("timestamp", Self::Timestamp),
        ("duration", Self::Duration),
        ("window", Self::Window),
        ("list", Self::List),
        ("object", Self::Object),
        ("boolean", Self::Bool),
        ("array", Self::List),
    ];

    /// With its article, for messages.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Bool => "a truth value",
            Self::Number => "a number",
            Self::Integer => "a number without a fraction",
            Self::String => "text",
            Self::Timestamp => "a timestamp such as 2026-01-05T10:00:00Z",
            Self::Duration => "a duration such as 15m",
            Self::Window => "a weekly window such as Mon-Fri 09:00-17:00 Europe/Berlin",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// One node of a schema.
#[derive(Debug, Clone, Default)]
pub struct SchemaNode {
    /// Where it stands.
    pub span: Span,
    /// The type.
    pub kind: SchemaType,
    /// Whether the member may be left out.
    pub optional: bool,
    /// Whether null is accepted as well.
    pub nullable: bool,
    /// The values allowed: a list, if there is one.
    pub values: Option<Document<'static>>,
    /// Least number.
    pub min: Option<Number>,
    /// Largest number.
    pub max: Option<Number>,
    /// Least length: code points of a text, elements of a list.
    pub length_min: Option<u32>,
    /// Largest length.
    pub length_max: Option<u32>,
    /// Regular expression that a text must match.
    pub pattern: Option<Spanned<String>>,
    /// Schema of a list's elements.
    pub items: Option<u32>,
    /// Members of an object.
    pub properties: Vec<(Spanned<String>, u32)>,
    /// Whether other members are accepted; for tools `extra_args: allow`.
    pub extra: bool,
}

/// The schemas of one policy file.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    /// The nodes; a child's index is larger than its parent's.
    pub nodes: Vec<SchemaNode>,
}

impl Schemas {
    /// The node with this index.
    pub fn node(&self, index: u32) -> Option<&SchemaNode> {
        self.nodes.get(index as usize)
    }
}
