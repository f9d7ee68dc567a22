//! The clock changes of a zone, as the rule of a POSIX `TZ` variable describes them.
//!
//! `CET-1CEST,M3.5.0,M10.5.0/3` reads: one hour ahead of UTC (the sign is that of POSIX, west is
//! positive), summer time from the last Sunday of March, 02:00, to the last Sunday of October, 03:00.
//! Hours of a change may be negative or above 24, as in RFC 9636. Of the forms for days only `M` is
//! known, because no zone uses another.

use super::calendar;

const SECONDS_PER_HOUR: i32 = 3_600;
const SECONDS_PER_DAY: i64 = 86_400;

/// An offset all year, or two of them in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    /// Seconds that standard time is ahead of UTC.
    standard_s: i32,
    daylight: Option<Daylight>,
}

/// The other part of the year. Ireland's is winter: its standard time is that of the summer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Daylight {
    offset_s: i32,
    start: Change,
    end: Change,
}

/// A day of the year and a time on the clock as it stands before the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// 1 to 12.
    month: i32,
    /// 1 to 5, where 5 is the last in the month.
    week: i32,
    /// 0 for Sunday.
    weekday: i32,
    time_s: i32,
}

impl Rule {
    /// A fixed offset, in seconds ahead of UTC.
    pub(super) const fn fixed(offset_s: i32) -> Self {
        Self {
            standard_s: offset_s,
            daylight: None,
        }
    }

    /// The rule that a text describes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(',');
        let rest = behind_name(fields.next()?)?;
        let (standard_west_s, rest) = parse_time(rest)?;
        let standard_s = standard_west_s.saturating_neg();
        if rest.is_empty() {
            return fields.next().is_none().then_some(Self::fixed(standard_s));
        }
        let offset_s = match behind_name(rest)? {
            "" => standard_s.saturating_add(SECONDS_PER_HOUR),
            rest => match parse_time(rest)? {
                (west_s, "") => west_s.saturating_neg(),
                _ => return None,
            },
        };
        let daylight = Daylight {
            offset_s,
            start: Change::parse(fields.next()?)?,
            end: Change::parse(fields.next()?)?,
        };
        fields.next().is_none().then_some(Self {
            standard_s,
            daylight: Some(daylight),
        })
    }

    /// Seconds that the clock is ahead of UTC at an instant.
    pub(super) fn offset_at(self, ms: i64) -> i32 {
        let Some(daylight) = self.daylight else {
            return self.standard_s;
        };
        let (start, end) = self.changes_in(daylight, calendar::year_of(ms, self.standard_s));
        // In the south, and for Ireland, daylight time spans the turn of the year.
        let is_daylight = if start < end {
            (start..end).contains(&ms)
        } else {
            !(end..start).contains(&ms)
        };
        if is_daylight {
            daylight.offset_s
        } else {
            self.standard_s
        }
    }

    /// The first change of the clock after an instant.
    pub(super) fn next_change_after(self, ms: i64) -> Option<i64> {
        let daylight = self.daylight?;
        let year = calendar::year_of(ms, self.standard_s);
        let (start, end) = self.changes_in(daylight, year);
        let (next_start, next_end) = self.changes_in(daylight, year.saturating_add(1));
        [start, end, next_start, next_end]
            .into_iter()
            .filter(|change| *change > ms)
            .min()
    }

    /// The instant at which the clock shows a local time, given in milliseconds since the epoch as
    /// if it were UTC: the earlier of two; the end of the gap for a time that the clock skips.
    pub(super) fn instant_of(self, local_ms: i64) -> i64 {
        let Some(daylight) = self.daylight else {
            return instant(local_ms, self.standard_s);
        };
        let furthest_s = self.standard_s.max(daylight.offset_s);
        let nearest_s = self.standard_s.min(daylight.offset_s);
        // The greater offset gives the earlier instant.
        let earlier = instant(local_ms, furthest_s);
        let later = instant(local_ms, nearest_s);
        if self.offset_at(earlier) == furthest_s {
            earlier
        } else if self.offset_at(later) == nearest_s {
            later
        } else {
            self.next_change_after(earlier).unwrap_or(later)
        }
    }

    /// The instants at which daylight time starts and ends in a year.
    fn changes_in(self, daylight: Daylight, year: i64) -> (i64, i64) {
        (
            instant(daylight.start.local_ms_in(year), self.standard_s),
            instant(daylight.end.local_ms_in(year), daylight.offset_s),
        )
    }
}

impl Change {
    /// Reads `Mm.w.d`, perhaps with `/time`; without, the time is 02:00.
    fn parse(text: &str) -> Option<Self> {
        let (day, time_s) = match text.split_once('/') {
            Some((day, time)) => match parse_time(time)? {
                (time_s, "") => (day, time_s),
                _ => return None,
            },
            None => (text, SECONDS_PER_HOUR.saturating_mul(2)),
        };
        let mut numbers = day.strip_prefix('M')?.split('.');
        let mut number_in = |range: std::ops::RangeInclusive<i32>| {
            let (number, rest) = parse_number(numbers.next()?)?;
            (rest.is_empty() && range.contains(&number)).then_some(number)
        };
        let change = Self {
            month: number_in(1..=12)?,
            week: number_in(1..=5)?,
            weekday: number_in(0..=6)?,
            time_s,
        };
        numbers.next().is_none().then_some(change)
    }

    /// The local time of the change, in milliseconds since the epoch as if it were UTC.
    fn local_ms_in(self, year: i64) -> i64 {
        let month = i64::from(self.month);
        let first = calendar::days_of_date(year, month, 1);
        let to_weekday = i64::from(self.weekday)
            .saturating_sub(calendar::weekday_of_days(first))
            .rem_euclid(7);
        let weeks = i64::from(self.week).saturating_sub(1);
        let mut day = to_weekday.saturating_add(weeks.saturating_mul(7));
        if day >= calendar::days_in_month(year, month) {
            day = day.saturating_sub(7);
        }
        first
            .saturating_add(day)
            .saturating_mul(SECONDS_PER_DAY)
            .saturating_add(self.time_s.into())
            .saturating_mul(calendar::MS_PER_SECOND)
    }
}

/// The instant at which a clock that is ahead of UTC by an offset shows a local time.
fn instant(local_ms: i64, offset_s: i32) -> i64 {
    local_ms.saturating_sub(i64::from(offset_s).saturating_mul(calendar::MS_PER_SECOND))
}

/// What follows a zone's abbreviation: three or more letters, or anything in angle brackets.
fn behind_name(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix('<') {
        return Some(quoted.split_once('>')?.1);
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    (text.len().saturating_sub(rest.len()) >= 3).then_some(rest)
}

/// The seconds of `[+-]hh[:mm[:ss]]`, and what follows.
fn parse_time(text: &str) -> Option<(i32, &str)> {
    let (is_negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, mut rest) = parse_number(unsigned)?;
    let mut seconds = hours.saturating_mul(SECONDS_PER_HOUR);
    for unit_s in [60, 1] {
        let Some(behind) = rest.strip_prefix(':') else {
            break;
        };
        let (count, behind) = parse_number(behind)?;
        seconds = seconds.saturating_add(count.saturating_mul(unit_s));
        rest = behind;
    }
    let seconds = if is_negative {
        seconds.saturating_neg()
    } else {
        seconds
    };
    Some((seconds, rest))
}

/// One to three digits, as a number, and what follows.
fn parse_number(text: &str) -> Option<(i32, &str)> {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(count)?;
    let number = digits.parse().ok()?;
    (count <= 3).then_some((number, rest))
}
