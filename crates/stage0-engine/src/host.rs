//! The host's word beside the request: who asked, what people answered, what the operator set.

use crate::digest::Digest;
use crate::policy::{Mode, Verdict};
use crate::signature::SIGNATURE_BYTES;
use crate::time::Timestamp;

/// What a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// Yes.
    Approved,
    /// No.
    Rejected,
    /// Nothing yet.
    Pending,
}

/// Who vouches that a record is what a person said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The host, which asked the person.
    Host,
    /// The holder of a key. It is worth what the policy's `keys` say of it.
    Signed(Box<Signature>),
    /// Nobody: it was handed in as a token, and is none.
    Unreadable,
    /// Whoever writes the tests of a policy, where signed approvals are taken as given. No text that a
    /// host is handed comes to this.
    Rehearsed,
}

/// What somebody signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The id of the key that is said to have signed.
    pub key: String,
    /// What the signature is over.
    pub message: String,
    /// The signature.
    pub bytes: [u8; SIGNATURE_BYTES],
}

/// A person's answer to one rule's question about one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// Unique among those of one host, or of one key.
    pub id: String,
    /// The answer.
    pub answer: Answer,
    /// Who answered.
    pub by: String,
    /// The person's roles.
    pub roles: Vec<String>,
    /// The rule that asked, as `pack/id`.
    pub rule: String,
    /// Digest of that rule's `approval` block.
    pub terms: Digest,
    /// Digest of the action, or of the facts that the rule binds.
    pub action: Digest,
    /// When the answer was given.
    pub issued_at: Timestamp,
    /// When it ends, if before the rule's own `ttl`.
    pub expires_at: Option<Timestamp>,
    /// Who vouches for it.
    pub proof: Proof,
}

/// What the host adds to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host<'a> {
    /// The id that the decision carries.
    pub request_id: &'a str,
    /// The operator's mode; the stricter of this and the policy's counts, so `Observe` leaves the
    /// policy's own mode in force.
    pub mode: Mode,
    /// People's answers.
    pub approvals: &'a [ApprovalRecord],
    /// Who said no to this very action, so that nothing which is said or changed since makes it an ALLOW.
    pub rejected_by: Option<&'a str>,
    /// What the other calls came to where several run together or not at all; `Allow` where there are
    /// none. [`decide_batch`](crate::decide_batch) fills it in.
    pub others: Verdict,
}

impl Default for Host<'_> {
    fn default() -> Self {
        Self {
            request_id: "",
            mode: Mode::Observe,
            approvals: &[],
            rejected_by: None,
            others: Verdict::Allow,
        }
    }
}
