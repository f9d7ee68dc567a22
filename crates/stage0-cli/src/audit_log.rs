//! Where decisions are written down: a log of receipts that name each other.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stage0_audit::sink::{FileSink, FileSinkOptions, Repair, Sink as _, SinkError};
use stage0_engine::time::Timestamp;
use stage0_wire::REDACTION_SECRET_BYTES;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use crate::input::{is_stdin, name_of, reason};
use crate::output::tell;
use crate::secret::secret_beside;

/// Where decisions are written down.
#[derive(Debug, Args)]
pub(crate) struct AuditLog {
    /// Write down what was decided, as a line at the end of this log, before the answer is given: a chain
    /// that `stage0 audit verify` holds against itself
    #[arg(long = "audit", value_name = "LOG")]
    pub(crate) path: Option<PathBuf>,
}

/// How much of a request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kept {
    /// The facts that the decision read
    Facts,
    /// Everything, so that `stage0 replay` can make it again
    Full,
}

/// Adds a line to a log. It is on the disk when this returns.
pub(crate) fn append(path: &Path, record: &str, now: Timestamp) -> Result<(), Problem> {
    let mut sink = open(path)?;
    sink.append(record, now)
        .map(|_| ())
        .map_err(|error| problem(path, &error))
}

/// Opens a log, and says what had to be done to it.
pub(crate) fn open(path: &Path) -> Result<FileSink, Problem> {
    if is_stdin(path) {
        let message = "a log is a file, and `-` is none";
        return Err(Problem::new(ProblemCode::FileUnwritable, message)
            .help("name a file, such as `decisions.jsonl`"));
    }
    let sink = FileSink::open(path, FileSinkOptions::default());
    let sink = sink.map_err(|error| problem(path, &error))?;
    match sink.repair() {
        Some(Repair::Cut { bytes }) => tell(&format!(
            "{}: the last line had not been finished; its {bytes} bytes were taken away\n",
            name_of(path)
        )),
        Some(Repair::Completed) => tell(&format!(
            "{}: the last line had not been ended; it was\n",
            name_of(path)
        )),
        None => {}
    }
    Ok(sink)
}

/// The secret that redacted values of a log are digested with: in a file beside it, `LOG.secret`, which is made if it
/// is not there, and which only its owner reads.
///
/// # Errors
/// It cannot be read or made, or is of another length.
pub fn redaction_secret(path: &Path) -> Result<[u8; REDACTION_SECRET_BYTES], Problem> {
    let mut name = path.as_os_str().to_owned();
    name.push(".secret");
    secret_beside(&PathBuf::from(name))
}

pub(crate) fn problem(path: &Path, error: &SinkError) -> Problem {
    match error {
        SinkError::File { error, .. } => {
            let message = format!("`{}` cannot be written: {}", name_of(path), reason(error));
            Problem::new(ProblemCode::FileUnwritable, message)
        }
        _ => error.to_problem(),
    }
}
