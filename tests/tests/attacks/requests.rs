//! Requests: nothing malformed is a request, and what is missing asks.

use stage0_engine::host::Host;
use stage0_engine::state::RunState;

use crate::{NOW, answer, ask, at, policy, refused};

#[test]
fn a_call_that_is_null_is_no_call_and_needs_a_goal() {
    assert_eq!(refused(r#"{"tool_call": null}"#), ["REQUEST_FIELD_MISSING"]);
    assert_eq!(
        refused(r#"{"tool_call": null, "goal": null}"#),
        ["REQUEST_FIELD_MISSING"]
    );
    assert_eq!(refused(r#"{"tool_call": null, "goal": "g"}"#), [""; 0]);
    assert_eq!(refused("{}"), ["REQUEST_FIELD_MISSING"]);
}

#[test]
fn what_looks_like_a_request_and_is_none_is_refused() {
    for (request, code) in [
        (r#"{"goal": "a", "goal": "b"}"#, "JSON_DUPLICATE_KEY"),
        (r#"{"goal": "a", "g\u006fal": "b"}"#, "JSON_DUPLICATE_KEY"),
        (
            r#"{"tool_call": {"name": "a", "arguments": {"x": {"y": 1, "y": 2}}}}"#,
            "JSON_DUPLICATE_KEY",
        ),
        (
            r#"{"tool_call": {"name": "a", "arguments": "{}"}}"#,
            "REQUEST_TYPE",
        ),
        (
            r#"{"tool_call": {"name": "a", "arguments": []}}"#,
            "REQUEST_TYPE",
        ),
        (r#"{"tool_call": {"name": ["a"]}}"#, "REQUEST_TYPE"),
        (r#"{"tool_call": {"name": null}}"#, "REQUEST_FIELD_MISSING"),
        (r#"{"tool_call": [{"name": "a"}]}"#, "REQUEST_TYPE"),
        (r#"{"goal": "g", "context": []}"#, "REQUEST_TYPE"),
        (r#"{"goal": "g", "tools": "a.x"}"#, "REQUEST_TYPE"),
        (r#"{"goal": "g", "tools": [null]}"#, "REQUEST_TYPE"),
        (r#"{"goal": "g", "pro": "false"}"#, "REQUEST_TYPE"),
        (
            r#"{"goal": "g", "environment": "a", "context": {"environment": "b"}}"#,
            "REQUEST_CONFLICT",
        ),
        (
            r#"{"goal": "g", "environment": "a", "context": {"environment": ["a"]}}"#,
            "REQUEST_CONFLICT",
        ),
        (
            r#"{"goal": "g", "environment": "", "context": {"environment": "b"}}"#,
            "REQUEST_CONFLICT",
        ),
        (
            r#"{"goal": "g", "trusted": [{"source": "user"}]}"#,
            "REQUEST_FIELD_MISSING",
        ),
        (r#"{"goal": "g", "trusted": ["text"]}"#, "REQUEST_TYPE"),
        (r#"{"goal": "\ud800"}"#, "JSON_LONE_SURROGATE"),
        (
            r#"{"goal": "g", "context": {"n": 12345678901234567890123456789}}"#,
            "JSON_NUMBER_TOO_LONG",
        ),
        (
            r#"{"goal": "g", "context": {"n": 1e400}}"#,
            "JSON_NUMBER_TOO_LONG",
        ),
        (
            r#"{"goal": "g", "context": {"n": NaN}}"#,
            "JSON_NUMBER_SYNTAX",
        ),
        (r#"{"goal": "g"} {"goal": "h"}"#, "JSON_TRAILING_TEXT"),
    ] {
        assert_eq!(refused(request), [code], "{request}");
    }
}

#[test]
fn a_null_in_the_context_is_absent_at_any_depth() {
    let policy = policy(
        "tools: { a.x: { effects: [] } }\nrules: [{ id: never, deny: context.a.b.c == 'x' }, { id: all, allow: '!has(context.a.b.c)' }]\n",
    );
    for context in [
        "{}",
        r#"{"a": null}"#,
        r#"{"a": {}}"#,
        r#"{"a": {"b": null}}"#,
        r#"{"a": {"b": {"c": null}}}"#,
    ] {
        let request = format!(r#"{{"tool_call": {{"name": "a.x"}}, "context": {context}}}"#);
        assert_eq!(ask(&policy, &request), "DEFER FACT_MISSING", "{context}");
    }
    for context in [
        r#"{"a": []}"#,
        r#"{"a": "b"}"#,
        r#"{"a": {"b": 5}}"#,
        r#"{"a": {"b": [{"c": "x"}]}}"#,
    ] {
        let request = format!(r#"{{"tool_call": {{"name": "a.x"}}, "context": {context}}}"#);
        assert!(
            ask(&policy, &request).starts_with("DENY CONDITION_ERROR"),
            "{context}"
        );
    }
}

#[test]
fn an_environment_beside_the_context_is_checked_like_one_inside() {
    let policy = policy(
        "default: allow\ntools: { a.x: { effects: [] } }\nfacts: { context.environment: { type: string, enum: [staging] } }\nrules: [{ id: never, deny: context.environment == 'production' }]\n",
    );
    for (place, expected) in [
        (r#""environment": "staging""#, "ALLOW"),
        (r#""context": {"environment": "staging"}"#, "ALLOW"),
        (r#""environment": "production""#, "DENY FACT_TYPE NEVER"),
        (
            r#""context": {"environment": "production"}"#,
            "DENY FACT_TYPE NEVER",
        ),
        (r#""environment": "other""#, "DENY FACT_TYPE"),
        (r#""context": {"environment": "other"}"#, "DENY FACT_TYPE"),
    ] {
        assert_eq!(
            ask(
                &policy,
                &format!(r#"{{"tool_call": {{"name": "a.x"}}, {place}}}"#)
            ),
            expected,
            "{place}"
        );
    }
}

#[test]
fn arguments_that_a_schema_refuses_are_asked_no_rule() {
    let policy = policy(
        "
tools:
  a.x:
    effects: []
    args:
      n: { type: integer, min: 1, max: 5 }
      s: { type: string, length: { max: 3 }, optional: true }
      l: { type: list, items: { type: string, pattern: '^[a-z]+$' }, optional: true }
      o: { type: object, properties: { k: { enum: [a, b] } }, optional: true }
rules: [{ id: all, allow: true }]
",
    );
    let call = |arguments: &str| {
        ask(
            &policy,
            &format!(r#"{{"tool_call": {{"name": "a.x", "arguments": {arguments}}}}}"#),
        )
    };
    assert_eq!(
        call(r#"{"n": 5, "s": "abc", "l": ["a"], "o": {"k": "a"}}"#),
        "ALLOW"
    );
    assert_eq!(call(r#"{"n": 5.0}"#), "ALLOW");
    for (arguments, code) in [
        (r"{}", "MISSING"),
        (r#"{"n": null}"#, "TYPE"),
        (r#"{"n": "5"}"#, "TYPE"),
        (r#"{"n": [5]}"#, "TYPE"),
        (r#"{"n": 5.5}"#, "TYPE"),
        (r#"{"n": 0}"#, "RANGE"),
        (r#"{"n": 6}"#, "RANGE"),
        (r#"{"n": -0}"#, "RANGE"),
        (r#"{"n": 5, "N": 5}"#, "NOT_ALLOWED"),
        (r#"{"n": 5, "s": "abcd"}"#, "RANGE"),
        (r#"{"n": 5, "s": null}"#, "TYPE"),
        (r#"{"n": 5, "l": "abc"}"#, "TYPE"),
        (r#"{"n": 5, "l": ["a", "B"]}"#, "VALUE"),
        (r#"{"n": 5, "l": ["a", "b\n"]}"#, "VALUE"),
        (r#"{"n": 5, "l": ["a", ["b"]]}"#, "TYPE"),
        (r#"{"n": 5, "o": {"k": "c"}}"#, "VALUE"),
        (r#"{"n": 5, "o": {"k": "a", "j": 1}}"#, "NOT_ALLOWED"),
        (r#"{"n": 5, "o": {}}"#, "MISSING"),
        (r#"{"n": 5, "o": [{"k": "a"}]}"#, "TYPE"),
        (r#"{"n": 5, "__proto__": {}}"#, "NOT_ALLOWED"),
    ] {
        assert_eq!(
            call(arguments),
            format!("DENY ARGUMENT_{code}"),
            "{arguments}"
        );
    }
}

#[test]
fn a_misspelt_field_is_told_and_obeyed_by_nobody() {
    let policy = policy("tools: { a.x: { effects: [] } }\nrules: [{ id: all, allow: true }]\n");
    let text = answer(
        &policy,
        r#"{"tool_call": {"name": "a.x", "args": {}}, "side_efects": ["delete"], "Context": {}}"#,
    );
    assert_eq!(
        text.matches(r#""code":"UNKNOWN_FIELD""#).count(),
        3,
        "{text}"
    );
    assert!(text.contains("did you mean `side_effects`?"), "{text}");
}

#[test]
fn the_verdict_on_a_tool_is_never_milder_than_what_the_request_itself_deserves() {
    let policy = policy("tools: { a.x: { effects: [] } }\nrules: [{ id: all, allow: true }]\n");
    let text = answer(
        &policy,
        r#"{"goal": "g", "tools": ["a.x"], "constraints": ["max_iterations: many"]}"#,
    );
    assert!(
        text.contains(r#""tool_verdicts":[{"name":"a.x","tool":"a.x","verdict":"DENY"}]"#),
        "{text}"
    );
}

#[test]
fn time_that_runs_backwards_is_denied() {
    let policy = policy("tools: { a.x: { effects: [] } }\nrules: [{ id: all, allow: true }]\n");
    let request = stage0_wire::parse_request(br#"{"tool_call": {"name": "a.x"}}"#).unwrap();
    let fresh = RunState::begin();
    let (first, state) = policy.decide(&request, &Host::default(), &fresh, at(NOW));
    assert!(first.allowed());
    let earlier = policy.peek(
        &request,
        &Host::default(),
        &state,
        at("2026-01-05T09:59:59.999Z"),
    );
    assert_eq!(
        earlier.issues.first().map(|issue| issue.code),
        Some("CLOCK_BACKWARDS")
    );
    assert!(!earlier.allowed());
}

#[test]
fn another_call_under_a_used_id_is_counted() {
    let policy = policy("tools: { a.x: { effects: [] } }\nrules: [{ id: all, allow: true }]\n");
    let call = |n: u32| {
        format!(r#"{{"tool_call": {{"id": "same", "name": "a.x", "arguments": {{"n": {n}}}}}}}"#)
    };
    let mut state = RunState::begin();
    for n in [1, 1, 2, 3, 3] {
        let text = call(n);
        let request = stage0_wire::parse_request(text.as_bytes()).unwrap();
        (_, state) = policy.decide(&request, &Host::default(), &state, at(NOW));
    }
    let run = state.run.unwrap();
    assert_eq!((run.attempts, run.allowed), (3, 3));
}

#[test]
fn deciding_twice_gives_the_same_bytes() {
    let policy = policy(
        "tools: { a.x: { effects: [data_write] } }\nlet: { late: 'now > timestamp(\"2026-01-01T00:00:00Z\")' }\nrules: [{ id: all, allow: let.late && args.n > 1 }, { id: ask, defer: context.q }]\n",
    );
    let requests = [
        r#"{"tool_call": {"name": "a.x", "arguments": {"n": 5}}}"#,
        r#"{"goal": "g", "tools": ["a.x", "b.y", "A.x"], "constraints": ["sandbox", "max_iterations: 5"]}"#,
    ];
    let first: Vec<String> = requests
        .iter()
        .map(|request| answer(&policy, request))
        .collect();
    for _ in 0..3 {
        let again: Vec<String> = requests
            .iter()
            .rev()
            .map(|request| answer(&policy, request))
            .collect();
        assert!(again.iter().rev().eq(first.iter()));
    }
}

#[test]
fn a_request_for_another_version_is_allowed_by_none() {
    let policy =
        policy("unknown_tools: declared\ndefault: allow\nrules: [{ id: all, allow: true }]\n");
    let request = |version: &str| {
        format!(r#"{{"tool_call": {{"name": "a"}}, "policy_pack_version": "{version}"}}"#)
    };
    assert_eq!(ask(&policy, &request("")), "ALLOW");
    assert_eq!(ask(&policy, &request("p@1.0.0")), "ALLOW");
    for version in ["p@0.9.0", "p@1.0", "p", "P@1.0.0", " p@1.0.0"] {
        assert_eq!(
            ask(&policy, &request(version)),
            "DENY POLICY_VERSION_MISMATCH",
            "{version}"
        );
    }
}
