//! Each limit of what hosts keep, reached and exceeded by one.

#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test says what went wrong by panicking, and counts small numbers"
)]

use stage0_engine::host::Host;
use stage0_engine::limits::{
    ASKED_MAX, BATCH_MAX, CALLED_MAX, COUNTER_ENTRIES_MAX, LABELS_MAX, LIMIT_PER_MAX,
    RUN_COUNTERS_MAX, RUN_TOOLS_MAX, STATE_BYTES_MAX,
};
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_wire::batch::Batch;
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, parse_request};

fn codes(problems: &[Problem]) -> Vec<&'static str> {
    problems
        .iter()
        .map(|problem| problem.code().as_str())
        .collect()
}

/// A policy about one tool, with a limit.
fn limited(limit: &str) -> Policy {
    let text = format!(
        "stage0: v1\nname: p\nversion: 1.0.0\ntools: {{ pay.out: {{ effects: [] }} }}\nrules: [{{ id: all, allow: true }}]\nlimits: [{{ id: few, {limit} }}]\n"
    );
    Policy::parse(&text).unwrap()
}

/// The state after this many calls, a second apart, each with an id and arguments of its own.
fn after_calls(policy: &Policy, count: usize) -> RunState {
    let mut state = RunState::begin();
    for call in 0..count {
        let text = format!(
            r#"{{"tool_call": {{"id": "c{call}", "name": "pay.out", "arguments": {{"n": {call}}}}}, "context": {{"n": {call}}}}}"#
        );
        let request = parse_request(text.as_bytes()).unwrap();
        let at = Timestamp::from_ms(i64::try_from(call).unwrap() * 1_000).unwrap();
        (_, state) = policy.decide(&request, &Host::default(), &state, at);
    }
    state
}

#[test]
fn counter_entries_max() {
    let policy = limited("count: allowed, window: 100h, max: 1000");
    for (calls, kept) in [
        (COUNTER_ENTRIES_MAX, COUNTER_ENTRIES_MAX),
        (COUNTER_ENTRIES_MAX + 9, COUNTER_ENTRIES_MAX),
    ] {
        let state = after_calls(&policy, calls);
        let counter = state.counters.values().next().unwrap();
        assert_eq!(counter.entries.len(), kept);
        let sum: i64 = counter
            .entries
            .iter()
            .map(|entry| entry.amount.to_i64().unwrap())
            .sum();
        assert_eq!(sum, i64::try_from(calls).unwrap(), "nothing is lost");
    }
}

#[test]
fn asked_max() {
    let policy = limited("count: attempts, window: run, max: 1000");
    let run = after_calls(&policy, ASKED_MAX + 1).run.unwrap();
    assert_eq!(run.asked.len(), ASKED_MAX);
    assert_eq!(run.attempts, u64::try_from(ASKED_MAX + 1).unwrap());
}

#[test]
fn called_max() {
    let policy = limited("count: attempts, window: run, max: 1000");
    let run = after_calls(&policy, CALLED_MAX + 1).run.unwrap();
    assert_eq!(run.called.len(), CALLED_MAX);
}

#[test]
fn run_tools_max() {
    for (known, code) in [
        (RUN_TOOLS_MAX - 1, None),
        (RUN_TOOLS_MAX, Some("STATE_FULL")),
    ] {
        let policy = limited("count: attempts, window: run, max: 1000");
        let mut state = RunState::begin();
        let tools = (0..known).map(|tool| (format!("t{tool}").into(), 1));
        state.run.as_mut().unwrap().tools = tools.collect();
        let request = parse_request(br#"{"tool_call": {"name": "pay.out"}}"#).unwrap();
        let decision = policy.peek(&request, &Host::default(), &state, Timestamp::EPOCH);
        assert_eq!(decision.issues.first().map(|issue| issue.code), code);
    }
}

#[test]
fn run_counters_max() {
    let policy = limited("count: allowed, per: context.n, window: run, max: 1000");
    let run = after_calls(&policy, RUN_COUNTERS_MAX + 1).run.unwrap();
    assert_eq!(run.counters.len(), RUN_COUNTERS_MAX);
    assert_eq!(run.allowed, u64::try_from(RUN_COUNTERS_MAX).unwrap());
}

#[test]
fn labels_max() {
    let labels = |count: usize| {
        let labels: Vec<String> = (0..count).map(|label| format!("l{label}")).collect();
        let head = "stage0: v1\nname: p\nversion: 1.0.0\nrules: [{ id: all, allow: true }]\n";
        Policy::parse(&format!("{head}labels: [{}]\n", labels.join(", ")))
    };
    assert!(labels(LABELS_MAX).is_ok());
    let problems = labels(LABELS_MAX + 1).unwrap_err();
    assert_eq!(codes(&problems), ["POLICY_TOO_LARGE"]);
}

#[test]
fn limit_per_max() {
    let limit = |count: usize| {
        let facts: Vec<String> = (0..count).map(|fact| format!("context.f{fact}")).collect();
        let head = "stage0: v1\nname: p\nversion: 1.0.0\nrules: [{ id: all, allow: true }]\n";
        let per = facts.join(", ");
        Policy::parse(&format!(
            "{head}limits: [{{ id: few, count: allowed, per: [{per}], window: run, max: 1 }}]\n"
        ))
    };
    assert!(limit(LIMIT_PER_MAX).is_ok());
    let problems = limit(LIMIT_PER_MAX + 1).unwrap_err();
    assert_eq!(codes(&problems), ["POLICY_LIMIT"]);
}

#[test]
fn state_bytes_max() {
    let padded = |bytes: usize| {
        let state = stage0_wire::state_to_json(&RunState::begin());
        format!("{state}{}", " ".repeat(bytes - state.len()))
    };
    let read = |text: String| stage0_wire::parse_state("state", text.as_bytes());
    assert!(read(padded(STATE_BYTES_MAX)).is_ok());
    let problems = read(padded(STATE_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(codes(&problems), ["JSON_TOO_LARGE"]);
}

#[test]
fn batch_max() {
    let policy = Policy::builtin("standard").unwrap();
    for (count, code) in [(BATCH_MAX, None), (BATCH_MAX + 1, Some("HOST_INVALID"))] {
        let batch = Batch {
            requests: &vec![&br#"{"goal": "tidy the wiki"}"#[..]; count],
            request_id: None,
            mode: None,
            approvals: None,
            state: None,
            now: Timestamp::EPOCH,
            is_atomic: false,
        };
        let found = batch.check(&policy).err();
        assert_eq!(found.map(|problems| codes(&problems)[0]), code);
    }
}
