//! Calls that run together or not at all, against the same calls decided one by one.

use proptest::prelude::*;
use stage0_engine::host::Host;
use stage0_engine::policy::Verdict;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_wire::batch::{Batch, BatchAnswer};
use stage0_wire::question::NEW_RUN;
use stage0_wire::{Policy, decision_to_json, parse_request, parse_state, state_to_json};

use crate::limits::{at, limit, policy, request};
use crate::run::check;
use stage0_tests::oracle::value::JANUARY_2026_MS;

fn now() -> Timestamp {
    at(JANUARY_2026_MS)
}

fn ask(policy: &Policy, texts: &[String], state: &str) -> BatchAnswer {
    let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    let batch = Batch {
        requests: &texts,
        request_id: Some("b"),
        mode: None,
        approvals: None,
        state: Some(state),
        now: now(),
        is_atomic: true,
    };
    let together = batch.check(policy).expect("requests");
    let in_turn = Batch {
        is_atomic: false,
        ..batch
    };
    // What is asked one after the other is what the engine says one after the other.
    let in_turn = in_turn.check(policy).expect("requests");
    let mut state = parse_state("state", state.as_bytes()).expect("a state");
    for ((text, step), number) in texts.iter().zip(&in_turn.steps).zip(1..) {
        let parsed = parse_request(text).expect("a request");
        let id = format!("b/{number}");
        let host = Host {
            request_id: &id,
            ..Host::default()
        };
        let (decision, next) = policy.decide(&parsed, &host, &state, now());
        assert_eq!(decision_to_json(&decision), step.decision);
        assert_eq!(state_to_json(&next), step.state);
        state = next;
    }
    if in_turn.verdict == Verdict::Allow {
        let last = in_turn.steps.last().map(|step| &step.state);
        assert!(together.steps.iter().all(|step| Some(&step.state) == last));
    }
    for (one, other) in in_turn.steps.iter().zip(&together.steps) {
        let is_kept = one.verdict != Verdict::Allow || in_turn.verdict == Verdict::Allow;
        assert_eq!(is_kept, one.decision == other.decision);
    }
    assert_eq!(together.verdict, in_turn.verdict);
    together
}

/// What is kept of a state where nothing was allowed: everything but who asked.
fn reserved(text: &str, policy: &Policy) -> RunState {
    let mut state = parse_state("state", text.as_bytes()).expect("a state");
    let is_spending = |key: &str| {
        let name = key.split(['/', '#']).nth(1).unwrap_or_default();
        let line = policy
            .sources()
            .text(0)
            .lines()
            .find(|line| line.contains(&format!("id: {name},")));
        !line.is_some_and(|line| line.contains("count: attempts"))
    };
    state.counters.retain(|key, _| is_spending(key));
    if let Some(run) = &mut state.run {
        run.counters.retain(|key, _| is_spending(key));
        (run.attempts, run.first_at, run.last_at) = (0, None, None);
        run.asked.retain(|asked| asked.allowed);
    }
    state
}

/// Law 7 (one call, or a whole plan): of calls that run together all are allowed, or none is; then
/// nothing is reserved, labelled or spent.
#[test]
fn a_batch_is_allowed_whole_or_not_at_all() {
    let call = (
        prop::option::of(0_u8..3),
        prop_oneof![5 => Just("pay.out"), 1 => Just("read.it"), 1 => Just("no.tool")],
        0_i64..9,
        0_u8..2,
    );
    let calls = || prop::collection::vec(call.clone(), 0..5);
    let limits = prop::collection::vec(limit(), 1..4);
    check(
        "batch",
        300,
        (limits, calls(), calls()),
        |(limits, before, calls)| {
            let policy = policy(&limits);
            let texts = |calls: &[(Option<u8>, &str, i64, u8)]| -> Vec<String> {
                let texts = calls
                    .iter()
                    .map(|(id, tool, amount, actor)| request(*id, tool, *amount, *actor));
                texts.collect()
            };
            let mut state = NEW_RUN.to_owned();
            for text in texts(&before) {
                let parsed = parse_request(text.as_bytes()).expect("a request");
                let read = parse_state("state", state.as_bytes()).expect("a state");
                state = state_to_json(&policy.decide(&parsed, &Host::default(), &read, now()).1);
            }
            let answer = ask(&policy, &texts(&calls), &state);
            let verdicts = answer.steps.iter().map(|step| step.verdict);
            let allowed = verdicts.filter(|verdict| *verdict == Verdict::Allow);
            let all = answer.verdict == Verdict::Allow;
            prop_assert_eq!(allowed.count(), if all { calls.len() } else { 0 });
            if !all {
                let after = answer.steps.last().map_or(&state, |step| &step.state);
                prop_assert_eq!(reserved(after, &policy), reserved(&state, &policy));
            }
            Ok(())
        },
    );
}

fn payouts() -> Policy {
    let text = "stage0: v1
name: p
version: 1.0.0
default: allow
tools:
  pay.out: { effects: [money_movement], args: { amount: { type: number } } }
  file.drop: { effects: [] }
rules:
  - { id: never, tools: [file.drop], deny: true }
limits:
  - { id: cap, tools: [pay.out], sum: args.amount, window: 24h, max: 5000 }
";
    Policy::parse(text).expect("a policy")
}

fn codes(answer: &BatchAnswer) -> Vec<Vec<String>> {
    let issues = answer.steps.iter().map(|step| {
        let decision: serde_json::Value = serde_json::from_str(&step.decision).expect("JSON");
        let issues = decision["issues"].as_array().expect("issues").iter();
        issues
            .map(|issue| issue["code"].as_str().expect("a code").to_owned())
            .collect()
    });
    issues.collect()
}

/// Law 7 (one call, or a whole plan): what the calls of a batch come to together is what a limit compares.
#[test]
fn three_payouts_together_are_too_much_and_two_of_them_are_not() {
    let policy = payouts();
    let pay = |id: u8| request(Some(id), "pay.out", 2000, 0);
    let three = ask(&policy, &[pay(0), pay(1), pay(2)], NEW_RUN);
    assert_eq!(three.verdict, Verdict::Defer);
    let expected = [["BATCH_DEFERRED"], ["BATCH_DEFERRED"], ["CAP"]];
    assert_eq!(codes(&three), expected);
    let state = &three.steps[2].state;
    assert!(!state.contains("2000"), "{state}");
    let two = ask(&policy, &[pay(3), pay(4)], state);
    assert_eq!(two.verdict, Verdict::Allow);
    assert_eq!(two.steps[1].state.matches("2000").count(), 2);
    let last = ask(&policy, &[pay(5)], &two.steps[1].state);
    assert_eq!(codes(&last), [["CAP"]]);
}

/// Law 7 (one call, or a whole plan): the strictest of the calls is the answer to each that would be milder.
#[test]
fn what_is_denied_denies_what_was_to_run_with_it() {
    let policy = payouts();
    let texts = [
        request(None, "pay.out", 1, 0),
        request(None, "file.drop", 1, 0),
        request(None, "pay.out", 9000, 0),
    ];
    let answer = ask(&policy, &texts, NEW_RUN);
    assert_eq!(answer.verdict, Verdict::Deny);
    let expected = [["BATCH_DENIED"], ["NEVER"], ["CAP"]];
    assert_eq!(codes(&answer), expected);
    assert!(ask(&policy, &[], NEW_RUN).steps.is_empty());
}
