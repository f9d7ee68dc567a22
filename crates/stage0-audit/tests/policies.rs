//! Signed policies: what was signed decides, and nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::policy::{Demands, POLICY_KIND, PolicyError, Seen, Verified, sign, verify};
use stage0_engine::time::Timestamp;
use stage0_wire::Policy;
use stage0_wire::codes::ProblemCode;
use stage0_wire::imports::ImportMap;
use stage0_wire::problem::Problem;

const ROOT: &str = "
stage0: v1
name: payments
version: 2.1.0
description: What is paid.
extends: [limits.yaml]
default: deny
tools:
  payments.payout: { effects: [money_movement] }
rules:
  - { id: payouts, tools: [payments.payout], allow: args.amount <= 100 }
tests: []
";

const BASE: &str = "
stage0: v1
name: limits
version: 1.0.0
rules:
  - { id: never-much, tools: [payments.payout], deny: args.amount > 90 }
";

fn now() -> Timestamp {
    Timestamp::parse("2026-01-05T10:00:00Z").unwrap()
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_ms(now().to_ms().saturating_add(minute.saturating_mul(60_000))).unwrap()
}

fn policy(root: &str, base: &str) -> Policy {
    let mut files = ImportMap::new();
    files.insert("limits.yaml", base);
    Policy::load("payments.yaml", root, &files).unwrap()
}

fn key() -> PrivateKey {
    PrivateKey::from_seed("release", &[7; 32]).unwrap()
}

fn keys() -> KeySet {
    let set = format!("{{\"keys\":[{}]}}", key().to_public_jwk());
    KeySet::parse("keys", set.as_bytes()).unwrap()
}

fn verified(
    policy: &Policy,
    signature: Option<&str>,
    seen: &Seen,
    now: Timestamp,
) -> Result<Verified, PolicyError> {
    let demands = Demands {
        keys: &keys(),
        name: Some("payments"),
        seen,
        now,
    };
    verify(policy.index(), signature, &demands)
}

fn code(result: Result<Verified, PolicyError>) -> &'static str {
    let error = result.unwrap_err();
    let problem = Problem::from(&error);
    assert_eq!(problem.message(), error.to_string());
    problem.code().as_str()
}

#[test]
fn what_was_signed_is_decided_by() {
    let policy = policy(ROOT, BASE);
    let token = sign(policy.index(), &key(), now());
    let known = verified(&policy, Some(&token), &Seen::default(), now()).unwrap();
    assert_eq!(known.key, "release");
    assert_eq!(known.signature.version, "2.1.0");
    assert_eq!(known.signature.digest, policy.index().digest());
    // What was kept is read again, and the same policy is taken again.
    let seen = Seen::parse("seen", known.seen.to_json().as_bytes()).unwrap();
    assert_eq!(seen, known.seen);
    assert_eq!(verified(&policy, Some(&token), &seen, at(1)), Ok(known));
}

#[test]
fn a_policy_that_was_altered_anywhere_is_refused() {
    let token = sign(policy(ROOT, BASE).index(), &key(), now());
    let code = |root: &str, base: &str| {
        let policy = policy(root, base);
        verified(&policy, Some(&token), &Seen::default(), now())
            .map_err(|error| error.code().as_str())
    };
    for (from, to) in [
        ("<= 100", "<= 1000"),
        ("default: deny", "default: allow"),
        ("id: payouts", "id: payout"),
        ("2.1.0", "2.0.0"),
        ("[money_movement]", "[]"),
        ("extends: [limits.yaml]\n", ""),
        ("[limits.yaml]", "[{ file: limits.yaml, allows: true }]"),
        ("rules:", "mode: observe\nrules:"),
    ] {
        let changed = ROOT.replacen(from, to, 1);
        assert_ne!(changed, ROOT);
        assert_eq!(code(&changed, BASE), Err("POLICY_ALTERED"), "{changed}");
    }
    assert_eq!(
        code(ROOT, &BASE.replace("90", "9000")),
        Err("POLICY_ALTERED")
    );
    let softer = BASE.replace("deny: args", "mode: observe, deny: args");
    assert_eq!(code(ROOT, &softer), Err("POLICY_ALTERED"));
    // What decides nothing may be mended.
    let mended = ROOT.replace("What is paid.", "What is paid, and to whom.");
    assert!(code(&mended, BASE).is_ok());
    assert!(code(&format!("# Signed.\n{ROOT}"), BASE).is_ok());
}

