//! Strict JSON: the text of a request becomes a [`Document`].
//!
//! This is the door of the hot path, so it reads the text once, leaves strings where they are and
//! allocates twice for a typical request. What RFC 8259 leaves to the implementation is refused
//! wherever two readers of one text could see two values: duplicate keys, lone surrogates, numbers
//! that cannot be kept exactly. What members a request has, and of which type, is not judged here.

use core::fmt;

use smallvec::SmallVec;
use stage0_engine::canonical::plain_len;
use stage0_engine::document::{Document, DocumentBuilder, DocumentError};
use stage0_engine::limits::{
    NUMBER_DIGITS_MAX, REQUEST_BYTES_MAX, REQUEST_DEPTH_MAX, REQUEST_NODES_MAX,
};
use stage0_engine::number::Number;

use crate::escape::{is_hidden, quoted};
use crate::position::{self, Until};

/// How much a text may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Bytes of the text.
    pub bytes_max: usize,
    /// Nesting of lists and objects.
    pub depth_max: usize,
    /// Scalars, lists, objects and keys.
    pub nodes_max: usize,
}

impl JsonLimits {
    /// The limits of a request.
    pub const REQUEST: Self = Self {
        bytes_max: REQUEST_BYTES_MAX,
        depth_max: REQUEST_DEPTH_MAX,
        nodes_max: REQUEST_NODES_MAX,
    };
}

/// Why a text was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// The text begins with a byte order mark.
    ByteOrderMark,
    /// The text ends in the middle of a value.
    UnexpectedEnd,
    /// Something else was expected at this character.
    UnexpectedCharacter(char),
    /// Something follows the outermost value.
    TrailingText,
    /// A comma stands before `]` or `}`.
    TrailingComma,
    /// This key stands twice in one object.
    DuplicateKey(String),
    /// A string holds a control character that is not escaped.
    ControlCharacter,
    /// A backslash is not followed by one of JSON's escapes.
    BadEscape,
    /// Half of a surrogate pair stands alone, which is not a character.
    LoneSurrogate,
    /// Something looks like a number and is not written as JSON writes numbers.
    NumberSyntax,
    /// A number has more digits than can be kept exactly.
    NumberTooLong,
    /// Lists and objects nest too deeply.
    Depth,
    /// The text has too many bytes.
    TooLarge,
    /// The text has too many values and keys.
    TooManyValues,
}

/// Why a text was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    kind: JsonErrorKind,
    offset: usize,
    expected: &'static str,
    path: String,
}

impl JsonError {
    /// What is wrong.
    pub fn kind(&self) -> &JsonErrorKind {
        &self.kind
    }

