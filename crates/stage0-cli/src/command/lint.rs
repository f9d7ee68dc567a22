//! `stage0 lint`: everything that is wrong with policies, or probably not meant.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stage0_engine::limits::POLICY_BYTES_MAX;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::{Problem, Severity, problems_to_json};

use crate::exit::{Exit, Failure, render};
use crate::folder::{FileKind, files_in, kind_of};
use crate::input::{beside, name_of, read};
use crate::load::load_policy;
use crate::output::{Format, print};
use crate::paint::{BAD, GOOD, UNSURE, paint};

/// Report everything that is wrong with policies, or probably not meant
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0  no errors, and with --deny-warnings no warnings either
  1  there are some
  2  the command line makes no sense")]
pub(crate) struct Lint {
    /// Policies, or folders of them; this folder if none is named, `-` is standard input
    #[arg(value_name = "PATH")]
    files: Vec<PathBuf>,

    /// Let warnings fail as errors do
    #[arg(long)]
    deny_warnings: bool,

    /// The form of the report: text, or json for programs
    #[arg(
        long,
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    format: ReportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    Text,
    Json,
}

impl Lint {
    /// The form in which problems are told.
    pub(crate) fn problem_format(&self) -> Format {
        match self.format {
            ReportFormat::Text => Format::Text,
            ReportFormat::Json => Format::Json,
        }
    }

    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let files = policies(&self.files)?;
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
        if self.format == ReportFormat::Json {
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

/// The policies among files and folders; of this folder if none is named.
fn policies(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut policies = Vec::new();
    for path in paths {
        let path = beside(Path::new(""), path);
        if !path.is_dir() && !path.as_os_str().is_empty() {
            policies.push(path);
            continue;
        }
        policies.extend(files_in(&path)?.into_iter().filter(|file| {
            // What cannot be read in a folder is no policy of ours.
            read(file, POLICY_BYTES_MAX).is_ok_and(|bytes| kind_of(&bytes) == FileKind::Policy)
        }));
    }
    if policies.is_empty() {
        let message = match paths {
            [_] if paths == here => "there is no policy here".to_owned(),
            [one] => format!("there is no policy in `{}`", name_of(one)),
            _ => "there is no policy in these folders".to_owned(),
        };
        return Err(Problem::new(ProblemCode::NothingFound, message)
            .help("`stage0 init` writes one to begin with"));
    }
    Ok(policies)
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
