//! `approvals.json`: people's answers, as a policy decides about them.

use serde_json::{Value, json};
use stage0_audit::approval;
use stage0_audit::key::PrivateKey;
use stage0_engine::digest::Digest;
use stage0_engine::host::{Answer, ApprovalRecord, Host, Proof};
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_wire::jws::encode;
use stage0_wire::question::NEW_RUN;
use stage0_wire::{APPROVAL_KIND, Policy, decision_to_json, parse_request};

use super::forgeries::forgeries;
use super::vector::Vector;
use super::{NOW, at, key, known_key, trusted};

/// What of a token's refusal a decision tells.
fn told(refused: Option<&str>) -> Option<&'static str> {
    Some(match refused? {
        "KEY_UNKNOWN" => "APPROVAL_UNKNOWN_KEY",
        "KEY_REVOKED" | "KEY_EXPIRED" | "KEY_NOT_YET_VALID" => "APPROVAL_KEY_NOT_VALID",
        _ => "APPROVAL_BAD_SIGNATURE",
    })
}

/// The policy that approvals are decided by, with the keys that the set has.
fn approving() -> String {
    let public = |key: &PrivateKey| encode(key.public().as_bytes());
    format!(
        "stage0: v1
name: refunds
version: 1.0.0
keys:
  known-2026: {{ public: \"{}\", by: ana, roles: [finance_lead] }}
  revoked: {{ public: \"{}\", by: ana, roles: [finance_lead], revoked_at: {NOW} }}
  ended: {{ public: \"{}\", by: ana, roles: [finance_lead], not_after: {NOW} }}
  next: {{ public: \"{}\", by: ana, roles: [finance_lead], not_before: 2026-02-01T00:00:00Z }}
tools:
  refund.pay: {{ effects: [money_movement] }}
rules:
  - {{ id: refunds, tools: [refund.pay], allow: true }}
  - id: large
    tools: [refund.pay]
    approval: {{ evidence: signed, roles: [finance_lead], not: context.actor_id, bind: [args.amount], ttl: 4h }}
",
        public(&known_key()),
        public(&key("revoked", 2)),
        public(&key("ended", 3)),
        public(&key("next", 4)),
    )
}

/// `approvals.json`.
///
/// # Panics
/// The policy asks for no approval.
pub fn approvals() -> Value {
    let text = approving();
    let policy = Policy::parse(&text).unwrap();
    let request = json!({
        "tool_call": {"name": "refund.pay", "arguments": {"amount": 750, "to": "acme"}},
        "context": {"actor_id": "u1"}
    });
    let asked = request.to_string();
    let asked = parse_request(asked.as_bytes()).unwrap();
    let decision = policy.peek(&asked, &Host::default(), &RunState::default(), at(NOW));
    let decision: Value = serde_json::from_str(&decision_to_json(&decision)).unwrap();
    let details = &decision["issues"][0]["details"];
    let digest = |name: &str| Digest::parse(details[name].as_str().unwrap()).unwrap();
    let record = ApprovalRecord {
        id: "a-1".to_owned(),
        answer: Answer::Approved,
        by: "ana".to_owned(),
        roles: vec!["finance_lead".to_owned()],
        rule: "refunds/large".to_owned(),
        terms: digest("terms"),
        action: digest("action"),
        issued_at: at(NOW),
        expires_at: Some(at("2026-01-05T11:00:00Z")),
        proof: Proof::Host,
    };
    let token = |change: fn(&mut ApprovalRecord)| {
        let mut record = record.clone();
        change(&mut record);
        approval::sign(&record, &known_key())
    };
    let good = token(|_| {});
    let yes = Some(true);
    let vector = |name, change, code| Vector::new(name, token(change), code, yes);
    let mut vectors = vec![
        vector("a yes", |_| {}, None),
        vector(
            "a yes without an end of its own",
            |record| record.expires_at = None,
            None,
        ),
        vector(
            "a no",
            |record| record.answer = Answer::Rejected,
            Some("APPROVAL_REJECTED"),
        ),
        vector(
            "no answer yet",
            |record| record.answer = Answer::Pending,
            Some("APPROVAL_PENDING"),
        ),
        vector(
            "by somebody else",
            |record| record.by = "ben".to_owned(),
            Some("APPROVAL_KEY_NOT_VALID"),
        ),
        vector(
            "in a role that the key does not have",
            |record| record.roles = vec!["admin".to_owned()],
            Some("APPROVAL_ROLE"),
        ),
        vector(
            "in no role",
            |record| record.roles.clear(),
            Some("APPROVAL_ROLE"),
        ),
        vector(
            "of another action",
            |record| record.action = Digest::of(b"another"),
            Some("APPROVAL_WRONG_ACTION"),
        ),
        vector(
            "under other terms",
            |record| record.terms = Digest::of(b"others"),
            Some("APPROVAL_WRONG_POLICY"),
        ),
        vector(
            "that has ended",
            |record| record.expires_at = Timestamp::parse(NOW).ok(),
            Some("APPROVAL_EXPIRED"),
        ),
    ];
    let forged = forgeries(APPROVAL_KIND, &good).into_iter();
    vectors.extend(forged.map(|vector| Vector {
        refused: told(vector.refused),
        ..vector
    }));
    json!({
        "about": "People's answers, signed, as `context.approval` of the request: the code is that of the issue that a decision has instead of ALLOW.",
        "kind": APPROVAL_KIND,
        "keys": trusted(),
        "policy": text,
        "request": request,
        "state": NEW_RUN,
        "now": NOW,
        "vectors": vectors.into_iter().map(Vector::into_json).collect::<Vec<_>>(),
    })
}
