//! What only the connection can be made to do: run out of room, and lose the right to write.

use std::path::PathBuf;

use super::*;
use crate::key::RunId;

/// A file of its own, removed with what stands beside it.
struct Fresh(PathBuf);

impl Fresh {
    fn new(name: &str) -> Self {
        let name = format!("stage0-store-{}-{name}.db", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn key(name: &str) -> Key {
    Key::Run(RunId::new(name).unwrap())
}

fn put(store: &SqliteStore, name: &str, bytes: usize) -> Result<bool, StoreError> {
    let row = Row {
        text: "x".repeat(bytes),
        until: None,
    };
    store.swap(&[Change {
        key: key(name),
        from: None,
        to: To::Row(row),
    }])
}

#[test]
fn a_full_disk_is_told_and_changes_nothing() {
    let fresh = Fresh::new("full");
    let store = SqliteStore::open(&fresh.0).unwrap();
    assert_eq!(put(&store, "before", 10), Ok(true));
    let pages: i64 = store
        .connection()
        .pragma_update_and_check(None, "max_page_count", 16, |row| row.get(0))
        .unwrap();
    assert_eq!(pages, 16);
    let error = put(&store, "large", 1_000_000).unwrap_err();
    assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
    let found = store.load(&[key("before"), key("large")]).unwrap();
    assert!(found[0].is_some() && found[1].is_none());
    assert_eq!(put(&store, "small", 10), Ok(true), "there is room for this");
}

#[test]
fn a_file_that_may_not_be_written_any_more_is_told() {
    let fresh = Fresh::new("query-only");
    let store = SqliteStore::open(&fresh.0).unwrap();
    assert_eq!(put(&store, "before", 10), Ok(true));
    store
        .connection()
        .pragma_update(None, "query_only", true)
        .unwrap();
    let error = put(&store, "after", 10).unwrap_err();
    assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
    assert!(store.load(&[key("before")]).unwrap()[0].is_some());
}

#[test]
fn every_connection_waits_and_writes_to_the_disk() {
    let fresh = Fresh::new("pragmas");
    let store = SqliteStore::open(&fresh.0).unwrap();
    let told = |name: &str| -> i64 {
        let connection = store.connection();
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    let wait = i64::try_from(FILE_WAIT_MS_MAX).unwrap();
    // Two is FULL.
    assert_eq!((told("busy_timeout"), told("synchronous")), (wait, 2));
}

#[test]
fn what_is_written_beside_the_file_begins_anew_and_waits_for_nobody() {
    let fresh = Fresh::new("beside");
    let store = SqliteStore::open(&fresh.0).unwrap();
    store.tune(true).unwrap();
    let settler = SqliteStore::open(&fresh.0).unwrap();
    for number in 0..20 {
        assert_eq!(put(&store, &format!("r{number}"), 10_000), Ok(true));
    }
    let beside = settler.settle().unwrap();
    assert!(beside.pages >= 20 && beside.waiting == 0, "{beside:?}");
    // Whoever reads is not waited for.
    let reader = SqliteStore::open(&fresh.0).unwrap();
    let held = reader.connection();
    held.execute_batch("BEGIN; SELECT count(*) FROM state")
        .unwrap();
    assert_eq!(put(&store, "while somebody reads", 10), Ok(true));
    assert_eq!(store.begin_anew(), Ok(false));
    held.execute_batch("ROLLBACK").unwrap();
    drop(held);
    assert_eq!(store.begin_anew(), Ok(true));
    assert_eq!(put(&store, "anew", 10), Ok(true));
    let after = settler.settle().unwrap();
    assert!(after.pages < beside.pages, "{after:?}");
    let names = ["r0", "r19", "while somebody reads", "anew"].map(key);
    let found = reader.load(&names).unwrap();
    assert!(found.iter().all(Option::is_some));
}
