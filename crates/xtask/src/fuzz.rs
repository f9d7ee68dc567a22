//! `cargo xtask fuzz [--seconds N]`: mutated texts through every door, for a bounded time.
//!
//! The bodies are the ignored tests of the tests crate whose names begin with `fuzz_`: each takes the
//! corpus, mutates it from a fixed seed and checks what must hold whatever comes in. They run on
//! stable. Where a nightly toolchain, cargo-fuzz and targets for it are there, those run too, guided
//! by coverage.

use crate::command::{Tally, answers, cargo, program, read, root, show};
use crate::steps::{Steps, one_check, test_checks};

/// Tells the bodies when to stop.
const SECONDS_VARIABLE: &str = "STAGE0_FUZZ_SECONDS";

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
    let seconds = match args {
        [] => SECONDS_DEFAULT,
        [flag, seconds] if flag == "--seconds" => {
            let seconds = seconds
                .parse::<u64>()
                .map_err(|_| format!("`{seconds}` is no number of seconds"))?;
            seconds.min(SECONDS_MAX)
        }
        _ => return Err("usage: cargo xtask fuzz [--seconds N]".to_owned()),
    };
    let mut steps = Steps::new();
    steps.run("stable", || {
        let filter = [
            "test",
            "-p",
            "stage0-tests",
            "--",
            "--ignored",
            "--nocapture",
            "fuzz_",
        ];
        let mut test = cargo(&filter)?;
        test.env(SECONDS_VARIABLE, seconds.to_string());
        test_checks(&show(test)?)
    });
    let has_targets = root()?.join(FUZZ_FOLDER).join("Cargo.toml").exists();
    if has_targets && answers("cargo", &["+nightly", "fuzz", "--version"]) {
        steps.run("cargo-fuzz", || guided(seconds));
    } else {
        println!(
            "guided by coverage: not run, it needs {FUZZ_FOLDER}, a nightly toolchain and cargo-fuzz"
        );
    }
    steps.conclude()
}

fn guided(seconds: u64) -> Result<Tally, String> {
    let targets = read(program(
        "cargo",
        &["+nightly", "fuzz", "list", "--fuzz-dir", FUZZ_FOLDER],
    )?)?;
    let mut tally = Tally::default();
    for target in targets.split_whitespace() {
        let mut fuzz = program(
            "cargo",
            &[
                "+nightly",
                "fuzz",
                "run",
                "--fuzz-dir",
                FUZZ_FOLDER,
                target,
                "--",
            ],
        )?;
        fuzz.arg(format!("-max_total_time={seconds}"));
        tally = tally.and(one_check(&show(fuzz)?)?);
    }
    Ok(tally)
}
