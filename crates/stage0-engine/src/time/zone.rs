//! Time zones: by name from the table that is compiled in, or by a fixed offset.
//!
//! A zone is its present rule, applied to all time. Decisions are about now: when the business day
//! starts in Berlin today needs neither Berlin's history nor the 100 KB that hold it. A zone that
//! no fixed rule describes for the years to come is refused when the policy is loaded, rather than
//! wrong later.

use std::fmt;

use super::calendar::{self, MS_PER_DAY};
use super::rule::Rule;
use super::table::ZONES;
use super::{Timestamp, text};

const MS_PER_MINUTE: i64 = 60_000;

/// Bytes of a name for which a similar one is looked for; the longest zone has 32.
const SUGGESTION_NAME_BYTES_MAX: usize = 64;

/// Why there is no such zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ZoneError {
    /// The name is neither an IANA name nor an offset such as `+02:00`.
    Unknown {
        /// The most similar name, if one comes close.
        suggestion: Option<&'static str>,
    },
    /// The zone exists, but no fixed rule tells its clock changes of the years to come.
    NotFixed,
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown { .. } => "unknown time zone",
            Self::NotFixed => "no fixed rule describes this time zone's clock changes",
        })
    }
}

impl std::error::Error for ZoneError {}

/// A time zone, by its present rule.
///
/// ```
/// use stage0_engine::time::{Timestamp, Zone};
///
/// let berlin = Zone::find("Europe/Berlin")?;
/// let july = Timestamp::parse("2026-07-01T12:00:00Z")?;
/// assert_eq!(berlin.offset_at(july), 7_200);
/// assert_eq!(berlin.instant_of(2026, 6, 0, 14, 0), july);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Rule);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Rule::fixed(0));

    /// The zone with an IANA name, today's or a former one, or with an offset such as `+02:00`.
    ///
    /// Names compare exactly. This scans the table: it is for loading a policy, not for deciding.
    ///
    /// # Errors
    /// `Unknown`, `NotFixed`.
    pub fn find(name: &str) -> Result<Self, ZoneError> {
        if let Ok(offset_s) = text::parse_offset(name.as_bytes()) {
            return Ok(Self(Rule::fixed(offset_s)));
        }
        for line in ZONES.lines() {
            let mut words = line.split(' ');
            let rule = words.next().unwrap_or_default();
            if words.any(|zone| zone == name) {
                return Self::from_rule(rule).ok_or(ZoneError::NotFixed);
            }
        }
        Err(ZoneError::Unknown {
            suggestion: similar(name),
        })
    }

    /// The zone that the rule of a POSIX `TZ` variable describes, such as
    /// `CET-1CEST,M3.5.0,M10.5.0/3`.
    pub fn from_rule(rule: &str) -> Option<Self> {
        Rule::parse(rule).map(Self)
    }

    /// The seconds that this zone's clocks are ahead of UTC at an instant.
    pub fn offset_at(self, timestamp: Timestamp) -> i32 {
        self.0.offset_at(timestamp.to_ms())
    }

    /// The first instant after this one at which the offset changes, if it ever does.
    pub fn next_transition_after(self, timestamp: Timestamp) -> Option<Timestamp> {
        Timestamp::from_ms(self.0.next_change_after(timestamp.to_ms())?)
    }

    /// The instant at which this zone's clocks show a time; month and day count from 0.
    ///
    /// A time that a change of clocks skips is the instant of the change; of a time that is shown
    /// twice, it is the first. Fields outside their range count on: day 31 of January is February 1,
    /// hour -1 belongs to the day before. The result is kept within the range of timestamps.
    pub fn instant_of(self, year: i32, month: i32, day: i32, hour: i32, minute: i32) -> Timestamp {
        let years = i64::from(year).saturating_add(i64::from(month).div_euclid(12));
        let month = i64::from(month).rem_euclid(12).saturating_add(1);
        let minutes = i64::from(hour)
            .saturating_mul(60)
            .saturating_add(minute.into());
        let local_ms = calendar::days_of_date(years, month, 1)
            .saturating_add(day.into())
            .saturating_mul(MS_PER_DAY)
            .saturating_add(minutes.saturating_mul(MS_PER_MINUTE));
        // No offset reaches two days, so what is cut here is out of range in each zone.
        let earliest = Timestamp::MIN.to_ms().saturating_sub(2 * MS_PER_DAY);
        let latest = Timestamp::MAX.to_ms().saturating_add(2 * MS_PER_DAY);
        let ms = self.0.instant_of(local_ms.clamp(earliest, latest));
        Timestamp::from_ms(ms).unwrap_or(if ms < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

/// The zone whose name is most like this one; for a name without a slash, a city's counts too.
fn similar(name: &str) -> Option<&'static str> {
    if name.len() > SUGGESTION_NAME_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let (least, _, zone) = ZONES
        .lines()
        .flat_map(|line| line.split(' ').skip(1))
        .map(|zone| {
            let lower = zone.to_ascii_lowercase();
            let city = lower.rsplit('/').next().unwrap_or_default();
            let whole = strsim::osa_distance(&name, &lower);
            let least = strsim::osa_distance(&name, city).min(whole);
            (least, whole, zone)
        })
        .min()?;
    // A third of the letters may differ; more, and the suggestion would be noise.
    (least.saturating_mul(3) <= name.chars().count()).then_some(zone)
}
