//! A log of decisions, made again: by the policy that made them, or by another.
//!
//! By its own policy every decision must come out as it was recorded, byte for byte. By another policy
//! the log becomes a rehearsal: what would have been allowed, asked for or denied. Runs then go on as the
//! other policy leaves them, since what it does not allow is not counted: each state that was recorded
//! stands for the one that the rehearsal has in its place.

use std::collections::BTreeMap;

use stage0_engine::digest::Digest;
use stage0_engine::document::ValueRef;
use stage0_engine::policy::Verdict;
use stage0_engine::state::counter::Counter;
use stage0_engine::state::{Report, Run, RunState};
use stage0_engine::time::Timestamp;

use crate::codes::ProblemCode;
use crate::compiled::Policy;
use crate::decision_json::{ENGINE_VERSION, decision_to_json};
use crate::problem::Problem;
use crate::question::Question;
use crate::record::{Deed, RECORD_LIMITS, Record, parse_record};
use crate::request_text::{json_problem, parse_request};
use crate::state_json::{parse_state, state_to_json};
use crate::strict_json::parse;

/// A log that is made again, line by line, in its order.
#[derive(Debug)]
pub struct Replay<'p> {
    policy: Course<'p>,
    against: Option<Course<'p>>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// A decision, made again.
    Decision(Comparison),
    /// What became of a call, told again.
    Report,
    /// A decision of which only the facts were kept, which cannot be made again.
    Facts,
}

/// One decision, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The id that it was decided under.
    pub request_id: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The tool that was to be called; nothing for a plan.
    pub tool: Option<String>,
    /// What was recorded; with a second policy, what the first one says.
    pub before: Said,
    /// What the policy says; with a second one, what that says.
    pub after: Said,
    /// How they compare.
    pub change: Change,
}

/// What a decision said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The verdict.
    pub verdict: Verdict,
    /// The codes of its issues, in their order.
    pub codes: Vec<String>,
}

/// How two answers to one question compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// They have the same bytes.
    Same,
    /// They have the same verdict.
    Unchanged,
    /// Less is permitted.
    Stricter,
    /// More is permitted.
    Milder,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Same, Self::Unchanged, Self::Stricter, Self::Milder];

    /// `same`, `unchanged`, `stricter` or `milder`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Unchanged => "unchanged",
            Self::Stricter => "stricter",
            Self::Milder => "milder",
        }
    }
}

/// An answer with its text.
struct Answered {
    said: Said,
    text: String,
}

impl<'p> Replay<'p> {
    /// A log that was made by nobody knows which policy, made again by this one and compared with what
    /// was recorded.
    pub fn new(policy: &'p Policy) -> Self {
        Self {
            policy: Course::new(policy),
            against: None,
        }
    }

    /// The same, where what a second policy says is compared with what the first one says.
    #[must_use]
    pub fn against(self, other: &'p Policy) -> Self {
        Self {
            against: Some(Course::new(other)),
            ..self
        }
    }

    /// Makes the next line again; `name` is what problems call the log, and `number` the line's, from 1.
    ///
    /// # Errors
    /// It is no record, or it cannot be decided, or its own policy decides it in another way than was
    /// recorded. The lines behind it can still be made.
    pub fn line(&mut self, name: &str, number: u32, text: &str) -> Result<Replayed, Vec<Problem>> {
        let made = parse_record(name, text).and_then(|record| match &record.deed {
            Deed::Report { .. } => self.report(name, &record),
            Deed::Facts { .. } => Ok(Replayed::Facts),
            Deed::Decision { decision, .. } => self.decide(name, &record, decision),
        });
        made.map_err(|problems| {
            let problems = problems.into_iter();
            problems.map(|problem| problem.in_line(number)).collect()
        })
    }

