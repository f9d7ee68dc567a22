//! From one state to the next: what a decision leaves behind.

use super::counter::{Counter, Entry, Hold, Window};
use super::{Asked, Called, Run, RunState, Streak};
use crate::digest::Digest;
use crate::limits::{ASKED_MAX, CALLED_MAX};
use crate::number::Number;
use crate::time::{Duration, Timestamp};

/// How long an amount can be given back where nobody says otherwise: an hour.
pub(crate) const HOLD_DEFAULT: Duration = match Duration::from_ms(3_600_000) {
    Some(hold) => hold,
    None => Duration::ZERO,
};

/// An amount that a limit counts, or that an approval is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    /// The counter.
    pub(crate) key: Box<str>,
    pub(crate) window: Window,
    pub(crate) amount: Number,
    /// Nothing where it counts whatever the verdict.
    pub(crate) hold: Option<Hold>,
}

/// What a call leaves on its run if it is allowed, besides having been made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces<'a> {
    /// Labels of its tool.
    pub(crate) labels: Vec<&'a str>,
    /// The most that it may cost, in US dollars.
    pub(crate) cost: Number,
    pub(crate) moves: Vec<Move>,
}

/// A decision, as a state sees it.
#[derive(Debug)]
pub(crate) struct Step<'s> {
    pub(crate) now: Timestamp,
    /// What a reservation is held under.
    pub(crate) call: Digest,
    /// Whether it says which call it is about, so that asking again can be told.
    pub(crate) has_id: bool,
    pub(crate) action: Digest,
    /// The tool; nothing where it is about a plan, which calls nothing.
    pub(crate) tool: Option<&'s str>,
    pub(crate) allowed: bool,
    pub(crate) traces: Option<&'s Traces<'s>>,
}

impl RunState {
    /// The state after a decision.
    pub(crate) fn after(&self, step: &Step<'_>) -> Self {
        let mut next = self.clone();
        let before = self
            .run
            .as_ref()
            .filter(|_| step.has_id)
            .and_then(|run| run.asked(&step.call));
        let is_new = before.is_none();
        // A call is made once, however often it is asked about.
        let is_made = step.allowed && step.tool.is_some() && before.is_none_or(|was| !was.allowed);
        let moves = step.traces.map_or(&[][..], |traces| &traces.moves);
        let mut moved_keys: Vec<&str> = Vec::new();
        for moved in moves {
            let counts = if moved.hold.is_some() {
                is_made
            } else {
                is_new
            };
            // Layers that share a limit count it once.
            if !counts || moved_keys.contains(&&*moved.key) {
                continue;
            }
            moved_keys.push(&moved.key);
            let counters = match (moved.window, &mut next.run) {
                (Window::Run, Some(run)) => &mut run.counters,
                (Window::Run, None) => continue,
                _ => &mut next.counters,
            };
            let is_known = counters.contains_key(&moved.key);
            if !is_known && moved.window != Window::Run && !self.is_whole {
                continue;
            }
            let counter: &mut Counter = counters.entry(moved.key.clone()).or_default();
            let entry = Entry {
                at: step.now,
                amount: moved.amount,
                hold: moved.hold,
            };
            counter.add(entry, moved.window, step.now);
        }
        if let Some(run) = &mut next.run {
            run.attempts = run.attempts.saturating_add(u64::from(is_new));
            run.first_at.get_or_insert(step.now);
            run.last_at = run.last_at.max(Some(step.now));
            if step.has_id {
                run.note(step);
            }
            if let (true, Some(tool)) = (is_made, step.tool) {
                run.call(step, tool);
            }
        }
        next
    }
}

impl Run {
    /// Remembers what was said of a call.
    fn note(&mut self, step: &Step<'_>) {
        if let Some(asked) = self.asked.iter_mut().find(|asked| asked.call == step.call) {
            asked.allowed |= step.allowed;
            return;
        }
        keep_last(
            &mut self.asked,
            ASKED_MAX,
            Asked {
                call: step.call,
                allowed: step.allowed,
            },
        );
    }

    fn call(&mut self, step: &Step<'_>, tool: &str) {
        self.allowed = self.allowed.saturating_add(1);
        let called = Called {
            call: step.call,
            action: step.action,
            failed: false,
        };
        keep_last(&mut self.called, CALLED_MAX, called);
        self.streak = Some(match self.streak.take() {
            Some(streak) if *streak.tool == *tool => Streak {
                count: streak.count.saturating_add(1),
                ..streak
            },
            _ => Streak {
                tool: tool.into(),
                count: 1,
            },
        });
        let count = self.tools.entry(tool.into()).or_default();
        *count = count.saturating_add(1);
        let (labels, cost) = match step.traces {
            Some(traces) => (&traces.labels[..], traces.cost),
            None => (&[][..], Number::ZERO),
        };
        for label in labels {
            self.labels.insert((*label).into(), step.now);
        }
        let cost = Entry {
            at: step.now,
            amount: cost,
            hold: Some(Hold {
                call: step.call,
                until: step.now.checked_add(HOLD_DEFAULT).unwrap_or(Timestamp::MAX),
                is_cost: true,
            }),
        };
        self.cost.add(cost, Window::Run, step.now);
    }
}

/// Adds to a list that forgets what is oldest.
fn keep_last<T>(list: &mut Vec<T>, most: usize, item: T) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(item);
}
