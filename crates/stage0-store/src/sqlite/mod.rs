//! Rows in a SQLite file that several processes share.
//!
//! Every version of a row is a number that the file gives once, so that a row that was dropped and is there
//! again is another one. What was answered is on the disk (`synchronous = FULL`). A file is made whole before
//! it has its name, so one that is empty, cut or another program's was not made so, and is refused.

mod create;
mod group;
mod trouble;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};
use stage0_engine::time::Timestamp;

use self::create::{APPLICATION_ID, SCHEMA_VERSION, create};
pub use self::group::{Beside, Group};
use self::trouble::Trouble;
use crate::error::StoreError;
use crate::key::Key;
use crate::limits::FILE_WAIT_MS_MAX;
use crate::store::{Change, Kept, Row, StateStore, To};

const FIND: &str = "SELECT version, until, text FROM state WHERE key = ?1";
const FIND_VERSION: &str = "SELECT version FROM state WHERE key = ?1";
// The row that stood there is deleted, so that the new one gets a number of its own.
const PUT: &str = "INSERT OR REPLACE INTO state (key, until, text) VALUES (?1, ?2, ?3)";
const DROP: &str = "DELETE FROM state WHERE key = ?1";
const HAS_ENDED: &str = "SELECT 1 FROM state WHERE until <= ?1 LIMIT 1";
// Names that begin with `ticket/`: `0` is what comes after `/`.
const TICKETS: &str = "SELECT version, until, text FROM state \
    WHERE key >= 'ticket/' AND key < 'ticket0' ORDER BY version LIMIT ?1";
const DROP_ENDED: &str = "DELETE FROM state WHERE until <= ?1";

/// Statements that a connection keeps ready: all that there are.
const STATEMENTS_MAX: usize = 64;

/// Keeps rows in a SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    /// The file's name as messages show it.
    name: String,
    connection: Mutex<Connection>,
    /// How long it waits where somebody else writes, each time.
    wait: Duration,
}

impl SqliteStore {
    /// Opens a file, or makes one where there is none.
    ///
    /// # Errors
    /// There can be none, or what is there does not keep runs.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Duration::from_millis(FILE_WAIT_MS_MAX))
    }

    /// The same, waiting so long where another process writes, each time.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_with(path: &Path, wait: Duration) -> Result<Self, StoreError> {
        let trouble = Trouble(&path.to_string_lossy());
        create(path).map_err(|reason| trouble.unwritable(&reason))?;
        let file = std::fs::metadata(path).map_err(|error| trouble.unreadable(&error.kind()))?;
        if file.len() == 0 {
            return Err(trouble.damaged("it is empty"));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags);
        let connection = connection.map_err(|error| trouble.of(&error))?;
        check(&connection, wait, file.len(), trouble)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(Self {
            name: trouble.0.to_owned(),
            connection: Mutex::new(connection),
            wait,
        })
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        // A transaction that was not ended is taken back when it is left, so no half of one is found here.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn trouble(&self) -> Trouble<'_> {
        Trouble(&self.name)
    }
}

/// Whether a file is whole, ours, of our version, and can be written.
fn check(
    connection: &Connection,
    wait: Duration,
    length: u64,
    trouble: Trouble<'_>,
) -> Result<(), StoreError> {
    let told = |error: rusqlite::Error| trouble.of(&error);
    let head = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    connection.busy_timeout(wait).map_err(told)?;
    if head("application_id").map_err(told)? != APPLICATION_ID {
        return Err(trouble.damaged("it is another program's"));
    }
    let version = head("user_version").map_err(told)?;
    if version != SCHEMA_VERSION {
        return Err(trouble.version(version));
    }
    // Half a page would be taken for one that ends in nothing.
    let page = u64::try_from(head("page_size").map_err(told)?).unwrap_or_default();
    if length.checked_rem(page) != Some(0) {
        return Err(trouble.damaged("it was cut"));
    }
    let journal = prepare(connection).map_err(told)?;
    if connection.is_readonly("main").map_err(told)? {
        return Err(trouble.unwritable("it may only be read"));
    }
    if journal != "wal" {
        return Err(trouble.unwritable("several processes cannot share it where it lies"));
    }
    Ok(())
}

