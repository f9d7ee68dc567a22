//! The JSON Schema of policies accepts what Stage0 reads and refuses what it can know to be wrong.
//!
//! The validator below knows the keywords that the schema uses and refuses to know others, so it
//! cannot pass by misunderstanding one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};

use stage0_wire::json_schema::{policy_schema, test_file_schema};
use stage0_wire::problem::Problems;
use stage0_wire::sources::Sources;
use stage0_wire::tree::{Node, NodeValue, Tree};

fn read(name: &str, text: &str) -> Option<Node> {
    let mut sources = Sources::new();
    let file = sources.add(name, text).unwrap();
    let mut problems = Problems::new();
    let tree = Tree::parse(&sources, file, &mut problems)?;
    (!problems.has_errors()).then_some(tree.root)
}

fn member<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let (_, value) = members(node).iter().find(|(name, _)| name.value == key)?;
    Some(value)
}

fn members(node: &Node) -> &[(stage0_engine::span::Spanned<String>, Node)] {
    match &node.value {
        NodeValue::Map(entries) => entries,
        _ => &[],
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        NodeValue::List(items) => items,
        _ => &[],
    }
}

fn text(node: &Node) -> &str {
    match &node.value {
        NodeValue::String(text) => &text.value,
        NodeValue::Number(number) => number,
        NodeValue::Bool(true) => "true",
        NodeValue::Bool(false) => "false",
        _ => "",
    }
}

fn number(node: &Node) -> Option<i64> {
    text(node).parse().ok()
}

struct Validator<'s> {
    schema: &'s Node,
}

impl Validator<'_> {
    fn accepts(&self, schema: &Node, value: &Node) -> bool {
        members(schema)
            .iter()
            .all(|(keyword, wanted)| self.holds(&keyword.value, wanted, schema, value))
    }

    fn holds(&self, keyword: &str, wanted: &Node, schema: &Node, value: &Node) -> bool {
        let known = |key: &str| member(schema, "properties").and_then(|known| member(known, key));
        match keyword {
            "$schema" | "$defs" | "title" | "description" | "examples" | "format" => true,
            "$ref" => {
                let name = text(wanted).strip_prefix("#/$defs/").unwrap();
                let definitions = member(self.schema, "$defs").unwrap();
                self.accepts(member(definitions, name).unwrap(), value)
            }
            "type" => match (text(wanted), &value.value) {
                ("object", NodeValue::Map(_))
                | ("array", NodeValue::List(_))
                | ("string", NodeValue::String(_))
                | ("boolean", NodeValue::Bool(_))
                | ("number", NodeValue::Number(_)) => true,
                ("integer", NodeValue::Number(number)) => number.parse::<i64>().is_ok(),
                _ => false,
            },
            "enum" => {
                let is_text = matches!(value.value, NodeValue::String(_));
                is_text && items(wanted).iter().any(|one| text(one) == text(value))
            }
            "const" => matches!(value.value, NodeValue::Bool(_)) && text(wanted) == text(value),
            "minimum" => number(value).is_some_and(|value| value >= number(wanted).unwrap()),
            "maximum" => number(value).is_some_and(|value| value <= number(wanted).unwrap()),
            "pattern" => fits(text(wanted), text(value)),
            "anyOf" => items(wanted).iter().any(|one| self.accepts(one, value)),
            "oneOf" => {
                let fitting = items(wanted).iter().filter(|one| self.accepts(one, value));
                fitting.count() == 1
            }
            "minItems" => items(value).len() >= usize::try_from(number(wanted).unwrap()).unwrap(),
            "prefixItems" => items(wanted)
                .iter()
                .zip(items(value))
                .all(|(schema, item)| self.accepts(schema, item)),
            "items" => {
                let prefix = member(schema, "prefixItems").map_or(0, |prefix| items(prefix).len());
                let mut rest = items(value).iter().skip(prefix);
                rest.all(|item| self.accepts(wanted, item))
            }
            "properties" => members(value).iter().all(|(key, value)| {
                known(&key.value).is_none_or(|schema| self.accepts(schema, value))
            }),
            "additionalProperties" => members(value)
                .iter()
                .filter(|(key, _)| known(&key.value).is_none())
                .all(|(_, value)| match &wanted.value {
                    NodeValue::Bool(allowed) => *allowed,
                    _ => self.accepts(wanted, value),
                }),
            "propertyNames" => {
                let pattern = text(member(wanted, "pattern").unwrap());
                members(value)
                    .iter()
                    .all(|(key, _)| fits(pattern, &key.value))
            }
            "required" => items(wanted)
                .iter()
                .all(|key| member(value, text(key)).is_some()),
            "dependentRequired" => members(wanted).iter().all(|(key, others)| {
                member(value, &key.value).is_none()
                    || items(others)
                        .iter()
                        .all(|other| member(value, text(other)).is_some())
            }),
            other => panic!("unknown keyword {other}"),
        }
    }
}

