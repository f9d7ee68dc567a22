//! `cargo xtask test`: everything that has to hold before a change is taken.
//!
//! The steps are those of the README's test command and of CI, in the order in which they are cheap.
//! The tests run under cargo-nextest where it is installed, else under cargo itself; both count.

use crate::command::{Tally, answers, cargo, show};
use crate::setup::{CEL_SPEC_VARIABLE, cel_spec};
use crate::steps::{Steps, one_check, test_checks};
use crate::tidy;

/// Runs every step.
///
/// # Errors
/// Something failed; the closing lines say what.
pub(crate) fn run(_: &[String]) -> Result<(), String> {
    let mut steps = Steps::new();
    add(&mut steps);
    steps.conclude()
}

/// Adds the steps to others.
pub(crate) fn add(steps: &mut Steps) {
    steps.run("setup", || cel_spec().map(|_| Tally::ONE));
    steps.run("format", || {
        one_check(&show(cargo(&["fmt", "--all", "--check"])?)?)
    });
    steps.run("lint", || {
        one_check(&show(cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])?)?)
    });
    steps.run("tidy", tidy::check);
    steps.run("tests", tests);
    steps.run("doc tests", || {
        test_checks(&show(cargo(&[
            "test",
            "--workspace",
            "--doc",
            "--no-fail-fast",
        ])?)?)
    });
    steps.run("documentation", || {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps"])?;
        doc.env("RUSTDOCFLAGS", "-D warnings");
        one_check(&show(doc)?)
    });
}

fn tests() -> Result<Tally, String> {
    let mut command = if answers("cargo", &["nextest", "--version"]) {
        cargo(&[
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
            "--status-level",
            "fail",
        ])?
    } else {
        cargo(&[
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ])?
    };
    // A suite that could not be fetched has failed in its own step; its test says so again.
    if let Ok(folder) = cel_spec() {
        command.env(CEL_SPEC_VARIABLE, folder);
    }
    test_checks(&show(command)?)
}
