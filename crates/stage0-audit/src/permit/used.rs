//! Which permits were used: what makes them count once.
//!
//! A process of its own remembers in memory; executors that share work share a store that implements [`Used`],
//! for instance with a table whose primary key is (key, id).

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use stage0_engine::time::Timestamp;

/// Permits that are remembered in memory at once: a thousand calls a second for a minute and a half.
pub const USED_MAX: usize = 100_000;

/// Why a permit cannot be marked as used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UseError {
    /// It was used before.
    Again,
    /// No more can be remembered.
    Full,
    /// It could not be written down, or not be read whether it was: why.
    Failed(String),
}

impl fmt::Display for UseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again => f.write_str("used before"),
            Self::Full => f.write_str("no more can be remembered"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for UseError {}

/// Where it is written down which permits were used.
pub trait Used {
    /// Marks the permit of this key and id as used, in one step: of two that ask at once one is told that it
    /// was. It is written down when this returns, and kept until `until` at least.
    ///
    /// # Errors
    /// It was used, or that cannot be told or kept. The call must not be made.
    fn mark(&self, key: &str, id: &str, until: Timestamp, now: Timestamp) -> Result<(), UseError>;
}

/// Remembers in memory. What a process used is forgotten with it, so one that begins again believes only what
/// was issued since: see [`Verifier::since`](super::Verifier::since).
#[derive(Debug)]
pub struct UsedInMemory {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ids: BTreeSet<(String, String)>,
    /// The same by their ends, so that leaving costs nothing but what leaves.
    ends: BTreeMap<Timestamp, Vec<(String, String)>>,
    /// The latest time that was told. What ended before it was dropped, so it is refused for good, even
    /// where a clock is set back.
    latest: Option<Timestamp>,
}

impl Default for UsedInMemory {
    fn default() -> Self {
        Self::with_capacity(USED_MAX)
    }
}

impl UsedInMemory {
    /// Remembers at most so many at once.
    pub fn with_capacity(most: usize) -> Self {
        Self {
            most,
            state: Mutex::default(),
        }
    }
}

impl Used for UsedInMemory {
    fn mark(&self, key: &str, id: &str, until: Timestamp, now: Timestamp) -> Result<(), UseError> {
        let failed = |_| UseError::Failed("another thread ended in the middle".to_owned());
        let mut state = self.state.lock().map_err(failed)?;
        let latest = state.latest.map_or(now, |latest| latest.max(now));
        state.latest = Some(latest);
        state.drop_ended(latest);
        let entry = (key.to_owned(), id.to_owned());
        if until <= latest || state.ids.contains(&entry) {
            return Err(UseError::Again);
        }
        if state.ids.len() >= self.most {
            return Err(UseError::Full);
        }
        state.ends.entry(until).or_default().push(entry.clone());
        state.ids.insert(entry);
        Ok(())
    }
}

impl State {
    fn drop_ended(&mut self, now: Timestamp) {
        while let Some(first) = self.ends.first_entry() {
            if *first.key() > now {
                return;
            }
            for entry in first.remove() {
                self.ids.remove(&entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_ms(s.saturating_mul(1_000)).unwrap()
    }

    #[test]
    fn what_was_used_stays_used() {
        let used = UsedInMemory::default();
        let mark = |key, id, until, now| used.mark(key, id, at(until), at(now));
        assert_eq!(mark("k", "1", 60, 0), Ok(()));
        assert_eq!(mark("k", "1", 60, 59), Err(UseError::Again));
        // Another key's id is another.
        assert_eq!(mark("j", "1", 90, 59), Ok(()));
        // Its end has come, so it is dropped, and refused all the same, also with the clock set back.
        assert_eq!(mark("k", "2", 200, 60), Ok(()));
        assert_eq!(used.state.lock().unwrap().ids.len(), 2);
        assert_eq!(mark("k", "1", 60, 60), Err(UseError::Again));
        assert_eq!(mark("k", "1", 60, 0), Err(UseError::Again));
    }

    #[test]
    fn a_full_memory_refuses_and_empties_with_time() {
        let used = UsedInMemory::with_capacity(2);
        let mark = |id, until, now| used.mark("k", id, at(until), at(now));
        assert_eq!(mark("1", 60, 0), Ok(()));
        assert_eq!(mark("2", 61, 0), Ok(()));
        assert_eq!(mark("3", 62, 0), Err(UseError::Full));
        assert_eq!(mark("2", 61, 0), Err(UseError::Again));
        assert_eq!(mark("3", 99, 60), Ok(()));
        assert_eq!(mark("4", 99, 60), Err(UseError::Full));
    }

    #[test]
    fn of_many_at_once_one_is_first() {
        let used = UsedInMemory::default();
        let firsts: usize = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| used.mark("k", "1", at(60), at(0)).is_ok()))
                .collect();
            let tries = tries.into_iter().map(|one| one.join().unwrap());
            tries.filter(|is_first| *is_first).count()
        });
        assert_eq!(firsts, 1);
    }
}
