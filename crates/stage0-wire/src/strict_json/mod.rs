//! Strict JSON: the text of a request becomes a [`Document`].
//!
//! This is the door of the hot path, so it reads the text once, leaves strings where they are and
//! allocates twice for a typical request. What RFC 8259 leaves to the implementation is refused
//! wherever two readers of one text could see two values: duplicate keys, lone surrogates, numbers
//! that cannot be kept exactly. What members a request has, and of which type, is not judged here.

mod cursor;
mod error;
mod parser;

use stage0_engine::document::Document;
use stage0_engine::limits::{REQUEST_BYTES_MAX, REQUEST_DEPTH_MAX, REQUEST_NODES_MAX};

use crate::position::{self, Until};

pub use error::{JsonError, JsonErrorKind};
use parser::Parser;

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
    Parser::new(text, limits.nodes_max)
        .parse(limits.depth_max)
        .map_err(|stop| {
            let wrong = stop.wrong();
            let until = match wrong.kind {
                JsonErrorKind::TooManyValues => Until::Node(limits.nodes_max),
                _ => Until::Offset(wrong.at),
            };
            refusal(text.as_bytes(), wrong.kind, until, wrong.expected)
        })
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
