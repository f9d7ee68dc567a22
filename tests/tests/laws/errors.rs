//! Law 6: what has no value, or a wrong one, restricts.

use proptest::prelude::*;
use stage0_engine::policy::Verdict;
use stage0_tests::oracle::model::Action;
use stage0_tests::oracle::value::{Value, text};

use crate::engine::{ask, verdict_and_codes};
use crate::run::check;
use stage0_tests::generate::policy::{ENFORCED, Wanted};
use stage0_tests::generate::sample;

/// Conditions without a value for the arguments below.
const BROKEN: [&str; 16] = [
    "args.text > 500",
    "500 < args.text",
    "args.text == 750",
    "args.n == \"750\"",
    "args.n != args.text",
    "args.n in [\"750\"]",
    "args.text + args.n == 1",
    "args.n / 0 > 1",
    "args.n % 0 == 0",
    "args.big * args.big > 0",
    "args.n.inner == 1",
    "has(args.n.inner)",
    "args.list[7] == 1",
    "size(args.n) == 1",
    "timestamp(args.text) < now",
    "args.list.all(e, e == \"x\")",
];

/// Law 6 (errors restrict): a condition without a value is DENY with its own code in every kind of rule
/// and in every part of one, whatever else is allowed.
#[test]
fn a_broken_condition_denies_in_every_rule() {
    let request = r#"{"tool_call": {"name": "t", "arguments":
        {"text": "750", "n": 750, "big": 9999999999999999999999999999, "list": [1]}}}"#;
    for condition in BROKEN {
        for rule in [
            format!("allow: '{condition}'"),
            format!("deny: '{condition}'"),
            format!("defer: '{condition}'"),
            format!("require: '{condition}'"),
            format!("require: '{condition}', missing: otherwise, otherwise: defer"),
            format!("advise: '{condition}'"),
            format!("when: '{condition}', allow: true"),
            format!("when: '{condition}', deny: true"),
            format!("when: '{condition}', approval: {{}}"),
            format!("deny: 'args.n == 750 && {condition}'"),
            format!("require: 'args.n != 750 || {condition}'"),
            format!("allow: '!({condition})'"),
        ] {
            let policy = format!(
                "tools: {{ t: {{ effects: [] }} }}\ndefault: allow\nrules:\n  - {{ id: r, {rule} }}\n  - {{ id: all, allow: true }}\n"
            );
            assert_eq!(
                verdict_and_codes(&policy, request),
                "DENY CONDITION_ERROR",
                "{rule}"
            );
        }
    }
}

/// Law 6 (errors restrict): a rule without a value never makes an answer milder than it is without the
/// rule, and a call with such a rule is never allowed.
#[test]
fn an_error_is_never_allowed() {
    let wanted = Wanted {
        presence: true,
        ..ENFORCED
    };
    check("error", 500, sample(wanted, true), |sample| {
        let answer = ask(&sample);
        let errors = [
            "CONDITION_ERROR",
            "FACT_TYPE",
            "CONSTRAINT_INVALID",
            "TOOL_NAME_INVALID",
        ];
        let is_broken = answer.issues.iter().any(|issue| {
            errors.contains(&issue.code.as_str()) || issue.code.starts_with("ARGUMENT_")
        });
        prop_assert!(!is_broken || answer.verdict == Verdict::Deny, "{answer}");
        Ok(())
    });
}

/// Law 6 (errors restrict): an argument that its schema refuses is DENY whatever the rules say.
#[test]
fn an_argument_outside_its_schema_denies() {
    check("schema", 400, sample(ENFORCED, false), |mut sample| {
        let name = sample
            .request
            .call
            .as_ref()
            .map(|(name, _)| name.clone())
            .unwrap_or_default();
        let known = |tool: &&stage0_tests::oracle::model::Tool| {
            tool.name == name && tool.args.is_some() && !tool.extra_args
        };
        prop_assume!(sample.policy.tools.iter().any(|tool| known(&tool)));
        if let Some((_, arguments)) = &mut sample.request.call {
            arguments.push(("never_heard_of", text("x")));
        }
        let answer = ask(&sample);
        prop_assert_eq!(answer.verdict, Verdict::Deny);
        let is_told = |issue: &stage0_tests::oracle::Issue| {
            issue.code == "ARGUMENT_NOT_ALLOWED" || issue.code == "HALTED"
        };
        prop_assert!(answer.issues.iter().any(is_told), "{answer}");
        Ok(())
    });
}

/// Law 6 (errors restrict): a fact of another type than is declared for it is DENY in every rule that
/// reads it.
#[test]
fn a_fact_of_the_wrong_type_denies() {
    let wanted = Wanted {
        files: false,
        ..ENFORCED
    };
    check("declared", 500, sample(wanted, false), |mut sample| {
        let declared = sample
            .policy
            .facts
            .iter()
            .find(|fact| fact.path.to_string() == "context.n");
        prop_assume!(declared.is_some());
        sample.request.context.retain(|(name, _)| *name != "n");
        let absent = ask(&sample);
        sample
            .request
            .context
            .push(("n", Value::List(vec![text("750")])));
        let answer = ask(&sample);
        let is_read = answer.depends_on.iter().any(|fact| fact == "context.n");
        prop_assert!(!is_read || answer.verdict == Verdict::Deny, "{answer}");
        prop_assert!(
            is_read || answer.verdict == absent.verdict,
            "{absent}became\n{answer}"
        );
        let allows =
            |rule: &stage0_tests::oracle::model::Rule| matches!(rule.action, Action::Allow(_));
        prop_assert!(sample.policy.rules.iter().any(allows) || answer.verdict >= absent.verdict);
        Ok(())
    });
}

/// Law 6 (errors restrict): a request that breaks the type of a contract field is not decided at all.
#[test]
fn a_request_of_the_wrong_shape_is_not_decided() {
    for request in [
        r#"{"goal": 7}"#,
        r#"{"goal": "pay", "tools": "pay"}"#,
        r#"{"goal": "pay", "tools": [7]}"#,
        r#"{"goal": "pay", "side_effects": {}}"#,
        r#"{"goal": "pay", "constraints": [null]}"#,
        r#"{"goal": "pay", "context": []}"#,
        r#"{"goal": "pay", "pro": "yes"}"#,
        r#"{"tool_call": {"name": 7}}"#,
        r#"{"tool_call": {"name": "t", "arguments": []}}"#,
        r#"{"tool_call": {"arguments": {}}}"#,
        r#"{"tool_call": {"name": "t", "arguments": {"a": 1, "a": 2}}}"#,
        r#"{"tool_call": {"name": "t", "arguments": {"n": 1e999}}}"#,
        r#"{"tool_call": {"name": "t", "arguments": {"n": NaN}}}"#,
        "[]",
        "",
    ] {
        assert!(
            stage0_wire::parse_request(request.as_bytes()).is_err(),
            "{request}"
        );
    }
}
