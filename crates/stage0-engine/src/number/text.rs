//! Numbers from and to text: the grammar of JSON numbers, and the canonical form.
//!
//! Both directions are exact and each canonical text reads back as the same number. The text of a
//! request may be hostile, so reading takes time linear in it and memory for nothing: an exponent
//! is only ever compared, never raised to.

use super::{Number, NumberError, POWERS};
use crate::limits::NUMBER_DIGITS_MAX;

/// Bytes of the longest canonical text: a sign, `0.` and 28 decimals.
const TEXT_BYTES_MAX: usize = 31;

/// Bytes of a text, sign apart, whose digits fit an `i64` whatever they are.
const SHORT_BYTES_MAX: usize = 18;

/// Where an exponent stops counting: beyond every request's length, far from overflow.
const EXPONENT_MAX: i64 = 1_000_000_000_000;

pub(super) fn parse(text: &str) -> Result<Number, NumberError> {
    match parse_short(text.as_bytes()) {
        Some(number) => Ok(number),
        None => parse_any(text.as_bytes()),
    }
}

/// Reads a short number without exponent, as nearly all are; whatever else the text is, `None`.
fn parse_short(text: &[u8]) -> Option<Number> {
    let (is_negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if unsigned.len() > SHORT_BYTES_MAX || matches!(unsigned, [b'0', b'0'..=b'9', ..]) {
        return None;
    }
    let (n, rest) = take_digits(0, unsigned);
    if rest.len() == unsigned.len() {
        return None;
    }
    let (n, scale) = match rest {
        [] => (n, 0),
        [b'.', decimals @ ..] => match take_digits(n, decimals) {
            (n, []) if !decimals.is_empty() => (n, u8::try_from(decimals.len()).ok()?),
            _ => return None,
        },
        _ => return None,
    };
    let n = if is_negative { n.wrapping_neg() } else { n };
    Some(Number::from_small(n, scale))
}

/// Appends the digits at the start of a short text to a number; also what follows them.
fn take_digits(mut n: i64, mut text: &[u8]) -> (i64, &[u8]) {
    while let [byte @ b'0'..=b'9', rest @ ..] = text {
        // 18 digits stay below 10^18.
        n = n
            .wrapping_mul(10)
            .wrapping_add(i64::from(byte.wrapping_sub(b'0')));
        text = rest;
    }
    (n, text)
}

/// Reads any number.
fn parse_any(text: &[u8]) -> Result<Number, NumberError> {
    let (is_negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (integer, rest) = digits(unsigned);
    if integer.is_empty() || matches!(integer, [b'0', _, ..]) {
        return Err(NumberError::Syntax);
    }
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => match digits(rest) {
            ([], _) => return Err(NumberError::Syntax),
            found => found,
        },
        _ => (&[] as &[u8], rest),
    };
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', rest @ ..] => parse_exponent(rest)?,
        _ => return Err(NumberError::Syntax),
    };

    // The value is `n` x 10^`exponent`, where `n` starts and ends with a digit other than 0.
    let all = || integer.iter().chain(fraction);
    let count = integer.len().saturating_add(fraction.len());
    let leading = all().take_while(|digit| **digit == b'0').count();
    if leading == count {
        return Ok(Number::ZERO);
    }
    let trailing = all().rev().take_while(|digit| **digit == b'0').count();
    let significant = count.saturating_sub(leading).saturating_sub(trailing);
    if significant > NUMBER_DIGITS_MAX as usize {
        return Err(NumberError::TooManyDigits);
    }
    let n = all()
        .skip(leading)
        .take(significant)
        .fold(0_i128, |n, digit| append(n, *digit));
    let exponent = exponent
        .saturating_add(length(trailing))
        .saturating_sub(length(fraction.len()));

    let n = if is_negative { n.saturating_neg() } else { n };
    if exponent < 0 {
        // No zero ends `n`: it is normalised whatever the scale.
        let scale = u8::try_from(exponent.unsigned_abs()).ok();
        scale.and_then(|scale| Number::checked(n, scale))
    } else {
        let power = usize::try_from(exponent).ok().and_then(|it| POWERS.get(it));
        power.and_then(|power| Number::checked(n.saturating_mul(*power), 0))
    }
    .ok_or(NumberError::TooManyDigits)
}

/// A number with one more digit at its end; 28 digits are far from saturating.
fn append(n: i128, digit: u8) -> i128 {
    n.saturating_mul(10)
        .saturating_add(i128::from(digit.wrapping_sub(b'0')))
}

/// A count of digits as an exponent.
fn length(digits: usize) -> i64 {
    i64::try_from(digits).unwrap_or(EXPONENT_MAX)
}

