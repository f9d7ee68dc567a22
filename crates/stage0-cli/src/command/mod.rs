//! The verbs, one file each.

mod approve;
mod audit;
mod catalog;
mod check;
mod completions;
mod eval;
mod explain;
mod init;
mod keypair;
mod keys;
mod lint;
mod outcome;
mod policy;
mod replay;
mod schema;
mod serve;
mod test;

use clap::Subcommand;

use crate::exit::{Exit, Failure};
use crate::output::Format;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Check(check::Check),
    Approve(approve::Approve),
    Outcome(outcome::Tell),
    Init(init::Init),
    Catalog(catalog::Catalog),
    Test(test::Test),
    Lint(lint::Lint),
    Explain(explain::Explain),
    Replay(replay::Replay),
    Audit(audit::Audit),
    Serve(serve::Serve),
    Keys(keys::Keys),
    Eval(eval::Eval),
    Keypair(keypair::Keypair),
    Policy(policy::Policy),
    Schema(schema::Schema),
    Completions(completions::Completions),
}

impl Verb {
    /// Does it.
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Check(verb) => verb.run(),
            Self::Approve(verb) => verb.run(),
            Self::Outcome(verb) => verb.run(),
            Self::Init(verb) => verb.run(),
            Self::Catalog(verb) => verb.run(),
            Self::Test(verb) => verb.run(),
            Self::Lint(verb) => verb.run(),
            Self::Explain(verb) => verb.run(),
            Self::Replay(verb) => verb.run(),
            Self::Audit(verb) => verb.run(),
            Self::Eval(verb) => verb.run(),
            Self::Keypair(verb) => verb.run(),
            Self::Keys(verb) => verb.run(),
            Self::Serve(verb) => verb.run(),
            Self::Policy(verb) => verb.run(),
            Self::Schema(verb) => verb.run(),
            Self::Completions(verb) => verb.run(),
        }
    }

    /// The form in which problems are told.
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Check(verb) => verb.format,
            Self::Test(verb) => verb.problem_format(),
            Self::Lint(verb) => verb.problem_format(),
            Self::Explain(verb) => verb.problem_format(),
            Self::Replay(verb) => verb.problem_format(),
            Self::Audit(verb) => verb.problem_format(),
            Self::Approve(_)
            | Self::Outcome(_)
            | Self::Init(_)
            | Self::Catalog(_)
            | Self::Eval(_)
            | Self::Keypair(_)
            | Self::Keys(_)
            | Self::Serve(_)
            | Self::Policy(_)
            | Self::Schema(_)
            | Self::Completions(_) => Format::Text,
        }
    }
}