/// What every connection is told; how the file keeps what is not yet in its place.
fn prepare(connection: &Connection) -> rusqlite::Result<String> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
}

fn version(number: i64) -> u64 {
    // The file begins to count at one.
    u64::try_from(number).unwrap_or_default()
}

fn find(transaction: &Connection, key: &Key) -> rusqlite::Result<Option<Kept>> {
    let mut find = transaction.prepare_cached(FIND)?;
    find.query_row([key.to_string()], kept).optional()
}

fn kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Kept> {
    let until: Option<i64> = row.get(1)?;
    Ok(Kept {
        version: version(row.get(0)?),
        row: Row {
            text: row.get(2)?,
            until: until.and_then(Timestamp::from_ms),
        },
    })
}

fn tickets(connection: &Connection, count: usize) -> rusqlite::Result<Vec<Kept>> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let mut find = connection.prepare_cached(TICKETS)?;
    find.query_map([count], kept)?.collect()
}

fn load(connection: &mut Connection, keys: &[Key]) -> rusqlite::Result<Vec<Option<Kept>>> {
    // All rows as of one moment.
    let transaction = connection.transaction()?;
    keys.iter().map(|key| find(&transaction, key)).collect()
}

fn is_as_found(transaction: &Connection, change: &Change) -> rusqlite::Result<bool> {
    let mut find = transaction.prepare_cached(FIND_VERSION)?;
    let kept = find.query_row([change.key.to_string()], |row| row.get(0));
    Ok(kept.optional()?.map(version) == change.from)
}

fn make(transaction: &Connection, change: &Change) -> rusqlite::Result<()> {
    let key = change.key.to_string();
    match &change.to {
        To::Same => {}
        To::Row(row) => {
            let until = row.until.map(Timestamp::to_ms);
            let mut put = transaction.prepare_cached(PUT)?;
            put.execute(params![key, until, row.text])?;
        }
        To::Nothing => {
            transaction.prepare_cached(DROP)?.execute([key])?;
        }
    }
    Ok(())
}

fn swap(connection: &mut Connection, changes: &[Change]) -> rusqlite::Result<bool> {
    let writes = changes.iter().any(|change| change.to != To::Same);
    // Whoever will write says so at once: waiting for others works only before anything was read.
    let behavior = if writes {
        TransactionBehavior::Immediate
    } else {
        TransactionBehavior::Deferred
    };
    let transaction = connection.transaction_with_behavior(behavior)?;
    let is_made = make_all(&transaction, changes)?;
    if is_made {
        transaction.commit()?;
    }
    Ok(is_made)
}

/// Makes changes if all rows are as they were found, inside a transaction.
fn make_all(transaction: &Connection, changes: &[Change]) -> rusqlite::Result<bool> {
    for change in changes {
        if !is_as_found(transaction, change)? {
            return Ok(false);
        }
    }
    for change in changes {
        make(transaction, change)?;
    }
    Ok(true)
}

fn purge(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<usize> {
    let has_ended = connection
        .prepare_cached(HAS_ENDED)?
        .exists([now.to_ms()])?;
    // Nobody is kept from writing where there is nothing to do.
    if !has_ended {
        return Ok(0);
    }
    connection
        .prepare_cached(DROP_ENDED)?
        .execute([now.to_ms()])
}

impl StateStore for SqliteStore {
    fn load(&self, keys: &[Key]) -> Result<Vec<Option<Kept>>, StoreError> {
        load(&mut self.connection(), keys).map_err(|error| self.trouble().of(&error))
    }

    fn swap(&self, changes: &[Change]) -> Result<bool, StoreError> {
        swap(&mut self.connection(), changes).map_err(|error| self.trouble().of(&error))
    }

    fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let dropped = purge(&mut self.connection(), now);
        let dropped = dropped.map_err(|error| self.trouble().of(&error))?;
        Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
    }

    fn tickets(&self, count: usize) -> Result<Vec<Kept>, StoreError> {
        tickets(&self.connection(), count).map_err(|error| self.trouble().of(&error))
    }
}

#[cfg(test)]
mod tests;
