//! Where the lines of a chain go: a file, or whatever a host wants to do with them.
//!
//! A sink is told a record, makes it the next line of its chain, and says so once the line is kept. What it has
//! said it keeps: a crash in the middle of a line loses that line, which nobody was told of, and no other.

mod error;
mod file;
mod lines;
mod tail;

use stage0_engine::time::Timestamp;

pub use self::error::SinkError;
pub use self::file::{FileSink, FileSinkOptions, Fsync, LOCK_WAIT_MS_MAX, Repair, full_files};
pub use self::lines::each_line;
use crate::chain::{Chain, Checkpoint, Head};
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
    chain: Chain,
    signing: Option<Signing>,
    keep: F,
}

impl<F: FnMut(&str) -> Result<(), String>> CallbackSink<F> {
    /// A chain that goes on behind this head. The function gets lines without line breaks.
    pub fn new(head: Head, signing: Option<Signing>, keep: F) -> Self {
        Self {
            chain: Chain::from(head),
            signing,
            keep,
        }
    }

    /// Where the chain ends.
    pub fn head(&self) -> Head {
        self.chain.head()
    }
}

impl<F: FnMut(&str) -> Result<(), String>> Sink for CallbackSink<F> {
    fn append(&mut self, record: &str, now: Timestamp) -> Result<Head, SinkError> {
        for line in next_lines(&mut self.chain, self.signing.as_mut(), record, now)? {
            (self.keep)(&line.text).map_err(SinkError::Refused)?;
            self.chain = Chain::from(line.head);
        }
        Ok(self.head())
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
    fn due(&mut self, head: Head, now: Timestamp) -> Option<Checkpoint> {
        let since = head.seq.saturating_sub(self.last);
        (since >= self.every).then(|| {
            self.last = head.seq.saturating_add(1);
            Checkpoint::sign(head, now, &self.key)
        })
    }
}

/// A line to keep, and where the chain ends behind it.
struct NextLine {
    text: String,
    head: Head,
}

/// The lines of a record: itself, and a checkpoint behind it where it is time. The chain itself stays
/// where it is until they are kept.
fn next_lines(
    chain: &mut Chain,
    signing: Option<&mut Signing>,
    record: &str,
    now: Timestamp,
) -> Result<Vec<NextLine>, SinkError> {
    if record.len() > stage0_wire::record::RECORD_LIMITS.bytes_max || record.contains(['\n', '\r'])
    {
        return Err(SinkError::NoRecord);
    }
    let mut next = chain.clone();
    let mut lines = vec![NextLine {
        text: next.append(record),
        head: next.head(),
    }];
    if let Some(checkpoint) = signing.and_then(|signing| signing.due(next.head(), now)) {
        lines.push(NextLine {
            text: next.append_checkpoint(&checkpoint),
            head: next.head(),
        });
    }
    Ok(lines)
}
