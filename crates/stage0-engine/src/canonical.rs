//! Canonical JSON: one text for each value, in every host.
//!
//! Decisions, states and the input of every digest are written with these functions. The text has
//! no insignificant space, keys sorted by code point, strings that escape only what they must, and
//! numbers without exponent or trailing zeros. Deciding which members a decision has, and in which
//! order, is the work of whoever calls.

use crate::document::{Elements, Kind, Members, ValueRef};

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
    out.reserve(text.len().saturating_add(2));
    out.push('"');
    let mut rest = text;
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
#[inline]
pub fn plain_len(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks();
    let mut len = 0_usize;
    for word in words {
        let found = special_bytes(u64::from_le_bytes(*word));
        if found != 0 {
            return len.wrapping_add((found.trailing_zeros() / 8) as usize);
        }
        len = len.wrapping_add(8);
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    len.wrapping_add(tail.iter().position(special).unwrap_or(tail.len()))
}

/// Has the high bit of the first byte set that is a quote, a backslash or below 0x20, counted from
/// the lowest; the bits above that one mean nothing.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // Taking `n` from each byte borrows into its high bit exactly where the byte is below `n`. Bytes
    // behind the first such may borrow from one another, which is why only the first counts; `& !`
    // drops the bytes whose high bit was set before.
    let below = |word: u64, n: u64| word.wrapping_sub(n.wrapping_mul(ONES)) & !word;
    let equal = |byte: u8| below(word ^ u64::from(byte).wrapping_mul(ONES), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & ONES.wrapping_mul(0x80)
}

/// A list or object that is being written.
struct Open<'d> {
    rest: Rest<'d>,
    is_first: bool,
    close: char,
}

enum Rest<'d> {
    Elements(Elements<'d>),
    /// The members of an object whose keys were written in order.
    Members(Members<'d>),
    /// The members of any other object are the entries of `Writer::unordered` from here on.
    Unordered(usize),
}

/// Appends the canonical text of `value`.
///
/// Nesting costs heap, not stack, and an object whose keys stand in order is written without
/// sorting.
pub fn write_value(out: &mut String, value: ValueRef<'_>, nulls: NullMembers) {
    let mut open: Vec<Open<'_>> = Vec::new();
    // Members still to write of all the objects that need sorting, innermost last, each object's in
    // descending order of keys, so that the next one is always the last.
    let mut unordered: Vec<Member<'_>> = Vec::new();
    let mut value = value;
    loop {
        match value.kind() {
            Kind::Null => out.push_str("null"),
            Kind::Bool => out.push_str(if value.as_bool() == Some(true) {
                "true"
            } else {
                "false"
            }),
            Kind::Number => write_number(out, value),
            Kind::String => write_string(out, value.as_str().unwrap_or_default()),
            Kind::List => {
                out.push('[');
                open.push(Open {
                    rest: Rest::Elements(value.elements()),
                    is_first: true,
                    close: ']',
                });
            }
            Kind::Object => {
                out.push('{');
                let rest = if value.members().map(|(key, _)| key).is_sorted() {
                    Rest::Members(value.members())
                } else {
                    let start = unordered.len();
                    unordered.extend(value.members());
                    if let Some(added) = unordered.get_mut(start..) {
                        added.sort_unstable_by(|(one, _), (two, _)| two.cmp(one));
                    }
                    Rest::Unordered(start)
                };
                open.push(Open {
                    rest,
                    is_first: true,
                    close: '}',
                });
            }
        }
        loop {
            let Some(innermost) = open.last_mut() else {
                return;
            };
            match innermost.next(&mut unordered, nulls) {
                Some((key, next)) => {
                    if !innermost.is_first {
                        out.push(',');
                    }
                    innermost.is_first = false;
                    if let Some(key) = key {
                        write_string(out, key);
                        out.push(':');
                    }
                    value = next;
                    break;
                }
                None => {
                    out.push(innermost.close);
                    open.pop();
                }
            }
        }
    }
}

type Member<'d> = (&'d str, ValueRef<'d>);

impl<'d> Open<'d> {
    /// The next element, or member with its key, that is to be written.
    fn next(
        &mut self,
        unordered: &mut Vec<Member<'d>>,
        nulls: NullMembers,
    ) -> Option<(Option<&'d str>, ValueRef<'d>)> {
        loop {
            let (key, value) = match &mut self.rest {
                Rest::Elements(elements) => return elements.next().map(|value| (None, value)),
                Rest::Members(members) => members.next()?,
                Rest::Unordered(start) if unordered.len() > *start => unordered.pop()?,
                Rest::Unordered(_) => return None,
            };
            if nulls == NullMembers::Keep || !value.is_null() {
                return Some((Some(key), value));
            }
        }
    }
}

fn write_number(out: &mut String, value: ValueRef<'_>) {
    out.push_str(value.number_text().unwrap_or_default());
}
