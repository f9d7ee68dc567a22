//! Patterns over tool names, and what a tool name may be.
//!
//! Rules and catalog entries name tools by pattern (`payments.*`); the index asks a pattern for its
//! literal prefix and then whether it matches. A name is compared exactly: folding exists only to
//! find names that imitate each other, never to treat them as equal.

use core::fmt;

use crate::function::glob::covers;
use crate::limits::TOOL_NAME_BYTES_MAX;

/// Whether a text may be a tool's name: 1 to [`TOOL_NAME_BYTES_MAX`] bytes of `[A-Za-z0-9._:/-]`.
pub fn tool_name_is_valid(name: &str) -> bool {
    (1..=TOOL_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_name_byte)
}

/// What names that imitate each other have in common: lower case, without `.`, `_` and `-`.
///
/// ```
/// use stage0_engine::tool_pattern::fold_tool_name;
///
/// assert_eq!(fold_tool_name("payments.pay_out"), fold_tool_name("Payments-Payout"));
/// ```
pub fn fold_tool_name(name: &str) -> String {
    name.chars()
        .filter(|character| !matches!(character, '.' | '_' | '-'))
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

/// A pattern over tool names: `*` matches any run of characters within one dot-segment, the empty
/// run included, and `**` any run at all. Every other character matches itself.
///
/// ```
/// use stage0_engine::tool_pattern::ToolPattern;
///
/// let pattern = ToolPattern::parse("payments.get_*")?;
/// assert!(pattern.matches("payments.get_balance"));
/// assert!(!pattern.matches("payments.get_balance.raw"));
/// assert_eq!(pattern.prefix(), "payments.get_");
/// # Ok::<(), stage0_engine::tool_pattern::ToolPatternError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolPattern {
    text: String,
    prefix_bytes: usize,
}

impl ToolPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is empty or longer than a tool's name may be, or has a character that is neither `*` nor
    /// one of a name, or more than two `*` in a row.
    pub fn parse(text: &str) -> Result<Self, ToolPatternError> {
        let error = |kind, offset| Err(ToolPatternError { kind, offset });
        if text.is_empty() {
            return error(ToolPatternErrorKind::Empty, 0);
        }
        if text.len() > TOOL_NAME_BYTES_MAX {
            return error(ToolPatternErrorKind::TooLong, TOOL_NAME_BYTES_MAX);
        }
        let strange = |character: char| {
            !(character == '*' || u8::try_from(character).is_ok_and(is_name_byte))
        };
        if let Some((offset, character)) = text.char_indices().find(|(_, c)| strange(*c)) {
            return error(ToolPatternErrorKind::Character(character), offset);
        }
        if let Some(offset) = text.find("***") {
            return error(ToolPatternErrorKind::Stars, offset);
        }
        Ok(Self {
            text: text.to_owned(),
            prefix_bytes: text.find('*').unwrap_or(text.len()),
        })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has no wildcard, and so matches exactly one name.
    pub fn is_exact(&self) -> bool {
        self.prefix_bytes == self.text.len()
    }

    /// What stands before the first `*`; every name that matches begins with it.
    pub fn prefix(&self) -> &str {
        self.text.get(..self.prefix_bytes).unwrap_or(&self.text)
    }

    /// Whether the pattern covers the whole of a name.
    ///
    /// Time is at most the product of both lengths; a name that is too long for a tool is not matched.
    pub fn matches(&self, name: &str) -> bool {
        name.len() <= TOOL_NAME_BYTES_MAX && covers(&self.text, name, b'.')
    }
}

impl fmt::Display for ToolPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Why a text is not a pattern over tool names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolPatternError {
    kind: ToolPatternErrorKind,
    offset: usize,
}

/// What is wrong with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolPatternErrorKind {
    /// It has no characters.
    Empty,
    /// It is longer than a tool's name may be.
    TooLong,
    /// It has a character that no tool name has.
    Character(char),
    /// It has more than two `*` in a row.
    Stars,
}

impl ToolPatternError {
    /// What is wrong.
    pub const fn kind(self) -> ToolPatternErrorKind {
        self.kind
    }

    /// The byte of the pattern where it is wrong.
    pub const fn offset(self) -> usize {
        self.offset
    }
}

impl fmt::Display for ToolPatternError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ToolPatternErrorKind::Empty => formatter.write_str("the tool pattern is empty"),
            ToolPatternErrorKind::TooLong => write!(
                formatter,
                "the tool pattern is longer than {TOOL_NAME_BYTES_MAX} bytes"
            ),
            ToolPatternErrorKind::Character(character) => write!(
                formatter,
                "the tool pattern has a character that no tool name has: `{}`",
                character.escape_debug()
            ),
            ToolPatternErrorKind::Stars => {
                formatter.write_str("the tool pattern has more than two `*` in a row")
            }
        }
    }
}

