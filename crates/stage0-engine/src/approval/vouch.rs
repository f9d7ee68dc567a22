//! Who vouches for a record, and whether the policy takes their word.

use super::{Question, is_same_person};
use crate::codes::IssueCode;
use crate::host::{ApprovalRecord, Proof, Signature};
use crate::index::CompiledKey;
use crate::policy::EvidenceSource;
use crate::signature::PublicKey;

/// Whether a record is what its person said, as far as the rule wants to know.
///
/// # Errors
/// Why it is not to be believed.
pub(super) fn vouched(
    question: &Question<'_, '_>,
    record: &ApprovalRecord,
) -> Result<(), IssueCode> {
    match &record.proof {
        Proof::Rehearsed => Ok(()),
        Proof::Host if question.approval.evidence < EvidenceSource::Signed => Ok(()),
        Proof::Host => Err(IssueCode::APPROVAL_UNSIGNED),
        Proof::Unreadable => Err(IssueCode::APPROVAL_BAD_SIGNATURE),
        Proof::Signed(signature) => {
            let key = question.keys.get(&*signature.key);
            let key = key.ok_or(IssueCode::APPROVAL_UNKNOWN_KEY)?;
            if !speaks_for(question, key, record) {
                return Err(IssueCode::APPROVAL_KEY_NOT_VALID);
            }
            if is_signed(&key.public, signature) {
                Ok(())
            } else {
                Err(IssueCode::APPROVAL_BAD_SIGNATURE)
            }
        }
    }
}

/// Whether the key speaks for whoever is named, spoke at that time, and is not revoked.
fn speaks_for(question: &Question<'_, '_>, key: &CompiledKey, record: &ApprovalRecord) -> bool {
    let at = record.issued_at;
    key.by
        .as_ref()
        .is_none_or(|by| is_same_person(by, &record.by))
        && key.not_before.is_none_or(|from| from <= at)
        && key.not_after.is_none_or(|to| at < to)
        && key.revoked_at.is_none_or(|revoked| question.now < revoked)
}

fn is_signed(key: &PublicKey, signature: &Signature) -> bool {
    key.verifies(signature.message.as_bytes(), &signature.bytes)
}

/// Whether whoever vouches for a record may say that its person has this role.
pub(super) fn claims_role(
    question: &Question<'_, '_>,
    record: &ApprovalRecord,
    role: &str,
) -> bool {
    let Proof::Signed(signature) = &record.proof else {
        return true;
    };
    let key = question.keys.get(&*signature.key);
    key.is_some_and(|key| match &key.roles {
        None => true,
        Some(roles) => roles.iter().any(|known| **known == *role),
    })
}
