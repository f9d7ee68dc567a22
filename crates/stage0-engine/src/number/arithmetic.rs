//! Sums, products, quotients, remainders and rounding to integers.
//!
//! All are exact or an error, but division, which rounds by one rule. Operands of 28 digits would
//! need intermediate results of up to 84; each operation avoids them in its own way, so that 128
//! bits suffice.

use super::{Number, NumberError, power};
use crate::limits::{NUMBER_DIGITS_MAX, NUMBER_SCALE_MAX};

/// The digits that long division brings down at once: a remainder below 10^28 stays below 10^38,
/// hence within a `u128`.
const CHUNK_DIGITS: u32 = 10;

impl Number {
    /// The sum, exactly.
    ///
    /// # Errors
    /// `Overflow` when it is not representable.
    pub fn checked_add(self, other: Self) -> Result<Self, NumberError> {
        if self.scale == other.scale {
            if let (Some(a), Some(b)) = (self.small(), other.small())
                && let Some(sum) = a.checked_add(b)
            {
                return Ok(Self::from_small(sum, self.scale));
            }
            // Two numbers below 10^28 do not saturate 128 bits.
            let sum = self.mantissa().saturating_add(other.mantissa());
            return Self::normalised(sum, u32::from(self.scale)).ok_or(NumberError::Overflow);
        }
        let (coarse, fine) = if self.scale < other.scale {
            (self, other)
        } else {
            (other, self)
        };
        // The last decimal of `fine` is not 0 and `coarse` has none in its place: the sum ends in
        // that same decimal. So there are no zeros to drop, and what saturates is out of range.
        let aligned = coarse
            .mantissa()
            .saturating_mul(power(u32::from(fine.scale.abs_diff(coarse.scale))));
        Self::checked(aligned.saturating_add(fine.mantissa()), fine.scale)
            .ok_or(NumberError::Overflow)
    }

    /// The difference, exactly.
    ///
    /// # Errors
    /// `Overflow` when it is not representable.
    pub fn checked_sub(self, other: Self) -> Result<Self, NumberError> {
        self.checked_add(other.neg())
    }

    /// The product, exactly.
    ///
    /// # Errors
    /// `Overflow` when it is not representable.
    pub fn checked_mul(self, other: Self) -> Result<Self, NumberError> {
        let scale = u32::from(self.scale).saturating_add(u32::from(other.scale));
        let (a, b) = (self.mantissa(), other.mantissa());
        match a.checked_mul(b) {
            Some(product) => Self::normalised(product, scale),
            None => Self::product_without_tens(a, b, scale),
        }
        .ok_or(NumberError::Overflow)
    }

    /// The product of factors too great for 128 bits: the tens that the scale would take away
    /// again are taken out of the factors first, as twos and fives. What is too great even then
    /// is out of range.
    fn product_without_tens(a: i128, b: i128, scale: u32) -> Option<Self> {
        let twos = a.trailing_zeros().saturating_add(b.trailing_zeros());
        let fives = fives_of(a).saturating_add(fives_of(b));
        let tens = twos.min(fives).min(scale);

        let twos_of_a = tens.min(a.trailing_zeros());
        let fives_of_a = tens.min(fives_of(a));
        let a = without(a, twos_of_a, fives_of_a);
        let b = without(
            b,
            tens.saturating_sub(twos_of_a),
            tens.saturating_sub(fives_of_a),
        );
        Self::normalised(a.checked_mul(b)?, scale.saturating_sub(tens))
    }

