//! Files that are none, are held, full, cut or scribbled on: each ends in an error, in bounded time, and never
//! in an empty state.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use stage0_store::{Keeper, Key, SqliteStore, StateStore as _, StoreError};

use crate::support::{Folder, ask, kept_run, ms, payout, run, spent};

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open_with(path, Duration::from_millis(20))
}

/// A file in which a run has spent all there is.
fn spent_file(path: &Path) {
    let keeper = Keeper::new(open(path).unwrap());
    for call in 0..60 {
        let id = format!("c{call}");
        let name = format!("run {call}");
        let amount = if call == 0 { 5_000 } else { 0 };
        assert!(
            ask(&keeper, &run(&name), &payout(&id, amount), ms(0))
                .unwrap()
                .allowed()
        );
    }
}

/// What opening a file and asking for one more comes to. It is never an ALLOW.
fn asked(path: &Path) -> Option<StoreError> {
    let store = match open(path) {
        Ok(store) => store,
        Err(error) => return Some(error),
    };
    match ask(
        &Keeper::new(store),
        &run("run 1"),
        &payout("more", 1),
        ms(0),
    ) {
        Ok(said) => {
            assert_eq!(said.codes, ["DAILY"]);
            None
        }
        Err(error) => Some(error),
    }
}

#[test]
fn what_is_no_file_of_ours_is_refused() {
    let folder = Folder::new("foreign");
    let path = folder.path("file");
    let is_damaged = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
        assert!(error.to_string().contains("file"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "it is left as it was");
    };
    is_damaged(b"");
    is_damaged(b"{\"v\":2,\"whole\":true}");
    is_damaged(&b"no database ".repeat(1_000));
    fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE state (key, version, until, text)")
        .unwrap();
    other.close().unwrap();
    let error = open(&path).unwrap_err();
    assert!(
        error.to_string().ends_with("it is another program's"),
        "{error}"
    );
    assert!(matches!(
        open(&folder.path("")),
        Err(StoreError::Unreadable(_))
    ));
    let nowhere = open(&folder.path("no/such/folder")).unwrap_err();
    assert!(matches!(nowhere, StoreError::Unwritable(_)), "{nowhere:?}");
}

#[test]
fn another_version_is_refused() {
    let folder = Folder::new("version");
    let path = folder.path("runs.db");
    spent_file(&path);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.pragma_update(None, "user_version", 9).unwrap();
    other.close().unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Version(_)));
    assert!(
        error
            .to_string()
            .ends_with("is of version 9, and this is 2"),
        "{error}"
    );
}

#[test]
fn tables_that_are_not_ours_decide_nothing() {
    for change in [
        "DROP TABLE state",
        "ALTER TABLE state RENAME COLUMN text TO words",
        "PRAGMA writable_schema = 1; UPDATE sqlite_master SET sql = replace(sql, ' STRICT', ''); \
         PRAGMA writable_schema = RESET; UPDATE state SET text = CAST(text AS BLOB)",
    ] {
        let folder = Folder::new("tables");
        let path = folder.path("runs.db");
        spent_file(&path);
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch(change).unwrap();
        other.close().unwrap();
        let error = asked(&path);
        assert!(
            matches!(error, Some(StoreError::Damaged(_))),
            "{change}: {error:?}"
        );
    }
}

/// Wherever a file is cut, what it had is not taken for nothing.
#[test]
fn a_file_that_is_cut_decides_nothing() {
    let folder = Folder::new("cut");
    let whole = folder.path("runs.db");
    spent_file(&whole);
    let bytes = fs::read(&whole).unwrap();
    assert!(bytes.len() > 40_000, "{}", bytes.len());
    let cut = folder.path("cut.db");
    let mut refused = 0;
    for length in (0..bytes.len()).step_by(1_021) {
        fs::write(&cut, &bytes[..length]).unwrap();
        let error = asked(&cut);
        assert!(
            matches!(
                error,
                Some(StoreError::Damaged(_) | StoreError::Unreadable(_))
            ),
            "{length} of {}: {error:?}",
            bytes.len()
        );
        refused += 1;
        for side in ["cut.db-wal", "cut.db-shm"] {
            let _ = fs::remove_file(folder.path(side));
        }
    }
    assert!(refused > 40);
    assert_eq!(asked(&whole), None);
}

/// Wherever a page is scribbled on, the limit holds or the file is refused.
#[test]
fn a_file_that_is_scribbled_on_allows_nothing() {
    let folder = Folder::new("scribbled");
    let whole = folder.path("runs.db");
    spent_file(&whole);
    let length = fs::metadata(&whole).unwrap().len();
    let path = folder.path("scribbled.db");
    let mut refused = 0;
    for at in (0..length).step_by(509) {
        fs::copy(&whole, &path).unwrap();
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[0xA5; 400]).unwrap();
        drop(file);
        refused += u32::from(asked(&path).is_some());
        for side in ["scribbled.db-wal", "scribbled.db-shm"] {
            let _ = fs::remove_file(folder.path(side));
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_file_that_others_hold_is_waited_for_and_then_told() {
    let folder = Folder::new("held");
    let path = folder.path("runs.db");
    spent_file(&path);
    let keeper = Keeper::new(open(&path).unwrap());
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let said = ask(&keeper, &run("run 1"), &payout("free", 0), ms(0));
    assert!(matches!(said, Err(StoreError::Busy(_))), "{said:?}");
    // Reading waits for nobody.
    assert_eq!(spent(keeper.store()), 5_000);
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    assert!(
        ask(&keeper, &run("run 1"), &payout("free", 0), ms(0))
            .unwrap()
            .allowed()
    );
    assert_eq!(
        kept_run(keeper.store(), &run("run 1")).attempts,
        2,
        "what was refused never happened"
    );
}

#[test]
fn a_file_that_one_process_has_for_itself_is_not_opened() {
    let folder = Folder::new("own");
    let path = folder.path("runs.db");
    spent_file(&path);
    let other = rusqlite::Connection::open(&path).unwrap();
    let take = "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; DELETE FROM state; ROLLBACK";
    other.execute_batch(take).unwrap();
    assert!(matches!(asked(&path), Some(StoreError::Busy(_))));
    other.close().unwrap();
    assert_eq!(asked(&path), None);
}

/// Somebody who may write everywhere is not kept out by the mode of a file, and then it is simply written.
#[test]
fn a_file_that_may_only_be_read_is_refused() {
    let folder = Folder::new("read-only");
    let path = folder.path("runs.db");
    spent_file(&path);
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let may_write = fs::OpenOptions::new().append(true).open(&path).is_ok();
    match asked(&path) {
        None => assert!(may_write),
        Some(error) => {
            assert!(!may_write);
            assert!(matches!(error, StoreError::Unwritable(_)), "{error:?}");
        }
    }
}

#[test]
fn a_file_is_made_whole_and_nothing_else_is_left() {
    let folder = Folder::new("made");
    let path = folder.path("runs.db");
    drop(open(&path).unwrap());
    let names = || {
        let entries = fs::read_dir(path.parent().unwrap()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(), ["runs.db"]);
    // Opening it makes nothing anew.
    spent_file(&path);
    assert_eq!(spent(&open(&path).unwrap()), 5_000);
    assert_eq!(names(), ["runs.db"]);
    let key = Key::Run(run("run 7"));
    assert!(open(&path).unwrap().load(&[key]).unwrap()[0].is_some());
}
