//! How much of its plan a key has used.

use stage0_engine::time::Timestamp;
use stage0_store::Usage;
use stage0_wire::json_object::{Object, object};

use super::Service;
use crate::key_ring::Caller;
use crate::refusal::Refusal;

const MINUTE_S: u64 = 60;
const DAY_S: u64 = 86_400;

/// Seconds until spans begin anew, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UntilNext {
    pub(super) minute: u64,
    pub(super) day: u64,
    pub(super) month: u64,
}

pub(super) fn until_next(now: Timestamp) -> UntilNext {
    let seconds = u64::try_from(now.to_ms().div_euclid(1_000)).unwrap_or_default();
    let rest = |span: u64| span.saturating_sub(seconds.checked_rem(span).unwrap_or_default());
    let civil = now.civil(0);
    let days = days_of(civil.year, civil.month).saturating_sub(civil.date());
    UntilNext {
        minute: rest(MINUTE_S),
        day: rest(DAY_S),
        month: rest(DAY_S).saturating_add(u64::from(days).saturating_mul(DAY_S)),
    }
}

/// The days of a month, 0 for January.
fn days_of(year: i32, month: u8) -> u8 {
    let divides = |by: i32| year.checked_rem(by) == Some(0);
    match month {
        3 | 5 | 8 | 10 => 30,
        1 if divides(4) && (!divides(100) || divides(400)) => 29,
        1 => 28,
        _ => 31,
    }
}

impl Service {
    /// How much a key has used, as JSON.
    pub(crate) async fn usage(
        &self,
        caller: &Caller,
        request_id: &str,
        environment: &str,
    ) -> Result<String, Refusal> {
        let key_id = caller.key_id.clone();
        // Asked of whoever counts, so that what was answered is counted.
        let read = self.ledger.write(move |book| {
            let now = book.now()?;
            Ok((book.usage(&key_id, now)?, now))
        });
        let (usage, now) = read.await?;
        Ok(usage_json(caller, &usage, now, request_id, environment))
    }
}

fn usage_json(
    caller: &Caller,
    usage: &Usage,
    now: Timestamp,
    request_id: &str,
    environment: &str,
) -> String {
    let date = now.to_string();
    let part = |length| date.get(..length).unwrap_or(&date);
    let mut out = String::new();
    object(&mut out, |answer| {
        answer.text("request_id", request_id);
        answer.text("api_key_id", &caller.key_id);
        answer.text("api_key_name", &caller.name);
        answer.text("plan", &caller.plan_name);
        answer.text("month_key", part(7));
        span(answer, "monthly", usage.month.count, caller.plan.monthly);
        answer.text("day_key", part(10));
        span(answer, "daily", usage.day.count, caller.plan.daily);
        number(answer, "per_minute_limit", caller.plan.per_minute);
        answer.plain("minute_used", usage.minute.count);
        let left = caller.plan.per_minute;
        let left = left.map(|quota| quota.saturating_sub(usage.minute.count));
        number(answer, "minute_remaining", left);
        answer.texts("features", caller.plan.pro.then_some("pro"));
        answer.text("environment", environment);
        answer.text("source", "stage0-server");
        answer.plain("evaluated_at", seconds(now));
    });
    out
}

fn span(answer: &mut Object<'_>, name: &str, used: u64, quota: Option<u64>) {
    answer.plain(&[name, "_used"].concat(), used);
    number(answer, &[name, "_quota"].concat(), quota);
    let left = quota.map(|quota| quota.saturating_sub(used));
    number(answer, &[name, "_remaining"].concat(), left);
}

fn number(answer: &mut Object<'_>, name: &str, number: Option<u64>) {
    match number {
        Some(number) => answer.plain(name, number),
        None => answer.plain(name, "null"),
    }
}

/// Seconds since 1970, as JSON writes them.
fn seconds(now: Timestamp) -> String {
    let (whole, rest) = (now.to_ms().div_euclid(1_000), now.to_ms().rem_euclid(1_000));
    let text = format!("{whole}.{rest:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_end_at_utc_boundaries() {
        let at = |text| until_next(Timestamp::parse(text).unwrap());
        let end = at("2026-12-31T23:59:59Z");
        assert_eq!((end.minute, end.day, end.month), (1, 1, 1));
        let start = at("2028-02-01T00:00:00Z");
        assert_eq!(
            (start.minute, start.day, start.month),
            (60, 86_400, 29 * 86_400)
        );
        assert_eq!(at("2026-04-29T00:00:00Z").month, 2 * 86_400);
    }

    #[test]
    fn times_are_seconds_without_needless_digits() {
        let at = |text| seconds(Timestamp::parse(text).unwrap());
        assert_eq!(at("2026-01-05T10:00:00Z"), "1767607200");
        assert_eq!(at("2026-01-05T10:00:00.250Z"), "1767607200.25");
    }
}
