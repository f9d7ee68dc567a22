//! Where a condition builds texts and lists, and how much it may still do.
//!
//! Work is counted in steps and room in bytes that are the same on every platform, so that what is too
//! dear is an error on all of them and on none by accident. Room and steps are for one evaluation of
//! one condition, and a loop with the loops inside it has a share of the steps, so that one does not
//! take what another needs. What one rule takes, another does not lack.

use bumpalo::Bump;

use crate::limits::{CONDITION_STEPS_MAX, LOOP_STEPS_MAX, SCRATCH_BYTES_MAX};

/// What an entry of a built list counts as.
pub(crate) const ENTRY_BYTES: usize = 16;
/// Looking a zone up by a name that is known only now: it searches the table, and once more for a
/// name like it.
pub(crate) const ZONE_STEPS: usize = 10_000;
/// Texts are searched and copied so many bytes a step.
const TEXT_BYTES_PER_STEP: usize = 32;

/// The decision's arena with the allowance of the condition that is being evaluated.
#[derive(Debug)]
pub(crate) struct Scratch<'a> {
    pub(crate) arena: &'a Bump,
    left: Allowance,
    /// For the parts that only a trace evaluates, because their outcome is settled without them. They
    /// must not take from what the decision itself counted.
    left_aside: Allowance,
    is_aside: bool,
    /// Whether anything was taken since the evaluation began: most conditions take nothing.
    is_used: bool,
}

#[derive(Debug, Clone, Copy)]
struct Allowance {
    /// Those of the loop that runs, or of the whole condition outside of loops; nothing once they are
    /// spent.
    steps: Option<u64>,
    /// Those that are kept for what comes behind the loop.
    steps_behind: u64,
    bytes: Option<usize>,
}

impl Allowance {
    const FULL: Self = Self {
        steps: Some(CONDITION_STEPS_MAX),
        steps_behind: 0,
        bytes: Some(SCRATCH_BYTES_MAX),
    };

    fn begin_loop(&mut self) {
        let Some(left) = self.steps else { return };
        let share = left.min(LOOP_STEPS_MAX);
        self.steps = Some(share);
        self.steps_behind = left.saturating_sub(share);
    }

    fn end_loop(&mut self) {
        let left = self.steps.unwrap_or(0).saturating_add(self.steps_behind);
        self.steps = (left > 0).then_some(left);
        self.steps_behind = 0;
    }
}

impl<'a> Scratch<'a> {
    pub(crate) fn new(arena: &'a Bump) -> Self {
        Self {
            arena,
            left: Allowance::FULL,
            left_aside: Allowance::FULL,
            is_aside: false,
            is_used: false,
        }
    }

    /// Begins the evaluation of a condition.
    #[inline]
    pub(crate) fn renew(&mut self) {
        if self.is_used {
            *self = Self::new(self.arena);
        }
    }

    /// Begins a loop that stands in no other.
    pub(crate) fn begin_loop(&mut self) {
        self.is_used = true;
        self.left.begin_loop();
        self.left_aside.begin_loop();
    }

    /// Ends a loop that stands in no other.
    pub(crate) fn end_loop(&mut self) {
        self.left.end_loop();
        self.left_aside.end_loop();
    }

    fn allowance(&mut self) -> &mut Allowance {
        self.is_used = true;
        if self.is_aside {
            &mut self.left_aside
        } else {
            &mut self.left
        }
    }

    /// Counts steps; false if there are not that many.
    #[inline]
    pub(crate) fn work(&mut self, steps: usize) -> bool {
        let left = self.allowance();
        left.steps = left.steps.and_then(|left| left.checked_sub(steps as u64));
        left.steps.is_some()
    }

    /// Counts the reading of a text.
    #[inline]
    pub(crate) fn read(&mut self, text: &str) {
        self.work(text.len() / TEXT_BYTES_PER_STEP);
    }

    /// Counts room for what is about to be built; false if there is not that much.
    #[must_use]
    pub(crate) fn build(&mut self, bytes: usize) -> bool {
        self.work(bytes / TEXT_BYTES_PER_STEP);
        let left = self.allowance();
        left.bytes = left.bytes.and_then(|left| left.checked_sub(bytes));
        left.bytes.is_some()
    }

    /// Whether nothing more may be done.
    #[inline]
    pub(crate) fn is_out_of_steps(&mut self) -> bool {
        self.allowance().steps.is_none()
    }

    /// Turns to a part whose outcome does not count.
    pub(crate) fn begin_aside(&mut self) {
        self.is_used = true;
        self.is_aside = true;
    }

    /// Turns back to what counts.
    pub(crate) fn end_aside(&mut self) {
        self.is_aside = false;
    }
}
