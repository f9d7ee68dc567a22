//! Building a document from its parts, in the order in which a parser meets them.

use super::print::{NO_PRINT, fingerprint, low, print_of, print_of_bytes};
use super::{Document, Node, Tag, ValueRef};

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
    sorted: Vec<(u32, u32)>,
}

/// Objects up to this size have their keys compared pair by pair, by fingerprint; larger ones are
/// sorted. Sixteen fingerprints are two cache lines, and comparing them costs less than a sort.
const FEW_KEYS: usize = 16;

/// Bytes of request text for each node that is expected: compact requests have 9 to 13. Where there
/// are more nodes than that, growing once costs less than asking for twice the memory always would.
const BYTES_A_NODE: usize = 12;

/// Nodes for which room is made before any is seen, so that a large text of few values does not
/// take memory that it never uses.
const NODES_EXPECTED_MAX: usize = 1024;

impl<'a> DocumentBuilder<'a> {
    /// A builder over `source`, which string and number nodes may point into.
    pub fn new(source: &'a str, nodes_max: usize) -> Self {
        let expected = (source.len() / BYTES_A_NODE).clamp(8, NODES_EXPECTED_MAX);
        Self {
            document: Document {
                source,
                made: String::new(),
                nodes: Vec::with_capacity(expected.min(nodes_max)),
            },
            nodes_max,
            sorted: Vec::new(),
        }
    }

    #[inline]
    fn push(&mut self, tag: Tag, first: usize, second: usize) -> Result<u32, DocumentError> {
        self.push_printed(tag, NO_PRINT, first, second)
    }

