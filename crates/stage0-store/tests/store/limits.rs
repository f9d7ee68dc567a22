//! Limits that only stores see, at their figure and one beyond.

use std::time::Duration;

use stage0_engine::host::Host;
use stage0_store::limits::*;
use stage0_store::{Asking, Keeper, Key, MemoryStore, RunId, SqliteStore, StateStore, StoreError};

use stage0_wire::parse_request;

use crate::support::{Folder, Slow, ask, kept_run, ms, payout, policy, run};

#[test]
fn every_limit_has_a_test() {
    let limits = include_str!("../../src/limits.rs").lines();
    let names = limits.filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    let names: Vec<String> = names.map(str::to_lowercase).collect();
    assert!(names.len() > 4, "the limits are gone");
    for name in names {
        assert!(
            include_str!("limits.rs").contains(&format!("fn {name}()")),
            "{name}"
        );
    }
}

#[test]
fn run_id_bytes_max() {
    assert!(RunId::new(&"r".repeat(RUN_ID_BYTES_MAX)).is_ok());
    assert!(RunId::new(&"r".repeat(RUN_ID_BYTES_MAX + 1)).is_err());
}

#[test]
fn clock_skew_ms_max() {
    for (lag, now, code) in [
        (CLOCK_SKEW_MS_MAX, 0, None),
        (
            CLOCK_SKEW_MS_MAX + 1,
            -CLOCK_SKEW_MS_MAX - 1,
            Some("CLOCK_BACKWARDS"),
        ),
    ] {
        let keeper = Keeper::new(MemoryStore::new());
        ask(&keeper, &run("r"), &payout("c1", 1), ms(0)).unwrap();
        let said = ask(&keeper, &run("r"), &payout("c2", 1), ms(-lag)).unwrap();
        assert_eq!(said.now, ms(now));
        assert_eq!(said.codes.first().map(String::as_str), code);
    }
}

#[test]
fn swap_tries_max() {
    let after = |losses: u32| {
        let keeper = Keeper::new(Slow::new(losses));
        let said = ask(&keeper, &run("r"), &payout("c1", 1), ms(0));
        (said, keeper)
    };
    let (said, keeper) = after(SWAP_TRIES_MAX - 1);
    assert!(said.unwrap().allowed());
    assert_eq!(kept_run(keeper.store(), &run("r")).attempts, 1);
    let (said, keeper) = after(SWAP_TRIES_MAX);
    assert_eq!(said, Err(StoreError::Contended));
    assert_eq!(keeper.store().load(&[Key::Run(run("r"))]), Ok(vec![None]));
}

#[test]
fn run_idle_days_max() {
    let keeper = Keeper::new(MemoryStore::new());
    ask(&keeper, &run("r"), &payout("c1", 1), ms(0)).unwrap();
    let idle = RUN_IDLE_DAYS_MAX * 86_400_000;
    let there = |later: i64| {
        keeper.purge(&|| Some(ms(later))).unwrap();
        keeper.store().load(&[Key::Run(run("r"))]).unwrap()[0].is_some()
    };
    assert!(there(idle + STALL_MS_MAX - 1));
    assert!(!there(idle + STALL_MS_MAX));
}

#[test]
fn stall_ms_max() {
    let keeper = Keeper::new(MemoryStore::new());
    let request = payout("c1", 1);
    let request = parse_request(request.as_bytes()).unwrap();
    let host = Host::default();
    let stalled = run("stalled");
    let asking = Asking {
        policy: policy(),
        request: &request,
        host: &host,
        run: Some(&stalled),
    };
    // While one worker stands still another one spends, and all of it leaves the window.
    let day = 24 * 3_600_000;
    let attempt = || asking.attempt(keeper.store(), ms(0)).unwrap();
    let (in_time, late) = (attempt(), attempt());
    ask(&keeper, &run("r"), &payout("c1", 5_000), ms(0)).unwrap();
    let purge = |later: i64| keeper.purge(&|| Some(ms(later))).unwrap();
    purge(day + STALL_MS_MAX - 1);
    assert!(in_time.put(keeper.store()).unwrap().is_none(), "it is told");
    purge(day + STALL_MS_MAX);
    assert!(
        late.put(keeper.store()).unwrap().is_some(),
        "nobody is left to tell"
    );
}

/// That a file which others write is waited for, and not for ever. The figure itself is what a connection is
/// told: `every_connection_waits_and_writes_to_the_disk`.
#[test]
fn file_wait_ms_max() {
    let folder = Folder::new("wait");
    let path = folder.path("runs.db");
    let store = SqliteStore::open_with(&path, Duration::from_millis(20)).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let keeper = Keeper::new(store);
    let said = ask(&keeper, &run("r"), &payout("c1", 1), ms(0));
    assert!(matches!(said, Err(StoreError::Busy(_))), "{said:?}");
    other.execute_batch("ROLLBACK").unwrap();
    assert!(
        ask(&keeper, &run("r"), &payout("c1", 1), ms(0))
            .unwrap()
            .allowed()
    );
}
