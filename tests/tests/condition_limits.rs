//! What a condition may take: steps and room are bounded whatever the request holds, and what is too
//! much is an error that is the same on every platform. Steps are counted, so nothing here depends on
//! how fast a machine is.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "the sums are of small literals"
)]

use std::fmt::Write as _;

use stage0_engine::time::Timestamp;
use stage0_tests::condition::{evaluate, facts, parse, shown};

const TOO_MANY_STEPS: &str =
    "error: a loop takes more than 10000000 steps, or the condition more than 50000000";
const TOO_LARGE: &str = "error: the value is larger than a condition may visit";

/// `[first, first + 1, ...]`
fn numbers(first: usize, count: usize) -> String {
    let numbers: Vec<String> = (first..first + count)
        .map(|number| number.to_string())
        .collect();
    format!("[{}]", numbers.join(","))
}

fn lists() -> String {
    format!(
        r#"{{"a": {}, "b": {}, "text": "{}", "x": 5}}"#,
        numbers(0, 10_000),
        numbers(20_000, 10_000),
        "ab".repeat(32_000)
    )
}

fn value(expression: &str, json: &str) -> String {
    evaluate(expression, json, Timestamp::EPOCH)
}

#[test]
fn loops_that_take_too_long_are_errors() {
    let json = lists();
    for expression in [
        "a.exists(i, b.exists(j, i == j))",
        "a.all(i, !(i in b))",
        "a.map(i, b.exists(j, i == j)) == []",
        "a.filter(i, b.exists_one(j, i == j)) == []",
        "a.exists(i, text.contains(\"zz\"))",
        "a.exists(i, text.matches(\"[ab]{1,50}c\"))",
        "a.exists(i, text.lowerAscii() == \"\")",
        "a.exists(i, glob(text, \"*a*b*a*b*c*\"))",
        "a.exists(i, a == b)",
        "a.exists(i, a[i] == i + 20000)",
    ] {
        assert_eq!(value(expression, &json), TOO_MANY_STEPS, "{expression}");
    }
}

#[test]
fn the_error_of_a_loop_is_absorbed_like_any_other() {
    let json = lists();
    let dear = "a.exists(i, b.exists(j, i == j))";
    for (expression, expected) in [
        (format!("{dear} || x == 5"), "true"),
        (format!("x == 5 || {dear}"), "true"),
        (format!("{dear} && x == 4"), "false"),
        (format!("x == 4 && {dear}"), "false"),
        (format!("{dear} && x == 5"), TOO_MANY_STEPS),
        (format!("missing && {dear}"), "unknown"),
        (format!("{dear} || [1].exists(i, i == 1)"), "true"),
    ] {
        assert_eq!(value(&expression, &json), expected, "{expression}");
    }
}

#[test]
fn what_real_policies_ask_of_large_inputs_is_answered() {
    let words: Vec<String> = (0..2_000).map(|index| format!("\"word{index}\"")).collect();
    let mail = "Dear customer, please find enclosed what you asked for. ".repeat(200);
    let mut messages = String::new();
    for index in 0..1_000 {
        let text = if index == 500 { &mail } else { "short" };
        write!(
            messages,
            r#"{}{{"text": "{text}"}}"#,
            if index == 0 { "" } else { "," }
        )
        .unwrap();
    }
    let json = format!(
        r#"{{"words": [{}], "mail": "{mail}", "messages": [{messages}], "ids": {}}}"#,
        words.join(","),
        numbers(0, 1_000)
    );
    for (expression, expected) in [
        ("words.exists(word, mail.contains(word))", "false"),
        (
            "messages.exists(message, message.text.matches(\"(?i)enclosed\"))",
            "true",
        ),
        ("ids.all(id, id in ids)", "true"),
        (
            "ids.exists(one, ids.exists(other, one == other + 1000))",
            "false",
        ),
        ("mail.matches(\"^[A-Za-z,. ]+$\")", "true"),
    ] {
        assert_eq!(value(expression, &json), expected, "{expression}");
    }
}

#[test]
fn matching_a_large_pattern_against_a_long_text_is_an_error() {
    let json = lists();
    assert_eq!(value("text.matches(\"[ab]{1,1000}c\")", &json), TOO_LARGE);
    assert_eq!(
        value("text.matches(\"([ab]{0,100}){0,30}c\")", &json),
        TOO_LARGE
    );
    assert_eq!(value("text.matches(\"(((a*)*)*)*c\")", &json), "false");
    assert_eq!(value("\"abc\".matches(\"[ab]{1,1000}c\")", &json), "true");
}

