//! A limit, asked: what was counted, what this call adds, and what has to be kept of it.

use super::rule::{Asked, Inquiry, Outcome};
use crate::approval::Spent;
use crate::canonical::write_string;
use crate::condition::timing::earlier;
use crate::condition::truth::Truth;
use crate::condition::value::Value;
use crate::digest::Digest;
use crate::index::{CompiledLimit, CompiledRule, LimitMeasure};
use crate::limits::RUN_COUNTERS_MAX;
use crate::number::Number;
use crate::state::Move;
use crate::state::counter::{Counter, Hold, Window};
use crate::time::Timestamp;

/// Hexadecimal digits of a digest that tell the values of a limit's `per` facts apart: 128 bits.
const KEY_DIGITS: usize = 32;

/// What a limit has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// What was counted before.
    pub(crate) counted: Number,
    /// What this call adds.
    pub(crate) amount: Number,
    pub(crate) max: Number,
    /// When waiting has made room for it, where there is none.
    pub(crate) retry_at: Option<Timestamp>,
}

impl Tally {
    /// Whether the call would be too much.
    pub(crate) fn is_exceeded(&self) -> bool {
        // A sum that is no number any more was found before.
        let sum = self.counted.checked_add(self.amount);
        sum.is_ok_and(|sum| sum > self.max)
    }
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A fact is missing.
    Missing,
    /// The host has not said what was counted.
    Uncounted,
    /// The run has no room for a further counter.
    Full,
    /// A value that cannot be counted.
    Broken,
}

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Missing => Self::Undecided,
            Trouble::Uncounted => Self::Uncounted,
            Trouble::Full => Self::Full,
            Trouble::Broken => Self::Broken,
        }
    }
}

impl<'a: 'x, 'x> Inquiry<'a, 'x, '_> {
    /// Asks a limit whose `when` has come to this.
    pub(super) fn ask_limit(
        &mut self,
        rule: &'a CompiledRule,
        limit: &'a CompiledLimit,
        when: Truth,
        until: Option<Timestamp>,
    ) -> Asked {
        let mut until = until;
        let mut spent = Spent::default();
        let outcome = match when {
            Truth::False => Outcome::Silent,
            Truth::Error => Outcome::Broken,
            Truth::True | Truth::Unknown => match self.tally(rule, limit) {
                Ok(tally) if !tally.is_exceeded() => Outcome::Silent,
                Ok(tally) => {
                    until = earlier(until, tally.retry_at);
                    let outcome = match when {
                        Truth::True => Outcome::Exceeded(Box::new(tally)),
                        // It might apply, and then it would be exceeded.
                        _ => Outcome::Undecided,
                    };
                    match &limit.approval {
                        Some(approval) => {
                            self.unless_approved(rule, approval, outcome, &mut until, &mut spent)
                        }
                        None => outcome,
                    }
                }
                Err(trouble) => trouble.into(),
            },
        };
        Asked {
            outcome,
            until,
            applies: when == Truth::True,
            spent,
        }
    }

    /// What a limit has counted, and what this call adds.
    #[inline(never)]
    pub(crate) fn tally(
        &mut self,
        rule: &'a CompiledRule,
        limit: &'a CompiledLimit,
    ) -> Result<Tally, Trouble> {
        self.prepare(rule);
        let amount = self.amount(rule, limit)?;
        let max = self.max(limit)?;
        let key = self.counter_key(rule, limit)?;
        let state = self.state;
        let empty = Counter::default();
        let counter = match limit.window {
            Window::Run => {
                let run = state.run.as_ref().ok_or(Trouble::Uncounted)?;
                match run.counters.get(&*key) {
                    Some(counter) => counter,
                    None if run.counters.len() >= RUN_COUNTERS_MAX => return Err(Trouble::Full),
                    None => &empty,
                }
            }
            Window::Sliding(_) | Window::Calendar(..) => match state.counters.get(&*key) {
                Some(counter) => counter,
                None if state.is_whole => &empty,
                None => return Err(Trouble::Uncounted),
            },
        };
        let broken = |_| Trouble::Broken;
        let before = counter.sum(limit.window, self.now).map_err(broken)?;
        before.checked_add(amount).map_err(broken)?;
        let room = max.checked_sub(amount).ok();
        let room = room.filter(|room| !room.is_negative() && before > *room);
        let retry_at = room.and_then(|room| counter.sinks_to(room, limit.window, self.now));
        Ok(Tally {
            counted: before,
            amount,
            max,
            retry_at: retry_at.filter(|at| *at > self.now),
        })
    }

