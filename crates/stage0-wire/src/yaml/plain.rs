//! What an unquoted YAML value means here.
//!
//! YAML 1.1 and 1.2, and their implementations, disagree about `yes`, `010` or `1:30`. JSON's words
//! and numbers are accepted, so that a policy in JSON means the same in YAML; whatever else somebody
//! takes for more than text must be quoted or written plainly.

use crate::tree::is_json_number;

/// The meaning of an unquoted value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Number,
    Text,
    /// A word that some read as a boolean.
    LikeBool(bool),
    /// A word that some read as null.
    LikeNull,
    /// A number in a notation that is not JSON's.
    LikeNumber,
}

/// Reads an unquoted value that is not empty.
pub(super) fn plain(text: &str) -> Plain {
    // Words with a meaning have at most five letters, and numbers begin with none: most of what
    // policies say is told at a glance.
    if text.len() > 5 && text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Plain::Text;
    }
    match text {
        "null" => Plain::Null,
        "true" => Plain::Bool(true),
        "false" => Plain::Bool(false),
        "~" | "Null" | "NULL" => Plain::LikeNull,
        "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            Plain::LikeBool(true)
        }
        "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            Plain::LikeBool(false)
        }
        _ if is_json_number(text) => Plain::Number,
        _ if is_like_number(text) => Plain::LikeNumber,
        _ => Plain::Text,
    }
}

/// Whether some version of YAML reads the text as a number.
fn is_like_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(
        unsigned,
        ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN"
    ) {
        return true;
    }
    if let Some(digits) = unsigned.strip_prefix("0x").or(unsigned.strip_prefix("0X")) {
        return is_all(digits, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    if let Some(digits) = unsigned.strip_prefix("0o").or(unsigned.strip_prefix("0O")) {
        return is_all(digits, |byte| matches!(byte, b'0'..=b'7' | b'_'));
    }
    if let Some(digits) = unsigned.strip_prefix("0b").or(unsigned.strip_prefix("0B")) {
        return is_all(digits, |byte| matches!(byte, b'0' | b'1' | b'_'));
    }
    is_like_decimal(unsigned) || is_sexagesimal(unsigned)
}

/// Digits with `_` between them, a point anywhere, an exponent.
fn is_like_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let exponent_holds = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        is_all(digits, |byte| byte.is_ascii_digit())
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digit = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    exponent_holds
        && (whole.bytes().any(|byte| byte.is_ascii_digit())
            || fraction.bytes().any(|byte| byte.is_ascii_digit()))
        && !whole.starts_with('_')
        && whole.bytes().all(digit)
        && fraction.bytes().all(digit)
}

/// Numbers to the base sixty: `1:30` is 90 to YAML 1.1.
fn is_sexagesimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let mut count: usize = 0;
    let rest_holds = parts.all(|part| {
        count = count.saturating_add(1);
        match part.as_bytes() {
            [digit] | [b'0'..=b'5', digit] => digit.is_ascii_digit(),
            _ => false,
        }
    });
    rest_holds
        && count > 0
        && first.starts_with(|character: char| character.is_ascii_digit())
        && is_all(first, |byte| byte.is_ascii_digit() || byte == b'_')
        && fraction
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'_')
}

fn is_all(text: &str, holds: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_words_and_numbers_are_more_than_text() {
        assert_eq!(plain("null"), Plain::Null);
        assert_eq!(plain("true"), Plain::Bool(true));
        assert_eq!(plain("false"), Plain::Bool(false));
        for number in ["0", "-0", "5", "-12.50", "1e5", "1E+2", "0.1e-7", "1.10"] {
            assert_eq!(plain(number), Plain::Number, "{number}");
        }
    }

    #[test]
    fn what_yaml_versions_read_differently_is_neither() {
        for word in ["yes", "Yes", "YES", "on", "y", "Y", "True", "TRUE"] {
            assert_eq!(plain(word), Plain::LikeBool(true), "{word}");
        }
        for word in ["no", "No", "NO", "off", "n", "N", "False", "FALSE"] {
            assert_eq!(plain(word), Plain::LikeBool(false), "{word}");
        }
        for word in ["~", "Null", "NULL"] {
            assert_eq!(plain(word), Plain::LikeNull, "{word}");
        }
        for number in [
            "0x1F",
            "0o7",
            "0b11",
            "010",
            "00",
            "-010",
            "1_000",
            "+1",
            ".5",
            "1.",
            "1.e5",
            ".inf",
            "-.INF",
            ".nan",
            "1:30",
            "12:30:45",
            "190:20:30.15",
            "-1:30",
            "0x_f",
            "1_0.5_0",
        ] {
            assert_eq!(plain(number), Plain::LikeNumber, "{number}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for text in [
            "4h",
            "2.1.0",
            "2026-01-05",
            "2026-01-05T10:00:00Z",
            "1,000",
            "1e",
            "e5",
            "0x",
            "0xg",
            "+",
            "-",
            ".",
            "..",
            "_1",
            "a1",
            "99:99",
            "1:2:3:60",
            "10:00am",
            "nul",
            "TrUe",
            "tilde~",
            "1 000",
            "::1",
            "0o8",
            "infinity",
            "+a",
            "1__x",
            "12:",
            ":30",
        ] {
            assert_eq!(plain(text), Plain::Text, "{text}");
        }
    }
}
