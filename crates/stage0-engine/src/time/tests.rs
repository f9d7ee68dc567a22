//! Texts, calendars and ranges; the zones are in [`zones`].

#![expect(
    clippy::arithmetic_side_effects,
    reason = "a test that overflows fails, as it should"
)]

use super::*;

mod zones;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[test]
fn timestamps_are_read_exactly_and_written_canonically() {
    for (text, ms, canonical) in [
        ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
        ("1970-01-01t00:00:00z", 0, "1970-01-01T00:00:00Z"),
        ("1970-01-01T00:00:00-00:00", 0, "1970-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.999Z", -1, "1969-12-31T23:59:59.999Z"),
        (
            "2026-01-05T10:00:00Z",
            1_767_607_200_000,
            "2026-01-05T10:00:00Z",
        ),
        (
            "2026-01-05T10:00:00.5Z",
            1_767_607_200_500,
            "2026-01-05T10:00:00.500Z",
        ),
        (
            "2026-01-05T10:00:00.05Z",
            1_767_607_200_050,
            "2026-01-05T10:00:00.050Z",
        ),
        (
            "2026-01-05T10:00:00.120000000Z",
            1_767_607_200_120,
            "2026-01-05T10:00:00.120Z",
        ),
        (
            "2026-01-05T10:00:00.000Z",
            1_767_607_200_000,
            "2026-01-05T10:00:00Z",
        ),
        (
            "2026-01-05T11:00:00+01:00",
            1_767_607_200_000,
            "2026-01-05T10:00:00Z",
        ),
        (
            "2026-01-05T04:30:00-05:30",
            1_767_607_200_000,
            "2026-01-05T10:00:00Z",
        ),
        (
            "2024-02-29T00:00:00Z",
            1_709_164_800_000,
            "2024-02-29T00:00:00Z",
        ),
        (
            "2000-02-29T00:00:00Z",
            951_782_400_000,
            "2000-02-29T00:00:00Z",
        ),
        (
            "0001-01-01T00:00:00Z",
            Timestamp::MIN.to_ms(),
            "0001-01-01T00:00:00Z",
        ),
        (
            "9999-12-31T23:59:59.999Z",
            Timestamp::MAX.to_ms(),
            "9999-12-31T23:59:59.999Z",
        ),
        (
            "0000-12-31T23:00:00-01:00",
            Timestamp::MIN.to_ms(),
            "0001-01-01T00:00:00Z",
        ),
    ] {
        assert_eq!(at(text).to_ms(), ms, "{text}");
        assert_eq!(at(text).to_string(), canonical, "{text}");
        assert_eq!(at(canonical), at(text), "{text}");
    }
}

#[test]
fn hostile_timestamps_are_refused() {
    use TimeError::{LeapSecond, NoOffset, NoSuchTime, OutOfRange, TimestampSyntax, TooPrecise};
    for (text, error) in [
        ("", TimestampSyntax),
        ("2026-01-05", TimestampSyntax),
        ("2026-01-05T10:00Z", TimestampSyntax),
        ("2026-01-05 10:00:00Z", TimestampSyntax),
        ("2026-1-5T10:00:00Z", TimestampSyntax),
        ("26-01-05T10:00:00Z", TimestampSyntax),
        ("+2026-01-05T10:00:00Z", TimestampSyntax),
        ("-2026-01-05T10:00:00Z", TimestampSyntax),
        ("12026-01-05T10:00:00Z", TimestampSyntax),
        ("20260105T100000Z", TimestampSyntax),
        ("2026-01-05T10:00:00ZZ", TimestampSyntax),
        ("2026-01-05T10:00:00Z ", TimestampSyntax),
        (" 2026-01-05T10:00:00Z", TimestampSyntax),
        ("2026-01-05T10:00:00.Z", TimestampSyntax),
        ("2026-01-05T10:00:00,5Z", TimestampSyntax),
        ("2026-01-05T10:00:00+01", TimestampSyntax),
        ("2026-01-05T10:00:00+0100", TimestampSyntax),
        ("2026-01-05T10:00:00+01:00:00", TimestampSyntax),
        ("2026-01-05T10:00:00\u{2212}01:00", TimestampSyntax),
        ("2026-01-05T10:00:00[Europe/Berlin]", TimestampSyntax),
        ("2026-01-0\u{0665}T10:00:00Z", TimestampSyntax),
        ("2026-01-05T10:00:0xZ", TimestampSyntax),
        ("2026-01-05T10:00:-1Z", TimestampSyntax),
        ("now", TimestampSyntax),
        ("1767607200", TimestampSyntax),
        ("2026-01-05T10:00:00", NoOffset),
        ("2026-01-05T10:00:00.5", NoOffset),
        ("2026-00-05T10:00:00Z", NoSuchTime),
        ("2026-13-05T10:00:00Z", NoSuchTime),
        ("2026-01-00T10:00:00Z", NoSuchTime),
        ("2026-01-32T10:00:00Z", NoSuchTime),
        ("2026-04-31T10:00:00Z", NoSuchTime),
        ("2026-02-29T10:00:00Z", NoSuchTime),
        ("2100-02-29T10:00:00Z", NoSuchTime),
        ("2026-01-05T24:00:00Z", NoSuchTime),
        ("2026-01-05T10:60:00Z", NoSuchTime),
        ("2026-01-05T10:00:61Z", NoSuchTime),
        ("2026-01-05T10:00:00+24:00", NoSuchTime),
        ("2026-01-05T10:00:00+01:60", NoSuchTime),
        ("2016-12-31T23:59:60Z", LeapSecond),
        ("2026-01-05T10:00:00.0001Z", TooPrecise),
        ("2026-01-05T10:00:00.123456789Z", TooPrecise),
        ("2026-01-05T10:00:00.0000000000Z", TooPrecise),
        ("0000-12-31T23:59:59Z", OutOfRange),
        ("0001-01-01T00:00:00+00:01", OutOfRange),
        ("9999-12-31T23:59:59-00:01", OutOfRange),
    ] {
        assert_eq!(Timestamp::parse(text), Err(error), "`{text}`");
    }
}

