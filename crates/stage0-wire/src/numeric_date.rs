//! Times as tokens claim them: seconds since 1970, with up to three decimals (`NumericDate` of RFC 7519).

use stage0_engine::number::Number;
use stage0_engine::time::Timestamp;

/// Milliseconds of a second.
const SECOND_MS: u64 = 1_000;

/// The instant of so many seconds, if it is one to the millisecond.
pub fn read_seconds(seconds: Number) -> Option<Timestamp> {
    let ms = seconds.checked_mul(Number::from_u64(SECOND_MS)).ok()?;
    Timestamp::from_ms(ms.to_i64()?)
}

/// Appends an instant in seconds since 1970, with up to three decimals.
pub fn write_seconds(out: &mut String, at: Timestamp) {
    // The range of instants is far inside that of numbers, so this is always exact.
    let seconds = Number::from_i128(i128::from(at.to_ms()), 3);
    seconds.unwrap_or(Number::ZERO).write_to(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_to_the_millisecond() {
        for (text, ms) in [
            ("0", 0),
            ("1767607200", 1_767_607_200_000),
            ("1767607200.5", 1_767_607_200_500),
            ("1767607200.001", 1_767_607_200_001),
            ("-0.25", -250),
        ] {
            let at = Timestamp::from_ms(ms).unwrap();
            assert_eq!(read_seconds(Number::parse(text).unwrap()), Some(at));
            let mut out = String::new();
            write_seconds(&mut out, at);
            assert_eq!(out, text);
        }
        for text in ["0.0001", "1767607200000000", "9223372036854775807"] {
            assert_eq!(read_seconds(Number::parse(text).unwrap()), None, "{text}");
        }
    }
}
