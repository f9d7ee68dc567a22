//! A host's word on a call, taken to the run and to the counters that hold it.

use stage0_engine::digest::Digest;
use stage0_engine::state::{Report, RunState, hold_key};
use stage0_engine::time::Timestamp;

use super::attempt::Attempt;
use crate::clock::latest;
use crate::error::StoreError;
use crate::key::{Key, RunId};
use crate::parts::{find, find_one, run_row, state_of};
use crate::store::StateStore;

/// What is told.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'t> {
    /// The run that the call belongs to.
    pub run: Option<&'t RunId>,
    /// What became of the call.
    pub report: &'t Report<'t>,
}

impl Telling<'_> {
    /// Whether the call is known at this moment, and what becomes of what is held for it. For hosts whose loop
    /// around it is their own; what it does is what [`Keeper::report`](crate::Keeper::report) does each time.
    ///
    /// # Errors
    /// The state could not be had.
    pub fn attempt(
        &self,
        store: &dyn StateStore,
        now: Timestamp,
    ) -> Result<Attempt<bool>, StoreError> {
        let Self { run, report } = *self;
        let call = hold_key(report.id, &report.action);
        let named = run.map_or(call, |run| run.hold(&call));
        let hold = find_one(store, Key::Hold(named))?;
        let run = run.cloned().map(Key::Run).into_iter();
        let counters = hold.held_in()?.into_iter().map(Key::Counter);
        let found = find(store, run.chain(counters).collect())?;
        let mut state = state_of(&found)?;
        if !hold.is_there() && !is_of_run(&state, &call) {
            return Ok(Attempt::new(false, Vec::new()));
        }
        rename(&mut state, &named, call);
        // A clock that lags must not give back what is spent by now.
        let now = latest(&state).map_or(now, |latest| latest.max(now));
        state.settle(report, now);
        let mut changes = Vec::with_capacity(found.len().saturating_add(1));
        changes.push(hold.becomes(None));
        for found in found {
            let until = found.until();
            changes.push(match found.key.clone() {
                Key::Counter(name) => {
                    let counter = state.counters.remove(&name).unwrap_or_default();
                    found.becomes_counter(&name, counter, until)
                }
                Key::Run(_) | Key::Hold(_) | Key::Ticket(_) | Key::Halt => {
                    let row = state.run.take().map(|run| run_row(run, now));
                    found.becomes(row)
                }
            });
        }
        Ok(Attempt::new(true, changes))
    }
}

/// Whether a call of the run is known by this name.
fn is_of_run(state: &RunState, call: &Digest) -> bool {
    let run = state.run.as_ref();
    run.is_some_and(|run| run.called.iter().any(|called| called.call == *call))
}

/// Gives the amounts that are held for a call the name by which the report knows it.
fn rename(state: &mut RunState, from: &Digest, to: Digest) {
    let entries = state
        .counters
        .values_mut()
        .flat_map(|counter| &mut counter.entries);
    for hold in entries.filter_map(|entry| entry.hold.as_mut()) {
        if hold.call == *from {
            hold.call = to;
        }
    }
}
