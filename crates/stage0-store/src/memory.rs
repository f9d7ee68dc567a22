//! Rows in memory: for one process, and gone with it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stage0_engine::time::Timestamp;

use crate::error::StoreError;
use crate::key::Key;
use crate::store::{Change, Kept, StateStore, To};

/// Keeps rows in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    kept: HashMap<Key, Kept>,
    /// The version that was given last, to whichever row: none is given twice.
    last: u64,
}

impl MemoryStore {
    /// One that has nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything that is kept, in no order.
    pub(crate) fn all(&self) -> Vec<(Key, Kept)> {
        let rows = self.rows();
        let all = rows.kept.iter();
        all.map(|(key, kept)| (key.clone(), kept.clone())).collect()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing that is done under the lock can stop half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for MemoryStore {
    fn load(&self, keys: &[Key]) -> Result<Vec<Option<Kept>>, StoreError> {
        let rows = self.rows();
        Ok(keys.iter().map(|key| rows.kept.get(key).cloned()).collect())
    }

    fn swap(&self, changes: &[Change]) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let is_as_found = |change: &Change| {
            let kept = rows.kept.get(&change.key);
            kept.map(|kept| kept.version) == change.from
        };
        if !changes.iter().all(is_as_found) {
            return Ok(false);
        }
        for change in changes {
            match &change.to {
                To::Same => {}
                To::Row(row) => {
                    rows.last = rows.last.saturating_add(1);
                    let kept = Kept {
                        version: rows.last,
                        row: row.clone(),
                    };
                    rows.kept.insert(change.key.clone(), kept);
                }
                To::Nothing => {
                    rows.kept.remove(&change.key);
                }
            }
        }
        Ok(true)
    }

    fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let before = rows.kept.len();
        rows.kept
            .retain(|_, kept| kept.row.until.is_none_or(|until| until > now));
        let dropped = before.saturating_sub(rows.kept.len());
        Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
    }

    fn tickets(&self, count: usize) -> Result<Vec<Kept>, StoreError> {
        let rows = self.rows();
        let found = rows.kept.iter();
        let found = found.filter(|(key, _)| matches!(key, Key::Ticket(_)));
        let mut found: Vec<Kept> = found.map(|(_, kept)| kept.clone()).collect();
        found.sort_by_key(|kept| kept.version);
        found.truncate(count);
        Ok(found)
    }
}
