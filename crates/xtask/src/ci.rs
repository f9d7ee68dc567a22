//! `cargo xtask ci`: everything that `test` runs, what is built, and what takes long.
//!
//! Every step is also a verb, or part of one, that developers run by hand, so no command here can rot
//! unseen. For each change it is enough to run `test`, which `.ci/run` does.

use crate::parts::{BUILD, LONG_CHECKS};
use crate::steps::Steps;
use crate::test;

/// Runs every step of CI.
///
/// # Errors
/// Something failed; the closing lines say what.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if !args.is_empty() {
        return Err("usage: cargo xtask ci".to_owned());
    }
    let mut steps = Steps::new();
    test::add(&mut steps);
    steps.run_all("build ", BUILD);
    steps.run_all("", LONG_CHECKS);
    steps.conclude()
}