    /// The byte at which it is wrong; [`line_column`](position::line_column) tells line and column.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The value in which it is wrong, as in `context.approval.roles[2]`; empty for the outermost
    /// one. Where a key is wrong, it is the object around it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The stable code of the kind.
    pub fn code(&self) -> &'static str {
        match self.kind {
            JsonErrorKind::InvalidUtf8 => "JSON_INVALID_UTF8",
            JsonErrorKind::ByteOrderMark => "JSON_BYTE_ORDER_MARK",
            JsonErrorKind::UnexpectedEnd => "JSON_UNEXPECTED_END",
            JsonErrorKind::UnexpectedCharacter(_) => "JSON_UNEXPECTED_CHARACTER",
            JsonErrorKind::TrailingText => "JSON_TRAILING_TEXT",
            JsonErrorKind::TrailingComma => "JSON_TRAILING_COMMA",
            JsonErrorKind::DuplicateKey(_) => "JSON_DUPLICATE_KEY",
            JsonErrorKind::ControlCharacter => "JSON_CONTROL_CHARACTER",
            JsonErrorKind::BadEscape => "JSON_BAD_ESCAPE",
            JsonErrorKind::LoneSurrogate => "JSON_LONE_SURROGATE",
            JsonErrorKind::NumberSyntax => "JSON_NUMBER_SYNTAX",
            JsonErrorKind::NumberTooLong => "JSON_NUMBER_TOO_LONG",
            JsonErrorKind::Depth => "JSON_DEPTH",
            JsonErrorKind::TooLarge => "JSON_TOO_LARGE",
            JsonErrorKind::TooManyValues => "JSON_TOO_MANY_VALUES",
        }
    }

    /// What to do about it; empty where the message says all there is to say.
    pub fn help(&self) -> &'static str {
        match self.kind {
            JsonErrorKind::InvalidUtf8 => {
                "send the text as UTF-8; a character cut in half or a text in another encoding is the usual cause"
            }
            JsonErrorKind::ByteOrderMark => {
                "save or send the text as UTF-8 without a byte order mark"
            }
            JsonErrorKind::UnexpectedEnd => "the text was cut, or a quote, `]` or `}` is missing",
            JsonErrorKind::UnexpectedCharacter('\'') => {
                "JSON writes strings and keys in double quotes"
            }
            JsonErrorKind::UnexpectedCharacter('/' | '#') => "JSON has no comments",
            JsonErrorKind::UnexpectedCharacter('T' | 'F' | 'N' | 'u') => {
                "JSON writes `true`, `false` and `null`, and has no `undefined`"
            }
            JsonErrorKind::UnexpectedCharacter(_) => "",
            JsonErrorKind::TrailingText => "send one value; join several in a list",
            JsonErrorKind::TrailingComma => "remove the comma behind the last member or element",
            JsonErrorKind::DuplicateKey(_) => {
                "keep one of the two: programs that read this text differ in which one they would take"
            }
            JsonErrorKind::ControlCharacter => {
                "escape it: a line feed is `\\n`, a tab `\\t`, any other `\\u` and four hexadecimal digits"
            }
            JsonErrorKind::BadEscape => {
                "JSON has `\\\"`, `\\\\`, `\\/`, `\\b`, `\\f`, `\\n`, `\\r`, `\\t` and `\\u` with four hexadecimal digits; a backslash itself is `\\\\`"
            }
            JsonErrorKind::LoneSurrogate => {
                "write both halves of the pair, or the character itself in UTF-8; a text cut in the middle of an emoji is the usual cause"
            }
            JsonErrorKind::NumberSyntax => {
                "JSON writes numbers as `-1`, `0.5` and `1e3`: no leading `+`, `0` or `.`, no NaN and no Infinity"
            }
            JsonErrorKind::NumberTooLong => {
                "send it as a string if it is an identifier; numbers are never rounded"
            }
            JsonErrorKind::Depth => "flatten the value, or send the inner part as a string",
            JsonErrorKind::TooLarge | JsonErrorKind::TooManyValues => {
                "leave out what no rule reads, or send a digest of it"
            }
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = self.expected;
        match &self.kind {
            JsonErrorKind::InvalidUtf8 => f.write_str("the text is not valid UTF-8"),
            JsonErrorKind::ByteOrderMark => f.write_str("the text begins with a byte order mark"),
            JsonErrorKind::UnexpectedEnd => {
                write!(f, "the text ends where {expected} was expected")
            }
            JsonErrorKind::UnexpectedCharacter(character) => {
                if is_hidden(*character) || character.is_whitespace() {
                    write!(f, "U+{:04X}", u32::from(*character))
                } else {
                    write!(f, "`{character}`")
                }?;
                write!(f, " stands where {expected} was expected")
            }
            JsonErrorKind::TrailingText => f.write_str("something follows the value"),
            JsonErrorKind::TrailingComma => f.write_str("nothing follows the comma"),
            JsonErrorKind::DuplicateKey(key) => write!(f, "key {} stands twice", quoted(key)),
            JsonErrorKind::ControlCharacter => {
                f.write_str("a string holds a control character that is not escaped")
            }
            JsonErrorKind::BadEscape => f.write_str("a backslash begins no escape that JSON has"),
            JsonErrorKind::LoneSurrogate => {
                f.write_str("half of a surrogate pair stands alone, which is not a character")
            }
            JsonErrorKind::NumberSyntax => f.write_str("a number is not written as in JSON"),
            JsonErrorKind::NumberTooLong => {
                write!(f, "a number has more than {NUMBER_DIGITS_MAX} digits")
            }
            JsonErrorKind::Depth => f.write_str("lists and objects nest too deeply"),
            JsonErrorKind::TooLarge => f.write_str("the text has too many bytes"),
            JsonErrorKind::TooManyValues => f.write_str("the text has too many values"),
        }?;
        if self.path.is_empty() {
            Ok(())
        } else {
            write!(f, ", in `{}`", self.path)
        }
    }
}

impl core::error::Error for JsonError {}

