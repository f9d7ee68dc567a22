//! The check at work on a small format, and the words it finds for what does not fit.

use std::fmt::Write as _;

use super::Decoder;
use crate::problem::Problems;
use crate::shape::{Form, Key, NameRule, OneOf, Shape, Words};
use crate::sources::Sources;
use crate::tree::Tree;

static NAME: NameRule = NameRule {
    what: "a name",
    first: "a-z",
    rest: "a-z0-9-",
    chars_max: 20,
    help: "names are lower-case letters, digits and `-`",
    filler: '-',
};

static MODES: Words = Words {
    names: &["enforce", "observe", "watch"],
    listed: 2,
    later: &[("dream", "sleep on it")],
    help: "say what to do",
};

static POLICY: Form = Form::Map(&Shape {
    name: "policy",
    what: "a policy",
    doc: "",
    groups: &[&[
        Key::new("$schema", Form::Text, ""),
        Key::required("name", Form::Name(&NAME), "").or_help("write `name: x`"),
        Key::required("rules", Form::List(&Form::Map(&RULE)), ""),
        Key::new("params", Form::MapOf(Some(&NAME), &Form::Number), ""),
        Key::new("approvers_min", Form::Whole(1, 10), ""),
        Key::new("data", Form::Object, ""),
        Key::new("ttl", Form::Duration, ""),
        Key::new("at", Form::Timestamp, ""),
        Key::new(
            "answer",
            Form::Headed(&Form::Words(&MODES), &Form::Text),
            "",
        ),
        Key::new("size", Form::Either(&[Form::Number, Form::Map(&SIZE)]), ""),
    ]],
    one_of: OneOf::NONE,
});

static SIZE: Shape = Shape {
    name: "size",
    what: "a size",
    doc: "",
    groups: &[&[Key::new("max", Form::Number, "")]],
    one_of: OneOf::NONE,
};

static RULE: Shape = Shape {
    name: "rule",
    what: "a rule",
    doc: "",
    groups: &[
        &[
            Key::required("id", Form::Text, ""),
            Key::new("tools", Form::OneOrMany(&Form::Text), ""),
        ],
        &[
            Key::new("allow", Form::TrueOrCondition, ""),
            Key::new("deny", Form::TrueOrCondition, ""),
            Key::new("unless", Form::Condition, "").with("deny"),
            Key::new("mode", Form::Words(&MODES), ""),
            Key::new("locked", Form::Bool, ""),
        ],
    ],
    one_of: OneOf {
        keys: &["allow", "deny"],
        help: "say what it does",
    },
};

/// The problems of a text, one a line: place, code, message and help.
fn told(text: &str) -> String {
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", text).unwrap();
    let mut problems = Problems::new();
    let tree = Tree::parse(&sources, file, &mut problems).unwrap();
    Decoder::new(&sources, &mut problems).check(&tree.root, &POLICY);
    let mut out = String::new();
    for problem in problems.finish() {
        let place = problem.locations().first().unwrap();
        write!(out, "{}:{} {}", place.line, place.column, problem.code()).unwrap();
        write!(out, ": {}", problem.message()).unwrap();
        if let Some(help) = problem.help_text() {
            write!(out, " ({help})").unwrap();
        }
        out.push('\n');
    }
    out
}

#[test]
fn nothing_is_told_about_what_fits() {
    assert_eq!(
        told(
            "$schema: x\n\
             name: payments\n\
             params: { approval-over: 500, rate: 0.10 }\n\
             approvers_min: 2\n\
             data: { rates: [1, { a: null }] }\n\
             ttl: 1d\n\
             at: 2026-01-05T10:00:00+01:00\n\
             answer: [observe, a, b]\n\
             size: { max: 5 }\n\
             rules:\n\
             - { id: a, allow: true, tools: [x.*, w] }\n\
             - { id: b, deny: args.x > 1, unless: args.y, tools: z, mode: watch, locked: false }\n"
        ),
        ""
    );
}

