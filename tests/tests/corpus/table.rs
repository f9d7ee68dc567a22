//! The table of constraints in `cases/constraints.md`: each row names the steps that prove it, and each
//! is looked up here. A step that is gone, or comes out otherwise, is an error, and so is a constraint
//! of the vocabulary without a row or a spelling that means something else.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use stage0_engine::vocabulary::constraint::{
    CONSTRAINT_KEYS, Constraint, ConstraintKey, ConstraintShape, read,
};
use stage0_engine::vocabulary::fold;
use stage0_tests::corpus::{Topic, folder, topics};
use stage0_wire::testing::Exchange;

/// A step of a case, and what it comes to.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    number: usize,
    verdict: String,
    codes: Vec<String>,
}

/// A row of the table.
#[derive(Debug)]
struct Row {
    constraint: String,
    case: String,
    kept: Vec<Step>,
    without: Vec<Step>,
    broken: Vec<Step>,
}

fn steps(cell: &str) -> Vec<Step> {
    let entries = cell.split(';').map(str::trim).filter(|entry| *entry != "-");
    let step = |entry: &str| {
        let (number, rest) = entry.split_once(' ').unwrap();
        let (verdict, codes) = rest.split_once(' ').unwrap_or((rest, ""));
        let codes = codes
            .split(',')
            .map(str::trim)
            .filter(|code| !code.is_empty());
        Step {
            number: number.parse().unwrap(),
            verdict: verdict.to_owned(),
            codes: codes.map(str::to_owned).collect(),
        }
    };
    entries.map(step).collect()
}

fn table() -> Vec<Row> {
    let text = fs::read_to_string(folder().join("constraints.md")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("| ")).skip(1);
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [constraint, case, kept, without, broken] = cells.as_slice() else {
            panic!("a row has five cells: {line}");
        };
        Row {
            constraint: (*constraint).to_owned(),
            case: (*case).to_owned(),
            kept: steps(kept),
            without: steps(without),
            broken: steps(broken),
        }
    };
    lines.map(row).collect()
}

fn topic<'t>(topics: &'t [Topic], name: &str) -> &'t Topic {
    topics.iter().find(|topic| topic.name == name).unwrap()
}

/// The constraints that a request states, and the text of each.
fn stated(exchange: &Exchange) -> Vec<(String, Option<&'static str>)> {
    let request: Value = serde_json::from_str(&exchange.request).unwrap();
    let texts = request["constraints"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let texts = texts.iter().filter_map(Value::as_str);
    let name = |text: &str| match read(text) {
        Constraint::Known { key, .. } => Some(key.name),
        Constraint::Promise(name) => Some(name),
        Constraint::Off(_) | Constraint::Invalid(_) | Constraint::Free => None,
    };
    texts.map(|text| (text.to_owned(), name(text))).collect()
}

/// What a decision came to: its verdict, and its codes of MEDIUM and above.
fn outcome(exchange: &Exchange, number: usize) -> Step {
    let answer: Value = serde_json::from_str(&exchange.answer).unwrap();
    let issues = answer["issues"].as_array().unwrap().iter();
    let weighty = issues.filter(|issue| issue["severity"] != "LOW");
    Step {
        number,
        verdict: answer["verdict"].as_str().unwrap().to_owned(),
        codes: weighty
            .map(|issue| issue["code"].as_str().unwrap().to_owned())
            .collect(),
    }
}

/// What a constraint's cases may leave out, and why.
fn may_be_empty(key: &ConstraintKey, column: &str) -> bool {
    match (key.shape, column) {
        // They only answer a piece of advice.
        (ConstraintShape::Means, "without" | "broken") => true,
        // The time is always there.
        (ConstraintShape::Window, "without") => true,
        _ => false,
    }
}

#[test]
fn every_constraint_has_a_row_and_every_row_its_cases() {
    let topics = topics();
    let cases = topic(&topics, "standard/constraints");
    let rows = table();
    let names: Vec<&str> = rows.iter().map(|row| row.constraint.as_str()).collect();
    let known: BTreeSet<&str> = CONSTRAINT_KEYS.iter().map(|key| key.name).collect();
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), known);
    assert_eq!(names.len(), known.len(), "a constraint has two rows");
    for row in &rows {
        let key = CONSTRAINT_KEYS
            .iter()
            .find(|key| key.name == row.constraint);
        let key = key.unwrap();
        let case = cases.cases.iter().find(|case| case.report.name == row.case);
        let case = case.unwrap_or_else(|| panic!("there is no case `{}`", row.case));
        for (column, steps) in [
            ("kept", &row.kept),
            ("without", &row.without),
            ("broken", &row.broken),
        ] {
            let place = format!("{}, {column}", row.constraint);
            assert!(
                !steps.is_empty() || may_be_empty(key, column),
                "{place}: no case"
            );
            for step in steps {
                let exchange = case.exchanges.get(step.number - 1);
                let exchange =
                    exchange.unwrap_or_else(|| panic!("{place}: no step {}", step.number));
                assert_eq!(&outcome(exchange, step.number), step, "{place}");
                let is_stated = stated(exchange)
                    .iter()
                    .any(|(_, name)| *name == Some(key.name));
                assert!(is_stated, "{place}: step {} does not state it", step.number);
                match column {
                    "kept" => assert_eq!(step.verdict, "ALLOW", "{place}"),
                    "broken" => assert_ne!(step.verdict, "ALLOW", "{place}"),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn every_spelling_alone_is_broken_as_its_constraint_is() {
    let topics = topics();
    let spelled: Vec<(String, Step)> = topic(&topics, "standard/spellings")
        .exchanges()
        .filter_map(|(_, exchange)| match stated(exchange).as_slice() {
            [(text, Some(_))] => Some((text.clone(), outcome(exchange, 0))),
            _ => None,
        })
        .collect();
    for row in table() {
        let key = CONSTRAINT_KEYS
            .iter()
            .find(|key| key.name == row.constraint);
        let key = key.unwrap();
        let codes: BTreeSet<&String> = row.broken.iter().flat_map(|step| &step.codes).collect();
        // Asked of a host that knows nothing, an approval is missing rather than refused.
        let missing = row.without.iter().flat_map(|step| &step.codes);
        for spelling in key.spellings.iter().chain([&key.name]) {
            let mut ways = spelled.iter().filter(|(text, step)| {
                let head = text.split(':').next().unwrap_or_default();
                let head = fold(head.trim_end().trim_end_matches(['.', '!', ';'])).into_owned();
                let is_broken = step
                    .codes
                    .iter()
                    .any(|code| codes.contains(code) || missing.clone().any(|one| one == code));
                let is_kept = codes.is_empty() && step.verdict == "ALLOW";
                head == *spelling && (is_broken || is_kept)
            });
            assert!(
                ways.next().is_some(),
                "no case has `{spelling}` alone and broken as `{}` is",
                key.name
            );
        }
    }
}
