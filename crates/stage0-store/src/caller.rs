//! A state that its caller keeps: its text goes in, and the next one comes out.
//!
//! It has one run, and all counters that there are. Nothing of it is kept here for longer than the caller
//! holds this; whether the caller's own copy is lost or old is the caller's to see to.

use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::{parse_state, state_to_json};

use crate::error::StoreError;
use crate::key::{Key, RunId};
use crate::memory::MemoryStore;
use crate::parts::{Found, rows_of, state_of};
use crate::store::{Change, Kept, StateStore};

/// Keeps the rows of one state, of which the run is [`RunId::only`].
///
/// ```
/// use stage0_store::CallerStore;
/// use stage0_wire::question::NEW_RUN;
///
/// let store = CallerStore::new(NEW_RUN).unwrap();
/// assert_eq!(store.text().unwrap(), NEW_RUN);
/// ```
#[derive(Debug)]
pub struct CallerStore(MemoryStore);

impl CallerStore {
    /// What the caller has kept: the canonical text of a state that is all there is.
    ///
    /// # Errors
    /// It is no such text.
    pub fn new(text: &str) -> Result<Self, StoreError> {
        Self::read("state", text.as_bytes())
    }

    /// The same, from bytes, where problems have a name for the text.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn read(name: &str, text: &[u8]) -> Result<Self, StoreError> {
        let key = Key::Run(RunId::only());
        let refused = |problems| StoreError::Text {
            key: key.clone(),
            problems,
        };
        let state = parse_state(name, text).map_err(&refused)?;
        if !state.is_whole {
            let message = "this state is a part of one, and nothing is known of the rest";
            let problem = Problem::new(ProblemCode::StateInvalid, message);
            return Err(refused(vec![
                problem.help("begin with a state that says `whole: true`"),
            ]));
        }
        let rows = MemoryStore::new();
        let changes = rows_of(state).into_iter().map(|(key, row)| {
            let found = Found { key, kept: None };
            found.becomes(Some(row))
        });
        rows.swap(&changes.collect::<Vec<_>>())?;
        Ok(Self(rows))
    }

    /// What the caller has to keep now.
    ///
    /// # Errors
    /// Somebody has put a row here that is no part of a state.
    pub fn text(&self) -> Result<String, StoreError> {
        let rows = self.0.all().into_iter();
        let found = rows.map(|(key, kept)| Found {
            key,
            kept: Some(kept),
        });
        let state = state_of(&found.collect::<Vec<_>>())?;
        Ok(state_to_json(&RunState {
            is_whole: true,
            ..state
        }))
    }
}

/// Another run's row is none of this state.
fn refuse_others<'k>(mut keys: impl Iterator<Item = &'k Key>) -> Result<(), StoreError> {
    let is_other = |key: &&Key| match key {
        Key::Run(run) => *run != RunId::only(),
        Key::Ticket(_) | Key::Halt => true,
        Key::Counter(_) | Key::Hold(_) => false,
    };
    keys.find(is_other)
        .map_or(Ok(()), |key| Err(StoreError::Elsewhere(key.clone())))
}

impl StateStore for CallerStore {
    fn load(&self, keys: &[Key]) -> Result<Vec<Option<Kept>>, StoreError> {
        refuse_others(keys.iter())?;
        self.0.load(keys)
    }

    fn swap(&self, changes: &[Change]) -> Result<bool, StoreError> {
        refuse_others(changes.iter().map(|change| &change.key))?;
        self.0.swap(changes)
    }

    fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.0.purge(now)
    }

    fn tickets(&self, _count: usize) -> Result<Vec<Kept>, StoreError> {
        // A state has none: its caller keeps people's answers.
        Ok(Vec::new())
    }
}
