//! Amounts over time: what a limit compares with its `max`.
//!
//! A counter is a list of amounts, each with its time. An amount of a call that was only just allowed
//! is held: until its host tells what became of the call, or the hold ends, it can still be given back.
//! Lists are bounded. Nothing is dropped while it counts: neighbours are joined at the later of their
//! times, so that a sum may stand a little longer than it must and never shorter.

use super::{Outcome, Report};
use crate::digest::Digest;
use crate::limits::COUNTER_ENTRIES_MAX;
use crate::number::{Number, NumberError};
use crate::time::window::next_boundary;
use crate::time::{Duration, Timestamp, Zone, ZoneError};

/// What counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Everything in a run.
    Run,
    /// Everything that is younger.
    Sliding(Duration),
    /// Everything of the same period on the wall clock of a zone.
    Calendar(Period, Zone),
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// From full hour to full hour.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From the midnight that begins a Monday.
    Week,
    /// From the midnight that begins the first of a month.
    Month,
}

/// One amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When the call was allowed.
    pub at: Timestamp,
    /// How much of the limit it took: never negative.
    pub amount: Number,
    /// Who may still give it back.
    pub hold: Option<Hold>,
}

/// A reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The call that it is for, as [`hold_key`](super::hold_key) names it.
    pub call: Digest,
    /// When it ends. From then on the amount is spent.
    pub until: Timestamp,
    /// Whether the amount is money, so that what a call really cost replaces it.
    pub is_cost: bool,
}

/// What a limit counts for one value of its `per` facts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counter {
    /// Amounts, oldest first.
    pub entries: Vec<Entry>,
}

impl Window {
    /// The first instant that counts at `now`.
    fn begins(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Run => None,
            // What is exactly as old as the window is long has left it.
            Self::Sliding(length) => {
                let before = now.checked_sub(length).ok()?;
                Timestamp::from_ms(before.to_ms().saturating_add(1))
            }
            Self::Calendar(period, zone) => period.begins(now, zone),
        }
    }

    /// When an amount of this time leaves the window; never, if nothing is told.
    fn leaves(self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Run => None,
            Self::Sliding(length) => at.checked_add(length).ok(),
            Self::Calendar(period, zone) => period.ends(at, zone),
        }
    }
}

/// What is wrong with the text of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowTextError {
    /// What is wrong, as the end of a sentence.
    pub reason: &'static str,
    /// What is wrong with its zone, if that is what it is.
    pub zone: Option<ZoneError>,
}

impl Window {
    /// Reads `run`, a length such as `24h` or `7d`, or a period of the calendar such as `day` or
    /// `month Europe/Berlin`; one without a zone is in `zone`.
    ///
    /// # Errors
    /// What is not of this form.
    pub fn parse(text: &str, zone: Zone) -> Result<Self, WindowTextError> {
        let refuse = |reason, zone| Err(WindowTextError { reason, zone });
        if text == "run" {
            return Ok(Self::Run);
        }
        let mut words = text.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        let Some((_, period)) = Period::ALL.iter().find(|(name, _)| *name == first) else {
            return match Duration::parse_with_days(text) {
                Ok(length) if length.to_ms() > 0 => Ok(Self::Sliding(length)),
                Ok(_) => refuse("a window is longer than nothing", None),
                Err(_) => refuse("it is no length of time, no period and not `run`", None),
            };
        };
        let zone = match words.next().map(Zone::find) {
            None => zone,
            Some(Ok(zone)) => zone,
            Some(Err(error)) => return refuse("its time zone cannot be used", Some(error)),
        };
        if words.next().is_some() {
            return refuse("there is more behind the zone", None);
        }
        Ok(Self::Calendar(*period, zone))
    }
}

impl Period {
    /// The periods and their names.
    pub const ALL: [(&'static str, Self); 4] = [
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
    ];

    fn begins(self, now: Timestamp, zone: Zone) -> Option<Timestamp> {
        let offset_s = zone.offset_at(now);
        let civil = now.civil(offset_s);
        let day = i32::from(civil.day);
        // A day before the first of the month is one of the month before.
        let midnight = |day: i32| zone.instant_of(civil.year, i32::from(civil.month), day, 0, 0);
        Some(match self {
            Self::Hour => {
                let next = next_boundary(now, offset_s, Duration::from_ms(HOUR_MS)?)?;
                Timestamp::from_ms(next.to_ms().checked_sub(HOUR_MS)?)?
            }
            Self::Day => midnight(day),
            Self::Week => {
                let since_monday = i32::from(civil.day_of_week).saturating_add(6) % 7;
                midnight(day.saturating_sub(since_monday))
            }
            Self::Month => midnight(0),
        })
    }

    fn ends(self, at: Timestamp, zone: Zone) -> Option<Timestamp> {
        let begun = self.begins(at, zone)?;
        // Days have 23 to 25 hours and months up to 31 days: a step that lies safely within the next.
        let step_ms = match self {
            Self::Hour => HOUR_MS,
            Self::Day => HOUR_MS.checked_mul(30)?,
            Self::Week => HOUR_MS.checked_mul(24 * 7 + 6)?,
            Self::Month => HOUR_MS.checked_mul(24 * 32)?,
        };
        let within = Timestamp::from_ms(begun.to_ms().checked_add(step_ms)?)?;
        self.begins(within, zone)
    }
}

const HOUR_MS: i64 = 3_600_000;

impl Counter {
    /// The sum of what counts at `now`.
    ///
    /// # Errors
    /// It has more digits than a number may have.
    pub fn sum(&self, window: Window, now: Timestamp) -> Result<Number, NumberError> {
        let begins = window.begins(now);
        let counted = self
            .entries
            .iter()
            .filter(|entry| begins.is_none_or(|begins| entry.at >= begins));
        counted
            .map(|entry| entry.amount)
            .try_fold(Number::ZERO, Number::checked_add)
    }

