//! `cargo xtask bench [quick|npm|python|runs|audit|server]`: how long deciding takes, beside a program written by
//! hand; for a language, how long it takes from there, beside what else its registry has; for runs and receipts,
//! what keeping them costs; for the decision API, beside a bare handler.
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
        [word] if word == "runs" => return with_file("bench_runs", "runs.db"),
        [word] if word == "audit" => return with_file("bench_audit", "log.jsonl"),
        [word] if word == "server" => return with_file("bench_server", "files"),
        _ => {
            return Err("usage: cargo xtask bench [quick|npm|python|runs|audit|server]".to_owned());
        }
    };
    for program in ["bench", "bench_memory"] {
        measure(program, quick)?;
    }
    Ok(())
}

/// Measures what memory and a new file keep.
fn with_file(program: &str, file: &str) -> Result<(), String> {
    let folder = root()?.join("target").join(program);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| told(&folder, &error))?;
    let measured = measure(program, folder.join(file).to_str());
    // What it wrote is of no use to anybody, and large.
    let _ = fs::remove_dir_all(&folder);
    measured
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
