//! Why a policy is not decided by.

use core::fmt;

use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use crate::key::TokenError;

/// Why nothing may be decided by a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// It has no signature.
    Unsigned {
        /// `name@version` of the policy.
        policy: String,
    },
    /// Its signature is no token, or nobody believes who made it.
    Token(TokenError),
    /// Its signature does not say what signatures of policies say, and why.
    Claims(String),
    /// The signature is over something else.
    Altered {
        /// `name@version` of the policy that is there.
        policy: String,
        /// `name@version` of the one that was signed.
        signed: String,
    },
    /// It is not the policy that belongs here.
    Misplaced {
        /// `name@version` of the policy that is there.
        policy: String,
        /// The name of the one that belongs there.
        wanted: String,
    },
    /// It was signed later than now.
    NotYet {
        /// When.
        issued_at: Timestamp,
    },
    /// One of its name was seen that was signed later, or another one that was signed at the same time.
    Rollback {
        /// Its name.
        policy: String,
        /// When it was signed.
        issued_at: Timestamp,
        /// The version of the one that was seen.
        seen_version: String,
        /// When that was signed.
        seen_at: Timestamp,
    },
    /// More policies were seen than are written down.
    SeenFull,
}

impl PolicyError {
    /// The code of the problem that this is.
    pub const fn code(&self) -> ProblemCode {
        match self {
            Self::Unsigned { .. } => ProblemCode::PolicyUnsigned,
            Self::Token(error) => error.code(),
            Self::Claims(_) => ProblemCode::ClaimsInvalid,
            Self::Altered { .. } => ProblemCode::PolicyAltered,
            Self::Misplaced { .. } => ProblemCode::PolicyMisplaced,
            Self::NotYet { .. } => ProblemCode::PolicyNotYetSigned,
            Self::Rollback { .. } => ProblemCode::PolicyRollback,
            Self::SeenFull => ProblemCode::SeenInvalid,
        }
    }

    const fn help(&self) -> &'static str {
        match self {
            Self::Unsigned { .. } => {
                "sign it with `stage0 policy sign`; the signature stands beside it, in a file of its name and `.sig`"
            }
            Self::Altered { .. } => {
                "take back what was changed in it or in its imports, or have it signed again"
            }
            Self::Rollback { .. } => "to go back to an older version on purpose, sign it again",
            Self::NotYet { .. } => "set the clock of whoever signed it, or of this machine",
            Self::Token(TokenError::Key { .. }) => {
                "have it signed with a key of the set that counts today"
            }
            Self::Token(_) | Self::Claims(_) => "have it signed again",
            Self::Misplaced { .. } | Self::SeenFull => "",
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned { policy } => write!(f, "the policy `{policy}` is not signed"),
            Self::Token(error) => write!(f, "the policy's signature: {error}"),
            Self::Claims(why) => {
                write!(f, "the signature does not say what a policy's says: {why}")
            }
            Self::Altered { policy, signed } if policy == signed => write!(
                f,
                "the policy `{policy}`, or what it imports, is not what was signed"
            ),
            Self::Altered { policy, signed } => write!(
                f,
                "the policy is `{policy}`, and the signature is over `{signed}`"
            ),
            Self::Misplaced { policy, wanted } => {
                write!(f, "the policy is `{policy}`, and `{wanted}` belongs here")
            }
            Self::NotYet { issued_at } => {
                write!(
                    f,
                    "the policy was signed at {issued_at}, which is later than now"
                )
            }
            Self::Rollback {
                policy,
                issued_at,
                seen_version,
                seen_at,
            } if issued_at == seen_at => write!(
                f,
                "another `{policy}` was seen, version {seen_version}, that was signed at the same time"
            ),
            Self::Rollback {
                policy,
                issued_at,
                seen_version,
                seen_at,
            } => write!(
                f,
                "this `{policy}` was signed at {issued_at}, and version {seen_version}, signed at {seen_at}, was seen"
            ),
            Self::SeenFull => f.write_str("more policies were seen than are written down"),
        }
    }
}

impl core::error::Error for PolicyError {}

impl From<&PolicyError> for Problem {
    fn from(error: &PolicyError) -> Self {
        let problem = Self::new(error.code(), error.to_string());
        match error.help() {
            "" => problem,
            help => problem.help(help),
        }
    }
}
