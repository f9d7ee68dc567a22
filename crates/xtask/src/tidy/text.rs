//! What every text is held to: it stands where it belongs, says what it is, and leaves nothing to do.

use std::collections::BTreeSet;

use super::Files;
use super::manifests::{key, sections};

/// Entries of the root folder, besides those that begin with a dot.
const ROOT_ENTRIES: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "bindings",
    "clippy.toml",
    "crates",
    "deny.toml",
    "examples",
    "npm",
    "python",
    "rustfmt.toml",
    "tests",
    "typos.toml",
];

pub(super) fn root_holds_only_what_belongs_there(files: &Files) -> Vec<String> {
    let entries: BTreeSet<&str> = files
        .files
        .iter()
        .filter_map(|(name, _)| name.split('/').next())
        .collect();
    let strange = entries
        .into_iter()
        .filter(|entry| !entry.starts_with('.') && !ROOT_ENTRIES.contains(entry));
    strange
        .map(|entry| format!("{entry}: does not belong in the root folder"))
        .collect()
}

pub(super) fn rust_files_say_what_they_are(files: &Files) -> Vec<String> {
    let silent = files
        .ending(".rs")
        .filter(|(_, text)| !text.starts_with("//! "));
    silent
        .map(|(name, _)| format!("{name}:1: begins without a module doc (`//!`)"))
        .collect()
}

pub(super) fn nothing_is_left_to_do(files: &Files) -> Vec<String> {
    // Written in two parts, so that this line is no finding.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    lines(files, |line| {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric());
        let mark = words.into_iter().find(|word| marks.contains(word))?;
        Some(format!("`{mark}`: do it, or file an issue"))
    })
}

/// Tests are run, or they are not there: what is left out is soon broken, and nobody is told.
pub(super) fn no_test_is_ignored(files: &Files) -> Vec<String> {
    // Written in two parts, so that this line is no finding.
    let mark = concat!("#[", "ignore");
    let rust = files.ending(".rs");
    let ignoring = rust.flat_map(|(name, text)| {
        let lines = (1..).zip(text.lines());
        let ignoring = lines.filter(|(_, line)| line.trim_start().starts_with(mark));
        ignoring.map(move |(number, _)| format!("{name}:{number}: a test that is not run"))
    });
    ignoring.collect()
}

/// One finding for each line that `judge` objects to.
fn lines(files: &Files, judge: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, text) in &files.files {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(objection) = judge(line) {
                findings.push(format!("{name}:{number}: {objection}"));
            }
        }
    }
    findings
}

pub(super) fn relaxed_lints_have_reasons(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, text) in files.ending(".rs") {
        for opening in ["#[expect(", "#![expect(", "#[allow(", "#![allow("] {
            for (at, _) in text.match_indices(opening) {
                let line_start = text
                    .get(..at)
                    .and_then(|before| before.rsplit('\n').next())
                    .unwrap_or("");
                let attribute = text
                    .get(at..)
                    .and_then(|rest| rest.split(")]").next())
                    .unwrap_or("");
                if line_start.trim().is_empty() && !attribute.contains("reason = ") {
                    let number = text
                        .get(..at)
                        .unwrap_or("")
                        .matches('\n')
                        .count()
                        .saturating_add(1);
                    findings.push(format!("{name}:{number}: a relaxed lint without a reason"));
                }
            }
        }
    }
    let manifest = files.text("Cargo.toml").unwrap_or_default();
    for (section, lines) in sections(manifest) {
        if !section.starts_with("workspace.lints") {
            continue;
        }
        let silent = lines
            .into_iter()
            .filter(|line| line.contains("\"allow\"") && !line.contains('#'));
        findings.extend(
            silent.map(|line| format!("Cargo.toml: `{}` is allowed without a reason", key(line))),
        );
    }
    findings
}

pub(super) fn no_path_of_this_machine(files: &Files) -> Vec<String> {
    let root = files.root.to_string_lossy().into_owned();
    let cargo = std::env::var("CARGO_HOME").unwrap_or_default();
    let paths: Vec<&str> = [root.as_str(), cargo.as_str()]
        .into_iter()
        .filter(|path| path.len() > 3)
        .collect();
    lines(files, |line| {
        let path = paths.iter().find(|path| line.contains(**path))?;
        Some(format!("`{path}` is a path of this machine"))
    })
}
