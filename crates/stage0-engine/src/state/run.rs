//! One agent's work across many calls, as far as rules ask for it.

use std::collections::BTreeMap;

use super::counter::Counter;
use super::{Outcome, Report};
use crate::digest::Digest;
use crate::time::Timestamp;

/// One agent run across many calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// Decisions made in this run, whatever their verdict; asking again about a call counts once.
    pub attempts: u64,
    /// Calls that were allowed.
    pub allowed: u64,
    /// Time of the first decision.
    pub first_at: Option<Timestamp>,
    /// Time of the last decision.
    pub last_at: Option<Timestamp>,
    /// What was asked last, oldest first, so that a framework asking twice is counted once.
    pub asked: Vec<Asked>,
    /// The calls that were allowed last, oldest first.
    pub called: Vec<Called>,
    /// The tool of the last call, and how often it was called in a row.
    pub streak: Option<Streak>,
    /// How often each tool was called.
    pub tools: BTreeMap<Box<str>, u64>,
    /// The labels that calls have left, each with the time when it was left last.
    pub labels: BTreeMap<Box<str>, Timestamp>,
    /// What the calls did cost, in US dollars.
    pub cost: Counter,
    /// Counters of limits whose window is the run, by key.
    pub counters: BTreeMap<Box<str>, Counter>,
}

/// A call that was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The call, as [`hold_key`](super::hold_key) names it.
    pub call: Digest,
    /// Whether it was allowed.
    pub allowed: bool,
}

/// A call that was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Called {
    /// The call, as [`hold_key`](super::hold_key) names it.
    pub call: Digest,
    /// Its action.
    pub action: Digest,
    /// Whether its host reported that it failed.
    pub failed: bool,
}

/// Calls of one tool in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streak {
    /// The tool.
    pub tool: Box<str>,
    /// How often it was called.
    pub count: u64,
}

impl Run {
    /// What was said of this call before.
    pub(crate) fn asked(&self, call: &Digest) -> Option<Asked> {
        self.asked
            .iter()
            .rev()
            .find(|asked| asked.call == *call)
            .copied()
    }

    /// How often this action was called, as far back as calls are kept; of these, how often it failed.
    pub(crate) fn called(&self, action: &Digest) -> (u64, u64) {
        let same = self.called.iter().filter(|called| called.action == *action);
        same.fold((0, 0), |(all, failed), called| {
            (
                all.saturating_add(1),
                failed.saturating_add(u64::from(called.failed)),
            )
        })
    }

    pub(super) fn report(&mut self, call: &Digest, report: &Report<'_>, now: Timestamp) {
        self.cost.settle(call, report, now);
        for counter in self.counters.values_mut() {
            counter.settle(call, report, now);
        }
        for called in &mut self.called {
            if called.call == *call {
                called.failed = report.outcome == Outcome::Failed;
            }
        }
    }
}
