//! The lines of an audit chain in a SQLite file, with what they are found by.
//!
//! What a line means is the chain's business ([`stage0_audit::chain`]); here it is a text with a number. A line
//! is added and never changed. Old ones leave from the front, so that the rest is still a chain.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
use stage0_audit::chain::{Head, LINE_BYTES_MAX, Line, Link};
use stage0_engine::digest::Digest;
use stage0_engine::time::Timestamp;

use crate::error::StoreError;
use crate::packed::{Packed, unpack};
use crate::sqlite::{Group, SqliteStore};

const ADD: &str = "INSERT INTO record (seq, at, request_id, key_id, asked, verdict, run, outcome, \
    latency_us, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
const LAST: &str = "SELECT seq, line FROM record ORDER BY seq DESC LIMIT 1";
const COLUMNS: &str = "seq, at, request_id, key_id, verdict, run, outcome, latency_us, line";
const REPEATED: &str = "SELECT seq, line FROM record \
    WHERE request_id = ?1 AND asked = ?2 AND at >= ?3 ORDER BY seq DESC LIMIT 1";
const LINES: &str = "SELECT seq, line FROM record WHERE seq > ?1 ORDER BY seq LIMIT ?2";
// The newest line stays, so that the chain goes on where it was.
const DROP_OLD: &str = "DELETE FROM record WHERE seq IN \
    (SELECT seq FROM record WHERE at < ?1 AND seq < (SELECT max(seq) FROM record) ORDER BY seq LIMIT ?2)";

/// What a line that is added is found by.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewRecord<'r> {
    /// When it was made.
    pub at: Option<Timestamp>,
    /// The request that it tells of.
    pub request_id: Option<&'r str>,
    /// Who asked.
    pub key_id: Option<&'r str>,
    /// Digest of what was asked, and by whom: the same question has the same one.
    pub asked: Option<Digest>,
    /// The verdict, where it tells of a decision.
    pub verdict: Option<&'r str>,
    /// The run.
    pub run: Option<&'r str>,
    /// What became of the call, where it tells of that.
    pub outcome: Option<&'r str>,
    /// Microseconds that deciding took.
    pub latency_us: Option<u64>,
}

/// A line that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    /// Its number in the chain.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The request that it tells of.
    pub request_id: Option<String>,
    /// Who asked.
    pub key_id: Option<String>,
    /// The verdict, where it tells of a decision.
    pub verdict: Option<String>,
    /// The run.
    pub run: Option<String>,
    /// What became of the call, where it tells of that.
    pub outcome: Option<String>,
    /// Microseconds that deciding took.
    pub latency_us: Option<u64>,
    /// The line itself.
    pub line: String,
}

/// Which decisions are looked for: those that fit everything that is told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Looked<'l> {
    /// The request.
    pub request_id: Option<&'l str>,
    /// The verdict.
    pub verdict: Option<&'l str>,
    /// The run.
    pub run: Option<&'l str>,
    /// Those made from here on.
    pub since: Option<Timestamp>,
    /// Those with a smaller number: the next page.
    pub before: Option<u64>,
    /// At most so many.
    pub count: u32,
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

impl Group<'_> {
    /// Adds a line: its record, and what the chain adds to it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add_record(
        &self,
        link: &Link,
        packed: &Packed,
        record: &NewRecord<'_>,
    ) -> Result<(), StoreError> {
        let connection = self.store().connection();
        let added = connection.prepare_cached(ADD).and_then(|mut add| {
            add.execute(params![
                number(link.seq),
                record.at.map_or(0, Timestamp::to_ms),
                record.request_id,
                record.key_id,
                record.asked.as_ref().map(|asked| &asked.as_bytes()[..]),
                record.verdict,
                record.run,
                record.outcome,
                record.latency_us.map(number),
                packed.linked(link),
            ])
        });
        self.told(added.map(|_| ()))
    }

    /// The newest line that answered the same question under the same id, from this time on.
    ///
    /// # Errors
    /// The lines cannot be read.
    pub fn find_repeated(
        &self,
        request_id: &str,
        asked: &Digest,
        since: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let connection = self.store().connection();
        let found = connection.prepare_cached(REPEATED).and_then(|mut find| {
            let named = params![request_id, &asked.as_bytes()[..], since.to_ms()];
            find.query_row(named, |row| line(row, 0, 1)).optional()
        });
        self.told(found)
    }

    /// Drops lines from the front that were made before this time, at most so many; how many. The newest
    /// line stays.
    ///
    /// # Errors
    /// They cannot be dropped.
    pub fn drop_records(&self, before: Timestamp, count: u32) -> Result<u64, StoreError> {
        let connection = self.store().connection();
        let dropped = connection
            .prepare_cached(DROP_OLD)
            .and_then(|mut drop| drop.execute(params![before.to_ms(), count]));
        let dropped = self.told(dropped)?;
        Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
    }

    fn told<T>(&self, done: rusqlite::Result<T>) -> Result<T, StoreError> {
        done.map_err(|error| self.store().trouble().of(&error))
    }
}

