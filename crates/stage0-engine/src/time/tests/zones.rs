//! Zones against another implementation, gaps and overlaps, and the table itself.

use super::super::table::ZONES;
use super::super::{Timestamp, Zone, ZoneError};
use super::at;

/// A zone, an instant, and the zone's offsets in the second before and at the instant, as Python's
/// `zoneinfo` tells them from the full database. Zones that change their clocks have both changes
/// of a year, others any day.
#[rustfmt::skip]
const OFFSETS: &[(&str, &str, i32, i32)] = &[
    ("UTC", "2025-01-15T12:00:00Z", 0, 0),
    ("Etc/GMT+5", "2027-01-15T12:00:00Z", -18_000, -18_000),
    ("Europe/Berlin", "2028-03-26T01:00:00Z", 3_600, 7_200),
    ("Europe/Berlin", "2028-10-29T01:00:00Z", 7_200, 3_600),
    ("Europe/London", "2029-03-25T01:00:00Z", 0, 3_600),
    ("Europe/London", "2029-10-28T01:00:00Z", 3_600, 0),
    ("Europe/Dublin", "2030-03-31T01:00:00Z", 0, 3_600),
    ("Europe/Dublin", "2030-10-27T01:00:00Z", 3_600, 0),
    ("Europe/Lisbon", "2031-03-30T01:00:00Z", 0, 3_600),
    ("Europe/Lisbon", "2031-10-26T01:00:00Z", 3_600, 0),
    ("Atlantic/Azores", "2032-03-28T01:00:00Z", -3_600, 0),
    ("Atlantic/Azores", "2032-10-31T01:00:00Z", 0, -3_600),
    ("Europe/Istanbul", "2033-01-15T12:00:00Z", 10_800, 10_800),
    ("Europe/Moscow", "2034-01-15T12:00:00Z", 10_800, 10_800),
    ("America/New_York", "2035-03-11T07:00:00Z", -18_000, -14_400),
    ("America/New_York", "2035-11-04T06:00:00Z", -14_400, -18_000),
    ("US/Eastern", "2036-03-09T07:00:00Z", -18_000, -14_400),
    ("US/Eastern", "2036-11-02T06:00:00Z", -14_400, -18_000),
    ("America/Los_Angeles", "2037-03-08T10:00:00Z", -28_800, -25_200),
    ("America/Los_Angeles", "2037-11-01T09:00:00Z", -25_200, -28_800),
    ("America/Phoenix", "2025-01-15T12:00:00Z", -25_200, -25_200),
    ("America/St_Johns", "2027-03-14T05:30:00Z", -12_600, -9_000),
    ("America/St_Johns", "2027-11-07T04:30:00Z", -9_000, -12_600),
    ("America/Sao_Paulo", "2028-01-15T12:00:00Z", -10_800, -10_800),
    ("America/Santiago", "2029-04-08T03:00:00Z", -10_800, -14_400),
    ("America/Santiago", "2029-09-02T04:00:00Z", -14_400, -10_800),
    ("Pacific/Easter", "2030-04-07T03:00:00Z", -18_000, -21_600),
    ("Pacific/Easter", "2030-09-08T04:00:00Z", -21_600, -18_000),
    ("America/Nuuk", "2031-03-30T01:00:00Z", -7_200, -3_600),
    ("America/Nuuk", "2031-10-26T01:00:00Z", -3_600, -7_200),
    ("Antarctica/Troll", "2032-03-28T01:00:00Z", 0, 7_200),
    ("Antarctica/Troll", "2032-10-31T01:00:00Z", 7_200, 0),
    ("Africa/Cairo", "2033-04-28T22:00:00Z", 7_200, 10_800),
    ("Africa/Cairo", "2033-10-27T21:00:00Z", 10_800, 7_200),
    ("Africa/Johannesburg", "2034-01-15T12:00:00Z", 7_200, 7_200),
    ("Asia/Beirut", "2035-03-24T22:00:00Z", 7_200, 10_800),
    ("Asia/Beirut", "2035-10-27T21:00:00Z", 10_800, 7_200),
    ("Asia/Jerusalem", "2036-03-28T00:00:00Z", 7_200, 10_800),
    ("Asia/Jerusalem", "2036-10-25T23:00:00Z", 10_800, 7_200),
    ("Asia/Gaza", "2031-03-29T00:00:00Z", 7_200, 10_800),
    ("Asia/Gaza", "2031-10-24T23:00:00Z", 10_800, 7_200),
    ("Asia/Tehran", "2025-01-15T12:00:00Z", 12_600, 12_600),
    ("Asia/Kolkata", "2027-01-15T12:00:00Z", 19_800, 19_800),
    ("Asia/Kathmandu", "2028-01-15T12:00:00Z", 20_700, 20_700),
    ("Asia/Tokyo", "2029-01-15T12:00:00Z", 32_400, 32_400),
    ("Australia/Sydney", "2030-04-06T16:00:00Z", 39_600, 36_000),
    ("Australia/Sydney", "2030-10-05T16:00:00Z", 36_000, 39_600),
    ("Australia/Brisbane", "2031-01-15T12:00:00Z", 36_000, 36_000),
    ("Australia/Adelaide", "2032-04-03T16:30:00Z", 37_800, 34_200),
    ("Australia/Adelaide", "2032-10-02T16:30:00Z", 34_200, 37_800),
    ("Australia/Lord_Howe", "2033-04-02T15:00:00Z", 39_600, 37_800),
    ("Australia/Lord_Howe", "2033-10-01T15:30:00Z", 37_800, 39_600),
    ("Pacific/Auckland", "2034-04-01T14:00:00Z", 46_800, 43_200),
    ("Pacific/Auckland", "2034-09-23T14:00:00Z", 43_200, 46_800),
    ("Pacific/Chatham", "2035-03-31T14:00:00Z", 49_500, 45_900),
    ("Pacific/Chatham", "2035-09-29T14:00:00Z", 45_900, 49_500),
    ("Pacific/Kiritimati", "2036-01-15T12:00:00Z", 50_400, 50_400),
    ("Pacific/Pago_Pago", "2037-01-15T12:00:00Z", -39_600, -39_600),
];

