//! What the rows of a store are called.

use std::fmt;

use stage0_engine::digest::Digest;
use stage0_engine::legible::is_hidden;

use crate::limits::RUN_ID_BYTES_MAX;
use crate::ticket::TicketId;

/// What the names of tickets begin with.
pub(crate) const TICKETS: &str = "ticket/";

/// The name of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A run.
    Run(RunId),
    /// A counter that runs share.
    Counter(Box<str>),
    /// Which counters hold an amount for a call.
    Hold(Digest),
    /// What people are asked about one action.
    Ticket(TicketId),
    /// That an operator has stopped everything.
    Halt,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(run) => write!(f, "run/{run}"),
            Self::Counter(counter) => write!(f, "counter/{counter}"),
            Self::Hold(call) => write!(f, "hold/{call}"),
            Self::Ticket(id) => write!(f, "{TICKETS}{id}"),
            Self::Halt => f.write_str("halt"),
        }
    }
}

/// The name of a run: its host's word.
///
/// ```
/// use stage0_store::RunId;
///
/// assert_eq!(RunId::new("ticket 4711").unwrap().as_str(), "ticket 4711");
/// assert!(RunId::new("").is_err() && RunId::new("a\nb").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(Box<str>);

impl RunId {
    /// A run of this name.
    ///
    /// # Errors
    /// The name is empty or too long, or has characters that nobody sees.
    pub fn new(name: &str) -> Result<Self, RunIdError> {
        let is_bounded = (1..=RUN_ID_BYTES_MAX).contains(&name.len());
        if !is_bounded || name.chars().any(is_hidden) {
            return Err(RunIdError);
        }
        Ok(Self(name.into()))
    }

    /// The one run of a state that has no others. It has no name, as it has nobody to be told apart from.
    pub fn only() -> Self {
        Self("".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What this run's call is held under in counters that runs share: two runs may name their calls alike.
    pub(crate) fn hold(&self, call: &Digest) -> Digest {
        if self.0.is_empty() {
            return *call;
        }
        let mut named = call.as_bytes().to_vec();
        named.extend_from_slice(self.0.as_bytes());
        Digest::of(&named)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text cannot be the name of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunIdError;

impl fmt::Display for RunIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the name of a run has 1 to {RUN_ID_BYTES_MAX} bytes and no invisible characters"
        )
    }
}

impl std::error::Error for RunIdError {}
