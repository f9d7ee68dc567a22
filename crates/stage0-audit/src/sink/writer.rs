//! The lines of a chain, made one after the other, each in the place of the one before.

use stage0_engine::time::Timestamp;
use stage0_wire::record::RECORD_LIMITS;

use super::{Signing, SinkError};
use crate::chain::{Chain, Checkpoint, Head};
use crate::key::PrivateKey;

/// Bytes of a line from which on its memory is given back: few lines are nearly as long.
const LINE_BYTES_KEPT: usize = 65_536;

/// What keeps a line, which ends with its line break, or says why not.
pub(super) type Keep<'k> = &'k mut dyn FnMut(&str) -> Result<(), SinkError>;

/// A chain and what signs it. It ends with a line once that is kept.
#[derive(Debug)]
pub(super) struct Writer {
    chain: Chain,
    signing: Option<Signing>,
    line: String,
}

impl Writer {
    pub(super) fn new(head: Head, signing: Option<Signing>) -> Self {
        Self {
            chain: Chain::from(head),
            signing,
            line: String::new(),
        }
    }

    /// Where the chain ends.
    pub(super) fn head(&self) -> Head {
        self.chain.head()
    }

    /// Has the line of a record kept, and where it is time a checkpoint behind it.
    pub(super) fn append(
        &mut self,
        record: &str,
        now: Timestamp,
        keep: Keep<'_>,
    ) -> Result<Head, SinkError> {
        let breaks = memchr::memchr2(b'\n', b'\r', record.as_bytes());
        if record.len() > RECORD_LIMITS.bytes_max || breaks.is_some() {
            return Err(SinkError::NoRecord);
        }
        self.keep(keep, |chain, line| chain.write(line, record))?;
        let head = self.head();
        let signing = self.signing.as_ref();
        if let Some(checkpoint) = signing.and_then(|signing| signing.due(head, now)) {
            self.keep(keep, |chain, line| {
                chain.write_checkpoint(line, &checkpoint);
            })?;
            if let Some(signing) = &mut self.signing {
                signing.note(self.chain.head());
            }
        }
        Ok(self.head())
    }

    /// Has a checkpoint of all lines so far kept.
    pub(super) fn checkpoint(
        &mut self,
        key: &PrivateKey,
        now: Timestamp,
        keep: Keep<'_>,
    ) -> Result<Checkpoint, SinkError> {
        let checkpoint = Checkpoint::sign(self.head(), now, key);
        self.keep(keep, |chain, line| {
            chain.write_checkpoint(line, &checkpoint);
        })?;
        Ok(checkpoint)
    }

    fn keep(
        &mut self,
        keep: Keep<'_>,
        write: impl FnOnce(&mut Chain, &mut String),
    ) -> Result<(), SinkError> {
        let mut next = self.chain.clone();
        self.line.clear();
        write(&mut next, &mut self.line);
        self.line.push('\n');
        let kept = keep(&self.line);
        if self.line.capacity() > LINE_BYTES_KEPT {
            self.line = String::new();
        }
        kept?;
        self.chain = next;
        Ok(())
    }
}
