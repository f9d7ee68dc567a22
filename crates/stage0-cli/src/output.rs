//! What is printed, where, and whether in colour.
//!
//! Texts are made with colours; writing leaves them out where no terminal would show them. A failure
//! to write to standard output is an error of the verb: nobody may take silence for an answer.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On terminals, unless `NO_COLOR` is set.
    Auto,
    /// Always, also into files.
    Always,
    /// Never.
    Never,
}

impl ColorWhen {
    /// The value of `--color` among raw arguments, if it is there and makes sense.
    pub(crate) fn among(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments
            .take_while(|argument| argument != "--")
            .map(|argument| argument.to_string_lossy().into_owned());
        while let Some(argument) = arguments.next() {
            let value = match argument.strip_prefix("--color") {
                Some("") => arguments.next()?,
                Some(value) => value.strip_prefix('=')?.to_owned(),
                None => continue,
            };
            return Self::from_str(&value, false).ok();
        }
        None
    }

    /// Makes it count for everything that is printed from here on.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::AlwaysAnsi,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }

    /// The same for the help that is printed while arguments are read.
    pub(crate) fn for_help(self) -> clap::ColorChoice {
        match self {
            Self::Auto => clap::ColorChoice::Auto,
            Self::Always => clap::ColorChoice::Always,
            Self::Never => clap::ColorChoice::Never,
        }
    }
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text on a terminal, JSON anywhere else. Problems are text either way.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
    /// JSON for people: indented and coloured.
    Pretty,
}

/// Whether standard output is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Prints to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints to standard error, where a failure can be told to nobody.
pub(crate) fn tell(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}
