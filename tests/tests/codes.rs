//! The registries of codes and functions, compared with the page that lists them and with what covers
//! them: nothing is registered that no case reaches, and nothing is reached that no page names.
//!
//! `UPDATE_GOLDEN=1` writes the tables of `spec/codes.md` anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stage0_engine::codes::IssueCode;
use stage0_engine::describe::functions;
use stage0_engine::limits::PROBLEMS_MAX;
use stage0_tests::corpus::{Topic, topics};
use stage0_tests::markdown::blocks;
use stage0_wire::Policy;
use stage0_wire::codes::ProblemCode;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn table(head: [&str; 3], rows: impl Iterator<Item = [String; 3]>) -> String {
    let mut out = format!("| {} |\n| --- | --- | --- |\n", head.join(" | "));
    for row in rows {
        writeln!(out, "| {} |", row.join(" | ")).unwrap();
    }
    out
}

/// What is registered, as the page lists it.
fn page() -> String {
    let issues = IssueCode::ALL.iter().map(|code| {
        let severity = code.severity().as_str();
        [
            format!("`{}`", code.as_str()),
            severity.to_owned(),
            code.meaning().to_owned(),
        ]
    });
    let problems = ProblemCode::all().map(|code| {
        let word = code.as_str();
        let family = word.split('_').next().unwrap_or_default().to_lowercase();
        [
            format!("`{word}`"),
            family,
            code.meaning().replace('|', "\\|"),
        ]
    });
    format!(
        "# Codes\n\n\
         Programs compare codes, people read messages. Codes are added, never renamed. Written by\n\
         `UPDATE_GOLDEN=1 cargo test -p stage0-tests --test codes`, which also holds that a case reaches each of\n\
         them.\n\n\
         ## Issues\n\n\
         Reasons inside a decision. A policy's rules add codes of their own: what a rule's `issue` says, or its id in\n\
         upper case.\n\n{}\n\
         ## Problems\n\n\
         What is wrong with a text, so that nothing was decided.\n\n{}",
        table(["code", "severity", "meaning"], issues),
        table(["code", "of", "meaning"], problems),
    )
}

#[test]
fn the_page_lists_what_is_registered() {
    let path = folder().join("spec/codes.md");
    let page = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    for (found, expected) in found.lines().zip(page.lines()) {
        assert_eq!(found, expected, "UPDATE_GOLDEN=1 writes the page anew");
    }
    assert_eq!(
        found.len(),
        page.len(),
        "UPDATE_GOLDEN=1 writes the page anew"
    );
}

/// Codes that no case comes to, with the tests that reach them.
const ELSEWHERE: &[(IssueCode, &str)] = &[
    // A text door refuses such a request before anything is decided.
    (IssueCode::POLICY_VERSION_MISMATCH, "attacks/"),
    // Cases ask one thing at a time.
    (IssueCode::BATCH_DENIED, "laws/"),
    (IssueCode::BATCH_DEFERRED, "laws/"),
];

#[test]
fn every_issue_code_is_in_the_corpus() {
    let mut raised = BTreeSet::new();
    for (_, exchange) in topics().iter().flat_map(Topic::exchanges) {
        if !exchange.problems.is_empty() {
            continue;
        }
        let answer: Value = serde_json::from_str(&exchange.answer).unwrap();
        for issue in answer["issues"].as_array().unwrap() {
            raised.insert(issue["code"].as_str().unwrap().to_owned());
        }
    }
    for code in IssueCode::ALL {
        let typed = ELSEWHERE.iter().find(|(known, _)| known == code);
        let is_raised = raised.contains(code.as_str());
        assert_eq!(is_raised, typed.is_none(), "{}", code.as_str());
        if let Some((code, place)) = typed {
            let texts = texts(&folder().join("tests").join(place), "rs");
            assert!(
                texts.contains(code.as_str()),
                "{place} has no {}",
                code.as_str()
            );
        }
    }
}

/// The texts of all files of a kind in a folder and those below it.
fn texts(folder: &Path, kind: &str) -> String {
    let (mut waiting, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == kind) {
            files.push(path);
        }
    }
    files.sort();
    files
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// A golden, a transcript of the command, the page on decisions or a test says the code, as a word.
#[test]
fn every_problem_code_has_a_golden_or_a_test() {
    let root = folder().join("..");
    let mut covered = texts(&folder().join("golden/problems"), "txt");
    for tests in [
        "tests/tests",
        "crates/stage0-wire/tests",
        "crates/stage0-audit/tests",
        "crates/stage0-cli/tests",
        "crates/stage0-server/tests",
    ] {
        covered += &texts(&root.join(tests), "rs");
    }
    covered += &texts(&root.join("crates/stage0-cli/tests/console"), "md");
    // What only other languages can hand over is refused there.
    covered += &texts(&root.join("python/tests"), "py");
    covered += &texts(&root.join("npm/tests"), "mjs");
    let words: BTreeSet<&str> = covered
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    let codes = ProblemCode::all().filter(|code| {
        // A test in Rust may name the variant instead.
        let variant = format!("ProblemCode::{code:?}");
        !words.contains(code.as_str()) && !covered.contains(&variant)
    });
    let without: Vec<&str> = codes.map(ProblemCode::as_str).collect();
    assert!(
        without.is_empty(),
        "problem codes that nothing reaches: {without:?}"
    );
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let rules: String = (0..PROBLEMS_MAX + 10)
        .map(|rule| format!("  - {{ id: rule-{rule} }}\n"))
        .collect();
    let text = format!("stage0: v1\nname: many\nversion: 1.0.0\ndefault: deny\nrules:\n{rules}");
    let problems = Policy::parse(&text).unwrap_err();
    let last = problems.last().unwrap();
    assert_eq!(problems.len(), PROBLEMS_MAX + 1);
    assert_eq!(last.code(), ProblemCode::ProblemsTruncated);
}

#[test]
fn every_function_has_an_example() {
    let page = fs::read_to_string(folder().join("spec/conditions.md")).unwrap();
    let examples = blocks(&page)
        .unwrap()
        .into_iter()
        .filter(|block| block.info == "cel");
    let examples: String = examples.map(|block| block.text).collect();
    let mut count = 0;
    for function in functions() {
        let is_called = examples.contains(&format!("{}(", function.name));
        assert!(is_called, "`{}` has no example", function.name);
        count += 1;
    }
    assert!(count > 20, "only {count} functions");
}