#[test]
fn a_policy_without_its_signature_is_refused() {
    let policy = policy(ROOT, BASE);
    let seen = Seen::default();
    let code_of = |token: &str| code(verified(&policy, Some(token), &seen, now()));
    assert_eq!(
        code(verified(&policy, None, &seen, now())),
        "POLICY_UNSIGNED"
    );
    assert_eq!(code_of(""), "TOKEN_INVALID");
    assert_eq!(
        code_of(&key().sign("stage0-permit+jwt", "{}")),
        "TOKEN_INVALID"
    );
    assert_eq!(code_of(&key().sign(POLICY_KIND, "{}")), "CLAIMS_INVALID");
    let forger = PrivateKey::from_seed("release", &[8; 32]).unwrap();
    assert_eq!(
        code_of(&sign(policy.index(), &forger, now())),
        "SIGNATURE_WRONG"
    );
    let stranger = PrivateKey::from_seed("dev", &[8; 32]).unwrap();
    assert_eq!(
        code_of(&sign(policy.index(), &stranger, now())),
        "KEY_UNKNOWN"
    );
    assert_eq!(
        code_of(&sign(policy.index(), &key(), at(1))),
        "POLICY_NOT_YET_SIGNED"
    );
}

#[test]
fn another_signed_policy_does_not_take_its_place() {
    let other = policy(&ROOT.replace("name: payments", "name: playground"), BASE);
    let token = sign(other.index(), &key(), now());
    let found = verified(&other, Some(&token), &Seen::default(), now());
    assert_eq!(code(found), "POLICY_MISPLACED");
    // Its signature is no better under the right name.
    let policy = policy(ROOT, BASE);
    let found = verified(&policy, Some(&token), &Seen::default(), now());
    assert_eq!(code(found), "POLICY_ALTERED");
}

#[test]
fn an_older_policy_than_was_seen_is_refused() {
    let (old, new) = (
        policy(ROOT, BASE),
        policy(&ROOT.replace("2.1.0", "2.2.0"), BASE),
    );
    let old_token = sign(old.index(), &key(), at(0));
    let new_token = sign(new.index(), &key(), at(1));
    let first = verified(&old, Some(&old_token), &Seen::default(), at(2)).unwrap();
    let second = verified(&new, Some(&new_token), &first.seen, at(2)).unwrap();
    let back = verified(&old, Some(&old_token), &second.seen, at(2));
    assert!(
        back.as_ref()
            .unwrap_err()
            .to_string()
            .contains("version 2.2.0")
    );
    assert_eq!(code(back), "POLICY_ROLLBACK");
    // The same version is not the same policy: what counts is when it was signed.
    let other = policy(&ROOT.replace("2.1.0", "2.2.0"), &BASE.replace("90", "80"));
    let same_time = sign(other.index(), &key(), at(1));
    assert_eq!(
        code(verified(&other, Some(&same_time), &second.seen, at(2))),
        "POLICY_ROLLBACK"
    );
    // To go back on purpose it is signed again.
    let again = sign(old.index(), &key(), at(2));
    assert!(verified(&old, Some(&again), &second.seen, at(2)).is_ok());
    // Policies of other names are not compared.
    assert!(
        second
            .seen
            .to_json()
            .contains("\"payments\":{\"version\":\"2.2.0\"")
    );
}

#[test]
fn what_was_seen_is_read_strictly() {
    let policy = policy(ROOT, BASE);
    let token = sign(policy.index(), &key(), now());
    let known = verified(&policy, Some(&token), &Seen::default(), now()).unwrap();
    let text = known.seen.to_json();
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("{\"v\":1,", "{"),
        ("\"v\":1", "\"v\":1,\"w\":1"),
        ("\"version\":\"2.1.0\",", ""),
        (
            "\"version\":\"2.1.0\"",
            "\"version\":\"2.1.0\",\"note\":\"\"",
        ),
        ("\"digest\":\"", "\"digest\":\"0"),
        ("2026-01-05T10:00:00Z", "yesterday"),
        ("}}}", "}}"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let problem = Seen::parse("seen", changed.as_bytes()).unwrap_err();
        assert_eq!(problem.code(), ProblemCode::SeenInvalid, "{changed}");
    }
    for text in ["", "[]", "null", "{\"v\":1,\"policies\":[]}"] {
        assert!(Seen::parse("seen", text.as_bytes()).is_err(), "{text}");
    }
}
