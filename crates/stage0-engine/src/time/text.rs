//! Times from and to text: RFC 3339 timestamps and CEL's durations.
//!
//! Both readers take a fixed number of passes over the text and refuse what they would have to
//! round. Zones by name are not read here: a timestamp's offset says all.

use super::TimeError;
use super::calendar::{self, MS_PER_DAY, MS_PER_SECOND};
use super::{Civil, Timestamp};

/// Digits after the second's point: nanoseconds, as other systems write them.
const FRACTION_DIGITS_MAX: usize = 9;

const NS_PER_MS: i128 = 1_000_000;
const NS_PER_SECOND: i128 = 1_000_000_000;

/// Decimals of a duration, the zeros at their end apart. A day has 86,400 x 10^9 nanoseconds, which
/// 10^16 and its factors divide but no greater power of ten: more decimals are never whole ones.
const DURATION_DECIMALS_MAX: usize = 16;

/// Whether a duration may be given in days of 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Days {
    Accepted,
    Refused,
}

/// Milliseconds since the epoch; whether they are in range is the caller's question.
pub(super) fn parse_timestamp(text: &[u8]) -> Result<i64, TimeError> {
    #[rustfmt::skip]
    let &[
        y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't',
        h1, h2, b':', n1, n2, b':', s1, s2, ref rest @ ..
    ] = text else {
        return Err(TimeError::TimestampSyntax);
    };
    let year = two(y1, y2)?
        .saturating_mul(100)
        .saturating_add(two(y3, y4)?);
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hours, minutes, seconds) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    let (ms, rest) = match rest {
        [b'.', rest @ ..] => fraction_ms(rest)?,
        _ => (0, rest),
    };
    let offset_s = match rest {
        [b'Z' | b'z'] => 0,
        [] => return Err(TimeError::NoOffset),
        _ => i64::from(parse_offset(rest)?),
    };
    let is_date =
        (1..=12).contains(&month) && (1..=calendar::days_in_month(year, month)).contains(&day);
    if !is_date || hours > 23 || minutes > 59 || seconds > 60 {
        return Err(TimeError::NoSuchTime);
    }
    if seconds == 60 {
        return Err(TimeError::LeapSecond);
    }
    let seconds = hours
        .saturating_mul(3_600)
        .saturating_add(minutes.saturating_mul(60))
        .saturating_add(seconds)
        .saturating_sub(offset_s);
    Ok(calendar::days_of_date(year, month, day)
        .saturating_mul(MS_PER_DAY)
        .saturating_add(seconds.saturating_mul(MS_PER_SECOND))
        .saturating_add(ms))
}

/// Seconds ahead of UTC of an offset such as `+05:30`.
pub(super) fn parse_offset(text: &[u8]) -> Result<i32, TimeError> {
    let &[sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] = text else {
        return Err(TimeError::TimestampSyntax);
    };
    let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
    if hours > 23 || minutes > 59 {
        return Err(TimeError::NoSuchTime);
    }
    let seconds = hours
        .saturating_mul(3_600)
        .saturating_add(minutes.saturating_mul(60));
    let seconds = i32::try_from(seconds).unwrap_or(0);
    Ok(if sign == b'-' {
        seconds.saturating_neg()
    } else {
        seconds
    })
}

/// The milliseconds of a second's decimals, and what follows them.
fn fraction_ms(text: &[u8]) -> Result<(i64, &[u8]), TimeError> {
    let (digits, rest) = split_digits(text);
    if digits.is_empty() {
        return Err(TimeError::TimestampSyntax);
    }
    let (coarse, fine) = digits.split_at_checked(3).unwrap_or((digits, &[]));
    if digits.len() > FRACTION_DIGITS_MAX || fine.iter().any(|digit| *digit != b'0') {
        return Err(TimeError::TooPrecise);
    }
    let place = |index: usize, value: i64| {
        let digit = coarse.get(index).map_or(0, |byte| byte.wrapping_sub(b'0'));
        i64::from(digit).saturating_mul(value)
    };
    let ms = place(0, 100)
        .saturating_add(place(1, 10))
        .saturating_add(place(2, 1));
    Ok((ms, rest))
}

/// Two digits as a number.
fn two(tens: u8, units: u8) -> Result<i64, TimeError> {
    let (tens, units) = (tens.wrapping_sub(b'0'), units.wrapping_sub(b'0'));
    if tens > 9 || units > 9 {
        return Err(TimeError::TimestampSyntax);
    }
    Ok(i64::from(tens)
        .saturating_mul(10)
        .saturating_add(units.into()))
}

/// The digits at the start of a text, and the rest.
fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at_checked(count).unwrap_or((text, &[]))
}

