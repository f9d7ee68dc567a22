//! Policies as text become the engine's types, whatever they are written in, and are named by what
//! they say.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by panicking"
)]

use std::fs;
use std::path::Path;

use stage0_engine::document::ValueRef;
use stage0_engine::number::Number;
use stage0_engine::policy::schema::SchemaType;
use stage0_engine::policy::{
    Action, EvidenceSource, FactOrigin, Mode, PolicySource, Risk, Severity, UnknownTools, Verdict,
};
use stage0_engine::time::Duration;
use stage0_wire::imports::NoImports;
use stage0_wire::load::{Loaded, load};

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/policies");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn loaded(name: &str, text: &str) -> Loaded {
    match load(name, text, &NoImports) {
        Ok(loaded) => loaded,
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}\n{text}", problems.join("\n"));
        }
    }
}

fn source(text: &str) -> PolicySource {
    let text = format!("stage0: v1\nname: a\nversion: 1.0.0\n{text}");
    loaded("a.yaml", &text).set.sources.remove(0)
}

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

#[test]
fn the_example_is_in_order_and_says_what_it_says() {
    let loaded = loaded("payments.yaml", &example("payments.yaml"));
    assert!(loaded.warnings.is_empty());
    let checked = loaded.compile().unwrap();
    assert_eq!(checked.warnings, []);

    let policy = &loaded.set.sources[0];
    assert_eq!(policy.name.value, "payments");
    assert_eq!(policy.version.value, "2.1.0");
    assert_eq!(policy.description.as_deref(), Some("Who may pay what."));
    assert_eq!(policy.default.unwrap().value, Verdict::Deny);
    let rules: Vec<&str> = policy
        .rules
        .iter()
        .map(|rule| rule.id.value.as_str())
        .collect();
    assert_eq!(
        rules,
        [
            "finance-roles-only",
            "large-payout",
            "payouts",
            "searching-is-fine"
        ]
    );
    assert_eq!(
        policy.lets[0].1.text,
        r#"context.actor_role in ["finance_ops", "risk_ops"]"#
    );

    let tool = &policy.tools[0];
    assert_eq!(tool.name.value, "payments.payout");
    assert_eq!(tool.aka[1].value, "mcp__bank__payout");
    assert_eq!(tool.cost_usd, Some((number("0.01"), number("0.03"))));
    let args = policy.schemas.node(tool.args.unwrap()).unwrap();
    assert_eq!((args.kind, args.extra), (SchemaType::Object, false));
    let argument = |name: &str| {
        let mut properties = args.properties.iter();
        let (_, index) = properties.find(|(known, _)| known.value == name).unwrap();
        policy.schemas.node(*index).unwrap()
    };
    assert_eq!(argument("amount").min, Some(number("0.01")));
    let currencies = argument("currency").values.as_ref().unwrap();
    let currencies: Vec<_> = currencies
        .root()
        .elements()
        .filter_map(ValueRef::as_str)
        .collect();
    assert_eq!(currencies, ["USD", "EUR"]);
    assert_eq!(argument("to").kind, SchemaType::String);

    let Action::Require {
        otherwise,
        missing_otherwise,
        ..
    } = &policy.rules[0].action
    else {
        panic!("{:?}", policy.rules[0]);
    };
    assert_eq!((*otherwise, *missing_otherwise), (Verdict::Deny, false));
    let Action::Approval(approval) = &policy.rules[1].action else {
        panic!("{:?}", policy.rules[1]);
    };
    assert_eq!(approval.ttl, Duration::parse("4h").ok());
    assert_eq!((approval.min, approval.evidence), (1, EvidenceSource::Host));
    assert_eq!(approval.not[0].value, "context.actor_id");
    assert_eq!(approval.bind.len(), 3);
    assert_eq!(policy.rules[1].ask.len(), 2);
}

