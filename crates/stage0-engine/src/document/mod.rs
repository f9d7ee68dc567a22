//! A JSON value as a flat list of nodes over a text.
//!
//! Requests arrive as text or as objects of a host language; both become a `Document`, and rules read
//! nothing else. It is flat so that building, walking and dropping it never recurse, and strings
//! without escapes stay where they are in the request's text. What it does not do: parse text (that
//! is `stage0-wire`'s work) or convert types.

mod build;
mod print;

pub use self::build::{DocumentBuilder, DocumentError};
use self::print::low;
pub(crate) use self::print::print_of;
use crate::number::Number;

/// What kind of value a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// an exact decimal
    Number,
    /// a string of Unicode scalar values
    String,
    /// an ordered list
    List,
    /// string keys, each once, in the order in which they were written
    Object,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Null,
    False,
    True,
    NumberInSource,
    NumberMade,
    StringInSource,
    StringMade,
    List,
    Object,
}

/// Scalars: `first` is the offset of the text and `second` its length.
/// Containers: `first` counts the children, `second` is the index behind the last descendant.
// INVARIANT: the keys of an object that has ended have the print of their text. Whoever looks members
// up by print finds all of them.
#[derive(Debug, Clone, Copy)]
struct Node {
    tag: Tag,
    print: u16,
    first: u32,
    second: u32,
}

/// A JSON value, flat. Made by a [`DocumentBuilder`].
#[derive(Debug, Clone, Default)]
pub struct Document<'a> {
    source: &'a str,
    made: String,
    nodes: Vec<Node>,
}

impl Document<'_> {
    /// The outermost value; `null` where the document is empty.
    pub fn root(&self) -> ValueRef<'_> {
        self.value(0)
    }

    /// The document that is `{}`.
    pub fn empty_object() -> Document<'static> {
        let nodes = vec![Node {
            tag: Tag::Object,
            print: 0,
            first: 0,
            second: 1,
        }];
        Document {
            source: "",
            made: String::new(),
            nodes,
        }
    }

    /// The value with this index, as [`ValueRef::index`] told it.
    #[inline]
    pub fn value(&self, index: u32) -> ValueRef<'_> {
        ValueRef {
            document: self,
            index,
            null_is_absent: false,
        }
    }

    /// How many nodes there are, keys included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing was built.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    #[expect(
        clippy::inline_always,
        reason = "every look at a value begins here, also where the module is made small"
    )]
    #[inline(always)]
    fn node(&self, index: u32) -> Node {
        self.nodes.get(index as usize).copied().unwrap_or(Node {
            tag: Tag::Null,
            print: 0,
            first: 0,
            second: 0,
        })
    }

    #[inline]
    fn text(&self, node: Node) -> &str {
        let within =
            node.first as usize..(node.first as usize).saturating_add(node.second as usize);
        match node.tag {
            Tag::NumberInSource | Tag::StringInSource => self.source.get(within).unwrap_or(""),
            Tag::NumberMade | Tag::StringMade => self.made.get(within).unwrap_or(""),
            Tag::Null | Tag::False | Tag::True | Tag::List | Tag::Object => "",
        }
    }

    /// The text of a string or key, with what is known about it.
    #[inline]
    fn written(&self, node: Node) -> WrittenText<'_> {
        WrittenText {
            text: self.text(node),
            is_plain: node.tag == Tag::StringInSource,
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "whoever asks takes the answer apart at once: so it is never made"
    )]
    #[inline(always)]
    fn scalar(&self, node: Node) -> Scalar<'_> {
        match node.tag {
            Tag::Null => Scalar::Null,
            Tag::False => Scalar::Bool(false),
            Tag::True => Scalar::Bool(true),
            Tag::NumberInSource | Tag::NumberMade => Scalar::Number(self.text(node)),
            Tag::StringInSource | Tag::StringMade => Scalar::String(self.text(node)),
            Tag::List => Scalar::List,
            Tag::Object => Scalar::Object,
        }
    }

    /// The indices of the keys of the object at `at`.
    #[inline]
    fn keys(&self, at: u32) -> impl Iterator<Item = u32> {
        let mut next = at.saturating_add(1);
        (0..self.node(at).first).map(move |_| {
            let key = next;
            next = self.after(key.saturating_add(1));
            key
        })
    }

    /// Index of the node that follows the value at `index` and all that is inside it.
    #[inline]
    fn after(&self, index: u32) -> u32 {
        let node = self.node(index);
        match node.tag {
            Tag::List | Tag::Object => node.second,
            _ => index.saturating_add(1),
        }
    }
}

