//! Exact decimals: the only numbers that conditions, limits and counters know.
//!
//! A number is read from its text, computed with and written again without ever passing through a
//! binary float, so that every host gives the same answer to the same digit. An operation whose
//! result has no exact representation is an error, never a rounding; division alone rounds, by one
//! documented rule. What is not here: precision settings, infinities and other rounding modes.
//!
//! Comparing and parsing lie on the path of every decision. Numbers whose digits fit 64 bits,
//! which is nearly all of them, take short paths; the general ones need no big integers either.

use std::cmp::Ordering;
use std::fmt;

use crate::limits::{NUMBER_DIGITS_MAX, NUMBER_SCALE_MAX};

mod arithmetic;
#[cfg(test)]
mod tests;
mod text;

/// An exact decimal: `n` x 10^-`scale` with |n| < 10^28 and 0 <= scale <= 28.
///
/// ```
/// use stage0_engine::number::Number;
///
/// let tenth = Number::parse("0.1")?;
/// let fifth = Number::parse("0.20")?;
/// assert_eq!(tenth.checked_add(fifth)?, Number::parse("0.3")?);
/// assert_eq!(fifth.to_string(), "0.2");
/// # Ok::<(), stage0_engine::number::NumberError>(())
/// ```
// INVARIANT: `n` has no trailing zero unless the scale is 0. Each value thus has one representation,
// and the derived equality and hash are those of the value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    /// The lower 64 bits of `n` in two's complement.
    lo: u64,
    /// The upper bits of `n`: 10^28 needs 94.
    hi: i32,
    scale: u8,
}

// Values of conditions are copied by the million: 16 bytes, and 24 for an enum around them.
const _: () = assert!(size_of::<Number>() == 16 && align_of::<Number>() == 8);
const _: () = assert!(size_of::<Option<Number>>() == 24);

/// Why there is no such number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NumberError {
    /// The text is not a JSON number.
    Syntax,
    /// The text is a number that needs more than 28 significant digits or more than 28 decimals.
    TooManyDigits,
    /// The result needs more than 28 significant digits or more than 28 decimals.
    Overflow,
    /// The divisor is zero.
    DivisionByZero,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not a JSON number",
            Self::TooManyDigits => "more than 28 significant digits or 28 decimals",
            Self::Overflow => "the result needs more than 28 significant digits or 28 decimals",
            Self::DivisionByZero => "division by zero",
        })
    }
}

impl std::error::Error for NumberError {}

/// 10^0 to 10^28.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses an index out of bounds"
)]
const POWERS: [i128; NUMBER_DIGITS_MAX as usize + 1] = {
    let mut powers = [1; NUMBER_DIGITS_MAX as usize + 1];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// 10^0 to 10^18, those that fit an `i64`: a product of two such words is one instruction.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses an index out of bounds"
)]
const SMALL_POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// One more than the greatest |n|.
const BOUND: i128 = 10_i128.pow(NUMBER_DIGITS_MAX);
const BOUND_MAGNITUDE: u128 = BOUND.unsigned_abs();

/// 10^`exponent`; callers stay within 0 to 28.
fn power(exponent: u32) -> i128 {
    POWERS.get(exponent as usize).copied().unwrap_or(BOUND)
}

impl Number {
    /// The number 0.
    pub const ZERO: Self = Self::from_i64(0);
    /// The number 1.
    pub const ONE: Self = Self::from_i64(1);

