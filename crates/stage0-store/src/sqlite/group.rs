//! Changes that are kept together: one wait for the disk, however many there are.

use std::time::Duration;

use rusqlite::Connection;
use stage0_engine::time::Timestamp;

use super::create::SCHEMA_VERSION;
use super::{SqliteStore, find, make_all, purge, tickets};
use crate::error::StoreError;
use crate::key::Key;
use crate::store::{Change, Kept, StateStore};

/// What is written beside the file keeps at most so much room there when it begins anew.
const BESIDE_BYTES_KEPT: i64 = 128_000_000;

/// A transaction that is open, in which nobody else writes. What it is left without [`commit`](Self::commit)
/// never happened.
#[derive(Debug)]
#[must_use = "what is not committed never happened"]
pub struct Group<'s> {
    store: &'s SqliteStore,
    is_open: bool,
}

impl SqliteStore {
    /// Begins a group. Nothing else may be done with this store until it has ended.
    ///
    /// # Errors
    /// Another process writes for longer than is waited, or the file cannot be written.
    pub fn begin(&self) -> Result<Group<'_>, StoreError> {
        self.run("BEGIN IMMEDIATE")?;
        Ok(Group {
            store: self,
            is_open: true,
        })
    }

    fn run(&self, statement: &str) -> Result<(), StoreError> {
        let connection = self.connection();
        let ready = connection.prepare_cached(statement);
        let done = ready.and_then(|mut ready| ready.execute([]));
        done.map(|_| ()).map_err(|error| self.trouble().of(&error))
    }
}

impl Group<'_> {
    /// The file.
    pub fn store(&self) -> &SqliteStore {
        self.store
    }

    /// Writes what is there already, to see whether anything can be written.
    ///
    /// # Errors
    /// Nothing can.
    pub fn probe(&self) -> Result<(), StoreError> {
        let connection = self.store.connection();
        let written = connection.pragma_update(None, "user_version", SCHEMA_VERSION);
        written.map_err(|error| self.store.trouble().of(&error))
    }

    /// Keeps all of it: it is on the disk when this returns, as far as the store waits for that.
    ///
    /// # Errors
    /// None of it is kept.
    pub fn commit(mut self) -> Result<(), StoreError> {
        self.store.run("COMMIT")?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // Where it cannot be taken back SQLite has done so by itself.
            let _ = self.store.run("ROLLBACK");
        }
    }
}

impl StateStore for Group<'_> {
    fn load(&self, keys: &[Key]) -> Result<Vec<Option<Kept>>, StoreError> {
        let connection = self.store.connection();
        let found: rusqlite::Result<_> = keys.iter().map(|key| find(&connection, key)).collect();
        found.map_err(|error| self.store.trouble().of(&error))
    }

    fn swap(&self, changes: &[Change]) -> Result<bool, StoreError> {
        let made = make_all(&self.store.connection(), changes);
        made.map_err(|error| self.store.trouble().of(&error))
    }

    fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let dropped = purge(&mut self.store.connection(), now);
        let dropped = dropped.map_err(|error| self.store.trouble().of(&error))?;
        Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
    }

    fn tickets(&self, count: usize) -> Result<Vec<Kept>, StoreError> {
        let found = tickets(&self.store.connection(), count);
        found.map_err(|error| self.store.trouble().of(&error))
    }
}

impl SqliteStore {
    /// Readies the file for many writers that are served by one connection: whether each group waits for the
    /// disk, and nothing is put into its place behind anybody's back ([`settle`](Self::settle)).
    ///
    /// # Errors
    /// The file does not take it.
    pub fn tune(&self, waits_for_disk: bool) -> Result<(), StoreError> {
        let connection = self.connection();
        let level = if waits_for_disk { "FULL" } else { "NORMAL" };
        let done = connection
            .pragma_update(None, "synchronous", level)
            .and_then(|()| {
                connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))
            })
            .and_then(|()| {
                connection.pragma_update_and_check(
                    None,
                    "journal_size_limit",
                    BESIDE_BYTES_KEPT,
                    |_| Ok(()),
                )
            });
        done.map_err(|error| self.trouble().of(&error))
    }

    /// Puts what waits beside the file into it, while others go on writing.
    ///
    /// # Errors
    /// It cannot be put there now. Nothing is lost.
    pub fn settle(&self) -> Result<Beside, StoreError> {
        self.checkpoint(&self.connection(), "PASSIVE")
    }

    /// Puts the rest of it into the file, and begins anew beside it, in the place of what was there: whoever
    /// writes where something was written before waits half as long for the disk. Whoever is in the way is not
    /// waited for; whether nobody was.
    ///
    /// # Errors
    /// It cannot be done now. Nothing is lost.
    pub fn begin_anew(&self) -> Result<bool, StoreError> {
        let connection = self.connection();
        let told = |error: rusqlite::Error| self.trouble().of(&error);
        connection.busy_timeout(Duration::ZERO).map_err(told)?;
        let begun = self.checkpoint(&connection, "RESTART");
        connection.busy_timeout(self.wait).map_err(told)?;
        Ok(begun?.waiting == 0)
    }

    fn checkpoint(&self, connection: &Connection, how: &str) -> Result<Beside, StoreError> {
        let statement = format!("PRAGMA wal_checkpoint({how})");
        let found = connection.query_row(&statement, [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        });
        let (is_busy, pages, settled): (bool, i64, i64) =
            found.map_err(|error| self.trouble().of(&error))?;
        let pages = u64::try_from(pages).unwrap_or_default();
        let settled = u64::try_from(settled).unwrap_or_default();
        // Where somebody was in the way there is at least what they use.
        let waiting = pages.saturating_sub(settled).max(u64::from(is_busy));
        Ok(Beside { pages, waiting })
    }
}

/// What is written beside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beside {
    /// Pages that are there.
    pub pages: u64,
    /// Those that are not in the file as well.
    pub waiting: u64,
}
