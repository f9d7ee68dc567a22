//! Why there is no permit, or why one does not count.

use core::fmt;

use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use super::used::UseError;
use crate::key::TokenError;

/// Why there is no permit, or why one does not count. Nothing may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermitError {
    /// None is issued, and why.
    NotIssued(String),
    /// It is no token, or nobody believes who signed it.
    Token(TokenError),
    /// It does not say what a permit says, and why.
    Claims(String),
    /// It is for another executor.
    Audience {
        /// For which.
        found: String,
    },
    /// It is for another tool.
    Tool {
        /// For which.
        found: String,
    },
    /// It is for other arguments, or for another actor, tenant or environment.
    Action,
    /// It was issued later than now.
    NotYetValid {
        /// When.
        issued_at: Timestamp,
    },
    /// It is too old.
    Expired {
        /// Since when.
        at: Timestamp,
    },
    /// It cannot be marked as used.
    Use(UseError),
}

impl PermitError {
    /// The code of the problem that this is.
    pub const fn code(&self) -> ProblemCode {
        match self {
            Self::NotIssued(_) => ProblemCode::PermitNotIssued,
            Self::Token(error) => error.code(),
            Self::Claims(_) => ProblemCode::ClaimsInvalid,
            Self::Audience { .. } => ProblemCode::PermitAudience,
            Self::Tool { .. } => ProblemCode::PermitTool,
            Self::Action => ProblemCode::PermitAction,
            Self::NotYetValid { .. } => ProblemCode::PermitNotYetValid,
            Self::Expired { .. } => ProblemCode::PermitExpired,
            Self::Use(UseError::Again) => ProblemCode::PermitUsed,
            Self::Use(UseError::Full) => ProblemCode::PermitsFull,
            Self::Use(UseError::Failed(_)) => ProblemCode::PermitStore,
        }
    }
}

impl fmt::Display for PermitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotIssued(why) => write!(f, "no permit is issued: {why}"),
            Self::Token(error) => error.fmt(f),
            Self::Claims(why) => write!(f, "the permit does not say what permits say: {why}"),
            Self::Audience { found } => write!(f, "the permit is for the executor `{found}`"),
            Self::Tool { found } => write!(f, "the permit is for the tool `{found}`"),
            Self::Action => f.write_str(
                "the permit is for other arguments, or for another actor, tenant or environment",
            ),
            Self::NotYetValid { issued_at } => write!(f, "the permit was issued at {issued_at}"),
            Self::Expired { at } => write!(f, "the permit was valid until {at}"),
            Self::Use(UseError::Again) => f.write_str("the permit was used before"),
            Self::Use(UseError::Full) => {
                f.write_str("more permits are in use than can be remembered")
            }
            Self::Use(UseError::Failed(why)) => {
                write!(f, "nobody can tell whether the permit was used: {why}")
            }
        }
    }
}

impl core::error::Error for PermitError {}

impl From<&PermitError> for Problem {
    fn from(error: &PermitError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