    fn decide(
        &mut self,
        name: &str,
        record: &Record<'_>,
        decision: &str,
    ) -> Result<Replayed, Vec<Problem>> {
        let question = record
            .question()
            .ok_or_else(|| vec![differs(name, "it asks nothing")])?;
        let recorded = Recorded::read(name, decision)?;
        let first = self.policy.answer(name, record, &question, &recorded)?;
        let (before, after) = match &mut self.against {
            Some(other) => (first, other.answer(name, record, &question, &recorded)?),
            None => (
                Answered {
                    said: recorded.said,
                    text: decision.to_owned(),
                },
                first,
            ),
        };
        let change = match before.said.verdict.cmp(&after.said.verdict) {
            _ if before.text == after.text => Change::Same,
            std::cmp::Ordering::Equal => Change::Unchanged,
            std::cmp::Ordering::Less => Change::Stricter,
            std::cmp::Ordering::Greater => Change::Milder,
        };
        let request = parse_request(question.request)?;
        Ok(Replayed::Decision(Comparison {
            request_id: question.request_id.unwrap_or_default().to_owned(),
            at: record.now,
            tool: request.call_name().map(str::to_owned),
            before: before.said,
            after: after.said,
            change,
        }))
    }

    fn report(&mut self, name: &str, record: &Record<'_>) -> Result<Replayed, Vec<Problem>> {
        let told = record
            .report()
            .ok_or_else(|| vec![differs(name, "it reports nothing")])?;
        let report = told.read()?;
        let mut recorded = None;
        if let (Some(before), Some(after)) = (record.state, record.state_after) {
            if told.apply(before, record.now)? != after {
                return Err(vec![differs(name, "the state after it is another one")]);
            }
            let before = parse_state(name, before.as_bytes())?;
            recorded = Some((before, parse_state(name, after.as_bytes())?));
        }
        let run = record.run.as_deref();
        for course in [Some(&mut self.policy), self.against.as_mut()] {
            let Some(course) = course else { continue };
            match &recorded {
                Some((before, after)) => {
                    let mut state = course.begin(run, before, Vec::new());
                    state.settle(&report, record.now);
                    course.end(run, after, state);
                }
                None => course.settle_run(run, &report, record.now),
            }
            course.settle_shared(&report, record.now);
        }
        Ok(Replayed::Report)
    }
}

/// What a recorded decision says of itself.
struct Recorded {
    said: Said,
    policy: String,
    engine: String,
}

impl Recorded {
    fn read(name: &str, decision: &str) -> Result<Self, Vec<Problem>> {
        let document = parse(decision.as_bytes(), &RECORD_LIMITS)
            .map_err(|error| vec![json_problem(name, decision.as_bytes(), &error)])?;
        let root = document.root();
        let text = |value: ValueRef<'_>, name| {
            let text = value.get(name).and_then(ValueRef::as_str);
            text.map(str::to_owned)
        };
        let verdicts = [Verdict::Allow, Verdict::Deny, Verdict::Defer];
        let verdict = text(root, "verdict")
            .and_then(|word| verdicts.into_iter().find(|known| known.as_str() == word));
        let issues = root.get("issues").map(ValueRef::elements);
        let codes: Option<Vec<String>> =
            issues.and_then(|issues| issues.map(|issue| text(issue, "code")).collect());
        let engine = root.get("meta").and_then(|meta| text(meta, "engine"));
        let policy = text(root, "policy_digest");
        match (verdict, codes, policy) {
            (Some(verdict), Some(codes), Some(policy)) => Ok(Self {
                said: Said { verdict, codes },
                policy,
                engine: engine.unwrap_or_default(),
            }),
            _ => Err(vec![differs(name, "its decision is none")]),
        }
    }
}

/// A policy with the runs as it leaves them.
#[derive(Debug)]
struct Course<'p> {
    policy: &'p Policy,
    /// States that are all there is, by the names of their runs, or by the recorded states that they
    /// stand for.
    wholes: BTreeMap<String, RunState>,
    /// Runs, by the same.
    runs: BTreeMap<String, Run>,
    /// Counters that runs share, by their keys.
    counters: BTreeMap<Box<str>, Counter>,
}

impl<'p> Course<'p> {
    fn new(policy: &'p Policy) -> Self {
        Self {
            policy,
            wholes: BTreeMap::new(),
            runs: BTreeMap::new(),
            counters: BTreeMap::new(),
        }
    }

