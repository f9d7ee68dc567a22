//! Runs every example of `spec/decisions.md`: the page is normative, so it has to be true.

use std::fs;
use std::path::Path;

use stage0_engine::host::Host;
use stage0_engine::policy::Severity;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_wire::{Policy, parse_request};

/// A fenced block: what stands behind the fence, its text, its line.
struct Block {
    info: String,
    text: String,
    line: usize,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(info), None) => {
                let info = info.to_owned();
                open = Some(Block {
                    info,
                    text: String::new(),
                    line: index + 1,
                });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is never closed");
    blocks
}

#[test]
fn every_example_of_the_page_on_decisions_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/decisions.md");
    let page = fs::read_to_string(path).unwrap();
    let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
    let mut policy: Option<Policy> = None;
    let mut request: Option<Block> = None;
    let mut decided = 0;
    for block in blocks(&page) {
        match block.info.as_str() {
            "yaml policy" => {
                policy = Some(Policy::parse(&block.text).unwrap_or_else(|problems| {
                    let told: String = problems
                        .iter()
                        .map(stage0_wire::problem::Problem::render)
                        .collect();
                    panic!("line {}: the policy does not load:\n{told}", block.line)
                }));
            }
            "json request" => request = Some(block),
            "text decision" => {
                let asked = request
                    .take()
                    .expect("a request stands in front of its decision");
                let policy = policy
                    .as_ref()
                    .expect("a policy stands in front of its requests");
                let request = parse_request(asked.text.as_bytes()).unwrap();
                let decision = policy.peek(&request, &Host::default(), &RunState::default(), now);
                let mut found = vec![decision.verdict.as_str()];
                let told = decision
                    .issues
                    .iter()
                    .filter(|issue| issue.severity > Severity::Low);
                found.extend(told.map(|issue| issue.code));
                let expected: Vec<&str> = block.text.split_whitespace().collect();
                assert_eq!(found, expected, "line {}", asked.line);
                decided += 1;
            }
            _ => {}
        }
    }
    assert!(request.is_none(), "a request has no decision behind it");
    assert!(decided >= 8, "only {decided} examples were found");
}
