//! Logs that are made again: by their own policy to the byte, by another as its runs would have gone.

use proptest::prelude::*;
use stage0_engine::policy::Verdict;
use stage0_engine::state::Outcome;
use stage0_engine::time::Timestamp;
use stage0_wire::Policy;
use stage0_wire::question::{NEW_RUN, Question};
use stage0_wire::record::{record_decision, record_report};
use stage0_wire::replay::{Change, Comparison, Replay, Replayed};
use stage0_wire::report::ReportText;
use stage0_wire::{parse_state, state_to_json};

use crate::limits::{Limit, Measure, Window, at, limit, policy, request};
use crate::run::check;
use stage0_tests::oracle::value::JANUARY_2026_MS;

/// What happens in a run: a call, and perhaps what became of it.
type Step = (u8, Option<u8>, &'static str, i64, u8, i64, Option<Outcome>);

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        Just(Outcome::Executed),
        Just(Outcome::Failed),
        Just(Outcome::Stopped)
    ];
    (
        0_u8..3,
        prop::option::of(0_u8..4),
        prop_oneof![5 => Just("pay.out"), 1 => Just("read.it"), 1 => Just("no.tool")],
        0_i64..9,
        0_u8..2,
        prop_oneof![Just(0), 0_i64..40_000_000],
        prop::option::of(outcome),
    )
}

/// Runs that go on side by side and share their counters, or have all of it for themselves.
struct Hosted<'p> {
    policy: &'p Policy,
    is_whole: bool,
    runs: [String; 3],
    /// The counters that runs share.
    shared: stage0_engine::state::RunState,
    log: Vec<String>,
    verdicts: Vec<Verdict>,
}

