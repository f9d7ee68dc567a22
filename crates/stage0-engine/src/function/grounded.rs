//! `grounded(value, texts)` and `grounded_number(value, texts)`: did a person write this value?
//!
//! # Contract
//! The texts are what the user or operator wrote. A value is grounded if it occurs in one of them as a
//! whole token:
//! - Runs of white space count as one space, at the ends as nothing. Otherwise characters compare as
//!   they are (no Unicode normalisation), except that a value which is a bare e-mail address or a
//!   domain name of two labels or more is compared without ASCII case.
//! - On its left stands the beginning, white space, a bracket, a double quote, `|`, or an apostrophe that
//!   follows one of these.
//! - On its right stands the end, white space, a bracket, a double quote, `|`, or a run of
//!   `. , : ; ! ? '` (or their wide forms) that is followed by one of these.
//! - Anything else beside it continues a larger token. So `acme.com` is not grounded by
//!   `acme.com.evil.org`, `ana@acme.com`, `https://acme.com` or `acme.com's`, nor `500` by `1500`, `500.01`,
//!   `500,000`, `-500` or `$500`.
//!
//! A number is grounded if a text has it as a token with the same value, written with an optional `-`,
//! an optional currency sign on either side, groups of three digits with commas or none, and a decimal
//! point: `1,250.50`, `1250.50`, `1250.5`, `$1,250.50`, `1250.50 EUR`. Brackets, quotes and closing
//! punctuation around it do not count. What two readers could take for two numbers does not match:
//! `1.250` (also 1250 in Europe), `1 250` (neither 1 nor 250), `1.250,50`, `1'250`, `007`, `500k`, `500 million`, `5%`.
//!
//! # Attacks stopped
//! - a recipient, address or amount that came from a tool's output, a web page or the model itself
//! - a longer token that contains the right one, and a part of one that the user did write
//! - invisible, bidi and control characters in the value; look-alikes from other scripts
//!
//! # What it cannot stop
//! It finds words, not intentions: "do not pay acme" grounds `acme`, an amount meant for one payee
//! grounds it for another, and a short common word is grounded by almost any text. It is for values that
//! identify something: addresses, account numbers, paths, amounts. Whoever can get text into the user's
//! message (a pasted page, a forwarded mail) grounds what it says.

use core::iter;

use super::characters::{is_control, is_invisible};
use super::{FunctionError, bounded, domain_name, email_domain};

const NOT_CANONICAL: FunctionError = FunctionError::new("the value is not a plain decimal number");

/// Signs that may stand before or behind an amount. The cent is not one: it changes the value.
const CURRENCY_SIGNS: [char; 6] = ['$', '\u{20ac}', '\u{a3}', '\u{a5}', '\u{20b9}', '\u{20a9}'];

/// Words behind a number that make another number of it.
const MAGNITUDES: [&str; 14] = [
    "%", "b", "billion", "bn", "hundred", "k", "m", "million", "mn", "percent", "t", "thousand",
    "tn", "trillion",
];

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
    let failures = Failures::of(value.as_bytes());
    let mut is_found = false;
    for text in texts {
        let text = bounded(text)?;
        if can_be_grounded && !is_found {
            is_found = occurs(&value, &failures, &normalised(text, is_caseless));
        }
    }
    Ok(is_found)
}

/// Whether one of the texts has a number equal to `value`, which is a canonical decimal: no exponent,
/// no superfluous zeros, no `-0`.
///
/// ```
/// use stage0_engine::function::grounded_number;
///
/// assert_eq!(grounded_number("1250.5", &["pay them $1,250.50."]), Ok(true));
/// assert_eq!(grounded_number("250.5", &["pay them $1,250.50."]), Ok(false));
/// ```
///
/// # Errors
/// The value is not a canonical decimal, or a text is too long.
pub fn grounded_number(value: &str, texts: &[&str]) -> Result<bool, FunctionError> {
    let wanted = Written::canonical(bounded(value)?).ok_or(NOT_CANONICAL)?;
    let mut is_found = false;
    for text in texts {
        let words = || bounded(text).map(str::split_whitespace);
        let before = iter::once("").chain(words()?);
        let after = words()?.skip(1).chain(iter::once(""));
        is_found = is_found
            || words()?
                .zip(before)
                .zip(after)
                .any(|((word, before), after)| {
                    !is_grouped(before, word)
                        && !is_grouped(word, after)
                        && !is_magnitude(after)
                        && Written::parse(word).is_some_and(|written| written.equals(&wanted))
                });
    }
    Ok(is_found)
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

/// Whether a character can belong to no token.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '"' | '`' | '|'
                // quotation marks
                | '\u{ab}' | '\u{bb}' | '\u{201c}'..='\u{201f}' | '\u{2039}' | '\u{203a}'
                // brackets and quotation marks of Chinese, Japanese and Korean
                | '\u{3008}'..='\u{3011}' | '\u{ff08}' | '\u{ff09}' | '\u{ff02}'
                // opening marks of Spanish
                | '\u{a1}' | '\u{bf}'
        )
}

