//! `cargo xtask conformance [cel [update]]`: our condition language against the suite of the language
//! it is a subset of.
//!
//! The suite is fetched by `setup`; the program that runs it, its checked-in score and the list of
//! what differs and why are in the tests crate. `update` writes the score anew, to be reviewed as a
//! diff.

use crate::command::{cargo, show};
use crate::setup::{CEL_SPEC_VARIABLE, cel_spec};

/// Runs the suite.
///
/// # Errors
/// The suite cannot be fetched, or its score is not the one that is checked in.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let update = match args.as_slice() {
        [] | ["cel"] => None,
        ["cel", "update"] => Some("update"),
        _ => return Err("usage: cargo xtask conformance [cel [update]]".to_owned()),
    };
    let mut suite = cargo(&[
        "run",
        "--quiet",
        "-p",
        "stage0-tests",
        "--bin",
        "cel-conformance",
    ])?;
    suite.args(update.map(|update| ["--", update]).into_iter().flatten());
    suite.env(CEL_SPEC_VARIABLE, cel_spec()?);
    if show(suite)?.succeeded {
        Ok(())
    } else {
        Err("the score is not as written down".to_owned())
    }
}
