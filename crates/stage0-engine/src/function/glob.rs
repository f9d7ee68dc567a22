//! `glob(text, pattern)`: does a whole text have the shape of a pattern?
//!
//! # Contract
//! `*` stands for any run of characters without `/`, the empty run included; `**` (or more stars) for
//! any run at all; `?` for one character that is not `/`. Every other character stands for itself:
//! there are no classes, no alternatives and no escapes, and case counts. Characters are Unicode scalar
//! values, compared as they are.
//!
//! # Attacks stopped
//! - blow-up: time is at most the product of both lengths, whatever they are, without backtracking
//! - half matches: the pattern must cover the text from its first to its last character, line breaks
//!   included
//!
//! # What it cannot stop
//! It knows nothing of what the text means. `/srv/**` matches `/srv/../etc/passwd`, and
//! `https://*.good.com/**` matches `https://evil.org?.good.com/`: paths are asked with `path_within`,
//! URLs with `host_within`.

use core::mem;

use super::{FunctionError, bounded};

/// Bytes of a pattern: with the longest text, the worst case stays around 20 milliseconds.
pub const GLOB_PATTERN_BYTES_MAX: usize = 256;

const PATTERN_TOO_LONG: FunctionError = FunctionError::new("the pattern is too long");

/// Positions that are tracked without allocating, twice over: names and paths are shorter.
const SMALL_POSITIONS: usize = 256;

/// Whether `pattern` covers all of `text`.
///
/// ```
/// use stage0_engine::function::glob;
///
/// assert_eq!(glob("reports/2026.csv", "reports/*.csv"), Ok(true));
/// assert_eq!(glob("reports/old/2026.csv", "reports/*.csv"), Ok(false));
/// assert_eq!(glob("reports/old/2026.csv", "reports/**.csv"), Ok(true));
/// ```
///
/// # Errors
/// The text or the pattern is too long.
pub fn glob(text: &str, pattern: &str) -> Result<bool, FunctionError> {
    if pattern.len() > GLOB_PATTERN_BYTES_MAX {
        return Err(PATTERN_TOO_LONG);
    }
    Ok(covers(pattern, bounded(text)?, b'/'))
}

/// Matches with `*` (no separator), `**` and `?`; the separator is ASCII.
pub(crate) fn covers(pattern: &str, text: &str, separator: u8) -> bool {
    let mut pattern = pattern.as_bytes();
    let mut text = text.as_bytes();
    // What stands before the first wildcard and behind the last one settles most questions.
    while let [first, pattern_rest @ ..] = pattern
        && !is_wildcard(*first)
    {
        let Some(text_rest) = text.strip_prefix(&[*first]) else {
            return false;
        };
        (pattern, text) = (pattern_rest, text_rest);
    }
    while let [pattern_rest @ .., last] = pattern
        && !is_wildcard(*last)
    {
        let Some(text_rest) = text.strip_suffix(&[*last]) else {
            return false;
        };
        (pattern, text) = (pattern_rest, text_rest);
    }
    if pattern.is_empty() {
        return text.is_empty();
    }
    between(pattern, text, separator)
}

/// Keeps, token by token, every position of the text that the pattern so far can reach.
fn between(mut pattern: &[u8], text: &[u8], separator: u8) -> bool {
    let positions = text.len().saturating_add(1);
    let mut small = [false; SMALL_POSITIONS.saturating_mul(2)];
    let mut large = Vec::new();
    let buffer = if positions <= SMALL_POSITIONS {
        small.as_mut_slice()
    } else {
        large.resize(positions.saturating_mul(2), false);
        large.as_mut_slice()
    };
    let mut halves = buffer.chunks_exact_mut(positions);
    let (Some(mut reached), Some(mut next)) = (halves.next(), halves.next()) else {
        return false;
    };
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    while let [token, rest @ ..] = pattern {
        pattern = rest;
        match token {
            b'*' if rest.first() == Some(&b'*') => {
                while let [b'*', rest @ ..] = pattern {
                    pattern = rest;
                }
                any_run(reached);
            }
            b'*' => run_without(separator, text, reached),
            b'?' => one_without(separator, text, reached),
            literal => {
                one_literal(*literal, text, reached, next);
                mem::swap(&mut reached, &mut next);
            }
        }
    }
    reached.last() == Some(&true)
}

const fn is_wildcard(byte: u8) -> bool {
    matches!(byte, b'*' | b'?')
}

fn any_run(reached: &mut [bool]) {
    let mut open = false;
    for here in reached {
        open |= *here;
        *here = open;
    }
}

