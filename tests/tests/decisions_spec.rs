//! Runs every example of `spec/decisions.md`: the page is normative, so it has to be true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use stage0_engine::PlainProse;
use stage0_engine::decision::{Decision, Issue};
use stage0_engine::host::Host;
use stage0_engine::policy::Severity;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_tests::markdown::{Block, blocks};
use stage0_wire::cases::read_tests;
use stage0_wire::imports::ImportMap;
use stage0_wire::json_schema::policy_schema;
use stage0_wire::problem::{Problem, Problems};
use stage0_wire::sources::Sources;
use stage0_wire::testing::run_case;
use stage0_wire::{Policy, parse_request};

const NOW: &str = "2026-01-05T10:00:00Z";

/// The page as it is read: what the next examples are decided by, and how many there were.
#[derive(Default)]
struct Page {
    files: BTreeMap<String, String>,
    policy: Option<Result<Policy, Vec<Problem>>>,
    request: Option<Block>,
    counted: BTreeMap<&'static str, usize>,
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(Problem::render).collect()
}

impl Page {
    fn read(&mut self, block: Block) {
        let line = block.line;
        let kind = match block.info.split_once(' ') {
            Some(("yaml", "policy")) => {
                let mut files = ImportMap::new();
                for (name, text) in &self.files {
                    files.insert(name, text.as_str());
                }
                self.policy = Some(Policy::load("policy.yaml", block.text, &files));
                "policy"
            }
            Some(("yaml", "cases")) => {
                self.cases(&block);
                "cases"
            }
            Some(("yaml", file)) if file.ends_with(".yaml") => {
                self.files.insert(file.to_owned(), block.text);
                "file"
            }
            Some(("json", "request")) => {
                assert!(
                    self.request.is_none(),
                    "line {line}: the request before has no decision"
                );
                self.request = Some(block);
                "request"
            }
            Some(("text", "decision")) => {
                self.decision(&block);
                "decision"
            }
            Some(("text", "problems")) => {
                let policy = self
                    .policy
                    .take()
                    .expect("a policy stands in front of its problems");
                let problems = policy.expect_err("a policy with problems does not load");
                let codes: Vec<&str> = problems
                    .iter()
                    .map(|problem| problem.code().as_str())
                    .collect();
                assert_eq!(block.text.trim(), codes.join(" "), "line {line}");
                "problems"
            }
            _ => panic!(
                "line {line}: a block of `{}`, which nobody runs",
                block.info
            ),
        };
        *self.counted.entry(kind).or_default() += 1;
    }

    fn policy(&self, line: usize) -> &Policy {
        let policy = self
            .policy
            .as_ref()
            .expect("a policy stands in front of its examples");
        policy.as_ref().unwrap_or_else(|problems| {
            panic!("line {line}: the policy does not load:\n{}", told(problems))
        })
    }

    fn decision(&mut self, block: &Block) {
        let asked = self
            .request
            .take()
            .expect("a request stands in front of its decision");
        let request = parse_request(asked.text.as_bytes())
            .unwrap_or_else(|problems| panic!("line {}:\n{}", asked.line, told(&problems)));
        let now = Timestamp::parse(NOW).unwrap();
        let policy = self.policy(block.line);
        let decision = policy.peek(&request, &Host::default(), &RunState::default(), now);
        let mut lines = block.text.lines();
        let found = verdict(decision.verdict.as_str(), &decision.issues);
        assert_eq!(lines.next(), Some(found.as_str()), "line {}", block.line);
        let known = remarks(&decision);
        for line in lines {
            assert!(
                known.iter().any(|known| known == line),
                "line {}: `{line}` is none of {known:#?}",
                block.line
            );
        }
    }