/// One value of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct ValueRef<'d> {
    document: &'d Document<'d>,
    index: u32,
    null_is_absent: bool,
}

impl<'d> ValueRef<'d> {
    /// Where this value stands in its document; [`Document::value`] takes it back.
    pub fn index(self) -> u32 {
        self.index
    }

    /// The same value, whose members that are null count as absent at any depth: how the host's
    /// context is read.
    #[must_use]
    pub fn without_nulls(self) -> Self {
        Self {
            null_is_absent: true,
            ..self
        }
    }

    /// The document that it is a value of.
    pub fn document(self) -> &'d Document<'d> {
        self.document
    }

    /// What kind of value it is.
    #[inline]
    pub fn kind(self) -> Kind {
        match self.document.node(self.index).tag {
            Tag::Null => Kind::Null,
            Tag::False | Tag::True => Kind::Bool,
            Tag::NumberInSource | Tag::NumberMade => Kind::Number,
            Tag::StringInSource | Tag::StringMade => Kind::String,
            Tag::List => Kind::List,
            Tag::Object => Kind::Object,
        }
    }

    /// The value itself, if it has no parts; its kind, if it has some.
    #[inline]
    pub(crate) fn scalar(self) -> Scalar<'d> {
        self.document.scalar(self.document.node(self.index))
    }

    /// The value as canonical JSON writes it; its members are visited separately.
    #[inline]
    pub(crate) fn written(self) -> Written<'d> {
        let node = self.document.node(self.index);
        match node.tag {
            Tag::Null => Written::Word("null"),
            Tag::False => Written::Word("false"),
            Tag::True => Written::Word("true"),
            Tag::NumberInSource | Tag::NumberMade => Written::Number(self.document.text(node)),
            Tag::StringInSource | Tag::StringMade => Written::String(self.document.written(node)),
            Tag::List => Written::List(self.elements()),
            Tag::Object => Written::Object,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The truth value, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        match self.document.node(self.index).tag {
            Tag::True => Some(true),
            Tag::False => Some(false),
            _ => None,
        }
    }

    /// The text, if it is a string.
    #[inline]
    pub fn as_str(self) -> Option<&'d str> {
        let node = self.document.node(self.index);
        matches!(node.tag, Tag::StringInSource | Tag::StringMade).then(|| self.document.text(node))
    }

    /// The number, if it is one. A builder accepts only what [`Number::parse`] accepts.
    pub fn as_number(self) -> Option<Number> {
        Number::parse(self.number_text()?).ok()
    }

    /// The number as it was written, if it is one.
    #[inline]
    pub fn number_text(self) -> Option<&'d str> {
        let node = self.document.node(self.index);
        matches!(node.tag, Tag::NumberInSource | Tag::NumberMade).then(|| self.document.text(node))
    }

    /// How many elements or members it has; 0 for a scalar.
    pub fn len(self) -> usize {
        let node = self.document.node(self.index);
        match node.tag {
            Tag::Object if self.null_is_absent => self.members().count(),
            Tag::List | Tag::Object => node.first as usize,
            _ => 0,
        }
    }

    /// Whether it has no elements or members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The elements of a list, in order; nothing for any other kind.
    #[inline]
    pub fn elements(self) -> Elements<'d> {
        let node = self.document.node(self.index);
        let left = if node.tag == Tag::List { node.first } else { 0 };
        Elements {
            document: self.document,
            next: self.index.saturating_add(1),
            left,
            null_is_absent: self.null_is_absent,
        }
    }

    /// The members of an object, in the order in which they were written; nothing for other kinds.
    #[inline]
    pub fn members(self) -> Members<'d> {
        let node = self.document.node(self.index);
        let left = if node.tag == Tag::Object {
            node.first
        } else {
            0
        };
        Members {
            document: self.document,
            next: self.index.saturating_add(1),
            left,
            null_is_absent: self.null_is_absent,
        }
    }

    /// Calls `visit` for each of the [`members`](Self::members), of which nothing is looked at before
    /// it has to be. Every request's context and arguments are gone through like that.
    #[inline]
    pub(crate) fn visit_members(self, mut visit: impl FnMut(Member<'d>)) {
        let Self {
            document,
            index,
            null_is_absent,
        } = self;
        let object = document.node(index);
        if object.tag != Tag::Object {
            return;
        }
        let (first, end) = (index as usize, object.second as usize);
        let inside = document.nodes.get(first.wrapping_add(1)..end);
        let mut left = inside.unwrap_or_default();
        // A key and its value stand side by side, and what is inside the value behind them.
        while let [key, value, behind @ ..] = left {
            let at = end.wrapping_sub(behind.len()).wrapping_sub(1);
            left = match value.tag {
                Tag::List | Tag::Object => {
                    let inner = (value.second as usize).wrapping_sub(at).wrapping_sub(1);
                    behind.get(inner..).unwrap_or_default()
                }
                _ => behind,
            };
            if !(null_is_absent && value.tag == Tag::Null) {
                visit(Member {
                    document,
                    key,
                    value,
                    index: low(at),
                    null_is_absent,
                });
            }
        }
    }

    /// The member with this key, if it is an object that has one.
    pub fn get(self, key: &str) -> Option<ValueRef<'d>> {
        self.members()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// The element at this position, if it is a list that long.
    pub fn element(self, position: usize) -> Option<ValueRef<'d>> {
        self.elements().nth(position)
    }
}

