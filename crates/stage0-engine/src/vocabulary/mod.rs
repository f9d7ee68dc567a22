//! The words that callers use, as tables: classes of effects, constraint phrases, context keys.
//!
//! Callers write `"Money Movement"`, `money-movement` or `payout`; rules read one class. Folding is
//! the same for all of them: case is dropped, and space, `_` and `-` are alike. The tables only give
//! words a meaning; what follows from it is written in policies.

use std::borrow::Cow;

pub mod constraint;
pub mod context;
pub mod effect;

/// Folds a phrase: ASCII lower case, runs of space, `_` and `-` as one `_`, none at the ends.
pub fn fold(phrase: &str) -> Cow<'_, str> {
    if is_folded(phrase) {
        return Cow::Borrowed(phrase);
    }
    let mut folded = String::with_capacity(phrase.len());
    let mut gap = false;
    for c in phrase.chars() {
        if c == '_' || c == '-' || c.is_whitespace() {
            gap = true;
            continue;
        }
        if gap && !folded.is_empty() {
            folded.push('_');
        }
        gap = false;
        folded.push(c.to_ascii_lowercase());
    }
    Cow::Owned(folded)
}

/// Whether a phrase certainly is what folding it would make of it, as most are.
fn is_folded(phrase: &str) -> bool {
    let mut before = b'_';
    for byte in phrase.bytes() {
        let is_plain =
            matches!(byte, b'a'..=b'z' | b'0'..=b'9') || (byte == b'_' && before != b'_');
        if !is_plain {
            return false;
        }
        before = byte;
    }
    before != b'_'
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn case_and_separators_do_not_matter() {
        for phrase in [
            "money movement",
            "Money-Movement",
            "  MONEY__movement ",
            "money_movement",
        ] {
            assert_eq!(fold(phrase), "money_movement");
        }
        assert_eq!(fold(" - _ "), "");
        for phrase in ["", "_", "a_", "_a", "a__b", "a_b", "a", "Ä b", "a\u{a0}b"] {
            let folded = fold(phrase);
            assert_eq!(fold(&folded), folded);
            assert!(!folded.contains("__") && !folded.starts_with('_') && !folded.ends_with('_'));
        }
    }
}
