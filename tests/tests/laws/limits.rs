//! Limits and runs against a model that remembers everything and joins nothing.

use proptest::prelude::*;
use stage0_engine::decision::Issue;
use stage0_engine::host::Host;
use stage0_engine::number::Number;
use stage0_engine::policy::Verdict;
use stage0_engine::state::{Outcome, Report, RunState};
use stage0_engine::time::Timestamp;
use stage0_wire::{Policy, decision_to_json, parse_request, parse_state, state_to_json};

use crate::run::check;
use stage0_tests::oracle::value::JANUARY_2026_MS;

const SECOND_MS: i64 = 1_000;
pub(crate) const HOUR_MS: i64 = 3_600 * SECOND_MS;
/// In January Berlin is an hour ahead.
const BERLIN_MS: i64 = HOUR_MS;

/// What counts together, as the model sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Window {
    Run,
    Sliding(i64),
    Hour,
    Day,
}

impl Window {
    fn text(self) -> String {
        match self {
            Self::Run => "run".to_owned(),
            Self::Sliding(ms) => format!("{}s", ms / SECOND_MS),
            Self::Hour => "hour".to_owned(),
            Self::Day => "day Europe/Berlin".to_owned(),
        }
    }

    fn has(self, then: i64, now: i64) -> bool {
        match self {
            Self::Run => true,
            Self::Sliding(ms) => now - then < ms,
            Self::Hour => then.div_euclid(HOUR_MS) == now.div_euclid(HOUR_MS),
            Self::Day => {
                let day = |at: i64| (at + BERLIN_MS).div_euclid(24 * HOUR_MS);
                day(then) == day(now)
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measure {
    Attempts,
    Allowed,
    Sum,
    Cost,
}

#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) measure: Measure,
    pub(crate) window: Window,
    pub(crate) per_actor: bool,
    pub(crate) max: i64,
    pub(crate) hold_s: i64,
}

impl Limit {
    fn yaml(&self, index: usize) -> String {
        let measure = match self.measure {
            Measure::Attempts => "count: attempts",
            Measure::Allowed => "count: allowed",
            Measure::Sum => "sum: args.amount",
            Measure::Cost => "sum: cost",
        };
        let hold = match self.measure {
            Measure::Attempts => String::new(),
            _ => format!(", hold: {}s", self.hold_s),
        };
        let per = if self.per_actor {
            ", per: [context.actor_id]"
        } else {
            ""
        };
        format!(
            "  - {{ id: limit-{index}, tools: [pay.out], {measure}, window: {}, max: {}{hold}{per} }}\n",
            self.window.text(),
            self.max
        )
    }
}

pub(crate) fn policy(limits: &[Limit]) -> Policy {
    let limits: String = (0..)
        .zip(limits)
        .map(|(at, limit)| limit.yaml(at))
        .collect();
    let text = format!(
        "stage0: v1\nname: p\nversion: 1.0.0\n\
         tools:\n  pay.out: {{ effects: [], args: {{ amount: {{ type: number }} }}, cost_usd: 3 }}\n  \
         read.it: {{ effects: [], args: {{ amount: {{ type: number }} }} }}\n\
         rules: [{{ id: all, allow: true }}]\nlimits:\n{limits}"
    );
    Policy::parse(&text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// One thing that happens, some time after the one before.
#[derive(Debug, Clone)]
enum Event {
    Call {
        id: Option<u8>,
        tool: &'static str,
        amount: i64,
        actor: u8,
    },
    /// A report on the call that was made so many calls ago.
    Report {
        ago: usize,
        outcome: Outcome,
        cost: Option<i64>,
    },
}

/// What the model remembers of a call.
#[derive(Debug, Clone)]
struct Done {
    at: i64,
    /// What it is known by, and the action: equal for a call that is asked about again.
    call: (String, String),
    tool: &'static str,
    amount: i64,
    cost: i64,
    actor: u8,
    /// Asked about for the first time.
    is_attempt: bool,
    /// Allowed for the first time.
    is_call: bool,
    reported: Option<(i64, Outcome, Option<i64>)>,
}

impl Done {
    /// What it adds to a limit.
    fn adds(&self, limit: &Limit) -> i64 {
        let answered = self
            .reported
            .filter(|(at, ..)| *at < self.at + limit.hold_s * SECOND_MS);
        let is_back = matches!(answered, Some((_, Outcome::Failed | Outcome::Stopped, _)));
        match limit.measure {
            Measure::Attempts => 1,
            Measure::Allowed if is_back => 0,
            Measure::Allowed => 1,
            Measure::Sum if is_back => 0,
            Measure::Sum => self.amount,
            // What is known to have been spent was spent, whatever became of the call.
            Measure::Cost => match answered {
                Some((_, _, Some(cost))) => cost,
                Some(_) if is_back => 0,
                _ => self.cost,
            },
        }
    }
}

fn counted(limit: &Limit, history: &[Done], actor: u8, now: i64) -> i64 {
    let counts = |done: &&Done| {
        done.tool == "pay.out"
            && (!limit.per_actor || done.actor == actor)
            && limit.window.has(done.at, now)
            && match limit.measure {
                Measure::Attempts => done.is_attempt,
                Measure::Allowed | Measure::Sum | Measure::Cost => done.is_call,
            }
    };
    history
        .iter()
        .filter(counts)
        .map(|done| done.adds(limit))
        .sum()
}

pub(crate) fn limit() -> impl Strategy<Value = Limit> {
    let measure = prop_oneof![
        1 => Just(Measure::Attempts),
        1 => Just(Measure::Allowed),
        3 => Just(Measure::Sum),
        1 => Just(Measure::Cost)
    ];
    let window = prop_oneof![
        1 => Just(Window::Run),
        3 => (1_i64..30).prop_map(|hours| Window::Sliding(hours * HOUR_MS / 2)),
        1 => Just(Window::Hour),
        1 => Just(Window::Day)
    ];
    (measure, window, any::<bool>(), 0_i64..30, 60_i64..20_000).prop_map(
        |(measure, window, per_actor, max, hold_s)| Limit {
            measure,
            window,
            per_actor,
            max,
            hold_s,
        },
    )
}

fn event() -> impl Strategy<Value = (i64, Event)> {
    let call = (
        prop::option::of(0_u8..4),
        prop_oneof![5 => Just("pay.out"), 1 => Just("read.it")],
        0_i64..9,
        0_u8..2,
    );
    let call = call.prop_map(|(id, tool, amount, actor)| Event::Call {
        id,
        tool,
        amount,
        actor,
    });
    let outcome = prop_oneof![
        Just(Outcome::Executed),
        Just(Outcome::Failed),
        Just(Outcome::Stopped)
    ];
    let report = (0_usize..4, outcome, prop::option::of(0_i64..6));
    let report = report.prop_map(|(ago, outcome, cost)| Event::Report { ago, outcome, cost });
    let later = prop_oneof![
        2 => Just(0),
        2 => 0_i64..40_000,
        4 => (0_i64..30).prop_map(|quarters| quarters * 900)
    ];
    (later, prop_oneof![4 => call, 1 => report])
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms).expect("a time in range")
}

pub(crate) fn request(id: Option<u8>, tool: &str, amount: i64, actor: u8) -> String {
    let id = id.map_or_else(String::new, |id| format!(r#""id": "c{id}", "#));
    format!(
        r#"{{"tool_call": {{{id}"name": "{tool}", "arguments": {{"amount": {amount}}}}}, "context": {{"actor_id": "a{actor}"}}}}"#
    )
}

/// A run that is decided by the engine and by the model.
struct Both<'p> {
    policy: &'p Policy,
    limits: &'p [Limit],
    state: RunState,
    history: Vec<Done>,
    now: i64,
}

impl Both<'_> {
    /// Decides a call both ways. The limits that the engine says are exceeded, and the model's.
    fn call(
        &mut self,
        (id, tool, amount, actor): (Option<u8>, &'static str, i64, u8),
    ) -> Result<(), TestCaseError> {
        let text = request(id, tool, amount, actor);
        let parsed = parse_request(text.as_bytes()).expect("a request");
        let request_id = format!("r{}", self.history.len());
        let host = Host {
            request_id: &request_id,
            ..Host::default()
        };
        let now = at(self.now);
        let (decision, next) = self.policy.decide(&parsed, &host, &self.state, now);
        // A host that gives only what is asked for gets the same answer.
        let keys = self.policy.state_keys(&parsed, &host, now);
        let counter = |key: Box<str>| {
            let known = self.state.counters.get(&key).cloned();
            (key, known.unwrap_or_default())
        };
        let partly = RunState {
            run: self.state.run.clone(),
            counters: keys.counters.into_iter().map(counter).collect(),
            is_whole: false,
        };
        let (same, partly) = self.policy.decide(&parsed, &host, &partly, now);
        prop_assert_eq!(decision_to_json(&same), decision_to_json(&decision));
        for (key, counter) in &partly.counters {
            let whole = next.counters.get(key).cloned().unwrap_or_default();
            prop_assert_eq!(&whole, counter);
        }
        let name = id.map_or(request_id.clone(), |id| format!("c{id}"));
        let call = (name, decision.action_digest().to_hex());
        // The run remembers the last 32 calls, and here are fewer.
        let before: Vec<&Done> = self
            .history
            .iter()
            .filter(|done| done.call == call)
            .collect();
        let was_allowed = before.iter().any(|done| done.is_call);
        let fresh = Done {
            at: self.now,
            call: call.clone(),
            tool,
            amount,
            cost: if tool == "pay.out" { 3 } else { 0 },
            actor,
            is_attempt: before.is_empty(),
            is_call: true,
            reported: None,
        };
        let mut exceeded = Vec::new();
        for (index, limit) in self.limits.iter().enumerate().filter(|_| tool == "pay.out") {
            let is_counted = match limit.measure {
                Measure::Attempts => !before.is_empty(),
                _ => was_allowed,
            };
            let adds = if is_counted { 0 } else { fresh.adds(limit) };
            if counted(limit, &self.history, actor, self.now) + adds > limit.max {
                exceeded.push(format!("LIMIT_{index}"));
            }
        }
        let found: Vec<&str> = decision.issues.iter().map(|issue| issue.code).collect();
        prop_assert_eq!(&found, &exceeded, "{} at {}", text, now);
        for issue in &decision.issues {
            self.waits_as_long_as_it_says(&parsed, &host, issue)?;
        }
        let allowed = decision.verdict == Verdict::Allow;
        self.history.push(Done {
            is_call: allowed && !was_allowed,
            ..fresh
        });
        self.state = next;
        Ok(())
    }

    /// Where a limit says when there is room, there is none before and some then.
    fn waits_as_long_as_it_says(
        &self,
        request: &stage0_engine::request::Request<'_>,
        host: &Host<'_>,
        issue: &Issue<'_>,
    ) -> Result<(), TestCaseError> {
        let resolution = issue.resolution.as_ref().expect("what would help");
        let Some(retry_at) = resolution.retry_at else {
            return Ok(());
        };
        let is_told = |ms: i64| {
            let decision = self.policy.peek(request, host, &self.state, at(ms));
            decision.issues.iter().any(|later| later.code == issue.code)
        };
        let retry_ms = retry_at.to_ms();
        prop_assert!(retry_ms > self.now);
        prop_assert!(is_told(retry_ms - 1) && !is_told(retry_ms), "{}", retry_at);
        Ok(())
    }

    fn report(&mut self, ago: usize, outcome: Outcome, cost: Option<i64>) {
        let calls = self.history.iter_mut().rev().filter(|done| done.is_call);
        let Some(done) = calls.skip(ago).find(|done| done.reported.is_none()) else {
            return;
        };
        done.reported = Some((self.now, outcome, cost));
        let action = stage0_engine::digest::Digest::parse(&done.call.1).expect("a digest");
        let report = Report {
            id: &done.call.0,
            action,
            outcome,
            cost: cost.map(Number::from_i64),
        };
        self.state = self.state.report(&report, at(self.now));
    }
}

/// Law 4 (restrictions only add): a limit is exceeded exactly when everything that counts, added up, comes
/// to more than it may; and there is room again exactly when it says.
#[test]
fn limits_are_those_of_a_model_that_forgets_nothing() {
    let events = prop::collection::vec(event(), 1..30);
    let limits = prop::collection::vec(limit(), 1..4);
    check("limits", 400, (limits, events), |(limits, events)| {
        let policy = policy(&limits);
        let mut both = Both {
            policy: &policy,
            limits: &limits,
            state: RunState::begin(),
            history: Vec::new(),
            now: JANUARY_2026_MS,
        };
        for (later_s, event) in events {
            both.now += later_s * SECOND_MS;
            match event {
                Event::Call {
                    id,
                    tool,
                    amount,
                    actor,
                } => both.call((id, tool, amount, actor))?,
                Event::Report { ago, outcome, cost } => both.report(ago, outcome, cost),
            }
            let text = state_to_json(&both.state);
            let read = parse_state("state", text.as_bytes());
            prop_assert_eq!(read.as_ref(), Ok(&both.state));
        }
        Ok(())
    });
}