    /// The number that a JSON number text (RFC 8259) stands for, exactly.
    ///
    /// Takes time linear in the text, whatever the exponent.
    ///
    /// # Errors
    /// `Syntax` for a text outside the grammar, which includes leading or trailing space, a leading
    /// `+` and leading zeros; `TooManyDigits` for a value that is not representable.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        text::parse(text)
    }

    /// This integer.
    #[expect(
        clippy::cast_sign_loss,
        reason = "splits two's complement into its lower word and its sign"
    )]
    pub const fn from_i64(n: i64) -> Self {
        Self {
            lo: n as u64,
            hi: (n >> 63) as i32,
            scale: 0,
        }
    }

    /// This integer.
    pub const fn from_u64(n: u64) -> Self {
        Self {
            lo: n,
            hi: 0,
            scale: 0,
        }
    }

    /// The number `n` x 10^-`scale`.
    ///
    /// # Errors
    /// `TooManyDigits` when it is not representable.
    pub fn from_i128(n: i128, scale: u32) -> Result<Self, NumberError> {
        Self::normalised(n, scale).ok_or(NumberError::TooManyDigits)
    }

    /// The same value as an integer, if it is one and fits.
    pub fn to_i64(self) -> Option<i64> {
        self.small().filter(|_| self.is_integral())
    }

    /// Whether the value has no fraction.
    pub const fn is_integral(self) -> bool {
        self.scale == 0
    }

    /// Whether the value is below zero.
    pub const fn is_negative(self) -> bool {
        self.hi < 0
    }

    /// Whether the value is zero.
    pub const fn is_zero(self) -> bool {
        self.lo == 0 && self.hi == 0
    }

    /// The number with the other sign; zero stays zero.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "callers lint against arithmetic operators, which elsewhere can overflow"
    )]
    pub fn neg(self) -> Self {
        Self::pack(self.mantissa().saturating_neg(), self.scale)
    }

    /// The distance from zero.
    #[must_use]
    pub fn abs(self) -> Self {
        if self.is_negative() { self.neg() } else { self }
    }

    /// Appends the canonical text: no exponent, no trailing zeros, no `-0`.
    pub fn write_to(self, out: &mut String) {
        text::write(self, out);
    }

    /// The order against a number with more decimals.
    fn compare_to_finer(self, fine: Self) -> Ordering {
        let places = fine.scale.saturating_sub(self.scale);
        if let (Some(a), Some(b)) = (self.small(), fine.small())
            && let Some(power) = SMALL_POWERS.get(usize::from(places))
        {
            // 2^63 x 10^18 is far from wrapping.
            return i128::from(a)
                .wrapping_mul(i128::from(*power))
                .cmp(&i128::from(b));
        }
        // What saturates has a greater magnitude than every `fine`.
        self.mantissa()
            .saturating_mul(power(u32::from(places)))
            .cmp(&fine.mantissa())
    }

    fn mantissa(self) -> i128 {
        (i128::from(self.hi) << 64) | i128::from(self.lo)
    }

    /// The mantissa, if it fits a word.
    #[expect(
        clippy::cast_possible_wrap,
        reason = "two's complement; the upper bits are compared with the sign"
    )]
    const fn small(self) -> Option<i64> {
        let n = self.lo as i64;
        if (n >> 63) as i32 == self.hi {
            Some(n)
        } else {
            None
        }
    }

    /// A word, whose trailing zeros are dropped from the decimals.
    fn from_small(mut n: i64, mut scale: u8) -> Self {
        // An odd number has no trailing zero: half of all numbers need no division.
        while scale > 0 && n % 2 == 0 && n % 10 == 0 {
            n /= 10;
            scale = scale.saturating_sub(1);
        }
        Self {
            scale,
            ..Self::from_i64(n)
        }
    }

    /// The number without trailing zeros in its decimals, if it is representable.
    fn normalised(mut n: i128, mut scale: u32) -> Option<Self> {
        if n == 0 {
            return Some(Self::ZERO);
        }
        if let (Ok(small), Ok(scale)) = (i64::try_from(n), u8::try_from(scale)) {
            let number = Self::from_small(small, scale);
            return (u32::from(number.scale) <= NUMBER_SCALE_MAX).then_some(number);
        }
        while scale > 0 && n % 2 == 0 && n % 10 == 0 {
            n /= 10;
            scale = scale.saturating_sub(1);
        }
        Self::checked(n, u8::try_from(scale).ok()?)
    }

    /// A number already without trailing zeros, if it is representable.
    fn checked(n: i128, scale: u8) -> Option<Self> {
        (n.unsigned_abs() < BOUND_MAGNITUDE && u32::from(scale) <= NUMBER_SCALE_MAX)
            .then(|| Self::pack(n, scale))
    }

    /// Callers have checked the range.
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "splits two's complement into a lower and an upper word; |n| is below 10^28"
    )]
    fn pack(n: i128, scale: u8) -> Self {
        Self {
            lo: n as u64,
            hi: (n >> 64) as i32,
            scale,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.hi.cmp(&other.hi).then(self.lo.cmp(&other.lo));
        }
        if self.scale > other.scale {
            return other.compare_to_finer(*self).reverse();
        }
        self.compare_to_finer(*other)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Default for Number {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::with_canonical(self.abs(), |digits| {
            f.pad_integral(!self.is_negative(), "", digits)
        })
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
