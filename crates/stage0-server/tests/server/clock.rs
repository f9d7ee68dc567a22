//! A clock that goes backwards, or shows nothing, while a server runs.

use std::sync::atomic::{AtomicI64, Ordering};

use stage0_engine::time::Timestamp;
use stage0_server::Plans;
use stage0_store::Scope;

use crate::client::{Folder, POLICY, Running, Text, config, make_key, pay};

const HOUR_MS: i64 = 3_600_000;
/// 2026-01-10T12:00:00Z.
const NOON_MS: i64 = 1_768_046_400_000;

/// What the clock of this file's one test shows.
static SHOWN_MS: AtomicI64 = AtomicI64::new(NOON_MS);

fn clock() -> Option<Timestamp> {
    let shown = SHOWN_MS.load(Ordering::SeqCst);
    (shown > 0).then(|| Timestamp::from_ms(shown).unwrap())
}

#[test]
fn a_clock_that_is_set_back_gives_nothing_back() {
    let folder = Folder::new("clock");
    let mut keyed = config(&folder.db(), &Text::new(POLICY));
    keyed.is_open = false;
    keyed.clock = clock;
    keyed.plans = Plans::parse("plans", br#"{"day": {"daily": 14}}"#).unwrap();
    let (_, shown) = make_key(&folder.db(), 1, &[Scope::Check, Scope::Read], "day");
    let server = Running::start(keyed);
    let mut client = server.client().with("x-api-key", &shown);
    // The day's limit is 5000.
    for number in 0..10 {
        let paid = client.check(&pay(&format!("c{number}"), "ada", 500));
        assert_eq!(paid.verdict(), "ALLOW", "{}", paid.body);
    }
    for (back, name) in [(1, "an-hour"), (25, "a-day"), (24 * 40, "a-month")] {
        SHOWN_MS.store(NOON_MS - back * HOUR_MS, Ordering::SeqCst);
        let answer = client.check(&pay(name, "ada", 500));
        assert_ne!(answer.verdict(), "ALLOW", "{}", answer.body);
    }
    assert_eq!(client.get("/usage").at("daily_remaining"), "1");
    // Without a time nothing is decided.
    SHOWN_MS.store(0, Ordering::SeqCst);
    assert_eq!(client.check(&pay("never", "bo", 5)).status, 503);
    SHOWN_MS.store(NOON_MS, Ordering::SeqCst);
    assert_eq!(client.check(&pay("bo", "bo", 5)).verdict(), "ALLOW");
    assert_eq!(client.check(&pay("more", "bo", 5)).status, 402);
    // What was counted and held comes back with the time that it was counted for.
    SHOWN_MS.store(NOON_MS + 25 * HOUR_MS, Ordering::SeqCst);
    assert_eq!(client.check(&pay("next", "ada", 500)).verdict(), "ALLOW");
    server.end();
}