    /// When all of it has left the window and nobody can give back any of it: from then on a counter that has
    /// counted nothing is the same. Never, if nothing is told.
    pub fn ends(&self, window: Window) -> Option<Timestamp> {
        self.entries.iter().try_fold(Timestamp::MIN, |ends, entry| {
            let held = entry.hold.map_or(Timestamp::MIN, |hold| hold.until);
            Some(ends.max(window.leaves(entry.at)?).max(held))
        })
    }

    /// The first instant at which the sum is this or less, if waiting alone gets there.
    pub fn sinks_to(&self, most: Number, window: Window, now: Timestamp) -> Option<Timestamp> {
        let mut sum = self.sum(window, now).ok()?;
        if sum <= most {
            return Some(now);
        }
        let begins = window.begins(now);
        let mut counted = self
            .entries
            .iter()
            .filter(|entry| begins.is_none_or(|begins| entry.at >= begins))
            .peekable();
        while let Some(entry) = counted.next() {
            sum = sum.checked_sub(entry.amount).ok()?;
            let leaves = window.leaves(entry.at)?;
            // What was allowed at one time leaves at one time.
            let leaves_too = counted.peek().and_then(|next| window.leaves(next.at));
            if sum <= most && leaves_too != Some(leaves) {
                return Some(leaves);
            }
        }
        None
    }

    /// Adds an amount, and drops and joins what there is no more room for.
    pub(crate) fn add(&mut self, entry: Entry, window: Window, now: Timestamp) {
        if self.entries.is_empty() {
            self.entries.push(entry);
            return;
        }
        let begins = window.begins(now);
        self.entries
            .retain(|entry| begins.is_none_or(|begins| entry.at >= begins));
        let place = self.entries.partition_point(|known| known.at <= entry.at);
        self.entries.insert(place, entry);
        self.bound(window, now);
    }

    fn bound(&mut self, window: Window, now: Timestamp) {
        for entry in &mut self.entries {
            if entry.hold.is_some_and(|hold| hold.until <= now) {
                entry.hold = None;
            }
        }
        if !matches!(window, Window::Sliding(_)) {
            self.join_what_leaves_together(window);
        }
        while self.entries.len() > COUNTER_ENTRIES_MAX {
            if !self.join_nearest() {
                // All are held: the oldest is taken as spent, which it will be if nobody answers.
                let Some(held) = self.entries.iter_mut().find(|entry| entry.hold.is_some()) else {
                    return;
                };
                held.hold = None;
            }
        }
    }

    /// Joins spent amounts that leave the window at one time, which changes no sum.
    fn join_what_leaves_together(&mut self, window: Window) {
        let mut joined: Vec<Entry> = Vec::with_capacity(self.entries.len());
        for entry in self.entries.drain(..) {
            let leaves = window.leaves(entry.at);
            let is_same = |known: &&mut Entry| {
                known.hold.is_none() && entry.hold.is_none() && window.leaves(known.at) == leaves
            };
            let known = joined.iter_mut().find(is_same);
            match known.map(|known| (known.amount.checked_add(entry.amount), known)) {
                Some((Ok(sum), known)) => {
                    known.amount = sum;
                    known.at = known.at.max(entry.at);
                }
                Some((Err(_), _)) | None => joined.push(entry),
            }
        }
        joined.sort_by_key(|entry| entry.at);
        self.entries = joined;
    }

    /// Joins the two spent amounts that lie nearest to each other; whether there are two.
    fn join_nearest(&mut self) -> bool {
        let spent = self.entries.iter().enumerate();
        let spent: Vec<(usize, &Entry)> = spent.filter(|(_, entry)| entry.hold.is_none()).collect();
        let pairs = spent.windows(2).filter_map(|pair| match pair {
            [(first, one), (second, two)] => {
                let sum = one.amount.checked_add(two.amount).ok()?;
                Some((two.at.since(one.at), *first, *second, sum))
            }
            _ => None,
        });
        let nearest = pairs.min_by_key(|(gap, first, ..)| (*gap, *first));
        let Some((_, first, second, sum)) = nearest else {
            return false;
        };
        if let Some(later) = self.entries.get_mut(second) {
            later.amount = sum;
        }
        self.entries.remove(first);
        true
    }

    /// What a host's word makes of the amounts held for a call.
    pub(super) fn settle(&mut self, call: &Digest, report: &Report<'_>, now: Timestamp) {
        self.entries.retain_mut(|entry| {
            let Some(hold) = entry.hold.filter(|hold| hold.call == *call) else {
                return true;
            };
            // A hold that has ended is spent; nobody can give it back.
            if hold.until <= now {
                entry.hold = None;
                return true;
            }
            match report.outcome {
                Outcome::Failed | Outcome::Stopped if report.cost.is_none() || !hold.is_cost => {
                    return false;
                }
                Outcome::Executed | Outcome::Failed | Outcome::Stopped => {}
            }
            if let (true, Some(cost)) = (hold.is_cost, report.cost) {
                entry.amount = cost;
            }
            entry.hold = None;
            true
        });
    }
}
