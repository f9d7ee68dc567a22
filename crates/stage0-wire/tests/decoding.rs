//! The decoder at work on a small format, and the words it finds for what does not fit.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::fmt::Write as _;

use stage0_engine::span::Spanned;
use stage0_wire::decode::Decoder;
use stage0_wire::problem::{Problem, Problems};
use stage0_wire::sources::Sources;
use stage0_wire::tree::{Node, NodeValue, Tree};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Enforce,
    Observe,
}

const MODES: &[(&str, Mode)] = &[("enforce", Mode::Enforce), ("observe", Mode::Observe)];

#[derive(Debug, PartialEq, Eq)]
enum Effect {
    Always(bool),
    When(String),
}

#[derive(Debug, PartialEq, Eq)]
struct Rule {
    id: String,
    tools: Vec<String>,
    kind: &'static str,
    effect: Effect,
    mode: Mode,
    locked: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Policy {
    name: String,
    rules: Vec<Rule>,
    params: Vec<(String, String)>,
    approvers_min: u64,
}

fn policy(decoder: &mut Decoder<'_>, node: &Node) -> Option<Policy> {
    let fields = decoder.map(
        node,
        "a policy",
        &["name", "rules", "params", "approvers_min"],
    )?;
    let name = decoder.required(&fields, "name", Decoder::string);
    let rules = decoder.required(&fields, "rules", |decoder, node| decoder.list(node, rule));
    let params = decoder.optional(&fields, "params", |decoder, node| {
        decoder.entries(node, "the parameters", |decoder, key, node| {
            Some((key.value.clone(), decoder.number(node)?.value.to_owned()))
        })
    });
    let approvers_min = decoder.optional(&fields, "approvers_min", |decoder, node| {
        decoder.integer(node, 1..=10)
    });
    Some(Policy {
        name: name?.value,
        rules: rules?,
        params: params.unwrap_or_default(),
        approvers_min: approvers_min.map_or(1, |count| count.value),
    })
}

fn rule(decoder: &mut Decoder<'_>, node: &Node) -> Option<Rule> {
    const KEYS: &[&str] = &[
        "id",
        "tools",
        "allow",
        "deny",
        "mode",
        "locked",
        "description",
    ];
    let fields = decoder.map(node, "a rule", KEYS)?;
    let id = decoder.required(&fields, "id", Decoder::string);
    let tools = decoder.optional(&fields, "tools", Decoder::string_or_strings);
    let mode = decoder.optional(&fields, "mode", |decoder, node| decoder.choice(node, MODES));
    let locked = decoder.optional(&fields, "locked", Decoder::bool);
    decoder.optional(&fields, "description", Decoder::string);
    let effect = decoder
        .exactly_one(&fields, &["allow", "deny"])
        .and_then(|(key, _)| Some((key, decoder.optional(&fields, key, effect)?)));
    let (kind, effect) = effect?;
    Some(Rule {
        id: id?.value,
        tools: tools
            .unwrap_or_default()
            .into_iter()
            .map(|tool| tool.value)
            .collect(),
        kind,
        effect,
        mode: mode.map_or(Mode::Enforce, |mode| mode.value),
        locked: locked.is_some_and(|locked| locked.value),
    })
}

fn effect(decoder: &mut Decoder<'_>, node: &Node) -> Option<Effect> {
    match &node.value {
        NodeValue::Bool(always) => Some(Effect::Always(*always)),
        NodeValue::String(text) => Some(Effect::When(text.value.clone())),
        _ => decoder.mismatch(node, "a condition, or `true`"),
    }
}

fn decode(text: &str) -> (Option<Policy>, Vec<Problem>) {
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", text).unwrap();
    let mut decoder = Decoder::new(&sources, Problems::new());
    let tree = Tree::parse(&sources, file, decoder.problems());
    let policy = tree.and_then(|tree| policy(&mut decoder, &tree.root));
    (policy, decoder.finish().finish())
}

/// The problems of a text, one a line: place, code, message and help.
fn told(text: &str) -> String {
    let mut out = String::new();
    for problem in decode(text).1 {
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
fn what_fits_is_decoded() {
    let (policy, problems) = decode(
        "name: payments\n\
         params: { approval_over: 500, rate: 0.10 }\n\
         approvers_min: 2\n\
         rules:\n\
         - { id: a, allow: true, tools: [x.*, w] }\n\
         - { id: b, deny: args.x > 1, tools: z, mode: observe, locked: true }\n",
    );
    assert_eq!(problems, []);
    assert_eq!(
        policy.unwrap(),
        Policy {
            name: "payments".into(),
            params: vec![
                ("approval_over".into(), "500".into()),
                ("rate".into(), "0.10".into())
            ],
            approvers_min: 2,
            rules: vec![
                Rule {
                    id: "a".into(),
                    tools: vec!["x.*".into(), "w".into()],
                    kind: "allow",
                    effect: Effect::Always(true),
                    mode: Mode::Enforce,
                    locked: false,
                },
                Rule {
                    id: "b".into(),
                    tools: vec!["z".into()],
                    kind: "deny",
                    effect: Effect::When("args.x > 1".into()),
                    mode: Mode::Observe,
                    locked: true,
                },
            ],
        }
    );
}

#[test]
fn everything_that_does_not_fit_is_told_at_once() {
    assert_eq!(
        told(
            "name: 1.10\n\
             parms: {}\n\
             approvers_min: 11\n\
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
         6:3 POLICY_UNKNOWN_KEY: unknown key `alow` in a rule (did you mean `allow`?)\n\
         7:3 POLICY_MISSING_KEY: a rule needs `id`\n\
         7:10 POLICY_WRONG_TYPE: `allow` must be a condition, or `true`, found the number `5`\n\
         8:14 POLICY_WRONG_TYPE: each entry of `tools` must be text, found the number `1` (put it in quotes: `\"1\"`)\n\
         8:17 POLICY_WRONG_TYPE: each entry of `tools` must be text, found a map (put text that begins with `[` or `{`, or contains `: `, in single quotes)\n\
         9:7 POLICY_WRONG_TYPE: `id` must be text, found a list (put text that begins with `[` or `{`, or contains `: `, in single quotes)\n\
         11:3 POLICY_CONFLICTING_KEYS: `allow` and `deny` in one: a rule takes one of them (keep one of `allow` or `deny`)\n\
         12:3 POLICY_MISSING_KEY: a rule needs one of `allow` or `deny`\n\
         13:9 POLICY_UNKNOWN_VALUE: `mode` must be `enforce` or `observe`, found `observ` (did you mean `observe`?)\n\
         14:11 POLICY_WRONG_TYPE: `locked` must be `true` or `false`, found the text `true` (remove the quotes: `true`)\n\
         15:3 POLICY_UNKNOWN_KEY: unknown key `surprise` in a rule (the keys of a rule are `id`, `tools`, `allow`, `deny`, `mode`, `locked` and `description`)\n\
         16:3 POLICY_WRONG_TYPE: a rule must be a map, found the text `just text`\n\
         17:1 POLICY_WRONG_TYPE: a rule must be a map, found nothing (write the entry behind the `-`, or remove the line)\n"
    );
}

#[test]
fn wrong_types_at_the_top_are_told() {
    assert_eq!(
        told("- name: a\n"),
        "1:1 POLICY_WRONG_TYPE: a policy must be a map, found a list\n"
    );
    assert_eq!(
        told("name: a\nrules: x\nparams: [1]\napprovers_min: two\n"),
        "2:8 POLICY_WRONG_TYPE: `rules` must be a list, found the text `x` \
         (write each entry on a line of its own behind `- `, or all in `[]`)\n\
         3:9 POLICY_WRONG_TYPE: `params` must be a map, found a list\n\
         4:16 POLICY_WRONG_TYPE: `approvers_min` must be a whole number from 1 to 10, found the text `two`\n"
    );
    assert_eq!(
        told("name: null\nrules: []\n"),
        "1:7 POLICY_WRONG_TYPE: `name` must be text, found `null`\n"
    );
    assert_eq!(
        told("name:\nrules: []\nparams: {a: '5'}\napprovers_min: 1.5\n"),
        "1:1 POLICY_WRONG_TYPE: `name` must be text, found nothing (write the value behind the `:`)\n\
         3:13 POLICY_WRONG_TYPE: each value in the parameters must be a number, found the text `5` (remove the quotes: `5`)\n\
         4:16 POLICY_OUT_OF_RANGE: `approvers_min` must be a whole number from 1 to 10, found the number `1.5`\n"
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
fn what_fits_is_kept_beside_what_does_not() {
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", "[a, 1, b]").unwrap();
    let mut decoder = Decoder::new(&sources, Problems::new());
    let tree = Tree::parse(&sources, file, decoder.problems()).unwrap();
    let texts: Option<Vec<Spanned<String>>> = decoder.strings(&tree.root);
    let texts: Vec<String> = texts.unwrap().into_iter().map(|text| text.value).collect();
    assert_eq!(texts, ["a", "b"]);
    assert!(decoder.finish().has_errors());
}
