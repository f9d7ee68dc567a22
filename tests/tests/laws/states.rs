//! Laws 4 and 5 from whatever a run has done and whatever was counted.

use proptest::prelude::*;
use stage0_engine::host::Host;
use stage0_engine::policy::Verdict;
use stage0_engine::state::{Outcome, Report, RunState};
use stage0_wire::{Policy, decision_to_json, parse_request};

use crate::limits::{Limit, at, limit, policy, request};
use crate::run::check;
use stage0_tests::oracle::value::JANUARY_2026_MS;

/// Rules that read the run.
const RULES: [&str; 8] = [
    "{ id: rule-0, tools: [pay.out], deny: run.attempts > 4 }",
    "{ id: rule-1, defer: run.calls > 2 }",
    "{ id: rule-2, tools: [pay.out], deny: \"run.has(\\\"read\\\")\" }",
    "{ id: rule-3, require: run.cost < 9, otherwise: defer }",
    "{ id: rule-4, tools: [pay.*], deny: run.same_tool > 2 && args.amount > 3 }",
    "{ id: rule-5, tools: [pay.out], approval: {}, when: run.same_call > 1 || run.failures > 0 }",
    "{ id: rule-6, deny: \"run.count(\\\"read.it\\\") > 1 || run.since(\\\"read\\\") < duration(\\\"1h\\\")\" }",
    "{ id: rule-7, advise: run.elapsed > duration(\"5h\"), severity: MEDIUM }",
];

/// A policy of limits and of the rules with these numbers.
fn ruled(limits: &[Limit], rules: &[usize]) -> Policy {
    let text = policy(limits).sources().text(0).to_owned();
    let rules: String = rules.iter().map(|at| format!(", {}", RULES[*at])).collect();
    let text = text
        .replace("allow: true }]", &format!("allow: true }}{rules}]"))
        .replace("tools:\n", "labels: [read]\ntools:\n")
        .replace(
            "read.it: { effects: []",
            "read.it: { effects: [], labels: [read]",
        );
    Policy::parse(&text).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"))
}

/// A call: its id, tool, amount and actor, how long after the one before, and what became of it.
type Call = (Option<u8>, &'static str, i64, u8, i64, Option<Outcome>);

fn call() -> impl Strategy<Value = Call> {
    (
        prop::option::of(0_u8..3),
        prop_oneof![3 => Just("pay.out"), 1 => Just("read.it")],
        0_i64..9,
        0_u8..2,
        prop_oneof![Just(0), 0_i64..20_000_000],
        prop::option::of(prop_oneof![Just(Outcome::Executed), Just(Outcome::Failed)]),
    )
}

/// The state after some calls, and the time of the last one.
fn reached(policy: &Policy, calls: &[Call]) -> (RunState, i64) {
    let mut state = RunState::begin();
    let mut now = JANUARY_2026_MS;
    for (id, tool, amount, actor, later, outcome) in calls {
        now += later;
        let text = request(*id, tool, *amount, *actor);
        let parsed = parse_request(text.as_bytes()).expect("a request");
        let (decision, next) = policy.decide(&parsed, &Host::default(), &state, at(now));
        state = next;
        if let (Some(outcome), Some(id)) = (outcome, id) {
            let report = Report {
                id: &format!("c{id}"),
                action: decision.action_digest(),
                outcome: *outcome,
                cost: None,
            };
            state = state.report(&report, at(now));
        }
    }
    (state, now)
}

fn verdict(
    policy: &Policy,
    (id, tool, amount, actor, ..): Call,
    state: &RunState,
    now: i64,
) -> (Verdict, String) {
    let text = request(id, tool, amount, actor);
    let parsed = parse_request(text.as_bytes()).expect("a request");
    let decision = policy.peek(&parsed, &Host::default(), state, at(now));
    (decision.verdict, decision_to_json(&decision))
}

fn rules() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop::bool::ANY, RULES.len()).prop_map(|chosen| {
        let places = (0..).zip(chosen);
        places
            .filter(|(_, is_in)| *is_in)
            .map(|(at, _)| at)
            .collect()
    })
}

/// Law 4 (restrictions only add): from any one state a further limit, or a further rule about the run,
/// makes no answer milder.
#[test]
fn a_further_limit_is_never_milder_from_any_state() {
    let limits = prop::collection::vec(limit(), 1..4);
    let calls = prop::collection::vec(call(), 0..10);
    check(
        "states",
        300,
        (limits, rules(), 0..RULES.len(), calls, call()),
        |(limits, rules, more, calls, next)| {
            let all = ruled(&limits, &rules);
            let (state, now) = reached(&all, &calls);
            let (mut fewer_limits, mut fewer_rules) = (limits.clone(), rules.clone());
            fewer_limits.pop();
            fewer_rules.retain(|rule| *rule != more);
            let (whole, answer) = verdict(&all, next, &state, now);
            let one_less = if fewer_limits.is_empty() {
                None
            } else {
                Some(ruled(&fewer_limits, &rules))
            };
            for fewer in [one_less, Some(ruled(&limits, &fewer_rules))]
                .into_iter()
                .flatten()
            {
                let (milder, _) = verdict(&fewer, next, &state, now);
                prop_assert!(milder <= whole, "{}", answer);
            }
            Ok(())
        },
    );
}

/// Law 5 (unknown is not false): a state of which a part is not told allows nothing that the whole one does
/// not, and what it denies or allows, the whole one denies or allows as well.
#[test]
fn a_part_of_a_state_settles_nothing_that_the_whole_does_not() {
    let limits = prop::collection::vec(limit(), 1..4);
    let calls = prop::collection::vec(call(), 0..10);
    let parts = (any::<bool>(), prop::collection::vec(any::<bool>(), 8));
    check(
        "parts",
        400,
        (limits, rules(), calls, call(), parts),
        |(limits, rules, calls, next, (has_run, kept))| {
            let policy = ruled(&limits, &rules);
            let (state, now) = reached(&policy, &calls);
            let mut part = state.clone();
            part.is_whole = false;
            if !has_run {
                part.run = None;
            }
            let mut kept = kept.into_iter().cycle();
            part.counters.retain(|_, _| kept.next().unwrap_or_default());
            let (of_part, answer) = verdict(&policy, next, &part, now);
            let (of_whole, _) = verdict(&policy, next, &state, now);
            if of_part != Verdict::Defer {
                prop_assert_eq!(of_part, of_whole, "{}", answer);
            }
            Ok(())
        },
    );
}
