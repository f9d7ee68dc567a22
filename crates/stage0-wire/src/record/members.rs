//! JSON taken apart without being read: the texts of an object's members, and a text on one line.
//!
//! A record keeps the request as it was written, so its members are cut out, not written anew. All of
//! this is for text that the strict reader has taken already.

use memchr::memchr2;
use stage0_engine::digest::Digest;

/// Appends a JSON text without the space between its parts, so that it stands on one line.
pub(super) fn push_compact(line: &mut String, text: &str) {
    let mut from = 0;
    while let Some(at) = next_space(text, from) {
        line.push_str(text.get(from..at).unwrap_or_default());
        from = at.saturating_add(1);
    }
    line.push_str(text.get(from..).unwrap_or_default());
}

/// The digest of a JSON text without the space between its parts.
pub(super) fn compact_digest(text: &str) -> Digest {
    // Programs write none.
    if next_space(text, 0).is_none() {
        return Digest::of(text.as_bytes());
    }
    let mut compact = String::with_capacity(text.len());
    push_compact(&mut compact, text);
    Digest::of(compact.as_bytes())
}

/// Where the next space between parts is, from a place that is in no string.
fn next_space(text: &str, mut at: usize) -> Option<usize> {
    while let Some(byte) = text.as_bytes().get(at) {
        let length = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => return Some(at),
            b'"' => string_len(text.as_bytes().get(at..).unwrap_or_default()),
            _ => 1,
        };
        at = at.saturating_add(length);
    }
    None
}

/// The members of an object: their keys as they are written between the quotes, and their texts.
pub(super) fn members(text: &str) -> Vec<(&str, &str)> {
    let mut members = Vec::new();
    let mut rest = text.trim().strip_prefix('{').unwrap_or_default();
    while let Some(at) = rest.find('"') {
        let from = rest.get(at..).unwrap_or_default();
        let (key, behind) = from.split_at(string_len(from.as_bytes()));
        let value = behind.trim_start().strip_prefix(':').unwrap_or_default();
        let value = value.trim_start();
        let (value, behind) = value.split_at(value_len(value));
        members.push((key.trim_matches('"'), value.trim_end()));
        rest = behind;
    }
    members
}

/// Bytes of the string at the beginning, its quotes included.
fn string_len(text: &[u8]) -> usize {
    let mut at = 1_usize;
    while let Some(found) = memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at = at.saturating_add(found);
        if text.get(at) == Some(&b'"') {
            return at.saturating_add(1);
        }
        // What is escaped ends nothing.
        at = at.saturating_add(2);
    }
    text.len()
}

/// Bytes of the value at the beginning, up to the comma or bracket that ends it.
fn value_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0_usize;
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => {
                let string = text.as_bytes().get(at..).unwrap_or_default();
                at = at.saturating_add(string_len(string));
                continue;
            }
            b'{' | b'[' => depth = depth.saturating_add(1),
            b',' | b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at = at.saturating_add(1);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(text: &str) -> String {
        let mut line = String::new();
        push_compact(&mut line, text);
        line
    }

    #[test]
    fn space_goes_and_texts_stay() {
        let text = "{ \"a b\" :\t[ 1.50 ,\n\"\\\" , \\\\\" , { } ] }\r\n";
        assert_eq!(compact(text), r#"{"a b":[1.50,"\" , \\",{}]}"#);
        assert_eq!(compact(&compact(text)), compact(text));
        assert_eq!(compact(" \"ä ö\" "), "\"ä ö\"");
        assert_eq!(compact(""), "");
    }

    #[test]
    fn members_are_cut_out_as_they_stand() {
        let text = r#" { "a" : 1.50 , "b":{"c":[1,"},"]}, "d\"e" : "x,\"}" ,"f":true} "#;
        let expected = [
            ("a", "1.50"),
            ("b", r#"{"c":[1,"},"]}"#),
            (r#"d\"e"#, r#""x,\"}""#),
            ("f", "true"),
        ];
        assert_eq!(members(text), expected);
        assert!(members("{}").is_empty() && members("7").is_empty());
    }
}