#[test]
fn everything_that_a_policy_can_say_arrives() {
    let policy = source(
        r#"
default: defer
mode: read_only
unknown_tools: declared
timezone: Europe/Berlin
tools:
  a.b:
    effects: data_read
    cost_usd: 0.5
    extra_args: allow
    args:
      any: {}
      flag: boolean
      count: { type: integer, min: 1, max: 5, optional: true, nullable: true }
      text: { type: string, length: 3, pattern: "^[a-z]+$" }
      list: { type: array, length: { max: 4 }, items: { type: list, items: number } }
      open: object
      closed: { type: object, properties: { x: string } }
      wide: { type: object, properties: { x: string }, extra: allow }
params:
  over: { type: number, default: 1.50 }
  names: { type: list, items: string, default: [a, b] }
let:
  one: args.count == 1
rules:
  - { id: a, allow: true }
  - { id: b, when: let.one, deny: args.count > params.over, severity: CRITICAL, issue: TOO_MANY, issue_unknown: HOW_MANY }
  - { id: c, defer: let.one, message: m, detail: d, family: f, ask: q?, mode: observe, locked: true }
  - { id: d, advise: let.one, effects: leak, tools: [a.*, "b.**"] }
  - { id: e, require: let.one, otherwise: defer, missing: otherwise }
  - { id: f, approval: { evidence: asserted } }
effects:
  leak: { aliases: [spill] }
  peek: { writes: false }
facts:
  context.ticket_id: { type: string, from: agent, private: true, ask: Which ticket? }
  context.tier: number
  context.note: { private: true }
data:
  rates: { EUR: 1.0, nothing: null, list: [1, [2, 3]] }
risk:
  base: 1
  effects: { leak: 2 }
  environments: { production: 3 }
  severity: { HIGH: 4 }
  high: 5
"#,
    );
    assert_eq!(policy.default.unwrap().value, Verdict::Defer);
    assert_eq!(policy.mode.unwrap().value, Mode::ReadOnly);
    assert_eq!(policy.unknown_tools.unwrap().value, UnknownTools::Declared);
    assert_eq!(policy.timezone.unwrap().value, "Europe/Berlin");

    let tool = &policy.tools[0];
    assert_eq!(tool.effects[0].value, "data_read");
    assert_eq!(tool.cost_usd, Some((number("0.5"), number("0.5"))));
    let node = |index: u32| policy.schemas.node(index).unwrap();
    let args = node(tool.args.unwrap());
    assert!(args.extra);
    let kinds: Vec<_> = args
        .properties
        .iter()
        .map(|(_, index)| node(*index).kind)
        .collect();
    assert_eq!(
        kinds,
        [
            SchemaType::Any,
            SchemaType::Bool,
            SchemaType::Integer,
            SchemaType::String,
            SchemaType::List,
            SchemaType::Object,
            SchemaType::Object,
            SchemaType::Object,
        ]
    );
    let at = |position: usize| node(args.properties[position].1);
    assert_eq!(
        (at(2).min, at(2).max),
        (Some(number("1")), Some(number("5")))
    );
    assert!(at(2).optional && at(2).nullable && !at(3).optional);
    assert_eq!((at(3).length_min, at(3).length_max), (Some(3), Some(3)));
    assert_eq!((at(4).length_min, at(4).length_max), (None, Some(4)));
    assert_eq!(
        node(node(at(4).items.unwrap()).items.unwrap()).kind,
        SchemaType::Number
    );
    assert_eq!([at(5).extra, at(6).extra, at(7).extra], [true, false, true]);
    for (index, parent) in policy.schemas.nodes.iter().enumerate() {
        let children = parent.properties.iter().map(|(_, child)| *child);
        assert!(
            children
                .chain(parent.items)
                .all(|child| child as usize > index)
        );
    }

    assert_eq!(
        policy.params[0].value.root().as_number(),
        Some(number("1.5"))
    );
    assert!(policy.params[0].schema.is_some());
    assert_eq!(policy.params[1].value.root().len(), 2);

    let rules = &policy.rules;
    assert_eq!(rules[1].severity.unwrap().value, Severity::Critical);
    assert_eq!(rules[1].issue.as_ref().unwrap().value, "TOO_MANY");
    assert_eq!(rules[1].issue_unknown.as_ref().unwrap().value, "HOW_MANY");
    assert_eq!(rules[1].when.as_ref().unwrap().text, "let.one");
    assert!(rules[2].observe && rules[2].locked && !rules[1].observe && !rules[1].locked);
    assert_eq!(rules[2].ask, ["q?"]);
    assert_eq!(rules[2].detail.as_deref(), Some("d"));
    assert_eq!(rules[3].tools[1].value, "b.**");
    let actions: Vec<&str> = rules
        .iter()
        .map(|rule| match &rule.action {
            Action::Allow(_) => "allow",
            Action::Deny(_) => "deny",
            Action::Defer(_) => "defer",
            Action::Advise(_) => "advise",
            Action::Require {
                otherwise: Verdict::Defer,
                missing_otherwise: true,
                ..
            } => "require",
            Action::Require { .. } => "another require",
            Action::Approval(_) => "approval",
            Action::Limit(_) => "limit",
        })
        .collect();
    assert_eq!(
        actions,
        ["allow", "deny", "defer", "advise", "require", "approval"]
    );

    assert_eq!(policy.effects[0].aliases[0].value, "spill");
    assert!(policy.effects[0].writes && !policy.effects[1].writes);
    let facts = &policy.facts;
    assert_eq!(facts[0].path.value, "context.ticket_id");
    assert_eq!(
        (facts[0].origin, facts[1].origin),
        (FactOrigin::Agent, FactOrigin::Host)
    );
    assert_eq!(facts[0].ask.as_deref(), Some("Which ticket?"));
    assert!(facts[0].schema.is_some() && facts[1].schema.is_some() && facts[2].schema.is_none());
    assert!(facts[0].private && !facts[1].private && facts[2].private);

    let data = policy.data.unwrap();
    let rates = data.root().get("rates").unwrap();
    assert!(rates.get("nothing").unwrap().is_null());
    assert_eq!(rates.get("list").unwrap().element(1).unwrap().len(), 2);

    let risk = policy.risk.unwrap();
    let usual = Risk::default();
    assert_eq!((risk.base, risk.missing, risk.high), (1, usual.missing, 5));
    assert_eq!(
        (risk.effects[0].0.value.as_str(), risk.effects[0].1),
        ("leak", 2)
    );
    assert_eq!(risk.environments, [("production".to_owned(), 3)]);
    assert_eq!(
        risk.severity,
        [usual.severity[0], usual.severity[1], 4, usual.severity[3]]
    );
}

