//! Canonical JSON: one text for each value, in every host.
//!
//! Decisions, states and the input of every digest are written with these functions. The text has
//! no insignificant space, keys sorted by code point, strings that escape only what they must, and
//! numbers without exponent or trailing zeros. Deciding which members a decision has, and in which
//! order, is the work of whoever calls.

use smallvec::SmallVec;

use crate::document::{Elements, ValueRef, Written, WrittenText};
use crate::number::Number;

/// Appends `text` as a JSON string.
///
/// ```
/// let mut out = String::new();
/// stage0_engine::canonical::write_string(&mut out, "a \"b\"\u{1b}\n");
/// assert_eq!(out, r#""a \"b\"\u001b\n""#);
/// ```
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    write_escaped(out, text);
    out.push('"');
}

/// Appends `text` as it stands within the quotes of a JSON string: what several pieces make up is
/// escaped piece by piece.
pub fn write_escaped(out: &mut String, text: &str) {
    if is_plain(text.as_bytes()) {
        out.push_str(text);
    } else {
        write_with_escapes(out, text);
    }
}

/// Bytes of a text that are judged by one instruction or a few, where the machine has such.
const BLOCK_BYTES: usize = 16;

/// Whether nothing needs an escape. Names and sentences of ours rarely do, so where it would be does
/// not matter.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk() {
        // The last block overlaps the one before it, which costs less than a rest of any length.
        let mut special = block_specials(last);
        for block in bytes.as_chunks().0 {
            special |= block_specials(block);
        }
        return special == 0;
    }
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            special_bits(first) | special_bits(last) == 0
        }
        _ => plain_len(bytes) == bytes.len(),
    }
}

/// Something other than zero where a byte of the block needs an escape.
#[inline]
fn block_specials(block: &[u8; BLOCK_BYTES]) -> u8 {
    if cfg!(target_family = "wasm") {
        // Nobody makes instructions for blocks of the loop there.
        let halves = block.as_chunks().0.iter();
        let bits = halves.map(|half| special_bits(u64::from_le_bytes(*half)));
        return u8::from(bits.fold(0, |all, bits| all | bits) != 0);
    }
    let is_special = |byte: u8| u8::from(byte < 0x20 || byte == b'"' || byte == b'\\');
    block.iter().fold(0, |all, byte| all | is_special(*byte))
}

/// Appends a text in which something needs an escape.
#[cold]
fn write_with_escapes(out: &mut String, text: &str) {
    let mut rest = text;
    loop {
        let plain = plain_len(rest.as_bytes());
        // INVARIANT: what ends a plain run is ASCII, so both cuts are at character boundaries.
        let (run, behind) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        out.push_str(run);
        let mut characters = behind.chars();
        match characters.next() {
            Some(character) => write_escape(out, character),
            None => return,
        }
        rest = characters.as_str();
    }
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
    // Only the last string of a text is ever met here.
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    let tail_len = tail.iter().position(is_special).unwrap_or(tail.len());
    len.wrapping_add(tail_len)
}

/// Bytes that are looked at together.
const WORD_BYTES: usize = 8;

/// Where in a word the first quote, backslash or control character is.
#[inline]
fn first_special(word: [u8; WORD_BYTES]) -> Option<usize> {
    let special = special_bits(u64::from_le_bytes(word));
    (special != 0).then(|| (special.trailing_zeros() / u8::BITS) as usize)
}

/// A word whose lowest bit that is set is the high bit of the lowest byte that is a quote, a backslash
/// or a control character; zero where there is none.
#[inline]
fn special_bits(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; WORD_BYTES]);
    const HIGH_BITS: u64 = ONES << 7;
    // Taking `n` from each byte borrows into its high bit where the byte is below `n`; `& !word` drops
    // those whose high bit was set before. Bytes behind the first that is below may only seem to be,
    // because it borrows from them, and so only the first one counts.
    let below = |word: u64, n: u8| word.wrapping_sub(ONES.wrapping_mul(n.into()));
    let equal = |n: u8| below(word ^ ONES.wrapping_mul(n.into()), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) & !word & HIGH_BITS
}

/// A list or object that is being written.
struct Open<'d> {
    rest: Rest<'d>,
    is_first: bool,
}

enum Rest<'d> {
    Elements(Elements<'d>),
    /// Those of the members from `next` on; what there is from `start` on belongs to this object.
    Members {
        start: usize,
        next: usize,
    },
}