#[test]
fn civil_fields_count_as_in_cel() {
    let civil = at("2026-03-01T23:59:58.007Z").civil(0);
    assert_eq!(
        (civil.year, civil.month, civil.day, civil.date()),
        (2026, 2, 0, 1)
    );
    assert_eq!((civil.day_of_year, civil.day_of_week), (59, 0));
    assert_eq!((civil.hours, civil.minutes, civil.seconds), (23, 59, 58));
    assert_eq!(civil.milliseconds, 7);

    let ahead = at("2026-12-31T23:30:00Z").civil(3_600);
    assert_eq!(
        (ahead.year, ahead.month, ahead.day, ahead.hours),
        (2027, 0, 0, 0)
    );
    assert_eq!((ahead.day_of_year, ahead.day_of_week), (0, 5));
    let behind = at("1970-01-01T00:00:00Z").civil(-1);
    assert_eq!(
        (behind.year, behind.day_of_year, behind.seconds),
        (1969, 364, 59)
    );
    assert_eq!(at("2024-12-31T00:00:00Z").civil(0).day_of_year, 365);
    assert_eq!(Timestamp::MIN.civil(-1).year, 0);
    assert_eq!(Timestamp::MAX.civil(1).year, 10_000);
    for offset_s in [i32::MIN, i32::MAX] {
        Timestamp::MIN.civil(offset_s);
        Timestamp::MAX.civil(offset_s);
    }
}

#[test]
fn each_day_of_four_centuries_follows_the_one_before() {
    let mut ms = at("1999-12-31T12:00:00Z").to_ms();
    let mut before = Timestamp::from_ms(ms).unwrap().civil(0);
    for _ in 0..146_097 {
        ms += 86_400_000;
        let timestamp = Timestamp::from_ms(ms).unwrap();
        let civil = timestamp.civil(0);
        assert_eq!(civil.day_of_week, (before.day_of_week + 1) % 7);
        match (civil.month, civil.day) {
            (0, 0) => assert_eq!((civil.year, civil.day_of_year), (before.year + 1, 0)),
            (month, 0) => assert_eq!((month, civil.year), (before.month + 1, before.year)),
            (month, day) => assert_eq!((month, day), (before.month, before.day + 1)),
        }
        assert!(civil.day_of_year == 0 || civil.day_of_year == before.day_of_year + 1);
        assert_eq!(at(&timestamp.to_string()), timestamp);
        before = civil;
    }
    assert_eq!((before.year, before.month, before.day), (2399, 11, 30));
}

#[test]
fn durations_are_read_exactly_and_written_in_seconds() {
    for (text, ms, canonical) in [
        ("0", 0, "0s"),
        ("-0", 0, "0s"),
        ("0s", 0, "0s"),
        ("1h30m", 5_400_000, "5400s"),
        ("4h", 14_400_000, "14400s"),
        ("300s", 300_000, "300s"),
        ("1.5h", 5_400_000, "5400s"),
        ("100ms", 100, "0.1s"),
        ("1500ms", 1_500, "1.5s"),
        ("-2m", -120_000, "-120s"),
        ("+2m", 120_000, "120s"),
        ("01h05m", 3_900_000, "3900s"),
        ("1m1h1m", 3_720_000, "3720s"),
        ("1m1ms", 60_001, "60.001s"),
        ("0.001s", 1, "0.001s"),
        ("1000us", 1, "0.001s"),
        ("500us500us", 1, "0.001s"),
        ("999999ns1ns", 1, "0.001s"),
        ("0.10000000000000000000000000s", 100, "0.1s"),
        ("315576000000s", 315_576_000_000_000, "315576000000s"),
        ("-315576000000s", -315_576_000_000_000, "-315576000000s"),
        (
            "315576000000000000000ns",
            315_576_000_000_000,
            "315576000000s",
        ),
    ] {
        assert_eq!(Duration::parse(text), Ok(Duration(ms)), "{text}");
        assert_eq!(Duration::parse_with_days(text), Ok(Duration(ms)), "{text}");
        assert_eq!(Duration(ms).to_string(), canonical, "{text}");
        assert_eq!(Duration::parse(canonical), Ok(Duration(ms)), "{text}");
    }
}

