//! Parts of a state as rows, and rows as parts: each row is itself the canonical text of a state.
//!
//! A run is a state with nothing but the run. A counter is a state with that counter alone, so that it says
//! itself whose it is. Which counters hold a call is a state that names them, empty.

use std::collections::{BTreeMap, BTreeSet};

use stage0_engine::digest::Digest;
use stage0_engine::state::counter::Counter;
use stage0_engine::state::{Run, RunState};
use stage0_engine::time::{Duration, Timestamp};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::{parse_state, state_to_json};

use crate::error::StoreError;
use crate::key::{Key, RunId};
use crate::limits::RUN_IDLE_DAYS_MAX;
use crate::store::{Change, Kept, Row, StateStore, To};

/// The rows that a whole state is made of, where its only run has no name.
pub(crate) fn rows_of(state: RunState) -> Vec<(Key, Row)> {
    let mut holds: BTreeMap<Digest, (BTreeSet<Box<str>>, Timestamp)> = BTreeMap::new();
    let mut rows = Vec::new();
    for (name, counter) in state.counters {
        for hold in counter.entries.iter().filter_map(|entry| entry.hold) {
            let (held_in, until) = holds
                .entry(hold.call)
                .or_insert_with(|| (BTreeSet::new(), hold.until));
            held_in.insert(name.clone());
            *until = hold.until.max(*until);
        }
        let text = counter_text(&name, counter);
        rows.push((Key::Counter(name), Row { text, until: None }));
    }
    for (call, (held_in, until)) in holds {
        rows.push((Key::Hold(call), hold_row(held_in, until)));
    }
    if let Some(run) = state.run {
        let text = run_text(run);
        rows.push((Key::Run(RunId::only()), Row { text, until: None }));
    }
    rows
}

/// A row that was looked at.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) key: Key,
    pub(crate) kept: Option<Kept>,
}

/// Looks rows up.
pub(crate) fn find(store: &dyn StateStore, keys: Vec<Key>) -> Result<Vec<Found>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let kept = store.load(&keys)?;
    if kept.len() != keys.len() {
        return Err(silent());
    }
    let found = keys.into_iter().zip(kept);
    Ok(found.map(|(key, kept)| Found { key, kept }).collect())
}

/// Looks one row up.
pub(crate) fn find_one(store: &dyn StateStore, key: Key) -> Result<Found, StoreError> {
    let found = find(store, vec![key])?.pop();
    found.ok_or_else(silent)
}

fn silent() -> StoreError {
    StoreError::Unreadable("the store has not answered for every row".to_owned())
}

/// The state that rows are parts of. A counter that is not there has counted nothing; a run that is not there
/// is left out.
pub(crate) fn state_of(found: &[Found]) -> Result<RunState, StoreError> {
    let mut state = RunState::default();
    for found in found {
        match &found.key {
            Key::Run(_) => state.run = found.run()?,
            Key::Counter(name) => {
                let counter = found.counter(name)?.unwrap_or_default();
                state.counters.insert(name.clone(), counter);
            }
            Key::Hold(_) | Key::Ticket(_) | Key::Halt => {}
        }
    }
    Ok(state)
}

impl Found {
    /// Whether there is such a row.
    pub(crate) fn is_there(&self) -> bool {
        self.kept.is_some()
    }

    fn run(&self) -> Result<Option<Run>, StoreError> {
        let Some(state) = self.read()? else {
            return Ok(None);
        };
        match state.run {
            Some(run) if state.counters.is_empty() => Ok(Some(run)),
            _ => Err(self.strange()),
        }
    }

    fn counter(&self, name: &str) -> Result<Option<Counter>, StoreError> {
        let Some(mut state) = self.read()? else {
            return Ok(None);
        };
        match state.counters.remove(name) {
            Some(counter) if state == RunState::default() => Ok(Some(counter)),
            _ => Err(self.strange()),
        }
    }