impl core::error::Error for ToolPatternError {}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'/' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_by_segments() {
        for (pattern, name, expected) in [
            ("search.query", "search.query", true),
            ("search.query", "search.Query", false),
            ("search.query", "search.query.raw", false),
            ("payments.*", "payments.payout", true),
            ("payments.*", "payments.", true),
            ("payments.*", "payments", false),
            ("payments.*", "payments.card.refund", false),
            ("payments.**", "payments.card.refund", true),
            ("payments.*.refund", "payments.card.refund", true),
            ("payments.*.refund", "payments.refund", false),
            ("*.refund", "payments.refund", true),
            ("*.refund", "a.b.refund", false),
            ("**.refund", "a.b.refund", true),
            ("get_*", "get_", true),
            ("get_*", "get_user", true),
            ("get_*", "get.user", false),
            ("*_*", "get_user", true),
            ("mcp__*__read*", "mcp__files__read_file", true),
            ("*", "search", true),
            ("*", "search.query", false),
            ("**", "search.query", true),
            ("a/*", "a/b:c-d", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
        ] {
            let parsed = ToolPattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(name), expected, "{name} as {pattern}");
            assert_eq!(parsed.as_str(), pattern);
            assert!(name.starts_with(parsed.prefix()) || !expected);
        }
    }

    #[test]
    fn the_prefix_ends_at_the_first_star() {
        for (pattern, prefix, is_exact) in [
            ("search.query", "search.query", true),
            ("payments.*", "payments.", false),
            ("get_*x", "get_", false),
            ("**", "", false),
        ] {
            let parsed = ToolPattern::parse(pattern).unwrap();
            assert_eq!((parsed.prefix(), parsed.is_exact()), (prefix, is_exact));
        }
    }

    #[test]
    fn malformed_patterns_are_refused_with_their_place() {
        for (pattern, kind, offset) in [
            ("", ToolPatternErrorKind::Empty, 0),
            ("a***", ToolPatternErrorKind::Stars, 1),
            ("****", ToolPatternErrorKind::Stars, 0),
            ("a b", ToolPatternErrorKind::Character(' '), 1),
            ("a?", ToolPatternErrorKind::Character('?'), 1),
            ("[ab]", ToolPatternErrorKind::Character('['), 0),
            ("a,b", ToolPatternErrorKind::Character(','), 1),
            ("\u{430}.*", ToolPatternErrorKind::Character('\u{430}'), 0),
            ("\u{e9}", ToolPatternErrorKind::Character('\u{e9}'), 0),
            ("a\0", ToolPatternErrorKind::Character('\0'), 1),
        ] {
            let error = ToolPattern::parse(pattern).unwrap_err();
            assert_eq!(
                (error.kind(), error.offset()),
                (kind, offset),
                "{pattern:?}"
            );
            assert!(!error.to_string().contains('\0'));
        }
        let long = "a".repeat(TOOL_NAME_BYTES_MAX + 1);
        let error = ToolPattern::parse(&long).unwrap_err();
        assert_eq!(error.kind(), ToolPatternErrorKind::TooLong);
    }

    #[test]
    fn a_hostile_pattern_is_answered_at_once() {
        let pattern = ToolPattern::parse(&"*a".repeat(TOOL_NAME_BYTES_MAX / 2)).unwrap();
        assert!(!pattern.matches(&format!("{}b", "a".repeat(TOOL_NAME_BYTES_MAX - 1))));
        assert!(!pattern.matches(&"a".repeat(1_000_000)));
    }

    #[test]
    fn tool_names_are_plain_ascii() {
        for name in [
            "a",
            "search.query",
            "mcp__bank__payout",
            "a/b:c-d",
            "A1",
            ".",
        ] {
            assert!(tool_name_is_valid(name), "{name}");
        }
        let long = "a".repeat(TOOL_NAME_BYTES_MAX + 1);
        for name in [
            "",
            "a b",
            "a*",
            "p\u{430}yout",
            "a\u{200b}",
            "a\n",
            "a\0",
            "a,b",
            &long,
        ] {
            assert!(!tool_name_is_valid(name), "{name:?}");
        }
    }

    #[test]
    fn names_that_imitate_each_other_fold_alike() {
        for imitation in [
            "PAYMENTS.PAYOUT",
            "payments_payout",
            "pay-ments.payout",
            "paymentspayout",
        ] {
            assert_eq!(fold_tool_name(imitation), fold_tool_name("payments.payout"));
        }
        assert_ne!(
            fold_tool_name("payments/payout"),
            fold_tool_name("payments.payout")
        );
    }
}
