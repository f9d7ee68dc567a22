//! How much of a request a record keeps.

use crate::codes::ProblemCode;
use crate::compiled::Policy;
use crate::facts_json::REDACTION_SECRET_BYTES;
use crate::problem::Problem;

/// How much of a request a record keeps.
#[derive(Clone, Copy)]
pub enum Kept<'s> {
    /// The facts that the decision read.
    Facts {
        /// What redacted ones are digested with; without it only that there was one is kept.
        secret: Option<&'s [u8; REDACTION_SECRET_BYTES]>,
    },
    /// Everything, so that the decision can be made again.
    Full,
}

impl Kept<'_> {
    /// Whether a log that keeps so much may tell of this policy's decisions.
    ///
    /// # Errors
    /// It would keep whole requests, and the policy redacts facts.
    pub fn admit(self, policy: &Policy) -> Result<(), Problem> {
        if matches!(self, Self::Facts { .. }) || !policy.index().redacts() {
            return Ok(());
        }
        let message = "the policy redacts facts, so no log keeps whole requests";
        Err(Problem::new(ProblemCode::RecordRedacted, message)
            .help("keep the facts that the decision read; redacted ones are kept as digests"))
    }
}

// A secret is not shown.
impl core::fmt::Debug for Kept<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Facts { .. } => "Facts",
            Self::Full => "Full",
        })
    }
}
