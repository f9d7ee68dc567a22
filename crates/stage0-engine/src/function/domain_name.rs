//! DNS names as `host` and `email_domain` accept them: one place for what a label may be.
//!
//! Names are ASCII in letters, digits, `-` and `_`. Punycode labels (`xn--`) pass as they are and
//! are not decoded: comparing ASCII with ASCII is what makes homographs harmless.

use std::borrow::Cow;

/// Bytes of one label (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;
/// Bytes of a whole name (RFC 1035), without the root's dot.
const NAME_BYTES_MAX: usize = 253;

/// The name in lower case, or nothing if it is not a name. A trailing dot is not accepted here.
pub(super) fn canonical(name: &str) -> Option<Cow<'_, str>> {
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return None;
    }
    Some(if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether a URL parser would read the name as an IPv4 address in some notation: its last label is
/// decimal, octal or hexadecimal (the rule of the WHATWG URL standard).
pub(super) fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hexadecimal = last.strip_prefix("0x").or(last.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
