//! `cargo xtask bench [quick|npm|python|runs|server]`: how long deciding takes, beside a program written by hand; for a
//! language, how long it takes from there, beside what else its registry has; for runs, what keeping them
//! costs; for the decision API, beside a bare handler.
//!
//! The measurements are two programs of the tests crate: one takes times and must not be slowed down,
//! the other counts allocations and is. Their figures are compared with the targets of
//! `tests/bench/README.md`, and a missed one is told, not failed: times belong to a machine.

use std::fs;

use crate::command::{cargo, root, show};
use crate::npm;
use crate::python;
use crate::wasm::told;

/// Builds and runs both programs.
///
/// # Errors
/// They do not build, or the engines that are compared do not agree.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let quick = match args {
        [] => None,
        [word] if word == "quick" => Some("quick"),
        [word] if word == "npm" => return npm::bench(),
        [word] if word == "python" => return python::bench(),
        [word] if word == "runs" => return runs(),
        [word] if word == "server" => return server(),
        _ => return Err("usage: cargo xtask bench [quick|npm|python|runs|server]".to_owned()),
    };
    for program in ["bench", "bench_memory"] {
        measure(program, quick)?;
    }
    Ok(())
}

/// Decides with what memory and a file keep.
fn runs() -> Result<(), String> {
    let folder = root()?.join("target").join("bench-runs");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| told(&folder, &error))?;
    measure("bench-runs", folder.join("runs.db").to_str())
}

/// Asks the decision API, beside a bare handler.
fn server() -> Result<(), String> {
    let folder = root()?.join("target").join("bench-server");
    let _ = fs::remove_dir_all(&folder);
    measure("bench_server", folder.to_str())
}

/// Builds and runs a program of the tests crate.
fn measure(program: &str, argument: Option<&str>) -> Result<(), String> {
    let mut command = cargo(&[
        "run",
        "--quiet",
        "--release",
        "-p",
        "stage0-tests",
        "--bin",
        program,
    ])?;
    let arguments = argument.map(|argument| ["--", argument]);
    command.args(arguments.into_iter().flatten());
    if show(command)?.succeeded {
        Ok(())
    } else {
        Err(format!("{program} failed"))
    }
}