/// Parses the bytes of a JSON text.
///
/// # Errors
/// The text is not strict JSON or exceeds a limit; see [`JsonErrorKind`].
///
/// ```
/// use stage0_wire::strict_json::{JsonLimits, parse};
///
/// let document = parse(br#"{"amount": 500.01}"#, &JsonLimits::REQUEST).unwrap();
/// let amount = document.root().get("amount").unwrap();
/// assert_eq!(amount.number_text(), Some("500.01"));
///
/// let error = parse(br#"{"a": {"b": 1, "b": 2}}"#, &JsonLimits::REQUEST).unwrap_err();
/// assert_eq!(error.to_string(), "key `b` stands twice, in `a`");
/// assert_eq!(error.offset(), 15);
/// ```
pub fn parse<'a>(text: &'a [u8], limits: &JsonLimits) -> Result<Document<'a>, JsonError> {
    check_size(text, limits)?;
    match core::str::from_utf8(text) {
        Ok(text) => parse_str(text, limits),
        Err(error) => Err(refusal(
            text,
            JsonErrorKind::InvalidUtf8,
            Until::Offset(error.valid_up_to()),
            "",
        )),
    }
}

/// Parses a JSON text that is known to be UTF-8.
///
/// # Errors
/// As [`parse`], without [`JsonErrorKind::InvalidUtf8`].
pub fn parse_str<'a>(text: &'a str, limits: &JsonLimits) -> Result<Document<'a>, JsonError> {
    check_size(text.as_bytes(), limits)?;
    let mut parser = Parser {
        cursor: Cursor {
            text,
            at: 0,
            expected: "",
        },
        builder: DocumentBuilder::new(text, limits.nodes_max),
    };
    match parser.document(limits.depth_max) {
        Ok(()) => Ok(parser.builder.finish()),
        Err(kind) => {
            let until = match kind {
                JsonErrorKind::TooManyValues => Until::Node(limits.nodes_max),
                _ => Until::Offset(parser.cursor.at),
            };
            Err(refusal(
                text.as_bytes(),
                kind,
                until,
                parser.cursor.expected,
            ))
        }
    }
}

fn check_size(text: &[u8], limits: &JsonLimits) -> Result<(), JsonError> {
    // A document keeps offsets in 32 bits, whatever the limit.
    let bytes_max = limits.bytes_max.min(u32::MAX as usize);
    if text.len() <= bytes_max {
        return Ok(());
    }
    Err(JsonError {
        kind: JsonErrorKind::TooLarge,
        offset: bytes_max,
        expected: "",
        path: String::new(),
    })
}

#[cold]
fn refusal(text: &[u8], kind: JsonErrorKind, until: Until, expected: &'static str) -> JsonError {
    let place = position::place(text, until);
    JsonError {
        kind,
        offset: place.offset,
        expected,
        path: place.path,
    }
}

/// Digits that a number without exponent can have, wherever its point stands, and be kept exactly
/// beyond doubt; longer ones are left to [`Number::parse`].
const DIGITS_BEYOND_DOUBT: usize = 18;

fn number_is_acceptable(text: &str) -> bool {
    Number::parse(text).is_ok()
}

type Parsed<T = ()> = Result<T, JsonErrorKind>;

impl From<DocumentError> for JsonErrorKind {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::DuplicateKey(key) => Self::DuplicateKey(key),
            _ => Self::TooManyValues,
        }
    }
}

/// A list or object whose end has not been met.
struct Open {
    index: u32,
    /// Of the elements or members, those that have begun.
    count: u32,
    is_object: bool,
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    builder: DocumentBuilder<'a>,
}

