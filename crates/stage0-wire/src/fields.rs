//! Reading the values of a tree that was checked.
//!
//! [`Decoder::check`](crate::decode::Decoder::check) has reported whatever does not fit, so these
//! readers are silent: a value that is missing or of another kind is `None`, and whoever needs it
//! gives up with `?`. Numbers and times were found to be good as well.

use stage0_engine::number::Number;
use stage0_engine::policy::Expression;
use stage0_engine::span::{Span, Spanned, TextPlaces};
use stage0_engine::time::{Duration, Timestamp};

use crate::tree::{Node, NodeValue};

/// The entries of a map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'n> {
    /// Where the map stands.
    pub(crate) span: Span,
    /// The entries, in the order in which they are written.
    pub(crate) entries: &'n [(Spanned<String>, Node)],
}

impl<'n> Fields<'n> {
    /// The entries of a value, if it is a map.
    pub(crate) fn of(node: &'n Node) -> Option<Self> {
        match &node.value {
            NodeValue::Map(entries) => Some(Self {
                span: node.span,
                entries,
            }),
            _ => None,
        }
    }

    /// The value of a key.
    pub(crate) fn get(self, key: &str) -> Option<&'n Node> {
        let entry = self.entries.iter().find(|(name, _)| name.value == key);
        entry.map(|(_, node)| node)
    }

    /// Where a key is written.
    pub(crate) fn key_span(self, key: &str) -> Option<Span> {
        let entry = self.entries.iter().find(|(name, _)| name.value == key);
        entry.map(|(name, _)| name.span)
    }

    /// Whether a key is there, with whatever value.
    pub(crate) fn has(self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The entries of the map that is a key's value.
    pub(crate) fn map(self, key: &str) -> Option<Self> {
        Self::of(self.get(key)?)
    }

    /// The entries of a map of the author's own keys; none if it is not there.
    pub(crate) fn table(self, key: &str) -> &'n [(Spanned<String>, Node)] {
        self.map(key).map_or(&[], |map| map.entries)
    }

    /// A list's entries, or the one value without brackets; none if the key is not there.
    pub(crate) fn list(self, key: &str) -> &'n [Node] {
        match self.get(key) {
            None => &[],
            Some(node) => match &node.value {
                NodeValue::List(items) => items,
                _ => std::slice::from_ref(node),
            },
        }
    }

    /// Text.
    pub(crate) fn text(self, key: &str) -> Option<Spanned<String>> {
        text(self.get(key)?)
    }

    /// A list of texts, or one; none if the key is not there.
    pub(crate) fn texts(self, key: &str) -> Vec<Spanned<String>> {
        self.list(key).iter().filter_map(text).collect()
    }

    /// `true` or `false`; false if the key is not there.
    pub(crate) fn is_true(self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|node| node.value == NodeValue::Bool(true))
    }

    /// A number.
    pub(crate) fn number(self, key: &str) -> Option<Spanned<Number>> {
        number(self.get(key)?)
    }

    /// A whole number.
    pub(crate) fn whole(self, key: &str) -> Option<u32> {
        whole(self.get(key)?)
    }

    /// What a word stands for.
    pub(crate) fn word<T: Copy>(self, key: &str, choices: &[(&str, T)]) -> Option<Spanned<T>> {
        word(self.get(key)?, choices)
    }

    /// A condition, or `true`.
    pub(crate) fn expression(self, key: &str) -> Option<Expression> {
        expression(self.get(key)?)
    }

    /// A span of time.
    pub(crate) fn duration(self, key: &str) -> Option<Duration> {
        Duration::parse_with_days(&self.text(key)?.value).ok()
    }

    /// A point in time.
    pub(crate) fn timestamp(self, key: &str) -> Option<Timestamp> {
        Timestamp::parse(&self.text(key)?.value).ok()
    }
}

/// Text.
pub(crate) fn text(node: &Node) -> Option<Spanned<String>> {
    match &node.value {
        NodeValue::String(text) => Some(Spanned::new(text.value.clone(), text.span())),
        _ => None,
    }
}

/// A number.
pub(crate) fn number(node: &Node) -> Option<Spanned<Number>> {
    match &node.value {
        NodeValue::Number(text) => Some(Spanned::new(Number::parse(text).ok()?, node.span)),
        _ => None,
    }
}

/// A whole number.
pub(crate) fn whole(node: &Node) -> Option<u32> {
    match &node.value {
        NodeValue::Number(text) => text.parse().ok(),
        _ => None,
    }
}

/// What a word stands for.
pub(crate) fn word<T: Copy>(node: &Node, choices: &[(&str, T)]) -> Option<Spanned<T>> {
    let NodeValue::String(text) = &node.value else {
        return None;
    };
    let chosen = choices.iter().find(|(name, _)| *name == text.value)?;
    Some(Spanned::new(chosen.1, node.span))
}

/// A number, or the expression of one.
pub(crate) fn amount(node: &Node) -> Option<Expression> {
    match &node.value {
        NodeValue::Number(text) => Some(Expression {
            text: text.clone(),
            places: TextPlaces::verbatim(node.span),
        }),
        _ => expression(node),
    }
}

/// A condition, or `true`.
pub(crate) fn expression(node: &Node) -> Option<Expression> {
    match &node.value {
        NodeValue::String(text) => Some(Expression {
            text: text.value.clone(),
            places: text.places().clone(),
        }),
        NodeValue::Bool(true) => Some(Expression {
            text: String::from("true"),
            places: TextPlaces::verbatim(node.span),
        }),
        _ => None,
    }
}
