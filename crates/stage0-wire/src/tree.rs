//! A policy file as one tree of values that know where they were written.
//!
//! YAML and JSON become the same tree, so everything behind it (decoding, checking, digests) cannot
//! tell which of the two a policy was written in. The tree holds what was written, not what it
//! means: `decode` turns it into typed data. Nesting is bounded when a tree is built, so a tree can
//! be walked and dropped without a thought for the stack.

use std::ops::Range;

use stage0_engine::canonical::write_value;
use stage0_engine::document::{Document, DocumentBuilder, DocumentError};
use stage0_engine::limits::POLICY_DEPTH_MAX;
use stage0_engine::span::{Pieces, Span, Spanned, TextPlaces};

use crate::codes::ProblemCode;
use crate::escape::{is_refused, quoted};
use crate::json_tree;
use crate::problem::{Problem, Problems};
use crate::sources::{Sources, floor_boundary, index, offset};
use crate::yaml;

/// A value and the place where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The value's text in the file, quotes and brackets included. A value that is absent
    /// (`key:` and nothing else) stands where its key stands.
    pub span: Span,
    /// What was written.
    pub value: NodeValue,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeValue {
    /// `null`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number in JSON's notation, as it was written.
    Number(String),
    /// Text.
    String(Text),
    /// A list.
    List(Vec<Node>),
    /// Keys, each once, with their values, in the order in which they were written.
    Map(Vec<(Spanned<String>, Node)>),
    /// Something that was refused and reported: whoever meets it stays silent about it.
    Invalid,
}

/// Text, and where each part of it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub value: String,
    places: TextPlaces,
}

impl Text {
    /// A text whose characters stand in the file as they are.
    pub(crate) fn verbatim(value: String, content: Span) -> Self {
        Self {
            value,
            places: TextPlaces::verbatim(content),
        }
    }

    /// A text that stands in the file in pieces.
    pub(crate) fn in_pieces(value: String, content: Span, pieces: Pieces) -> Self {
        Self {
            value,
            places: TextPlaces::in_pieces(content, pieces),
        }
    }

    /// Whether the text's characters stand in the file as they are, without escape or line break.
    pub fn is_verbatim(&self) -> bool {
        self.places.is_verbatim()
    }

    /// Where the text stands, without its quotes.
    pub fn span(&self) -> Span {
        self.places.whole()
    }

    /// Where each part of the text stands.
    pub fn places(&self) -> &TextPlaces {
        &self.places
    }

    /// Where the bytes `range` of the text stand in the file: exactly, or the whole text where that
    /// is not known.
    pub fn span_of(&self, range: Range<usize>) -> Span {
        self.places.span_of(offset(range.start)..offset(range.end))
    }
}

/// A file's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The outermost value.
    pub root: Node,
}

impl Tree {
    /// Reads a file, YAML or JSON, and reports everything that is wrong with it.
    ///
    /// A name that ends in `.json` makes it JSON; otherwise text that begins with `{` or `[` is
    /// tried as JSON first and as YAML then. The tree is there whenever what was refused could be
    /// left out as [`NodeValue::Invalid`], so that the rest can be checked in the same go.
    pub fn parse(sources: &Sources, file: u16, problems: &mut Problems) -> Option<Self> {
        if !characters_are_plain(sources, file, problems) {
            return None;
        }
        let text = sources.text(file);
        let start = text.trim_ascii_start();
        let is_json_file = has_json_extension(sources.name(file));
        if start.is_empty() {
            problems.error(|| {
                Problem::at(
                    sources,
                    Span::new(file, 0, 0),
                    ProblemCode::PolicyEmpty,
                    "the file is empty",
                )
            });
            return None;
        }
        if !is_json_file && !start.starts_with(['{', '[']) {
            return yaml::parse(sources, file, problems).map(|root| Self { root });
        }

        let mut json_problems = Problems::new();
        let json = json_tree::parse(sources, file, &mut json_problems);
        if is_json_file || !json_problems.has_errors() {
            problems.append(json_problems);
            return json.map(|root| Self { root });
        }
        // Braces also begin YAML. What YAML accepts is YAML; what neither accepts is reported as
        // what it looks like.
        let mut yaml_problems = Problems::new();
        let yaml = yaml::parse(sources, file, &mut yaml_problems);
        if yaml_problems.has_errors() && looks_like_json(start) {
            problems.append(json_problems);
            return json.map(|root| Self { root });
        }
        problems.append(yaml_problems);
        yaml.map(|root| Self { root })
    }

