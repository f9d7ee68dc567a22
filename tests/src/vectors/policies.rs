//! `policies.json`: signatures of policies, with the policies' files.

use serde_json::{Value, json};
use stage0_audit::key::KeySet;
use stage0_audit::policy::{Demands, POLICY_KIND, Seen, sign, verify};
use stage0_wire::Policy;

use super::forgeries::forgeries;
use super::vector::Vector;
use super::{LIMITS, NOW, PAYMENTS, at, known_key, policy, trusted};

/// `policies.json`.
///
/// # Panics
/// Something that was meant to be good is not.
pub fn policies() -> Value {
    let good_policy = policy(PAYMENTS, LIMITS);
    let token = |now| sign(good_policy.index(), &known_key(), at(now));
    let good = token(NOW);
    let keys = KeySet::parse("keys", trusted().to_string().as_bytes()).unwrap();
    let seen = |policy: &Policy, token: &str, now: &str| {
        let demands = Demands {
            keys: &keys,
            name: None,
            seen: &Seen::default(),
            now: at(now),
        };
        verify(policy.index(), Some(token), &demands)
            .unwrap()
            .seen
            .to_json()
    };
    let later = policy(&PAYMENTS.replace("2.1.0", "2.2.0"), LIMITS);
    let later_token = sign(later.index(), &known_key(), at("2026-01-05T10:00:01Z"));
    let seen_later = seen(&later, &later_token, "2026-01-05T10:00:01Z");
    let other = policy(&PAYMENTS.replace("2.1.0", "2.2.0"), LIMITS);
    let seen_other = seen(&other, &sign(other.index(), &known_key(), at(NOW)), NOW);
    let files = |root: &str, limits: &str| json!({"payments.yaml": root, "limits.yaml": limits});
    let yes = Some(true);
    let vector = |name, refused| Vector::new(name, good.clone(), refused, yes);
    let altered = |from: &str, to: &str| {
        let changed = PAYMENTS.replacen(from, to, 1);
        assert_ne!(changed, PAYMENTS);
        files(&changed, LIMITS)
    };
    let mut vectors = vec![
        vector("what was signed", None),
        vector("mended where nothing decides", None).with(
            "files",
            files(
                &format!("# Mended.\n{PAYMENTS}description: Payouts.\n"),
                LIMITS,
            ),
        ),
        vector("seen before", None).with("seen", seen(&good_policy, &good, NOW)),
        vector("newer than what was seen", None).with(
            "seen",
            seen(&good_policy, &token("2026-01-05T09:00:00Z"), NOW),
        ),
        vector("an allow that allows more", Some("POLICY_ALTERED"))
            .with("files", altered("<= 100", "<= 1000")),
        vector("another default", Some("POLICY_ALTERED"))
            .with("files", altered("default: deny", "default: allow")),
        vector("another version", Some("POLICY_ALTERED")).with("files", altered("2.1.0", "2.0.0")),
        vector("without what it imports", Some("POLICY_ALTERED"))
            .with("files", altered("extends: [limits.yaml]\n", "")),
        vector("an import that was altered", Some("POLICY_ALTERED"))
            .with("files", files(PAYMENTS, &LIMITS.replace("90", "9000"))),
        vector("another policy under its signature", Some("POLICY_ALTERED"))
            .with("files", altered("name: payments", "name: playground")),
        vector("in the place of another", Some("POLICY_MISPLACED")).with("policy_name", "refunds"),
        vector("older than what was seen", Some("POLICY_ROLLBACK")).with("seen", seen_later),
        vector("another of the same time was seen", Some("POLICY_ROLLBACK"))
            .with("seen", seen_other),
        Vector::new(
            "signed tomorrow",
            token("2026-01-06T10:00:00Z"),
            Some("POLICY_NOT_YET_SIGNED"),
            yes,
        ),
    ];
    vectors.extend(forgeries(POLICY_KIND, &good));
    let mut vectors: Vec<Value> = vectors.into_iter().map(Vector::into_json).collect();
    vectors.push(json!({"name": "no signature at all", "token": null, "refused": "POLICY_UNSIGNED", "jws": null}));
    json!({
        "about": "Signatures of policies. A vector without `files` or `now` has those of the file; `seen` is what the host has kept.",
        "keys": trusted(),
        "now": NOW,
        "files": files(PAYMENTS, LIMITS),
        "vectors": vectors,
    })
}