/// One member of an object: its key and its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'d> {
    document: &'d Document<'d>,
    key: &'d Node,
    value: &'d Node,
    index: u32,
    null_is_absent: bool,
}

impl<'d> Member<'d> {
    /// What [`print_of`] makes of the key.
    #[inline]
    pub(crate) fn print(self) -> u16 {
        self.key.print
    }

    /// How many bytes the key has.
    #[inline]
    pub(crate) fn key_len(self) -> usize {
        self.key.second as usize
    }

    /// The key.
    #[inline]
    pub(crate) fn key(self) -> &'d str {
        self.document.text(*self.key)
    }

    /// The key's bytes, for whoever only compares them.
    #[inline]
    pub(crate) fn key_bytes(self) -> &'d [u8] {
        let Node {
            tag, first, second, ..
        } = *self.key;
        let text = match tag {
            Tag::StringMade => self.document.made.as_bytes(),
            _ => self.document.source.as_bytes(),
        };
        let within = first as usize..(first as usize).wrapping_add(second as usize);
        text.get(within).unwrap_or_default()
    }

    /// The key as canonical JSON writes it.
    #[inline]
    pub(crate) fn written_key(self) -> WrittenText<'d> {
        self.document.written(*self.key)
    }

    /// The value.
    #[inline]
    pub(crate) fn value(self) -> ValueRef<'d> {
        ValueRef {
            document: self.document,
            index: self.index,
            null_is_absent: self.null_is_absent,
        }
    }

    /// As [`ValueRef::scalar`] of the value.
    #[inline]
    pub(crate) fn scalar(self) -> Scalar<'d> {
        self.document.scalar(*self.value)
    }
}

