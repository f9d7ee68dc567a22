//! A JSON value as a flat list of nodes over a text.
//!
//! Requests arrive as text or as objects of a host language; both become a `Document`, and rules read
//! nothing else. It is flat so that building, walking and dropping it never recurse, and strings
//! without escapes stay where they are in the request's text. What it does not do: parse text (that
//! is `stage0-wire`'s work) or convert types.

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
#[derive(Debug, Clone, Copy)]
struct Node {
    tag: Tag,
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

impl<'a> Document<'a> {
    /// The outermost value; `null` where the document is empty.
    pub fn root(&self) -> ValueRef<'_> {
        self.value(0)
    }

    /// The value with this index, as [`ValueRef::index`] told it.
    pub fn value(&self, index: u32) -> ValueRef<'_> {
        ValueRef {
            document: self,
            index,
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

    fn node(&self, index: u32) -> Node {
        self.nodes.get(index as usize).copied().unwrap_or(Node {
            tag: Tag::Null,
            first: 0,
            second: 0,
        })
    }

    fn text(&self, node: Node) -> &str {
        let within =
            node.first as usize..(node.first as usize).saturating_add(node.second as usize);
        match node.tag {
            Tag::NumberInSource | Tag::StringInSource => self.source.get(within).unwrap_or(""),
            Tag::NumberMade | Tag::StringMade => self.made.get(within).unwrap_or(""),
            Tag::Null | Tag::False | Tag::True | Tag::List | Tag::Object => "",
        }
    }

    /// Index of the node that follows the value at `index` and all that is inside it.
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
}

impl<'d> ValueRef<'d> {
    /// Where this value stands in its document; [`Document::value`] takes it back.
    pub fn index(self) -> u32 {
        self.index
    }

    /// What kind of value it is.
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
    pub fn as_str(self) -> Option<&'d str> {
        let node = self.document.node(self.index);
        matches!(node.tag, Tag::StringInSource | Tag::StringMade).then(|| self.document.text(node))
    }

    /// The number, if it is one. A builder accepts only what [`Number::parse`] accepts.
    pub fn as_number(self) -> Option<Number> {
        Number::parse(self.number_text()?).ok()
    }

    /// The number as it was written, if it is one.
    pub fn number_text(self) -> Option<&'d str> {
        let node = self.document.node(self.index);
        matches!(node.tag, Tag::NumberInSource | Tag::NumberMade).then(|| self.document.text(node))
    }

    /// How many elements or members it has; 0 for a scalar.
    pub fn len(self) -> usize {
        let node = self.document.node(self.index);
        match node.tag {
            Tag::List | Tag::Object => node.first as usize,
            _ => 0,
        }
    }

    /// Whether it has no elements or members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The elements of a list, in order; nothing for any other kind.
    pub fn elements(self) -> Elements<'d> {
        let node = self.document.node(self.index);
        let left = if node.tag == Tag::List { node.first } else { 0 };
        Elements {
            document: self.document,
            next: self.index.saturating_add(1),
            left,
        }
    }

    /// The members of an object, in the order in which they were written; nothing for other kinds.
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

/// Iterator over a list's elements.
#[derive(Debug, Clone)]
pub struct Elements<'d> {
    document: &'d Document<'d>,
    next: u32,
    left: u32,
}

impl<'d> Iterator for Elements<'d> {
    type Item = ValueRef<'d>;

    fn next(&mut self) -> Option<ValueRef<'d>> {
        self.left = self.left.checked_sub(1)?;
        let value = self.document.value(self.next);
        self.next = self.document.after(self.next);
        Some(value)
    }
}

/// Iterator over an object's members.
#[derive(Debug, Clone)]
pub struct Members<'d> {
    document: &'d Document<'d>,
    next: u32,
    left: u32,
}

impl<'d> Iterator for Members<'d> {
    type Item = (&'d str, ValueRef<'d>);

    fn next(&mut self) -> Option<(&'d str, ValueRef<'d>)> {
        self.left = self.left.checked_sub(1)?;
        let key = self.document.text(self.document.node(self.next));
        let value = self.document.value(self.next.saturating_add(1));
        self.next = self.document.after(value.index);
        Some((key, value))
    }
}

/// Why a document could not be built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DocumentError {
    /// The same key stands twice in one object.
    DuplicateKey(String),
    /// There are more nodes than the builder was told to allow.
    TooManyNodes,
}

/// Builds a [`Document`] in the order in which a parser meets its parts.
///
/// An object is: [`begin_object`](Self::begin_object), then for each member a key (one of the string
/// methods) and a value, then [`end_object`](Self::end_object), which refuses duplicate keys.
#[derive(Debug)]
pub struct DocumentBuilder<'a> {
    document: Document<'a>,
    nodes_max: usize,
    sorted: Vec<u32>,
}

/// Objects up to this size are searched for duplicate keys pair by pair, larger ones by sorting.
const PAIRWISE_KEYS_MAX: u32 = 12;