/// Whether a text fits a pattern of the one form that is used: `^[first][rest]{0,N}$`.
fn fits(pattern: &str, name: &str) -> bool {
    let inner = pattern
        .strip_prefix("^[")
        .and_then(|rest| rest.strip_suffix("}$"));
    let (first, rest) = inner.unwrap().split_once("][").unwrap();
    let (rest, more) = rest.split_once("]{0,").unwrap();
    let within = |set: &str, wanted: char| {
        let set: Vec<char> = set.chars().collect();
        let ranges = set
            .windows(3)
            .any(|window| matches!(window, [from, '-', to] if (*from..=*to).contains(&wanted)));
        let is_listed = match wanted {
            '-' => set.last() == Some(&'-'),
            other => set.contains(&other),
        };
        ranges || is_listed
    };
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|character| within(first, character))
        && characters.all(|character| within(rest, character))
        && name.chars().skip(1).count() <= more.parse::<usize>().unwrap()
}

fn accepts(schema: &str, name: &str, text: &str) -> bool {
    let schema = read("schema.json", schema).unwrap();
    let value = read(name, text).unwrap();
    Validator { schema: &schema }.accepts(&schema, &value)
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// Policies that Stage0 reads, whatever its engine says of them then.
fn readable_policies() -> Vec<PathBuf> {
    let files = |folder: &str| {
        let entries = fs::read_dir(repository(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path())
    };
    let examples = files("tests/policies").chain(files("crates/stage0-wire/packs"));
    let goldens = files("tests/golden/problems").filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let golden = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        let was_read = matches!(golden.lines().last(), Some("loaded" | "not compiled"));
        name.starts_with("02") && path.extension().is_some_and(|kind| kind != "txt") && was_read
    });
    examples.chain(goldens).collect()
}

#[test]
fn what_stage0_reads_is_accepted() {
    let files = readable_policies();
    assert!(files.len() > 8, "{files:?}");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.to_str().unwrap();
        assert!(accepts(&policy_schema(), name, &text), "{name}");
    }
}

#[test]
fn what_stage0_refuses_is_refused() {
    let head = "stage0: v1\nname: a\nversion: 1.0.0\n";
    assert!(accepts(&policy_schema(), "a.yaml", head));
    for wrong in [
        "rule: []",
        "default: DENY",
        "limits: {}",
        "limits: [{ id: a, count: allowed, max: 1 }]",
        "limits: [{ id: a, count: some, window: run, max: 1 }]",
        "labels: [Not-One]",
        "rules: {}",
        "rules: [{ id: a }]",
        "rules: [{ id: A, allow: true }]",
        "rules: [{ id: a, allow: false }]",
        "rules: [{ id: a, allow: true, deny: true }]",
        "rules: [{ id: a, allow: true, otherwise: deny }]",
        "rules: [{ id: a, require: true }]",
        "rules: [{ id: a, approval: { min: 0 } }]",
        "tools: { a: { args: { x: text } } }",
        "tools: { a: { extra_args: allow } }",
        "tools: { a: { args: { x: { items: { type: nothing } } } } }",
        "params: { a-b: 5 }",
        "risk: { base: 101 }",
        "extends: [{ pack: a, file: b }]",
        "tests: [{ name: a, call: { name: b }, expect: [NO_RULE] }]",
        "tests: [{ name: a, call: { name: b }, expect: [] }]",
        "tests: [{ name: a, call: { name: b } }]",
        "tests: [{ name: a, steps: [{ approve: {}, expect: ALLOW }] }]",
    ] {
        let text = format!("{head}{wrong}\n");
        assert!(!accepts(&policy_schema(), "a.yaml", &text), "{wrong}");
    }
    for wrong in ["[]", "{}", "stage0: v1", "a"] {
        assert!(!accepts(&policy_schema(), "a.yaml", wrong), "{wrong}");
    }
}

#[test]
fn test_files_have_a_schema_of_their_own() {
    let case = "{ name: a, call: { name: b }, expect: ALLOW }";
    for good in [
        format!("- {case}\n"),
        format!("policy: ./a.yaml\ntests:\n  - {case}\n"),
    ] {
        assert!(accepts(&test_file_schema(), "a.yaml", &good), "{good}");
    }
    for wrong in ["policy: a\n", "- { name: a }\n", "tests: {}\n"] {
        assert!(!accepts(&test_file_schema(), "a.yaml", wrong), "{wrong}");
    }
}

#[test]
fn every_key_and_definition_is_described() {
    for schema in [policy_schema(), test_file_schema()] {
        let schema = read("schema.json", &schema).unwrap();
        for (name, definition) in members(member(&schema, "$defs").unwrap()) {
            let properties = member(definition, "properties").map_or(&[][..], members);
            for (key, described) in [(name, definition)]
                .into_iter()
                .chain(properties.iter().map(|(key, property)| (key, property)))
            {
                let description = member(described, "description").map_or("", text);
                let is_sentence = description.ends_with('.') && description.len() > 10;
                assert!(
                    is_sentence,
                    "{} of {}: {description}",
                    key.value, name.value
                );
            }
        }
    }
}
