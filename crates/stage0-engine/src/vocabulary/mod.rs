//! The words that callers use, as tables: classes of effects, constraint phrases, context keys.
//!
//! Callers write `"Money Movement"`, `money-movement` or `payout`; rules read one class. Folding is
//! the same for all of them: case is dropped, and space, `_` and `-` are alike. The tables only give
//! words a meaning; what follows from it is written in policies.

pub mod constraint;
pub mod context;
pub mod effect;

/// Folds a phrase: ASCII lower case, runs of space, `_` and `-` as one `_`, none at the ends.
pub fn fold(phrase: &str) -> String {
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
    folded
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
    }
}
