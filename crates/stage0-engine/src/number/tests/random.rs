//! Random operands and texts against the arithmetic of [`super::model`].

use std::fmt::Write as _;

use super::super::{BOUND_MAGNITUDE, Number, NumberError};
use super::model::Decimal;
use super::n;

/// Knuth's MMIX generator: the same operands in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Digits of many shapes: short and long, all nines, round, powers of 2 and of 5.
    fn digits(&mut self) -> Vec<u32> {
        let power = match self.below(8) {
            0 => 2_u128.pow(u32::try_from(self.below(94)).unwrap()),
            1 => 5_u128.pow(u32::try_from(self.below(41)).unwrap()),
            2 => BOUND_MAGNITUDE - 1 - u128::from(self.below(3)),
            _ => 0,
        };
        if power != 0 {
            return power
                .to_string()
                .chars()
                .map(|it| it.to_digit(10).unwrap())
                .collect();
        }
        let length = [1, 2, 4, 10, 19, 28][usize::try_from(self.below(6)).unwrap()];
        let zeros = self.below(2) * self.below(length);
        (0..length)
            .map(|place| (place + zeros < length, self.below(10)))
            .map(|(is_free, digit)| {
                if is_free {
                    u32::try_from(digit).unwrap()
                } else {
                    0
                }
            })
            .collect()
    }

    /// The same number as the code under test and as the model.
    fn number(&mut self) -> (Number, Decimal) {
        let digits = self.digits();
        let scale = usize::try_from(self.below(29) * self.below(2)).unwrap();
        let decimal = Decimal::new(self.below(2) == 0, &digits, scale);
        (n(&decimal.text().unwrap()), decimal)
    }
}

#[test]
fn random_operands_agree_with_the_model() {
    let mut random = Random(1);
    for _ in 0..10_000 {
        let ((a, model_a), (b, model_b)) = (random.number(), random.number());
        let agree = |operation: &str, found: Result<Number, NumberError>, expected: Decimal| {
            assert_eq!(
                found.map(|number| number.to_string()),
                expected.text().ok_or(NumberError::Overflow),
                "{a} {operation} {b}"
            );
        };
        assert_eq!(a.to_string(), model_a.text().unwrap());
        assert_eq!(a.cmp(&b), model_a.compare(&model_b), "{a} {b}");
        assert_eq!(a == b, model_a.compare(&model_b).is_eq(), "{a} {b}");
        agree("+", a.checked_add(b), model_a.add(&model_b));
        agree("-", a.checked_sub(b), model_a.add(&model_b.neg()));
        agree("*", a.checked_mul(b), model_a.multiply(&model_b));
        if !model_b.is_zero() {
            agree("/", a.checked_div(b), model_a.divide(&model_b));
            agree("%", a.checked_rem(b), model_a.remainder(&model_b));
        }
    }
}

#[test]
fn random_texts_agree_with_the_model() {
    let mut random = Random(2);
    for _ in 0..10_000 {
        let digits = random.digits();
        let is_negative = random.below(2) == 0;
        let point = usize::try_from(random.below(32)).unwrap().min(digits.len());
        let exponent = i64::try_from(random.below(70)).unwrap() - 35;

        let mut text = String::from(if is_negative { "-" } else { "" });
        let (integer, fraction) = digits.split_at(point);
        let spell = |digits: &[u32]| -> String {
            digits
                .iter()
                .map(|it| char::from_digit(*it, 10).unwrap())
                .collect()
        };
        match spell(integer).trim_start_matches('0') {
            "" => text.push('0'),
            significant => text.push_str(significant),
        }
        if !fraction.is_empty() {
            text.push('.');
            text.push_str(&spell(fraction));
        }
        if exponent != 0 {
            write!(text, "e{exponent}").unwrap();
        }

        let decimals = i64::try_from(fraction.len()).unwrap() - exponent;
        let padding = usize::try_from(decimals.min(0).unsigned_abs()).unwrap();
        let digits = [digits, vec![0; padding]].concat();
        let scale = usize::try_from(decimals.max(0)).unwrap();
        let expected = Decimal::new(is_negative, &digits, scale).text();
        let found = Number::parse(&text).map(|number| number.to_string());
        assert_eq!(found, expected.ok_or(NumberError::TooManyDigits), "{text}");
    }
}
