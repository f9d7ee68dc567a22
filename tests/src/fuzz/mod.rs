//! What must hold whatever text comes in: the bodies of all fuzzing.
//!
//! Each body takes bytes, as one door of Stage0 does, and panics with what it found. `tests/fuzz` runs
//! them guided by coverage, [`drive`] with mutated samples on stable. No body looks at a clock: what is
//! too slow is for whoever runs it to notice.

pub mod chain;
pub mod drive;
mod mutate;
pub mod samples;
pub mod token;

use std::sync::OnceLock;

use stage0_engine::describe::describe;
use stage0_engine::expression::{Expression, Outcome};
use stage0_engine::host::Host;
use stage0_engine::limits::PROBLEMS_MAX;
use stage0_engine::policy::{Mode, Severity, Verdict};
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_engine::{ConditionError, canonical};
use stage0_wire::problem::{Problem, problems_to_json};
use stage0_wire::strict_json::{JsonLimits, parse_str};
use stage0_wire::{Policy, decision_to_json, parse_request, parse_state, state_to_json};

pub use mutate::Mutator;

/// What separates the two texts that [`decision`] takes. Neither may hold it, so that no mutation
/// makes a text of one kind out of the other.
pub const SEPARATOR: u8 = 0;

/// Facts of every kind for conditions; what begins with `no` is absent.
const FACTS: &str = r#"{
    "args": {"amount": 750.5, "url": "https://a.example.com/x?y=1", "path": "/srv/data/../x",
        "command": "git log | head -n 1 > out", "to": "ada@example.com", "items": [1, 2, 3],
        "lines": [{"sku": "x", "price": 5}, {"sku": "y"}], "ip": "10.0.0.1", "none": null},
    "context": {"actor_id": "u1", "actor_role": "finance", "when": "2026-01-05T10:00:00Z"},
    "yes": true, "one": 1, "text": "a", "nothing": null, "list": [1, 2, 3], "texts": ["a", "b"],
    "mixed": [1, "a", null], "empty": [], "object": {"a": 1, "b": {"c": null}}, "zone": "Europe/Berlin"
}"#;

/// A policy that asks about whatever a request may hold.
const CURIOUS: &str = include_str!("curious.yaml");

/// Larger than any answer to a request that is accepted.
const ANSWERS: JsonLimits = JsonLimits {
    bytes_max: 64_000_000,
    depth_max: 100,
    nodes_max: 4_000_000,
};

fn now() -> Timestamp {
    static NOW: OnceLock<Timestamp> = OnceLock::new();
    *NOW.get_or_init(|| Timestamp::parse("2026-01-05T10:00:00Z").unwrap_or(Timestamp::EPOCH))
}

/// A policy's text is refused with problems that can be shown, or decides.
pub fn policy_text(text: &[u8]) {
    let Some(policy) = policy(text) else { return };
    let mut names = Vec::new();
    for layer in describe(policy.index()).layers {
        names.extend(layer.tools.iter().take(3).map(|tool| tool.name.to_owned()));
    }
    names.push("no.such_tool".to_owned());
    for name in names {
        let mut quoted = String::new();
        canonical::write_string(&mut quoted, &name);
        let call = format!(
            r#"{{"tool_call": {{"name": {quoted}, "arguments": {{"amount": 750, "to": "acme"}}}},
                "context": {{"actor_id": "u1", "actor_role": "finance", "environment": "production"}}}}"#
        );
        let plan = format!(r#"{{"goal": "x", "tools": [{quoted}], "constraints": ["read-only"]}}"#);
        decided(&policy, call.as_bytes());
        decided(&policy, plan.as_bytes());
    }
}

/// A condition is refused with problems that have a place in it, or has the same value with and
/// without a trace; where it is a truth value, its negation is the opposite one.
pub fn condition_text(text: &[u8]) {
    let Ok(text) = core::str::from_utf8(text) else {
        return;
    };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a word");
            for error in &errors {
                check_condition_error(text, error);
            }
            return;
        }
    };
    let facts = parse_str(FACTS, &JsonLimits::REQUEST).expect("the facts are JSON");
    let outcome = expression.evaluate(&facts, now());
    let (traced, until) = expression.evaluate_until(&facts, now());
    assert_eq!(outcome, traced, "a trace changes the outcome");
    assert!(
        until.is_none_or(|until| until >= now()),
        "{until:?} is past"
    );
    // A line of its own ends a comment. What is too deep or too large with it is refused.
    let Ok(negated) = Expression::parse(&format!("!(\n{text}\n)")) else {
        return;
    };
    let opposite = negated.evaluate(&facts, now());
    match outcome {
        Outcome::Bool(value) => assert_eq!(opposite, Outcome::Bool(!value)),
        Outcome::Unknown => assert_eq!(opposite, Outcome::Unknown),
        _ => assert!(matches!(opposite, Outcome::Error(_)), "{opposite:?}"),
    }
}

