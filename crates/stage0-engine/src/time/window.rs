//! Weekly windows: `Mon-Fri 09:00-17:00 Europe/Berlin`.
//!
//! A window opens and closes by the wall clock of its zone, so it follows that zone's summer time. It
//! answers two questions: does an instant lie in it, and when does that answer change next. The
//! second is what lets a DEFER say when to try again.

use core::fmt;

use super::{Duration, Timestamp, Zone};

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// The window that needs no hours: Monday to Friday, 09:00 to 17:00.
pub const BUSINESS_HOURS: &str = "business_hours";
const DAY_MINUTES: i32 = 24 * 60;
const DAY_MS: i64 = 86_400_000;
/// A week has all edges. One whose hours a change of the clock skips opens a week later; no zone
/// changes its clock in the same hour of two weeks in succession.
const LOOK_AHEAD_MS: i64 = 15 * DAY_MS;

/// Text that is no weekly window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowError {
    reason: &'static str,
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

impl WindowError {
    /// What is wrong, in one sentence.
    pub const fn reason(self) -> &'static str {
        self.reason
    }
}

/// A weekly window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Bit 0 is Sunday.
    days: u8,
    /// Minutes of the day: the first that is inside, and the first that is not any more.
    opens: i32,
    closes: i32,
    zone: Zone,
}

impl Window {
    /// Monday to Friday, 09:00 to 17:00.
    pub const fn business_hours(zone: Zone) -> Self {
        Self {
            days: 0b011_1110,
            opens: 9 * 60,
            closes: 17 * 60,
            zone,
        }
    }

    /// Reads days, hours and, if it is not the one given, a zone: `Mon-Fri 09:00-17:00
    /// Europe/Berlin`, `Sat,Sun 00:00-24:00`; or `business_hours`. Days may wrap around the week,
    /// hours may not wrap around midnight.
    ///
    /// # Errors
    /// What is not of this form.
    pub fn parse(text: &str, zone: Zone) -> Result<Self, WindowError> {
        if text == BUSINESS_HOURS {
            return Ok(Self::business_hours(zone));
        }
        let refuse = |reason| Err(WindowError { reason });
        let mut words = text.split_ascii_whitespace();
        let (Some(days), Some(hours)) = (words.next(), words.next()) else {
            return refuse("a window has days and hours");
        };
        let zone = match words.next() {
            None => zone,
            Some(name) => match Zone::find(name) {
                Ok(zone) => zone,
                Err(_) => {
                    return refuse("the time zone is not known, or no fixed rule describes it");
                }
            },
        };
        if words.next().is_some() {
            return refuse("there is more behind the zone");
        }
        let Some(days) = parse_days(days) else {
            return refuse("the days are not of the form Mon-Fri or Sat,Sun");
        };
        let Some((opens, closes)) = hours.split_once('-') else {
            return refuse("the hours are not of the form 09:00-17:00");
        };
        match (parse_minute(opens), parse_minute(closes)) {
            (Some(opens), Some(closes)) if opens < closes => Ok(Self {
                days,
                opens,
                closes,
                zone,
            }),
            (Some(_), Some(_)) => refuse("the window closes before it opens"),
            _ => refuse("the hours are not of the form 09:00-17:00"),
        }
    }

    /// Whether the instant lies in the window.
    pub fn contains(&self, at: Timestamp) -> bool {
        let civil = at.civil(self.zone.offset_at(at));
        let minute = i32::from(civil.hours)
            .saturating_mul(60)
            .saturating_add(i32::from(civil.minutes));
        self.has_day(i32::from(civil.day_of_week)) && minute >= self.opens && minute < self.closes
    }

    fn has_day(&self, day: i32) -> bool {
        let bit = u32::try_from(day.rem_euclid(7)).unwrap_or(0);
        self.days.checked_shr(bit).unwrap_or(0) & 1 == 1
    }

    /// The next instant at which [`contains`](Self::contains) answers differently; nothing if it
    /// never does.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let now = self.contains(at);
        let last = at.to_ms().saturating_add(LOOK_AHEAD_MS);
        let mut edge = at;
        while edge.to_ms() <= last {
            edge = self.next_edge(edge)?;
            if self.contains(edge) != now {
                return Some(edge);
            }
        }
        None
    }

    /// The next instant at which the answer might differ: the wall clock shows midnight, the opening
    /// or the closing, or it is changed.
    fn next_edge(&self, at: Timestamp) -> Option<Timestamp> {
        let offset_s = self.zone.offset_at(at);
        let midnight = next_boundary(at, offset_s, Duration::from_ms(DAY_MS)?)?;
        let edges = [self.opens, self.closes].into_iter().filter_map(|minute| {
            let before = DAY_MS.checked_sub(i64::from(minute).checked_mul(60_000)?)?;
            Timestamp::from_ms(midnight.to_ms().checked_sub(before)?).filter(|edge| *edge > at)
        });
        let change = self.zone.next_transition_after(at);
        edges.chain(change).chain([midnight]).min()
    }

    /// The next instant at which the window is open; the instant itself if it is open now.
    pub fn opens_at(&self, at: Timestamp) -> Option<Timestamp> {
        if self.contains(at) {
            Some(at)
        } else {
            self.next_change(at)
        }
    }
}

fn parse_days(text: &str) -> Option<u8> {
    let mut days = 0_u8;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let mut day = parse_day(first)?;
        let last = parse_day(last)?;
        loop {
            days |= 1_u8.checked_shl(day)?;
            if day == last {
                break;
            }
            day = day.checked_add(1)?.checked_rem(7)?;
        }
    }
    Some(days)
}

