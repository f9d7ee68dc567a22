//! `grounded(value, texts)`: did a person write this value?
//!
//! # Contract
//! The texts are what the user or operator wrote. A value is grounded if it occurs in one of them as a
//! whole token:
//! - Runs of white space count as one space, at the ends as nothing. Otherwise characters compare as
//!   they are (no Unicode normalisation), except that a value which is a bare e-mail address or a
//!   domain name of two labels or more is compared without ASCII case.
//! - On its left stands the beginning, white space, a bracket, a double quote, `|`, or an apostrophe
//!   that follows one of these.
//! - On its right stands the end, white space, a bracket, a double quote, `|`, or a run of
//!   `. , : ; ! ? '` (or their wide forms) that is followed by one of these.
//! - An IBAN, its check digits included, is grounded by either of the two ways in which one is written: in one
//!   piece, or in groups of four. Behind groups there may be none that would make it a longer one.
//! - URLs, dates, paths and numbers have no form of their own: they are grounded as they were written.
//! - Anything else beside it continues a larger token. So `acme.com` is not grounded by
//!   `acme.com.evil.org`, `ana@acme.com`, `https://acme.com` or `acme.com's`, nor `500` by `1500`,
//!   `500.01`, `500,000`, `-500` or `$500` (amounts are asked with `grounded_number`).
//!
//! # Attacks stopped
//! - a recipient or address that came from a tool's output, a web page or the model itself
//! - a longer token that contains the right one, and a part of one that the user did write
//! - invisible, bidi and control characters in the value; look-alikes from other scripts
//!
//! # What it cannot stop
//! It finds words, not intentions: "do not pay acme" grounds `acme`, and a short common word is
//! grounded by almost any text. It is for values that identify something: addresses, account
//! numbers, paths. Whoever can get text into the user's message (a pasted page, a forwarded mail)
//! grounds what it says.

use super::characters::{is_closing, is_control, is_invisible, is_separator};
use super::{FunctionError, bounded, domain_name, email_domain, iban};

/// Whether `value` occurs in one of the texts as a whole token.
///
/// ```
/// use stage0_engine::function::grounded;
///
/// let texts = ["Please send it to Ana@Acme.com, thanks."];
/// assert_eq!(grounded("ana@acme.com", &texts), Ok(true));
/// assert_eq!(grounded("acme.com", &texts), Ok(false));
/// ```
///
/// # Errors
/// The value or a text is too long.
pub fn grounded(value: &str, texts: &[&str]) -> Result<bool, FunctionError> {
    let is_caseless = is_address_or_domain(bounded(value)?.trim());
    let value = normalised(value, is_caseless);
    let can_be_grounded = value.chars().any(is_token_character) && value.chars().all(is_shown);
    for text in texts {
        bounded(text)?;
    }
    if !can_be_grounded {
        return Ok(false);
    }
    let Some((piece, groups)) = iban::forms(&value) else {
        return Ok(is_in(&value, texts, is_caseless, ends_token));
    };
    Ok(is_in(&piece, texts, false, ends_token)
        || is_in(&groups, texts, false, iban::ends_of(&piece)))
}

fn is_in(value: &str, texts: &[&str], is_caseless: bool, ends: fn(&str) -> bool) -> bool {
    let failures = Failures::of(value.as_bytes());
    let mut texts = texts.iter();
    texts.any(|text| occurs(value, &failures, &normalised(text, is_caseless), ends))
}

/// Runs of white space become one space; at the ends they go.
fn normalised(text: &str, is_caseless: bool) -> String {
    let mut made = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !made.is_empty() {
            made.push(' ');
        }
        made.push_str(word);
    }
    if is_caseless {
        made.make_ascii_lowercase();
    }
    made
}

fn is_address_or_domain(value: &str) -> bool {
    let is_domain = value.contains('.')
        && !domain_name::ends_in_number(value)
        && domain_name::canonical(value).is_some();
    is_domain || email_domain(value).is_ok()
}

fn is_shown(character: char) -> bool {
    !is_control(character) && !is_invisible(character)
}

/// A value of punctuation alone is in every text.
fn is_token_character(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric()
    } else {
        !is_separator(character) && !is_closing(character)
    }
}

/// Whether a token can begin behind this text.
fn begins_token(before: &str) -> bool {
    let before = before
        .strip_suffix(['\'', '\u{2018}', '\u{2019}'])
        .unwrap_or(before);
    before.chars().next_back().is_none_or(is_separator)
}

