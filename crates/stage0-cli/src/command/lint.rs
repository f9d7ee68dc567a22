//! `stage0 lint`: everything that is wrong with policies, or probably not meant.

use std::path::PathBuf;

use clap::Args;
use stage0_wire::problem::{Problem, Severity, problems_to_json};

use crate::exit::{Exit, Failure, render};
use crate::input::load_policy;
use crate::output::{Format, print};
use crate::paint::{BAD, GOOD, UNSURE, paint};

/// Report everything that is wrong with policies, or probably not meant
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0  no errors, and with --deny-warnings no warnings either
  1  there are some
  2  the command line makes no sense")]
pub(crate) struct Lint {
    /// The policies; `policy.yaml` if none is named, `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Let warnings fail as errors do
    #[arg(long)]
    deny_warnings: bool,

    /// The form of the report
    #[arg(
        long,
        value_name = "FORM",
        default_value = "text",
        help_heading = "Display"
    )]
    pub(crate) format: Format,
}

impl Lint {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut files = self.files;
        if files.is_empty() {
            files.push(PathBuf::from("policy.yaml"));
        }
        let mut problems: Vec<Problem> = Vec::new();
        for file in &files {
            match load_policy(file) {
                Ok(policy) => problems.extend(policy.warnings().iter().cloned()),
                Err(found) => problems.extend(found),
            }
        }
        // A file that two policies import is reported once.
        let mut seen: Vec<Problem> = Vec::new();
        for problem in problems {
            if !seen.contains(&problem) {
                seen.push(problem);
            }
        }
        let count = |severity| {
            let found = seen.iter().filter(|problem| problem.severity() == severity);
            found.count()
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        if self.format == Format::Json {
            print(&format!("{{\"problems\":{}}}\n", problems_to_json(&seen)))?;
        } else {
            let mut out = render(&seen);
            if !seen.is_empty() {
                out.push('\n');
            }
            out.push_str(&summary(files.len(), errors, warnings));
            print(&out)?;
        }
        let failed = errors > 0 || (self.deny_warnings && warnings > 0);
        Ok(if failed { Exit::Problem } else { Exit::Success })
    }
}

fn summary(files: usize, errors: usize, warnings: usize) -> String {
    let counted = |count: usize, word: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {word}{plural}")
    };
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(paint(BAD, &counted(errors, "error")));
    }
    if warnings > 0 {
        parts.push(paint(UNSURE, &counted(warnings, "warning")));
    }
    if parts.is_empty() {
        parts.push(paint(GOOD, "nothing to report"));
    }
    let files = match files {
        1 => String::new(),
        many => format!(" in {many} files"),
    };
    format!("{}{files}\n", parts.join(", "))
}
