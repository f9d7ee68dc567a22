//! Canonical JSON for a terminal: indented, coloured, and harmless.
//!
//! The text is one that Stage0 wrote, so it is not judged here. Short lists and objects stay on one
//! line. Characters that a terminal would obey are escaped, which does not change the value.

use std::fmt::Write as _;

use anstyle::Style;
use stage0_engine::legible::is_hidden;

use crate::paint::{BAD, GOOD, KEY, LITERAL, TEXT, UNSURE, paint};

/// Columns that a list or object may fill to stay on one line.
const LINE_COLUMNS_MAX: usize = 88;

/// A list or object that is open.
#[derive(Clone, Copy)]
struct Open {
    is_object: bool,
    is_flat: bool,
}

/// The JSON text over several lines, ending in a line break.
pub(crate) fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len().saturating_mul(2));
    let mut open: Vec<Open> = Vec::new();
    let mut key = None;
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let token = token(rest);
        let around = open.last().copied();
        match first {
            '{' | '[' => {
                let used = open.len().saturating_mul(2).saturating_add(
                    key.take()
                        .map_or(0, |key: &str| key.len().saturating_add(2)),
                );
                let is_flat = around.is_some_and(|around| around.is_flat)
                    || fits(rest, LINE_COLUMNS_MAX.saturating_sub(used));
                out.push(first);
                open.push(Open {
                    is_object: first == '{',
                    is_flat,
                });
                if !rest
                    .get(1..)
                    .is_some_and(|next| next.starts_with(['}', ']']))
                {
                    separate(&mut out, is_flat, "", open.len());
                }
            }
            '}' | ']' => {
                open.pop();
                if !out.ends_with(['{', '[']) {
                    separate(
                        &mut out,
                        around.is_none_or(|around| around.is_flat),
                        "",
                        open.len(),
                    );
                }
                out.push(first);
            }
            ',' => {
                out.push(',');
                separate(
                    &mut out,
                    around.is_none_or(|around| around.is_flat),
                    " ",
                    open.len(),
                );
            }
            ':' => out.push_str(": "),
            '"' if key.is_none() && around.is_some_and(|around| around.is_object) => {
                out.push_str(&paint(KEY, &harmless(token)));
                key = Some(token);
            }
            _ => {
                let style = style_of(key.take().unwrap_or(""), token);
                out.push_str(&paint(style, &harmless(token)));
            }
        }
        rest = rest.get(token.len()..).unwrap_or_default();
    }
    out.push('\n');
    out
}

/// What stands between two values: on one line, `flat`; else a new line.
fn separate(out: &mut String, is_flat: bool, flat: &str, depth: usize) {
    if is_flat {
        out.push_str(flat);
    } else {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
}

/// The token at the beginning of a text that is not empty.
fn token(text: &str) -> &str {
    let length = if text.starts_with('"') {
        string_len(text)
    } else if text.starts_with(['{', '}', '[', ']', ',', ':']) {
        1
    } else {
        text.find([',', '}', ']']).unwrap_or(text.len())
    };
    // Never empty, so that the walk ends whatever the text is.
    text.get(..length.max(1)).unwrap_or(text)
}

/// Bytes of the string at the beginning of a text, quotes included.
fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    let inside = text.bytes().enumerate().skip(1);
    for (at, byte) in inside {
        if byte == b'"' && !is_escaped {
            return at.saturating_add(1);
        }
        is_escaped = byte == b'\\' && !is_escaped;
    }
    text.len()
}

/// Whether the list or object at the beginning of a text is no longer than so many columns.
fn fits(text: &str, columns_max: usize) -> bool {
    let mut depth = 0_usize;
    let mut columns = 0_usize;
    let mut rest = text;
    while !rest.is_empty() {
        let token = token(rest);
        columns = columns.saturating_add(token.chars().count());
        match token {
            "{" | "[" => depth = depth.saturating_add(1),
            "}" | "]" => depth = depth.saturating_sub(1),
            "," | ":" => columns = columns.saturating_add(1),
            _ => {}
        }
        if columns > columns_max {
            return false;
        }
        if depth == 0 {
            return true;
        }
        rest = rest.get(token.len()..).unwrap_or_default();
    }
    false
}

/// The token with everything that a terminal would obey, or a reader not see, escaped.
fn harmless(token: &str) -> String {
    let mut out = String::with_capacity(token.len());
    for character in token.chars() {
        if is_hidden(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

fn style_of(key: &str, token: &str) -> Style {
    match (key, token) {
        (_, "\"ALLOW\"" | "\"GO\"") => GOOD,
        (_, "\"DENY\"" | "\"NO_GO\"") => BAD,
        (_, "\"DEFER\"") => UNSURE,
        ("\"code\"", _) => Style::new().bold(),
        _ if token.starts_with('"') => TEXT,
        _ => LITERAL,
    }
}

#[cfg(test)]
mod tests {
    use super::pretty;

    fn plain(json: &str) -> String {
        anstream::adapter::strip_str(&pretty(json)).to_string()
    }

    #[test]
    fn short_values_stay_on_one_line() {
        assert_eq!(plain("{}"), "{}\n");
        assert_eq!(
            plain(r#"{"a":[1,2],"b":"x"}"#),
            "{\"a\": [1, 2], \"b\": \"x\"}\n"
        );
        let long = "x".repeat(90);
        assert_eq!(
            plain(&format!(
                "{{\"a\":[\"{long}\",[],{{\"b\":null}}],\"c\":true}}"
            )),
            format!(
                "{{\n  \"a\": [\n    \"{long}\",\n    [],\n    {{\"b\": null}}\n  ],\n  \"c\": true\n}}\n"
            )
        );
    }

    #[test]
    fn nothing_hidden_reaches_the_terminal() {
        assert_eq!(
            plain("[\"a\u{202e}\u{9b}31m\u{e0001}\\\"]\"]"),
            "[\"a\\u202e\\u009b31m\\udb40\\udc01\\\"]\"]\n"
        );
    }

    #[test]
    fn every_text_ends() {
        for text in ["", "\"", "{", "[1", "é", "}}", "\"\\"] {
            assert!(pretty(text).ends_with('\n'));
        }
    }
}