/// Whether a token can end before this text.
pub(super) fn ends_token(after: &str) -> bool {
    let after = after.trim_start_matches(is_closing);
    after.chars().next().is_none_or(is_separator)
}

fn occurs(value: &str, failures: &Failures, text: &str, ends: fn(&str) -> bool) -> bool {
    failures
        .ends_in(value.as_bytes(), text.as_bytes())
        .any(|end| {
            // Both are valid UTF-8, so an occurrence begins and ends between characters.
            let before = end
                .checked_sub(value.len())
                .and_then(|start| text.get(..start));
            let after = text.get(end..);
            before.is_some_and(begins_token) && after.is_some_and(ends)
        })
}

/// The failure function of Knuth, Morris and Pratt: for each prefix of a value, how long the longest
/// shorter prefix is that it ends in. Occurrences may overlap, and time must stay linear even so.
struct Failures(Vec<usize>);

impl Failures {
    fn of(value: &[u8]) -> Self {
        let mut failures = Self(Vec::with_capacity(value.len()));
        let mut matched = 0;
        for (index, byte) in value.iter().enumerate() {
            if index > 0 {
                matched = failures.advance(value, matched, *byte);
            }
            failures.0.push(matched);
        }
        failures
    }

    /// How much of the value is matched after one more byte.
    fn advance(&self, value: &[u8], mut matched: usize, byte: u8) -> usize {
        while value.get(matched) != Some(&byte) {
            let Some(shorter) = matched.checked_sub(1).and_then(|last| self.0.get(last)) else {
                return 0;
            };
            matched = *shorter;
        }
        matched.saturating_add(1)
    }

