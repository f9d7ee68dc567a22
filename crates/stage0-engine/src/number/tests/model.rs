//! Decimal arithmetic as taught at school: digits in a list, no bound, no cleverness.
//!
//! The oracle of [`Number`](super::super::Number) in its randomised tests. Each operation is the
//! shortest that is evidently right, and shares nothing with the code under test.

use std::cmp::Ordering;

/// A natural number; the least significant digit first, no zeros at the end.
type Digits = Vec<u32>;

/// A decimal with any number of digits; never a negative zero, not normalised otherwise.
#[derive(Debug, Clone)]
pub(super) struct Decimal {
    is_negative: bool,
    digits: Digits,
    scale: usize,
}

fn trimmed(mut digits: Digits) -> Digits {
    while digits.last() == Some(&0) {
        digits.pop();
    }
    digits
}

fn shifted(digits: &Digits, places: usize) -> Digits {
    trimmed([vec![0; places], digits.clone()].concat())
}

fn compare(a: &Digits, b: &Digits) -> Ordering {
    a.len()
        .cmp(&b.len())
        .then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn digit(digits: &Digits, place: usize) -> u32 {
    digits.get(place).copied().unwrap_or(0)
}

fn add(a: &Digits, b: &Digits) -> Digits {
    let mut carry = 0;
    let mut sum = Vec::new();
    for place in 0..=a.len().max(b.len()) {
        let here = digit(a, place) + digit(b, place) + carry;
        sum.push(here % 10);
        carry = here / 10;
    }
    trimmed(sum)
}

fn subtract(a: &Digits, b: &Digits) -> Digits {
    let mut borrow = 0;
    let mut difference = Vec::new();
    for place in 0..a.len() {
        let here = 10 + digit(a, place) - digit(b, place) - borrow;
        difference.push(here % 10);
        borrow = 1 - here / 10;
    }
    trimmed(difference)
}

fn multiply(a: &Digits, b: &Digits) -> Digits {
    let mut product = Vec::new();
    for (place, times) in a.iter().enumerate() {
        for _ in 0..*times {
            product = add(&product, &shifted(b, place));
        }
    }
    product
}

fn divide(a: &Digits, b: &Digits) -> (Digits, Digits) {
    let mut quotient = Vec::new();
    let mut remainder = Vec::new();
    for next in a.iter().rev() {
        remainder = trimmed([vec![*next], remainder].concat());
        let mut times = 0;
        while compare(&remainder, b).is_ge() {
            remainder = subtract(&remainder, b);
            times += 1;
        }
        quotient.insert(0, times);
    }
    (trimmed(quotient), remainder)
}

impl Decimal {
    /// The decimal with these digits, the most significant first.
    pub(super) fn new(is_negative: bool, digits: &[u32], scale: usize) -> Self {
        Self::signed(
            is_negative,
            trimmed(digits.iter().rev().copied().collect()),
            scale,
        )
    }

    fn signed(is_negative: bool, digits: Digits, scale: usize) -> Self {
        Self {
            is_negative: is_negative && !digits.is_empty(),
            digits,
            scale,
        }
    }

    /// The digits of both at their common scale.
    fn aligned(&self, other: &Self) -> (Digits, Digits, usize) {
        let scale = self.scale.max(other.scale);
        (
            shifted(&self.digits, scale - self.scale),
            shifted(&other.digits, scale - other.scale),
            scale,
        )
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let (a, b, _) = self.aligned(other);
        match (self.is_negative, other.is_negative) {
            (false, false) => compare(&a, &b),
            (true, true) => compare(&b, &a),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }

    pub(super) fn neg(&self) -> Self {
        Self::signed(!self.is_negative, self.digits.clone(), self.scale)
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let (a, b, scale) = self.aligned(other);
        if self.is_negative == other.is_negative {
            Self::signed(self.is_negative, add(&a, &b), scale)
        } else if compare(&a, &b).is_ge() {
            Self::signed(self.is_negative, subtract(&a, &b), scale)
        } else {
            Self::signed(other.is_negative, subtract(&b, &a), scale)
        }
    }

    pub(super) fn multiply(&self, other: &Self) -> Self {
        Self::signed(
            self.is_negative != other.is_negative,
            multiply(&self.digits, &other.digits),
            self.scale + other.scale,
        )
    }

    pub(super) fn remainder(&self, other: &Self) -> Self {
        let (a, b, scale) = self.aligned(other);
        Self::signed(self.is_negative, divide(&a, &b).1, scale)
    }

    /// Rounded half-even to 28 digits, or to 28 decimals where those end first.
    pub(super) fn divide(&self, other: &Self) -> Self {
        let (a, b, _) = self.aligned(other);
        let (exact, rest) = divide(&shifted(&a, 28), &b);
        let dropped = exact.len().saturating_sub(28).min(28);
        let mut kept = trimmed(exact[dropped..].to_vec());
        // What was cut off, doubled, against one unit of what was kept.
        let tail = add(&multiply(&trimmed(exact[..dropped].to_vec()), &b), &rest);
        let order = compare(&add(&tail, &tail), &shifted(&b, dropped));
        if order.is_gt() || (order.is_eq() && digit(&kept, 0) % 2 == 1) {
            kept = add(&kept, &vec![1]);
        }
        Self::signed(self.is_negative != other.is_negative, kept, 28 - dropped)
    }

    /// The canonical text, unless it needs more than 28 digits or decimals.
    pub(super) fn text(&self) -> Option<String> {
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        let dropped = zeros.min(self.scale);
        let mut digits = self.digits.get(dropped..).unwrap_or_default().to_vec();
        let scale = if digits.is_empty() {
            0
        } else {
            self.scale - dropped
        };
        if digits.len() > 28 || scale > 28 {
            return None;
        }
        while digits.len() <= scale {
            digits.push(0);
        }
        let mut text = String::new();
        if self.is_negative {
            text.push('-');
        }
        for (place, digit) in digits.iter().enumerate().rev() {
            text.push(char::from_digit(*digit, 10).unwrap());
            if place == scale && place != 0 {
                text.push('.');
            }
        }
        Some(text)
    }
}