#[test]
fn what_a_condition_builds_is_bounded() {
    let json = lists();
    let sum = vec!["text"; 100].join(" + ");
    assert_eq!(value(&format!("size({sum}) > 0"), &json), TOO_LARGE);
    assert_eq!(
        value("size(a.map(i, text.upperAscii())) > 0", &json),
        TOO_LARGE
    );
    assert_eq!(
        value("size(a.map(i, [i, i, i, i, i, i, i])) > 0", &json),
        TOO_LARGE
    );
    assert_eq!(value("size(a.filter(i, true) + b)", &json), "20000");
}

#[test]
fn large_objects_are_compared_without_searching_one_for_each_key_of_the_other() {
    let object = |first: usize| {
        let entries: Vec<String> = (first..first + 20_000)
            .map(|key| format!("\"key{key}\": {key}"))
            .collect();
        format!("{{{}}}", entries.join(","))
    };
    let json = format!(
        r#"{{"one": {}, "two": {}, "other": {}}}"#,
        object(0),
        object(0),
        object(1)
    );
    assert_eq!(value("one == two", &json), "true");
    assert_eq!(value("one == other", &json), "false");
    assert_eq!(value("one in [other, two]", &json), "true");
}

#[test]
fn tracing_a_condition_does_not_change_its_outcome() {
    let json = lists();
    let document = facts(&json).unwrap();
    for expression in [
        "a.exists(i, b.exists(j, i == j))",
        "x == 5 || a.exists(i, b.exists(j, i == j))",
        "x == 4 && a.exists(i, b.exists(j, i == j)) || a.exists(i, i == 9999)",
        "a.exists(i, i == x || b.exists(j, b.exists(k, k == j && k == i)))",
        "a.exists(i, i < 0 && b.exists(j, i == j))",
        "a.all(i, i >= 0 || b.exists(j, i == j)) && [1, 2].map(i, i + 1) == [2, 3]",
        "x == 4 && size(text + text + text + text + text) > 0 || size(text) == 64000",
    ] {
        let parsed = parse(expression).unwrap();
        let plain = shown(&parsed.evaluate(&document, Timestamp::EPOCH));
        let (traced, _) = parsed.evaluate_until(&document, Timestamp::EPOCH);
        assert_eq!(shown(&traced), plain, "{expression}");
    }
}

/// A list of lists that takes `levels` of them to write, and twice as many visits for each to read.
fn doubled(levels: usize) -> String {
    format!("[1]{}", ".map(i, [i, i])".repeat(levels))
}

#[test]
fn comparing_what_shares_its_parts_ends() {
    for (expression, expected) in [
        (format!("{0} == {0}", doubled(10)), "true"),
        (format!("{0} == {0}", doubled(60)), TOO_MANY_STEPS),
        (format!("{0} != {0}", doubled(60)), TOO_MANY_STEPS),
        (format!("{0} in [{0}]", doubled(60)), TOO_MANY_STEPS),
        (format!("{0} in [{0}] || x == 5", doubled(60)), "true"),
        (format!("(no ? {0} : {0}) == []", doubled(60)), "unknown"),
    ] {
        assert_eq!(value(&expression, &lists()), expected, "{expression}");
    }
}

#[test]
fn values_that_are_larger_than_they_look_are_not_given_away() {
    for levels in [30, 60, 1_000] {
        assert_eq!(value(&doubled(levels), "{}"), TOO_LARGE);
    }
    let nested = |levels: usize| format!("[1]{}", ".map(i, [i])".repeat(levels));
    assert_eq!(value(&nested(1), "{}"), "[[1]]");
    assert_eq!(value(&nested(1_500), "{}"), TOO_LARGE);
}

#[test]
fn a_condition_has_steps_for_a_few_dear_loops_and_no_more() {
    let json = lists();
    let (dear, cheap) = ("a.exists(i, b.exists(j, i == j))", "a.exists(i, i == 9999)");
    let times = |count: usize| format!("{} || {cheap}", vec![dear; count].join(" || "));
    assert_eq!(value(&times(3), &json), "true");
    assert_eq!(value(&times(6), &json), TOO_MANY_STEPS);
}