#[test]
fn everything_that_does_not_fit_is_told_at_once() {
    assert_eq!(
        told(
            "name: 1.10\n\
             parms: {}\n\
             approvers_min: 11\n\
             ttl: 1h\n\
             rules:\n\
             - id: a\n  alow: true\n\
             - allow: 5\n  tools: [x, 1, {y: z}]\n\
             - id: [c]\n  allow: true\n  deny: args.x\n\
             - id: d\n  mode: observ\n  locked: 'true'\n  surprise: 1\n\
             - just text\n\
             -\n"
        ),
        "1:7 POLICY_WRONG_TYPE: `name` must be text, found the number `1.10` (put it in quotes: `\"1.10\"`)\n\
         2:1 POLICY_UNKNOWN_KEY: unknown key `parms` in a policy (did you mean `params`?)\n\
         3:16 POLICY_OUT_OF_RANGE: `approvers_min` must be a whole number from 1 to 10, found the number `11`\n\
         7:3 POLICY_UNKNOWN_KEY: unknown key `alow` in a rule (did you mean `allow`?)\n\
         8:3 POLICY_MISSING_KEY: a rule needs `id`\n\
         8:10 POLICY_WRONG_TYPE: `allow` must be `true` or a condition, found the number `5`\n\
         9:14 POLICY_WRONG_TYPE: each entry of `tools` must be text, found the number `1` (put it in quotes: `\"1\"`)\n\
         9:17 POLICY_WRONG_TYPE: each entry of `tools` must be text, found a map (put text that begins with `[` or `{`, or contains `: `, in single quotes)\n\
         10:7 POLICY_WRONG_TYPE: `id` must be text, found a list (put text that begins with `[` or `{`, or contains `: `, in single quotes)\n\
         12:3 POLICY_CONFLICTING_KEYS: `allow` and `deny` in one: a rule takes one of them (keep one of `allow` or `deny`)\n\
         13:3 POLICY_MISSING_KEY: a rule needs one of `allow` or `deny` (say what it does)\n\
         14:9 POLICY_UNKNOWN_VALUE: `mode` must be `enforce` or `observe`, found `observ` (did you mean `observe`?)\n\
         15:11 POLICY_WRONG_TYPE: `locked` must be `true` or `false`, found the text `true` (remove the quotes: `true`)\n\
         16:3 POLICY_UNKNOWN_KEY: unknown key `surprise` in a rule (the keys of a rule are `id`, `tools`, `allow`, `deny`, `unless`, `mode` and `locked`)\n\
         17:3 POLICY_WRONG_TYPE: a rule must be a map, found the text `just text` (write `key: value` lines below it, or all in `{}`)\n\
         18:1 POLICY_WRONG_TYPE: a rule must be a map, found nothing (write the entry behind the `-`, or remove the line)\n"
    );
}

#[test]
fn wrong_types_at_the_top_are_told() {
    assert_eq!(
        told("- name: a\n"),
        "1:1 POLICY_WRONG_TYPE: a policy must be a map, found a list \
         (write `key: value` lines without `- ` in front of them, or all in `{}`)\n"
    );
    assert_eq!(
        told("name: a\nrules: x\nparams: [1]\napprovers_min: two\n"),
        "2:8 POLICY_WRONG_TYPE: `rules` must be a list, found the text `x` \
         (write each entry on a line of its own behind `- `, or all in `[]`)\n\
         3:9 POLICY_WRONG_TYPE: `params` must be a map, found a list \
         (write `key: value` lines without `- ` in front of them, or all in `{}`)\n\
         4:16 POLICY_WRONG_TYPE: `approvers_min` must be a whole number from 1 to 10, found the text `two`\n"
    );
    assert_eq!(
        told("name: null\nrules: []\n"),
        "1:7 POLICY_WRONG_TYPE: `name` must be text, found `null`\n"
    );
    assert_eq!(
        told("name:\nrules: []\nparams: {a: '5'}\napprovers_min: 1.5\n"),
        "1:1 POLICY_WRONG_TYPE: `name` must be text, found nothing (write the value behind the `:`)\n\
         3:13 POLICY_WRONG_TYPE: each value in `params` must be a number, found the text `5` (remove the quotes: `5`)\n\
         4:16 POLICY_OUT_OF_RANGE: `approvers_min` must be a whole number from 1 to 10, found the number `1.5`\n"
    );
}

