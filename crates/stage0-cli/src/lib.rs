//! The `stage0` command: check requests, and write, test, lint and explain policies.
//!
//! A library, so that packages of other languages bring the same command along; `main.rs` is the program.
//! One file per verb under `command`. What a verb knows comes from `stage0-wire` and
//! `stage0-engine`; this crate reads files, prints, and turns answers into exit codes. It is the only
//! crate of the project that prints.

mod advice;
mod audit_log;
mod command;
mod exit;
mod folder;
mod input;
mod load;
mod output;
mod paint;
mod pretty;
mod progress;
mod runs;
mod secret;
mod table;
mod templates;
mod trust;
mod waiting;

use std::ffi::OsString;
use std::io::{Write as _, stdout};

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

pub use crate::audit_log::redaction_secret;

use crate::advice::advise;
use crate::command::Verb;
use crate::exit::Exit;
use crate::output::{ColorWhen, Format};

/// Runtime authorization for AI agents: may this agent use this tool, with these arguments, now?
#[derive(Debug, Parser)]
#[command(
    name = "stage0",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Begin with `stage0 init`, then `stage0 test`. Every verb has its own --help."
)]
struct Arguments {
    /// When to use colours: auto (on terminals, unless `NO_COLOR` is set), always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    color: ColorWhen,

    #[command(subcommand)]
    verb: Verb,
}

/// Runs the command with these arguments, of which the first is the program's name, and gives its exit
/// code. What it prints has been written when it ends.
#[must_use]
pub fn run(arguments: &[OsString]) -> u8 {
    let exit = run_verb(arguments);
    // Whoever brings the command along may end without flushing. What is lost here was not listened to.
    let _ = stdout().flush();
    exit.code()
}

fn run_verb(arguments: &[OsString]) -> Exit {
    let mut command = Arguments::command().styles(paint::HELP);
    // Help is printed while arguments are still being read, so this one is looked for first.
    if let Some(color) = ColorWhen::among(arguments.iter().cloned()) {
        color.apply();
        command = command.color(color.for_help());
    }
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(mut error) => {
            advise(&mut error);
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
            // Nobody is left to be told that help could not be printed.
            let _ = error.print();
            return exit;
        }
    };
    arguments.color.apply();
    let format: Format = arguments.verb.format();
    match arguments.verb.run() {
        Ok(exit) => exit,
        Err(failure) => failure.report(format),
    }
}
