//! The words of every problem that a file can have, as people see them.
//!
//! Each `tests/golden/problems/NNNN_topic.{yaml,json}` has its rendered problems beside it in
//! `NNNN_topic.txt`; a policy of several files is a folder with a `main.yaml`. Files below 0200 are
//! only read, those below 0300 are loaded and checked as policies, and the others are test files.
//! `UPDATE_GOLDEN=1 cargo test -p stage0-wire --test golden_problems` writes them; the diff is then
//! reviewed by reading it aloud.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use stage0_wire::cases::read_tests;
use stage0_wire::codes::ProblemCode;
use stage0_wire::imports::ImportMap;
use stage0_wire::load::load;
use stage0_wire::problem::{Problem, Problems};
use stage0_wire::sources::Sources;
use stage0_wire::tree::Tree;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/problems")
}

/// The cases: files, and folders with a `main.yaml`. Goldens are what else is there.
fn cases() -> Vec<PathBuf> {
    let is_case = |path: &PathBuf| path.is_dir() || kind(path) == "yaml" || kind(path) == "json";
    entries(&folder()).into_iter().filter(is_case).collect()
}

fn goldens() -> Vec<PathBuf> {
    let is_golden = |path: &PathBuf| kind(path) == "txt";
    entries(&folder()).into_iter().filter(is_golden).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

/// What the name of a file ends in.
fn kind(path: &Path) -> &str {
    path.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

fn golden_of(case: &Path) -> PathBuf {
    if case.is_dir() {
        PathBuf::from(format!("{}.txt", case.display()))
    } else {
        case.with_extension("txt")
    }
}

fn rendered(case: &Path) -> String {
    let name = case.file_name().unwrap().to_str().unwrap();
    match name.get(..2) {
        Some("00" | "01") => rendered_tree(name, case),
        Some("02") => rendered_policy(name, case),
        _ => rendered_tests(name, case),
    }
}

fn told(problems: &[Problem]) -> String {
    let mut out = String::new();
    for problem in problems {
        out.push_str(&problem.render());
        out.push('\n');
    }
    out
}

fn rendered_policy(name: &str, case: &Path) -> String {
    let mut files = ImportMap::new();
    let (name, text) = if case.is_dir() {
        let mut waiting = entries(case);
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting.extend(entries(&path));
            } else {
                let name = path.strip_prefix(case).unwrap().to_str().unwrap();
                files.insert(&name.replace('\\', "/"), fs::read(&path).unwrap());
            }
        }
        ("main.yaml", fs::read(case.join("main.yaml")).unwrap())
    } else {
        (name, fs::read(case).unwrap())
    };
    let loaded = match load(name, text, &files) {
        Ok(loaded) => loaded,
        Err(problems) => return format!("{}not loaded\n", told(&problems)),
    };
    let mut out = told(&loaded.warnings);
    match loaded.compile() {
        Ok(checked) => {
            out.push_str(&told(&checked.warnings));
            out.push_str("loaded\n");
        }
        Err(problems) => {
            out.push_str(&told(&problems));
            out.push_str("not compiled\n");
        }
    }
    out
}

fn rendered_tests(name: &str, case: &Path) -> String {
    let mut sources = Sources::new();
    let file = sources.add_bytes(name, fs::read(case).unwrap()).unwrap();
    let mut problems = Problems::new();
    let tests = read_tests(&sources, file, &mut problems);
    let count = tests.map_or(0, |tests| tests.cases.len());
    format!("{}cases: {count}\n", told(&problems.finish()))
}

fn rendered_tree(name: &str, path: &Path) -> String {
    let mut sources = Sources::new();
    let file = match sources.add_bytes(name, fs::read(path).unwrap()) {
        Ok(file) => file,
        Err(error) => return Problem::from(error).render(),
    };
    let mut problems = Problems::new();
    let tree = Tree::parse(&sources, file, &mut problems);
    let mut out = told(&problems.finish());
    match tree {
        Some(tree) => writeln!(out, "read as: {}", tree.to_canonical_json()).unwrap(),
        None => out.push_str("not read\n"),
    }
    out
}

#[test]
fn problems_read_as_they_were_reviewed() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let cases = cases();
    assert!(cases.len() >= 100, "the goldens are gone");
    let mut different = Vec::new();
    for case in cases {
        let golden = golden_of(&case);
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
    let cases: Vec<_> = cases().iter().map(|case| golden_of(case)).collect();
    for golden in goldens() {
        let owners = cases.iter().filter(|case| **case == golden);
        assert_eq!(owners.count(), 1, "{}", golden.display());
    }
}

/// What the codes of policies and test files begin with.
const OF_FILES: &[&str] = &["CONDITION_", "JSON_", "LINT_", "POLICY_", "TEST_", "YAML_"];

/// Codes that no golden can have, because a file would be too large to read aloud, or because they
/// are not about files.
const WITHOUT_GOLDEN: &[&str] = &[
    "POLICY_FILE_TOO_LARGE",
    "POLICY_TOO_MANY_FILES",
    "POLICY_VALUE_TOO_LONG",
    "POLICY_TOO_LARGE",
    "POLICY_REQUIRED",
    "POLICY_VERSION_MISMATCH",
    // What is wrong with a signature is told by transcripts of the command, and by vectors.
    "POLICY_ALTERED",
    "POLICY_MISPLACED",
    "POLICY_NOT_YET_SIGNED",
    "POLICY_ROLLBACK",
    "POLICY_TEST_FAILED",
    "POLICY_UNSIGNED",
];

#[test]
fn every_code_of_files_has_a_golden() {
    let goldens: String = goldens()
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    // Policies and requests have a reader each; the request's is held to its codes by a table.
    let requests = include_str!("strict_json.rs");
    for code in ProblemCode::all() {
        let code = code.as_str();
        let is_of_files = OF_FILES.iter().any(|prefix| code.starts_with(prefix));
        if !is_of_files || WITHOUT_GOLDEN.contains(&code) {
            continue;
        }
        let is_covered =
            goldens.contains(&format!("[{code}]")) || requests.contains(&format!("\"{code}\""));
        assert!(is_covered, "{code}");
    }
}
