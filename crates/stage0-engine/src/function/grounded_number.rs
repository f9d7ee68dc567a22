//! `grounded_number(value, texts)`: did a person write this number?
//!
//! # Contract
//! The texts are what the user or operator wrote. A number is grounded if a word of one of them has
//! the same value: an optional `-`, an optional currency sign on either side, digits in groups of
//! three with commas or without groups, and a decimal point. So `1250.5` is grounded by `1,250.50`,
//! `1250.50`, `1250.5`, `$1,250.50` and `1250.50 EUR`. Brackets, quotes and closing punctuation around it
//! do not count. What two readers could take for two numbers is not matched at all:
//! - `1.250` (1250 in much of Europe), `1.250,50`, `1'250`
//! - `1 250`: neither 1 nor 250 nor 1250
//! - `007`, `.5`, `1e3`, `USD500`, `500k`, `500 million`, `5%`, and digits that are not ASCII
//!
//! # Attacks stopped
//! - an amount that came from a tool's output, a web page or the model itself
//! - a part of a number (`250` of `1,250`), a shifted decimal point, a dropped sign
//!
//! # What it cannot stop
//! It knows neither unit nor purpose: an amount meant for one payee grounds it for another, and a year
//! or a house number grounds an amount. The magnitude words it minds are English.

use super::characters::{is_closing, is_separator};
use super::{FunctionError, bounded};

const NOT_CANONICAL: FunctionError = FunctionError::new("the value is not a plain decimal number");

/// Signs that may stand before or behind an amount. The cent is not one: it changes the value.
const CURRENCY_SIGNS: [char; 6] = ['$', '\u{20ac}', '\u{a3}', '\u{a5}', '\u{20b9}', '\u{20a9}'];

/// Words behind a number that make another number of it.
const MAGNITUDES: [&str; 14] = [
    "%", "b", "billion", "bn", "hundred", "k", "m", "million", "mn", "percent", "t", "thousand",
    "tn", "trillion",
];

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
    for text in texts {
        bounded(text)?;
    }
    Ok(texts.iter().any(|text| is_written_in(text, &wanted)))
}

fn is_written_in(text: &str, wanted: &Written<'_>) -> bool {
    let mut words = text.split_whitespace().peekable();
    let mut before = "";
    while let Some(word) = words.next() {
        let after = words.peek().copied().unwrap_or("");
        let stands_alone =
            !is_grouped(before, word) && !is_grouped(word, after) && !is_magnitude(after);
        if stands_alone && Written::parse(word).is_some_and(|written| written.equals(wanted)) {
            return true;
        }
        before = word;
    }
    false
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

    #[test]
    fn texts_are_not_joined() {
        assert_eq!(grounded_number("1250", &["1,", "250"]), Ok(false));
        assert_eq!(grounded_number("1", &[]), Ok(false));
    }

    #[test]
    fn a_text_over_the_limit_is_an_error_wherever_it_stands() {
        let fits = "2 ".repeat(FUNCTION_TEXT_BYTES_MAX / 2);
        assert_eq!(grounded_number("1", &[&fits]), Ok(false));
        let long = format!("{fits}2");
        assert!(grounded_number("1", &["1", &long]).is_err());
    }
}