fn zone(name: &str) -> Zone {
    Zone::find(name).unwrap_or_else(|error| panic!("`{name}`: {error}"))
}

fn earlier(instant: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_ms(instant.to_ms() - ms).unwrap()
}

#[test]
fn offsets_are_those_of_the_full_database() {
    for (name, instant, before, after) in OFFSETS {
        let (zone, instant) = (zone(name), at(instant));
        assert_eq!(zone.offset_at(earlier(instant, 1)), *before, "{name}");
        assert_eq!(zone.offset_at(instant), *after, "{name}");
    }
}

#[test]
fn the_next_transition_is_found_from_both_sides() {
    for (name, instant, before, after) in OFFSETS {
        let (zone, instant) = (zone(name), at(instant));
        let next = zone.next_transition_after(earlier(instant, 1));
        if before == after {
            assert_eq!(next, None, "{name}");
            continue;
        }
        assert_eq!(next, Some(instant), "{name}");
        let following = zone.next_transition_after(instant).unwrap();
        assert!(following > instant, "{name}");
        assert_eq!(zone.offset_at(following), *before, "{name}");
    }
    assert_eq!(
        zone("Europe/Berlin").next_transition_after(Timestamp::MAX),
        None
    );
}

#[test]
fn local_times_are_found_in_each_zone() {
    for (name, instant, ..) in OFFSETS {
        let zone = zone(name);
        for hours_before in [-30, 0, 30] {
            let instant = earlier(at(instant), hours_before * 3_600_000);
            let local = instant.civil(zone.offset_at(instant));
            let found = zone.instant_of(
                local.year,
                local.month.into(),
                local.day.into(),
                local.hours.into(),
                local.minutes.into(),
            );
            // The start of winter time is the second time that the clock shows this.
            let again = found.civil(zone.offset_at(found));
            assert!(found <= instant, "{name} {instant}");
            assert_eq!(
                (again.day, again.hours),
                (local.day, local.hours),
                "{name} {instant}"
            );
        }
    }
}