#[test]
fn params_without_a_type_are_set_and_not_defined() {
    let policy =
        source("params: { a: 5, b: [1], c: { default: { x: 1 } }, d: { type: any, default: 1 } }");
    let defined: Vec<bool> = policy
        .params
        .iter()
        .map(|param| param.schema.is_some())
        .collect();
    assert_eq!(defined, [false, false, false, true]);
    assert_eq!(
        policy.params[2].value.root().get("x").unwrap().as_number(),
        Some(number("1"))
    );
}

#[test]
fn a_finding_inside_a_block_text_points_at_its_line() {
    for condition in [
        "|\n      true &&\n      nothing > 5",
        ">-\n      true\n\n      && nothing > 5",
        "\"size(\\\"x\\\") == 1 && nothing > 5\"",
        "'size(\"it''s\") == 4 && nothing > 5'",
        "true && nothing > 5",
    ] {
        let text = format!(
            "stage0: v1\nname: a\nversion: 1.0.0\nrules:\n  - id: a\n    deny: {condition}\n"
        );
        let problems = loaded("a.yaml", &text).compile().unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|problem| &problem.locations()[0])
            .map(|place| (place.line, place.column, place.end_column))
            .collect();
        let lines = text.lines().zip(1..);
        let expected = lines
            .filter_map(|(line, number)| Some((number, line.find("nothing")? + 1)))
            .map(|(line, column)| (line, u32::try_from(column).unwrap()))
            .map(|(line, column)| (line, column, column + 7));
        assert_eq!(places, expected.collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn yaml_and_json_have_the_same_digest() {
    let yaml = loaded("payments.yaml", &example("payments.yaml"));
    let json = loaded("other/name.json", &example("payments.json"));
    assert_eq!(yaml.set.digest, json.set.digest);
    assert!(json.compile().is_ok());
}

#[test]
fn the_digest_covers_what_decides_and_nothing_else() {
    let digest = |text: &str| {
        let text = format!("stage0: v1\nname: a\nversion: 1.0.0\n{text}");
        loaded("a.yaml", &text).set.digest
    };
    let base = digest("default: deny\nrules: [{ id: a, deny: args.x > 5 }]\n");
    for same in [
        "rules:\n  - deny: 'args.x > 5'\n    \"id\": \"a\"\ndefault: deny # for safety\n",
        "description: b\n$schema: c\ndefault: deny\nrules: [{ id: a, deny: args.x > 5 }]\n",
        "default: deny\nrules: [{ id: a, deny: args.x > 5 }]\ntests: [{ name: a, call: { name: b }, expect: DENY }]\n",
    ] {
        assert_eq!(digest(same), base, "{same}");
    }
    for other in [
        "rules: [{ id: a, deny: args.x > 5 }]\n",
        "default: deny\nrules: [{ id: b, deny: args.x > 5 }]\n",
        "default: deny\nrules: [{ id: a, deny: args.x > 6 }]\n",
        "default: deny\nrules: [{ id: a, deny: args.x > 5, message: nope }]\n",
        "default: deny\nparams: { x: { type: number, default: 1 } }\nrules: [{ id: a, deny: args.x > 5 }]\n",
        "default: deny\nextends: stage0/common-tools\nrules: [{ id: a, deny: args.x > 5 }]\n",
    ] {
        assert_ne!(digest(other), base, "{other}");
    }
    let named = |name: &str, version: &str| {
        let text = format!("stage0: v1\nname: {name}\nversion: {version}\n");
        loaded("a.yaml", &text).set.digest
    };
    assert_ne!(named("a", "1.0.0"), named("b", "1.0.0"));
    assert_ne!(named("a", "1.0.0"), named("a", "1.0.1"));
    let amount = |number: &str| digest(&format!("data: {{ x: {number} }}"));
    assert_eq!(amount("500"), amount("5.00e2"));
    assert_ne!(amount("500"), amount("'500'"));
}

/// Whatever happens to a policy's text: it is refused with a reason, or it is read.
#[test]
fn damaged_policies_are_refused_with_a_reason_or_read() {
    let whole = example("payments.yaml");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let without = |left_out: usize| {
        let rest = lines.iter().enumerate().filter(|(at, _)| *at != left_out);
        rest.map(|(_, line)| *line).collect::<String>()
    };
    let mut damaged: Vec<String> = (0..lines.len()).map(without).collect();
    // Every word in turn is replaced by values of all kinds.
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut rest = whole.as_str();
    while let Some((start, _)) = rest.char_indices().find(|(_, c)| is_word(*c)) {
        let word_and_rest = rest.split_at(start).1;
        let behind = word_and_rest.trim_start_matches(is_word);
        let before = whole.strip_suffix(word_and_rest).unwrap();
        for other in [
            "5", "null", "[]", "{}", "{ a: 1 }", "x", "''", "true", "-1e9",
        ] {
            damaged.push(format!("{before}{other}{behind}"));
        }
        rest = behind;
    }
    assert!(damaged.len() > 1000);
    let mut read = 0;
    for text in damaged {
        match load("payments.yaml", text.as_str(), &NoImports) {
            Ok(loaded) => {
                read += 1;
                if let Err(problems) = loaded.compile() {
                    assert_ne!(problems, [], "{text}");
                }
            }
            Err(problems) => assert_ne!(problems, [], "{text}"),
        }
    }
    assert!(read > 100, "{read}");
}
