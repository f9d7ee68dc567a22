//! `stage0 audit`: logs of receipts, held against themselves, read and handed on.

mod checkpoint;
mod export;
mod read;
mod show;
mod verify;

use clap::{Args, Subcommand, ValueEnum};

use crate::exit::{Exit, Failure};
use crate::output::Format;

/// Verify, read and export logs of decisions
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "`stage0 check --audit LOG` writes a log: one line for each decision, and one for each outcome that `stage0 outcome \
--audit LOG` tells. Each line has a number and the hash of the line before, and a checkpoint is somebody's signature under \
all of it so far.

Files that were put aside because they were full (LOG.000000005000) are read along with LOG."
)]
pub(crate) struct Audit {
    #[command(subcommand)]
    verb: AuditVerb,
}

#[derive(Debug, Subcommand)]
enum AuditVerb {
    Verify(verify::Verify),
    Show(show::Show),
    Export(export::Export),
    Checkpoint(checkpoint::Sign),
}

/// A form for people, or one for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

impl Audit {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.verb {
            AuditVerb::Verify(verb) => verb.run(),
            AuditVerb::Show(verb) => verb.run(),
            AuditVerb::Export(verb) => verb.run(),
            AuditVerb::Checkpoint(verb) => verb.run(),
        }
    }

    /// The form in which problems are told.
    pub(crate) fn problem_format(&self) -> Format {
        let form = match &self.verb {
            AuditVerb::Verify(verb) => verb.form,
            AuditVerb::Show(verb) => verb.form,
            AuditVerb::Export(_) | AuditVerb::Checkpoint(_) => Form::Text,
        };
        match form {
            Form::Text => Format::Text,
            Form::Json => Format::Json,
        }
    }
}
