//! Several calls that run together or not at all, made with what was found under the keys of all of them.

use stage0_engine::decide_batch;
use stage0_engine::host::Host;
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;
use stage0_wire::Policy;

use super::asking::{Asking, Decided, Loaded, Needed, load, put_back};
use super::attempt::Attempt;
use crate::error::StoreError;
use crate::key::RunId;
use crate::store::{Change, StateStore};

/// Calls that run together or not at all, in the order in which they are meant to run.
#[derive(Debug, Clone, Copy)]
pub struct AskingBatch<'q> {
    /// The policy that decides.
    pub policy: &'q Policy,
    /// The requests, which the policy [admits](Policy::admit), each with what its host adds. Calls without
    /// an id of their own are told apart by the host's request ids.
    pub requests: &'q [(&'q Request<'q>, Host<'q>)],
    /// The run that they belong to; without one, rules that ask for a run defer.
    pub run: Option<&'q RunId>,
}

impl<'q> AskingBatch<'q> {
    /// Decides with what is kept at this moment: see [`Asking::attempt`] and [`decide_batch`]. Each of the
    /// answers has the state that all of them were made with, and the one after all of them.
    ///
    /// # Errors
    /// The state could not be had.
    pub fn attempt(
        &self,
        store: &dyn StateStore,
        now: Timestamp,
    ) -> Result<Attempt<Vec<Decided<'q>>>, StoreError> {
        let Self {
            policy,
            requests,
            run,
        } = *self;
        let mut needed = Needed::new();
        for (request, host) in requests {
            needed.extend(policy.state_keys(request, host, now).counters);
        }
        let Loaded { found, state, now } = load(store, run, &needed, now)?;
        let (decisions, next) = decide_batch(policy.index(), requests, &state, now);
        let mut kept = next.clone();
        let mut changes: Vec<Change> = Vec::new();
        for ((request, host), decision) in requests.iter().zip(&decisions) {
            let asking = Asking {
                policy,
                request,
                host,
                run,
            };
            let held = asking.hold(store, decision, &mut kept)?;
            // A call that is asked about twice is held once.
            let is_new = |held: &Change| changes.iter().all(|known| known.key != held.key);
            changes.extend(held.filter(is_new));
        }
        changes.extend(put_back(found, &needed, kept, now));
        let decided = decisions.into_iter().map(|decision| Decided {
            decision,
            state: state.clone(),
            next: next.clone(),
            now,
        });
        Ok(Attempt::new(decided.collect(), changes))
    }
}
