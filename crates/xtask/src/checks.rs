//! The checks of the Rust workspace: each one function that runs a tool and counts.
//!
//! Which of them belong to which verb, and in which order, is said in `parts.rs`. The tests run under
//! cargo-nextest where it is installed, else under cargo itself; both count.

use crate::bench;
use crate::command::{Tally, answers, cargo, root, show};
use crate::fuzz;
use crate::hosts::{self, Bounds};
use crate::parts::{BYTES_MAX, HOSTS};
use crate::setup::{CEL_SPEC_VARIABLE, cel_spec};
use crate::steps::{one_check, test_checks};

/// Questions that every host is asked with each run of the tests, always the same.
pub(crate) const SHORT: Bounds = Bounds {
    seconds: 60,
    cases: 400,
    seed: 1,
};

/// Questions where nobody waits for the end.
const LONG: Bounds = Bounds {
    seconds: 120,
    cases: 20_000,
    seed: 2,
};

/// Seconds for each door.
const FUZZ_SECONDS: u64 = 15;

/// Every file is formatted.
///
/// # Errors
/// One is not.
pub(crate) fn format() -> Result<Tally, String> {
    one_check(&show(cargo(&["fmt", "--all", "--check"])?)?)
}

/// No lint has anything to say.
///
/// # Errors
/// One has.
pub(crate) fn lint() -> Result<Tally, String> {
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    one_check(&show(cargo(&clippy)?)?)
}

/// Every test of every crate.
///
/// # Errors
/// They do not run, or none or not all do.
pub(crate) fn tests() -> Result<Tally, String> {
    let command: &[&str] = if answers("cargo", &["nextest", "--version"]) {
        &[
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
            "--status-level",
            "fail",
        ]
    } else {
        println!("cargo-nextest is not here: the same tests run under cargo, which takes longer");
        &[
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ]
    };
    let mut command = cargo(command)?;
    // A suite that could not be fetched has failed in its own step; its test says so again.
    if let Ok(folder) = cel_spec() {
        command.env(CEL_SPEC_VARIABLE, folder);
    }
    test_checks(&show(command)?)
}

/// Every example in the documentation.
///
/// # Errors
/// They do not run.
pub(crate) fn doc_tests() -> Result<Tally, String> {
    let test = ["test", "--workspace", "--doc", "--no-fail-fast"];
    test_checks(&show(cargo(&test)?)?)
}

/// The documentation, whose links lead somewhere.
///
/// # Errors
/// They do not.
pub(crate) fn documentation() -> Result<Tally, String> {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps"])?;
    doc.env("RUSTDOCFLAGS", "-D warnings");
    one_check(&show(doc)?)
}

/// The same few random questions to every host.
///
/// # Errors
/// A host differs.
pub(crate) fn differential() -> Result<Tally, String> {
    hosts::differential(HOSTS, SHORT)
}

/// Many random questions to every host.
///
/// # Errors
/// A host differs.
pub(crate) fn long_differential() -> Result<Tally, String> {
    hosts::differential(HOSTS, LONG)
}

/// Mutated texts through every door.
///
/// # Errors
/// A door breaks a law.
pub(crate) fn fuzz() -> Result<Tally, String> {
    fuzz::doors(FUZZ_SECONDS, None)
}

/// The benchmark, quickly: that it runs, and that what it compares agrees.
///
/// # Errors
/// It does not.
pub(crate) fn quick_bench() -> Result<Tally, String> {
    bench::run(&["quick".to_owned()])?;
    Ok(Tally::ONE)
}

/// The command as people install it.
///
/// # Errors
/// It does not build, or is larger than it may be.
pub(crate) fn release_command() -> Result<Tally, String> {
    let build = ["build", "--release", "--locked", "-p", "stage0-cli"];
    one_check(&show(cargo(&build)?)?)?;
    within_budget("target/release/stage0")
}

/// One check: a file that was built has at most the bytes that `BYTES_MAX` gives it.
///
/// # Errors
/// It has more, is not there, or has no budget.
pub(crate) fn within_budget(name: &str) -> Result<Tally, String> {
    let budget = BYTES_MAX.iter().find(|(known, _)| *known == name);
    let (_, bytes_max) = budget.ok_or_else(|| format!("{name} has no budget"))?;
    let about = std::fs::metadata(root()?.join(name));
    let bytes = about.map_err(|error| format!("{name}: {error}"))?.len();
    println!("{name}: {bytes} of {bytes_max} bytes");
    if bytes > *bytes_max {
        return Err(format!("{name} is larger than its budget"));
    }
    Ok(Tally::ONE)
}