#[test]
fn a_skipped_time_is_the_end_of_the_gap_and_a_repeated_one_the_first() {
    for (name, local, instant) in [
        // 02:00 to 03:00 does not exist on March 29; 02:00 to 03:00 is repeated on October 25.
        (
            "Europe/Berlin",
            (2026, 2, 28, 1, 59),
            "2026-03-29T00:59:00Z",
        ),
        ("Europe/Berlin", (2026, 2, 28, 2, 0), "2026-03-29T01:00:00Z"),
        (
            "Europe/Berlin",
            (2026, 2, 28, 2, 30),
            "2026-03-29T01:00:00Z",
        ),
        ("Europe/Berlin", (2026, 2, 28, 3, 0), "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", (2026, 2, 28, 3, 1), "2026-03-29T01:01:00Z"),
        (
            "Europe/Berlin",
            (2026, 9, 24, 2, 30),
            "2026-10-25T00:30:00Z",
        ),
        ("Europe/Berlin", (2026, 9, 24, 3, 0), "2026-10-25T02:00:00Z"),
        (
            "Europe/Dublin",
            (2026, 2, 28, 1, 30),
            "2026-03-29T01:00:00Z",
        ),
        (
            "Europe/Dublin",
            (2026, 9, 24, 1, 30),
            "2026-10-25T00:30:00Z",
        ),
        // Midnight itself is skipped and repeated.
        (
            "America/Santiago",
            (2029, 8, 1, 0, 0),
            "2029-09-02T04:00:00Z",
        ),
        (
            "America/Santiago",
            (2029, 3, 6, 23, 30),
            "2029-04-08T02:30:00Z",
        ),
        ("Asia/Beirut", (2035, 2, 24, 0, 15), "2035-03-24T22:00:00Z"),
        // Half an hour.
        (
            "Australia/Lord_Howe",
            (2033, 9, 1, 2, 15),
            "2033-10-01T15:30:00Z",
        ),
        (
            "Australia/Lord_Howe",
            (2033, 3, 2, 1, 45),
            "2033-04-02T14:45:00Z",
        ),
        // Two hours.
        (
            "Antarctica/Troll",
            (2032, 2, 27, 2, 59),
            "2032-03-28T01:00:00Z",
        ),
    ] {
        let (year, month, day, hour, minute) = local;
        let found = zone(name).instant_of(year, month, day, hour, minute);
        assert_eq!(found, at(instant), "{name} {local:?}");
    }
}

#[test]
fn fields_outside_their_range_count_on() {
    for (local, instant) in [
        ((2026, 0, 31, 0, 0), "2026-02-01T00:00:00Z"),
        ((2026, 11, 31, 0, 0), "2027-01-01T00:00:00Z"),
        ((2026, 12, 0, 0, 0), "2027-01-01T00:00:00Z"),
        ((2026, -1, 0, 0, 0), "2025-12-01T00:00:00Z"),
        ((2026, 0, -1, 0, 0), "2025-12-31T00:00:00Z"),
        ((2026, 0, 0, -1, 0), "2025-12-31T23:00:00Z"),
        ((2026, 0, 0, 24, 60), "2026-01-02T01:00:00Z"),
        (
            (i32::MAX, i32::MAX, i32::MAX, i32::MAX, i32::MAX),
            "9999-12-31T23:59:59.999Z",
        ),
        (
            (i32::MIN, i32::MIN, i32::MIN, i32::MIN, i32::MIN),
            "0001-01-01T00:00:00Z",
        ),
    ] {
        let (year, month, day, hour, minute) = local;
        assert_eq!(
            Zone::UTC.instant_of(year, month, day, hour, minute),
            at(instant),
            "{local:?}"
        );
    }
    let berlin = zone("Europe/Berlin");
    assert_eq!(berlin.instant_of(1, 0, 0, 0, 0), Timestamp::MIN);
    assert_eq!(berlin.instant_of(i32::MAX, 0, 0, 0, 0), Timestamp::MAX);
}

