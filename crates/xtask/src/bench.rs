//! `cargo xtask bench [quick|npm|python|runs]`: how long deciding takes, beside a program written by hand; for a
//! language, how long it takes from there, beside what else its registry has; for runs, what keeping them takes.
//!
//! The measurements are two programs of the tests crate: one takes times and must not be slowed down,
//! the other counts allocations and is. Their figures are compared with the targets of
//! `tests/bench/README.md`, and a missed one is told, not failed: times belong to a machine.

use crate::command::{cargo, root, show};
use crate::npm;
use crate::python;
use crate::wasm::remake;

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
        _ => return Err("usage: cargo xtask bench [quick|npm|python|runs]".to_owned()),
    };
    for program in ["bench", "bench_memory"] {
        measure(program, quick)?;
    }
    Ok(())
}

/// Keeps runs, in a file of its own where a file keeps them.
fn runs() -> Result<(), String> {
    let folder = root()?.join("target").join("bench-runs");
    remake(&folder)?;
    let file = folder.join("runs.db");
    measure("bench_runs", Some(&file.display().to_string()))
}

fn measure(program: &str, word: Option<&str>) -> Result<(), String> {
    let mut command = cargo(&[
        "run",
        "--quiet",
        "--release",
        "-p",
        "stage0-tests",
        "--bin",
        program,
    ])?;
    command.args(word.map(|word| ["--", word]).into_iter().flatten());
    if !show(command)?.succeeded {
        return Err(format!("{program} failed"));
    }
    Ok(())
}
