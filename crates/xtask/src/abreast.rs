//! Programs that do not depend on each other, two at a time.
//!
//! Most judges of a package use one core and wait for the disk. What each says is printed whole, in the
//! order in which they stand and not in that in which they end, so that it reads as if they had run one
//! after another. All of them run; the error names those that failed.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

/// How many run at a time: the cores of a small machine. More would only slow down those that take times.
const AT_A_TIME: usize = 2;

/// A program with the name that its failure is told by.
#[derive(Debug)]
pub(crate) struct Check {
    name: String,
    command: Command,
}

impl Check {
    pub(crate) fn new(name: impl Into<String>, command: Command) -> Self {
        let name = name.into();
        Self { name, command }
    }

    /// What it printed, and whether it succeeded.
    fn run(mut self) -> Outcome {
        let (succeeded, text) = match self.command.stdin(Stdio::null()).output() {
            Ok(output) => {
                let printed = [output.stdout, output.stderr].concat();
                let text = String::from_utf8_lossy(&printed).into_owned();
                (output.status.success(), text)
            }
            Err(error) => (false, format!("cannot be run: {error}\n")),
        };
        Outcome {
            name: self.name,
            succeeded,
            text,
        }
    }
}

struct Outcome {
    name: String,
    succeeded: bool,
    text: String,
}

/// Runs every program to its end, and wants all of them to succeed.
///
/// # Errors
/// The names of those that failed or cannot be run.
pub(crate) fn all_succeed(checks: Vec<Check>) -> Result<(), String> {
    let waiting = Mutex::new(checks.into_iter().enumerate());
    let next = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let (ended, endings) = mpsc::channel();
    let mut failed = Vec::new();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            let ended = ended.clone();
            scope.spawn(move || {
                while let Some((place, check)) = next() {
                    // Nobody hears it who has given up already.
                    let _ = ended.send((place, check.run()));
                }
            });
        }
        drop(ended);
        let mut early = BTreeMap::new();
        let mut turn: usize = 0;
        for (place, outcome) in endings {
            early.insert(place, outcome);
            while let Some(outcome) = early.remove(&turn) {
                print!("{}", outcome.text);
                if !outcome.succeeded {
                    println!("{} FAILED", outcome.name);
                    failed.push(outcome.name);
                }
                turn = turn.saturating_add(1);
            }
        }
    });
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("failed: {}", failed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{Check, all_succeed};
    use crate::command::program;

    #[test]
    fn all_run_and_those_that_fail_are_told_in_their_order() {
        let check = |name: &str, words: &[&str]| Check::new(name, program("cargo", words).unwrap());
        assert_eq!(all_succeed(Vec::new()), Ok(()));
        let fine = || check("fine", &["--version"]);
        assert_eq!(all_succeed(vec![fine(), fine(), fine()]), Ok(()));
        let wrong = check("wrong", &["no-such-verb"]);
        let missing = Check::new("missing", program("no-such-program", &[]).unwrap());
        assert_eq!(
            all_succeed(vec![wrong, fine(), missing, fine()]),
            Err("failed: wrong, missing".to_owned())
        );
    }
}