    /// The tree as canonical JSON: keys sorted by code point, no space, fewest escapes, plain
    /// numbers. The YAML and the JSON form of one policy give the same bytes.
    pub fn to_canonical_json(&self) -> String {
        let mut out = String::new();
        let document = self.root.to_document().unwrap_or_default();
        write_value(&mut out, document.root());
        out
    }
}

impl Node {
    /// The value as a document of its own.
    ///
    /// # Errors
    /// It has more parts than a document can count, which no file of the permitted size has.
    pub(crate) fn to_document(&self) -> Result<Document<'static>, DocumentError> {
        let mut builder = DocumentBuilder::new("", usize::MAX);
        self.append_to(&mut builder)?;
        Ok(builder.finish())
    }

    /// Adds the value to a document. Nesting costs heap, not stack.
    ///
    /// # Errors
    /// As for [`Node::to_document`].
    pub(crate) fn append_to(
        &self,
        builder: &mut DocumentBuilder<'static>,
    ) -> Result<(), DocumentError> {
        enum Step<'n> {
            Value(&'n Node),
            Key(&'n str),
            EndList(u32, usize),
            EndObject(u32, usize),
        }
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        // What is left to be added, the next last.
        let mut steps = vec![Step::Value(self)];
        while let Some(step) = steps.pop() {
            let node = match step {
                Step::Value(node) => node,
                Step::Key(key) => {
                    builder.string(key)?;
                    continue;
                }
                Step::EndList(at, length) => {
                    builder.end_list(at, count(length));
                    continue;
                }
                Step::EndObject(at, length) => {
                    builder.end_object(at, count(length))?;
                    continue;
                }
            };
            match &node.value {
                NodeValue::Null | NodeValue::Invalid => builder.null()?,
                NodeValue::Bool(value) => builder.bool(*value)?,
                NodeValue::Number(number) => builder.number(number)?,
                NodeValue::String(text) => builder.string(&text.value)?,
                NodeValue::List(items) => {
                    let at = builder.begin_list()?;
                    steps.push(Step::EndList(at, items.len()));
                    steps.extend(items.iter().rev().map(Step::Value));
                }
                NodeValue::Map(entries) => {
                    let at = builder.begin_object()?;
                    steps.push(Step::EndObject(at, entries.len()));
                    for (key, value) in entries.iter().rev() {
                        steps.push(Step::Value(value));
                        steps.push(Step::Key(&key.value));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Builds a tree from the inside of a reader: values and brackets in the order in which they stand.
/// The same for YAML and JSON, so that depth and duplicate keys are judged in one place.
#[derive(Debug)]
pub(crate) struct TreeBuilder<'s> {
    sources: &'s Sources,
    file: u16,
    open: Vec<Container>,
    root: Option<Node>,
}

#[derive(Debug)]
enum Container {
    List {
        start: usize,
        items: Vec<Node>,
    },
    Map {
        start: usize,
        entries: Vec<(Spanned<String>, Node)>,
        key: Key,
    },
}

/// What a map is waiting for.
#[derive(Debug)]
enum Key {
    /// A key.
    Expected,
    /// The value of this key.
    Read(Spanned<String>),
    /// The value of a key that was refused: it goes the same way.
    Refused,
}

/// More lists and maps are open than a policy may nest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooDeep;

impl<'s> TreeBuilder<'s> {
    pub(crate) fn new(sources: &'s Sources, file: u16) -> Self {
        Self {
            sources,
            file,
            open: Vec::new(),
            root: None,
        }
    }

    /// A span of this file. Whatever the range, it lies within the file and splits no character.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        let text = self.sources.text(self.file);
        let start = floor_boundary(text, range.start);
        let end = floor_boundary(text, range.end).max(start);
        Span::new(self.file, offset(start), offset(end))
    }

    /// Whether the next value would be a key.
    pub(crate) fn expects_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Container::Map {
                key: Key::Expected,
                ..
            })
        )
    }

    /// The key whose value comes next.
    pub(crate) fn pending_key(&self) -> Option<&Spanned<String>> {
        match self.open.last() {
            Some(Container::Map {
                key: Key::Read(key),
                ..
            }) => Some(key),
            _ => None,
        }
    }

    /// Where the innermost open list or map begins.
    pub(crate) fn open_start(&self) -> Option<usize> {
        self.open.last().map(|container| match container {
            Container::List { start, .. } | Container::Map { start, .. } => *start,
        })
    }

    /// Whether the innermost open container is a list.
    pub(crate) fn is_in_list(&self) -> bool {
        matches!(self.open.last(), Some(Container::List { .. }))
    }

    /// Whether a complete value is there and nothing is open.
    pub(crate) fn is_complete(&self) -> bool {
        self.open.is_empty() && self.root.is_some()
    }

    /// Opens a list.
    pub(crate) fn open_list(&mut self, start: usize) -> Result<(), TooDeep> {
        self.push(Container::List {
            start,
            items: Vec::new(),
        })
    }

    /// Opens a map.
    pub(crate) fn open_map(&mut self, start: usize) -> Result<(), TooDeep> {
        self.push(Container::Map {
            start,
            entries: Vec::new(),
            key: Key::Expected,
        })
    }

    /// Sets the key of the next value.
    pub(crate) fn key(&mut self, name: Spanned<String>) {
        if let Some(Container::Map { key, .. }) = self.open.last_mut() {
            *key = Key::Read(name);
        }
    }

    /// Leaves out the entry whose key was refused.
    pub(crate) fn refuse_key(&mut self) {
        if let Some(Container::Map { key, .. }) = self.open.last_mut() {
            *key = Key::Refused;
        }
    }

    /// Adds a value where one is expected.
    pub(crate) fn value(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Container::List { items, .. }) => items.push(node),
            Some(Container::Map { entries, key, .. }) => {
                match std::mem::replace(key, Key::Expected) {
                    Key::Read(name) => entries.push((name, node)),
                    // A list or map where a key belongs stands for the key that was refused.
                    Key::Expected => *key = Key::Refused,
                    Key::Refused => {}
                }
            }
        }
    }

    /// Closes the innermost list or map. Where its end is not written, it ends with its last value.
    /// One that was refused as a whole is left out.
    pub(crate) fn close(&mut self, end: Option<usize>, is_refused: bool, problems: &mut Problems) {
        let Some(container) = self.open.pop() else {
            return;
        };
        let (start, last_end, value) = match container {
            Container::List { start, items } => {
                let last_end = items.last().map(|item| item.span.end);
                (start, last_end, NodeValue::List(items))
            }
            Container::Map {
                start, mut entries, ..
            } => {
                let last_end = entries
                    .last()
                    .map(|(key, node)| node.span.end.max(key.span.end));
                report_duplicate_keys(self.sources, &mut entries, problems);
                (start, last_end, NodeValue::Map(entries))
            }
        };
        let end = end.or(last_end.map(index)).unwrap_or(start);
        let span = self.span(start..end);
        let value = if is_refused {
            NodeValue::Invalid
        } else {
            value
        };
        self.value(Node { span, value });
    }

    /// The tree, once everything is closed.
    pub(crate) fn finish(self) -> Option<Node> {
        if self.open.is_empty() {
            self.root
        } else {
            None
        }
    }

    fn push(&mut self, container: Container) -> Result<(), TooDeep> {
        if self.open.len() >= POLICY_DEPTH_MAX {
            return Err(TooDeep);
        }
        self.open.push(container);
        Ok(())
    }
}

