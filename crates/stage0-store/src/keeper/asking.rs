//! A decision, made with what was found under its keys.

use std::collections::BTreeMap;

use stage0_engine::decision::Decision;
use stage0_engine::host::Host;
use stage0_engine::request::Request;
use stage0_engine::state::counter::Window;
use stage0_engine::state::{RunState, hold_key};
use stage0_engine::time::Timestamp;
use stage0_wire::{Policy, decision_to_json};

use super::attempt::Attempt;
use crate::clock::level;
use crate::error::StoreError;
use crate::key::{Key, RunId};
use crate::parts::{Found, find, find_one, hold_row, run_row, state_of};
use crate::store::{Change, StateStore};

/// The counters that a decision needs, with how long each counts.
pub(super) type Needed = BTreeMap<Box<str>, Window>;

/// What is asked. A call that has no id of its own is known by the host's request id, which has to be another
/// one each time.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'q> {
    /// The policy that decides.
    pub policy: &'q Policy,
    /// The request, which the policy [admits](Policy::admit).
    pub request: &'q Request<'q>,
    /// What its host adds.
    pub host: &'q Host<'q>,
    /// The run that it belongs to; without one, rules that ask for a run defer.
    pub run: Option<&'q RunId>,
}

/// A decision, and what it was made with.
#[derive(Debug)]
pub struct Decided<'q> {
    /// The decision.
    pub decision: Decision<'q>,
    /// The state that it was made with: explaining the request with it gives the same decision.
    pub state: RunState,
    /// The state that it leaves behind, of what it was made with.
    pub next: RunState,
    /// When it was made.
    pub now: Timestamp,
}

impl Decided<'_> {
    /// The decision's canonical text.
    pub fn to_json(&self) -> String {
        decision_to_json(&self.decision)
    }
}

impl<'q> Asking<'q> {
    /// Decides with what is kept at this moment. For hosts whose loop around it is their own; what it does is
    /// what [`Keeper::decide`](crate::Keeper::decide) does each time.
    ///
    /// # Errors
    /// The state could not be had.
    pub fn attempt(
        &self,
        store: &dyn StateStore,
        now: Timestamp,
    ) -> Result<Attempt<Decided<'q>>, StoreError> {
        let Self {
            policy,
            request,
            host,
            run,
        } = *self;
        let needed = policy.state_keys(request, host, now).counters;
        let Loaded { found, state, now } = load(store, run, &needed, now)?;
        let (decision, next) = policy.decide(request, host, &state, now);
        let mut kept = next.clone();
        let mut changes = Vec::with_capacity(found.len().saturating_add(1));
        changes.extend(self.hold(store, &decision, &mut kept)?);
        changes.extend(put_back(found, &needed, kept, now));
        let decided = Decided {
            decision,
            state,
            next,
            now,
        };
        Ok(Attempt::new(decided, changes))
    }

    /// Names the amounts that are now held for this call after its run, and writes down where they are, so
    /// that a report finds them without the request.
    pub(super) fn hold(
        &self,
        store: &dyn StateStore,
        decision: &Decision<'_>,
        next: &mut RunState,
    ) -> Result<Option<Change>, StoreError> {
        let id = self.request.call_id().unwrap_or(self.host.request_id);
        let call = hold_key(id, &decision.action_digest());
        let named = self.run.map_or(call, |run| run.hold(&call));
        let mut held_in = Vec::new();
        let mut until = Timestamp::MIN;
        for (name, counter) in &mut next.counters {
            let holds = counter.entries.iter_mut();
            let holds = holds.filter_map(|entry| entry.hold.as_mut());
            for hold in holds.filter(|hold| hold.call == call) {
                hold.call = named;
                until = until.max(hold.until);
                held_in.push(name.clone());
            }
        }
        if held_in.is_empty() {
            return Ok(None);
        }
        let found = find_one(store, Key::Hold(named))?;
        held_in.extend(found.held_in()?);
        Ok(Some(found.becomes(Some(hold_row(held_in, until)))))
    }
}

/// What was found of a run and of counters, and what it comes to.
pub(super) struct Loaded {
    pub(super) found: Vec<Found>,
    pub(super) state: RunState,
    /// The time, made even with that of the state.
    pub(super) now: Timestamp,
}

/// Loads a run and counters.
pub(super) fn load(
    store: &dyn StateStore,
    run: Option<&RunId>,
    needed: &Needed,
    now: Timestamp,
) -> Result<Loaded, StoreError> {
    let run_key = run.cloned().map(Key::Run);
    let keys = needed.keys().cloned().map(Key::Counter);
    let found = find(store, run_key.into_iter().chain(keys).collect())?;
    let mut state = state_of(&found)?;
    if run.is_some() {
        state.run.get_or_insert_default();
    }
    let now = level(now, &state);
    Ok(Loaded { found, state, now })
}

/// What becomes of the rows that were found.
pub(super) fn put_back(
    found: Vec<Found>,
    needed: &Needed,
    mut next: RunState,
    now: Timestamp,
) -> impl Iterator<Item = Change> {
    found.into_iter().map(move |found| match found.key.clone() {
        Key::Counter(name) => {
            let counter = next.counters.remove(&name).unwrap_or_default();
            let window = needed.get(&name);
            let until = window.and_then(|window| counter.ends(*window));
            found.becomes_counter(&name, counter, until)
        }
        Key::Run(_) | Key::Hold(_) | Key::Ticket(_) | Key::Halt => {
            let row = next.run.take().map(|run| run_row(run, now));
            found.becomes(row)
        }
    })
}
