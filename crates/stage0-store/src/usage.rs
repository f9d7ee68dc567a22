//! How often a key was used: in this month, on this day and in this minute, in UTC.

use rusqlite::{OptionalExtension as _, params};
use stage0_engine::time::Timestamp;

use crate::error::StoreError;
use crate::sqlite::{Group, SqliteStore};

const FIND: &str = "SELECT month, month_used, day, day_used, minute, minute_used \
    FROM usage WHERE key_id = ?1";
const PUT: &str = "INSERT INTO usage (key_id, month, month_used, day, day_used, minute, minute_used) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (key_id) DO UPDATE SET month = ?2, month_used = ?3, \
    day = ?4, day_used = ?5, minute = ?6, minute_used = ?7";

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
const MONTHS: i64 = 12;

/// A span of time that has a number, and how often it saw something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// The number of the span, counted from the year 0 or from 1970.
    pub span: i64,
    /// How often.
    pub count: u64,
}

impl Used {
    /// Goes on to a span. A clock that goes backwards does not give back what was used.
    fn turn(&mut self, span: i64) {
        if span > self.span {
            *self = Self { span, count: 0 };
        }
    }
}

/// How often a key was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Months since the year 0.
    pub month: Used,
    /// Days since 1970.
    pub day: Used,
    /// Minutes since 1970.
    pub minute: Used,
}

impl Usage {
    /// Goes on to this time: whatever has ended since is counted from zero.
    pub fn turn_to(&mut self, now: Timestamp) {
        let civil = now.civil(0);
        let months = i64::from(civil.year).saturating_mul(MONTHS);
        self.month
            .turn(months.saturating_add(i64::from(civil.month)));
        self.day.turn(now.to_ms().div_euclid(DAY_MS));
        self.minute.turn(now.to_ms().div_euclid(MINUTE_MS));
    }

    /// Counts so many more.
    pub fn add(&mut self, count: u64) {
        for used in [&mut self.month, &mut self.day, &mut self.minute] {
            used.count = used.count.saturating_add(count);
        }
    }
}

impl Group<'_> {
    /// Keeps how often a key was used.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put_usage(&self, key_id: &str, usage: &Usage) -> Result<(), StoreError> {
        let count = |used: Used| i64::try_from(used.count).unwrap_or(i64::MAX);
        let connection = self.store().connection();
        let put = connection.prepare_cached(PUT).and_then(|mut put| {
            put.execute(params![
                key_id,
                usage.month.span,
                count(usage.month),
                usage.day.span,
                count(usage.day),
                usage.minute.span,
                count(usage.minute),
            ])
        });
        put.map(|_| ())
            .map_err(|error| self.store().trouble().of(&error))
    }
}

impl SqliteStore {
    /// How often a key was used, as it was kept last.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn usage(&self, key_id: &str) -> Result<Usage, StoreError> {
        let connection = self.connection();
        let found = connection.prepare_cached(FIND).and_then(|mut find| {
            let row = find.query_row([key_id], |row| {
                let used = |span, count| -> rusqlite::Result<Used> {
                    Ok(Used {
                        span: row.get(span)?,
                        count: u64::try_from(row.get::<_, i64>(count)?).unwrap_or(u64::MAX),
                    })
                };
                Ok(Usage {
                    month: used(0, 1)?,
                    day: used(2, 3)?,
                    minute: used(4, 5)?,
                })
            });
            row.optional()
        });
        let found = found.map_err(|error| self.trouble().of(&error))?;
        Ok(found.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_at_utc_boundaries_begins_anew() {
        let mut usage = Usage::default();
        let mut at = |text: &str, count| {
            usage.turn_to(Timestamp::parse(text).unwrap());
            usage.add(count);
            (usage.month.count, usage.day.count, usage.minute.count)
        };
        assert_eq!(at("2026-01-31T23:59:59Z", 2), (2, 2, 2));
        assert_eq!(at("2026-01-31T23:59:59.999Z", 1), (3, 3, 3));
        assert_eq!(at("2026-02-01T00:00:00Z", 1), (1, 1, 1));
        // Another zone's midnight is none.
        assert_eq!(at("2026-02-02T00:30:00+01:00", 1), (2, 2, 1));
        // A clock that is set back gives nothing back.
        assert_eq!(at("2026-01-15T00:00:00Z", 1), (3, 3, 2));
        assert_eq!(at("2027-02-01T00:00:00Z", 1), (1, 1, 1));
    }
}