/// The digits at the start of a text, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at_checked(count).unwrap_or((text, &[]))
}

/// The exponent after its `e`, cut at [`EXPONENT_MAX`] in both directions.
fn parse_exponent(text: &[u8]) -> Result<i64, NumberError> {
    let (is_negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let ([_, ..], []) = digits(unsigned) else {
        return Err(NumberError::Syntax);
    };
    let magnitude = unsigned.iter().fold(0_i64, |magnitude, byte| {
        magnitude
            .saturating_mul(10)
            .saturating_add(i64::from(byte.wrapping_sub(b'0')))
            .min(EXPONENT_MAX)
    });
    Ok(if is_negative {
        magnitude.saturating_neg()
    } else {
        magnitude
    })
}

/// Appends the canonical text.
pub(super) fn write(number: Number, out: &mut String) {
    // Counts and points are mostly one or two digits.
    if number.scale == 0 && number.hi == 0 && number.lo < 100 {
        if number.lo >= 10 {
            out.push(digit(number.lo / 10));
        }
        out.push(digit(number.lo));
    } else {
        with_canonical(number, |text| out.push_str(text));
    }
}

/// The last digit of a number.
#[inline]
fn digit(n: u64) -> char {
    char::from(b'0'.wrapping_add((n % 10) as u8))
}

/// Hands over the canonical text, which lives on the stack.
#[inline]
pub(super) fn with_canonical<R>(number: Number, take: impl FnOnce(&str) -> R) -> R {
    let mut buffer = Buffer::default();
    match number.small() {
        Some(n) if number.scale == 0 => {
            buffer.put_integer(n.unsigned_abs());
            if n < 0 {
                buffer.put(b'-');
            }
        }
        _ => buffer.put_any(number),
    }
    take(buffer.text())
}

/// A text that is written from its end to its beginning.
struct Buffer {
    bytes: [u8; TEXT_BYTES_MAX],
    start: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            bytes: [0; TEXT_BYTES_MAX],
            start: TEXT_BYTES_MAX,
        }
    }
}

impl Buffer {
    #[inline]
    fn put(&mut self, byte: u8) {
        self.start = self.start.saturating_sub(1);
        if let Some(place) = self.bytes.get_mut(self.start) {
            *place = byte;
        }
    }

    /// Puts the digits of an integer, two with each division.
    #[inline]
    fn put_integer(&mut self, mut n: u64) {
        while n >= 100 {
            self.put_pair((n % 100) as u8);
            n /= 100;
        }
        if n >= 10 {
            self.put_pair((n % 100) as u8);
        } else {
            self.put(b'0'.wrapping_add((n % 10) as u8));
        }
    }

    #[inline]
    fn put_pair(&mut self, below_100: u8) {
        let tens_and_ones = [below_100 / 10, below_100 % 10].map(|digit| b'0'.wrapping_add(digit));
        self.start = self.start.saturating_sub(2);
        let places = self.bytes.get_mut(self.start..);
        if let Some(places) = places.and_then(<[u8]>::first_chunk_mut) {
            *places = tens_and_ones;
        }
    }

    fn put_any(&mut self, number: Number) {
        // Two words of 14 digits hold all digits, and 64-bit divisions take them apart.
        const WORD: u128 = 100_000_000_000_000;
        const SHORT_WORD: u64 = 100_000_000_000_000;
        const WORD_DIGITS: u8 = 14;

        let magnitude = number.mantissa().unsigned_abs();
        let (mut upper, mut rest) = match u64::try_from(magnitude) {
            Ok(n) => (n / SHORT_WORD, n % SHORT_WORD),
            Err(_) => (low_word(magnitude / WORD), low_word(magnitude % WORD)),
        };
        // From the last digit to the first; at least one stands before the point.
        let mut position = 0_u8;
        while rest != 0 || upper != 0 || position <= number.scale {
            if position == number.scale && position != 0 {
                self.put(b'.');
            }
            self.put(b'0'.wrapping_add((rest % 10) as u8));
            rest /= 10;
            position = position.saturating_add(1);
            if position == WORD_DIGITS {
                (upper, rest) = (0, upper);
            }
        }
        if number.is_negative() {
            self.put(b'-');
        }
    }

    #[inline]
    fn text(&self) -> &str {
        let text = self.bytes.get(self.start..).unwrap_or_default();
        // INVARIANT: digits, a point and a sign are ASCII, so the fallback is never taken.
        std::str::from_utf8(text).unwrap_or_default()
    }
}

/// The lower 64 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "halves of 28 digits have 14 and fit"
)]
fn low_word(n: u128) -> u64 {
    n as u64
}