fn run_without(separator: u8, text: &[u8], reached: &mut [bool]) {
    let mut open = false;
    for (here, byte) in reached.iter_mut().zip(text.iter().chain([&separator])) {
        open |= *here;
        *here = open;
        open &= *byte != separator;
    }
}

/// Moves every position over one character. Positions inside a character, which a run may have
/// left behind, are dropped.
fn one_without(separator: u8, text: &[u8], reached: &mut [bool]) {
    let mut over = false;
    for (here, byte) in reached.iter_mut().zip(text.iter().chain([&separator])) {
        let is_inside = *byte & 0b1100_0000 == 0b1000_0000;
        let was = mem::replace(here, over && !is_inside);
        if !is_inside {
            over = was && *byte != separator;
        }
    }
}

/// Two buffers rather than one in place, so that the compiler can compare many bytes at once.
fn one_literal(literal: u8, text: &[u8], reached: &[bool], next: &mut [bool]) {
    if let Some((start, behind)) = next.split_first_mut() {
        *start = false;
        for ((to, from), byte) in behind.iter_mut().zip(reached).zip(text) {
            *to = *from && *byte == literal;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_whole_texts() {
        for (text, pattern, expected) in [
            ("", "", true),
            ("", "*", true),
            ("", "**", true),
            ("", "?", false),
            ("a", "", false),
            ("abc", "abc", true),
            ("abc", "ABC", false),
            ("abc", "ab", false),
            ("abc", "bc", false),
            ("abc", "a*", true),
            ("abc", "*c", true),
            ("abc", "a*c", true),
            ("a", "a*a", false),
            ("aa", "a*a", true),
            ("abc", "a?c", true),
            ("a/c", "a?c", false),
            ("a/c", "a*c", false),
            ("a/c", "a**c", true),
            ("a/c", "a***c", true),
            ("a/b/c", "a/*/c", true),
            ("a/b/b/c", "a/*/c", false),
            ("a/b/b/c", "a/**/c", true),
            ("a/c", "a/**/c", false),
            ("main.rs", "*.rs", true),
            ("src/main.rs", "*.rs", false),
            ("src/main.rs", "**.rs", true),
            ("a\nb", "a*b", true),
            ("a\u{e9}b", "a?b", true),
            ("a\u{e9}b", "a??b", false),
            ("a\u{1F600}\u{e9}b", "a*\u{e9}?", true),
            ("\u{e9}", "*?", true),
            ("\u{e9}", "*??", false),
            ("a*b", "a*b", true),
            ("a[b]", "a[b]", true),
            ("ab", "a[b]", false),
            ("a\\b", "a\\*", true),
        ] {
            assert_eq!(glob(text, pattern), Ok(expected), "{text:?} as {pattern:?}");
        }
    }

    /// The meaning of a pattern, written down as plainly as it can be.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', '*', rest @ ..] => (0..=text.len()).any(|skip| slowly(rest, &text[skip..])),
            ['*', rest @ ..] => (0..=text.len())
                .take_while(|skip| !text[..*skip].contains(&'/'))
                .any(|skip| slowly(rest, &text[skip..])),
            ['?', rest @ ..] => text.first().is_some_and(|c| *c != '/') && slowly(rest, &text[1..]),
            [literal, rest @ ..] => text.first() == Some(literal) && slowly(rest, &text[1..]),
        }
    }

    fn all_words(alphabet: &[char], length_max: usize) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut from = 0;
        for _ in 0..length_max {
            let to = words.len();
            for at in from..to {
                for letter in alphabet {
                    words.push(format!("{}{letter}", words[at]));
                }
            }
            from = to;
        }
        words
    }

    #[test]
    fn every_small_pattern_means_what_the_slow_definition_says() {
        let texts = all_words(&['a', '/', '\u{e9}'], 5);
        for pattern in all_words(&['a', '/', '*', '?', '\u{e9}'], 4) {
            let pattern_chars: Vec<char> = pattern.chars().collect();
            for text in &texts {
                let text_chars: Vec<char> = text.chars().collect();
                let expected = slowly(&pattern_chars, &text_chars);
                assert_eq!(
                    glob(text, &pattern),
                    Ok(expected),
                    "{text:?} as {pattern:?}"
                );
            }
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_its_length() {
        let text = "a".repeat(60_000);
        for pattern in ["*a", "**a", "*a**", "?*a", "**/a*b"] {
            let pattern = format!("{}b", pattern.repeat(250 / pattern.len()));
            assert_eq!(glob(&text, &pattern), Ok(false));
        }
    }

    #[test]
    fn a_pattern_over_the_limit_is_an_error() {
        let pattern = "*".repeat(GLOB_PATTERN_BYTES_MAX + 1);
        assert_eq!(glob("a", &pattern), Err(PATTERN_TOO_LONG));
    }
}