/// Whether a character closes a sentence, a clause or a quotation where a token has ended, although it
/// may stand inside a token too.
fn is_closing(character: char) -> bool {
    matches!(
        character,
        '.' | ','
            | ':'
            | ';'
            | '!'
            | '?'
            | '\''
            | '\u{2019}'
            | '\u{2026}'
            | '\u{3001}'
            | '\u{3002}'
            | '\u{ff01}'
            | '\u{ff0c}'
            | '\u{ff1a}'
            | '\u{ff1b}'
            | '\u{ff1f}'
    )
}

/// Whether a token can begin behind this text.
fn begins_token(before: &str) -> bool {
    let before = before
        .strip_suffix(['\'', '\u{2018}', '\u{2019}'])
        .unwrap_or(before);
    before.chars().next_back().is_none_or(is_separator)
}

/// Whether a token can end before this text.
fn ends_token(after: &str) -> bool {
    let after = after.trim_start_matches(is_closing);
    after.chars().next().is_none_or(is_separator)
}

fn occurs(value: &str, failures: &Failures, text: &str) -> bool {
    failures
        .ends_in(value.as_bytes(), text.as_bytes())
        .any(|end| {
            // Both are valid UTF-8, so an occurrence begins and ends between characters.
            let before = end
                .checked_sub(value.len())
                .and_then(|start| text.get(..start));
            let after = text.get(end..);
            before.is_some_and(begins_token) && after.is_some_and(ends_token)
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

/// A number as it is written: digits without superfluous zeros, the integer part perhaps in groups.
struct Written<'a> {
    is_negative: bool,
    integer: &'a str,
    fraction: &'a str,
}

impl<'a> Written<'a> {
    fn canonical(value: &'a str) -> Option<Self> {
        let (is_negative, digits) = match value.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, value),
        };
        let written = Self::digits(is_negative, digits)?;
        let is_zero = written.integer == "0" && written.fraction.is_empty();
        let is_canonical = is_digits(written.integer)
            && digits.len() == written.len()
            && !(is_negative && is_zero);
        is_canonical.then_some(written)
    }

    fn parse(word: &'a str) -> Option<Self> {
        let word = word
            .trim_start_matches(|c| is_separator(c) || matches!(c, '\'' | '\u{2018}'))
            .trim_end_matches(|c| is_separator(c) || is_closing(c));
        let word = word.strip_suffix(CURRENCY_SIGNS).unwrap_or(word);
        let (sign, unsigned) = strip_minus(word);
        let unsigned = unsigned.strip_prefix(CURRENCY_SIGNS).unwrap_or(unsigned);
        let (inner_sign, digits) = strip_minus(unsigned);
        if sign && inner_sign {
            return None;
        }
        // A European thousand looks like three decimals.
        let is_ambiguous = digits.split_once('.').is_some_and(|(integer, fraction)| {
            fraction.len() == 3 && integer.len() <= 3 && integer != "0"
        });
        if is_ambiguous {
            return None;
        }
        Self::digits(sign || inner_sign, digits)
    }

    fn digits(is_negative: bool, text: &'a str) -> Option<Self> {
        let (integer, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        let is_written = is_integer(integer) && fraction.bytes().all(|b| b.is_ascii_digit());
        is_written.then(|| Self {
            is_negative,
            integer,
            fraction: fraction.trim_end_matches('0'),
        })
    }

    /// Bytes of the number without its sign, as it would be written canonically without groups.
    fn len(&self) -> usize {
        let point = usize::from(!self.fraction.is_empty());
        self.integer
            .len()
            .saturating_add(point)
            .saturating_add(self.fraction.len())
    }

    fn equals(&self, other: &Self) -> bool {
        let digits = |written: &Self| written.integer.bytes().filter(|b| *b != b',').collect();
        let (ours, theirs): (Vec<u8>, Vec<u8>) = (digits(self), digits(other));
        self.is_negative == other.is_negative && ours == theirs && self.fraction == other.fraction
    }
}

fn strip_minus(text: &str) -> (bool, &str) {
    match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits without leading zeros, or in groups of three after a first one of one to three.
fn is_integer(text: &str) -> bool {
    let mut groups = text.split(',');
    let first = groups.next().unwrap_or(text);
    let is_grouped = text.contains(',');
    is_digits(first)
        && (text == "0" || !first.starts_with('0'))
        && (!is_grouped || first.len() <= 3)
        && groups.all(|group| group.len() == 3 && is_digits(group))
}

/// Whether two words may be one number whose thousands are set off by a space.
fn is_grouped(word: &str, next: &str) -> bool {
    let leading = next.bytes().take_while(u8::is_ascii_digit).count();
    let trailing = word.bytes().rev().take_while(u8::is_ascii_digit).count();
    leading == 3 && (1..=3).contains(&trailing)
}

fn is_magnitude(word: &str) -> bool {
    let word = word.trim_end_matches(|c| is_separator(c) || is_closing(c));
    MAGNITUDES
        .iter()
        .any(|magnitude| word.eq_ignore_ascii_case(magnitude))
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
        assert_eq!(grounded_number("1", &[]), Ok(false));
    }

    #[test]
    fn texts_are_not_joined() {
        assert_eq!(grounded("Acme Corp", &["Acme", "Corp"]), Ok(false));
        assert_eq!(grounded_number("1250", &["1,", "250"]), Ok(false));
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
        assert_eq!(
            grounded_number("1", &[&"2 ".repeat(FUNCTION_TEXT_BYTES_MAX / 2)]),
            Ok(false)
        );
    }

    #[test]
    fn a_text_over_the_limit_is_an_error_wherever_it_stands() {
        let long = "a ".repeat(FUNCTION_TEXT_BYTES_MAX);
        assert!(grounded("acme", &["acme", &long]).is_err());
        assert!(grounded("", &[&long]).is_err());
        assert!(grounded_number("1", &["1", &long]).is_err());
    }

    #[test]
    fn a_number_is_grounded_however_it_is_written() {
        for (value, text) in [
            ("1250.5", "1,250.50"),
            ("1250.5", "1250.50"),
            ("1250.5", "1250.5"),
            ("1250.5", "pay $1,250.50 now"),
            ("1250.5", "1250.50 EUR"),
            ("1250.5", "(1250.50\u{20ac})."),
            ("1250", "1,250"),
            ("1250", "1250.00"),
            ("1250", "exactly 1250."),
            ("1250", "\u{a3}1250, please"),
            ("1250", "\"1250\""),
            ("1250000", "1,250,000!"),
            ("500", "pay 500."),
            ("500", "in 2026 500 EUR"),
            ("0", "0"),
            ("0.125", "0.125"),
            ("1234.125", "1234.125"),
            ("-500", "-500"),
            ("-500", "-$500"),
            ("-500", "$-500.00"),
            ("-500", "\u{2212}500"),
        ] {
            assert_eq!(
                grounded_number(value, &["no", text]),
                Ok(true),
                "{value} in {text:?}"
            );
        }
    }

    #[test]
    fn another_number_or_an_ambiguous_one_does_not_ground() {
        for (value, text) in [
            ("500", "1500"),
            ("500", "5000"),
            ("500", "500.01"),
            ("500", "500,000"),
            ("500", "-500"),
            ("-500", "500"),
            ("500", "--500"),
            ("500", "500k"),
            ("500", "500 k"),
            ("500", "500 million."),
            ("5", "5%"),
            ("5", "5 %"),
            ("5", "5 percent"),
            ("500", "1 500"),
            ("1", "1 500"),
            ("500", "1\u{a0}500,00"),
            ("250.5", "1 250.50"),
            ("1.25", "1.250"),
            ("1250", "1.250"),
            ("1250.5", "1.250,50"),
            ("1250.5", "1250,50"),
            ("1250", "1'250"),
            ("1250", "12,50"),
            ("1250", "1,25,0"),
            ("1250", "1,,250"),
            ("12500", "1,2500"),
            ("1250", "1250-1300"),
            ("1250", "INV1250"),
            ("1250", "#1250"),
            ("1250", "1250/2"),
            ("1250", "1250x"),
            ("1250", "1_250"),
            ("7", "007"),
            ("250", "0,250"),
            ("2026", "2026-01-05"),
            ("10", "10:30"),
            ("1", "1.2.3"),
            ("1", "1e3"),
            ("1000", "1e3"),
            ("1", "1\u{200b}"),
            ("1", "\u{ff11}"),
            ("1", "\u{661}"),
            ("0.5", ".5"),
            ("500", "500\u{a2}"),
            ("500", "$"),
            ("500", "five hundred"),
        ] {
            assert_eq!(
                grounded_number(value, &["no", text]),
                Ok(false),
                "{value} in {text:?}"
            );
        }
    }

    #[test]
    fn a_value_that_is_not_canonical_is_an_error() {
        for value in [
            "", "-", ".", "1.", ".5", "1.50", "1.0", "01", "00", "-0", "+1", "1e3", "1,250", " 1",
            "1 ", "--1", "0x1", "NaN", "\u{661}", "1.2.3", "1.-5",
        ] {
            assert_eq!(
                grounded_number(value, &["1"]),
                Err(NOT_CANONICAL),
                "{value:?}"
            );
        }
    }
}
