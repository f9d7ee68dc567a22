//! What is read from files that are as they should be: the same tree from YAML and JSON, and the
//! place of everything in it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by panicking"
)]

use stage0_wire::problem::{Paint, Part, Problem, Problems};
use stage0_wire::sources::Sources;
use stage0_wire::tree::{Node, NodeValue, Text, Tree};

struct Read {
    sources: Sources,
    root: Node,
}

fn read(name: &str, text: &str) -> Read {
    let mut sources = Sources::new();
    let file = sources.add(name, text).unwrap();
    let mut problems = Problems::new();
    let tree = Tree::parse(&sources, file, &mut problems);
    let told: Vec<String> = problems.finish().iter().map(Problem::render).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    Read {
        root: tree.unwrap().root,
        sources,
    }
}

fn canonical(name: &str, text: &str) -> String {
    let root = read(name, text).root;
    Tree { root }.to_canonical_json()
}

impl Read {
    fn at(&self, key: &str) -> &Node {
        let NodeValue::Map(entries) = &self.root.value else {
            panic!("a map");
        };
        &entries
            .iter()
            .find(|(name, _)| name.value == key)
            .unwrap()
            .1
    }

    fn text(&self, key: &str) -> &Text {
        match &self.at(key).value {
            NodeValue::String(text) => text,
            other => panic!("{other:?}"),
        }
    }

    /// What stands in the file where `part` of a text comes from.
    fn written(&self, key: &str, part: &str) -> &str {
        let text = self.text(key);
        let start = text.value.find(part).unwrap();
        self.sources
            .slice(text.span_of(start..start.saturating_add(part.len())))
    }
}

const POLICY_YAML: &str = r#"# who may pay
stage0: v1
name: payments
version: 2.1.0
default: deny   # deny | defer | allow
tools:
  payments.payout:
    aka: [payout, mcp__bank__payout]
    args: { amount: { type: number, min: 0.01 }, currency: { enum: [USD, EUR] }, to: { type: string } }
  search.query: { effects: [] }
let: { finance: 'context.actor_role in ["finance_ops", "risk_ops"]' }
rules:
- id: finance-roles-only
  tools: [payments.*]
  require: let.finance
- id: large-payout
  when: args.amount > params.approval_over
  approval: {roles: [finance_lead], min: 1, ttl: 4h}
  ask: ["Who approved this payout?", 'Isn''t it late?']
  detail: |
    two lines,
      kept
  message: >-
    folded
    into one
- { id: searching-is-fine, tools: [search.query], allow: true }
none:
tests:
  - now: 2026-01-05T10:00:00Z
    max: -1.50e+3
"#;

const POLICY_JSON: &str = r#"{
  "none": null,
  "version": "2.1.0", "stage0": "v1", "name": "payments", "default": "deny",
  "tools": {
    "payments.payout": {
      "aka": ["payout", "mcp__bank__payout"],
      "args": { "amount": {"type": "number", "min": 0.01}, "currency": {"enum": ["USD", "EUR"]},
                "to": {"type": "string"} }
    },
    "search.query": { "effects": [] }
  },
  "let": { "finance": "context.actor_role in [\"finance_ops\", \"risk\u005fops\"]" },
  "rules": [
    { "id": "finance-roles-only", "tools": ["payments.*"], "require": "let.finance" },
    { "id": "large-payout", "when": "args.amount > params.approval_over",
      "approval": {"roles": ["finance_lead"], "min": 1, "ttl": "4h"},
      "ask": ["Who approved this payout?", "Isn't it late?"],
      "detail": "two lines,\n  kept\n", "message": "folded into one" },
    { "id": "searching-is-fine", "tools": ["search.query"], "allow": true }
  ],
  "tests": [ { "now": "2026-01-05T10:00:00Z", "max": -1.50e+3 } ]
}"#;

