//! The chain of receipts: lines that each name the line before, so that what is missing, changed or moved shows.
//!
//! ```json
//! {"seq":7,"prev":"<64 digits>","record":{...},"hash":"<64 digits>"}
//! {"seq":8,"prev":"<64 digits>","checkpoint":"<token>","hash":"<64 digits>"}
//! ```
//!
//! `hash` is the SHA-256 of the line up to, and without, `,"hash":`; `prev` is the `hash` of the line before, and 64
//! zeros in the first line of all. `seq` counts from 1, across files. A record is what
//! [`stage0_wire::record`] writes; here it is a text. A checkpoint is the word of whoever holds a key that
//! so many lines ended in this hash at that time ([`Checkpoint`]): without one, whoever can write the file
//! can write all of it anew.
//!
//! Nothing here reads or writes files: [`crate::sink`] does.

mod auditor;
mod checkpoint;
mod line;
mod report;
mod verify;

use stage0_engine::digest::Digest;

pub use self::auditor::Auditor;
pub use self::checkpoint::{CHECKPOINT_KIND, Checkpoint, CheckpointError};
pub use self::line::{Body, Line, LineError};
pub use self::report::{Remade, Report};
pub use self::verify::{Finding, Place, Summary, Verifier};

/// Bytes of one line: a record, and what the chain adds to it.
pub const LINE_BYTES_MAX: usize = stage0_wire::record::RECORD_LIMITS
    .bytes_max
    .saturating_add(1_024);

/// Room for what the chain adds to a line.
const LINK_BYTES: usize = 200;

/// Where a chain ends: the number and the hash of its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Lines so far.
    pub seq: u64,
    /// The hash of the last one.
    pub hash: Digest,
}

impl Head {
    /// Before the first line.
    pub const START: Self = Self {
        seq: 0,
        hash: Digest::from_bytes([0; 32]),
    };
}

/// A chain that is being written.
///
/// ```
/// use stage0_audit::chain::{Body, Chain, Head, Line};
///
/// let mut chain = Chain::from(Head::START);
/// let line = chain.append(r#"{"v":1}"#);
/// assert_eq!(Line::parse(&line).unwrap().seq, 1);
/// assert_eq!(chain.head().hash, Line::parse(&line).unwrap().hash);
/// let body = Body::Record(r#"{"v":2}"#);
/// let link = chain.link(body);
/// assert_eq!(Line::parse(&link.line(body)).unwrap().head(), chain.head());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    head: Head,
}

impl From<Head> for Chain {
    /// A chain that goes on where another ended.
    fn from(head: Head) -> Self {
        Self { head }
    }
}

impl Chain {
    /// Where it ends.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The next line, without the line break behind it, for a record: the text of one JSON object, on one
    /// line.
    pub fn append(&mut self, record: &str) -> String {
        let mut line = String::new();
        self.write(&mut line, record);
        line
    }

    /// The next line for a checkpoint of all lines so far.
    pub fn append_checkpoint(&mut self, checkpoint: &Checkpoint) -> String {
        let mut line = String::new();
        self.write_checkpoint(&mut line, checkpoint);
        line
    }

    /// As [`append`](Self::append), behind what stands in `out`.
    pub fn write(&mut self, out: &mut String, record: &str) {
        self.push(out, Body::Record(record));
    }

    /// As [`append_checkpoint`](Self::append_checkpoint), behind what stands in `out`.
    pub fn write_checkpoint(&mut self, out: &mut String, checkpoint: &Checkpoint) {
        self.push(out, Body::Checkpoint(checkpoint.token()));
    }

    /// As [`append`](Self::append), for whoever keeps what a line holds and what the chain adds to it apart.
    pub fn link(&mut self, body: Body<'_>) -> Link {
        let (seq, prev) = (self.head.seq.saturating_add(1), self.head.hash);
        let mut begin = String::with_capacity(LINK_BYTES);
        let [member, text, end] = parts(body);
        push_begin(&mut begin, seq, &prev, member);
        let hash = Digest::of_parts(&[begin.as_bytes(), text.as_bytes(), end.as_bytes()]);
        self.head = Head { seq, hash };
        Link { seq, prev, hash }
    }

    fn push(&mut self, out: &mut String, body: Body<'_>) {
        let from = out.len();
        let [member, text, end] = parts(body);
        out.reserve(text.len().saturating_add(LINK_BYTES));
        let seq = self.head.seq.saturating_add(1);
        push_begin(out, seq, &self.head.hash, member);
        out.push_str(text);
        out.push_str(end);
        let hash = Digest::of(out.as_bytes().get(from..).unwrap_or_default());
        push_end(out, &hash);
        self.head = Head { seq, hash };
    }
}

/// What the chain adds to a line: everything but what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The line's number, from 1.
    pub seq: u64,
    /// The hash of the line before.
    pub prev: Digest,
    /// Its hash.
    pub hash: Digest,
}

impl Link {
    /// The line that holds this: the one that was added, if that is what it was added with.
    pub fn line(&self, body: Body<'_>) -> String {
        let [member, text, end] = parts(body);
        let mut line = String::with_capacity(text.len().saturating_add(LINK_BYTES));
        push_begin(&mut line, self.seq, &self.prev, member);
        line.push_str(text);
        line.push_str(end);
        push_end(&mut line, &self.hash);
        line
    }
}

/// What a line holds, as it stands there: behind which member, the text, and what ends it.
const fn parts(body: Body<'_>) -> [&str; 3] {
    match body {
        Body::Record(record) => ["record\":", record, ""],
        Body::Checkpoint(token) => ["checkpoint\":\"", token, "\""],
    }
}

fn push_begin(out: &mut String, seq: u64, prev: &Digest, member: &str) {
    out.push_str("{\"seq\":");
    out.push_str(&seq.to_string());
    out.push_str(",\"prev\":\"");
    prev.write_hex(out);
    out.push_str("\",\"");
    out.push_str(member);
}

fn push_end(out: &mut String, hash: &Digest) {
    out.push_str(",\"hash\":\"");
    hash.write_hex(out);
    out.push_str("\"}");
}