/// Hands over the canonical text, which lives on the stack.
pub(super) fn with_canonical_timestamp<R>(timestamp: Timestamp, take: impl FnOnce(&str) -> R) -> R {
    let civil @ Civil {
        year,
        hours,
        minutes,
        seconds,
        milliseconds,
        ..
    } = timestamp.civil(0);
    let [y1, y2, y3, y4] = four_digits(year.unsigned_abs());
    let [_, _, m1, m2] = four_digits(u32::from(civil.month).saturating_add(1));
    let [_, _, d1, d2] = four_digits(civil.date().into());
    let [_, _, h1, h2] = four_digits(hours.into());
    let [_, _, n1, n2] = four_digits(minutes.into());
    let [_, _, s1, s2] = four_digits(seconds.into());
    let [_, f1, f2, f3] = four_digits(milliseconds.into());
    #[rustfmt::skip]
    let with_ms = [
        y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T',
        h1, h2, b':', n1, n2, b':', s1, s2, b'.', f1, f2, f3, b'Z',
    ];
    #[rustfmt::skip]
    let without_ms = [
        y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T',
        h1, h2, b':', n1, n2, b':', s1, s2, b'Z',
    ];
    let text: &[u8] = if milliseconds == 0 {
        &without_ms
    } else {
        &with_ms
    };
    take(std::str::from_utf8(text).unwrap_or_default())
}

/// The last four decimal digits in ASCII.
fn four_digits(n: u32) -> [u8; 4] {
    [n / 1_000, n / 100, n / 10, n].map(|n| {
        let digit = u8::try_from(n % 10).unwrap_or(0);
        b'0'.wrapping_add(digit)
    })
}

/// The milliseconds of a duration; whether they are in range is the caller's question.
pub(super) fn parse_duration(text: &str, days: Days) -> Result<i64, TimeError> {
    let (is_negative, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if unsigned == b"0" {
        return Ok(0);
    }
    let (mut total_ns, mut rest) = parse_component(unsigned, days)?;
    while !rest.is_empty() {
        let (component_ns, behind) = parse_component(rest, days)?;
        total_ns = total_ns.saturating_add(component_ns);
        rest = behind;
    }
    let ms = i64::try_from(total_ns / NS_PER_MS).map_err(|_| TimeError::OutOfRange)?;
    if total_ns % NS_PER_MS != 0 {
        return Err(TimeError::TooPrecise);
    }
    Ok(if is_negative { ms.saturating_neg() } else { ms })
}

/// The nanoseconds of one number with its unit, and what follows it.
fn parse_component(text: &[u8], days: Days) -> Result<(i128, &[u8]), TimeError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => match split_digits(rest) {
            ([], _) => return Err(TimeError::DurationSyntax),
            found => found,
        },
        _ => (&[] as &[u8], rest),
    };
    // The longest unit that fits: the `m` of `ms` is not a minute.
    let (unit_ns, rest) = match rest {
        [b'n', b's', rest @ ..] => (1, rest),
        [b'u', b's', rest @ ..] => (1_000, rest),
        [b'm', b's', rest @ ..] => (NS_PER_MS, rest),
        [b's', rest @ ..] => (NS_PER_SECOND, rest),
        [b'm', rest @ ..] => (NS_PER_SECOND.saturating_mul(60), rest),
        [b'h', rest @ ..] => (NS_PER_SECOND.saturating_mul(3_600), rest),
        [b'd', rest @ ..] if days == Days::Accepted => (NS_PER_SECOND.saturating_mul(86_400), rest),
        _ => return Err(TimeError::DurationSyntax),
    };
    if whole.is_empty() {
        return Err(TimeError::DurationSyntax);
    }
    // What saturates is out of range, as the caller will see.
    let whole_ns = number_of(whole).saturating_mul(unit_ns);

    let zeros = fraction
        .iter()
        .rev()
        .take_while(|digit| **digit == b'0')
        .count();
    let significant = fraction.len().saturating_sub(zeros);
    let decimals = fraction.get(..significant).unwrap_or(fraction);
    if decimals.len() > DURATION_DECIMALS_MAX {
        return Err(TimeError::TooPrecise);
    }
    let scale = decimals
        .iter()
        .fold(1_i128, |scale, _| scale.saturating_mul(10));
    let scaled_ns = number_of(decimals).saturating_mul(unit_ns);
    if scaled_ns.checked_rem(scale) != Some(0) {
        return Err(TimeError::TooPrecise);
    }
    let fraction_ns = scaled_ns.checked_div(scale).unwrap_or(0);
    Ok((whole_ns.saturating_add(fraction_ns), rest))
}

/// Digits as a number, as far as it goes.
fn number_of(digits: &[u8]) -> i128 {
    digits.iter().fold(0, |n: i128, digit| {
        n.saturating_mul(10)
            .saturating_add(i128::from(digit.wrapping_sub(b'0')))
    })
}
