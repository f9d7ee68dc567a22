//! Exact decimals, done plainly: a whole number and how many of its digits are decimals.
//!
//! Every operation works on `i128` and checks; what does not fit there does not fit the language's
//! 28 digits either, for the small values that the properties generate. Nothing is shared with the
//! engine's numbers.

use std::cmp::Ordering;
use std::fmt;

/// `|n|` stays below this.
const BOUND: i128 = 10_i128.pow(28);
/// The most decimals that a number may have.
const SCALE_MAX: u32 = 28;

/// `n x 10^-scale`, without trailing zeros among the decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    n: i128,
    scale: u32,
}

impl Decimal {
    /// `n x 10^-scale`, if the language has that number.
    pub fn new(mut n: i128, mut scale: u32) -> Option<Self> {
        while scale > 0 && n % 10 == 0 {
            n /= 10;
            scale -= 1;
        }
        (n.abs() < BOUND && scale <= SCALE_MAX).then_some(Self { n, scale })
    }

    /// A whole number.
    pub fn whole(n: i64) -> Self {
        Self {
            n: i128::from(n),
            scale: 0,
        }
    }

    /// The whole number that this is, if it is one.
    pub fn to_whole(self) -> Option<i128> {
        (self.scale == 0).then_some(self.n)
    }

    /// Both numbers with as many decimals as the longer one.
    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let with = |it: Self| it.n.checked_mul(10_i128.checked_pow(scale - it.scale)?);
        Some((with(self)?, with(other)?, scale))
    }

    /// The sum, or nothing where it has too many digits.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (one, two, scale) = self.aligned(other)?;
        Self::new(one.checked_add(two)?, scale)
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self {
            n: -other.n,
            ..other
        })
    }

    /// The product.
    pub fn times(self, other: Self) -> Option<Self> {
        Self::new(self.n.checked_mul(other.n)?, self.scale + other.scale)
    }

    /// The quotient, rounded half to even at 28 significant digits or at the 28th decimal.
    pub fn over(self, other: Self) -> Option<Self> {
        if other.n == 0 {
            return None;
        }
        let negative = (self.n < 0) != (other.n < 0);
        let (one, two) = (self.n.abs(), other.n.abs());
        let (mut quotient, mut rest) = (one / two, one % two);
        let mut scale = i64::from(self.scale) - i64::from(other.scale);
        let digits_left = |quotient, scale| scale < i64::from(SCALE_MAX) && quotient < BOUND / 10;
        while scale < 0 || (rest != 0 && digits_left(quotient, scale)) {
            quotient = quotient.checked_mul(10)? + rest * 10 / two;
            rest = rest * 10 % two;
            scale += 1;
        }
        match rest.checked_mul(2)?.cmp(&two) {
            Ordering::Greater => quotient += 1,
            Ordering::Equal => quotient += quotient % 2,
            Ordering::Less => {}
        }
        let scale = u32::try_from(scale).ok()?;
        Self::new(if negative { -quotient } else { quotient }, scale)
    }

    /// What the division leaves, with the sign of `self`.
    pub fn modulo(self, other: Self) -> Option<Self> {
        if other.n == 0 {
            return None;
        }
        let shift = |it: Self| {
            it.n.checked_mul(10_i128.checked_pow(self.scale - it.scale)?)
        };
        if self.scale >= other.scale {
            // A divisor too great for 128 bits is greater than what is divided.
            return match shift(other) {
                Some(two) => Self::new(self.n % two, self.scale),
                None => Some(self),
            };
        }
        let mut rest = self.n % other.n;
        for _ in self.scale..other.scale {
            rest = rest * 10 % other.n;
        }
        Self::new(rest, other.scale)
    }

    /// Which is larger: by what is before the point, then by what is behind it.
    pub fn order(self, other: Self) -> Ordering {
        let parts = |it: Self| {
            let unit = 10_i128.pow(it.scale);
            (it.n / unit, it.n % unit * (10_i128.pow(SCALE_MAX) / unit))
        };
        parts(self).cmp(&parts(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.n < 0 { "-" } else { "" };
        let unit = 10_i128.pow(self.scale);
        write!(formatter, "{sign}{}", self.n.abs() / unit)?;
        if self.scale > 0 {
            let width = self.scale as usize;
            write!(formatter, ".{:0width$}", self.n.abs() % unit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    fn decimal(n: i128, scale: u32) -> Decimal {
        Decimal::new(n, scale).expect("a small number")
    }

    #[test]
    fn the_examples_of_the_language_hold() {
        assert_eq!(decimal(1, 1).plus(decimal(2, 1)), Some(decimal(3, 1)));
        assert_eq!(decimal(10, 1), decimal(1, 0));
        assert_eq!(decimal(7, 0).over(decimal(2, 0)), Some(decimal(35, 1)));
        assert_eq!(decimal(-7, 0).modulo(decimal(2, 0)), Some(decimal(-1, 0)));
        assert_eq!(decimal(1, 0).over(decimal(0, 0)), None);
        let third = decimal(1, 0)
            .over(decimal(3, 0))
            .map(|third| third.to_string());
        assert_eq!(third.as_deref(), Some("0.3333333333333333333333333333"));
        assert_eq!(decimal(-205, 2).to_string(), "-2.05");
    }
}