    /// The quotient: exact if it is representable, else rounded half-even to 28 significant digits,
    /// or at the 28th decimal where that comes first.
    ///
    /// # Errors
    /// `DivisionByZero`, and `Overflow` for a quotient of 10^28 or more.
    pub fn checked_div(self, other: Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        // Long division of the magnitudes. `quotient` x 10^-`scale` is exact up to `remainder`, and
        // each round appends digits; below 0, the scale is that of digits still missing.
        let divisor = other.mantissa().unsigned_abs();
        let mut quotient = divide(self.mantissa().unsigned_abs(), divisor);
        let mut remainder = modulo(self.mantissa().unsigned_abs(), divisor);
        let mut scale = i32::from(self.scale).saturating_sub(i32::from(other.scale));
        while scale < 0 || remainder != 0 {
            let missing = scale.min(0).unsigned_abs();
            let room = NUMBER_DIGITS_MAX.saturating_sub(digits_of(quotient));
            if room < missing {
                return Err(NumberError::Overflow);
            }
            let decimals = NUMBER_SCALE_MAX.saturating_add_signed(scale.saturating_neg());
            let count = room.min(decimals).min(CHUNK_DIGITS);
            if count == 0 {
                break;
            }
            // None of this saturates: the quotient gets at most 28 digits, the remainder 38.
            let chunk = power(count).unsigned_abs();
            let brought = remainder.saturating_mul(chunk);
            quotient = quotient
                .saturating_mul(chunk)
                .saturating_add(divide(brought, divisor));
            remainder = modulo(brought, divisor);
            scale = scale.saturating_add_unsigned(count);
        }
        let half = remainder.saturating_mul(2).cmp(&divisor);
        if half.is_gt() || (half.is_eq() && quotient % 2 == 1) {
            quotient = quotient.saturating_add(1);
        }
        let negative = self.is_negative() != other.is_negative();
        Self::normalised(signed(quotient, negative), scale.unsigned_abs())
            .ok_or(NumberError::Overflow)
    }

    /// The remainder of the division truncated to an integer, exactly; it has the dividend's sign.
    ///
    /// # Errors
    /// `DivisionByZero`.
    pub fn checked_rem(self, other: Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        let dividend = self.mantissa().unsigned_abs();
        let divisor = other.mantissa().unsigned_abs();
        let mut behind = u32::from(self.scale.abs_diff(other.scale));
        let remainder = if self.scale >= other.scale {
            // A divisor that saturates exceeds every dividend, which then is its own remainder.
            modulo(
                dividend,
                divisor.saturating_mul(power(behind).unsigned_abs()),
            )
        } else {
            // As in long division, but the quotient is not kept.
            let mut remainder = modulo(dividend, divisor);
            while behind > 0 && remainder != 0 {
                let count = behind.min(CHUNK_DIGITS);
                remainder = modulo(
                    remainder.saturating_mul(power(count).unsigned_abs()),
                    divisor,
                );
                behind = behind.saturating_sub(count);
            }
            remainder
        };
        let scale = u32::from(self.scale.max(other.scale));
        Self::normalised(signed(remainder, self.is_negative()), scale).ok_or(NumberError::Overflow)
    }

    /// The greatest integer that is not above the number.
    #[must_use]
    pub fn floor(self) -> Self {
        Self::pack(self.mantissa().div_euclid(self.unit()), 0)
    }

    /// The least integer that is not below the number.
    #[must_use]
    pub fn ceil(self) -> Self {
        self.neg().floor().neg()
    }

    /// The integer that is left when the decimals are dropped.
    #[must_use]
    pub fn trunc(self) -> Self {
        if self.is_negative() {
            self.ceil()
        } else {
            self.floor()
        }
    }

    /// 10^scale.
    fn unit(self) -> i128 {
        power(u32::from(self.scale))
    }
}

/// The quotient of magnitudes; callers exclude a divisor of zero.
fn divide(dividend: u128, divisor: u128) -> u128 {
    dividend.checked_div(divisor).unwrap_or(0)
}

/// The remainder of magnitudes; callers exclude a divisor of zero.
fn modulo(dividend: u128, divisor: u128) -> u128 {
    dividend.checked_rem(divisor).unwrap_or(0)
}

/// How many digits a magnitude has; 0 has none.
fn digits_of(n: u128) -> u32 {
    n.checked_ilog10().map_or(0, |log| log.saturating_add(1))
}

/// A magnitude below 10^38 with a sign.
fn signed(magnitude: u128, is_negative: bool) -> i128 {
    let n = i128::try_from(magnitude).unwrap_or(i128::MAX);
    if is_negative { n.saturating_neg() } else { n }
}

/// How often 5 divides a number other than 0.
fn fives_of(mut n: i128) -> u32 {
    let mut count = 0_u32;
    while n != 0 && n % 5 == 0 {
        n /= 5;
        count = count.saturating_add(1);
    }
    count
}

/// A number without some of the twos and fives that it has.
fn without(n: i128, twos: u32, fives: u32) -> i128 {
    let mut n = n.wrapping_shr(twos);
    for _ in 0..fives {
        n /= 5;
    }
    n
}