/// The problem of a list or map that is nested too deeply.
pub(crate) fn too_deep(sources: &Sources, span: Span) -> Problem {
    Problem::at(
        sources,
        span,
        ProblemCode::PolicyTooDeep,
        format!("lists and maps are nested more than {POLICY_DEPTH_MAX} deep"),
    )
}

/// Reports every key that was there before, and keeps the first of its kind.
fn report_duplicate_keys(
    sources: &Sources,
    entries: &mut Vec<(Spanned<String>, Node)>,
    problems: &mut Problems,
) {
    // Sorting finds equal keys in n log n without copying or hashing what the user wrote.
    let mut sorted: Vec<&Spanned<String>> = entries.iter().map(|(key, _)| key).collect();
    sorted.sort_by(|left, right| (&left.value, left.span).cmp(&(&right.value, right.span)));
    let mut later_places = Vec::new();
    let mut first: Option<&Spanned<String>> = None;
    for key in sorted {
        match first {
            Some(first) if first.value == key.value => {
                later_places.push(key.span);
                problems.error(|| {
                    Problem::at(
                        sources,
                        key.span,
                        ProblemCode::PolicyDuplicateKey,
                        format!("the key {} is there twice", quoted(&key.value)),
                    )
                    .related(sources, first.span, "first written here")
                    .help("keep one of the two: which one counts would be a guess")
                });
            }
            _ => first = Some(key),
        }
    }
    if !later_places.is_empty() {
        later_places.sort_unstable();
        entries.retain(|(key, _)| later_places.binary_search(&key.span).is_err());
    }
}

