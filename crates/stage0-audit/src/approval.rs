//! Approvals that people sign themselves: nobody between them and the engine can make one up.
//!
//! A token says what a record of a person's answer says; the engine verifies it against the `keys` of the
//! policy and then asks the same as of any other record: this rule, these terms, this action, this time.

use stage0_engine::canonical::write_string;
use stage0_engine::host::{Answer, ApprovalRecord};

use crate::claims::write_seconds;
use crate::key::PrivateKey;

/// The kind of token that an approval is.
pub const APPROVAL_KIND: &str = "stage0-approval+jwt";

/// The token of a person's answer; nothing for a record of one who has not answered.
pub fn sign(record: &ApprovalRecord, key: &PrivateKey) -> Option<String> {
    Some(key.sign(APPROVAL_KIND, &claims(record)?))
}

fn claims(record: &ApprovalRecord) -> Option<String> {
    let answer = match record.answer {
        Answer::Approved => "approved",
        Answer::Rejected => "rejected",
        Answer::Pending => return None,
    };
    let mut out = String::from("{\"jti\":");
    write_string(&mut out, &record.id);
    out.extend([",\"answer\":\"", answer, "\",\"by\":"]);
    write_string(&mut out, &record.by);
    out.push_str(",\"roles\":[");
    for (position, role) in record.roles.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_string(&mut out, role);
    }
    out.push_str("],\"rule\":");
    write_string(&mut out, &record.rule);
    for (name, digest) in [("terms", record.terms), ("action", record.action)] {
        out.extend([",\"", name, "\":\""]);
        digest.write_hex(&mut out);
        out.push('"');
    }
    out.push_str(",\"iat\":");
    write_seconds(&mut out, record.issued_at);
    if let Some(at) = record.expires_at {
        out.push_str(",\"exp\":");
        write_seconds(&mut out, at);
    }
    out.push('}');
    Some(out)
}

#[cfg(test)]
mod tests {
    use stage0_engine::digest::Digest;
    use stage0_engine::time::Timestamp;
    use stage0_wire::jws::parse;

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
        };
        let key = PrivateKey::from_seed("ana-2026", &[7; 32]).unwrap();
        let token = sign(&record, &key).unwrap();
        let signed = parse(&token, APPROVAL_KIND).unwrap();
        assert!(signed.is_signed_by(key.public()));
        assert_eq!(
            signed.payload,
            format!(
                r#"{{"jti":"a-1","answer":"approved","by":"ana","roles":["finance_lead","\"auditor\""],"rule":"payments/large-payout","terms":"{}","action":"{}","iat":1767607200.5,"exp":1767610800}}"#,
                record.terms, record.action
            )
        );
        let no = ApprovalRecord {
            answer: Answer::Rejected,
            expires_at: None,
            ..record.clone()
        };
        let payload = parse(&sign(&no, &key).unwrap(), APPROVAL_KIND)
            .unwrap()
            .payload;
        assert!(payload.contains(r#""answer":"rejected""#) && !payload.contains("exp"));
        let pending = ApprovalRecord {
            answer: Answer::Pending,
            ..record
        };
        assert_eq!(sign(&pending, &key), None);
    }
}
