//! From a text to the flat list of nodes: one pass, and a list of what is open instead of recursion.

use smallvec::SmallVec;
use stage0_engine::document::{Document, DocumentBuilder};
use stage0_engine::number::Number;

use super::JsonErrorKind;
use super::cursor::{Cursor, Parsed, Stop};
use crate::position::{self, Until};

/// Digits that a number without exponent can have, wherever its point stands, and be kept exactly
/// beyond doubt; longer ones are left to [`Number::parse`].
const DIGITS_BEYOND_DOUBT: usize = 18;

fn number_is_acceptable(text: &str) -> bool {
    Number::parse(text).is_ok()
}

/// A list or object whose end has not been met.
struct Open {
    index: u32,
    /// Of the elements or members, those that have begun.
    count: u32,
    is_object: bool,
}

pub(super) struct Parser<'a> {
    text: &'a str,
    builder: DocumentBuilder<'a>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, nodes_max: usize) -> Self {
        Self {
            text,
            builder: DocumentBuilder::new(text, nodes_max),
        }
    }

    pub(super) fn parse(mut self, depth_max: usize) -> Parsed<Document<'a>> {
        self.document(depth_max)?;
        Ok(self.builder.finish())
    }

    fn document(&mut self, depth_max: usize) -> Parsed {
        let mut cursor = Cursor::new(self.text);
        if cursor.rest().starts_with("\u{feff}".as_bytes()) {
            return Err(cursor.stop(JsonErrorKind::ByteOrderMark));
        }
        // Innermost last. Requests nest three to five deep.
        let mut open: SmallVec<[Open; 8]> = SmallVec::new();
        cursor.skip_space();
        'value: loop {
            match cursor.peek() {
                Some(b'"') => self.string(&mut cursor)?,
                Some(b'-' | b'0'..=b'9') => self.number(&mut cursor)?,
                Some(b't') => {
                    cursor.literal("true")?;
                    self.builder.bool(true)?;
                }
                Some(b'f') => {
                    cursor.literal("false")?;
                    self.builder.bool(false)?;
                }
                Some(b'n') => {
                    cursor.literal("null")?;
                    self.builder.null()?;
                }
                Some(bracket @ (b'{' | b'[')) => {
                    if open.len() >= depth_max {
                        return Err(cursor.stop(JsonErrorKind::Depth));
                    }
                    let is_object = bracket == b'{';
                    let (index, end) = if is_object {
                        (self.builder.begin_object()?, b'}')
                    } else {
                        (self.builder.begin_list()?, b']')
                    };
                    cursor.advance(1);
                    cursor.skip_space();
                    let is_empty = cursor.peek() == Some(end);
                    open.push(Open {
                        index,
                        count: u32::from(!is_empty),
                        is_object,
                    });
                    if !is_empty {
                        if is_object {
                            self.key(&mut cursor)?;
                        }
                        continue 'value;
                    }
                }
                _ => return Err(cursor.not_a_value()),
            }
            // Here a value has ended, or an empty list or object is about to end.
            loop {
                cursor.skip_space();
                let Some(innermost) = open.last_mut() else {
                    return match cursor.peek() {
                        None => Ok(()),
                        Some(_) => Err(cursor.stop(JsonErrorKind::TrailingText)),
                    };
                };
                match (cursor.peek(), innermost.is_object) {
                    (Some(b','), is_object) => {
                        // INVARIANT: there are fewer elements than bytes, and those fit into 32 bits.
                        innermost.count = innermost.count.wrapping_add(1);
                        cursor.advance(1);
                        cursor.skip_space();
                        if is_object {
                            self.key(&mut cursor)?;
                        }
                        continue 'value;
                    }
                    (Some(b']'), false) => {
                        self.builder.end_list(innermost.index, innermost.count);
                    }
                    (Some(b'}'), true) => {
                        if let Err(key) =
                            self.builder.close_object(innermost.index, innermost.count)
                        {
                            return Err(self.duplicate_key(key));
                        }
                    }
                    (_, true) => return Err(cursor.unexpected("`,` or `}`")),
                    (_, false) => return Err(cursor.unexpected("`,` or `]`")),
                }
                cursor.advance(1);
                open.pop();
            }
        }
    }

    /// Reads a key and the colon behind it.
    #[expect(
        clippy::inline_always,
        reason = "keeps the cursor in registers: a tenth of the time of a parse"
    )]
    #[inline(always)]
    fn key(&mut self, cursor: &mut Cursor<'a>) -> Parsed {
        if cursor.peek() != Some(b'"') {
            return Err(cursor.not_a_key());
        }
        match cursor.plain_string() {
            Some((start, len)) => self.builder.key_in_source(start, len)?,
            None => *cursor = self.string_with_escapes(*cursor)?,
        }
        cursor.skip_space();
        if cursor.peek() != Some(b':') {
            return Err(cursor.unexpected("`:`"));
        }
        cursor.advance(1);
        cursor.skip_space();
        Ok(())
    }

    #[expect(
        clippy::inline_always,
        reason = "keeps the cursor in registers: a tenth of the time of a parse"
    )]
    #[inline(always)]
    fn string(&mut self, cursor: &mut Cursor<'a>) -> Parsed {
        match cursor.plain_string() {
            Some((start, len)) => self.builder.string_in_source(start, len)?,
            None => *cursor = self.string_with_escapes(*cursor)?,
        }
        Ok(())
    }

    /// Reads a string, or key, from behind its opening quote on; the cursor behind it.
    #[inline(never)]
    fn string_with_escapes(&mut self, mut cursor: Cursor<'a>) -> Parsed<Cursor<'a>> {
        self.builder
            .string_with(|made| cursor.unescape(made))
            .map(|()| cursor)
    }

    #[expect(
        clippy::inline_always,
        reason = "keeps the cursor in registers: a tenth of the time of a parse"
    )]
    #[inline(always)]
    fn number(&mut self, cursor: &mut Cursor<'a>) -> Parsed {
        let start = *cursor;
        let (digits, has_exponent) = cursor.number()?;
        let len = cursor.behind(start);
        if has_exponent || digits > DIGITS_BEYOND_DOUBT {
            let text = start.text_of(len);
            if !text.is_some_and(number_is_acceptable) {
                return Err(start.stop(JsonErrorKind::NumberTooLong));
            }
        }
        self.builder.number_in_source(start.offset(), len)?;
        Ok(())
    }

    #[cold]
    fn duplicate_key(&self, index: u32) -> Stop {
        let place = position::place(self.text.as_bytes(), Until::Node(index as usize));
        let key = self.builder.document().value(index).as_str();
        let kind = JsonErrorKind::DuplicateKey(key.unwrap_or_default().to_owned());
        Stop::new(kind, place.offset, "")
    }
}
