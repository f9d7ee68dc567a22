//! Runs every example of `spec/conditions.md`, and holds its tables to what they are tables of.
//!
//! `UPDATE_GOLDEN=1` writes the values behind the examples and the tables anew; the diff is then read as
//! what it is, a change of the language.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use stage0_engine::FACT_ROOTS;
use stage0_engine::describe::functions;
use stage0_engine::time::Timestamp;
use stage0_tests::cel;
use stage0_tests::condition::evaluate;

/// Monday morning.
const NOW: &str = "2026-01-05T10:00:00Z";

/// What separates an example from its value. It begins a comment, so that the line stays a condition.
const MARK: &str = "  // ";

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/conditions.md")
}

/// The page with the values that its examples have, and how many there are.
fn with_values(page: &str) -> (String, usize) {
    let now = Timestamp::parse(NOW).unwrap();
    let (mut facts, mut fence) = (String::new(), None);
    let (mut out, mut examples) = (String::new(), 0_usize);
    for line in page.lines() {
        match (line.strip_prefix("```"), fence) {
            (Some(info), None) => {
                fence = Some(info);
                if info == "json facts" {
                    facts.clear();
                }
            }
            (Some(_), Some(_)) => fence = None,
            (None, Some("json facts")) => facts.push_str(line),
            (None, Some("cel")) => {
                let condition = line.split(MARK).next().unwrap();
                let value = evaluate(condition, &facts, now);
                writeln!(out, "{condition}{MARK}{value}").unwrap();
                examples = examples.saturating_add(1);
                continue;
            }
            _ => {}
        }
        writeln!(out, "{line}").unwrap();
    }
    (out, examples)
}

/// A table as Markdown writes it, with what stands in a cell kept from being taken for more cells.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut out = String::new();
    let mut line = |cells: Vec<String>| writeln!(out, "| {} |", cells.join(" | ")).unwrap();
    line(head.iter().map(|cell| (*cell).to_owned()).collect());
    line(head.iter().map(|_| "---".to_owned()).collect());
    rows.into_iter().for_each(line);
    out
}

fn root_table() -> String {
    let rows = FACT_ROOTS.iter().map(|root| {
        let readable = if root.is_claimed { "no" } else { "yes" };
        vec![
            format!("`{}`", root.name),
            readable.to_owned(),
            root.summary.to_owned(),
        ]
    });
    table(&["root", "in allow rules", "what it is"], rows)
}

fn function_table() -> String {
    let mut functions: Vec<_> = functions().collect();
    functions.sort_by_key(|function| function.name);
    let rows = functions.into_iter().map(|function| {
        vec![
            format!("`{}`", function.usage),
            function.result.to_owned(),
            function.summary.replace('|', "\\|"),
        ]
    });
    table(&["function", "gives", "what it tells"], rows)
}

/// The limits of conditions with their figures and the first sentence of what they are.
fn limit_table() -> String {
    let limits = include_str!("../../crates/stage0-engine/src/limits.rs");
    let of_conditions = limits.split("// --- Conditions ---").nth(1).unwrap();
    let (mut rows, mut doc) = (Vec::new(), String::new());
    for line in of_conditions.lines() {
        if let Some(text) = line.strip_prefix("///") {
            doc.push_str(text);
        } else if let Some(constant) = line.strip_prefix("pub const ") {
            let (name, value) = constant.split_once(": ").unwrap();
            let value = value.split_once("= ").unwrap().1.trim_end_matches(';');
            let sentence = doc.trim().split(". ").next().unwrap().trim_end_matches('.');
            rows.push(vec![
                format!("`{name}`"),
                value.replace('_', ","),
                sentence.to_owned(),
            ]);
            doc.clear();
        }
    }
    table(&["limit", "figure", "of what"], rows)
}

fn difference_table() -> String {
    let rows = cel::reasons().unwrap().into_iter().map(|reason| {
        vec![
            format!("`{}`", reason.name),
            reason.kind.to_owned(),
            reason.why.replace('|', "\\|"),
        ]
    });
    table(&["reason", "the suite's tests", "what is different"], rows)
}

/// The page with its tables: each stands behind a line that names it.
fn with_tables(page: &str) -> String {
    let tables = [
        ("<!-- every root -->", root_table()),
        ("<!-- every function -->", function_table()),
        ("<!-- every limit of conditions -->", limit_table()),
        ("<!-- every reason -->", difference_table()),
    ];
    let mut out = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(out, "{line}").unwrap();
        if let Some((_, table)) = tables.iter().find(|(mark, _)| *mark == line) {
            while lines.next_if(|line| line.starts_with('|')).is_some() {}
            out.push_str(table);
        }
    }
    for (mark, _) in tables {
        assert_eq!(page.matches(mark).count(), 1, "{mark}");
    }
    out
}

#[test]
fn every_example_and_table_of_the_page_on_conditions_holds() {
    let page = fs::read_to_string(file()).unwrap();
    let (found, examples) = with_values(&with_tables(&page));
    assert!(examples > 100, "only {examples} examples were found");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(file(), &found).unwrap();
    }
    for (known, found) in page.lines().zip(found.lines()) {
        assert_eq!(known, found);
    }
    assert_eq!(
        page.len(),
        found.len(),
        "UPDATE_GOLDEN=1 writes the page anew"
    );
}