    /// What the policy says. One that made the decision itself has to say what was recorded.
    fn answer(
        &mut self,
        name: &str,
        record: &Record<'_>,
        question: &Question<'_>,
        recorded: &Recorded,
    ) -> Result<Answered, Vec<Problem>> {
        let circumstances = question.read()?;
        let request = parse_request(question.request)?;
        self.policy
            .admit(&request)
            .map_err(|problem| vec![problem])?;
        let host = circumstances.host();
        let is_own = self.policy.index().digest().to_string() == recorded.policy
            && recorded.engine == ENGINE_VERSION;
        let state = if is_own {
            circumstances.state.clone()
        } else {
            let keys = self.policy.state_keys(&request, &host, record.now);
            let counters = keys.counters.into_keys().collect();
            self.begin(record.run.as_deref(), &circumstances.state, counters)
        };
        let (decision, next) = self.policy.decide(&request, &host, &state, record.now);
        let text = decision_to_json(&decision);
        if let (true, Deed::Decision { decision, .. }) = (is_own, &record.deed) {
            if text != **decision {
                return Err(vec![differs(name, "its own policy decides another way")]);
            }
            let after = record.state_after.unwrap_or_default();
            if record.state_after.is_some() && state_to_json(&next) != after {
                return Err(vec![differs(name, "the state after it is another one")]);
            }
        }
        if let (false, Some(after)) = (is_own, record.state_after) {
            self.end(
                record.run.as_deref(),
                &parse_state(name, after.as_bytes())?,
                next,
            );
        }
        Ok(Answered {
            said: Said {
                verdict: decision.verdict,
                codes: decision
                    .issues
                    .iter()
                    .map(|issue| issue.code.to_owned())
                    .collect(),
            },
            text,
        })
    }

    /// The state that stands for a recorded one, with these counters. A counter that the log does not
    /// tell of has counted nothing yet.
    fn begin(&mut self, name: Option<&str>, recorded: &RunState, keys: Vec<Box<str>>) -> RunState {
        if recorded.is_whole {
            let own = self.wholes.remove(&name_or(name, recorded));
            return own.unwrap_or_else(|| recorded.clone());
        }
        let run = recorded.run.as_ref().map(|run| {
            let own = self.runs.remove(&name_or_run(name, run));
            own.unwrap_or_else(|| run.clone())
        });
        let counters = keys.into_iter().map(|key| {
            let own = self.counters.get(&key);
            let counter = own.or_else(|| recorded.counters.get(&key)).cloned();
            (key, counter.unwrap_or_default())
        });
        RunState {
            run,
            counters: counters.collect(),
            is_whole: false,
        }
    }

    /// Tells a run that is known by its name what became of a call.
    fn settle_run(&mut self, name: Option<&str>, report: &Report<'_>, now: Timestamp) {
        let Some(name) = name else { return };
        let key = name_or(Some(name), &RunState::default());
        if let Some(run) = self.runs.remove(&key) {
            let mut state = RunState {
                run: Some(run),
                ..RunState::default()
            };
            state.settle(report, now);
            self.runs.extend(state.run.map(|run| (key, run)));
        }
    }

    /// Tells it to the counters that runs share. Calls are known by their actions, so that no other call's
    /// amounts are touched.
    fn settle_shared(&mut self, report: &Report<'_>, now: Timestamp) {
        let mut shared = RunState {
            counters: std::mem::take(&mut self.counters),
            ..RunState::default()
        };
        shared.settle(report, now);
        self.counters = shared.counters;
    }

    /// Keeps what a recorded state stands for from here on.
    fn end(&mut self, name: Option<&str>, recorded: &RunState, own: RunState) {
        if recorded.is_whole {
            self.wholes.insert(name_or(name, recorded), own);
            return;
        }
        if let (Some(recorded), Some(run)) = (&recorded.run, own.run) {
            self.runs.insert(name_or_run(name, recorded), run);
        }
        self.counters.extend(own.counters);
    }
}

/// What a run is found by: its name, and without one what was recorded of it. Of two runs without names
/// that did the same at the same time, nobody can say which is which.
fn name_or(name: Option<&str>, state: &RunState) -> String {
    name.map_or_else(
        || Digest::of(state_to_json(state).as_bytes()).to_hex(),
        |name| ["run ", name].concat(),
    )
}

fn name_or_run(name: Option<&str>, run: &Run) -> String {
    let state = RunState {
        run: Some(run.clone()),
        ..RunState::default()
    };
    name_or(name, &state)
}

fn differs(name: &str, why: &str) -> Problem {
    let message = format!("the record does not hold: {why}");
    Problem::in_file(name, 1, ProblemCode::RecordDiffers, message).help(
        "either the line was changed, or the decision was made by another build of Stage0 than it says",
    )
}
