//! JSON taken apart without being read: the texts of an object's members, and a text on one line.
//!
//! A record keeps the request as it was written, so its members are cut out, not written anew. All of
//! this is for text that the strict reader has taken already.

/// Appends a JSON text without the space between its parts, so that it stands on one line.
pub(super) fn push_compact(line: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['"', ' ', '\t', '\n', '\r']) {
        let (before, from) = rest.split_at(at);
        line.push_str(before);
        let length = if from.starts_with('"') {
            let length = string_len(from);
            line.push_str(from.get(..length).unwrap_or(from));
            length
        } else {
            1
        };
        rest = from.get(length..).unwrap_or_default();
    }
    line.push_str(rest);
}

/// The members of an object: their keys as they are written between the quotes, and their texts.
pub(super) fn members(text: &str) -> Vec<(&str, &str)> {
    let mut members = Vec::new();
    let mut rest = text.trim().strip_prefix('{').unwrap_or_default();
    while let Some(at) = rest.find('"') {
        let from = rest.get(at..).unwrap_or_default();
        let (key, behind) = from.split_at(string_len(from));
        let value = behind.trim_start().strip_prefix(':').unwrap_or_default();
        let value = value.trim_start();
        let (value, behind) = value.split_at(value_len(value));
        members.push((key.trim_matches('"'), value.trim_end()));
        rest = behind;
    }
    members
}

/// Bytes of the string at the beginning, its quotes included.
fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at.saturating_add(1),
            _ => {}
        }
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
                at = at.saturating_add(string_len(text.get(at..).unwrap_or_default()));
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
