//! Why a state could not be had or kept.

use std::fmt;

use stage0_wire::problem::Problem;

use crate::key::Key;

/// Why a state could not be had or kept. No gate lets anything run on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// Another one was faster, each time. Asking again may help.
    Contended,
    /// Another process holds the file for longer than is waited. Asking again may help.
    Busy(String),
    /// The rows cannot be read.
    Unreadable(String),
    /// The rows cannot be written: there is no room, or no right to.
    Unwritable(String),
    /// The file is not one that keeps runs, or is damaged.
    Damaged(String),
    /// The file has a form that this version does not read.
    Version(String),
    /// A row is not what Stage0 wrote.
    Text {
        /// The row.
        key: Key,
        /// What is wrong with it.
        problems: Vec<Problem>,
    },
    /// A state that one run has was asked for another one's.
    Elsewhere(Key),
    /// The clock shows no time between the years 1 and 9999.
    Clock,
}

impl StoreError {
    /// A word for it that programs can rely on.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Contended => "STORE_CONTENDED",
            Self::Busy(_) => "STORE_BUSY",
            Self::Unreadable(_) => "STORE_UNREADABLE",
            Self::Unwritable(_) => "STORE_UNWRITABLE",
            Self::Damaged(_) | Self::Text { .. } | Self::Elsewhere(_) => "STORE_DAMAGED",
            Self::Version(_) => "STORE_VERSION",
            Self::Clock => "STORE_CLOCK",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contended => {
                f.write_str("the run was changed by others each time that it was decided")
            }
            Self::Busy(what)
            | Self::Unreadable(what)
            | Self::Unwritable(what)
            | Self::Damaged(what)
            | Self::Version(what) => f.write_str(what),
            Self::Text { key, problems } => {
                write!(f, "`{key}` is not what was kept")?;
                match problems.first() {
                    Some(problem) => write!(f, ": {}", problem.message()),
                    None => Ok(()),
                }
            }
            Self::Elsewhere(key) => write!(f, "`{key}` is not part of this state"),
            Self::Clock => f.write_str("the clock shows no time between the years 1 and 9999"),
        }
    }
}

impl std::error::Error for StoreError {}
