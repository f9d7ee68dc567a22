//! Where the lines of a chain go: a file, or whatever a host wants to do with them.
//!
//! A sink is told a record, makes it the next line of its chain, and says so once the line is kept. What it has
//! said it keeps: a crash in the middle of a line loses that line, which nobody was told of, and no other.

mod error;
mod file;
mod lines;
mod tail;
mod writer;

use stage0_engine::time::Timestamp;

pub use self::error::SinkError;
pub use self::file::{FileSink, FileSinkOptions, Fsync, LOCK_WAIT_MS_MAX, Repair, full_files};
pub use self::lines::each_line;
use self::writer::Writer;
use crate::chain::{Checkpoint, Head};
use crate::key::PrivateKey;

/// Lines between two checkpoints: a signature takes as long as a few decisions, and what stands behind the
/// newest one is vouched for by nobody.
pub const CHECKPOINT_LINES: u64 = 64;

/// Where the lines of a chain go.
pub trait Sink {
    /// Keeps a record, the text of one JSON object on one line, as the next line of the chain, and where it
    /// is time a checkpoint behind it. `now` is the host's time.
    ///
    /// # Errors
    /// It is not kept. Where auditing is required, nothing may be allowed.
    fn append(&mut self, record: &str, now: Timestamp) -> Result<Head, SinkError>;

    /// Sees to it that everything that was kept is where it outlives the machine's next moment.
    ///
    /// # Errors
    /// It cannot be told.
    fn flush(&mut self) -> Result<(), SinkError>;
}

/// A sink that hands each line to a function, which keeps it or says why not.
#[derive(Debug)]
pub struct CallbackSink<F> {
    writer: Writer,
    keep: F,
}

impl<F: FnMut(&str) -> Result<(), String>> CallbackSink<F> {
    /// A chain that goes on behind this head. The function gets lines without line breaks.
    pub fn new(head: Head, signing: Option<Signing>, keep: F) -> Self {
        Self {
            writer: Writer::new(head, signing),
            keep,
        }
    }

    /// Where the chain ends.
    pub fn head(&self) -> Head {
        self.writer.head()
    }
}

impl<F: FnMut(&str) -> Result<(), String>> Sink for CallbackSink<F> {
    fn append(&mut self, record: &str, now: Timestamp) -> Result<Head, SinkError> {
        let keep = &mut self.keep;
        self.writer.append(record, now, &mut |line| {
            let line = line.strip_suffix('\n').unwrap_or(line);
            keep(line).map_err(SinkError::Refused)
        })
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// What signs a chain while it is written.
#[derive(Debug)]
pub struct Signing {
    key: PrivateKey,
    /// Lines between two checkpoints.
    every: u64,
    /// The number of the newest checkpoint's line, as far as is known.
    last: u64,
}

impl Signing {
    /// A checkpoint by this key behind every so many lines; [`CHECKPOINT_LINES`] is a good number.
    pub fn new(key: PrivateKey, every: u64) -> Self {
        Self {
            key,
            every: every.max(1),
            last: 0,
        }
    }

    /// A checkpoint of a chain that ends here, if it is time for one.
    pub fn due(&self, head: Head, now: Timestamp) -> Option<Checkpoint> {
        let since = head.seq.saturating_sub(self.last);
        (since >= self.every).then(|| Checkpoint::sign(head, now, &self.key))
    }

    /// A checkpoint of a chain that ends here, unless one is its last line.
    pub fn last(&self, head: Head, now: Timestamp) -> Option<Checkpoint> {
        (head.seq > self.last).then(|| Checkpoint::sign(head, now, &self.key))
    }

    /// Notes that a checkpoint was written, which is the line where the chain ends now.
    pub fn note(&mut self, head: Head) {
        self.last = head.seq;
    }
}
