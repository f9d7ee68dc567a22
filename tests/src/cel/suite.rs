//! The suite's tests as `export.mjs` writes them: input, bindings and expected result.

use stage0_engine::document::{Document, DocumentBuilder, DocumentError, Kind, ValueRef};
use stage0_engine::number::Number;
use stage0_wire::strict_json::{JsonLimits, parse_str};

/// Far above the suite's size, so that a damaged file is refused rather than read.
const LIMITS: JsonLimits = JsonLimits {
    bytes_max: 8_000_000,
    depth_max: 100,
    nodes_max: 1_000_000,
};

/// All tests.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) spec: String,
    pub(super) cases: Vec<Case>,
}

/// One test.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) file: String,
    pub(super) section: String,
    pub(super) name: String,
    pub(super) expression: String,
    /// The variables, if JSON can hold them all.
    pub(super) variables: Option<Document<'static>>,
    pub(super) expected: Expected,
    pub(super) needs_messages: bool,
}

/// What CEL answers.
#[derive(Debug)]
pub(super) enum Expected {
    Value(Wanted),
    Error,
    /// Only a type, which the language does not report.
    Type,
}

/// A value as the suite writes it.
#[derive(Debug, PartialEq)]
pub(super) enum Wanted {
    Null,
    Bool(bool),
    Number(Number),
    /// A number that no exact decimal is: NaN, infinite, or with too many digits.
    OtherNumber(String),
    String(String),
    List(Vec<Wanted>),
    Map(Vec<(Wanted, Wanted)>),
    /// Bytes, types, messages and enums, by the suite's word for them.
    Foreign(String),
}

impl Suite {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let document = parse_str(text, &LIMITS).map_err(|error| error.to_string())?;
        let root = document.root();
        let tests = root.get("tests").ok_or("the suite has no `tests`")?;
        let cases: Vec<Case> = tests.elements().map(Case::read).collect::<Result<_, _>>()?;
        Ok(Self {
            spec: text_of(root, "spec")?,
            cases,
        })
    }
}

impl Case {
    fn read(test: ValueRef<'_>) -> Result<Self, String> {
        Ok(Self {
            file: text_of(test, "file")?,
            section: text_of(test, "section")?,
            name: text_of(test, "name")?,
            expression: text_of(test, "expr")?,
            variables: variables(test),
            expected: Expected::read(test),
            needs_messages: needs_messages(test),
        })
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}/{}", self.file, self.section, self.name)
    }
}

impl Expected {
    fn read(test: ValueRef<'_>) -> Self {
        if test.get("evalError").is_some() {
            return Self::Error;
        }
        if let Some(value) = test.get("value") {
            return Self::Value(Wanted::read(value));
        }
        if let Some(typed) = test.get("typedResult") {
            return typed
                .get("result")
                .map_or(Self::Type, |value| Self::Value(Wanted::read(value)));
        }
        // The suite's own rule: a test without a result expects `true`.
        Self::Value(Wanted::Bool(true))
    }
}

impl Wanted {
    /// Depth is bounded by the reader's limit.
    fn read(value: ValueRef<'_>) -> Self {
        let Some((kind, value)) = value.members().next() else {
            return Self::Foreign("nothing".to_owned());
        };
        let items = |name: &'static str| value.get(name).into_iter().flat_map(ValueRef::elements);
        match kind {
            "nullValue" => Self::Null,
            "boolValue" => Self::Bool(value.as_bool().unwrap_or(false)),
            "int64Value" | "uint64Value" | "doubleValue" => {
                let text = value.as_str().unwrap_or("");
                Number::parse(text)
                    .map_or_else(|_| Self::OtherNumber(text.to_owned()), Self::Number)
            }
            "stringValue" => Self::String(value.as_str().unwrap_or("").to_owned()),
            "listValue" => Self::List(items("values").map(Self::read).collect()),
            "mapValue" => Self::Map(
                items("entries")
                    .filter_map(|entry| {
                        Some((
                            Self::read(entry.get("key")?),
                            Self::read(entry.get("value")?),
                        ))
                    })
                    .collect(),
            ),
            other => Self::Foreign(other.to_owned()),
        }
    }

    /// Adds the value to a document; false if JSON cannot hold it.
    fn build(&self, builder: &mut DocumentBuilder<'_>) -> Result<bool, DocumentError> {
        match self {
            Self::Null => builder.null()?,
            Self::Bool(value) => builder.bool(*value)?,
            Self::Number(number) => builder.number(&number.to_string())?,
            Self::String(text) => builder.string(text)?,
            Self::List(items) => {
                let at = builder.begin_list()?;
                for item in items {
                    if !item.build(builder)? {
                        return Ok(false);
                    }
                }
                builder.end_list(at, u32::try_from(items.len()).unwrap_or(u32::MAX));
            }
            Self::Map(entries) => {
                let at = builder.begin_object()?;
                for (key, value) in entries {
                    let Self::String(key) = key else {
                        return Ok(false);
                    };
                    builder.string(key)?;
                    if !value.build(builder)? {
                        return Ok(false);
                    }
                }
                builder.end_object(at, u32::try_from(entries.len()).unwrap_or(u32::MAX))?;
            }
            Self::OtherNumber(_) | Self::Foreign(_) => return Ok(false),
        }
        Ok(true)
    }
}

fn text_of(value: ValueRef<'_>, name: &str) -> Result<String, String> {
    let text = value.get(name).and_then(ValueRef::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| format!("a test has no `{name}`"))
}

fn variables(test: ValueRef<'_>) -> Option<Document<'static>> {
    let mut entries = Vec::new();
    for (name, binding) in test.get("bindings").into_iter().flat_map(ValueRef::members) {
        let value = binding.get("value")?;
        entries.push((Wanted::String(name.to_owned()), Wanted::read(value)));
    }
    let mut builder = DocumentBuilder::new("", LIMITS.nodes_max);
    match Wanted::Map(entries).build(&mut builder) {
        Ok(true) => Some(builder.finish()),
        Ok(false) | Err(_) => None,
    }
}

/// Whether a test is about protocol buffer messages or enums, in its text, types, input or result.
fn needs_messages(test: ValueRef<'_>) -> bool {
    const NAMES: [&str; 3] = ["TestAllTypes", "google.protobuf", "cel.expr"];
    const KEYS: [&str; 5] = [
        "objectValue",
        "enumValue",
        "messageType",
        "wellKnown",
        "wrapper",
    ];
    let names = test.get("expr").and_then(ValueRef::as_str).unwrap_or("");
    if NAMES.iter().any(|name| names.contains(name)) {
        return true;
    }
    let mut waiting: Vec<ValueRef<'_>> = ["bindings", "value", "typedResult", "typeEnv"]
        .iter()
        .filter_map(|key| test.get(key))
        .collect();
    while let Some(value) = waiting.pop() {
        match value.kind() {
            Kind::Object => {
                for (key, member) in value.members() {
                    if KEYS.contains(&key) {
                        return true;
                    }
                    waiting.push(member);
                }
            }
            Kind::List => waiting.extend(value.elements()),
            Kind::Null | Kind::Bool | Kind::Number | Kind::String => {}
        }
    }
    false
}