    #[inline]
    fn push_printed(
        &mut self,
        tag: Tag,
        print: u16,
        first: usize,
        second: usize,
    ) -> Result<u32, DocumentError> {
        let index = self.document.nodes.len();
        if index >= self.nodes_max {
            return Err(DocumentError::TooManyNodes);
        }
        self.document.nodes.push(Node {
            tag,
            print,
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
    #[inline]
    pub fn null(&mut self) -> Result<(), DocumentError> {
        self.push(Tag::Null, 0, 0).map(|_| ())
    }

    /// Adds a truth value.
    ///
    /// # Errors
    /// Too many nodes.
    #[inline]
    pub fn bool(&mut self, value: bool) -> Result<(), DocumentError> {
        self.push(if value { Tag::True } else { Tag::False }, 0, 0)
            .map(|_| ())
    }

    /// Adds the number written at these bytes of the source, which
    /// [`Number::parse`](crate::number::Number::parse) must accept.
    ///
    /// # Errors
    /// Too many nodes.
    #[inline]
    pub fn number_in_source(&mut self, start: usize, len: usize) -> Result<(), DocumentError> {
        self.push(Tag::NumberInSource, start, len).map(|_| ())
    }

    /// Adds a number by its text, which [`Number::parse`](crate::number::Number::parse) must accept.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn number(&mut self, text: &str) -> Result<(), DocumentError> {
        self.make(Tag::NumberMade, text)
    }

    /// Adds the string, or key, that stands without escapes at these bytes of the source: it holds no
    /// quote, backslash or control character, and so canonical JSON copies it as it is.
    ///
    /// # Errors
    /// Too many nodes.
    #[inline]
    pub fn string_in_source(&mut self, start: usize, len: usize) -> Result<(), DocumentError> {
        self.push(Tag::StringInSource, start, len).map(|_| ())
    }

    /// Adds the key that stands without escapes at these bytes of the source: the same as
    /// [`string_in_source`](Self::string_in_source), but cheaper, because its text was just read.
    ///
    /// # Errors
    /// Too many nodes.
    #[inline]
    pub fn key_in_source(&mut self, start: usize, len: usize) -> Result<(), DocumentError> {
        let key = self.document.source.as_bytes();
        let key = key.get(start..start.wrapping_add(len)).unwrap_or_default();
        let print = print_of_bytes(key);
        self.push_printed(Tag::StringInSource, print, start, len)
            .map(|_| ())
    }

    /// Adds a string, or key, by its text.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn string(&mut self, text: &str) -> Result<(), DocumentError> {
        self.make(Tag::StringMade, text)
    }

    /// Adds a string, or key, piece by piece: `write` appends its text, and must do nothing else, to
    /// the string that it is given.
    ///
    /// # Errors
    /// Too many nodes, or what `write` returns.
    pub fn string_with<E: From<DocumentError>>(
        &mut self,
        write: impl FnOnce(&mut String) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.document.made.len();
        write(&mut self.document.made)?;
        let len = self.document.made.len().saturating_sub(start);
        self.push(Tag::StringMade, start, len)?;
        Ok(())
    }

    /// Begins a list; the result goes to [`end_list`](Self::end_list).
    ///
    /// # Errors
    /// Too many nodes.
    #[inline]
    pub fn begin_list(&mut self) -> Result<u32, DocumentError> {
        self.push(Tag::List, 0, 0)
    }

    /// Ends the list begun at `at`, which has `count` elements.
    #[inline]
    pub fn end_list(&mut self, at: u32, count: u32) {
        self.close(at, count);
    }

    /// Begins an object; the result goes to [`end_object`](Self::end_object).
    ///
    /// # Errors
    /// Too many nodes.
    #[inline]
    pub fn begin_object(&mut self) -> Result<u32, DocumentError> {
        self.push(Tag::Object, 0, 0)
    }

    /// Ends the object begun at `at`, which has `count` members.
    ///
    /// # Errors
    /// A key stands twice.
    pub fn end_object(&mut self, at: u32, count: u32) -> Result<(), DocumentError> {
        self.close_object(at, count).map_err(|key| {
            let key = self.document.value(key).as_str().unwrap_or_default();
            DocumentError::DuplicateKey(key.to_owned())
        })
    }

    /// As [`end_object`](Self::end_object), for parsers that show the place of a duplicate key.
    ///
    /// # Errors
    /// The index of the first key that stood in the object before.
    #[inline]
    pub fn close_object(&mut self, at: u32, count: u32) -> Result<(), u32> {
        self.close(at, count);
        let surely_differ = self.print_keys(at, count as usize);
        let repeated = match count {
            0 | 1 => None,
            _ if surely_differ => None,
            _ => self.repeated_key(at),
        };
        repeated.map_or(Ok(()), Err)
    }

    #[inline]
    fn close(&mut self, at: u32, count: u32) {
        let end = low(self.document.nodes.len());
        if let Some(node) = self.document.nodes.get_mut(at as usize) {
            node.first = count;
            node.second = end;
        }
    }

    /// Completes the prints of the keys of the object at `at`, and tells whether they are at most
    /// [`FEW_KEYS`] of which no two can be equal.
    fn print_keys(&mut self, at: u32, count: usize) -> bool {
        let mut prints = [NO_PRINT; FEW_KEYS];
        let mut key = at.saturating_add(1);
        for place in 0..count {
            let print = self.print_key(key);
            if let Some(place) = prints.get_mut(place) {
                *place = print;
            }
            key = self.document.after(key.saturating_add(1));
        }
        if count > FEW_KEYS {
            return false;
        }
        // Comparing with all sixteen takes no branch, so it is cheaper than stopping at those in use.
        let is_single = |print: &u16| {
            let same = prints.iter().map(|other| u16::from(other == print));
            same.fold(0_u16, u16::wrapping_add) == 1
        };
        prints.iter().take(count).all(is_single)
    }

    /// The print of a key, which is made where it was not made before.
    #[inline]
    fn print_key(&mut self, key: u32) -> u16 {
        let node = self.document.node(key);
        if node.print != NO_PRINT {
            return node.print;
        }
        let print = print_of(self.document.text(node));
        if let Some(node) = self.document.nodes.get_mut(key as usize) {
            node.print = print;
        }
        print
    }

    fn repeated_key(&mut self, at: u32) -> Option<u32> {
        let document = &self.document;
        let text = |key: u32| document.text(document.node(key));
        self.sorted.clear();
        self.sorted.extend(
            document
                .keys(at)
                .map(|key| (fingerprint(text(key).as_bytes()), key)),
        );
        // Keys with the same fingerprint are ordered by their text, so that keys chosen to have the
        // same one cost no more than a sort; equal keys stand in the order in which they were written.
        self.sorted.sort_unstable_by(|(one, a), (two, b)| {
            one.cmp(two)
                .then_with(|| text(*a).cmp(text(*b)))
                .then(a.cmp(b))
        });
        let pairs = self.sorted.windows(2).filter_map(|pair| match *pair {
            [(one, a), (two, b)] => (one == two && text(a) == text(b)).then_some(b),
            _ => None,
        });
        pairs.min()
    }

    /// What has been built so far. Lists and objects that have not ended look empty.
    pub fn document(&self) -> &Document<'a> {
        &self.document
    }

    /// Copies a value of another document; its index here.
    ///
    /// Several values may be put side by side, each reached by its index: tables of constants are
    /// built like that.
    ///
    /// # Errors
    /// Too many nodes.
    pub fn copy(&mut self, value: ValueRef<'_>) -> Result<u32, DocumentError> {
        let at = low(self.document.nodes.len());
        let from = value.document;
        for index in value.index..from.after(value.index) {
            let node = from.node(index);
            let copied = self.document.nodes.len();
            match node.tag {
                Tag::NumberInSource | Tag::NumberMade => {
                    self.make(Tag::NumberMade, from.text(node))?;
                }
                Tag::StringInSource | Tag::StringMade => {
                    self.make(Tag::StringMade, from.text(node))?;
                }
                Tag::List | Tag::Object => {
                    let len = node.second.saturating_sub(value.index);
                    let end = at.saturating_add(len);
                    self.push(node.tag, node.first as usize, end as usize)?;
                }
                Tag::Null | Tag::False | Tag::True => {
                    self.push(node.tag, 0, 0)?;
                }
            }
            if let Some(copy) = self.document.nodes.get_mut(copied) {
                copy.print = node.print;
            }
        }
        Ok(at)
    }

    /// The document.
    pub fn finish(self) -> Document<'a> {
        self.document
    }
}
