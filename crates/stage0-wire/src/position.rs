//! Where an offset of a text stands: its line and column, and the path of the JSON value around it.
//!
//! Parsers keep only offsets, because most texts have no errors; what a person reads is worked out
//! here, by walking the text again, once something is wrong. The walk does not judge the text: it
//! expects that everything before the offset was accepted by the parser.

use crate::escape::shown;
use crate::sources::Position;

/// The line and column of the character at this byte of `text`; behind the last character for an
/// offset behind the text. Columns are characters, and the text need not be valid UTF-8.
///
/// ```
/// use stage0_wire::position::line_column;
///
/// let position = line_column("{\n \"ä\": x}".as_bytes(), 9);
/// assert_eq!((position.line, position.column), (2, 7));
/// ```
pub fn line_column(text: &[u8], offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let mut lines = before.split(|&byte| byte == b'\n');
    let last = lines.next_back().unwrap_or_default();
    // Every byte of UTF-8 but the continuation bytes begins a character.
    let characters = last.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
    Position {
        line: from_one(lines.count()),
        column: from_one(characters),
    }
}

/// Counted from 1 what is counted from 0.
fn from_one(count: usize) -> u32 {
    u32::try_from(count).map_or(u32::MAX, |count| count.saturating_add(1))
}

/// Where a walk over a JSON text ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// At this byte.
    Offset(usize),
    /// At the value or key that is this many values and keys behind the first.
    Node(usize),
}

/// Where a walk over a JSON text ended.
#[derive(Debug)]
pub(crate) struct Place {
    /// The byte.
    pub(crate) offset: usize,
    /// The value around it, as in `context.approval.roles[2]`; empty for the outermost one. For a key,
    /// it is the object.
    pub(crate) path: String,
}

/// A list or object that the walk is in.
#[derive(Debug)]
enum Step<'t> {
    Element(usize),
    /// The key as it was written, quotes included; `None` until it has been met.
    Member(Option<&'t [u8]>),
}

/// Walks over the part of a JSON text that the parser has accepted.
pub(crate) fn place(text: &[u8], until: Until) -> Place {
    let mut steps = Vec::new();
    let mut nodes = 0_usize;
    let mut offset = 0_usize;
    while let Some(rest @ [byte, ..]) = text.get(offset..) {
        let token = rest.get(..token_len(rest)).unwrap_or(rest);
        let is_node = !matches!(
            byte,
            b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' | b']' | b'}'
        );
        let behind = offset.saturating_add(token.len());
        let arrived = match until {
            Until::Offset(end) => end < behind,
            Until::Node(index) => is_node && nodes == index,
        };
        if arrived {
            break;
        }
        nodes = nodes.saturating_add(usize::from(is_node));
        match (byte, steps.last_mut()) {
            (b'{', _) => steps.push(Step::Member(None)),
            (b'[', _) => steps.push(Step::Element(0)),
            (b'}' | b']', _) => {
                steps.pop();
            }
            (b',', Some(Step::Element(index))) => *index = index.saturating_add(1),
            (b',', Some(Step::Member(key))) => *key = None,
            (b'"', Some(Step::Member(key @ None))) => *key = Some(token),
            _ => {}
        }
        offset = behind;
    }
    let offset = match until {
        Until::Offset(end) => end,
        Until::Node(_) => offset,
    };
    Place {
        offset,
        path: path(&steps),
    }
}

/// Where the value or key with this number begins, and where its text or, of a list or object, its
/// bracket ends.
pub(crate) fn token_at(text: &[u8], node: usize) -> (usize, usize) {
    let start = place(text, Until::Node(node)).offset;
    let length = text.get(start..).map_or(0, token_len);
    (start, start.saturating_add(length))
}

fn token_len(rest: &[u8]) -> usize {
    let inside = match rest {
        [b'"', inside @ ..] => inside,
        [b'-' | b'0'..=b'9' | b'a'..=b'z', ..] => {
            let belongs =
                |byte: &u8| matches!(byte, b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E');
            return rest.iter().take_while(|byte| belongs(byte)).count();
        }
        _ => return 1,
    };
    let mut is_escaped = false;
    let closing = inside.iter().position(|&byte| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes
    });
    closing.map_or(rest.len(), |len| len.saturating_add(2))
}