impl<'a> DocumentBuilder<'a> {
    /// A builder over `source`, which string and number nodes may point into.
    pub fn new(source: &'a str, nodes_max: usize) -> Self {
        // JSON has a node for every 10 bytes or so; guessing low costs one growth.
        let capacity = (source.len() / 12).clamp(8, nodes_max);
        Self {
            document: Document {
                source,
                made: String::new(),
                nodes: Vec::with_capacity(capacity),
            },
            nodes_max,
            sorted: Vec::new(),
        }
    }

    fn push(&mut self, tag: Tag, first: usize, second: usize) -> Result<u32, DocumentError> {
        let index = self.document.nodes.len();
        if index >= self.nodes_max {
            return Err(DocumentError::TooManyNodes);
        }
        self.document.nodes.push(Node {
            tag,
            first: low(first),
            second: low(second),
        });
        Ok(low(index))
    }

    fn make(&mut self, tag: Tag, text: &str) -> Result<(), DocumentError> {
        let start = self.document.made.len();
        self.document.made.push_str(text);
        self.push(tag, start, text.len()).map(|_| ())
    }

    /// Adds `null`.
    ///
    /// # Errors
    /// Too many nodes; so do all the methods that add.
    pub fn null(&mut self) -> Result<(), DocumentError> {
        self.push(Tag::Null, 0, 0).map(|_| ())
    }

    /// Adds a truth value.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn bool(&mut self, value: bool) -> Result<(), DocumentError> {
        self.push(if value { Tag::True } else { Tag::False }, 0, 0)
            .map(|_| ())
    }

    /// Adds the number written at these bytes of the source; [`Number::parse`] must accept it.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn number_in_source(&mut self, start: usize, len: usize) -> Result<(), DocumentError> {
        self.push(Tag::NumberInSource, start, len).map(|_| ())
    }

    /// Adds a number by its text; [`Number::parse`] must accept it.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn number(&mut self, text: &str) -> Result<(), DocumentError> {
        self.make(Tag::NumberMade, text)
    }

    /// Adds the string, or key, that stands without escapes at these bytes of the source.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn string_in_source(&mut self, start: usize, len: usize) -> Result<(), DocumentError> {
        self.push(Tag::StringInSource, start, len).map(|_| ())
    }

    /// Adds a string, or key, by its text.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn string(&mut self, text: &str) -> Result<(), DocumentError> {
        self.make(Tag::StringMade, text)
    }

    /// Begins a list; the result goes to [`end_list`](Self::end_list).
    ///
    /// # Errors
    /// Too many nodes.
    pub fn begin_list(&mut self) -> Result<u32, DocumentError> {
        self.push(Tag::List, 0, 0)
    }

    /// Ends the list begun at `at`, which has `count` elements.
    pub fn end_list(&mut self, at: u32, count: u32) {
        self.close(at, count);
    }

    /// Begins an object; the result goes to [`end_object`](Self::end_object).
    ///
    /// # Errors
    /// Too many nodes.
    pub fn begin_object(&mut self) -> Result<u32, DocumentError> {
        self.push(Tag::Object, 0, 0)
    }

    /// Ends the object begun at `at`, which has `count` members.
    ///
    /// # Errors
    /// A key stands twice.
    pub fn end_object(&mut self, at: u32, count: u32) -> Result<(), DocumentError> {
        self.close(at, count);
        match self.duplicate_key(at, count) {
            Some(key) => Err(DocumentError::DuplicateKey(key)),
            None => Ok(()),
        }
    }

    fn close(&mut self, at: u32, count: u32) {
        let end = low(self.document.nodes.len());
        if let Some(node) = self.document.nodes.get_mut(at as usize) {
            node.first = count;
            node.second = end;
        }
    }

    fn duplicate_key(&mut self, at: u32, count: u32) -> Option<String> {
        let members = self.document.value(at).members();
        if count <= PAIRWISE_KEYS_MAX {
            let mut rest = members;
            while let Some((key, _)) = rest.next() {
                if rest.clone().any(|(other, _)| other == key) {
                    return Some(key.to_owned());
                }
            }
            return None;
        }
        let document = &self.document;
        let mut sorted = core::mem::take(&mut self.sorted);
        sorted.clear();
        // A value's index less one is the index of its key.
        sorted.extend(members.map(|(_, value)| value.index.saturating_sub(1)));
        sorted.sort_unstable_by_key(|&key| document.text(document.node(key)));
        let twice = sorted.windows(2).find_map(|pair| match pair {
            [one, two] => {
                let key = document.text(document.node(*one));
                (key == document.text(document.node(*two))).then(|| key.to_owned())
            }
            _ => None,
        });
        self.sorted = sorted;
        twice
    }

    /// The document.
    pub fn finish(self) -> Document<'a> {
        self.document
    }
}

/// Offsets fit into 32 bits because every text that reaches a builder is bounded far below 4 GiB.
fn low(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