    /// The counters that hold a call.
    pub(crate) fn held_in(&self) -> Result<Vec<Box<str>>, StoreError> {
        let Some(state) = self.read()? else {
            return Ok(Vec::new());
        };
        let is_empty = state.counters.values().all(|held| held.entries.is_empty());
        if state.run.is_some() || !is_empty {
            return Err(self.strange());
        }
        Ok(state.counters.into_keys().collect())
    }

    fn read(&self) -> Result<Option<RunState>, StoreError> {
        let Some(kept) = &self.kept else {
            return Ok(None);
        };
        let key = self.key.to_string();
        match parse_state(&key, kept.row.text.as_bytes()) {
            // A part never says that it is all there is.
            Ok(state) if state.is_whole => Err(self.strange()),
            Ok(state) => Ok(Some(state)),
            Err(problems) => Err(self.refused(problems)),
        }
    }

    fn strange(&self) -> StoreError {
        let message = "this is the text of another part of a state";
        self.refused(vec![Problem::new(ProblemCode::StateInvalid, message)])
    }

    fn refused(&self, problems: Vec<Problem>) -> StoreError {
        StoreError::Text {
            key: self.key.clone(),
            problems,
        }
    }

    /// What becomes of the row if this is to stand there; it stands until what it had and what it gets have
    /// both ended.
    pub(crate) fn becomes(self, next: Option<Row>) -> Change {
        let from = self.kept.as_ref().map(|kept| kept.version);
        let to = match (self.kept, next) {
            (None, None) => To::Same,
            (Some(_), None) => To::Nothing,
            (Some(kept), Some(next)) if kept.row.text == next.text => To::Same,
            (Some(kept), Some(next)) => {
                let ends = kept.row.until.zip(next.until);
                To::Row(Row {
                    until: ends.map(|(one, other)| one.max(other)),
                    ..next
                })
            }
            (None, Some(next)) => To::Row(next),
        };
        Change {
            key: self.key,
            from,
            to,
        }
    }

    /// What becomes of the row of a counter. One that has counted nothing needs none.
    pub(crate) fn becomes_counter(
        self,
        name: &str,
        counter: Counter,
        until: Option<Timestamp>,
    ) -> Change {
        let row = (!counter.entries.is_empty()).then(|| Row {
            text: counter_text(name, counter),
            until,
        });
        self.becomes(row)
    }

    /// Since when the row may be dropped, as it was found.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.kept.as_ref().and_then(|kept| kept.row.until)
    }
}

fn counter_text(name: &str, counter: Counter) -> String {
    state_to_json(&RunState {
        counters: BTreeMap::from([(name.into(), counter)]),
        ..RunState::default()
    })
}

/// The row of a run that was touched at this time.
pub(crate) fn run_row(run: Run, now: Timestamp) -> Row {
    let held = run.counters.values().chain([&run.cost]);
    let held = held.flat_map(|counter| &counter.entries);
    let held = held.filter_map(|entry| Some(entry.hold?.until)).max();
    let until = idle().and_then(|idle| now.checked_add(idle).ok());
    Row {
        text: run_text(run),
        until: until.map(|until| held.map_or(until, |held| held.max(until))),
    }
}

fn run_text(run: Run) -> String {
    state_to_json(&RunState {
        run: Some(run),
        ..RunState::default()
    })
}

/// How long a run is kept that nobody goes on with.
fn idle() -> Option<Duration> {
    const DAY_MS: i64 = 86_400_000;
    Duration::from_ms(RUN_IDLE_DAYS_MAX.checked_mul(DAY_MS)?)
}

/// The row that says which counters hold a call, until nobody can give back any of it.
pub(crate) fn hold_row(names: impl IntoIterator<Item = Box<str>>, until: Timestamp) -> Row {
    let counters = names.into_iter().map(|name| (name, Counter::default()));
    Row {
        text: state_to_json(&RunState {
            counters: counters.collect(),
            ..RunState::default()
        }),
        until: Some(until),
    }
}
