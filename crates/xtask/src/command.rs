//! Running other programs from the workspace's root, with their output shown and kept.
//!
//! A program that is not there is an error with its name, never a skipped step. What the output
//! means is not known here, except how many tests a test runner says it ran.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// The workspace's root folder.
///
/// # Errors
/// This crate does not stand where it should, two folders below the root.
pub(crate) fn root() -> Result<PathBuf, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .ancestors()
        .nth(2)
        .ok_or("the workspace has no root folder")?;
    Ok(root.to_path_buf())
}

/// A program that will run in the workspace's root, without colours.
///
/// # Errors
/// As [`root`].
pub(crate) fn program(name: &str, arguments: &[&str]) -> Result<Command, String> {
    let mut command = Command::new(name);
    command
        .args(arguments)
        .current_dir(root()?)
        .env("CARGO_TERM_COLOR", "never");
    Ok(command)
}

/// The cargo that runs this task, so that a chosen toolchain stays chosen.
///
/// # Errors
/// As [`root`].
pub(crate) fn cargo(arguments: &[&str]) -> Result<Command, String> {
    program(
        &std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()),
        arguments,
    )
}

/// Whether a program is there and answers these arguments with success.
pub(crate) fn answers(name: &str, arguments: &[&str]) -> bool {
    program(name, arguments).is_ok_and(|mut command| {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// What a program printed, and whether it succeeded.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) succeeded: bool,
    pub(crate) text: String,
}

/// Runs a program to its end, showing each line of its output as it comes.
///
/// # Errors
/// The program cannot be started.
pub(crate) fn show(mut command: Command) -> Result<Finished, String> {
    let name = command.get_program().to_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_run(&name, &error))?;
    let outputs = (child.stdout.take().map(echo), child.stderr.take().map(echo));
    let status = child.wait().map_err(|error| cannot_run(&name, &error))?;
    let mut text = String::new();
    for output in [outputs.0, outputs.1].into_iter().flatten() {
        text.push_str(&output.join().unwrap_or_default());
    }
    Ok(Finished {
        succeeded: status.success(),
        text,
    })
}

/// Runs a program and returns what it printed.
///
/// # Errors
/// The program cannot be started, or fails.
pub(crate) fn read(mut command: Command) -> Result<String, String> {
    let name = command.get_program().to_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_run(&name, &error))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "`{}` failed: {}",
            name.to_string_lossy(),
            told.trim()
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn cannot_run(name: &OsStr, error: &std::io::Error) -> String {
    format!("`{}` cannot be run: {error}", name.to_string_lossy())
}

fn echo(output: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut kept = String::new();
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            kept.push_str(&line);
            kept.push('\n');
        }
        kept
    })
}

/// How many checks passed and failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// One check that passed.
    pub(crate) const ONE: Self = Self {
        passed: 1,
        failed: 0,
    };

    /// Both tallies' checks.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
        }
    }

    /// What test runners say in their closing lines, added up: cargo's own and nextest's.
    pub(crate) fn of(text: &str) -> Self {
        closing_lines(text)
            .map(|line| Self {
                passed: count_before(line, "passed"),
                failed: count_before(line, "failed").saturating_add(count_before(line, "timed")),
            })
            .fold(Self::default(), Self::and)
    }

    /// How many tests they left out.
    pub(crate) fn skipped(text: &str) -> u64 {
        closing_lines(text)
            .map(|line| count_before(line, "ignored").max(count_before(line, "skipped")))
            .fold(0, u64::saturating_add)
    }
}

fn closing_lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| line.starts_with("test result:") || line.starts_with("Summary ["))
}

/// The number in front of a word; 0 where the word does not stand behind a number.
fn count_before(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line
        .split([' ', ';', ','])
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .find_map(|pair| match *pair {
            [number, found] if found == word => number.parse().ok(),
            _ => None,
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn closing_lines_of_both_test_runners_are_added_up() {
        let text = "
test result: ok. 107 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.91s
test result: FAILED. 23 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out
     Summary [   0.942s] 130 tests run: 128 passed (1 slow), 1 failed, 1 timed out, 2 skipped
     Summary [   0.042s] 3 tests run: 3 passed, 0 skipped
";
        assert_eq!(
            Tally::of(text),
            Tally {
                passed: 261,
                failed: 4
            }
        );
        assert_eq!(Tally::skipped(text), 3);
        assert_eq!(Tally::of("12 passed by the way\n"), Tally::default());
    }
}
