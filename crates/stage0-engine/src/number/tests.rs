use super::*;

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
