//! Why a text is not strict JSON: the kind, the place, and what to do about it.

use core::fmt;

use stage0_engine::document::DocumentError;
use stage0_engine::limits::NUMBER_DIGITS_MAX;

use crate::escape::{is_hidden, quoted};

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
    pub(super) kind: JsonErrorKind,
    pub(super) offset: usize,
    pub(super) expected: &'static str,
    pub(super) path: String,
}

impl JsonError {
    /// What is wrong.
    pub fn kind(&self) -> &JsonErrorKind {
        &self.kind
    }

    /// The byte at which it is wrong; [`line_column`](crate::position::line_column) tells line and column.
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

impl From<DocumentError> for JsonErrorKind {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::DuplicateKey(key) => Self::DuplicateKey(key),
            _ => Self::TooManyValues,
        }
    }
}
