//! Instants, spans of time and time zones.
//!
//! Times have millisecond precision and the range of CEL's. What a text says beyond that is an
//! error, never cut off, so that two hosts cannot disagree about a boundary. Zones are those of the
//! table compiled in: every host has the same one. There is no clock here: `now` is an argument of
//! each decision.

use std::fmt;

use crate::number::Number;

mod calendar;
mod rule;
mod table;
#[cfg(test)]
mod tests;
mod text;
pub mod window;
mod zone;

pub use table::ZONE_TABLE_VERSION;
pub use zone::{Zone, ZoneError};

/// Why there is no such time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeError {
    /// The text is not an RFC 3339 time.
    TimestampSyntax,
    /// The text is a time without `Z` or an offset, which would be a different instant in each zone.
    NoOffset,
    /// The text names a date, a time of day or an offset that does not exist, such as February 30.
    NoSuchTime,
    /// The text names a leap second, which milliseconds since the epoch cannot tell apart.
    LeapSecond,
    /// The text is not a duration.
    DurationSyntax,
    /// The text is finer than a millisecond.
    TooPrecise,
    /// The time or duration is outside the range.
    OutOfRange,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimestampSyntax => "not a time such as `2026-01-05T10:00:00Z`",
            Self::NoOffset => "a time without `Z` or an offset such as `+01:00`",
            Self::NoSuchTime => "no such date, time of day or offset",
            Self::LeapSecond => "a leap second has no instant of its own",
            Self::DurationSyntax => "not a duration such as `1h30m`",
            Self::TooPrecise => "finer than a millisecond",
            Self::OutOfRange => "outside the range of times",
        })
    }
}

impl std::error::Error for TimeError {}

/// An instant: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// ```
/// use stage0_engine::time::{Duration, Timestamp};
///
/// let asked = Timestamp::parse("2026-01-05T11:00:00.5+01:00")?;
/// let expires = asked.checked_add(Duration::parse("1h30m")?)?;
/// assert_eq!(expires.to_string(), "2026-01-05T11:30:00.500Z");
/// # Ok::<(), stage0_engine::time::TimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0001-01-01T00:00:00Z, the earliest instant.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// 9999-12-31T23:59:59.999Z, the latest instant.
    pub const MAX: Self = Self(253_402_300_799_999);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The instant this many milliseconds after the epoch, if it is within the range.
    pub const fn from_ms(ms: i64) -> Option<Self> {
        if ms < Self::MIN.0 || ms > Self::MAX.0 {
            None
        } else {
            Some(Self(ms))
        }
    }

    /// Milliseconds since the epoch.
    pub const fn to_ms(self) -> i64 {
        self.0
    }

    /// The instant that an RFC 3339 time stands for.
    ///
    /// The offset (`Z`, `+hh:mm` or `-hh:mm`) is required. Decimals of the second may have nine
    /// digits, of which those after the third are zeros.
    ///
    /// # Errors
    /// Any [`TimeError`] but `DurationSyntax`. A second of 60 is always `LeapSecond`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        Self::from_ms(text::parse_timestamp(text.as_bytes())?).ok_or(TimeError::OutOfRange)
    }

    /// The instant later by a duration, or earlier by a negative one.
    ///
    /// # Errors
    /// `OutOfRange`.
    pub fn checked_add(self, duration: Duration) -> Result<Self, TimeError> {
        Self::from_ms(self.0.saturating_add(duration.0)).ok_or(TimeError::OutOfRange)
    }

    /// The instant earlier by a duration, or later by a negative one.
    ///
    /// # Errors
    /// `OutOfRange`.
    pub fn checked_sub(self, duration: Duration) -> Result<Self, TimeError> {
        self.checked_add(duration.neg())
    }

    /// The time from another instant to this one; negative if the other is later.
    // INVARIANT: the range of instants is shorter than the longest duration.
    pub fn since(self, other: Self) -> Duration {
        Duration(self.0.saturating_sub(other.0))
    }

    /// What calendar and clock show at this instant, where they are ahead of UTC by an offset.
    pub fn civil(self, offset_s: i32) -> Civil {
        calendar::civil_of(self.0, offset_s)
    }

    /// Appends the canonical text: UTC, with milliseconds only where they are not zero.
    pub fn write_to(self, out: &mut String) {
        text::with_canonical_timestamp(self, |text| out.push_str(text));
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::with_canonical_timestamp(*self, |text| f.pad(text))
    }
}

