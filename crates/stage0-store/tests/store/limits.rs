//! Limits that only stores see, at their figure and one beyond.

use std::time::Duration;

use stage0_engine::host::Host;
use stage0_store::limits::*;
use stage0_store::{
    ApiKey, Asking, KEY_RANDOM_BYTES, Keeper, Key, MemoryStore, RunId, Scope, SqliteStore,
    StateStore, StoreError, Ticket, TicketError, TicketId, TicketStatus, Yes, is_key_name,
};

use stage0_wire::parse_request;

use crate::support::{Folder, Slow, ask, kept_run, ms, payout, policy, run};
use crate::tickets::{ticket, yes};

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

#[test]
fn api_keys_max() {
    let folder = Folder::new("keys-max");
    let path = folder.path("runs.db");
    let store = SqliteStore::open(&path).unwrap();
    let add = |number: usize| {
        let mut random = [0; KEY_RANDOM_BYTES];
        random[..8].copy_from_slice(&number.to_le_bytes());
        let (key, _) = ApiKey::make(&random, "k", vec![Scope::Check], "p", ms(0), None);
        store.add_key(&key)
    };
    add(0).unwrap();
    // The others come at once.
    let fill = rusqlite::Connection::open(&path).unwrap();
    let rest = API_KEYS_MAX - 2;
    let filled = fill.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
         INSERT INTO api_key SELECT 'f' || i, name, secret, scopes, plan, made, ends, revoked FROM n, api_key",
        [i64::try_from(rest).unwrap()],
    );
    assert_eq!(filled, Ok(rest));
    add(1).unwrap();
    assert!(matches!(add(2), Err(StoreError::Unwritable(_))));
}

#[test]
fn key_name_bytes_max() {
    assert!(is_key_name(&"k".repeat(KEY_NAME_BYTES_MAX)));
    assert!(!is_key_name(&"k".repeat(KEY_NAME_BYTES_MAX + 1)) && !is_key_name(""));
}

#[test]
fn ticket_pending_ms() {
    let asked = ticket();
    assert_eq!(
        asked.status_at(ms(TICKET_PENDING_MS - 1)),
        TicketStatus::Pending
    );
    assert_eq!(
        asked.status_at(ms(TICKET_PENDING_MS)),
        TicketStatus::Expired
    );
}

#[test]
fn ticket_kept_ms() {
    let store = MemoryStore::new();
    assert_eq!(ticket().put(&store, None), Ok(true));
    let end = TICKET_PENDING_MS + TICKET_KEPT_MS;
    assert_eq!(store.purge(ms(end - 1)), Ok(0));
    assert_eq!(store.purge(ms(end)), Ok(1));
}

#[test]
fn ticket_answers_max() {
    let mut asked = ticket();
    asked.asks[0].people = 1_000;
    for number in 0..TICKET_ANSWERS_MAX {
        assert_eq!(asked.grant(&yes(&number.to_string()), ms(1)), Ok(()));
    }
    assert_eq!(asked.grant(&yes("more"), ms(1)), Err(TicketError::TooMany));
}

#[test]
fn tickets_max() {
    let store = MemoryStore::new();
    for number in 0..=TICKETS_MAX {
        let mut asked = ticket();
        asked.id = TicketId::parse(&format!("{number:024x}")).unwrap();
        assert_eq!(asked.put(&store, None), Ok(true));
    }
    assert_eq!(Ticket::list(&store).unwrap().len(), TICKETS_MAX);
}

#[test]
fn ticket_bytes_max() {
    let store = MemoryStore::new();
    let mut asked = ticket();
    asked.reason = "x".repeat(TICKET_BYTES_MAX);
    assert_eq!(asked.put(&store, None), Ok(true));
    assert!(matches!(
        Ticket::find(&store, &asked.id),
        Err(StoreError::Damaged(_))
    ));
}

#[test]
fn answer_text_bytes_max() {
    let reason = |bytes: usize| Yes {
        reason: Some("x".repeat(bytes)),
        ..yes("ana")
    };
    assert_eq!(
        ticket().grant(&reason(ANSWER_TEXT_BYTES_MAX), ms(1)),
        Ok(())
    );
    let long = ticket().grant(&reason(ANSWER_TEXT_BYTES_MAX + 1), ms(1));
    assert_eq!(long, Err(TicketError::Text("reason")));
}
