//! What a decision leaves behind, step by step as the rules tell it.

use std::collections::BTreeSet;

use stage0_engine::digest::Digest;
use stage0_engine::number::Number;
use stage0_engine::state::counter::{Entry, Hold};
use stage0_engine::state::{Asked, Called, RunState, Streak};
use stage0_engine::time::Timestamp;

/// The id that stands for calls without one.
pub const REQUEST_ID: &str = "request-1";

const HOUR_MS: i64 = 3_600_000;

/// A decision, as a run sees it.
#[derive(Debug)]
pub struct Moment<'m> {
    /// The call's id.
    pub id: Option<&'m str>,
    /// What was decided about.
    pub action: Digest,
    /// The tool of a call; nothing for a plan.
    pub tool: Option<&'m str>,
    /// Whether it was allowed.
    pub allowed: bool,
    /// The counters of what it uses of people's answers.
    pub used: &'m BTreeSet<String>,
    /// When, in milliseconds.
    pub now: i64,
}

impl Moment<'_> {
    /// What the call is held under.
    fn call(&self) -> Digest {
        let id = self.id.unwrap_or(REQUEST_ID);
        Digest::of(&[self.action.as_bytes(), id.as_bytes()].concat())
    }

    /// Whether the call was allowed before.
    pub fn was_allowed(&self, state: &RunState) -> bool {
        let asked = state.run.iter().flat_map(|run| &run.asked);
        let mut same = asked.filter(|asked| asked.call == self.call());
        self.id.is_some() && same.any(|asked| asked.allowed)
    }
}

/// The state after a decision.
pub fn advance(state: &RunState, moment: &Moment<'_>) -> RunState {
    let mut next = state.clone();
    let now = Timestamp::from_ms(moment.now).unwrap_or(Timestamp::EPOCH);
    let call = moment.call();
    let until = Timestamp::from_ms(moment.now + HOUR_MS).unwrap_or(now);
    if moment.allowed && moment.tool.is_some() && !moment.was_allowed(state) {
        for counter in moment.used {
            let use_ = Entry {
                at: now,
                amount: Number::ONE,
                hold: Some(Hold {
                    call,
                    until,
                    is_cost: false,
                }),
            };
            let counter = next.counters.entry(counter.as_str().into()).or_default();
            counter.entries.push(use_);
        }
    }
    let Some(run) = &mut next.run else {
        return next;
    };
    let place = run.asked.iter().position(|asked| asked.call == call);
    let place = place.filter(|_| moment.id.is_some());
    let was_allowed = place.is_some_and(|place| run.asked[place].allowed);
    run.attempts += u64::from(place.is_none());
    run.first_at = run.first_at.or(Some(now));
    run.last_at = run.last_at.max(Some(now));
    match place {
        Some(place) => run.asked[place].allowed = was_allowed || moment.allowed,
        None if moment.id.is_some() => run.asked.push(Asked {
            call,
            allowed: moment.allowed,
        }),
        None => {}
    }
    let (Some(tool), true, false) = (moment.tool, moment.allowed, was_allowed) else {
        return next;
    };
    run.allowed += 1;
    run.called.push(Called {
        call,
        action: moment.action,
        failed: false,
    });
    let before = run.streak.take().filter(|streak| *streak.tool == *tool);
    run.streak = Some(Streak {
        tool: tool.into(),
        count: before.map_or(0, |streak| streak.count) + 1,
    });
    *run.tools.entry(tool.into()).or_insert(0) += 1;
    run.cost.entries.push(Entry {
        at: now,
        amount: Number::ZERO,
        hold: Some(Hold {
            call,
            until,
            is_cost: true,
        }),
    });
    for entry in &mut run.cost.entries {
        entry.hold = entry.hold.filter(|hold| hold.until > now);
    }
    // What is spent is one amount, of the time of its last part.
    let spent = run
        .cost
        .entries
        .iter()
        .rposition(|entry| entry.hold.is_none());
    let mut place = 0;
    run.cost.entries.retain(|entry| {
        place += 1;
        entry.hold.is_some() || Some(place - 1) == spent
    });
    next
}
