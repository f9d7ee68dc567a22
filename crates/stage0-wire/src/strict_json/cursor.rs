//! Reading one token after the other, and telling what stands where another was expected.

use stage0_engine::canonical::plain_len;
use stage0_engine::document::DocumentError;

use super::JsonErrorKind;

/// What is expected where a value begins.
const VALUE: &str = "a value";
/// What is expected where a key begins.
const KEY: &str = "a key in double quotes";
/// What is expected inside an escape.
const ESCAPE: &str = "the rest of an escape";

/// A place in a text that is read. Small and copied, so that it stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// The next byte to read.
    at: usize,
}

/// Where and why reading ended. Boxed, so that what is read comes back in registers.
pub(super) struct Stop(Box<Wrong>);

/// What is wrong.
pub(super) struct Wrong {
    pub(super) kind: JsonErrorKind,
    pub(super) at: usize,
    /// What was expected, where something else was met.
    pub(super) expected: &'static str,
}

pub(super) type Parsed<T = ()> = Result<T, Stop>;

impl Stop {
    #[cold]
    pub(super) fn new(kind: JsonErrorKind, at: usize, expected: &'static str) -> Self {
        Self(Box::new(Wrong { kind, at, expected }))
    }

    pub(super) fn wrong(self) -> Wrong {
        *self.0
    }
}

impl From<DocumentError> for Stop {
    fn from(error: DocumentError) -> Self {
        // The place is that of a node, which whoever knows the limit works out.
        Self::new(error.into(), 0, "")
    }
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte that it is at.
    #[inline]
    pub(super) fn offset(self) -> usize {
        self.at
    }

    /// How many bytes it is behind an earlier one.
    #[inline]
    pub(super) fn behind(self, earlier: Self) -> usize {
        self.at.wrapping_sub(earlier.at)
    }