#[test]
fn yaml_and_json_of_one_policy_are_the_same_tree() {
    let canonical_yaml = canonical("a.yaml", POLICY_YAML);
    assert_eq!(canonical_yaml, canonical("a.json", POLICY_JSON));
    assert_eq!(canonical_yaml, canonical("a.yaml", POLICY_JSON));
    assert_eq!(canonical_yaml, canonical("policy", POLICY_JSON));
    assert_eq!(canonical_yaml, canonical("a.json", &canonical_yaml));
    assert_eq!(canonical_yaml, canonical("a.yaml", &canonical_yaml));
    let windows = POLICY_YAML.replace('\n', "\r\n");
    assert_eq!(canonical_yaml, canonical("a.yaml", &windows));
    assert_eq!(canonical_yaml, canonical("a.yaml", POLICY_YAML.trim_end()));
    assert!(canonical_yaml.starts_with(r#"{"default":"deny","let":{"finance":"#));
}

#[test]
fn a_last_line_without_its_end_is_a_line() {
    assert_eq!(canonical("a.yaml", "a: |\n  b"), r#"{"a":"b\n"}"#);
    assert_eq!(canonical("a.yaml", "a: |\n  b\n"), r#"{"a":"b\n"}"#);
    assert_eq!(canonical("a.yaml", "a: |\n  b\n  "), r#"{"a":"b\n"}"#);
}

#[test]
fn keys_sort_by_code_point() {
    assert_eq!(
        canonical(
            "a.yaml",
            "b: 1\na: 2\nA: 3\n\u{ff5e}: 4\n\u{1f600}: 5\nab: 6\n"
        ),
        "{\"A\":3,\"a\":2,\"ab\":6,\"b\":1,\"\u{ff5e}\":4,\"\u{1f600}\":5}"
    );
}

#[test]
fn every_value_knows_its_place() {
    let text = "é: 漢\nlist:\n- 1\n-  [ 2, 'x' ]   # c\n- \"q\\\"\"  # c\nmap: {a: 1}\nblock:\n  k: v\n\n# c\nempty:\n";
    let read = read("a.yaml", text);
    let slice = |node: &Node| read.sources.slice(node.span).to_owned();
    assert_eq!(slice(read.at("é")), "漢");
    assert_eq!(
        slice(read.at("list")),
        "- 1\n-  [ 2, 'x' ]   # c\n- \"q\\\"\""
    );
    let NodeValue::List(items) = &read.at("list").value else {
        panic!("a list");
    };
    let items: Vec<String> = items.iter().map(slice).collect();
    assert_eq!(items, ["1", "[ 2, 'x' ]", "\"q\\\"\""]);
    assert_eq!(slice(read.at("map")), "{a: 1}");
    assert_eq!(slice(read.at("block")), "k: v");
    assert_eq!(slice(read.at("empty")), "empty");
    assert_eq!(slice(&read.root), text.strip_suffix(":\n").unwrap());
}

#[test]
fn every_part_of_a_text_knows_its_place() {
    let text = r#"
plain: args.x > 1
single: 'args.x == ''y'' && z'
double: "a == \"b\" \u00e9 && \x41 \U0001F600 tail"
folded_plain: args.x > 1 &&
  args.y   <
     args.z
literal: |

    first &&

      second
    third
folded: >-
  one
  two

  three
    four
  five
quoted_lines: "one
  two\
    three

  four"
crlf: ok
"#;
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        let read = read("a.yaml", &text);
        assert!(read.text("plain").is_verbatim());
        assert!(!read.text("single").is_verbatim());
        for (key, parts) in [
            ("plain", ["args.x > 1", "x", "1"].as_slice()),
            ("single", &["args.x", "y", "&& z"]),
            ("double", &["a ==", "b", "&&", "tail"]),
            ("folded_plain", &["args.x > 1 &&", "args.y   <", "args.z"]),
            ("literal", &["first &&", "second", "third"]),
            ("folded", &["one", "two", "three", "four", "five"]),
            ("quoted_lines", &["one", "two", "three", "four"]),
        ] {
            for part in parts {
                assert_eq!(read.written(key, part), *part, "{key}");
            }
        }
        assert_eq!(read.written("single", "'y'"), "''y''");
        assert_eq!(read.written("double", "\"b\""), "\\\"b\\\"");
        assert_eq!(read.written("double", "é"), "\\u00e9");
        assert_eq!(read.written("double", "A 😀"), "\\x41 \\U0001F600");
        let lines = read.written("folded_plain", "&& args.y").replace('\r', "");
        assert_eq!(lines, "&&\n  args.y");
    }
    let json = read(
        "a.json",
        r#"{"a": "x \"y\" \ud83d\ude00 é z", "b": "plain"}"#,
    );
    assert!(json.text("b").is_verbatim());
    assert_eq!(json.written("a", "\"y\""), "\\\"y\\\"");
    assert_eq!(json.written("a", "😀"), "\\ud83d\\ude00");
    assert_eq!(json.written("a", "é z"), "é z");
}

#[test]
fn places_outside_a_text_are_its_ends() {
    let read = read("a.yaml", "a: abc\nb: 'x''y'\nc: ''\n");
    for key in ["a", "b", "c"] {
        let text = read.text(key);
        let all = text.span();
        assert_eq!(text.span_of(0..text.value.len()), all, "{key}");
        for (start, end) in [(0, 0), (0, 99), (99, 100), (2, 1), (3, 3)] {
            let place = text.span_of(start..end);
            assert!(all.start <= place.start && place.start <= place.end && place.end <= all.end);
        }
    }
}

#[test]
fn what_json_has_and_yaml_has_not_is_read() {
    assert_eq!(
        canonical("a.json", "{\t\"a\\/b\":\t\"\\ud83d\\ude00\\u0000\\b\" }"),
        "{\"a/b\":\"😀\\u0000\\b\"}"
    );
    // The same in a file whose name does not tell.
    assert_eq!(
        canonical("policy.yaml", "{\t\"a\\/b\":\t\"\\ud83d\\ude00\" }"),
        "{\"a/b\":\"😀\"}"
    );
}

#[test]
fn yaml_that_begins_with_a_bracket_is_read() {
    assert_eq!(
        canonical("a.yaml", "{a: 1, b: [c]}"),
        r#"{"a":1,"b":["c"]}"#
    );
    assert_eq!(canonical("a.yaml", "[a, 'b']"), r#"["a","b"]"#);
    assert_eq!(canonical("a.yaml", "---\na: 1\n...\n"), r#"{"a":1}"#);
}

#[test]
fn a_terminal_can_colour_every_part() {
    struct Angles;
    impl Paint for Angles {
        fn paint(&self, part: Part, text: &str, out: &mut String) {
            out.push_str(match part {
                Part::Error => "<e:",
                Part::Warning => "<w:",
                Part::Message => "<m:",
                Part::Gutter => "<g:",
                Part::Related => "<r:",
                Part::Help => "<h:",
            });
            out.push_str(text);
            out.push('>');
        }
    }
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", "a: 1\na: 2\nb: c #d\n").unwrap();
    let mut problems = Problems::new();
    Tree::parse(&sources, file, &mut problems);
    let problems = problems.finish();
    let painted: Vec<String> = problems
        .iter()
        .map(|problem| problem.render_with(&Angles))
        .collect();
    assert_eq!(
        painted,
        [
            "<e:error[POLICY_DUPLICATE_KEY]><m:: the key `a` is there twice>\n\
             <g: --> >a.yaml:2:1\n\
             <g:  |>\n\
             <g:2 |> a: 2\n\
             <g:  |> <e:^>\n\
             <g: ::: >a.yaml:1:1\n\
             <g:  |>\n\
             <g:1 |> a: 1\n\
             <g:  |> <r:-> <r:first written here>\n\
             <g:  = ><h:help>: keep one of the two: which one counts would be a guess\n",
            "<w:warning[YAML_COMMENT]><m:: a `#` behind a space begins a comment: this is not part of the value>\n\
             <g: --> >a.yaml:3:6\n\
             <g:  |>\n\
             <g:3 |> b: c #d\n\
             <g:  |> <w:     ^^>\n\
             <g:  = ><h:help>: if it should be, put the whole value in quotes; if not, write a space behind the `#`\n",
        ]
    );
}