    /// Where the occurrences of a value that is not empty end.
    fn ends_in(&self, value: &[u8], text: &[u8]) -> impl Iterator<Item = usize> {
        let mut matched = 0;
        text.iter().zip(1..).filter_map(move |(byte, end)| {
            matched = self.advance(value, matched, *byte);
            (matched == value.len()).then_some(end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FUNCTION_TEXT_BYTES_MAX;

    #[test]
    fn a_whole_token_is_grounded() {
        for (value, text) in [
            ("acme", "acme"),
            ("acme", "pay acme now"),
            ("acme", "pay acme."),
            ("acme", "pay acme, then bob"),
            ("acme", "acme: pay it!"),
            ("acme", "pay (acme)"),
            ("acme", "pay \"acme\"."),
            ("acme", "pay 'acme', not bob"),
            ("acme", "pay \u{201c}acme\u{201d}"),
            ("acme", "\u{bf}acme?"),
            ("acme", "pay acme...\nthanks"),
            ("acme", "name|acme|bob"),
            ("acme", "acme2 acme-x acme"),
            ("Acme Corp", "to Acme\n\t Corp."),
            ("  Acme  Corp ", "to Acme\u{a0}Corp"),
            ("a a", "xa a a"),
            ("acme.com", "go to acme.com."),
            ("ACME.com", "go to Acme.COM, please"),
            ("ana@acme.com", "Ana <Ana@ACME.com>"),
            ("ana@acme.com", "mail ana@acme.com; thanks"),
            ("https://acme.com/x", "see https://acme.com/x."),
            ("/srv/data", "use /srv/data"),
            ("DE89370400440532013000", "IBAN DE89370400440532013000."),
            ("DE89370400440532013000", "to DE89 3704 0044 0532 0130 00."),
            ("DE89 3704 0044 0532 0130 00", "to DE89370400440532013000"),
            ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00 EUR"),
            ("BE71096123456769", "BE71 0961 2345 6769, please"),
            ("BE71096123456769", "BE71 0961 2345 6769 by noon"),
            ("500", "pay 500."),
            ("500", "pay 500, please"),
            ("-500", "book -500"),
            ("caf\u{e9}", "the caf\u{e9}"),
        ] {
            assert_eq!(
                grounded(value, &["other text", text]),
                Ok(true),
                "{value:?} in {text:?}"
            );
        }
    }

    #[test]
    fn a_part_of_a_token_is_not_grounded() {
        for (value, text) in [
            ("acme", ""),
            ("acme", "acmes"),
            ("acme", "bacme"),
            ("acme", "acme's"),
            ("acme", "acme-corp"),
            ("acme", "not-acme"),
            ("acme", "acme_corp"),
            ("acme", "acme@evil.org"),
            ("acme", "@acme"),
            ("acme", "acme/bob"),
            ("acme", "to=acme"),
            ("acme", "Acme"),
            ("acme", "acme\u{e9}"),
            ("acme", "acme\u{301}"),
            ("acme", "acme\u{200b}"),
            ("acme", "ac\u{200b}me"),
            ("acme", "\u{430}cme"),
            ("acme.com", "acme.com.evil.org"),
            ("acme.com", "acme.com-evil.org"),
            ("acme.com", "evil.acme.com"),
            ("acme.com", "evil-acme.com"),
            ("acme.com", "ana@acme.com"),
            ("acme.com", "https://acme.com"),
            ("acme.com", "acme.com/x"),
            ("acme.com", "acme.com:8080"),
            ("acme.com", "acme.com?x=1"),
            ("acme.com", "acme.com\u{3002}evil"),
            ("com", "acme.com"),
            ("ana@acme.com", "eve.ana@acme.com"),
            ("ana@acme.com", "ana@acme.com.evil.org"),
            ("ana@acme.com", "ana@acme.comx"),
            ("ana@acme.com", "a ana @acme.com"),
            ("https://acme.com/x", "https://acme.com/x?y"),
            ("https://acme.com/x", "https://acme.com/X"),
            ("/srv/data", "/srv/data/x"),
            ("/srv/data", "/srv/database"),
            ("500", "1500"),
            ("500", "5000"),
            ("500", "500.01"),
            ("500", "500,000"),
            ("500", "1,500"),
            ("500", "0.500"),
            ("500", ".500"),
            ("500", "-500"),
            ("500", "$500"),
            ("500", "500%"),
            ("500", "500k"),
            ("500", "500\u{ff0c}000"),
            ("Acme Corp", "Acme, Corp"),
            ("Acme Corp", "AcmeCorp"),
            // Not its check digits: no IBAN, and compared as it is.
            ("DE88370400440532013000", "DE88 3704 0044 0532 0130 00"),
            ("DE89370400440532013000", "DE 8937 0400 4405 3201 3000"),
            ("DE89370400440532013000", "DE89  3704 0044 0532 0130 0"),
            ("DE89370400440532013000", "de89 3704 0044 0532 0130 00"),
            ("DE89370400440532013000", "DE89 3704 0044 0532 0130 001"),
            ("DE89370400440532013000", "XDE89 3704 0044 0532 0130 00"),
            ("DE89 370400440532013000", "DE89 3704 0044 0532 0130 00"),
            // As many groups again could be the rest of a longer one.
            ("BE71096123456769", "BE71 0961 2345 6769 0001"),
            ("BE71096123456769", "BE71 0961 2345 6769 12"),
        ] {
            assert_eq!(
                grounded(value, &["other text", text]),
                Ok(false),
                "{value:?} in {text:?}"
            );
        }
    }

    #[test]
    fn a_value_of_nothing_or_with_hidden_characters_is_never_grounded() {
        for value in [
            "",
            " ",
            "\t\n",
            "\u{3000}",
            ".",
            "-",
            "...",
            "()",
            "\"",
            "' '",
            "ac\u{200b}me",
            "acme\u{202e}",
            "\u{feff}acme",
            "ac\0me",
            "\u{1b}acme",
            "acme\u{ad}",
            "acme\u{7f}",
            "acme\u{fe0f}",
            "acme\u{e0041}",
        ] {
            let around = format!("before {value} after");
            assert_eq!(grounded(value, &[value, &around]), Ok(false), "{value:?}");
        }
    }

    #[test]
    fn nothing_is_grounded_without_a_text() {
        assert_eq!(grounded("acme", &[]), Ok(false));
    }

    #[test]
    fn texts_are_not_joined() {
        assert_eq!(grounded("Acme Corp", &["Acme", "Corp"]), Ok(false));
    }

    #[test]
    fn repetitive_texts_take_linear_time() {
        let text = "a ".repeat(FUNCTION_TEXT_BYTES_MAX / 2);
        let value = format!("{}b", "a ".repeat(FUNCTION_TEXT_BYTES_MAX / 4));
        assert_eq!(grounded(&value, &[&text]), Ok(false));
        let joined = "a".repeat(FUNCTION_TEXT_BYTES_MAX);
        assert_eq!(grounded("aa", &[&joined]), Ok(false));
        let dots = format!("a{}x", ".".repeat(FUNCTION_TEXT_BYTES_MAX - 2));
        assert_eq!(grounded("a.", &[&dots]), Ok(false));
    }

    #[test]
    fn a_text_over_the_limit_is_an_error_wherever_it_stands() {
        let long = "a ".repeat(FUNCTION_TEXT_BYTES_MAX);
        assert!(grounded("acme", &["acme", &long]).is_err());
        assert!(grounded("", &[&long]).is_err());
    }
}