/// A date and a time of day, counted as CEL's accessors count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Civil {
    /// The year; 0 and 10000 occur where an offset leads out of the range of timestamps.
    pub year: i32,
    /// The month, 0 for January.
    pub month: u8,
    /// The day of the month, 0 for the first.
    pub day: u8,
    /// The day of the year, 0 for January 1.
    pub day_of_year: u16,
    /// The day of the week, 0 for Sunday.
    pub day_of_week: u8,
    /// Hours, 0 to 23.
    pub hours: u8,
    /// Minutes, 0 to 59.
    pub minutes: u8,
    /// Seconds, 0 to 59.
    pub seconds: u8,
    /// Milliseconds, 0 to 999.
    pub milliseconds: u16,
}

impl Civil {
    /// The day of the month as people count it, 1 for the first.
    pub const fn date(self) -> u8 {
        self.day.saturating_add(1)
    }
}

/// A span of time in milliseconds, perhaps negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(i64);

impl Duration {
    /// The most negative duration: -315,576,000,000 seconds, as in CEL.
    pub const MIN: Self = Self(-315_576_000_000_000);
    /// The longest duration: 315,576,000,000 seconds, as in CEL.
    pub const MAX: Self = Self(315_576_000_000_000);
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// The duration of this many milliseconds, if it is within the range.
    pub const fn from_ms(ms: i64) -> Option<Self> {
        if ms < Self::MIN.0 || ms > Self::MAX.0 {
            None
        } else {
            Some(Self(ms))
        }
    }

    /// The duration in milliseconds.
    pub const fn to_ms(self) -> i64 {
        self.0
    }

    /// The duration that a text such as `1h30m`, `1.5h`, `-300s` or `100ms` stands for.
    ///
    /// The units are `h`, `m`, `s`, `ms`, `us` and `ns`, in any order, each with decimals if need
    /// be; `0` needs none. The sum has to be a whole number of milliseconds.
    ///
    /// # Errors
    /// `DurationSyntax`, `TooPrecise`, `OutOfRange`.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        Self::from_ms(text::parse_duration(text, text::Days::Refused)?).ok_or(TimeError::OutOfRange)
    }

    /// Like [`Duration::parse`], with `d` for days of 24 hours.
    ///
    /// For the keys of a policy; conditions keep to CEL's units.
    ///
    /// # Errors
    /// `DurationSyntax`, `TooPrecise`, `OutOfRange`.
    pub fn parse_with_days(text: &str) -> Result<Self, TimeError> {
        Self::from_ms(text::parse_duration(text, text::Days::Accepted)?)
            .ok_or(TimeError::OutOfRange)
    }

    /// The sum.
    ///
    /// # Errors
    /// `OutOfRange`.
    pub fn checked_add(self, other: Self) -> Result<Self, TimeError> {
        Self::from_ms(self.0.saturating_add(other.0)).ok_or(TimeError::OutOfRange)
    }

    /// The difference.
    ///
    /// # Errors
    /// `OutOfRange`.
    pub fn checked_sub(self, other: Self) -> Result<Self, TimeError> {
        self.checked_add(other.neg())
    }

    /// The duration with the other sign.
    #[must_use]
    pub const fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// The duration in seconds, exactly.
    pub fn to_seconds(self) -> Number {
        // INVARIANT: milliseconds in the range have 18 digits.
        Number::from_i128(i128::from(self.0), 3).unwrap_or(Number::ZERO)
    }

    /// Appends the canonical text: seconds, such as `5400s` or `-1.5s`.
    pub fn write_to(self, out: &mut String) {
        self.to_seconds().write_to(out);
        out.push('s');
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write_to(&mut text);
        f.pad(&text)
    }
}
