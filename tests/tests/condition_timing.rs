//! How long an outcome stands, against brute force: step the clock forward and look.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "instants and durations of some years, in milliseconds"
)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use stage0_engine::expression::{Expression, Outcome};
use stage0_engine::time::Timestamp;
use stage0_tests::condition::{facts, parse, shown};
use stage0_tests::random::Random;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
const YEAR_MS: u64 = 365 * DAY_MS;

/// Clock changes in Berlin and New York, the turn of a year, a leap day, plain instants.
const BASES: &[&str] = &[
    "2026-03-29T00:59:59Z",
    "2026-10-25T00:20:00Z",
    "2026-10-25T01:10:00Z",
    "2026-11-01T05:30:00Z",
    "2026-12-31T23:59:59.999Z",
    "2028-02-28T22:30:00Z",
    "2026-01-05T10:00:00Z",
    "2026-07-04T12:34:56.789Z",
];

const ZONES: &[&str] = &[
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "+05:45",
    "-03:30",
];

const FIELDS: &[&str] = &[
    "getFullYear",
    "getMonth",
    "getDayOfYear",
    "getDayOfMonth",
    "getDate",
    "getDayOfWeek",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

const WINDOWS: &[&str] = &[
    "Mon-Fri 09:00-17:00 Europe/Berlin",
    "Sun 02:15-02:45 Europe/Berlin",
    "Sat,Sun 00:00-24:00 America/New_York",
    "Sun 01:30-02:30 America/New_York",
    "Mon-Sun 00:00-24:00",
    "Fri-Mon 22:00-24:00 Asia/Kolkata",
    "Sun 02:30-04:00 Europe/Berlin",
];

const COMPARISONS: &[&str] = &["<", "<=", ">", ">=", "==", "!="];

/// Writes random conditions over time.
struct Writer {
    random: Random,
    base: Timestamp,
    loops: usize,
}

impl Writer {
    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        self.random.pick(from).unwrap()
    }

    fn near(&mut self) -> String {
        let scale = [1_000, HOUR_MS, 3 * DAY_MS, 400 * DAY_MS][self.random.index(4)];
        let ahead = i64::try_from(self.random.below(scale)).unwrap();
        let back = i64::try_from(self.random.below(scale)).unwrap() / 4;
        let at = Timestamp::from_ms(self.base.to_ms() + ahead - back).unwrap();
        format!("timestamp(\"{at}\")")
    }

    fn time(&mut self, depth: u32) -> String {
        match if depth == 0 {
            self.random.below(4)
        } else {
            self.random.below(9)
        } {
            0..=2 => "now".to_owned(),
            3 => self.near(),
            4 | 5 => format!("({} + {})", self.time(depth - 1), self.span(depth - 1)),
            6 => format!("({} - {})", self.time(depth - 1), self.span(depth - 1)),
            7 => {
                let (test, then, otherwise) = (
                    self.truth(depth - 1),
                    self.time(depth - 1),
                    self.time(depth - 1),
                );
                format!("({test} ? {then} : {otherwise})")
            }
            _ => {
                let element = self.time(depth - 1);
                format!("[1, 2].map(i{}, {element})[0]", self.loops)
            }
        }
    }

    fn span(&mut self, depth: u32) -> String {
        match if depth == 0 { 0 } else { self.random.below(6) } {
            0 | 1 => {
                let unit = self.pick(&["ms", "s", "m", "h"]);
                format!("duration(\"{}{unit}\")", self.random.below(5_000))
            }
            2 | 3 => format!("({} - {})", self.time(depth - 1), self.time(depth - 1)),
            4 => format!("-{}", self.span(depth - 1)),
            _ => format!("({} + {})", self.span(depth - 1), self.span(depth - 1)),
        }
    }

    fn count(&mut self, depth: u32) -> String {
        if self.random.one_in(3) {
            let field = self.pick(&["getHours", "getMinutes", "getSeconds", "getMilliseconds"]);
            return format!("{}.{field}()", self.span(depth));
        }
        let (field, zone) = (self.pick(FIELDS), self.pick(ZONES));
        let zone = match self.random.below(3) {
            0 => String::new(),
            1 => "zone".to_owned(),
            _ => format!("\"{zone}\""),
        };
        format!("{}.{field}({zone})", self.time(depth))
    }

    fn truth(&mut self, depth: u32) -> String {
        let comparison = self.pick(COMPARISONS);
        if depth == 0 {
            return match self.random.below(3) {
                0 => format!("{} {comparison} {}", self.time(0), self.near()),
                1 => "flag".to_owned(),
                _ => "absent".to_owned(),
            };
        }
        let depth = depth - 1;
        match self.random.below(10) {
            0 | 1 => format!("{} {comparison} {}", self.time(depth), self.time(depth)),
            2 | 3 => format!("{} {comparison} {}", self.span(depth), self.span(depth)),
            4 => format!(
                "{} {comparison} {}",
                self.count(depth),
                self.random.below(30)
            ),
            5 => format!(
                "in_window({}, \"{}\")",
                self.time(depth),
                self.pick(WINDOWS)
            ),
            6 => format!("({} && {})", self.truth(depth), self.truth(depth)),
            7 => format!("({} || !{})", self.truth(depth), self.truth(depth)),
            8 => format!(
                "{} in [{}, {}]",
                self.time(depth),
                self.time(depth),
                self.near()
            ),
            _ => {
                self.loops += 1;
                let text = if self.loops > 2 {
                    self.truth(depth)
                } else {
                    let kind = self.pick(&["exists", "all", "exists_one"]);
                    let body = self.truth(depth);
                    format!("[true, false].{kind}(i{}, i{0} && {body})", self.loops)
                };
                self.loops -= 1;
                text
            }
        }
    }
}

