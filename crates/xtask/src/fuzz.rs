//! `cargo xtask fuzz [--seconds N] [--seed S] [--guided]`: mutated texts through every door, for a bounded
//! time.
//!
//! The bodies are in the tests crate: each takes samples, mutates them from a seed and checks what must
//! hold whatever comes in. They run on stable. With `--guided` cargo-fuzz runs the same bodies guided by
//! coverage, which needs a nightly toolchain.

use crate::command::{Tally, cargo, program, read, show};
use crate::steps::{Steps, one_check};

/// Long enough to find what a change has just broken.
const SECONDS_DEFAULT: u64 = 20;

/// No run is longer than an hour, whatever is asked for.
const SECONDS_MAX: u64 = 3_600;

/// Where cargo-fuzz finds its targets.
const FUZZ_FOLDER: &str = "tests/fuzz";

/// Runs every body for so many seconds.
///
/// # Errors
/// The arguments are not as in the usage, or a body found something.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("`{text}` is no number"))
    };
    let (mut seconds, mut seed, mut is_guided) = (SECONDS_DEFAULT, None, false);
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    while let Some((first, rest)) = args.split_first() {
        let used = match (*first, rest.first()) {
            ("--guided", _) => {
                is_guided = true;
                1
            }
            ("--seconds", Some(value)) => {
                seconds = number(value)?.min(SECONDS_MAX);
                2
            }
            ("--seed", Some(value)) => {
                seed = Some(number(value)?);
                2
            }
            _ => {
                return Err(
                    "usage: cargo xtask fuzz [--seconds N] [--seed S] [--guided]".to_owned(),
                );
            }
        };
        args.drain(..used);
    }
    let mut steps = Steps::new();
    if is_guided {
        steps.run("guided", || guided(seconds));
    } else {
        steps.run("fuzz", || doors(seconds, seed));
    }
    steps.conclude()
}

/// Every body on stable, for so many seconds each.
///
/// # Errors
/// A body found something.
pub(crate) fn doors(seconds: u64, seed: Option<u64>) -> Result<Tally, String> {
    let run = [
        "run",
        "--quiet",
        "-p",
        "stage0-tests",
        "--bin",
        "fuzz",
        "--",
        "doors",
    ];
    let mut fuzz = cargo(&run)?;
    fuzz.arg(seconds.to_string());
    fuzz.args(seed.map(|seed| seed.to_string()));
    one_check(&show(fuzz)?)
}

fn guided(seconds: u64) -> Result<Tally, String> {
    let samples = [
        "run",
        "--quiet",
        "-p",
        "stage0-tests",
        "--bin",
        "fuzz",
        "--",
        "samples",
    ];
    one_check(&show(cargo(&samples)?)?)?;
    let list = ["+nightly", "fuzz", "list", "--fuzz-dir", FUZZ_FOLDER];
    let targets = read(program("cargo", &list)?)
        .map_err(|error| format!("it needs a nightly toolchain and cargo-fuzz: {error}"))?;
    let mut tally = Tally::default();
    for target in targets.split_whitespace() {
        let run = [
            "+nightly",
            "fuzz",
            "run",
            "--fuzz-dir",
            FUZZ_FOLDER,
            target,
            "--",
        ];
        let mut fuzz = program("cargo", &run)?;
        fuzz.arg(format!("-max_total_time={seconds}"));
        tally = tally.and(one_check(&show(fuzz)?)?);
    }
    Ok(tally)
}
