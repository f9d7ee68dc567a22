//! Builds a tree from the inside of a reader.
//!
//! YAML and JSON readers hand over values and brackets in the order in which they stand; here depth and
//! duplicate keys are judged, once for both. How the text of a value is read is left to them.

use std::ops::Range;

use stage0_engine::limits::POLICY_DEPTH_MAX;
use stage0_engine::span::{Span, Spanned};

use super::{Entry, Node, NodeValue};
use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::{Problem, Problems};
use crate::sources::{Sources, floor_boundary, index, offset};

/// Builds a tree from the inside of a reader: values and brackets in the order in which they stand.
/// The same for YAML and JSON, so that depth and duplicate keys are judged in one place.
#[derive(Debug)]
pub(crate) struct TreeBuilder<'s> {
    sources: &'s Sources,
    file: u16,
    open: Vec<Container>,
    /// What the lists and maps that are open have so far, innermost last. Only when one is closed is it
    /// known how much memory it needs.
    items: Vec<Node>,
    entries: Vec<Entry>,
    root: Option<Node>,
}

#[derive(Debug)]
enum Container {
    List {
        start: usize,
        /// Its first among the items.
        first: usize,
    },
    Map {
        start: usize,
        /// Its first among the entries.
        first: usize,
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
            items: Vec::new(),
            entries: Vec::new(),
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
            first: self.items.len(),
        })
    }

    /// Opens a map.
    pub(crate) fn open_map(&mut self, start: usize) -> Result<(), TooDeep> {
        self.push(Container::Map {
            start,
            first: self.entries.len(),
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
            Some(Container::List { .. }) => self.items.push(node),
            Some(Container::Map { key, .. }) => {
                match std::mem::replace(key, Key::Expected) {
                    Key::Read(name) => self.entries.push((name, node)),
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
            Container::List { start, first } => {
                let items = take_from(&mut self.items, first);
                let last_end = items.last().map(|item| item.span.end);
                (start, last_end, NodeValue::List(items))
            }
            Container::Map { start, first, .. } => {
                let mut entries = take_from(&mut self.entries, first);
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

/// What stands from `first` on, in memory of its own that fits.
fn take_from<T>(all: &mut Vec<T>, first: usize) -> Vec<T> {
    let first = first.min(all.len());
    all.drain(first..).collect()
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

/// Maps with as few keys as most have are searched pair by pair, which costs less than a sort.
const FEW_KEYS: usize = 16;

/// Whether the keys are few, and no two of them are equal.
fn few_and_different(entries: &[Entry]) -> bool {
    let is_new = |(at, (key, _)): (usize, &Entry)| {
        let mut before = entries.iter().take(at);
        before.all(|(other, _)| other.value != key.value)
    };
    entries.len() <= FEW_KEYS && entries.iter().enumerate().all(is_new)
}

/// Reports every key that was there before, and keeps the first of its kind.
fn report_duplicate_keys(sources: &Sources, entries: &mut Vec<Entry>, problems: &mut Problems) {
    if few_and_different(entries) {
        return;
    }
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