/// A member of an object that is being written.
struct Member<'d> {
    /// The beginning of the key, which nearly always settles the order.
    beginning: u64,
    key: WrittenText<'d>,
    value: ValueRef<'d>,
}

impl Member<'_> {
    /// What members are sorted by: their keys.
    fn order(&self) -> (u64, &str) {
        (self.beginning, self.key.text)
    }
}

/// The first eight bytes of a text as a number that orders like them; of a shorter one, zeros follow.
#[inline]
fn beginning(text: &str) -> u64 {
    let bytes = text.as_bytes();
    if let Some(first) = bytes.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let mut padded = [0; WORD_BYTES];
    for (place, byte) in padded.iter_mut().zip(bytes) {
        *place = *byte;
    }
    u64::from_be_bytes(padded)
}

/// Appends the canonical text of `value`. Nesting costs heap, not stack.
///
/// The host's context, where `null` is absent, is written as
/// [`value.without_nulls()`](ValueRef::without_nulls). Elements of lists stay even then, because
/// leaving one out would renumber the others.
pub fn write_value(out: &mut String, value: ValueRef<'_>) {
    // Arguments are nearly always flat and few, and a scalar is nothing to keep a list for.
    let mut open: SmallVec<[Open<'_>; 4]> = SmallVec::new();
    // The members, by key, of all the objects that are open, innermost last.
    let mut members: SmallVec<[Member<'_>; 8]> = SmallVec::new();
    let mut value = value;
    loop {
        match value.written() {
            Written::Word(word) => out.push_str(word),
            Written::Number(text) => write_number(out, text),
            Written::String(text) => write_text(out, text),
            Written::List(elements) => {
                out.push('[');
                open.push(Open {
                    rest: Rest::Elements(elements),
                    is_first: true,
                });
            }
            Written::Object => {
                out.push('{');
                let start = members.len();
                value.visit_members(|member| {
                    let key = member.written_key();
                    members.push(Member {
                        beginning: beginning(key.text),
                        key,
                        value: member.value(),
                    });
                });
                let added = members.get_mut(start..).unwrap_or_default();
                added.sort_unstable_by(|one, two| one.order().cmp(&two.order()));
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
                    let member = members.get(*next).map(|member| (member.key, member.value));
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
                write_text(out, key);
                out.push(':');
            }
            break next;
        };
    }
}

/// Appends a string of a document.
#[inline]
fn write_text(out: &mut String, text: WrittenText<'_>) {
    out.push('"');
    if text.is_plain {
        out.push_str(text.text);
    } else {
        write_escaped(out, text.text);
    }
    out.push('"');
}

/// Digits that a natural number can have whatever they are; fewer than its limit.
const SHORT_DIGITS: usize = 18;

/// Appends the number that `text`, a JSON number, stands for. What is none is left as it is.
pub fn write_number(out: &mut String, text: &str) {
    // Short natural numbers, which most are, have only one spelling.
    if text.len() <= SHORT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        out.push_str(text);
        return;
    }
    match Number::parse(text) {
        Ok(number) => number.write_to(out),
        // INVARIANT: documents hold no number that does not parse.
        Err(_) => out.push_str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, DocumentBuilder};

    fn string(text: &str) -> String {
        let mut out = String::new();
        write_string(&mut out, text);
        out
    }

    fn value(value: ValueRef<'_>) -> String {
        let mut out = String::new();
        write_value(&mut out, value);
        out
    }

    /// A document of `depth` objects or lists within one another.
    fn nested(depth: usize, is_object: bool) -> Document<'static> {
        let mut builder = DocumentBuilder::new("", usize::MAX);
        let mut open = Vec::new();
        for _ in 0..depth {
            if is_object {
                open.push(builder.begin_object().unwrap());
                builder.string("k").unwrap();
            } else {
                open.push(builder.begin_list().unwrap());
            }
        }
        builder.null().unwrap();
        for at in open.into_iter().rev() {
            if is_object {
                builder.end_object(at, 1).unwrap();
            } else {
                builder.end_list(at, 1);
            }
        }
        builder.finish()
    }

    #[test]
    fn strings_escape_only_what_they_must() {
        assert_eq!(string(""), r#""""#);
        assert_eq!(
            string("a/b'c é € 😀 \u{7f}\u{2028}"),
            "\"a/b'c é € 😀 \u{7f}\u{2028}\""
        );
        assert_eq!(string("\"\\"), r#""\"\\""#);
        assert_eq!(string("\u{8}\t\n\u{c}\r"), r#""\b\t\n\f\r""#);
        assert_eq!(
            string("\0\u{b}\u{f}\u{10}\u{1f}"),
            r#""\u0000\u000b\u000f\u0010\u001f""#
        );
    }

    #[test]
    fn a_special_byte_is_found_wherever_it_stands() {
        let plain = "0123456789 é€😀 ~\u{7f}\u{80}!#[]";
        for filler in plain.chars() {
            for len in 0..40 {
                let text: String = core::iter::repeat_n(filler, len).collect();
                assert_eq!(plain_len(text.as_bytes()), text.len());
            }
        }
        for special in (0..0x20).chain([b'"', b'\\']) {
            for len in 1..40 {
                for at in 0..len {
                    // Neighbours that differ from a special byte by one bit or by one.
                    for filler in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                        let mut bytes = vec![filler; len];
                        bytes[at] = special;
                        assert_eq!(plain_len(&bytes), at);
                        if let Some(last) = bytes.last_mut() {
                            *last = special;
                        }
                        assert_eq!(plain_len(&bytes), at);
                    }
                }
            }
        }
    }

    #[test]
    fn keys_sort_by_code_point_at_every_depth() {
        let mut builder = DocumentBuilder::new("", 200);
        let outer = builder.begin_object().unwrap();
        // In UTF-16, which JavaScript sorts by, U+1F600 stands before U+FFFD. Some keys begin alike.
        for key in [
            "\u{1F600}",
            "\u{FFFD}",
            "b",
            "longer_2",
            "",
            "ab",
            "longer_than",
            "a",
            "a\0",
            "longer_10",
            "Z",
            "longer_1",
        ] {
            builder.string(key).unwrap();
            let list = builder.begin_list().unwrap();
            let inner = builder.begin_object().unwrap();
            for key in ["2", "10", "1"] {
                builder.string(key).unwrap();
                builder.bool(key == "10").unwrap();
            }
            builder.end_object(inner, 3).unwrap();
            builder.end_list(list, 1);
        }
        builder.end_object(outer, 12).unwrap();
        let inner = r#"[{"1":false,"10":true,"2":false}]"#;
        let members = [
            "",
            "Z",
            "a",
            "a\\u0000",
            "ab",
            "b",
            "longer_1",
            "longer_10",
            "longer_2",
            "longer_than",
            "\u{FFFD}",
            "\u{1F600}",
        ]
        .map(|key| format!("\"{key}\":{inner}"));
        assert_eq!(
            value(builder.finish().root()),
            format!("{{{}}}", members.join(","))
        );
    }

    #[test]
    fn null_members_are_left_out_where_null_is_absent() {
        let mut builder = DocumentBuilder::new("", 100);
        let outer = builder.begin_object().unwrap();
        builder.string("z").unwrap();
        builder.null().unwrap();
        builder.string("list").unwrap();
        let list = builder.begin_list().unwrap();
        builder.null().unwrap();
        let inner = builder.begin_object().unwrap();
        builder.string("n").unwrap();
        builder.null().unwrap();
        builder.end_object(inner, 1).unwrap();
        builder.end_list(list, 2);
        builder.end_object(outer, 2).unwrap();
        let document = builder.finish();
        assert_eq!(
            value(document.root()),
            r#"{"list":[null,{"n":null}],"z":null}"#
        );
        assert_eq!(
            value(document.root().without_nulls()),
            r#"{"list":[null,{}]}"#
        );
        assert_eq!(document.root().without_nulls().len(), 1);
        assert_eq!(document.root().len(), 2);
    }

    #[test]
    fn numbers_have_one_spelling() {
        for (written, canonical) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.00", "0"),
            ("1.50", "1.5"),
            ("1E3", "1000"),
            ("-12e-3", "-0.012"),
            ("9007199254740993", "9007199254740993"),
        ] {
            let mut builder = DocumentBuilder::new(written, 1);
            builder.number_in_source(0, written.len()).unwrap();
            assert_eq!(value(builder.finish().root()), canonical, "{written}");
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let lists = value(nested(200_000, false).root());
        assert_eq!(
            lists,
            ["[".repeat(200_000), "]".repeat(200_000)].join("null")
        );
        let objects = value(nested(200_000, true).root());
        assert_eq!(
            objects,
            [r#"{"k":"#.repeat(200_000), "}".repeat(200_000)].join("null")
        );
        assert_eq!(value(Document::default().root()), "null");
    }
}
