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
