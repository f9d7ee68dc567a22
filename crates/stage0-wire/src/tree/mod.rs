//! A policy file as one tree of values that know where they were written.
//!
//! YAML and JSON become the same tree, so everything behind it (decoding, checking, digests) cannot
//! tell which of the two a policy was written in. The tree holds what was written, not what it
//! means: `decode` turns it into typed data. Nesting is bounded when a tree is built, so a tree can
//! be walked and dropped without a thought for the stack.

mod builder;
mod canonical;
mod document;

use std::ops::Range;

use stage0_engine::span::{Pieces, Span, Spanned, TextPlaces};

use crate::sources::offset;

pub(crate) use builder::{TooDeep, TreeBuilder, too_deep};
pub(crate) use canonical::write_entries;

/// A key with its value.
pub(crate) type Entry = (Spanned<String>, Node);

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
    /// The tree as canonical JSON: keys sorted by code point, no space, fewest escapes, plain
    /// numbers. The YAML and the JSON form of one policy give the same bytes.
    pub fn to_canonical_json(&self) -> String {
        let mut out = String::new();
        canonical::write(&mut out, &self.root);
        out
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
