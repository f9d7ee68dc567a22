//! What a store is: rows of text by key, and a swap that is done whole or not at all.

use std::fmt::Debug;
use std::sync::Arc;

use stage0_engine::time::Timestamp;

use crate::error::StoreError;
use crate::key::Key;

/// What is kept under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Canonical text.
    pub text: String,
    /// From when on the row may be dropped, because nothing in it counts any more; never, if nothing is told.
    pub until: Option<Timestamp>,
}

/// A row as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Tells this row from every other one that was or will be kept under its key, also after it was dropped.
    pub version: u64,
    /// What is kept.
    pub row: Row,
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// It stays as it was found: it was only looked at.
    Same,
    /// It is replaced, or put down where there was none.
    Row(Row),
    /// It is dropped.
    Nothing,
}

/// A row that was looked at, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The row.
    pub key: Key,
    /// The version that was found, or that there was none.
    pub from: Option<u64>,
    /// What becomes of it.
    pub to: To,
}

/// Keeps rows. Anything that has a compare-and-swap over a few keys can be one.
pub trait StateStore: Debug + Send + Sync {
    /// The rows under these keys, in their order.
    ///
    /// # Errors
    /// They cannot be read. A row that cannot be read is never one that is not there.
    fn load(&self, keys: &[Key]) -> Result<Vec<Option<Kept>>, StoreError>;

    /// Makes all of these changes, each to another row, if every row is still as it was found; else none, and
    /// the answer is `false`. What was answered with `true` is there after a crash, as far as this store outlives one.
    ///
    /// # Errors
    /// They cannot be made. None was.
    fn swap(&self, changes: &[Change]) -> Result<bool, StoreError>;

    /// Drops rows of which nothing counts any more at this time; how many.
    ///
    /// # Errors
    /// They cannot be dropped.
    fn purge(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// The rows of tickets, those that were changed longest ago first, at most so many.
    ///
    /// # Errors
    /// They cannot be read.
    fn tickets(&self, count: usize) -> Result<Vec<Kept>, StoreError>;
}

macro_rules! through {
    ($($holder:ty),*) => {
        $(impl<S: StateStore + ?Sized> StateStore for $holder {
            fn load(&self, keys: &[Key]) -> Result<Vec<Option<Kept>>, StoreError> {
                (**self).load(keys)
            }

            fn swap(&self, changes: &[Change]) -> Result<bool, StoreError> {
                (**self).swap(changes)
            }

            fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
                (**self).purge(now)
            }

            fn tickets(&self, count: usize) -> Result<Vec<Kept>, StoreError> {
                (**self).tickets(count)
            }
        })*
    };
}

through!(&S, Box<S>, Arc<S>);