/// Whether a text is a number as JSON writes it.
pub(crate) fn is_json_number(text: &str) -> bool {
    let digits = |rest: &mut &[u8]| {
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        *rest = rest.get(count..).unwrap_or_default();
        count
    };
    let mut rest = text.as_bytes();
    if let [b'-', tail @ ..] = rest {
        rest = tail;
    }
    let leading_zero = rest.first() == Some(&b'0');
    let whole = digits(&mut rest);
    if whole == 0 || (leading_zero && whole > 1) {
        return false;
    }
    if let [b'.', tail @ ..] = rest {
        rest = tail;
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    if let [b'e' | b'E', tail @ ..] = rest {
        rest = tail;
        if let [b'+' | b'-', tail @ ..] = rest {
            rest = tail;
        }
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    rest.is_empty()
}

/// Reports the characters that a file may not contain; without them, what a reviewer sees is what
/// is read.
fn characters_are_plain(sources: &Sources, file: u16, problems: &mut Problems) -> bool {
    let text = sources.text(file);
    let mut plain = true;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let lone_return =
            character == '\r' && characters.peek().is_none_or(|(_, next)| *next != '\n');
        if !lone_return && !is_refused(character) {
            continue;
        }
        plain = false;
        problems.error(|| {
            let start = offset(at);
            let span = Span::new(file, start, start.saturating_add(offset(character.len_utf8())));
            let code = ProblemCode::PolicyCharacter;
            let number = u32::from(character);
            match character {
                '\u{feff}' if at == 0 => {
                    Problem::at(sources, span, code, "the file begins with a byte order mark")
                        .help("save the file as UTF-8 without a byte order mark (BOM)")
                }
                '\r' => Problem::at(sources, span, code, "a carriage return that ends no line")
                    .help("end lines with a line feed, or with carriage return and line feed"),
                '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Problem::at(
                    sources,
                    span,
                    code,
                    format!("the control character U+{number:04X} cannot be part of a policy"),
                )
                .help("in a text in double quotes it can be written as an escape, such as `\\u0007`"),
                _ => Problem::at(
                    sources,
                    span,
                    code,
                    format!("the character U+{number:04X} is invisible: readers would see another text than is read"),
                )
                .help("remove it, or write it as an escape in a text in double quotes, such as `\\u200b`"),
            }
        });
    }
    plain
}

fn has_json_extension(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("json"))
}

/// Whether text that begins with a bracket goes on as JSON does.
fn looks_like_json(start: &str) -> bool {
    let mut significant = start
        .chars()
        .filter(|character| !character.is_ascii_whitespace());
    match significant.next() {
        Some('{') => matches!(significant.next(), Some('"' | '}')),
        Some('[') => matches!(significant.next(), Some('"' | '{' | '[' | ']')),
        _ => false,
    }
}
