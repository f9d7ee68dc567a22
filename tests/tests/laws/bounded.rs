//! Law 10: every input has a limit, and rules about other tools cost nothing.

use proptest::prelude::*;
use stage0_engine::limits::{
    CALL_ID_BYTES_MAX, CONDITION_BYTES_MAX, CONDITION_DEPTH_MAX, GOAL_CHARS_MAX, POLICY_DEPTH_MAX,
    REQUEST_BYTES_MAX, REQUEST_DEPTH_MAX, REQUEST_LIST_ITEMS_MAX, REQUEST_NODES_MAX,
};
use stage0_engine::policy::Verdict;
use stage0_tests::oracle::model::Rule;
use stage0_wire::{Policy, parse_request};

use crate::engine::ask;
use crate::run::check;
use stage0_tests::generate::condition::NAMES;
use stage0_tests::generate::policy::{ANY, Wanted};
use stage0_tests::generate::rule::rule;
use stage0_tests::generate::sample;

/// Law 10 (bounded): rules about other tools change nothing of an answer, not even the facts that it
/// depends on.
#[test]
fn rules_about_other_tools_are_never_asked() {
    let [names, ..] = NAMES;
    let others = prop::collection::vec(rule(names, ANY), 1..12);
    let wanted = Wanted {
        files: false,
        ..ANY
    };
    check(
        "unrelated",
        300,
        (sample(wanted, true), others),
        |(sample, others)| {
            let (tools, effects) = (&sample.policy.tools, vec!["human_gate"]);
            prop_assume!(tools.iter().all(|tool| tool.name != "**"));
            let before = ask(&sample);
            let mut more = sample.clone();
            // What a rule reads counts when constraints are said to be read by nobody.
            more.request.constraints.clear();
            let mut same = sample.clone();
            same.request.constraints.clear();
            for (position, other) in others.into_iter().enumerate() {
                let is_by_effect = position % 2 == 1;
                more.policy.rules.push(Rule {
                    id: format!("other-{position}"),
                    tools: if is_by_effect {
                        Vec::new()
                    } else {
                        vec!["far.away.*"]
                    },
                    effects: if is_by_effect {
                        effects.clone()
                    } else {
                        Vec::new()
                    },
                    issue: Some("ALPHA"),
                    ..other
                });
            }
            // An allow by effect is about every tool without effects.
            more.policy.rules.retain(|rule| {
                rule.effects != effects
                    || !matches!(rule.action, stage0_tests::oracle::model::Action::Allow(_))
            });
            let (one, two) = (ask(&same), ask(&more));
            prop_assert!(one == two, "{one}and with others\n{two}");
            prop_assert!(before.verdict >= Verdict::Allow);
            Ok(())
        },
    );
}

/// Law 10 (bounded): a request beyond a limit is refused, and one at the limit is read.
#[test]
fn a_request_beyond_a_limit_is_refused() {
    let with = |arguments: &str| {
        format!(r#"{{"tool_call": {{"name": "t", "arguments": {{"a": {arguments}}}}}}}"#)
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let list = |items: usize| format!("[{}]", vec!["\"a\""; items].join(","));
    let plan = |field: &str, value: &str| format!(r#"{{"goal": "pay", "{field}": {value}}}"#);
    let long = |chars: usize| "x".repeat(chars);
    for (within, beyond) in [
        (
            with(&nested(REQUEST_DEPTH_MAX - 3)),
            with(&nested(REQUEST_DEPTH_MAX + 1)),
        ),
        (with(&nested(1)), with(&nested(100_000))),
        (with(&list(1_000)), with(&list(REQUEST_NODES_MAX + 1))),
        (
            with(&format!("\"{}\"", long(1_000))),
            with(&format!("\"{}\"", long(REQUEST_BYTES_MAX))),
        ),
        (
            plan("tools", &list(REQUEST_LIST_ITEMS_MAX)),
            plan("tools", &list(REQUEST_LIST_ITEMS_MAX + 1)),
        ),
        (
            plan("constraints", &list(REQUEST_LIST_ITEMS_MAX)),
            plan("constraints", &list(REQUEST_LIST_ITEMS_MAX + 1)),
        ),
        (
            plan("side_effects", &list(REQUEST_LIST_ITEMS_MAX)),
            plan("side_effects", &list(REQUEST_LIST_ITEMS_MAX + 1)),
        ),
        (
            format!(r#"{{"goal": "{}"}}"#, long(GOAL_CHARS_MAX)),
            format!(r#"{{"goal": "{}"}}"#, long(GOAL_CHARS_MAX + 1)),
        ),
        (
            format!(
                r#"{{"tool_call": {{"name": "t", "id": "{}"}}}}"#,
                long(CALL_ID_BYTES_MAX)
            ),
            format!(
                r#"{{"tool_call": {{"name": "t", "id": "{}"}}}}"#,
                long(CALL_ID_BYTES_MAX + 1)
            ),
        ),
    ] {
        let shown = |text: &str| text.chars().take(80).collect::<String>();
        assert!(
            parse_request(within.as_bytes()).is_ok(),
            "{}",
            shown(&within)
        );
        assert!(
            parse_request(beyond.as_bytes()).is_err(),
            "{}",
            shown(&beyond)
        );
    }
}

/// Law 10 (bounded): a condition that is too long, too deep or may take too many steps does not load.
#[test]
fn a_condition_beyond_a_limit_does_not_load() {
    let loads = |condition: &str| {
        let text = format!(
            "stage0: v1\nname: p\nversion: 1.0.0\ntools: {{ t: {{ effects: [] }} }}\nrules:\n  - {{ id: r, allow: '{condition}' }}\n"
        );
        Policy::parse(&text).is_ok()
    };
    let nested = |depth: usize| format!("{}args.b{}", "(".repeat(depth), ")".repeat(depth));
    let chain = |length: usize| vec!["args.b"; length].join(" && ");
    assert!(loads(&nested(CONDITION_DEPTH_MAX / 2)) && !loads(&nested(CONDITION_DEPTH_MAX * 2)));
    assert!(!loads(&nested(30_000)));
    assert!(loads(&chain(1_000)) && !loads(&chain(CONDITION_BYTES_MAX / 10 + 1)));
    let inner = "args.l.exists(c, a + b + c > 0)";
    assert!(loads("args.l.exists(a, args.l.exists(b, a + b > 0))"));
    let costly = format!("args.l.exists(a, args.l.exists(b, {inner}))");
    assert!(!loads(&format!(
        "args.l.exists(z, {})",
        costly.replace("a + b", "z + a + b")
    )));
}

/// Law 10 (bounded): a policy that is nested too deeply is refused, whichever text it is.
#[test]
fn a_policy_beyond_its_depth_is_refused() {
    for depth in [POLICY_DEPTH_MAX + 1, 100_000] {
        for text in [
            format!(
                "stage0: v1\nname: p\nversion: 1.0.0\nparams: {}{}",
                "[".repeat(depth),
                "]".repeat(depth)
            ),
            format!("{}{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
        ] {
            assert!(Policy::parse(&text).is_err(), "{depth}");
        }
    }
}
