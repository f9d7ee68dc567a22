//! The words of every problem that reading a file can have, as people see them.
//!
//! Each `tests/golden/problems/NNNN_topic.{yaml,json}` has its rendered problems beside it in
//! `NNNN_topic.txt`. `UPDATE_GOLDEN=1 cargo test -p stage0-wire --test golden_problems` writes them;
//! the diff is then reviewed by reading it aloud.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problems;
use stage0_wire::sources::Sources;
use stage0_wire::tree::Tree;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/problems")
}

fn files(holds: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(&holds)
        })
        .collect();
    files.sort();
    files
}

fn rendered(path: &Path) -> String {
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut sources = Sources::new();
    let file = match sources.add_bytes(name, fs::read(path).unwrap()) {
        Ok(file) => file,
        Err(problem) => return problem.render(),
    };
    let mut problems = Problems::new();
    let tree = Tree::parse(&sources, file, &mut problems);
    let mut out = String::new();
    for problem in problems.finish() {
        out.push_str(&problem.render());
        out.push('\n');
    }
    match tree {
        Some(tree) => writeln!(out, "read as: {}", tree.to_canonical_json()).unwrap(),
        None => out.push_str("not read\n"),
    }
    out
}

#[test]
fn problems_read_as_they_were_reviewed() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let cases = files(|extension| extension != "txt");
    assert!(cases.len() >= 35, "the goldens are gone");
    let mut different = Vec::new();
    for case in cases {
        let golden = case.with_extension("txt");
        let rendered = rendered(&case);
        if update {
            fs::write(&golden, rendered).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != rendered {
            different.push(format!("{}\n{rendered}", case.display()));
        }
    }
    assert!(
        different.is_empty(),
        "these read otherwise now:\n\n{}",
        different.join("\n")
    );
}

#[test]
fn every_golden_belongs_to_a_case() {
    for golden in files(|extension| extension == "txt") {
        let cases = ["yaml", "json"].map(|kind| golden.with_extension(kind).exists());
        assert_ne!(cases[0], cases[1], "{}", golden.display());
    }
}

#[test]
fn every_code_of_yaml_and_json_has_a_golden() {
    let goldens: String = files(|extension| extension == "txt")
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    // Policies and requests have a reader each; the request's is held to its codes by a table.
    let requests = include_str!("strict_json.rs");
    for code in ProblemCode::all() {
        let code = code.as_str();
        if code.starts_with("YAML_") || code.starts_with("JSON_") {
            let is_covered =
                goldens.contains(&format!("[{code}]")) || requests.contains(&format!("\"{code}\""));
            assert!(is_covered, "{code}");
        }
    }
}