impl<'p> Hosted<'p> {
    fn new(policy: &'p Policy, is_whole: bool) -> Self {
        let begun = if is_whole {
            NEW_RUN.to_owned()
        } else {
            r#"{"v":2,"run":{"attempts":0,"allowed":0}}"#.to_owned()
        };
        Self {
            policy,
            is_whole,
            runs: [begun.clone(), begun.clone(), begun],
            shared: parse_state("", br#"{"v":2}"#).expect("a state"),
            log: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    /// The state that the host gives: its run, and the counters that are asked for.
    fn given(&self, run: u8, keys: &[Box<str>]) -> String {
        let own = &self.runs[usize::from(run)];
        if self.is_whole {
            return own.clone();
        }
        let mut state = parse_state("", own.as_bytes()).expect("a state");
        for key in keys {
            let counter = self.shared.counters.get(key).cloned();
            state
                .counters
                .insert(key.clone(), counter.unwrap_or_default());
        }
        state_to_json(&state)
    }

    fn keep(&mut self, run: u8, after: &str) {
        let mut state = parse_state("", after.as_bytes()).expect("a state");
        if !self.is_whole {
            self.shared.counters.append(&mut state.counters);
        }
        self.runs[usize::from(run)] = state_to_json(&state);
    }

    fn step(&mut self, at: Timestamp, (run, id, tool, amount, actor, _, outcome): Step) {
        let text = request(id, tool, amount, actor);
        let request_id = format!("r{}", self.log.len());
        let question = Question {
            request_id: Some(&request_id),
            ..Question::new(text.as_bytes(), at)
        };
        let keys = question.state_keys(self.policy).expect("a request");
        let keys: Vec<Box<str>> = keys.counters.into_keys().collect();
        let before = self.given(run, &keys);
        let question = Question {
            state: Some(&before),
            ..question
        };
        let answer = question.check(self.policy).expect("a request");
        let run_name = format!("run-{run}");
        self.log
            .push(record_decision(Some(&run_name), &question, &answer));
        self.verdicts.push(answer.verdict);
        self.keep(run, &answer.state);
        let Some(outcome) = outcome.filter(|_| answer.verdict == Verdict::Allow) else {
            return;
        };
        let decision: serde_json::Value = serde_json::from_str(&answer.decision).expect("JSON");
        let name = id.map_or(request_id, |id| format!("c{id}"));
        let report = ReportText {
            id: &name,
            action: decision["action_digest"].as_str().expect("a digest"),
            outcome: outcome.as_str(),
            cost: None,
        };
        let before = self.given(run, &keys);
        let after = report.apply(&before, at).expect("a report");
        self.log.push(record_report(
            Some(&run_name),
            &report,
            at,
            Some((&before, &after)),
        ));
        self.keep(run, &after);
    }
}

fn record<'p>(policy: &'p Policy, steps: &[Step], is_whole: bool) -> Hosted<'p> {
    let mut hosted = Hosted::new(policy, is_whole);
    let mut now = JANUARY_2026_MS;
    for step in steps {
        now += step.5;
        hosted.step(at(now), *step);
    }
    hosted
}

fn replay(replay: &mut Replay<'_>, log: &[String]) -> Vec<Comparison> {
    let lines = log
        .iter()
        .map(|line| replay.line("log", 1, line).expect("a record"));
    lines
        .filter_map(|made| match made {
            Replayed::Decision(comparison) => Some(comparison),
            Replayed::Report | Replayed::Facts => None,
        })
        .collect()
}

fn samples() -> impl Strategy<Value = (Vec<Limit>, Vec<Limit>, Vec<Step>, bool)> {
    let limits = || prop::collection::vec(limit(), 1..4);
    let steps = prop::collection::vec(step(), 1..16);
    (limits(), limits(), steps, any::<bool>())
}

/// Law 1 (total and pure): a recorded decision is made again from its record, to the byte; and a policy
/// that is another only in name makes a log again as its runs went.
#[test]
fn a_log_is_made_again_to_the_byte() {
    check("replay", 300, samples(), |(limits, _, steps, is_whole)| {
        let own = policy(&limits);
        let hosted = record(&own, &steps, is_whole);
        let made = replay(&mut Replay::new(&own), &hosted.log);
        prop_assert_eq!(made.len(), steps.len());
        prop_assert!(made.iter().all(|one| one.change == Change::Same));
        let text = own
            .sources()
            .text(0)
            .replace("version: 1.0.0", "version: 1.0.1");
        let renamed = Policy::parse(&text).expect("a policy");
        let made = replay(&mut Replay::new(&renamed), &hosted.log);
        prop_assert!(
            made.iter()
                .all(|one| one.change == Change::Unchanged && one.before == one.after)
        );
        Ok(())
    });
}

/// Law 1 (total and pure): another policy's rehearsal of a log is what it would have said, had it been
/// asked in its place.
#[test]
fn a_rehearsal_is_what_the_other_policy_would_have_said() {
    check(
        "rehearsal",
        300,
        samples(),
        |(limits, others, steps, is_whole)| {
            // Without reports: what was never allowed has no outcome, and what was not recorded neither.
            let steps: Vec<Step> = steps
                .into_iter()
                .map(|step| (step.0, step.1, step.2, step.3, step.4, step.5, None))
                .collect();
            let (own, other) = (policy(&limits), policy(&others));
            let hosted = record(&own, &steps, is_whole);
            let expected = record(&other, &steps, is_whole);
            let mut rehearsal = Replay::new(&own).against(&other);
            let made = replay(&mut rehearsal, &hosted.log);
            for ((one, first), second) in made.iter().zip(&hosted.verdicts).zip(&expected.verdicts)
            {
                prop_assert_eq!(one.before.verdict, *first);
                prop_assert_eq!(one.after.verdict, *second);
                let change = match first.cmp(second) {
                    std::cmp::Ordering::Less => Change::Stricter,
                    std::cmp::Ordering::Greater => Change::Milder,
                    std::cmp::Ordering::Equal if own.index().digest() == other.index().digest() => {
                        Change::Same
                    }
                    std::cmp::Ordering::Equal => Change::Unchanged,
                };
                prop_assert_eq!(one.change, change);
            }
            Ok(())
        },
    );
}

/// Law 1 (total and pure): what was changed in a record is not made again, but told.
#[test]
fn a_record_that_was_changed_does_not_hold() {
    let own = policy(&[Limit {
        measure: Measure::Sum,
        window: Window::Run,
        per_actor: false,
        max: 20,
        hold_s: 60,
    }]);
    let step = (0, Some(1), "pay.out", 5, 0, 0, Some(Outcome::Executed));
    let hosted = record(&own, &[step], true);
    let [decision, report] = &hosted.log[..] else {
        panic!("a decision and a report")
    };
    let mut replay = Replay::new(&own);
    for (line, from, to) in [
        (decision, r#""verdict":"ALLOW""#, r#""verdict":"DENY""#),
        (decision, r#""amount":5"#, r#""amount":6"#),
        (
            decision,
            r#""now":"2026-01-01T00:00:00Z""#,
            r#""now":"2026-01-01T00:00:01Z""#,
        ),
        (
            decision,
            r#""state_after":{"v":2,"whole":true,"run":{"attempts":1"#,
            r#""state_after":{"v":2,"whole":true,"run":{"attempts":2"#,
        ),
        (report, r#""outcome":"executed""#, r#""outcome":"failed""#),
    ] {
        let changed = line.replacen(from, to, 1);
        assert_ne!(changed, *line, "{from} is not in {line}");
        let problems = replay.line("log", 7, &changed).expect_err(from);
        assert_eq!(problems[0].code().as_str(), "RECORD_DIFFERS", "{from}");
        assert_eq!(problems[0].locations()[0].line, 7);
    }
    assert!(replay.line("log", 1, decision).is_ok() && replay.line("log", 2, report).is_ok());
}
