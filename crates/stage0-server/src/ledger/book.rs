//! What work writes into: one transaction, with the chain and the counts that go on in it.

use std::collections::BTreeMap;

use crate::config::Clock;
use stage0_audit::chain::{Body, Chain, Checkpoint, Head};
use stage0_audit::sink::Signing;
use stage0_engine::time::Timestamp;
use stage0_store::{Group, NewRecord, Packed, StateStore, StoreError, Usage};

/// A transaction that is open.
#[derive(Debug)]
pub(crate) struct Book<'g> {
    group: &'g Group<'g>,
    chain: Chain,
    clock: Clock,
    /// How often keys were used, as it is kept.
    kept: &'g BTreeMap<String, Usage>,
    /// The same where it has changed.
    used: BTreeMap<String, Usage>,
    /// Whether there is, or ever was, a ticket.
    has_tickets: bool,
    /// Where a checkpoint was added last.
    signed: Option<Head>,
}

/// What a book comes to.
#[derive(Debug)]
pub(super) struct Closed {
    /// Where the chain ends.
    pub(super) head: Head,
    /// How often keys were used, where that has changed.
    pub(super) used: BTreeMap<String, Usage>,
    pub(super) has_tickets: bool,
    /// Where a checkpoint was added last.
    pub(super) signed: Option<Head>,
}

impl<'g> Book<'g> {
    pub(super) fn new(
        group: &'g Group<'g>,
        chain: Chain,
        clock: Clock,
        kept: &'g BTreeMap<String, Usage>,
        has_tickets: bool,
    ) -> Self {
        Self {
            has_tickets,
            signed: None,
            group,
            chain,
            clock,
            kept,
            used: BTreeMap::new(),
        }
    }

    /// The time, in whole milliseconds.
    pub(crate) fn now(&self) -> Result<Timestamp, StoreError> {
        (self.clock)().ok_or(StoreError::Clock)
    }

    /// The transaction, for what has rows of its own.
    pub(crate) fn group(&self) -> &'g Group<'g> {
        self.group
    }

    /// Where runs, counters and tickets are kept.
    pub(crate) fn states(&self) -> &'g dyn StateStore {
        self.group
    }

    /// Adds a record to the chain, with what it is found by.
    pub(crate) fn add(
        &mut self,
        text: &str,
        packed: &Packed,
        found_by: &NewRecord<'_>,
    ) -> Result<(), StoreError> {
        let link = self.chain.link(Body::Record(text));
        self.group.add_record(&link, packed, found_by)
    }

    /// Adds a checkpoint to the chain, if it is time for one.
    pub(super) fn sign(&mut self, signing: &Signing) -> Result<(), StoreError> {
        let now = self.now()?;
        match signing.due(self.chain.head(), now) {
            Some(checkpoint) => self.add_checkpoint(&checkpoint, now),
            None => Ok(()),
        }
    }

    /// Adds a checkpoint to the chain, unless one is its last line.
    pub(super) fn sign_last(&mut self, signing: &Signing) -> Result<(), StoreError> {
        let now = self.now()?;
        match signing.last(self.chain.head(), now) {
            Some(checkpoint) => self.add_checkpoint(&checkpoint, now),
            None => Ok(()),
        }
    }

    fn add_checkpoint(
        &mut self,
        checkpoint: &Checkpoint,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let link = self.chain.link(Body::Checkpoint(checkpoint.token()));
        let packed = Packed::of_checkpoint(checkpoint.token());
        let found_by = NewRecord {
            at: Some(now),
            ..NewRecord::default()
        };
        self.signed = Some(self.chain.head());
        self.group.add_record(&link, &packed, &found_by)
    }

    /// Whether there may be a ticket: where nobody was ever asked, nobody has answered.
    pub(crate) fn has_tickets(&self) -> bool {
        self.has_tickets
    }

    /// Notes that there is one.
    pub(crate) fn note_ticket(&mut self) {
        self.has_tickets = true;
    }

    /// How often a key was used by now.
    pub(crate) fn usage(&mut self, key_id: &str, now: Timestamp) -> Result<Usage, StoreError> {
        let mut usage = match self.used.get(key_id).or_else(|| self.kept.get(key_id)) {
            Some(usage) => *usage,
            None => self.group.store().usage(key_id)?,
        };
        usage.turn_to(now);
        Ok(usage)
    }

    /// How often it was used from here on.
    pub(crate) fn set_usage(&mut self, key_id: &str, usage: Usage) {
        match self.used.get_mut(key_id) {
            Some(kept) => *kept = usage,
            None => {
                self.used.insert(key_id.to_owned(), usage);
            }
        }
    }

    /// Writes down what is written once for all.
    pub(super) fn close(self) -> Result<Closed, StoreError> {
        for (key_id, usage) in &self.used {
            self.group.put_usage(key_id, usage)?;
        }
        Ok(Closed {
            head: self.chain.head(),
            used: self.used,
            has_tickets: self.has_tickets,
            signed: self.signed,
        })
    }
}
