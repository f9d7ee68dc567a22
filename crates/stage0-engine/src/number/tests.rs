//! Edges as tables; [`random`] has operands of all shapes.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails, as it should"
)]

use super::*;

mod model;
mod random;

fn n(text: &str) -> Number {
    Number::parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

type Outcome = Result<&'static str, NumberError>;

fn check(operation: &str, a: &str, b: &str, found: Result<Number, NumberError>, expected: Outcome) {
    let found = found.map(|number| number.to_string());
    assert_eq!(
        found.as_deref().map_err(|error| *error),
        expected,
        "{a} {operation} {b}"
    );
}

/// 28 nines: the greatest number.
const GREATEST: &str = "9999999999999999999999999999";

#[test]
fn json_numbers_are_read_exactly_and_written_canonically() {
    for (text, canonical) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0e5", "0"),
        ("0e999999999999999999999999", "0"),
        ("0.000e-999999999999999999999999", "0"),
        ("1", "1"),
        ("-1", "-1"),
        ("1.50", "1.5"),
        ("0.10", "0.1"),
        ("-0.001", "-0.001"),
        ("1.000000000000000000000000000000000000000000", "1"),
        ("1e0", "1"),
        ("1E+3", "1000"),
        ("1e-3", "0.001"),
        ("1e00000000000000000000000000003", "1000"),
        ("12300e-2", "123"),
        ("0.00123e5", "123"),
        ("0.00123e4", "12.3"),
        ("100000000000000", "100000000000000"),
        ("-100000000000000.5", "-100000000000000.5"),
        ("9007199254740993", "9007199254740993"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551616", "18446744073709551616"),
        ("999999999999999999", "999999999999999999"),
        ("1e27", "1000000000000000000000000000"),
        ("1e-28", "0.0000000000000000000000000001"),
        ("10e-29", "0.0000000000000000000000000001"),
        (GREATEST, GREATEST),
        (
            "-0.9999999999999999999999999999",
            "-0.9999999999999999999999999999",
        ),
        ("0.00000000000000000000000000000000000000001e41", "1"),
        ("10000000000000000000000000000000000000000e-40", "1"),
    ] {
        assert_eq!(n(text).to_string(), canonical, "{text}");
        assert_eq!(n(canonical), n(text), "{text}");
    }
}

#[test]
fn what_needs_more_than_28_digits_is_refused() {
    for text in [
        "1e28",
        "1e400",
        "1e-29",
        "-1e-30",
        "1e999999999999999999999999",
        "1e-999999999999999999999999",
        "1e9223372036854775807",
        "1.1e-28",
        "10000000000000000000000000000",
        "1.0000000000000000000000000001",
        "12345678901234567890123456789",
        "0.12345678901234567890123456789",
    ] {
        assert_eq!(
            Number::parse(text),
            Err(NumberError::TooManyDigits),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_a_json_number_is_refused() {
    for text in [
        "",
        "-",
        "+1",
        "--1",
        ".5",
        "-.5",
        "5.",
        "5.e1",
        "1.",
        "01",
        "-01",
        "00",
        "00.5",
        "0x10",
        "1e",
        "1e+",
        "1e-",
        "1e1.5",
        "1e 1",
        "1.2.3",
        "1,5",
        "1_000",
        " 1",
        "1 ",
        "1\n",
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "1f",
        "1e5x",
        "١",
        "1\u{0}",
        "1.5\u{ff11}",
        "1-2",
        "e5",
        "123456789012345678901234567890x",
        "1e999999999999999999999999x",
        "012345678901234567890123456789",
    ] {
        assert_eq!(Number::parse(text), Err(NumberError::Syntax), "{text}");
    }
}

#[test]
fn long_hostile_texts_are_read_in_linear_time() {
    let zeros = "0".repeat(1_000_000);
    assert_eq!(n(&format!("1.{zeros}")), Number::ONE);
    assert_eq!(n(&format!("1{zeros}e-1000000")), Number::ONE);
    assert_eq!(n(&format!("0.{zeros}1e1000001")), Number::ONE);
    assert_eq!(n(&format!("1e{zeros}")), Number::ONE);
    let nines = "9".repeat(1_000_000);
    for text in [&nines, &format!("1e{nines}"), &format!("1e-{nines}")] {
        assert_eq!(Number::parse(text), Err(NumberError::TooManyDigits));
    }
}

#[test]
fn sums_are_exact_or_an_error() {
    for (a, b, sum) in [
        ("0.1", "0.2", Ok("0.3")),
        ("0.5", "0.5", Ok("1")),
        ("1", "-1", Ok("0")),
        ("1.25", "-0.25", Ok("1")),
        ("9007199254740992", "1", Ok("9007199254740993")),
        ("9223372036854775807", "1", Ok("9223372036854775808")),
        ("-9223372036854775808", "-1", Ok("-9223372036854775809")),
        (GREATEST, "0", Ok(GREATEST)),
        (GREATEST, "1", Err(NumberError::Overflow)),
        (GREATEST, "-0.1", Err(NumberError::Overflow)),
        (GREATEST, "1e-28", Err(NumberError::Overflow)),
        ("1", "1e-28", Err(NumberError::Overflow)),
        ("1", "1e-27", Ok("1.000000000000000000000000001")),
    ] {
        check("+", a, b, n(a).checked_add(n(b)), sum);
        check("+", b, a, n(b).checked_add(n(a)), sum);
    }
}

#[test]
fn differences_are_exact_or_an_error() {
    for (a, b, difference) in [
        ("0.3", "0.1", Ok("0.2")),
        ("1", "1.0", Ok("0")),
        ("-0.5", "0.5", Ok("-1")),
        ("0", "-9223372036854775808", Ok("9223372036854775808")),
        (
            "-9999999999999999999999999999",
            "1",
            Err(NumberError::Overflow),
        ),
    ] {
        check("-", a, b, n(a).checked_sub(n(b)), difference);
    }
}

#[test]
fn products_are_exact_or_an_error() {
    for (a, b, product) in [
        ("0.1", "10", Ok("1")),
        ("-0.5", "0.5", Ok("-0.25")),
        ("0", "-5", Ok("0")),
        ("19.99", "3", Ok("59.97")),
        ("4294967296", "4294967296", Ok("18446744073709551616")),
        ("1e14", "1e13", Ok("1000000000000000000000000000")),
        ("1e14", "1e14", Err(NumberError::Overflow)),
        ("1e-14", "1e-14", Ok("0.0000000000000000000000000001")),
        ("1e-14", "1e-15", Err(NumberError::Overflow)),
        ("1e-28", "1e27", Ok("0.1")),
        (GREATEST, "1", Ok(GREATEST)),
        (GREATEST, "-1", Ok("-9999999999999999999999999999")),
        (GREATEST, "2", Err(NumberError::Overflow)),
        (GREATEST, GREATEST, Err(NumberError::Overflow)),
        (GREATEST, "0.1", Ok("999999999999999999999999999.9")),
        // 5^27 x 2^27, and decimals whose product exceeds 128 bits before its zeros are dropped.
        (
            "7450580596923828125",
            "134217728",
            Ok("1000000000000000000000000000"),
        ),
        (
            "3725290298.4619140625",
            "26843545.6",
            Ok("100000000000000000"),
        ),
        // 5^39 x 10^-20 and 2^92 x 10^-28: 2^53 x 10^39 before 48 decimals are split off.
        (
            "18189894.03545856475830078125",
            "0.4951760157141521099596496896",
            Ok("9007199.254740992"),
        ),
        (
            "-18189894.03545856475830078125",
            "4951760157141521099596496896",
            Err(NumberError::Overflow),
        ),
    ] {
        check("x", a, b, n(a).checked_mul(n(b)), product);
        check("x", b, a, n(b).checked_mul(n(a)), product);
    }
}

#[test]
fn quotients_are_exact_or_rounded_half_even() {
    for (a, b, quotient) in [
        ("7", "2", Ok("3.5")),
        ("6", "3", Ok("2")),
        ("0", "-3", Ok("0")),
        ("1", "3", Ok("0.3333333333333333333333333333")),
        ("-2", "3", Ok("-0.6666666666666666666666666667")),
        ("20", "3", Ok("6.666666666666666666666666667")),
        ("1e27", "3", Ok("333333333333333333333333333.3")),
        ("1", "1e27", Ok("0.000000000000000000000000001")),
        ("1e-28", "1e-28", Ok("1")),
        ("1", "1e-27", Ok("1000000000000000000000000000")),
        ("1", "1e-28", Err(NumberError::Overflow)),
        ("10", "1e-27", Err(NumberError::Overflow)),
        (GREATEST, "0.1", Err(NumberError::Overflow)),
        (GREATEST, "1e-28", Err(NumberError::Overflow)),
        // Halfway at the 28th decimal: to the even neighbour.
        ("1e-28", "2", Ok("0")),
        ("3e-28", "2", Ok("0.0000000000000000000000000002")),
        ("-3e-28", "2", Ok("-0.0000000000000000000000000002")),
        ("5e-28", "2", Ok("0.0000000000000000000000000002")),
        ("1e-28", "1.9", Ok("0.0000000000000000000000000001")),
        ("1e-28", "1e27", Ok("0")),
        // Halfway at the 28th digit.
        (GREATEST, "2", Ok("5000000000000000000000000000")),
        (
            "9999999999999999999999999997",
            "2",
            Ok("4999999999999999999999999998"),
        ),
        (
            "9999999999999999999999999998",
            "4",
            Ok("2500000000000000000000000000"),
        ),
        // Rounding up to 10^28 and 10^27.
        (
            GREATEST,
            "0.9999999999999999999999999999",
            Err(NumberError::Overflow),
        ),
        (
            "999999999999999999999999999.9",
            "0.9999999999999999999999999999",
            Ok("1000000000000000000000000000"),
        ),
        ("1", "0", Err(NumberError::DivisionByZero)),
        ("0", "0", Err(NumberError::DivisionByZero)),
    ] {
        check("/", a, b, n(a).checked_div(n(b)), quotient);
    }
}

#[test]
fn remainders_take_the_sign_of_the_dividend() {
    for (a, b, remainder) in [
        ("7", "3", Ok("1")),
        ("-7", "3", Ok("-1")),
        ("7", "-3", Ok("1")),
        ("-6", "3", Ok("0")),
        ("5.5", "2", Ok("1.5")),
        ("0.3", "0.1", Ok("0")),
        ("1", "0.3", Ok("0.1")),
        ("1e-28", GREATEST, Ok("0.0000000000000000000000000001")),
        (GREATEST, "7e-28", Ok("0.0000000000000000000000000005")),
        ("1", "0", Err(NumberError::DivisionByZero)),
    ] {
        check("%", a, b, n(a).checked_rem(n(b)), remainder);
    }
}

#[test]
fn rounding_to_integers() {
    for (text, floor, ceil, trunc) in [
        ("0", "0", "0", "0"),
        ("2", "2", "2", "2"),
        ("-2", "-2", "-2", "-2"),
        ("2.5", "2", "3", "2"),
        ("-2.5", "-3", "-2", "-2"),
        ("0.0000000000000000000000000001", "0", "1", "0"),
        ("-0.1", "-1", "0", "0"),
        (
            "999999999999999999999999999.9",
            "999999999999999999999999999",
            "1000000000000000000000000000",
            "999999999999999999999999999",
        ),
    ] {
        assert_eq!(n(text).floor(), n(floor), "{text}");
        assert_eq!(n(text).ceil(), n(ceil), "{text}");
        assert_eq!(n(text).trunc(), n(trunc), "{text}");
    }
}

#[test]
fn conversions_from_and_to_integers() {
    for integer in [0, 1, -1, 10, i64::MAX, i64::MIN] {
        let number = Number::from_i64(integer);
        assert_eq!(number, n(&integer.to_string()));
        assert_eq!(number.to_i64(), Some(integer));
    }
    assert_eq!(Number::from_u64(u64::MAX), n("18446744073709551615"));
    for text in [
        "9223372036854775808",
        "-9223372036854775809",
        "0.5",
        "-1e27",
    ] {
        assert_eq!(n(text).to_i64(), None, "{text}");
    }
    assert_eq!(n("1e2").to_i64(), Some(100));

    assert_eq!(Number::from_i128(1500, 3), Ok(n("1.5")));
    assert_eq!(Number::from_i128(0, u32::MAX), Ok(Number::ZERO));
    assert_eq!(Number::from_i128(10_i128.pow(30), 30), Ok(Number::ONE));
    for (integer, scale) in [
        (1, 29),
        (1, 300),
        (1, u32::MAX),
        (i128::MAX, 0),
        (i128::MIN, 28),
    ] {
        let found = Number::from_i128(integer, scale);
        assert_eq!(found, Err(NumberError::TooManyDigits), "{integer} {scale}");
    }
}

#[test]
fn signs_and_absolute_values() {
    assert!(n("-0.1").is_negative() && !n("0.1").is_negative());
    assert!(n("-0").is_zero() && !n("-0").is_negative() && n("-0").neg().is_zero());
    assert_eq!(n("-9999999999999999999999999999").abs(), n(GREATEST));
    assert_eq!(n("-9223372036854775808").neg(), n("9223372036854775808"));
    assert_eq!(n("2.50").neg().abs(), n("2.5"));
}

#[test]
fn numbers_are_ordered_by_value() {
    let ascending = [
        "-9999999999999999999999999999",
        "-1e27",
        "-18446744073709551616",
        "-9223372036854775808",
        "-1.5",
        "-1.4999999999999999999",
        "-1",
        "-0.1",
        "-1e-28",
        "0",
        "1e-28",
        "0.01",
        "0.1",
        "1",
        "1.0000000001",
        "9223372036854775807",
        "9223372036854775807.5",
        "9223372036854775808",
        "999999999999999999999999999.9",
        GREATEST,
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(n(a).cmp(&n(b)), i.cmp(&j), "{a} {b}");
        }
    }
}

#[test]
fn texts_are_padded_like_integers() {
    assert_eq!(
        format!("{:>6}|{:<6}|{:06}", n("-1.5"), n("2"), n("-1.5")),
        "  -1.5|2     |-001.5"
    );
    let mut text = String::from("x=");
    n("-0.25").write_to(&mut text);
    assert_eq!(text, "x=-0.25");
}
