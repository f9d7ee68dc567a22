//! Signed policies: a host that has keys decides by nothing that their owners did not sign.
//!
//! The signature stands beside the policy, as a text of its own. It is over the digest that decisions and
//! receipts carry too: that of what the policy and everything it imports say. So a comment or the description
//! may be mended, and nothing that decides can be. What was signed earlier than the newest that a host has
//! seen under the same name is refused, since whoever may write files could put an old one back.

mod error;
mod seen;

use stage0_engine::PolicyIndex;
use stage0_engine::canonical::write_string;
use stage0_engine::digest::Digest;
use stage0_engine::time::Timestamp;
use stage0_wire::numeric_date::write_seconds;

use crate::claims::{CLOCK_SKEW_MAX, Claims};
use crate::key::{KeySet, PrivateKey};

pub use error::PolicyError;
pub use seen::{SEEN_LIMITS, Seen};

/// The kind of token that a policy's signature is.
pub const POLICY_KIND: &str = "stage0-policy+jwt";

/// What a signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySignature {
    /// The policy's name.
    pub policy: String,
    /// Its version, for people: what is newer is told by the time of signing.
    pub version: String,
    /// Digest of what it and its imports say.
    pub digest: Digest,
    /// When it was signed.
    pub issued_at: Timestamp,
}

const MEMBERS: [&str; 4] = ["policy", "version", "digest", "iat"];

impl PolicySignature {
    /// What a signature over this policy says.
    fn of(policy: &PolicyIndex, issued_at: Timestamp) -> Self {
        Self {
            policy: policy.name().to_owned(),
            version: policy.version().to_owned(),
            digest: policy.digest(),
            issued_at,
        }
    }

    fn to_claims(&self) -> String {
        let mut out = String::from("{\"policy\":");
        write_string(&mut out, &self.policy);
        out.push_str(",\"version\":");
        write_string(&mut out, &self.version);
        out.push_str(",\"digest\":\"");
        self.digest.write_hex(&mut out);
        out.push_str("\",\"iat\":");
        write_seconds(&mut out, self.issued_at);
        out.push('}');
        out
    }

    fn parse(payload: &str) -> Result<Self, String> {
        let claims = Claims::parse(payload, &MEMBERS)?;
        Ok(Self {
            policy: claims.text("policy")?,
            version: claims.text("version")?,
            digest: claims.digest("digest")?,
            issued_at: claims.instant("iat")?,
        })
    }
}

/// The signature of a policy, as a token.
#[must_use]
pub fn sign(policy: &PolicyIndex, key: &PrivateKey, now: Timestamp) -> String {
    key.sign(POLICY_KIND, &PolicySignature::of(policy, now).to_claims())
}

/// What a host demands of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Demands<'d> {
    /// Whose signatures are believed.
    pub keys: &'d KeySet,
    /// The name that the policy must have. Without it, any policy that these keys signed may stand in
    /// the place of any other.
    pub name: Option<&'d str>,
    /// What was seen before.
    pub seen: &'d Seen,
    /// When it is asked.
    pub now: Timestamp,
}

/// What is known of a policy whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The id of the key that signed it.
    pub key: String,
    /// What was signed.
    pub signature: PolicySignature,
    /// What has been seen now. The host keeps it before it decides by the policy.
    pub seen: Seen,
}

/// Verifies a compiled policy against the signature that came with it.
///
/// # Errors
/// Nothing may be decided by it, and why.
pub fn verify(
    policy: &PolicyIndex,
    signature: Option<&str>,
    demands: &Demands<'_>,
) -> Result<Verified, PolicyError> {
    let label = || policy.label().to_owned();
    let name = demands.name.filter(|name| *name != policy.name());
    if let Some(wanted) = name {
        return Err(PolicyError::Misplaced {
            policy: label(),
            wanted: wanted.to_owned(),
        });
    }
    let token = signature.ok_or_else(|| PolicyError::Unsigned { policy: label() })?;
    let opened = demands.keys.open(token, POLICY_KIND, demands.now);
    let (key, payload) = opened.map_err(PolicyError::Token)?;
    let found = PolicySignature::parse(&payload).map_err(PolicyError::Claims)?;
    let is_signed = PolicySignature::of(policy, found.issued_at) == found;
    if !is_signed {
        return Err(PolicyError::Altered {
            policy: label(),
            signed: format!("{}@{}", found.policy, found.version),
        });
    }
    if found.issued_at.since(demands.now) > CLOCK_SKEW_MAX {
        return Err(PolicyError::NotYet {
            issued_at: found.issued_at,
        });
    }
    let seen = demands.seen.with(&found)?;
    Ok(Verified {
        key,
        signature: found,
        seen,
    })
}
