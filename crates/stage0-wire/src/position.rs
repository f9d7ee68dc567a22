//! Where an offset of a text stands: its line and column, and the path of the JSON value around it.
//!
//! Parsers keep only offsets, because most texts have no errors; what a person reads is worked out
//! here, by walking the text again, once something is wrong. The walk does not judge the text: it
//! expects that everything before the offset was accepted by the parser.

use core::fmt;

/// A line and a column, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineColumn {
    /// Lines end with a line feed.
    pub line: usize,
    /// Columns are characters, not bytes.
    pub column: usize,
}

impl fmt::Display for LineColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The line and column of the character at this byte of `text`; one past the end for an offset
/// behind it. The text need not be valid UTF-8.
///
/// ```
/// use stage0_wire::position::{LineColumn, line_column};
///
/// assert_eq!(line_column("{\n \"ä\": x}".as_bytes(), 9), LineColumn { line: 2, column: 7 });
/// ```
pub fn line_column(text: &[u8], offset: usize) -> LineColumn {
    let before = text.get(..offset).unwrap_or(text);
    let mut lines = before.split(|&byte| byte == b'\n');
    let last = lines.next_back().unwrap_or_default();
    // Every byte of UTF-8 but the continuation bytes begins a character.
    let characters = last.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
    LineColumn {
        line: lines.count().saturating_add(1),
        column: characters.saturating_add(1),
    }
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
                let shown = shown(&key);
                if is_name(&key) {
                    let dot = if path.is_empty() { "" } else { "." };
                    path.extend([dot, &shown]);
                } else {
                    path.extend(["[\"", &shown, "\"]"]);
                }
            }
        }
    }
    path
}

fn is_name(key: &str) -> bool {
    let is_part = |byte: &u8| matches!(byte, b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z');
    key.bytes().all(|byte| is_part(&byte))
        && !key.starts_with(|first: char| first.is_ascii_digit())
        && !key.is_empty()
}

/// Characters of a user's text that a message repeats: enough to find it again.
const SHOWN_CHARS_MAX: usize = 64;

/// A user's text as messages show it: on one line, without characters that do not print or that
/// reorder the line, and cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (position, character) in text.chars().enumerate() {
        if position >= SHOWN_CHARS_MAX {
            shown.push('…');
            break;
        }
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}
