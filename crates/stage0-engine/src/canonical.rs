//! Canonical JSON: one text for each value, in every host.
//!
//! Decisions, states and the input of every digest are written with these functions. The text has
//! no insignificant space, keys sorted by code point, strings that escape only what they must, and
//! numbers without exponent or trailing zeros. Deciding which members a decision has, and in which
//! order, is the work of whoever calls.

use crate::document::{Content, Elements, ValueRef};

/// What becomes of members of objects whose value is `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullMembers {
    /// They are written: in arguments `null` is a value.
    Keep,
    /// They are left out, at any depth: in the host's context `null` is absent. Elements of lists
    /// stay, because leaving one out would renumber the others.
    Omit,
}

/// Appends `text` as a JSON string.
///
/// ```
/// let mut out = String::new();
/// stage0_engine::canonical::write_string(&mut out, "a \"b\"\u{1b}\n");
/// assert_eq!(out, r#""a \"b\"\u001b\n""#);
/// ```
pub fn write_string(out: &mut String, text: &str) {
    let mut rest = text;
    out.reserve(text.len().saturating_add(2));
    out.push('"');
    loop {
        let plain = plain_len(rest.as_bytes());
        // INVARIANT: what ends a plain run is ASCII, so both cuts are at character boundaries.
        let (run, behind) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        out.push_str(run);
        let mut characters = behind.chars();
        match characters.next() {
            Some(character) => write_escape(out, character),
            None => break,
        }
        rest = characters.as_str();
    }
    out.push('"');
}

fn write_escape(out: &mut String, character: char) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\u{c}' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        // The other control characters are below 0x20.
        control => {
            let code = u32::from(control);
            out.push_str(if code < 16 { "\\u000" } else { "\\u001" });
            out.extend(char::from_digit(code & 15, 16));
        }
    }
}

/// How many bytes at the beginning of `bytes` may stand in a JSON string as they are: those before
/// the first quote, backslash or control character.
///
/// ```
/// assert_eq!(stage0_engine::canonical::plain_len(br#"plain "quoted""#), 6);
/// ```
#[inline]
pub fn plain_len(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks();
    let mut len = 0_usize;
    for word in words {
        if let Some(position) = first_special(*word) {
            return len.wrapping_add(position);
        }
        len = len.wrapping_add(WORD_BYTES);
    }
    match bytes.last_chunk() {
        // This word overlaps the last one, in bytes that are known to be plain.
        Some(last) if !tail.is_empty() => first_special(*last).map_or(bytes.len(), |position| {
            bytes.len().wrapping_sub(WORD_BYTES).wrapping_add(position)
        }),
        _ => {
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let position = tail.iter().position(is_special);
            len.wrapping_add(position.unwrap_or(tail.len()))
        }
    }
}

/// Bytes that are looked at together.
const WORD_BYTES: usize = 8;

/// Where in a word the first quote, backslash or control character is.
#[inline]
fn first_special(word: [u8; WORD_BYTES]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; WORD_BYTES]);
    const HIGH_BITS: u64 = ONES << 7;
    // Taking `n` from each byte borrows into its high bit where the byte is below `n`; `& !word` drops
    // those whose high bit was set before. Bytes behind the first that is below may only seem to be,
    // because it borrows from them, and so only the first one counts.
    let below = |word: u64, n: u8| word.wrapping_sub(ONES.wrapping_mul(n.into())) & !word;
    let equal = |word: u64, n: u8| below(word ^ ONES.wrapping_mul(n.into()), 1);
    let word = u64::from_le_bytes(word);
    let special = (below(word, 0x20) | equal(word, b'"') | equal(word, b'\\')) & HIGH_BITS;
    (special != 0).then(|| (special.trailing_zeros() / u8::BITS) as usize)
}

/// A list or object that is being written.
struct Open<'d> {
    rest: Rest<'d>,
    is_first: bool,
}

enum Rest<'d> {
    Elements(Elements<'d>),
    /// Those of `members` from `next` on; what it has from `start` on belongs to this object.
    Members {
        start: usize,
        next: usize,
    },
}

/// Appends the canonical text of `value`. Nesting costs heap, not stack.
pub fn write_value(out: &mut String, value: ValueRef<'_>, nulls: NullMembers) {
    let mut open: Vec<Open<'_>> = Vec::new();
    // The members, by key, of all the objects that are open, innermost last.
    let mut members: Vec<(&str, ValueRef<'_>)> = Vec::new();
    let mut value = value;
    loop {
        match value.content() {
            Content::Null => out.push_str("null"),
            Content::Bool(true) => out.push_str("true"),
            Content::Bool(false) => out.push_str("false"),
            Content::Number(text) => write_number(out, text),
            Content::String(text) => write_string(out, text),
            Content::List(elements) => {
                out.push('[');
                open.push(Open {
                    rest: Rest::Elements(elements),
                    is_first: true,
                });
            }
            Content::Object(written) => {
                out.push('{');
                let start = members.len();
                members.extend(
                    written.filter(|(_, value)| nulls == NullMembers::Keep || !value.is_null()),
                );
                let added = members.get_mut(start..).unwrap_or_default();
                // Sorting what is sorted costs more than seeing that it is.
                if !added.is_sorted_by_key(|(key, _)| *key) {
                    added.sort_unstable_by_key(|(key, _)| *key);
                }
                open.push(Open {
                    rest: Rest::Members { start, next: start },
                    is_first: true,
                });
            }
        }
        // A value has been written, or a list or object has begun: what comes next?
        value = loop {
            let Some(innermost) = open.last_mut() else {
                return;
            };
            let (next, end) = match &mut innermost.rest {
                Rest::Elements(elements) => (elements.next().map(|value| (None, value)), ']'),
                Rest::Members { start, next } => {
                    let member = members.get(*next).copied();
                    match member {
                        Some(_) => *next = next.saturating_add(1),
                        None => members.truncate(*start),
                    }
                    (member.map(|(key, value)| (Some(key), value)), '}')
                }
            };
            let Some((key, next)) = next else {
                out.push(end);
                open.pop();
                continue;
            };
            if !innermost.is_first {
                out.push(',');
            }
            innermost.is_first = false;
            if let Some(key) = key {
                write_string(out, key);
                out.push(':');
            }
            break next;
        };
    }
}

fn write_number(out: &mut String, text: &str) {
    out.push_str(text);
}
