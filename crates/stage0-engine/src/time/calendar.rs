//! The proleptic Gregorian calendar: days since the epoch to dates and back.
//!
//! The two conversions are Howard Hinnant's (`chrono`-Compatible Low-Level Date Algorithms): years
//! start in March, so that the leap day is the last of its year, and eras of 400 years repeat.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "the years of a timestamp, give or take one, are millions of days: far from overflow"
)]

use super::Civil;

pub(super) const MS_PER_SECOND: i64 = 1_000;
pub(super) const MS_PER_DAY: i64 = 86_400_000;

const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;
/// 1970-01-01 was a Thursday.
const EPOCH_WEEKDAY: i64 = 4;

/// The days from 1970-01-01 to a date; months and days count from 1.
///
/// The day may lie outside its month and counts on from there.
pub(super) fn days_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - EPOCH_DAYS
}

/// Year, month and day; the latter two count from 1.
pub(super) fn date_of_days(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAYS;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// 0 for Sunday to 6 for Saturday.
pub(super) fn weekday_of_days(days: i64) -> i64 {
    (days + EPOCH_WEEKDAY).rem_euclid(7)
}

/// How many days a month of 1 to 12 has.
pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The year that a clock shows which is ahead of UTC by an offset.
pub(super) fn year_of(ms: i64, offset_s: i32) -> i64 {
    let local_ms = ms + i64::from(offset_s) * MS_PER_SECOND;
    date_of_days(local_ms.div_euclid(MS_PER_DAY)).0
}

/// What calendar and clock show at an instant where they are ahead of UTC by an offset.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "each field is a remainder that its type holds"
)]
pub(super) fn civil_of(ms: i64, offset_s: i32) -> Civil {
    let local_ms = ms + i64::from(offset_s) * MS_PER_SECOND;
    let days = local_ms.div_euclid(MS_PER_DAY);
    let ms_of_day = local_ms.rem_euclid(MS_PER_DAY);
    let (year, month, day) = date_of_days(days);
    Civil {
        year: year as i32,
        month: (month - 1) as u8,
        day: (day - 1) as u8,
        day_of_year: (days - days_of_date(year, 1, 1)) as u16,
        day_of_week: weekday_of_days(days) as u8,
        hours: (ms_of_day / 3_600_000) as u8,
        minutes: (ms_of_day / 60_000 % 60) as u8,
        seconds: (ms_of_day / MS_PER_SECOND % 60) as u8,
        milliseconds: (ms_of_day % MS_PER_SECOND) as u16,
    }
}
