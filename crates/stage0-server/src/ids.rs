//! Ids for requests that come without one.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use stage0_engine::time::Timestamp;

/// Makes ids that no other server, and no other start of this one, makes.
#[derive(Debug)]
pub(crate) struct Ids {
    random: u64,
    count: AtomicU64,
}

impl Ids {
    pub(crate) fn new(random: u64) -> Self {
        Self {
            random,
            count: AtomicU64::new(0),
        }
    }

    /// The next one. They sort by time.
    pub(crate) fn next(&self, now: Timestamp) -> String {
        let mut id = String::with_capacity(44);
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let ms = now.to_ms().max(0);
        // Writing to a string cannot fail.
        let _ = write!(id, "req-{ms:012x}-{:016x}-{count:x}", self.random);
        id
    }
}
