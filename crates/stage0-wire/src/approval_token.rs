//! Signed approvals: what their tokens claim, read and written.
//!
//! A token is a compact JWS ([`jws`]) of kind [`APPROVAL_KIND`] whose claims are the members of an approval
//! record. It is read here without being believed: whether the policy has its key, and whether the
//! signature holds, is for the engine to say, which does so when a rule asks for an approval.

use stage0_engine::canonical::write_string;
use stage0_engine::digest::Digest;
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::host::{Answer, ApprovalRecord, Proof, Signature};
use stage0_engine::time::Timestamp;

use crate::approvals_json::ANSWERS;
use crate::jws;
use crate::numeric_date::{read_seconds, write_seconds};
use crate::strict_json::{JsonLimits, parse_str};
use crate::suggest::nearest;

/// What the header of a signed approval calls it.
pub const APPROVAL_KIND: &str = "stage0-approval+jwt";

/// Signed approvals that one request may bring along: as many as a rule may ask for. Each may cost the
/// verification of a signature; further ones are not read.
pub const APPROVAL_TOKENS_MAX: usize = 100;

/// The limits of the claims.
const CLAIMS_LIMITS: JsonLimits = JsonLimits {
    bytes_max: jws::TOKEN_BYTES_MAX,
    depth_max: 2,
    nodes_max: 1_024,
};

/// The claims; `roles` and `exp` may be left out.
const CLAIMS: [&str; 9] = [
    "action", "answer", "by", "exp", "iat", "jti", "roles", "rule", "terms",
];

/// Reads a signed approval. Nothing of it is to be believed yet.
///
/// # Errors
/// Why it is none, as the end of a sentence.
pub fn parse_approval_token(token: &str) -> Result<ApprovalRecord, String> {
    let signed = jws::parse(token, APPROVAL_KIND).map_err(|error| error.to_string())?;
    let key = signed.key_id.clone();
    let record = claims(&signed.payload)?;
    let (message, bytes) = signed.into_parts();
    Ok(ApprovalRecord {
        proof: Proof::Signed(Box::new(Signature {
            key,
            message,
            bytes,
        })),
        ..record
    })
}

/// The claims of a record, for whoever signs them: the payload of [`jws::message`].
pub fn approval_claims(record: &ApprovalRecord) -> String {
    let mut out = String::from("{");
    let text = |out: &mut String, name: &str, value: &str| {
        if out.len() > 1 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        write_string(out, value);
    };
    text(&mut out, "action", &record.action.to_hex());
    let answer = ANSWERS.iter().find(|(_, answer)| *answer == record.answer);
    text(&mut out, "answer", answer.map_or("", |(word, _)| word));
    text(&mut out, "by", &record.by);
    if let Some(at) = record.expires_at {
        out.push_str(",\"exp\":");
        write_seconds(&mut out, at);
    }
    out.push_str(",\"iat\":");
    write_seconds(&mut out, record.issued_at);
    text(&mut out, "jti", &record.id);
    out.push_str(",\"roles\":[");
    for (position, role) in record.roles.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        write_string(&mut out, role);
    }
    out.push(']');
    text(&mut out, "rule", &record.rule);
    text(&mut out, "terms", &record.terms.to_hex());
    out.push('}');
    out
}

/// The token that a record was read from, if it was read from one.
pub fn approval_token(record: &ApprovalRecord) -> Option<String> {
    match &record.proof {
        Proof::Signed(signature) => Some(jws::attach(&signature.message, &signature.bytes)),
        Proof::Host | Proof::Unreadable | Proof::Rehearsed => None,
    }
}

/// What came with a request as `context.approval`: a token, or a list of them. What is none counts for
/// nothing, and is told to whoever asks for an approval.
pub(crate) fn tokens_of(value: ValueRef<'_>) -> Vec<ApprovalRecord> {
    let read = |value: ValueRef<'_>| {
        let token = value.as_str().unwrap_or_default();
        parse_approval_token(token).unwrap_or_else(|_| unreadable())
    };
    if value.kind() == Kind::List {
        let mut read: Vec<ApprovalRecord> = value
            .elements()
            .take(APPROVAL_TOKENS_MAX)
            .map(read)
            .collect();
        let is_more = value.elements().nth(APPROVAL_TOKENS_MAX).is_some();
        read.extend(is_more.then(unreadable));
        read
    } else {
        vec![read(value)]
    }
}

fn unreadable() -> ApprovalRecord {
    ApprovalRecord {
        id: String::new(),
        answer: Answer::Pending,
        by: String::new(),
        roles: Vec::new(),
        rule: String::new(),
        terms: Digest::from_bytes([0; 32]),
        action: Digest::from_bytes([0; 32]),
        issued_at: Timestamp::MIN,
        expires_at: None,
        proof: Proof::Unreadable,
    }
}

fn claims(text: &str) -> Result<ApprovalRecord, String> {
    let document = parse_str(text, &CLAIMS_LIMITS)
        .map_err(|error| format!("the token's claims are no JSON of ours: {error}"))?;
    let claims = document.root();
    if claims.kind() != Kind::Object {
        return Err("the token's claims are no object".to_owned());
    }
    let mut keys = claims.members().map(|(key, _)| key);
    if let Some(unknown) = keys.find(|key| !CLAIMS.contains(key)) {
        return Err(match nearest(unknown, CLAIMS) {
            Some(meant) => format!("the token claims `{unknown}`; did you mean `{meant}`?"),
            None => format!("the token claims `{unknown}`, which says nothing about an approval"),
        });
    }
    let text = |name: &str| {
        let text = claims.get(name).and_then(ValueRef::as_str);
        text.filter(|text| !text.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| format!("the token's `{name}` must be text"))
    };
    let digest = |name: &str| {
        let wrong = |_| format!("the token's `{name}` must be 64 hexadecimal digits");
        Digest::parse(&text(name)?).map_err(wrong)
    };
    let word = text("answer")?;
    let answer = ANSWERS.iter().find(|(known, _)| *known == word);
    let (_, answer) = answer.ok_or("the token's `answer` must be approved, rejected or pending")?;
    let roles = match claims.get("roles") {
        None => Vec::new(),
        Some(list) if list.kind() == Kind::List => {
            let roles = list.elements().map(|role| role.as_str().map(str::to_owned));
            let roles: Option<Vec<String>> = roles.collect();
            roles.ok_or("each of the token's `roles` must be text")?
        }
        Some(_) => return Err("the token's `roles` must be a list".to_owned()),
    };
    Ok(ApprovalRecord {
        id: text("jti")?,
        answer: *answer,
        by: text("by")?,
        roles,
        rule: text("rule")?,
        terms: digest("terms")?,
        action: digest("action")?,
        issued_at: instant(claims, "iat")?
            .ok_or("the token does not say when it was issued: `iat`")?,
        expires_at: instant(claims, "exp")?,
        proof: Proof::Unreadable,
    })
}

/// A time in seconds since the epoch, to the millisecond.
fn instant(claims: ValueRef<'_>, name: &str) -> Result<Option<Timestamp>, String> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let wrong = || format!("the token's `{name}` must be seconds since 1970, to the millisecond");
    let at = value.as_number().and_then(read_seconds);
    at.map(Some).ok_or_else(wrong)
}