    fn cases(&self, block: &Block) {
        let mut sources = Sources::new();
        let file = sources.add("cases.yaml", block.text.as_str()).unwrap();
        let mut problems = Problems::new();
        let tests = read_tests(&sources, file, &mut problems);
        assert!(
            problems.is_empty(),
            "line {}:\n{}",
            block.line,
            told(&problems.finish())
        );
        for case in tests.unwrap().cases {
            let report = run_case(self.policy(block.line), &case, &PlainProse, None);
            assert!(report.passed(), "line {}: {report:#?}", block.line);
        }
    }
}

/// A verdict with the codes of MEDIUM and above.
fn verdict(verdict: &str, issues: &[Issue<'_>]) -> String {
    let weighty = issues.iter().filter(|issue| issue.severity > Severity::Low);
    let codes = weighty.map(|issue| issue.code);
    [verdict]
        .into_iter()
        .chain(codes)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What an example can say of a decision beside its verdict, each on a line of its own.
fn remarks(decision: &Decision<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    for issue in &decision.issues {
        remarks.push(format!(
            "{} {}: {}",
            issue.severity.as_str(),
            issue.code,
            issue.message
        ));
        let resolution = issue.resolution.as_ref();
        remarks.extend(
            resolution
                .map(|resolution| format!("{} needs {}", issue.code, resolution.needs.as_str())),
        );
    }
    remarks.extend(
        decision
            .questions
            .iter()
            .map(|question| format!("asks {question}")),
    );
    let would = decision.would.as_ref();
    remarks.extend(
        would.map(|would| format!("would {}", verdict(would.verdict.as_str(), &would.issues))),
    );
    let tools = decision.tool_verdicts.iter();
    remarks.extend(tools.map(|tool| format!("{} is {}", tool.name, tool.verdict.as_str())));
    remarks
}

#[test]
fn every_example_of_the_page_on_decisions_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/decisions.md");
    let text = fs::read_to_string(path).unwrap();
    let mut page = Page::default();
    for block in blocks(&text).unwrap() {
        page.read(block);
    }
    assert!(
        page.request.is_none(),
        "a request has no decision behind it"
    );
    for (kind, least) in [
        ("policy", 10),
        ("decision", 20),
        ("cases", 4),
        ("problems", 1),
    ] {
        let count = page.counted.get(kind).copied().unwrap_or(0);
        assert!(count >= least, "only {count} blocks of {kind}");
    }
}

/// Keys that change no verdict, with what they are for; a pack is imported like a file.
const WITHOUT_EXAMPLE: &[&str] = &[
    "$schema",      // for editors
    "LOW",          // a weight of risk
    "description",  // for people
    "detail",       // for the log
    "environments", // weights of risk
    "family",       // a group of rules in `guardrail_checks`
    "from",         // who states a fact, which only the lints read
    "high",         // a weight of risk
    "pack",         // an import by name
    "private",      // what decisions do not repeat
    "risk",         // weights of risk
    "tests",        // the policy's own tests
];

/// Every key of the language stands in an example that is run: the keys are those of its JSON Schema.
#[test]
fn every_key_of_the_language_has_an_example() {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec");
    let page = fs::read_to_string(spec.join("decisions.md")).unwrap();
    let examples = blocks(&page).unwrap().into_iter();
    let examples: String = examples.map(|block| block.text).collect();
    let words: BTreeSet<&str> = examples
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    let schema: Value = serde_json::from_str(&policy_schema()).unwrap();
    let mut keys = BTreeSet::new();
    for (name, part) in schema["$defs"].as_object().unwrap() {
        let is_of_tests = [
            "test",
            "step",
            "expectation",
            "answer",
            "call",
            "trusted_text",
        ]
        .contains(&name.as_str());
        let members = part["properties"].as_object().filter(|_| !is_of_tests);
        keys.extend(members.into_iter().flatten().map(|(key, _)| key.as_str()));
    }
    assert!(keys.len() > 40, "only {} keys were found", keys.len());
    keys.retain(|key| !words.contains(key));
    let without: Vec<&str> = keys.into_iter().collect();
    assert_eq!(without, WITHOUT_EXAMPLE, "keys without an example");
}
