//! Named steps, one after another: all of them run, and the end says what came of each.
//!
//! A step that fails does not stop the others, so one run tells everything that is wrong. The closing
//! line adds up every check that ran; a step that could not run counts as one that failed.

use std::time::Instant;

use crate::command::{Finished, Tally};
use crate::parts::Part;

/// Steps that have run.
#[derive(Debug)]
pub(crate) struct Steps {
    started: Instant,
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    seconds: f64,
    tally: Tally,
    trouble: Option<String>,
}

impl Steps {
    /// No step yet.
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs a step. It says how many checks passed and failed, or why it could not run.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<Tally, String>) {
        println!("\n==> {name}");
        let started = Instant::now();
        let (tally, trouble) = match step() {
            Ok(tally) => (tally, None),
            Err(trouble) => {
                println!("{name} FAILED: {trouble}");
                (
                    Tally {
                        passed: 0,
                        failed: 1,
                    },
                    Some(trouble),
                )
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        self.done.push(Step {
            name: name.to_owned(),
            seconds,
            tally,
            trouble,
        });
    }

    /// Runs parts as steps, whose names begin with this.
    pub(crate) fn run_all(&mut self, prefix: &str, parts: &[Part]) {
        for part in parts {
            self.run(&format!("{prefix}{}", part.name), part.run);
        }
    }

    /// Prints what came of the steps, and a closing line that adds up their checks.
    ///
    /// # Errors
    /// Something failed.
    pub(crate) fn conclude(self) -> Result<(), String> {
        println!();
        let mut total = Tally::default();
        for step in &self.done {
            let Tally { passed, failed } = step.tally;
            let verdict = if failed == 0 { "ok" } else { "FAILED" };
            let trouble = step
                .trouble
                .as_deref()
                .and_then(|trouble| trouble.lines().next());
            println!(
                "{:<14} {verdict:<7} {passed:>6} passed {failed:>4} failed {:>7.1} s  {}",
                step.name,
                step.seconds,
                trouble.unwrap_or("")
            );
            total = total.and(step.tally);
        }
        println!("{:.1} s in all", self.started.elapsed().as_secs_f64());
        println!("{} passed, {} failed", total.passed, total.failed);
        if total.failed > 0 {
            return Err("something failed".to_owned());
        }
        Ok(())
    }
}

/// One check: the program succeeded.
///
/// # Errors
/// It did not.
pub(crate) fn one_check(finished: &Finished) -> Result<Tally, String> {
    if finished.succeeded {
        Ok(Tally::ONE)
    } else {
        Err("see above".to_owned())
    }
}

/// The checks of a test runner.
///
/// # Errors
/// It ran no test, left one out, or failed without saying that a test did: it did not compile, or crashed.
pub(crate) fn test_checks(finished: &Finished) -> Result<Tally, String> {
    let tally = Tally::of(&finished.text);
    let skipped = Tally::skipped(&finished.text);
    if skipped > 0 {
        return Err(format!("{skipped} tests were skipped"));
    }
    match (finished.succeeded, tally) {
        (true, Tally { passed: 0, .. }) => Err("no test ran".to_owned()),
        (false, Tally { failed: 0, .. }) => Err("the tests did not run to their end".to_owned()),
        _ => Ok(tally),
    }
}
