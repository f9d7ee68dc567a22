//! The words of every problem that a condition's text can have, as people see them.
//!
//! `tests/golden/conditions.txt` holds conditions that are refused, each behind `| `, with the place,
//! code, message and help of its problems below it. `UPDATE_GOLDEN=1 cargo test -p stage0-tests --test
//! condition_errors` writes all but the conditions anew; the diff is reviewed by reading it aloud.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use stage0_engine::expression::Expression;

/// The problems of a condition, each under the part that it is about.
fn told(condition: &str) -> String {
    let mut text = String::new();
    let Err(errors) = Expression::parse(condition) else {
        return "  nothing is wrong with it\n".to_owned();
    };
    for error in errors {
        let (start, end) = (error.range().start as usize, error.range().end as usize);
        let before = condition.get(..start).unwrap().chars().count();
        let marked = condition.get(start..end).unwrap().chars().count().max(1);
        let (before, marks) = (" ".repeat(before), "^".repeat(marked));
        writeln!(text, "  {before}{marks}").unwrap();
        writeln!(text, "  {}: {}", error.kind().code(), error.message()).unwrap();
        if let Some(help) = error.help() {
            writeln!(text, "  help: {help}").unwrap();
        }
    }
    text
}

#[test]
fn problems_of_conditions_read_as_they_were_reviewed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/conditions.txt");
    let golden = fs::read_to_string(&file).unwrap();
    let mut found = String::new();
    let mut conditions = 0;
    for line in golden.lines() {
        if let Some(condition) = line.strip_prefix("| ") {
            conditions += 1;
            write!(found, "| {condition}\n{}\n", told(condition)).unwrap();
        } else if line.starts_with('#') {
            writeln!(found, "{line}\n").unwrap();
        }
    }
    assert!(conditions > 100, "only {conditions} conditions were found");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &found).unwrap();
    }
    assert!(!found.contains("nothing is wrong"), "an accepted condition");
    for (known, found) in golden.split("\n\n").zip(found.split("\n\n")) {
        assert_eq!(known, found);
    }
    assert_eq!(
        golden.len(),
        found.len(),
        "UPDATE_GOLDEN=1 writes the file anew"
    );
}
