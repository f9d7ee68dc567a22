//! Why a line is not kept.

use core::fmt;

use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

/// Why a line is not kept.
#[derive(Debug)]
pub enum SinkError {
    /// The text is no record: too long, or on several lines.
    NoRecord,
    /// The file cannot be read or written.
    File {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Another writer has the file.
    Locked {
        /// The file.
        path: String,
    },
    /// The file does not end in a line of a chain, so nothing can follow it.
    Damaged {
        /// The file.
        path: String,
        /// What is wrong, in one sentence.
        why: String,
    },
    /// The host's function did not keep it, and why.
    Refused(String),
}

impl SinkError {
    /// The error as a problem.
    pub fn to_problem(&self) -> Problem {
        let (code, help) = match self {
            Self::NoRecord => (
                ProblemCode::RecordInvalid,
                "a record is the text of one JSON object, on one line",
            ),
            Self::File { .. } | Self::Refused(_) => (
                ProblemCode::FileUnwritable,
                "what cannot be written down must not be allowed",
            ),
            Self::Locked { .. } => (
                ProblemCode::FileUnwritable,
                "a log has one writer at a time: give each process a log of its own",
            ),
            Self::Damaged { .. } => (
                ProblemCode::AuditDamaged,
                "`stage0 audit verify` tells where; put the file aside and begin a new log",
            ),
        };
        Problem::new(code, self.to_string()).help(help)
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecord => f.write_str("this is no record that a line could hold"),
            Self::File { path, error } => write!(f, "`{path}` cannot be kept: {error}"),
            Self::Locked { path } => write!(f, "another process writes `{path}`"),
            Self::Damaged { path, why } => {
                write!(f, "nothing can follow the end of `{path}`: {why}")
            }
            Self::Refused(why) => write!(f, "the line was not kept: {why}"),
        }
    }
}

impl core::error::Error for SinkError {}