/// A [`ValueRef`]'s value as canonical JSON writes it.
#[derive(Debug)]
pub(crate) enum Written<'d> {
    /// `null`, `true` or `false`.
    Word(&'static str),
    /// A number as it was written, which may not be canonical.
    Number(&'d str),
    /// A string.
    String(WrittenText<'d>),
    /// The elements of a list, in order.
    List(Elements<'d>),
    /// An object.
    Object,
}

/// The text of a string or key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WrittenText<'d> {
    /// The text itself.
    pub(crate) text: &'d str,
    /// Whether it certainly needs no escape: it was read from a text in which it has none.
    pub(crate) is_plain: bool,
}

/// A [`ValueRef`]'s value as far as it is one that has no parts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar<'d> {
    Null,
    Bool(bool),
    /// As it was written.
    Number(&'d str),
    String(&'d str),
    /// Not a scalar, but a list.
    List,
    /// Not a scalar, but an object.
    Object,
}

/// Iterator over a list's elements.
#[derive(Debug, Clone)]
pub struct Elements<'d> {
    document: &'d Document<'d>,
    next: u32,
    left: u32,
    null_is_absent: bool,
}

impl<'d> Iterator for Elements<'d> {
    type Item = ValueRef<'d>;

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }

    #[inline]
    fn next(&mut self) -> Option<ValueRef<'d>> {
        self.left = self.left.checked_sub(1)?;
        let index = self.next;
        self.next = self.document.after(index);
        Some(ValueRef {
            document: self.document,
            index,
            null_is_absent: self.null_is_absent,
        })
    }
}

/// Iterator over an object's members.
#[derive(Debug, Clone)]
pub struct Members<'d> {
    document: &'d Document<'d>,
    next: u32,
    left: u32,
    null_is_absent: bool,
}

impl<'d> Iterator for Members<'d> {
    type Item = (&'d str, ValueRef<'d>);

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let most = self.left as usize;
        (if self.null_is_absent { 0 } else { most }, Some(most))
    }

    #[inline]
    fn next(&mut self) -> Option<(&'d str, ValueRef<'d>)> {
        loop {
            self.left = self.left.checked_sub(1)?;
            let key = self.document.text(self.document.node(self.next));
            let index = self.next.saturating_add(1);
            self.next = self.document.after(index);
            let value = ValueRef {
                document: self.document,
                index,
                null_is_absent: self.null_is_absent,
            };
            if !(self.null_is_absent && value.is_null()) {
                return Some((key, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, DocumentBuilder, ValueRef, print_of};

    fn object(builder: &mut DocumentBuilder<'_>, names: impl Iterator<Item = String>) {
        let at = builder.begin_object().unwrap();
        let names: Vec<String> = names.collect();
        for (place, name) in names.iter().enumerate() {
            builder.string(name).unwrap();
            match place % 3 {
                0 => builder.number("1").unwrap(),
                1 => builder.null().unwrap(),
                _ => {
                    let inner = builder.begin_list().unwrap();
                    builder.bool(true).unwrap();
                    builder.end_list(inner, 1);
                }
            }
        }
        let count = u32::try_from(names.len()).unwrap();
        builder.end_object(at, count).unwrap();
    }

    fn every_key_has_its_print(object: ValueRef<'_>) {
        let plain: Vec<&str> = object.members().map(|(key, _)| key).collect();
        let mut visited = Vec::new();
        object.visit_members(|member| {
            let key = member.key();
            assert_eq!(member.print(), print_of(key), "{key}");
            assert_eq!(member.key_bytes(), key.as_bytes());
            assert_eq!(member.key_len(), key.len());
            let found = object.get(key).map(ValueRef::index);
            assert_eq!(found, Some(member.value().index()));
            visited.push(key);
        });
        assert_eq!(plain, visited);
    }

    #[test]
    fn keys_keep_their_prints() {
        for count in [0, 1, 2, 16, 17, 40] {
            let mut builder = DocumentBuilder::new("", usize::MAX);
            object(&mut builder, (0..count).map(|n| format!("name_{}", n * n)));
            let document: Document<'_> = builder.finish();
            every_key_has_its_print(document.root());
            every_key_has_its_print(document.root().without_nulls());
            let mut copy = DocumentBuilder::new("", usize::MAX);
            copy.bool(true).unwrap();
            let at = copy.copy(document.root()).unwrap();
            every_key_has_its_print(copy.finish().value(at));
        }
    }
}
