//! What a host keeps between two decisions: small, bounded and versioned.
//!
//! The engine keeps none of it. A host passes the state in and stores what comes out; replaying a log
//! of requests replays the states. A state has two parts: the [`Run`], one agent's work across many
//! calls, and counters that several runs share, each by its key. What is not in a state is unknown,
//! not zero: a limit that nobody counts for is a question, not a yes.

mod advance;
pub mod counter;
mod run;

use std::collections::BTreeMap;

pub(crate) use self::advance::{HOLD_DEFAULT, Move, Step, Traces};
use smallvec::SmallVec;

use self::counter::Counter;
pub use self::run::{Asked, Called, Run, Streak};
use crate::digest::Digest;
use crate::number::Number;
use crate::time::Timestamp;

/// Version of the state's form; another version is refused.
pub const STATE_VERSION: u32 = 2;

/// The run and the counters that a decision is made with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunState {
    /// The run; nothing where the host knows of none.
    pub run: Option<Run>,
    /// Counters of limits that outlive a run, by key.
    pub counters: BTreeMap<Box<str>, Counter>,
    /// Whether this is all there is: then a counter that is not here has counted nothing yet.
    pub is_whole: bool,
}

/// What became of a call that was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It ran.
    Executed,
    /// It ran and did not do what it should.
    Failed,
    /// It did not run.
    Stopped,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Executed, Self::Failed, Self::Stopped];

    /// `executed`, `failed` or `stopped`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Executed => "executed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// The word of a host on a call that was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report<'t> {
    /// The call's id, or the request's where the call had none.
    pub id: &'t str,
    /// The action that was decided.
    pub action: Digest,
    /// What became of it.
    pub outcome: Outcome,
    /// What it did cost, in US dollars; what was reserved for it if nobody knows.
    pub cost: Option<Number>,
}

/// What a reservation is held under: a call's id together with its action, because an id alone may
/// come from whoever is to be counted.
pub fn hold_key(id: &str, action: &Digest) -> Digest {
    // The digest has one length, so nothing needs to stand between the two.
    let mut named: SmallVec<[u8; 64]> = SmallVec::from_slice(action.as_bytes());
    named.extend_from_slice(id.as_bytes());
    Digest::of(&named)
}

impl RunState {
    /// A run that begins, for a host that keeps all there is in this one value.
    pub fn begin() -> Self {
        Self {
            run: Some(Run::default()),
            counters: BTreeMap::new(),
            is_whole: true,
        }
    }

    /// The time of the run's last decision.
    pub(crate) fn last_at(&self) -> Option<Timestamp> {
        self.run.as_ref().and_then(|run| run.last_at)
    }

    /// The state after a host has told what became of a call. A call that is not known, or whose
    /// reservation has ended, changes nothing: it has been counted, and stays so.
    #[must_use]
    pub fn report(&self, report: &Report<'_>, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.settle(report, now);
        next
    }

    /// Becomes the state after a [`report`](Self::report).
    pub fn settle(&mut self, report: &Report<'_>, now: Timestamp) {
        let key = hold_key(report.id, &report.action);
        for counter in self.counters.values_mut() {
            counter.settle(&key, report, now);
        }
        if let Some(run) = &mut self.run {
            run.report(&key, report, now);
        }
    }
}