fn parse_day(text: &str) -> Option<u32> {
    let position = DAYS.iter().position(|day| day.eq_ignore_ascii_case(text))?;
    u32::try_from(position).ok()
}

fn parse_minute(text: &str) -> Option<i32> {
    let (hours, minutes) = text.split_once(':')?;
    if hours.len() != 2
        || minutes.len() != 2
        || !text.bytes().all(|b| b.is_ascii_digit() || b == b':')
    {
        return None;
    }
    let minute = hours
        .parse::<i32>()
        .ok()?
        .checked_mul(60)?
        .checked_add(minutes.parse().ok()?)?;
    (minute <= DAY_MINUTES && minutes < "60").then_some(minute)
}

/// The first instant after `at` that is a multiple of `unit` on the wall clock with this offset.
pub(crate) fn next_boundary(at: Timestamp, offset_s: i32, unit: Duration) -> Option<Timestamp> {
    let local = at
        .to_ms()
        .checked_add(i64::from(offset_s).checked_mul(1000)?)?;
    let into = local.checked_rem_euclid(unit.to_ms())?;
    Timestamp::from_ms(at.to_ms().checked_add(unit.to_ms().checked_sub(into)?)?)
}

#[cfg(test)]
mod tests {
    use super::Window;
    use crate::time::{Timestamp, Zone};

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn edges_belong_to_the_opening_side() {
        let window = Window::parse("Mon-Fri 09:00-17:00", Zone::UTC).unwrap();
        assert!(!window.contains(at("2026-01-05T08:59:59.999Z")));
        assert!(window.contains(at("2026-01-05T09:00:00Z")));
        assert!(window.contains(at("2026-01-05T16:59:59.999Z")));
        assert!(!window.contains(at("2026-01-05T17:00:00Z")));
        assert!(!window.contains(at("2026-01-04T12:00:00Z")));
    }

    #[test]
    fn it_follows_the_zone_through_summer_time() {
        let window = Window::parse("Mon-Fri 09:00-17:00 Europe/Berlin", Zone::UTC).unwrap();
        assert!(window.contains(at("2026-01-05T08:00:00Z")));
        assert!(window.contains(at("2026-07-06T07:00:00Z")));
        assert_eq!(
            window.next_change(at("2026-03-27T20:00:00Z")),
            Some(at("2026-03-30T07:00:00Z"))
        );
    }

    #[test]
    fn the_next_change_is_the_opening_or_the_closing() {
        let window = Window::parse("Mon-Fri 09:00-17:00", Zone::UTC).unwrap();
        assert_eq!(
            window.next_change(at("2026-01-09T18:00:00Z")),
            Some(at("2026-01-12T09:00:00Z"))
        );
        assert_eq!(
            window.next_change(at("2026-01-09T12:00:00Z")),
            Some(at("2026-01-09T17:00:00Z"))
        );
        assert_eq!(
            window.opens_at(at("2026-01-09T12:00:00Z")),
            Some(at("2026-01-09T12:00:00Z"))
        );
        let always = Window::parse("Mon-Sun 00:00-24:00", Zone::UTC).unwrap();
        assert_eq!(always.next_change(at("2026-01-09T12:00:00Z")), None);
    }

    #[test]
    fn a_window_without_a_zone_is_in_the_one_given() {
        let berlin = Zone::find("Europe/Berlin").unwrap();
        let window = Window::parse("business_hours", berlin).unwrap();
        assert_eq!(
            window,
            Window::parse("Mon-Fri 09:00-17:00", berlin).unwrap()
        );
        assert_eq!(
            window,
            Window::parse("Mon-Fri 09:00-17:00 Europe/Berlin", Zone::UTC).unwrap()
        );
        assert!(window.contains(at("2026-01-05T08:00:00Z")));
    }

    #[test]
    fn hours_that_the_clock_repeats_or_skips_open_when_it_shows_them() {
        let window = Window::parse("Sun 02:15-02:45 Europe/Berlin", Zone::UTC).unwrap();
        // 02:15 to 02:45 comes twice on October 25.
        for (from, to) in [
            ("2026-10-25T00:00:00Z", "2026-10-25T00:15:00Z"),
            ("2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z"),
            ("2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"),
            ("2026-10-25T01:15:00Z", "2026-10-25T01:45:00Z"),
            ("2026-10-25T01:45:00Z", "2026-11-01T01:15:00Z"),
        ] {
            assert_eq!(window.next_change(at(from)), Some(at(to)), "{from}");
        }
        // It does not come at all on March 29.
        let after = window.next_change(at("2026-03-22T12:00:00Z"));
        assert_eq!(after, Some(at("2026-04-05T00:15:00Z")));
        // The clock is set into the window, and back out of it.
        let window = Window::parse("Sun 02:30-04:00 Europe/Berlin", Zone::UTC).unwrap();
        let opens = window.next_change(at("2026-03-29T00:00:00Z"));
        assert_eq!(opens, Some(at("2026-03-29T01:00:00Z")));
        let closes = window.next_change(at("2026-10-25T00:30:00Z"));
        assert_eq!(closes, Some(at("2026-10-25T01:00:00Z")));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "Mon-Fri",
            "Mon-Fri 9-17",
            "Mon-Fri 17:00-09:00",
            "Funday 09:00-17:00",
            "Mon 09:00-17:00 Mars/Base",
            "Mon 09:60-17:00",
            "Mon 09:00-25:00",
            "Mon 09:00-17:00 UTC x",
            "Mon +9:00-17:00",
        ] {
            assert!(Window::parse(text, Zone::UTC).is_err(), "{text}");
        }
    }
}
