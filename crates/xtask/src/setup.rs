//! `cargo xtask setup`: what the tests need beside a compiler, fetched once.
//!
//! Only ordinary package clients are used, by package name and locked version; where they fetch from
//! is their own configuration. What is fetched for the tests lands under `target`, so `cargo clean`
//! undoes it.

use std::fs;
use std::path::PathBuf;

use crate::command::{Tally, answers, cargo, program, root, show};
use crate::parts::SETUP;
use crate::steps::Steps;
use crate::wasm::apt;

/// The environment variable that tells tests where the CEL suite was fetched to, and that they must
/// not go without it.
pub(crate) const CEL_SPEC_VARIABLE: &str = "STAGE0_CEL_SPEC";

/// What is fetched: the CEL suite's package, by its lock file.
const CEL_LOCK: &str = "tests/conformance/cel/package-lock.json";

/// Fetches everything that is not there.
///
/// # Errors
/// A package client is missing or fails.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if !args.is_empty() {
        return Err("usage: cargo xtask setup".to_owned());
    }
    let mut steps = Steps::new();
    steps.run_all("setup ", SETUP);
    steps.conclude()
}

/// The formatter and the linter, which a minimal installation of Rust does not have.
///
/// # Errors
/// They are not there and rustup cannot add them.
pub(crate) fn rust() -> Result<Tally, String> {
    let has = |name| answers("cargo", &[name, "--version"]);
    if !(has("fmt") && has("clippy")) {
        let add = program("rustup", &["component", "add", "rustfmt", "clippy"])?;
        if !show(add)?.succeeded || !has("fmt") || !has("clippy") {
            return Err(
                "rustfmt and clippy are not here, and rustup could not add them".to_owned(),
            );
        }
    }
    Ok(Tally::ONE)
}

/// What the README asks the decision API with.
///
/// # Errors
/// It is not there and apt cannot install it.
pub(crate) fn curl() -> Result<Tally, String> {
    if !answers("curl", &["--version"]) {
        apt(&["curl"])?;
    }
    Ok(Tally::ONE)
}

/// The conformance suite of the language that conditions are a subset of.
///
/// # Errors
/// As [`cel_spec`].
pub(crate) fn cel_suite() -> Result<Tally, String> {
    cel_spec().map(|_| Tally::ONE)
}

/// The folder of the CEL suite, fetched if it is not there or if another version is wanted now.
///
/// # Errors
/// npm or node is missing or fails.
pub(crate) fn cel_spec() -> Result<PathBuf, String> {
    let folder = root()?.join("target").join("cel-spec");
    let wanted = root()?.join(CEL_LOCK);
    let wanted = fs::read(&wanted).map_err(|error| format!("{}: {error}", wanted.display()))?;
    // Written last, so that an interrupted fetch is made again.
    let stamp = folder.join("fetched");
    if fs::read(&stamp).is_ok_and(|fetched| fetched == wanted) {
        return Ok(folder);
    }
    let mut fetch = cargo(&[
        "run",
        "--quiet",
        "-p",
        "stage0-tests",
        "--bin",
        "cel-conformance",
        "--",
        "fetch",
    ])?;
    fetch.env(CEL_SPEC_VARIABLE, &folder);
    if !show(fetch)?.succeeded {
        return Err(
            "the CEL suite could not be fetched; it comes from npm, which Node.js brings"
                .to_owned(),
        );
    }
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(folder)
}
