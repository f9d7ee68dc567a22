//! `cargo xtask ci`: what continuous integration runs, step by step.
//!
//! Every step is also a verb, or part of one, that developers run by hand, so no command here can rot
//! unseen.

use crate::steps::Steps;
use crate::test;

/// Runs every step of CI.
///
/// # Errors
/// Something failed; the closing lines say what.
pub(crate) fn run(_: &[String]) -> Result<(), String> {
    let mut steps = Steps::new();
    test::add(&mut steps);
    steps.conclude()
}