#[test]
fn days_are_a_unit_only_where_asked_for() {
    for (text, ms) in [
        ("1d", 86_400_000),
        ("1d12h", 129_600_000),
        ("0.5d", 43_200_000),
        ("-30d", -2_592_000_000),
        // 2^-10, the most decimals of a day that are whole milliseconds.
        ("0.0009765625d", 84_375),
    ] {
        assert_eq!(
            Duration::parse(text),
            Err(TimeError::DurationSyntax),
            "{text}"
        );
        assert_eq!(Duration::parse_with_days(text), Ok(Duration(ms)), "{text}");
    }
}

#[test]
fn hostile_durations_are_refused() {
    use TimeError::{DurationSyntax, OutOfRange, TooPrecise};
    let nines = "9".repeat(100_000);
    for (text, error) in [
        ("", DurationSyntax),
        ("-", DurationSyntax),
        ("--1s", DurationSyntax),
        ("-+1s", DurationSyntax),
        ("1", DurationSyntax),
        ("00", DurationSyntax),
        ("0.0", DurationSyntax),
        ("s", DurationSyntax),
        ("1x", DurationSyntax),
        ("1S", DurationSyntax),
        ("1w", DurationSyntax),
        ("1 h", DurationSyntax),
        ("1h 30m", DurationSyntax),
        (" 1h", DurationSyntax),
        ("1h\n", DurationSyntax),
        ("1h30", DurationSyntax),
        ("1h-30m", DurationSyntax),
        (".5h", DurationSyntax),
        ("1.h", DurationSyntax),
        ("1..5h", DurationSyntax),
        ("1e3s", DurationSyntax),
        ("1,5h", DurationSyntax),
        ("PT1H", DurationSyntax),
        ("1\u{b5}s", DurationSyntax),
        ("1mss", DurationSyntax),
        ("1.5ms", TooPrecise),
        ("1us", TooPrecise),
        ("1ns", TooPrecise),
        ("0.1ns", TooPrecise),
        ("0.0001s", TooPrecise),
        ("0.3333333333333333333333h", TooPrecise),
        ("315576000000.001s", OutOfRange),
        ("-315576000001s", OutOfRange),
        ("9223372036854775807h", OutOfRange),
        (&format!("{nines}h"), OutOfRange),
        (&format!("{nines}ns{nines}ns"), OutOfRange),
        (&format!("-{nines}ms"), OutOfRange),
        (&format!("1.{nines}h"), TooPrecise),
        (&nines, DurationSyntax),
    ] {
        let shown = text.get(..40.min(text.len())).unwrap();
        assert_eq!(Duration::parse(text), Err(error), "`{shown}`");
    }
}

#[test]
fn times_and_durations_stay_in_range() {
    let hour = Duration::parse("1h").unwrap();
    let noon = at("2026-01-05T12:00:00Z");
    assert_eq!(noon.checked_add(hour), Ok(at("2026-01-05T13:00:00Z")));
    assert_eq!(noon.checked_sub(hour), Ok(at("2026-01-05T11:00:00Z")));
    assert_eq!(noon.since(at("2026-01-05T13:00:00Z")), hour.neg());
    assert_eq!(Timestamp::MAX.checked_add(hour), Err(TimeError::OutOfRange));
    assert_eq!(Timestamp::MIN.checked_sub(hour), Err(TimeError::OutOfRange));
    assert_eq!(
        Timestamp::MAX.checked_add(Duration::MAX),
        Err(TimeError::OutOfRange)
    );
    assert_eq!(Timestamp::from_ms(i64::MAX), None);
    assert_eq!(Timestamp::from_ms(i64::MIN), None);

    let longest = Timestamp::MAX.since(Timestamp::MIN);
    assert_eq!(Duration::from_ms(longest.to_ms()), Some(longest));
    assert_eq!(Timestamp::MIN.checked_add(longest), Ok(Timestamp::MAX));
    assert_eq!(hour.checked_add(hour), Duration::parse("2h"));
    assert_eq!(hour.checked_sub(hour), Ok(Duration::ZERO));
    assert_eq!(Duration::MAX.checked_add(hour), Err(TimeError::OutOfRange));
    assert_eq!(Duration::MIN.checked_sub(hour), Err(TimeError::OutOfRange));
    assert_eq!(Duration::MAX.neg(), Duration::MIN);
    assert_eq!(Duration::from_ms(i64::MIN), None);
    assert_eq!(Duration::MIN.to_string(), "-315576000000s");
}