fn check_condition_error(text: &str, error: &ConditionError) {
    let range = error.range().start as usize..error.range().end as usize;
    assert!(text.get(range.clone()).is_some(), "{range:?} is no place");
    check_sentence(error.message());
}

/// A request's text is refused with problems that can be shown, or every policy has an answer to it.
pub fn request_text(text: &[u8]) {
    static POLICIES: OnceLock<Vec<Policy>> = OnceLock::new();
    let policies = POLICIES.get_or_init(|| {
        [CURIOUS, include_str!("../../policies/payments.yaml")]
            .iter()
            .map(|text| {
                Policy::parse(text).unwrap_or_else(|problems| {
                    let told: String = problems.iter().map(Problem::render).collect();
                    panic!("{told}")
                })
            })
            .collect()
    });
    for policy in policies {
        decided(policy, text);
    }
}

/// A policy and a request, with [`SEPARATOR`] between them.
pub fn decision(texts: &[u8]) {
    let mut texts = texts.splitn(2, |byte| *byte == SEPARATOR);
    let (Some(written), Some(request)) = (texts.next(), texts.next()) else {
        return;
    };
    if let Some(policy) = policy(written) {
        decided(&policy, request);
    }
}

fn policy(text: &[u8]) -> Option<Policy> {
    // An import would be another text.
    let nothing = |_: &str, _: &str| None;
    match Policy::load("policy.yaml", text, &nothing) {
        Ok(policy) => {
            check_problems(policy.warnings());
            Some(policy)
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a word");
            check_problems(&problems);
            None
        }
    }
}

/// The laws of one decision that need no second opinion.
fn decided(policy: &Policy, text: &[u8]) {
    let request = match parse_request(text) {
        Ok(request) => request,
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a word");
            return check_problems(&problems);
        }
    };
    let (host, state) = (Host::default(), RunState::default());
    let (decision, next) = policy.decide(&request, &host, &state, now());
    let answer = decision_to_json(&decision);

    // The answer is strict JSON without a byte to spare.
    let document = parse_str(&answer, &ANSWERS).expect("the answer is strict JSON");
    let mut rewritten = String::new();
    canonical::write_value(&mut rewritten, document.root());
    assert_eq!(rewritten.len(), answer.len(), "{answer}");

    // Nothing hides behind an ALLOW, and nothing else comes without a reason.
    let worst = decision.issues.iter().map(|issue| issue.severity).max();
    if decision.verdict == Verdict::Allow {
        assert!(
            worst.is_none_or(|worst| worst <= Severity::Medium),
            "{answer}"
        );
    } else {
        assert!(worst.is_some(), "{answer}");
    }

    // Explaining decides nothing else, and neither does deciding again.
    let explanation = policy.explain(&request, &host, &state, now());
    assert_eq!(decision_to_json(&explanation.decision), answer);
    let again = policy.peek(&request, &host, &state, now());
    assert_eq!(decision_to_json(&again), answer);

    // A request in canonical form is the same request.
    let mut canonical_text = String::new();
    canonical::write_value(&mut canonical_text, request.document().root());
    let canonical_request = parse_request(canonical_text.as_bytes());
    let canonical_request = canonical_request.expect("a canonical request is a request");
    let same = policy.peek(&canonical_request, &host, &state, now());
    assert_eq!(decision_to_json(&same), answer, "{canonical_text}");

    // The state can be kept.
    let kept = state_to_json(&next);
    let read = parse_state("state", kept.as_bytes()).expect("a state can be read again");
    assert_eq!(state_to_json(&read), kept);

    // Nothing gets past a policy that was halted.
    let halted = Host {
        mode: Mode::Halted,
        ..host
    };
    let stopped = policy.peek(&request, &halted, &state, now());
    assert_eq!(stopped.verdict, Verdict::Deny);
}

fn check_problems(problems: &[Problem]) {
    assert!(problems.len() <= PROBLEMS_MAX + 1, "{}", problems.len());
    for problem in problems {
        check_sentence(problem.message());
        let shown = problem.render();
        let hidden = shown.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(hidden, None, "{shown:?}");
    }
    let json = problems_to_json(problems);
    assert!(parse_str(&json, &ANSWERS).is_ok(), "{json}");
}

/// A message is one line without a full stop.
fn check_sentence(message: &str) {
    // What is cut ends in three.
    let stops = message.ends_with('.') && !message.ends_with("...");
    assert!(!message.is_empty() && !stops, "{message:?}");
    assert!(!message.contains(char::is_control), "{message:?}");
}
