//! What the run has done, as facts: each as it would be after this call.

use super::table::{Branch, FactRoot, Place};
use super::{Facts, Value};
use crate::condition::tree::{RUN_COUNT, RUN_HAS, RUN_LABELED, RUN_STARTED};
use crate::condition::value::EvalError;
use crate::decide::subject::{Subject, View};
use crate::host::Host;
use crate::number::Number;
use crate::request::Request;
use crate::state::counter::Window;
use crate::state::{Run, RunState};
use crate::time::Timestamp;

/// A run and the call that is asked about.
#[derive(Debug)]
pub(crate) struct RunView<'r> {
    run: &'r Run,
    /// The name that the layer's rules see; nothing in a plan without tools.
    tool: Option<&'r str>,
    attempts: u64,
    /// How many calls this one adds: none if it is a plan, or was counted before.
    adds: u64,
    /// How often this action was called, and how often it failed.
    same: (u64, u64),
    /// The most that the call may cost.
    cost: Number,
    now: Timestamp,
}

impl<'r> RunView<'r> {
    pub(crate) fn new<'a: 'r>(
        run: &'r Run,
        subject: &'r Subject<'a>,
        view: &'r View<'a>,
        (request, host, state): (&Request<'_>, &Host<'_>, &RunState),
        now: Timestamp,
    ) -> Self {
        let known = subject.in_run(request, host, state);
        let adds = u64::from(subject.is_call && !known.was_allowed());
        let cost = view.tool.and_then(|tool| tool.cost_usd);
        Self {
            run,
            tool: subject.tool_name(view),
            attempts: run
                .attempts
                .saturating_add(u64::from(known.before.is_none())),
            adds,
            same: run.called(&subject.digest(request)),
            cost: cost
                .filter(|_| adds > 0)
                .map_or(Number::ZERO, |(_, most)| most),
            now,
        }
    }

    fn fact<'a>(&self, name: &str) -> Value<'a> {
        let count = |count: u64| Value::Number(Number::from_u64(count));
        match name {
            "attempts" => count(self.attempts),
            "calls" => count(self.run.allowed.saturating_add(self.adds)),
            "failures" => count(self.same.1),
            "same_call" => count(self.same.0.saturating_add(self.adds)),
            "same_tool" => {
                let streak = self.run.streak.as_ref();
                let streak = streak.filter(|streak| Some(&*streak.tool) == self.tool);
                count(
                    streak
                        .map_or(0, |streak| streak.count)
                        .saturating_add(self.adds),
                )
            }
            "cost" => {
                let sum = self.run.cost.sum(Window::Run, self.now);
                match sum.and_then(|sum| sum.checked_add(self.cost)) {
                    Ok(sum) => Value::Number(sum),
                    Err(error) => Value::Error(EvalError::Number(error)),
                }
            }
            RUN_STARTED => Value::Timestamp(self.run.first_at.unwrap_or(self.now)),
            _ => Value::Unknown,
        }
    }

    fn named<'a>(&self, method: &str, name: &str) -> Value<'a> {
        match method {
            RUN_HAS => Value::Bool(self.run.labels.contains_key(name)),
            RUN_LABELED => self
                .run
                .labels
                .get(name)
                .map_or(Value::Unknown, |at| Value::Timestamp(*at)),
            RUN_COUNT => {
                let adds = if self.tool == Some(name) {
                    self.adds
                } else {
                    0
                };
                let count = self.run.tools.get(name).copied().unwrap_or_default();
                Value::Number(Number::from_u64(count.saturating_add(adds)))
            }
            _ => Value::Unknown,
        }
    }
}

impl<'a> Facts<'a> {
    /// Turns to what a run would have done.
    pub(crate) fn turn_to_run(&mut self, known: &RunView<'_>) {
        let table = self.table();
        let branch = |place: Place| place.branch.and_then(|at| table.branch(at));
        let Some(run): Option<&'a Branch> = table.root(FactRoot::Run).and_then(branch) else {
            return;
        };
        for (name, place) in run.fields.members() {
            match branch(place) {
                Some(inside) => {
                    for (inner, place) in inside.fields.members() {
                        self.put(place, known.named(name, inner));
                    }
                }
                None => self.put(place, known.fact(name)),
            }
        }
    }

    fn put(&mut self, place: Place, value: Value<'a>) {
        if let Some(slot) = place.slot
            && let Some(cell) = self.cell(slot)
        {
            *cell = value;
        }
    }
}