    /// So many bytes from here on, as text.
    pub(super) fn text_of(self, len: usize) -> Option<&'a str> {
        self.text.get(self.at..self.at.wrapping_add(len))
    }

    /// The end of reading, here.
    #[cold]
    pub(super) fn stop(self, kind: JsonErrorKind) -> Stop {
        Stop::new(kind, self.at, "")
    }

    #[inline]
    fn bytes(self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline]
    pub(super) fn rest(self) -> &'a [u8] {
        self.bytes().get(self.at..).unwrap_or_default()
    }

    #[inline]
    pub(super) fn peek(self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// Steps over bytes that were seen, so that the sum stays within the text.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.at = self.at.wrapping_add(bytes);
    }

    #[inline]
    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.advance(1);
        }
    }

    /// Steps over the string whose opening quote is here, if it has no escapes: where it begins within
    /// the quotes, and how many bytes it has. Otherwise only over the quote.
    #[expect(
        clippy::inline_always,
        reason = "keeps the cursor in registers: a tenth of the time of a parse"
    )]
    #[inline(always)]
    pub(super) fn plain_string(&mut self) -> Option<(usize, usize)> {
        self.advance(1);
        let rest = self.rest();
        let len = plain_len(rest);
        if rest.get(len) != Some(&b'"') {
            return None;
        }
        let start = self.at;
        self.advance(len.wrapping_add(1));
        Some((start, len))
    }

    #[inline]
    pub(super) fn literal(&mut self, word: &'static str) -> Parsed {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.not_a_literal(word));
        }
        self.advance(word.len());
        Ok(())
    }

    /// Steps over a number: how many digits stand before an exponent, and whether there is one.
    #[expect(
        clippy::inline_always,
        reason = "keeps the cursor in registers: a tenth of the time of a parse"
    )]
    #[inline(always)]
    pub(super) fn number(&mut self) -> Parsed<(usize, bool)> {
        let start = *self;
        if self.peek() == Some(b'-') {
            self.advance(1);
        }
        let mut digits = 1_usize;
        if self.peek() == Some(b'0') {
            self.advance(1);
        } else {
            digits = self.digits(start)?;
        }
        if self.peek() == Some(b'.') {
            self.advance(1);
            digits = digits.wrapping_add(self.digits(start)?);
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.advance(1);
            if let Some(b'+' | b'-') = self.peek() {
                self.advance(1);
            }
            self.digits(start)?;
        }
        match self.peek() {
            Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.' | b'_') => {
                Err(start.stop(JsonErrorKind::NumberSyntax))
            }
            _ => Ok((digits, has_exponent)),
        }
    }

    /// Steps over one digit or more of the number that begins at `start`, and counts them.
    #[inline]
    fn digits(&mut self, start: Self) -> Parsed<usize> {
        let first = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.advance(1);
        }
        match self.at.wrapping_sub(first) {
            0 if self.peek().is_none() => Err(self.unexpected("a digit")),
            0 => Err(start.stop(JsonErrorKind::NumberSyntax)),
            count => Ok(count),
        }
    }

    /// Appends to `made` the string that begins here, behind its opening quote.
    pub(super) fn unescape(&mut self, made: &mut String) -> Parsed {
        loop {
            let plain = plain_len(self.rest());
            let end = self.at.wrapping_add(plain);
            made.push_str(self.text.get(self.at..end).unwrap_or_default());
            self.at = end;
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(());
                }
                Some(b'\\') => made.push(self.escape()?),
                Some(_) => return Err(self.stop(JsonErrorKind::ControlCharacter)),
                None => return Err(self.unexpected("a closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let character = match self.rest() {
            [_, b'u', ..] => return self.unicode_escape(),
            [_, b'n', ..] => '\n',
            [_, b'"', ..] => '"',
            [_, b'\\', ..] => '\\',
            [_, b'/', ..] => '/',
            [_, b't', ..] => '\t',
            [_, b'r', ..] => '\r',
            [_, b'b', ..] => '\u{8}',
            [_, b'f', ..] => '\u{c}',
            [_, _, ..] => return Err(self.stop(JsonErrorKind::BadEscape)),
            [_] | [] => return Err(self.ends_in(ESCAPE)),
        };
        self.advance(2);
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Parsed<char> {
        let start = *self;
        let first = self.code_unit()?;
        let second = match (first, self.rest()) {
            (0xD800..=0xDBFF, [b'\\', b'u', ..]) => Some(self.code_unit()?),
            (0xD800..=0xDBFF, [b'\\'] | []) => return Err(self.ends_in(ESCAPE)),
            _ => None,
        };
        let units = core::iter::once(first).chain(second);
        char::decode_utf16(units)
            .next()
            .and_then(Result::ok)
            .ok_or_else(|| start.stop(JsonErrorKind::LoneSurrogate))
    }

    /// Reads `\u` and four hexadecimal digits.
    fn code_unit(&mut self) -> Parsed<u16> {
        let start = *self;
        self.advance(2);
        let mut unit = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(byte @ b'0'..=b'9') => byte.wrapping_sub(b'0'),
                Some(byte @ b'a'..=b'f') => byte.wrapping_sub(b'a' - 10),
                Some(byte @ b'A'..=b'F') => byte.wrapping_sub(b'A' - 10),
                Some(_) => return Err(start.stop(JsonErrorKind::BadEscape)),
                None => return Err(self.ends_in(ESCAPE)),
            };
            unit = unit << 4 | u16::from(digit);
            self.advance(1);
        }
        Ok(unit)
    }

    #[cold]
    pub(super) fn unexpected(self, expected: &'static str) -> Stop {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let kind = rest.chars().next().map_or(
            JsonErrorKind::UnexpectedEnd,
            JsonErrorKind::UnexpectedCharacter,
        );
        Stop::new(kind, self.at, expected)
    }

    #[cold]
    fn ends_in(self, expected: &'static str) -> Stop {
        let end = Self {
            at: self.text.len(),
            ..self
        };
        end.unexpected(expected)
    }

    #[cold]
    fn not_a_literal(mut self, word: &'static str) -> Stop {
        let met = self.rest().iter().zip(word.as_bytes());
        self.advance(met.take_while(|(met, letter)| met == letter).count());
        self.unexpected(match word {
            "true" => "`true`",
            "false" => "`false`",
            _ => "`null`",
        })
    }

    #[cold]
    pub(super) fn not_a_value(self) -> Stop {
        match self.rest() {
            [b'+' | b'.', ..] | [b'N', b'a', b'N', ..] | [b'I', b'n', b'f', ..] => {
                self.stop(JsonErrorKind::NumberSyntax)
            }
            [b']', ..] => self.unless_comma_trails(VALUE),
            _ => self.unexpected(VALUE),
        }
    }

    #[cold]
    pub(super) fn not_a_key(self) -> Stop {
        match self.peek() {
            Some(b'}') => self.unless_comma_trails(KEY),
            _ => self.unexpected(KEY),
        }
    }

    /// `]` or `}` was met where something else was expected: because a comma stands before it?
    fn unless_comma_trails(self, expected: &'static str) -> Stop {
        let before = self.text.get(..self.at).unwrap_or_default();
        match before.trim_ascii_end().strip_suffix(',') {
            Some(before) => {
                let comma = Self {
                    at: before.len(),
                    ..self
                };
                comma.stop(JsonErrorKind::TrailingComma)
            }
            None => self.unexpected(expected),
        }
    }
}
