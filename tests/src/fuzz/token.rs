//! What must hold of tokens, of what they claim, and of keys.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::permit::{Allowed, PERMIT_KIND, UsedInMemory, Verifier};
use stage0_audit::policy::{POLICY_KIND, Seen};
use stage0_engine::host::{ApprovalRecord, Proof};
use stage0_wire::{APPROVAL_KIND, approval_claims, parse_approval_token, parse_request};

use super::{check_problems, now};
use crate::vectors::{approvals, known_key, permits, policies};

/// What tokens are read against.
struct Known {
    keys: KeySet,
    call: String,
    audience: String,
    /// Every token that somebody signed whose key is in the set.
    signed: BTreeSet<String>,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let sets = [permits(), approvals(), policies()];
        let tokens = sets.iter().flat_map(|set| set["vectors"].as_array());
        let tokens = tokens
            .flatten()
            .filter_map(|vector| vector["token"].as_str());
        let text = sets[0]["keys"].to_string();
        Known {
            keys: KeySet::parse("keys", text.as_bytes()).expect("the keys are a set"),
            call: sets[0]["call"].to_string(),
            audience: sets[0]["audience"].as_str().unwrap_or_default().to_owned(),
            signed: tokens.map(str::to_owned).collect(),
        }
    })
}

/// A text is refused as a key, a set of keys, a token and what a host keeps, or says what it says: nobody's
/// signature is made up, and what was read is written as what is read again.
pub fn token_text(text: &[u8]) {
    keys(text);
    match Seen::parse("seen", text) {
        Ok(seen) => assert_eq!(Seen::parse("seen", seen.to_json().as_bytes()), Ok(seen)),
        Err(problem) => check_problems(&[problem]),
    }
    let Ok(text) = core::str::from_utf8(text) else {
        return;
    };
    let known = known();
    for kind in [PERMIT_KIND, APPROVAL_KIND, POLICY_KIND] {
        if known.keys.open(text, kind, now()).is_ok() {
            assert!(known.signed.contains(text), "nobody signed {text}");
        }
    }
    if let Err(why) = parse_approval_token(text) {
        assert!(!why.is_empty() && !why.ends_with('.'), "{why}");
    }
    claims(text);
}

fn keys(text: &[u8]) {
    match KeySet::parse("keys", text) {
        Ok(keys) => assert!(!keys.keys().is_empty()),
        Err(problems) => check_problems(&problems),
    }
    match PrivateKey::parse("key", text) {
        Ok(key) => {
            let again = PrivateKey::parse("key", key.to_jwk().as_bytes());
            assert_eq!(
                again.map(|again| again.sign("k", "{}")),
                Ok(key.sign("k", "{}"))
            );
        }
        Err(problem) => check_problems(&[problem]),
    }
}

/// What a text claims, once somebody signed it.
fn claims(text: &str) {
    let known = known();
    let call = parse_request(known.call.as_bytes()).expect("the call is a request");
    let verifier = Verifier::new(known.keys.clone(), &known.audience);
    let verify = |claims: &str| {
        let token = known_key().sign(PERMIT_KIND, claims);
        verifier.verify(&token, &call, now(), &UsedInMemory::default())
    };
    if let Ok(permit) = verify(text) {
        assert_eq!(permit.audience, known.audience);
        assert!(permit.issued_at < permit.expires_at && now() < permit.expires_at);
        assert_eq!(verify(&permit.to_claims()), Ok(permit));
    }
    let token = known_key().sign(APPROVAL_KIND, text);
    if let Ok(record) = parse_approval_token(&token) {
        let again = known_key().sign(APPROVAL_KIND, &approval_claims(&record));
        let again = parse_approval_token(&again).expect("what was written is read");
        let proof = Proof::Host;
        let plain = |record: ApprovalRecord| ApprovalRecord {
            proof: proof.clone(),
            ..record
        };
        assert_eq!(plain(again), plain(record));
    }
    if let Ok(allowed) = Allowed::parse(text, &call) {
        assert_eq!(Allowed::parse(text, &call), Ok(allowed));
    }
}
