//! A new file: made whole under another name, and then given its own, which nobody else may have.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::Connection;

/// What says in a file's head that it is ours: `St0r`.
pub(super) const APPLICATION_ID: i32 = 0x5374_3072;

/// Version of the tables; another one is refused.
pub(super) const SCHEMA_VERSION: i32 = 2;

/// A few records of decisions have room on a page. Of larger ones more is written for each group of records, of
/// smaller ones more often.
const PAGE_BYTES: i32 = 8_192;

/// A number that was given to a row is given to no other, also where the row is gone.
const SCHEMA: &str = "
CREATE TABLE state (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    until INTEGER,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX state_until ON state (until) WHERE until IS NOT NULL;
CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    request_id TEXT,
    key_id TEXT,
    asked BLOB,
    verdict TEXT,
    run TEXT,
    outcome TEXT,
    latency_us INTEGER,
    line BLOB NOT NULL
) STRICT;
CREATE INDEX record_request ON record (request_id) WHERE request_id IS NOT NULL;
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    scopes TEXT NOT NULL,
    plan TEXT NOT NULL,
    made INTEGER NOT NULL,
    ends INTEGER,
    revoked INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE usage (
    key_id TEXT PRIMARY KEY,
    month INTEGER NOT NULL,
    month_used INTEGER NOT NULL,
    day INTEGER NOT NULL,
    day_used INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    minute_used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Makes the file unless there is one; why it cannot.
pub(super) fn create(path: &Path) -> Result<(), String> {
    if path.exists() || path.is_symlink() {
        return Ok(());
    }
    let fresh = beside(path).ok_or("it is no name of a file")?;
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        kind => kind.to_string(),
    };
    let mut options = File::options();
    options.write(true).create_new(true);
    // What was decided about whom is its owner's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&fresh).map_err(told)?;
    let made = fill(&fresh).map_err(|error| error.to_string());
    let named = made.and_then(|()| name(&fresh, path).map_err(told));
    // Whatever became of it, the other name is not needed any more.
    let _ = fs::remove_file(&fresh);
    named
}

/// A name that nobody else uses, in the same folder.
fn beside(path: &Path) -> Option<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut name = OsString::from(".");
    name.push(path.file_name()?);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{}-{count}.new", std::process::id()));
    Some(path.with_file_name(name))
}

fn fill(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    connection.execute_batch(SCHEMA)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)
}

fn name(fresh: &Path, path: &Path) -> io::Result<()> {
    File::open(fresh)?.sync_all()?;
    match fs::hard_link(fresh, path) {
        // Somebody else was faster, and theirs is as good.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        linked => linked?,
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // Where folders cannot be opened, their entries are as safe as they get.
    let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
    Ok(())
}
