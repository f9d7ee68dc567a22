//! What a policy says about approvals: who has to say yes, to what, for how long, and whose keys count.

use super::Verdict;
use crate::number::Number;
use crate::span::{Span, Spanned};
use crate::time::{Duration, Timestamp};

/// Where an approval has to come from. The order is the order of strength: what is stronger than asked
/// for counts as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EvidenceSource {
    /// The plain fields of the context.
    Asserted,
    /// The gate's own record of a person's answer.
    #[default]
    Host,
    /// A token that somebody signed whose key the policy has.
    Signed,
}

impl EvidenceSource {
    /// `asserted`, `host` or `signed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asserted => "asserted",
            Self::Host => "host",
            Self::Signed => "signed",
        }
    }
}

/// The approval that a rule asks for.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Where it stands.
    pub span: Span,
    /// Roles of which the approver must have one; none means anyone.
    pub roles: Vec<Spanned<String>>,
    /// How many different people.
    pub min: u32,
    /// Facts that name people who may not approve.
    pub not: Vec<Spanned<String>>,
    /// Facts that the approval is bound to, instead of all arguments.
    pub bind: Vec<Spanned<String>>,
    /// How long an approval lasts from its issue.
    pub ttl: Option<Duration>,
    /// Who vouches for it.
    pub evidence: EvidenceSource,
    /// `Defer` asks for an approval that is not there; `Deny` refuses, unless a person was asked
    /// already and has not answered.
    pub otherwise: Verdict,
    /// For how much one approval is good; for one call if nothing is said.
    pub grant: Option<Grant>,
}

/// For how much one approval is good.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Where it stands.
    pub span: Span,
    /// Calls.
    pub uses: u32,
    /// The fact that is added up, such as `args.amount`.
    pub sum: Option<Spanned<String>>,
    /// What it may come to.
    pub max_total: Option<Spanned<Number>>,
    /// How long it lasts from the approval's issue, if less than the approval.
    pub ttl: Option<Duration>,
}

/// Whose signature counts as an approval.
#[derive(Debug, Clone)]
pub struct ApproverKey {
    /// The id by which tokens name it.
    pub id: Spanned<String>,
    /// The bytes of the public key, as they were written.
    pub public: Spanned<Vec<u8>>,
    /// For whom it speaks; `*` for whomever its tokens name.
    pub by: String,
    /// The roles that its tokens may claim; `*` for any.
    pub roles: Vec<String>,
    /// Approvals that are issued before count for nothing.
    pub not_before: Option<Timestamp>,
    /// Approvals that are issued then or later count for nothing.
    pub not_after: Option<Timestamp>,
    /// From then on nothing that it signed counts, whenever it was issued.
    pub revoked_at: Option<Timestamp>,
}
