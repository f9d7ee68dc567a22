//! `cargo xtask conformance [cel]`: our condition language against the suite of the language it is a
//! subset of.
//!
//! The suite is fetched by `setup`; the test that runs it, and the list of what differs and why, are
//! in the tests crate. This verb only brings the two together and shows the test's own report.

use crate::command::{cargo, show};
use crate::setup::{CEL_SPEC_VARIABLE, cel_spec};
use crate::steps::{Steps, test_checks};

/// Runs the suite.
///
/// # Errors
/// The suite is unknown, cannot be fetched, or a test of it fails.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if !matches!(args, [] | [_]) || args.iter().any(|suite| suite != "cel") {
        return Err("usage: cargo xtask conformance [cel]".to_owned());
    }
    let mut steps = Steps::new();
    steps.run("cel", || {
        let mut test = cargo(&["test", "-p", "stage0-tests", "cel", "--", "--nocapture"])?;
        test.env(CEL_SPEC_VARIABLE, cel_spec()?);
        test_checks(&show(test)?)
    });
    steps.conclude()
}
