//! `cargo xtask test [--host NAME]`: everything that has to hold before a change is taken.
//!
//! This is the README's test command, and what CI runs. With `--host` one host is asked with the corpus
//! and with random questions, which is what whoever writes a host wants to see.

use crate::checks;
use crate::command::Tally;
use crate::hosts;
use crate::parts::{CHECKS, SETUP};
use crate::steps::Steps;

/// Runs every check.
///
/// # Errors
/// Something failed; the closing lines say what.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut steps = Steps::new();
    match args.as_slice() {
        [] => add(&mut steps),
        ["--host", name] => {
            let hosts = hosts::named(Some(name))?;
            steps.run("corpus", || hosts::corpus(&hosts));
            steps.run("differential", || {
                hosts::differential(&hosts, checks::SHORT)
            });
        }
        _ => return Err("usage: cargo xtask test [--host NAME]".to_owned()),
    }
    steps.conclude()
}

/// Adds the setup and every check to other steps.
pub(crate) fn add(steps: &mut Steps) {
    steps.run("setup", || {
        let mut tally = Tally::default();
        for part in SETUP {
            tally = tally.and((part.run)().map_err(|trouble| format!("{}: {trouble}", part.name))?);
        }
        Ok(tally)
    });
    steps.run_all("", CHECKS);
}