impl SqliteStore {
    /// Where the chain of lines ends.
    ///
    /// # Errors
    /// The lines cannot be read, or the last one is none of a chain.
    pub fn head(&self) -> Result<Head, StoreError> {
        let last: rusqlite::Result<Option<String>> = self
            .connection()
            .query_row(LAST, [], |row| line(row, 0, 1))
            .optional();
        let Some(last) = last.map_err(|error| self.trouble().of(&error))? else {
            return Ok(Head::START);
        };
        let line = Line::parse(&last);
        let line = line.map_err(|_| {
            self.trouble()
                .damaged("the last line of its log was changed")
        })?;
        Ok(line.head())
    }

    /// Lines of the chain behind this number, in their order, each with the number under which it is kept; at
    /// most so many.
    ///
    /// # Errors
    /// The lines cannot be read.
    pub fn lines_after(&self, seq: u64, count: u32) -> Result<Vec<(u64, String)>, StoreError> {
        let connection = self.connection();
        let found = connection.prepare_cached(LINES).and_then(|mut lines| {
            let lines = lines.query_map(params![number(seq), count], |row| {
                Ok((natural(row.get(0)?), line(row, 0, 1)?))
            })?;
            lines.collect()
        });
        found.map_err(|error| self.trouble().of(&error))
    }

    /// Decisions, the newest first.
    ///
    /// # Errors
    /// The lines cannot be read.
    pub fn decisions(&self, looked: &Looked<'_>) -> Result<Vec<FoundRecord>, StoreError> {
        let by = match looked.request_id {
            // Named as the index has it.
            Some(_) => "request_id = :request_id AND request_id IS NOT NULL",
            None => "(:request_id IS NULL)",
        };
        let statement = format!(
            "SELECT {COLUMNS} FROM record WHERE {by} AND verdict IS NOT NULL \
             AND (:verdict IS NULL OR verdict = :verdict) AND (:run IS NULL OR run = :run) \
             AND seq < :before AND at >= :since ORDER BY seq DESC LIMIT :count"
        );
        let connection = self.connection();
        self.found(&connection, &statement, looked)
    }

    /// What was told of the outcome of a request, in its order.
    ///
    /// # Errors
    /// The lines cannot be read.
    pub fn outcomes(&self, request_id: &str) -> Result<Vec<FoundRecord>, StoreError> {
        const OUTCOMES_MAX: u32 = 100;
        let statement = format!(
            "SELECT {COLUMNS} FROM record WHERE request_id = :request_id AND request_id IS NOT NULL \
             AND outcome IS NOT NULL AND (:verdict IS NULL) AND (:run IS NULL) \
             AND seq < :before AND at >= :since ORDER BY seq LIMIT :count"
        );
        let looked = Looked {
            request_id: Some(request_id),
            count: OUTCOMES_MAX,
            ..Looked::default()
        };
        let connection = self.connection();
        self.found(&connection, &statement, &looked)
    }

    fn found(
        &self,
        connection: &Connection,
        statement: &str,
        looked: &Looked<'_>,
    ) -> Result<Vec<FoundRecord>, StoreError> {
        let found = connection.prepare_cached(statement).and_then(|mut find| {
            let rows = find.query_map(
                named_params! {
                    ":request_id": looked.request_id,
                    ":verdict": looked.verdict,
                    ":run": looked.run,
                    ":before": looked.before.map_or(i64::MAX, number),
                    ":since": looked.since.map_or(i64::MIN, Timestamp::to_ms),
                    ":count": looked.count,
                },
                read,
            )?;
            rows.collect()
        });
        found.map_err(|error| self.trouble().of(&error))
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<FoundRecord> {
    Ok(FoundRecord {
        seq: natural(row.get(0)?),
        at: Timestamp::from_ms(row.get(1)?).unwrap_or(Timestamp::MIN),
        request_id: row.get(2)?,
        key_id: row.get(3)?,
        verdict: row.get(4)?,
        run: row.get(5)?,
        outcome: row.get(6)?,
        latency_us: row.get::<_, Option<i64>>(7)?.map(natural),
        line: line(row, 0, 8)?,
    })
}

/// The line in a column, whose number stands in another one.
fn line(row: &Row<'_>, seq: usize, column: usize) -> rusqlite::Result<String> {
    let packed = row.get_ref(column)?.as_blob()?;
    unpack(packed, natural(row.get(seq)?), LINE_BYTES_MAX).ok_or_else(|| {
        let reason = "a line of the log is not what was written";
        rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, reason.into())
    })
}