#[test]
fn words_names_times_and_numbers_are_judged_where_they_stand() {
    assert_eq!(
        told(
            "name: My Policy\n\
             rules: [{ id: a, allow: false, mode: dream }, { id: b, allow: x, unless: w, mode: z }]\n\
             params: { A: 1, b: 12345678901234567890123456789 }\n\
             data: [1]\n\
             ttl: -1h\n\
             at: 2026-13-05T10:00:00Z\n\
             answer: []\n\
             size: { max: x }\n"
        ),
        "1:7 POLICY_NAME: `My Policy` cannot be a name (write `my-policy`: names are lower-case letters, digits and `-`)\n\
         2:25 POLICY_UNKNOWN_VALUE: `allow` must be `true` or a condition, found `false` (a rule that never says anything is left out)\n\
         2:38 POLICY_NOT_AVAILABLE: this version does not have `dream` (sleep on it)\n\
         2:66 POLICY_MISSING_KEY: `unless` means something only beside `deny`\n\
         2:83 POLICY_UNKNOWN_VALUE: `mode` must be `enforce` or `observe`, found `z` (say what to do)\n\
         3:11 POLICY_NAME: `A` cannot be a name (write `a`: names are lower-case letters, digits and `-`)\n\
         3:20 POLICY_NUMBER: `12345678901234567890123456789` cannot be kept exactly: more than 28 significant digits or 28 decimals (numbers are never rounded; put it in quotes if it is an identifier)\n\
         4:7 POLICY_WRONG_TYPE: `data` must be a map, found a list (write `key: value` lines without `- ` in front of them, or all in `{}`)\n\
         5:6 POLICY_TIME: `-1h` is not longer than nothing (write for example `15m`, `4h` or `1d`)\n\
         6:5 POLICY_TIME: `2026-13-05T10:00:00Z` is no time: no such date, time of day or offset (write for example `2026-01-05T10:00:00Z`, or `+01:00` instead of the `Z`)\n\
         7:9 POLICY_OUT_OF_RANGE: the list is empty: the first entry of `answer` must be `enforce` or `observe`\n\
         8:14 POLICY_WRONG_TYPE: `max` must be a number, found the text `x`\n"
    );
}

#[test]
fn what_was_refused_before_is_not_told_again() {
    assert_eq!(
        told("name: yes\nrules:\n- id: a\n  allow: \"x\" in y\n- !a\n"),
        "1:7 YAML_AMBIGUOUS: `yes` is a boolean to some versions of YAML and text to others \
         (write `true`, or `\"yes\"` if it is text)\n\
         4:14 YAML_TRAILING_TEXT: text follows the closing quote, where YAML ends the value \
         (put the whole value in single quotes: `'\"x\" in y'`)\n\
         5:3 YAML_TAG: YAML takes `!a` for a tag, not for text \
         (remove it: values have the type that they are written in; if it is text, put it in quotes)\n"
    );
}

#[test]
fn a_misspelt_key_is_not_missed_as_well() {
    assert_eq!(
        told("nmae: a\nrules: [{ id: a, dney: x, unless: w }]\n"),
        "1:1 POLICY_UNKNOWN_KEY: unknown key `nmae` in a policy (did you mean `name`?)\n\
         2:18 POLICY_UNKNOWN_KEY: unknown key `dney` in a rule (did you mean `deny`?)\n"
    );
}