impl Parser<'_> {
    fn document(&mut self, depth_max: usize) -> Parsed {
        if self.cursor.rest().starts_with("\u{feff}".as_bytes()) {
            return Err(JsonErrorKind::ByteOrderMark);
        }
        // Innermost last. Requests nest three to five deep.
        let mut open: SmallVec<[Open; 8]> = SmallVec::new();
        self.cursor.skip_space();
        'value: loop {
            match self.cursor.peek() {
                Some(b'"') => self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => {
                    self.cursor.literal("true")?;
                    self.builder.bool(true)?;
                }
                Some(b'f') => {
                    self.cursor.literal("false")?;
                    self.builder.bool(false)?;
                }
                Some(b'n') => {
                    self.cursor.literal("null")?;
                    self.builder.null()?;
                }
                Some(bracket @ (b'{' | b'[')) => {
                    if open.len() >= depth_max {
                        return Err(JsonErrorKind::Depth);
                    }
                    let is_object = bracket == b'{';
                    let (index, end) = if is_object {
                        (self.builder.begin_object()?, b'}')
                    } else {
                        (self.builder.begin_list()?, b']')
                    };
                    self.cursor.advance(1);
                    self.cursor.skip_space();
                    let is_empty = self.cursor.peek() == Some(end);
                    open.push(Open {
                        index,
                        count: u32::from(!is_empty),
                        is_object,
                    });
                    if !is_empty {
                        if is_object {
                            self.key()?;
                        }
                        continue 'value;
                    }
                }
                _ => return Err(self.cursor.not_a_value()),
            }
            // Here a value has ended, or an empty list or object is about to end.
            loop {
                self.cursor.skip_space();
                let Some(innermost) = open.last_mut() else {
                    return match self.cursor.peek() {
                        None => Ok(()),
                        Some(_) => Err(JsonErrorKind::TrailingText),
                    };
                };
                match (self.cursor.peek(), innermost.is_object) {
                    (Some(b','), is_object) => {
                        // INVARIANT: there are fewer elements than bytes, and those fit into 32 bits.
                        innermost.count = innermost.count.wrapping_add(1);
                        self.cursor.advance(1);
                        self.cursor.skip_space();
                        if is_object {
                            self.key()?;
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
                    (_, true) => return Err(self.cursor.unexpected("`,` or `}`")),
                    (_, false) => return Err(self.cursor.unexpected("`,` or `]`")),
                }
                self.cursor.advance(1);
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
    fn key(&mut self) -> Parsed {
        if self.cursor.peek() != Some(b'"') {
            return Err(self.cursor.not_a_key());
        }
        match self.cursor.plain_string() {
            Some((start, len)) => self.builder.key_in_source(start, len)?,
            None => self.string_with_escapes()?,
        }
        self.cursor.skip_space();
        if self.cursor.peek() != Some(b':') {
            return Err(self.cursor.unexpected("`:`"));
        }
        self.cursor.advance(1);
        self.cursor.skip_space();
        Ok(())
    }

    #[expect(
        clippy::inline_always,
        reason = "keeps the cursor in registers: a tenth of the time of a parse"
    )]
    #[inline(always)]
    fn string(&mut self) -> Parsed {
        match self.cursor.plain_string() {
            Some((start, len)) => self.builder.string_in_source(start, len)?,
            None => self.string_with_escapes()?,
        }
        Ok(())
    }

    #[inline(never)]
    fn string_with_escapes(&mut self) -> Parsed {
        self.builder.string_with(|made| self.cursor.unescape(made))
    }

    #[expect(
        clippy::inline_always,
        reason = "keeps the cursor in registers: a tenth of the time of a parse"
    )]
    #[inline(always)]
    fn number(&mut self) -> Parsed {
        let start = self.cursor.at;
        let is_beyond_doubt = self.cursor.number()?;
        let len = self.cursor.at.wrapping_sub(start);
        if !is_beyond_doubt {
            let text = self.cursor.text.get(start..self.cursor.at);
            if !text.is_some_and(number_is_acceptable) {
                self.cursor.at = start;
                return Err(JsonErrorKind::NumberTooLong);
            }
        }
        self.builder.number_in_source(start, len)?;
        Ok(())
    }

    #[cold]
    fn duplicate_key(&mut self, index: u32) -> JsonErrorKind {
        let place = position::place(self.cursor.bytes(), Until::Node(index as usize));
        self.cursor.at = place.offset;
        let key = self.builder.document().value(index).as_str();
        JsonErrorKind::DuplicateKey(key.unwrap_or_default().to_owned())
    }
}

/// What is expected where a value begins.
const VALUE: &str = "a value";
/// What is expected where a key begins.
const KEY: &str = "a key in double quotes";
/// What is expected inside an escape.
const ESCAPE: &str = "the rest of an escape";