struct Case {
    expression: Expression,
    text: String,
}

impl Case {
    fn outcome(&self, now: Timestamp) -> Outcome {
        let facts = facts(r#"{"flag": true, "zone": "Europe/Berlin"}"#).unwrap();
        self.expression.evaluate(&facts, now)
    }

    /// The outcome at `now`, and that it is the same at instants before the claimed one.
    fn check(&self, now: Timestamp, random: &mut Random) {
        let facts = facts(r#"{"flag": true, "zone": "Europe/Berlin"}"#).unwrap();
        let (outcome, until) = self.expression.evaluate_until(&facts, now);
        assert_eq!(outcome, self.outcome(now), "{}", self.text);
        let end = until.map_or(
            now.to_ms() + i64::try_from(2 * YEAR_MS).unwrap(),
            Timestamp::to_ms,
        );
        let room = u64::try_from(end - now.to_ms()).unwrap();
        if room == 0 {
            return;
        }
        let mut steps = vec![room - 1];
        for scale in [10, 1_000, HOUR_MS, DAY_MS, 30 * DAY_MS, room] {
            for _ in 0..4 {
                steps.push(random.below(scale.min(room)));
            }
            // The full hours and minutes behind it are where fields change.
            let full = u64::try_from(now.to_ms()).unwrap() % scale;
            steps.push((scale - full).min(room - 1));
        }
        for step in steps {
            let later = Timestamp::from_ms(now.to_ms() + i64::try_from(step).unwrap()).unwrap();
            let found = self.outcome(later);
            assert!(
                found == outcome,
                "{}\nis {} at {now} and {} at {later}, although it stands until {until:?}",
                self.text,
                shown(&outcome),
                shown(&found),
            );
        }
    }
}

#[test]
fn no_outcome_changes_before_the_instant_that_was_told() {
    let mut told = 0_u32;
    for seed in 0..6_000 {
        let mut random = Random::new(seed);
        let base = Timestamp::parse(random.pick(BASES).unwrap()).unwrap();
        let jitter = i64::try_from(random.below(2 * HOUR_MS)).unwrap();
        let now = Timestamp::from_ms(base.to_ms() + jitter).unwrap();
        let mut writer = Writer {
            random,
            base: now,
            loops: 0,
        };
        let depth = 1 + u32::try_from(seed % 4).unwrap();
        let text = writer.truth(depth);
        // Some are refused: a type that can never work, or loops that nest too deeply.
        let Ok(expression) = parse(&text) else {
            continue;
        };
        told += 1;
        Case { expression, text }.check(now, &mut writer.random);
    }
    assert!(told > 5_000, "only {told} conditions were accepted");
}

#[test]
fn the_instant_is_the_very_one_where_it_can_be_told() {
    const NEVER: &str = "never";
    for (text, expected) in [
        ("1 < 2", NEVER),
        (
            "now < timestamp(\"2026-01-05T11:00:00Z\")",
            "2026-01-05T11:00:00Z",
        ),
        (
            "now <= timestamp(\"2026-01-05T11:00:00Z\")",
            "2026-01-05T11:00:00.001Z",
        ),
        (
            "now == timestamp(\"2026-01-05T11:00:00Z\")",
            "2026-01-05T11:00:00Z",
        ),
        ("now > timestamp(\"2026-01-05T09:00:00Z\")", NEVER),
        (
            "now - timestamp(\"2026-01-05T09:00:00Z\") > duration(\"90m\")",
            "2026-01-05T10:30:00.001Z",
        ),
        (
            "duration(\"90m\") < timestamp(\"2026-01-05T11:31:00Z\") - now",
            "2026-01-05T10:01:00Z",
        ),
        (
            "-(now - timestamp(\"2026-01-05T12:00:00Z\")) > duration(\"1h\")",
            "2026-01-05T11:00:00Z",
        ),
        ("now - duration(\"1h\") < now", NEVER),
        ("now + duration(\"1h\") > now", "9999-12-31T23:00:00Z"),
        ("now.getHours() < 17", "2026-01-05T11:00:00Z"),
        (
            "now.getHours(\"Asia/Kolkata\") < 17",
            "2026-01-05T10:30:00Z",
        ),
        (
            "now.getDayOfWeek(\"America/New_York\") == 1",
            "2026-01-06T05:00:00Z",
        ),
        (
            "(now - timestamp(\"2026-01-05T09:50:00Z\")).getMinutes() > 20",
            "2026-01-05T10:01:00Z",
        ),
        (
            "(now - timestamp(\"2026-01-05T10:10:30Z\")).getMinutes() == -10",
            "2026-01-05T10:00:30.001Z",
        ),
        (
            "in_window(now, \"Mon-Fri 09:00-17:00\")",
            "2026-01-05T17:00:00Z",
        ),
        (
            "in_window(now - duration(\"24h\"), \"Mon-Fri 09:00-17:00\")",
            "2026-01-06T09:00:00Z",
        ),
        (
            "now < timestamp(\"2026-01-05T11:00:00Z\") || now.getDate() == 5",
            "2026-01-05T11:00:00Z",
        ),
        (
            "absent < 5 || now < timestamp(\"2026-01-05T11:00:00Z\")",
            "2026-01-05T11:00:00Z",
        ),
        (
            "now + duration(\"87600000h\") > now",
            "2026-01-05T10:00:00Z",
        ),
        (
            "now + duration(\"69888000h\") > timestamp(\"2026-01-05T11:00:00Z\")",
            "2027-03-20T00:00:00Z",
        ),
        // A value that moves by itself is another one at once, and lists are not followed.
        ("now", "2026-01-05T10:00:00Z"),
        ("[now] == []", "2026-01-05T10:00:00Z"),
        (
            "now in [timestamp(\"2026-01-05T11:00:00Z\")]",
            "2026-01-05T10:00:00Z",
        ),
        (
            "[1].exists(i, now > timestamp(\"2026-01-05T09:00:00Z\"))",
            "2026-01-05T10:00:00Z",
        ),
    ] {
        let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
        let (_, until) = parse(text)
            .unwrap()
            .evaluate_until(&facts("{}").unwrap(), now);
        let until = until.map_or(NEVER.to_owned(), |until| until.to_string());
        assert_eq!(until, expected, "{text}");
    }
}
