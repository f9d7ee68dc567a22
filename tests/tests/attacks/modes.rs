//! Modes: the kill switch stands above everything, and observing hides nothing.

use stage0_engine::host::Host;
use stage0_engine::policy::Mode;

use crate::{answer, ask, ask_with, policy};

const TOOLS: &str = "
tools: { a.read: { effects: [data_read] }, a.write: { effects: [data_write] }, a.none: { effects: [] } }
rules: [{ id: all, allow: true }]
";

fn host(mode: Mode) -> Host<'static> {
    Host {
        mode,
        ..Host::default()
    }
}

fn call(name: &str) -> String {
    format!(r#"{{"tool_call": {{"name": "{name}"}}}}"#)
}

#[test]
fn halted_denies_everything_in_every_policy() {
    for mode in ["observe", "enforce", "read_only", "halted"] {
        let policy = policy(&format!("mode: {mode}{TOOLS}"));
        for request in [
            &call("a.none"),
            &call("x"),
            r#"{"goal": "g"}"#,
            r#"{"goal": "g", "tools": ["a.none"]}"#,
        ] {
            assert_eq!(
                ask_with(&policy, request, &host(Mode::Halted)),
                "DENY HALTED",
                "{mode} {request}"
            );
        }
    }
    let halted = policy(&format!("mode: halted{TOOLS}"));
    for mode in [Mode::Observe, Mode::Enforce, Mode::ReadOnly] {
        assert_eq!(
            ask_with(&halted, &call("a.none"), &host(mode)),
            "DENY HALTED"
        );
    }
}

#[test]
fn read_only_lets_nothing_write() {
    let policy = policy(&format!("unknown_tools: declared\ndefault: allow{TOOLS}"));
    let ask = |request: &str| ask_with(&policy, request, &host(Mode::ReadOnly));
    assert_eq!(ask(&call("a.read")), "ALLOW");
    assert_eq!(ask(&call("a.none")), "ALLOW");
    for request in [
        &call("a.write"),
        &call("unknown.tool"),
        r#"{"tool_call": {"name": "a.read"}, "side_effects": ["delete"]}"#,
        r#"{"tool_call": {"name": "a.read"}, "side_effects": ["telepathy"]}"#,
        r#"{"goal": "delete it all", "side_effects": ["delete"]}"#,
        r#"{"goal": "delete it all", "side_effects": ["telepathy"]}"#,
        r#"{"goal": "g", "tools": ["a.read", "a.write"]}"#,
    ] {
        assert_eq!(ask(request), "DENY READ_ONLY_MODE", "{request}");
    }
}

#[test]
fn the_stricter_mode_counts() {
    let observing = policy(&format!("mode: observe{TOOLS}").replace("allow: true", "deny: true"));
    assert_eq!(ask(&observing, &call("a.none")), "ALLOW");
    assert_eq!(
        ask_with(&observing, &call("a.none"), &host(Mode::Enforce)),
        "DENY NO_RULE_ALLOWS ALL"
    );
    let enforcing = policy(TOOLS.replace("allow: true", "deny: true").as_str());
    assert_eq!(
        ask_with(&enforcing, &call("a.none"), &host(Mode::Observe)),
        "DENY NO_RULE_ALLOWS ALL"
    );
}

#[test]
fn an_observed_allow_permits_nothing() {
    let policy = policy(
        "tools: { a.x: { effects: [] } }\nrules: [{ id: all, allow: true, mode: observe }]\n",
    );
    assert_eq!(ask(&policy, &call("a.x")), "DENY NO_RULE_ALLOWS");
    let unknown = crate::policy(
        "tools: { a.x: { effects: [] } }\nrules: [{ id: all, allow: context.ok, mode: observe }]\n",
    );
    assert_eq!(ask(&unknown, &call("a.x")), "DENY NO_RULE_ALLOWS");
}

#[test]
fn an_observed_denial_is_told_and_blocks_nothing() {
    let policy = policy(
        "tools: { a.x: { effects: [] } }\nrules: [{ id: all, allow: true }, { id: never, deny: true, mode: observe }]\n",
    );
    let text = answer(&policy, &call("a.x"));
    assert!(
        text.contains(r#""verdict":"ALLOW""#) && text.contains(r#""mode":"observe""#),
        "{text}"
    );
    assert!(
        text.contains(r#""would":{"verdict":"DENY","issues":[{"code":"NEVER""#),
        "{text}"
    );
}

#[test]
fn a_policy_that_only_observes_says_so_in_every_answer() {
    let policy = policy(&format!("mode: observe{TOOLS}"));
    let text = answer(&policy, &call("a.none"));
    assert!(text.contains(r#""mode":"observe""#), "{text}");
    assert!(
        text.contains(r#""would":{"verdict":"ALLOW","issues":[]}"#),
        "{text}"
    );
}

#[test]
fn an_answer_names_the_mode_of_its_policy() {
    for mode in ["read_only", "halted"] {
        let policy = policy(&format!("mode: {mode}{TOOLS}"));
        let text = answer(&policy, &call("a.none"));
        assert!(text.contains(&format!(r#""mode":"{mode}""#)), "{text}");
    }
}

#[test]
fn an_agent_cannot_set_the_mode() {
    let policy = policy(&TOOLS.replace("allow: true", "deny: true"));
    let request = r#"{"mode": "observe", "tool_call": {"name": "a.none", "mode": "observe"}, "context": {"mode": "observe"}}"#;
    assert_eq!(ask(&policy, request), "DENY NO_RULE_ALLOWS ALL");
}

#[test]
fn observing_blocks_nothing_that_the_policy_finds_in_the_request() {
    let policy = policy(&format!("mode: observe{TOOLS}"));
    let request = r#"{"tool_call": {"name": "a.none"}, "constraints": ["max_iterations: many"]}"#;
    assert_eq!(ask(&policy, request), "ALLOW");
    assert_eq!(
        ask_with(&policy, request, &host(Mode::Enforce)),
        "DENY CONSTRAINT_INVALID"
    );
}