struct Cursor<'a> {
    text: &'a str,
    /// The next byte to read; once something is wrong, the byte at which it is.
    at: usize,
    /// What was expected, once something else was met.
    expected: &'static str,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.bytes().get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// Steps over bytes that were seen, so that the sum stays within the text.
    #[inline]
    fn advance(&mut self, bytes: usize) {
        self.at = self.at.wrapping_add(bytes);
    }

    #[inline]
    fn skip_space(&mut self) {
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
    fn plain_string(&mut self) -> Option<(usize, usize)> {
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
    fn literal(&mut self, word: &'static str) -> Parsed {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.not_a_literal(word));
        }
        self.advance(word.len());
        Ok(())
    }

    /// Steps over a number; false where only [`Number::parse`] can tell whether it is kept exactly.
    #[expect(
        clippy::inline_always,
        reason = "keeps the cursor in registers: a tenth of the time of a parse"
    )]
    #[inline(always)]
    fn number(&mut self) -> Parsed<bool> {
        let start = self.at;
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
                self.at = start;
                Err(JsonErrorKind::NumberSyntax)
            }
            _ => Ok(!has_exponent && digits <= DIGITS_BEYOND_DOUBT),
        }
    }

    /// Steps over one digit or more of the number that begins at `start`, and counts them.
    #[inline]
    fn digits(&mut self, start: usize) -> Parsed<usize> {
        let first = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.advance(1);
        }
        match self.at.wrapping_sub(first) {
            0 if self.peek().is_none() => Err(self.unexpected("a digit")),
            0 => {
                self.at = start;
                Err(JsonErrorKind::NumberSyntax)
            }
            count => Ok(count),
        }
    }

    /// Appends to `made` the string that begins here, behind its opening quote.
    fn unescape(&mut self, made: &mut String) -> Parsed {
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
                Some(_) => return Err(JsonErrorKind::ControlCharacter),
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
            [_, _, ..] => return Err(JsonErrorKind::BadEscape),
            [_] | [] => return Err(self.ends_in(ESCAPE)),
        };
        self.advance(2);
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Parsed<char> {
        let start = self.at;
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
            .ok_or_else(|| {
                self.at = start;
                JsonErrorKind::LoneSurrogate
            })
    }

    /// Reads `\u` and four hexadecimal digits.
    fn code_unit(&mut self) -> Parsed<u16> {
        let start = self.at;
        self.advance(2);
        let mut unit = 0;
        for _ in 0..4 {
            let digit = match self.peek() {
                Some(byte @ b'0'..=b'9') => byte.wrapping_sub(b'0'),
                Some(byte @ b'a'..=b'f') => byte.wrapping_sub(b'a' - 10),
                Some(byte @ b'A'..=b'F') => byte.wrapping_sub(b'A' - 10),
                Some(_) => {
                    self.at = start;
                    return Err(JsonErrorKind::BadEscape);
                }
                None => return Err(self.ends_in(ESCAPE)),
            };
            unit = unit << 4 | u16::from(digit);
            self.advance(1);
        }
        Ok(unit)
    }

    #[cold]
    fn unexpected(&mut self, expected: &'static str) -> JsonErrorKind {
        self.expected = expected;
        let rest = self.text.get(self.at..).unwrap_or_default();
        rest.chars().next().map_or(
            JsonErrorKind::UnexpectedEnd,
            JsonErrorKind::UnexpectedCharacter,
        )
    }

    #[cold]
    fn ends_in(&mut self, expected: &'static str) -> JsonErrorKind {
        self.at = self.text.len();
        self.unexpected(expected)
    }

    #[cold]
    fn not_a_literal(&mut self, word: &'static str) -> JsonErrorKind {
        let met = self.rest().iter().zip(word.as_bytes());
        self.advance(met.take_while(|(met, letter)| met == letter).count());
        self.unexpected(match word {
            "true" => "`true`",
            "false" => "`false`",
            _ => "`null`",
        })
    }

    #[cold]
    fn not_a_value(&mut self) -> JsonErrorKind {
        match self.rest() {
            [b'+' | b'.', ..] | [b'N', b'a', b'N', ..] | [b'I', b'n', b'f', ..] => {
                JsonErrorKind::NumberSyntax
            }
            [b']', ..] => self.unless_comma_trails(VALUE),
            _ => self.unexpected(VALUE),
        }
    }

    #[cold]
    fn not_a_key(&mut self) -> JsonErrorKind {
        match self.peek() {
            Some(b'}') => self.unless_comma_trails(KEY),
            _ => self.unexpected(KEY),
        }
    }

    /// `]` or `}` was met where something else was expected: because a comma stands before it?
    fn unless_comma_trails(&mut self, expected: &'static str) -> JsonErrorKind {
        let before = self.text.get(..self.at).unwrap_or_default();
        match before.trim_ascii_end().strip_suffix(',') {
            Some(before) => {
                self.at = before.len();
                JsonErrorKind::TrailingComma
            }
            None => self.unexpected(expected),
        }
    }
}