fn path(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Element(index) => path.extend(["[", &index.to_string(), "]"]),
            Step::Member(None) => {}
            Step::Member(Some(quoted)) => {
                let key = match quoted {
                    [b'"', key @ .., b'"'] => String::from_utf8_lossy(key),
                    _ => "".into(),
                };
                if is_name(&key) {
                    let dot = if path.is_empty() { "" } else { "." };
                    path.extend([dot, &shown_key(&key)]);
                } else {
                    path.extend(["[\"", &shown_key(&key), "\"]"]);
                }
            }
        }
    }
    path
}

/// A key as paths show it: on one line, nothing hidden, and cut where it is long.
fn shown_key(key: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut offsets = key.char_indices().map(|(offset, _)| offset);
    match offsets.nth(CHARS_MAX).and_then(|end| key.get(..end)) {
        Some(head) => format!("{}...", shown(head)),
        None => shown(key),
    }
}

fn is_name(key: &str) -> bool {
    let is_part = |byte: &u8| matches!(byte, b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z');
    key.bytes().all(|byte| is_part(&byte))
        && !key.starts_with(|first: char| first.is_ascii_digit())
        && !key.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_at(text: &str, needle: &str) -> (usize, String) {
        let offset = text.find(needle).unwrap();
        let place = place(text.as_bytes(), Until::Offset(offset));
        (place.offset, place.path)
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let text = "ab\né€😀x\r\n\ny";
        let at = |offset| {
            let position = line_column(text.as_bytes(), offset);
            (position.line, position.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(2), (1, 3), "the line feed ends its line");
        assert_eq!(at(3), (2, 1));
        assert_eq!(at(text.find('x').unwrap()), (2, 4));
        assert_eq!(at(text.find('y').unwrap()), (4, 1));
        assert_eq!(at(text.len()), (4, 2));
        assert_eq!(at(usize::MAX), (4, 2));
        let position = line_column(b"\xff\n\xff\xff", 3);
        assert_eq!((position.line, position.column), (2, 2));
        let position = line_column(b"", 0);
        assert_eq!((position.line, position.column), (1, 1));
    }

    #[test]
    fn a_path_leads_to_the_value_around() {
        let text = r#"{"a": {"b,c": [1, [], {"d\"": "x"}, 2]}, "e": {}, "": 3}"#;
        assert_eq!(place_at(text, "1").1, r#"a["b,c"][0]"#);
        assert_eq!(place_at(text, "x").1, r#"a["b,c"][2]["d\""]"#);
        assert_eq!(place_at(text, "2").1, r#"a["b,c"][3]"#);
        assert_eq!(place_at(text, "3").1, r#"[""]"#);
        assert_eq!(place_at(text, r#"e""#).1, "", "a key is in its object");
        assert_eq!(place_at(text, "d").1, r#"a["b,c"][2]"#);
        assert_eq!(place_at(text, "{").1, "");
    }

    #[test]
    fn values_and_keys_are_counted_in_order() {
        let text = r#"{"a": [true, -1.5e+3], "b\\": {}, "c": "{\"d\": 1}"}"#;
        let offsets = [
            "{", "\"a", "[", "true", "-1", "\"b", "{}", "\"c", "\"{", "nothing",
        ]
        .map(|needle| text.find(needle).unwrap_or(text.len()));
        for (node, offset) in offsets.into_iter().enumerate() {
            assert_eq!(place(text.as_bytes(), Until::Node(node)).offset, offset);
        }
    }

    #[test]
    fn keys_are_shown_on_one_line_and_cut() {
        let key = "k".repeat(61);
        let path = place_at(&format!(r#"{{"{key}": 1}}"#), "1").1;
        assert_eq!(path, format!("{}...", "k".repeat(60)));
        assert_eq!(place_at("{\"a\u{202e}b\": 1}", "1").1, r#"["a\u{202e}b"]"#);
    }
}
