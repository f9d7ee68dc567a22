//! Approvals that people sign themselves: nobody between them and the engine can make one up.
//!
//! A token says what a record of a person's answer says; the engine verifies it against the `keys` of the
//! policy and then asks the same as of any other record: this rule, these terms, this action, this time.

use stage0_engine::host::ApprovalRecord;
use stage0_wire::{APPROVAL_KIND, approval_claims};

use crate::key::PrivateKey;

/// The token of a person's answer.
#[must_use]
pub fn sign(record: &ApprovalRecord, key: &PrivateKey) -> String {
    key.sign(APPROVAL_KIND, &approval_claims(record))
}

#[cfg(test)]
mod tests {
    use stage0_engine::digest::Digest;
    use stage0_engine::host::{Answer, Proof};
    use stage0_engine::time::Timestamp;
    use stage0_wire::{approval_token, parse_approval_token};

    use super::*;

    #[test]
    fn a_token_says_what_the_record_says() {
        let record = ApprovalRecord {
            id: "a-1".to_owned(),
            answer: Answer::Approved,
            by: "ana".to_owned(),
            roles: vec!["finance_lead".to_owned(), "\"auditor\"".to_owned()],
            rule: "payments/large-payout".to_owned(),
            terms: Digest::of(b"terms"),
            action: Digest::of(b"action"),
            issued_at: Timestamp::parse("2026-01-05T10:00:00.5Z").unwrap(),
            expires_at: Timestamp::parse("2026-01-05T11:00:00Z").ok(),
            proof: Proof::Host,
        };
        let key = PrivateKey::from_seed("ana-2026", &[7; 32]).unwrap();
        let token = sign(&record, &key);
        let read = parse_approval_token(&token).unwrap();
        assert_eq!(approval_token(&read), Some(token));
        assert!(matches!(&read.proof, Proof::Signed(signature)
            if signature.key == "ana-2026"
                && key.public().verifies(signature.message.as_bytes(), &signature.bytes)));
        let proof = Proof::Host;
        assert_eq!(ApprovalRecord { proof, ..read }, record);
    }
}
