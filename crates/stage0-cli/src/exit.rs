//! How the command ends: exit codes, and what is said when it fails.

use std::io;

use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::{Problem, problems_to_json};

use crate::input::reason;
use crate::output::{self, Format};
use crate::paint::Colors;

/// The exit codes, as every verb's help documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; for `check`, ALLOW.
    Success,
    /// A problem, a failed test: nothing was decided, or not as it should be.
    Problem,
    /// The command line makes no sense.
    Usage,
    /// DENY.
    Deny,
    /// DEFER.
    Defer,
}

impl Exit {
    /// What the program ends with.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Problem => 1,
            Self::Usage => 2,
            Self::Deny => 3,
            Self::Defer => 4,
        }
    }
}

/// Why a verb could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is wrong with what it was given.
    Problems(Vec<Problem>),
    /// The answer could not be printed. An answer that nobody got is none.
    Output(io::Error),
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self::Problems(problems)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problems(vec![problem])
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Failure {
    /// Says what is wrong on standard error.
    pub(crate) fn report(&self, format: Format) -> Exit {
        match self {
            Self::Problems(problems) => complain(problems, format),
            // Whoever closed the pipe does not listen.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Self::Output(error) => {
                let message = format!("the answer cannot be printed: {}", reason(error));
                complain(
                    &[Problem::new(ProblemCode::FileUnwritable, message)],
                    format,
                );
            }
        }
        Exit::Problem
    }
}

/// Prints problems on standard error.
pub(crate) fn complain(problems: &[Problem], format: Format) {
    if format == Format::Json {
        output::tell(&format!(
            "{{\"problems\":{}}}\n",
            problems_to_json(problems)
        ));
        return;
    }
    output::tell(&render(problems));
}

/// Problems as a person reads them, with a blank line between two.
pub(crate) fn render(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| problem.render_with(&Colors))
        .collect();
    texts.join("\n")
}
