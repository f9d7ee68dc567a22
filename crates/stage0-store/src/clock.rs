//! The time that states are kept with: the clock's, and what is made of clocks that differ.

use std::time::{SystemTime, UNIX_EPOCH};

use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;

use crate::error::StoreError;
use crate::limits::CLOCK_SKEW_MS_MAX;

/// What tells the time; nothing where no such time can be written down. It is asked anew each time that a
/// decision is made.
pub type Clock<'c> = dyn Fn() -> Option<Timestamp> + 'c;

/// The time of this machine.
pub fn system_clock() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_ms(i64::try_from(since.as_millis()).ok()?)
}

pub(crate) fn ask(clock: &Clock<'_>) -> Result<Timestamp, StoreError> {
    clock().ok_or(StoreError::Clock)
}

/// The latest time that a state knows of.
pub(crate) fn latest(state: &RunState) -> Option<Timestamp> {
    let run = state.run.as_ref().and_then(|run| run.last_at);
    let counters = state.counters.values();
    let counted = counters.filter_map(|counter| Some(counter.entries.last()?.at));
    counted.chain(run).max()
}

/// The time of a decision. Clocks of workers differ, so one that lags behind the state a little goes by the
/// state. A larger lag is a clock that was set back, which the decision has to say.
pub(crate) fn level(now: Timestamp, state: &RunState) -> Timestamp {
    let Some(latest) = latest(state) else {
        return now;
    };
    let lag_ms = latest.since(now).to_ms();
    if (1..=CLOCK_SKEW_MS_MAX).contains(&lag_ms) {
        latest
    } else {
        now
    }
}
