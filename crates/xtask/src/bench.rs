//! `cargo xtask bench [quick]`: how long deciding takes, beside a program written by hand.
//!
//! The measurements are two programs of the tests crate: one takes times and must not be slowed down,
//! the other counts allocations and is. Their figures are compared with the targets of
//! `tests/bench/README.md`, and a missed one is told, not failed: times belong to a machine.

use crate::command::{cargo, show};
use crate::python;

/// Builds and runs both programs.
///
/// # Errors
/// They do not build, or the engines that are compared do not agree.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let quick = match args {
        [] => None,
        [word] if word == "quick" => Some("quick"),
        [word] if word == "python" => return python::bench(),
        _ => return Err("usage: cargo xtask bench [quick|python]".to_owned()),
    };
    for program in ["bench", "bench_memory"] {
        let mut command = cargo(&[
            "run",
            "--quiet",
            "--release",
            "-p",
            "stage0-tests",
            "--bin",
            program,
        ])?;
        command.args(quick.map(|quick| ["--", quick]).into_iter().flatten());
        if !show(command)?.succeeded {
            return Err(format!("{program} failed"));
        }
    }
    Ok(())
}