    /// What this call adds. A call that was counted already adds nothing.
    fn amount(
        &mut self,
        rule: &'a CompiledRule,
        limit: &'a CompiledLimit,
    ) -> Result<Number, Trouble> {
        let counted = match limit.measure {
            LimitMeasure::Attempts => self.in_run().before.is_some(),
            LimitMeasure::Allowed | LimitMeasure::Cost | LimitMeasure::Sum => {
                self.in_run().was_allowed()
            }
        };
        let amount = match limit.measure {
            LimitMeasure::Attempts | LimitMeasure::Allowed => Number::ONE,
            LimitMeasure::Cost => {
                let costs = self.view.tool.and_then(|tool| tool.cost_usd);
                costs.map_or(Number::ZERO, |(_, most)| most)
            }
            LimitMeasure::Sum => number(self.machine.value_of(&rule.condition.program))?,
        };
        if amount.is_negative() {
            return Err(Trouble::Broken);
        }
        Ok(if counted { Number::ZERO } else { amount })
    }

    fn max(&mut self, limit: &'a CompiledLimit) -> Result<Number, Trouble> {
        number(self.machine.value_of(&limit.max.program))
    }

    /// The counter of a limit for the values that its `per` facts have.
    pub(crate) fn counter_key(
        &self,
        rule: &CompiledRule,
        limit: &CompiledLimit,
    ) -> Result<Box<str>, Trouble> {
        if limit.per.is_empty() {
            return Ok(rule.id.clone());
        }
        let mut text = String::from("[");
        for slot in &limit.per {
            if text.len() > 1 {
                text.push(',');
            }
            match self.machine.facts.value(*slot) {
                Value::Unknown => return Err(Trouble::Missing),
                Value::String(value) => write_string(&mut text, value),
                Value::Number(value) => value.write_to(&mut text),
                Value::Bool(value) => text.push_str(if value { "true" } else { "false" }),
                _ => return Err(Trouble::Broken),
            }
        }
        text.push(']');
        let digest = Digest::of(text.as_bytes()).to_hex();
        let digits = digest.get(..KEY_DIGITS).unwrap_or(&digest);
        Ok([&*rule.id, "#", digits].concat().into())
    }

    /// What has to be kept of this call for a limit that applies to it.
    #[inline(never)]
    pub(super) fn move_of(
        &mut self,
        rule: &'a CompiledRule,
        limit: &'a CompiledLimit,
    ) -> Option<Move> {
        let amount = self.amount(rule, limit).ok()?;
        if amount.is_zero() && limit.measure != LimitMeasure::Cost {
            return None;
        }
        Some(Move {
            key: self.counter_key(rule, limit).ok()?,
            window: limit.window,
            amount,
            hold: match limit.measure {
                LimitMeasure::Attempts => None,
                measure => Some(Hold {
                    call: self.in_run().call,
                    until: self.now.checked_add(limit.hold).unwrap_or(Timestamp::MAX),
                    is_cost: measure == LimitMeasure::Cost,
                }),
            },
        })
    }

    /// Why a limit has no value: the part of it, and what is wrong.
    #[inline(never)]
    pub(super) fn limit_fault(
        &mut self,
        rule: &'a CompiledRule,
        limit: &'a CompiledLimit,
    ) -> (String, String) {
        let wrong = |text: &str, value: Value<'_>| match value {
            Value::Error(error) => Some((text.to_owned(), error.to_string())),
            Value::Number(number) if number.is_negative() => {
                Some((text.to_owned(), "an amount is never negative".to_owned()))
            }
            Value::Number(_) | Value::Unknown => None,
            _ => Some((text.to_owned(), "it is no number".to_owned())),
        };
        if limit.measure == LimitMeasure::Sum {
            let value = self.machine.value_of(&rule.condition.program);
            if let Some(fault) = wrong(&rule.condition.text, value) {
                return fault;
            }
        }
        let value = self.machine.value_of(&limit.max.program);
        if let Some(fault) = wrong(&limit.max.text, value) {
            return fault;
        }
        let table = self.machine.facts.table();
        for slot in &limit.per {
            let value = self.machine.facts.value(*slot);
            if !matches!(
                value,
                Value::Unknown | Value::String(_) | Value::Number(_) | Value::Bool(_)
            ) {
                let fault = "a limit is per a text, a number or a truth".to_owned();
                return (table.name(*slot).to_owned(), fault);
            }
        }
        (
            rule.id.to_string(),
            "the sum has more digits than a number may have".to_owned(),
        )
    }
}

fn number(value: Value<'_>) -> Result<Number, Trouble> {
    match value {
        Value::Number(number) => Ok(number),
        Value::Unknown => Err(Trouble::Missing),
        _ => Err(Trouble::Broken),
    }
}