#[test]
fn zones_are_offsets_too() {
    for (name, offset_s) in [
        ("+00:00", 0),
        ("-00:00", 0),
        ("+02:00", 7_200),
        ("-05:30", -19_800),
        ("+23:59", 86_340),
    ] {
        assert_eq!(zone(name).offset_at(Timestamp::EPOCH), offset_s, "{name}");
        assert_eq!(
            zone(name).next_transition_after(Timestamp::EPOCH),
            None,
            "{name}"
        );
    }
    assert_eq!(zone("+00:00"), Zone::UTC);
    assert_eq!(zone("UTC"), Zone::UTC);
}

#[test]
fn what_is_no_zone_is_unknown_and_a_similar_name_is_suggested() {
    for (name, suggestion) in [
        ("Europe/Berln", Some("Europe/Berlin")),
        ("europe/berlin", Some("Europe/Berlin")),
        ("Berlin", Some("Europe/Berlin")),
        ("New_York", Some("America/New_York")),
        ("America/NewYork", Some("America/New_York")),
        ("utc", Some("UTC")),
        ("Mars/Olympus_Mons", None),
        ("", None),
        (" ", None),
        ("CET-1CEST,M3.5.0,M10.5.0/3", None),
        ("+24:00", None),
        ("+2:00", None),
        ("Factory", None),
        ("Europe/Berlin Europe/Paris", None),
        ("Europe/Berlin\n", Some("Europe/Berlin")),
    ] {
        assert_eq!(
            Zone::find(name),
            Err(ZoneError::Unknown { suggestion }),
            "`{name}`"
        );
    }
    let long = "Europe/Berlin".repeat(1_000);
    assert_eq!(
        Zone::find(&long),
        Err(ZoneError::Unknown { suggestion: None })
    );
}

#[test]
fn a_zone_without_a_fixed_rule_is_refused() {
    for line in ZONES.lines().filter(|line| line.starts_with("- ")) {
        for name in line.split(' ').skip(1) {
            assert_eq!(Zone::find(name), Err(ZoneError::NotFixed), "{name}");
        }
    }
    assert!(ZONES.starts_with("- "), "the table has such zones");
}

#[test]
fn each_rule_of_the_table_is_understood_and_stays_clear_of_new_year() {
    for line in ZONES.lines().filter(|line| !line.starts_with("- ")) {
        let rule = line.split(' ').next().unwrap();
        let zone = Zone::from_rule(rule).unwrap_or_else(|| panic!("`{rule}`"));
        // Offsets are worked out within one year, which is right as long as no clock changes in
        // the days around its turn.
        for year in 2000..2400 {
            let new_year = Zone::UTC.instant_of(year, 0, 0, 0, 0);
            let change = zone.next_transition_after(earlier(new_year, 5 * 86_400_000));
            let far = Zone::UTC.instant_of(year, 0, 5, 0, 0);
            assert!(
                change.is_none_or(|change| change > far),
                "`{rule}` in {year}"
            );
        }
    }
}

#[test]
fn names_are_listed_once() {
    let mut names: Vec<&str> = ZONES
        .lines()
        .flat_map(|line| line.split(' ').skip(1))
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count > 500);
}

#[test]
fn rules_of_other_forms_are_refused() {
    for rule in [
        "",
        "-",
        "CET",
        "CE-1",
        "<CET-1",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,J60,J300",
        "CET-1CEST,59,300",
        "CET-1CEST,M3.5.0,M10.5.0/3,",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,M3.5,M10.5.0",
        "CET-1CEST,M3.5.0.0,M10.5.0",
        "CET-1CEST,M3.5.0/x,M10.5.0",
        "CET-1CEST,M3.5.0/3x,M10.5.0",
        "CET-9999CEST,M3.5.0,M10.5.0",
        "CET-1x",
        "CET-1:",
        "CET-1CEST-2x,M3.5.0,M10.5.0",
        "é-1",
        "<é-1",
        "CET--1",
    ] {
        assert_eq!(Zone::from_rule(rule), None, "`{rule}`");
    }
    for rule in ["<é>-1", "CET-1", "CET-1:00:00", "CET-01:00"] {
        assert_eq!(Zone::from_rule(rule), Zone::find("+01:00").ok(), "`{rule}`");
    }
}
