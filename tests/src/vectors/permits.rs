//! `permits.json`: permits against the call that is about to be made.

use serde_json::{Value, json};
use stage0_audit::permit::{Allowed, Issue, Issuer, PERMIT_KIND};
use stage0_engine::host::Host;
use stage0_engine::state::RunState;
use stage0_wire::{decision_to_json, parse_request};

use super::forgeries::forgeries;
use super::vector::{Vector, signed};
use super::{LIMITS, NOW, PAYMENTS, at, known_key, payload, policy, trusted};

/// The call that is about to be made.
pub(super) fn payout() -> Value {
    json!({
        "tool_call": {"id": "c1", "name": "payout", "arguments": {"amount": 20.5, "to": "acme"}},
        "context": {"actor_id": "u1", "tenant_id": "t1", "environment": "production"}
    })
}

/// One permit, and calls that are about to be made with it.
fn calls(good: &str) -> Vec<Vector> {
    let call = |pointer: &str, value: Value| {
        let mut call = payout();
        *call.pointer_mut(pointer).unwrap() = value;
        call
    };
    let vector = |name, refused| Vector::new(name, good.to_owned(), refused, Some(true));
    vec![
        vector("what was allowed", None),
        vector("by the catalog's name", None)
            .with("call", call("/tool_call/name", "payments.payout".into())),
        vector("in the last millisecond", None).with("now", "2026-01-05T10:00:59.999Z"),
        vector("a clock that is five seconds behind", None).with("now", "2026-01-05T09:59:55Z"),
        vector("by the other name of the algorithm", None),
        vector("another amount", Some("PERMIT_ACTION"))
            .with("call", call("/tool_call/arguments/amount", json!(20.51))),
        vector("an amount that is text", Some("PERMIT_ACTION"))
            .with("call", call("/tool_call/arguments/amount", "20.5".into())),
        vector("another recipient", Some("PERMIT_ACTION"))
            .with("call", call("/tool_call/arguments/to", "acme ".into())),
        vector("an argument more", Some("PERMIT_ACTION")).with(
            "call",
            call(
                "/tool_call/arguments",
                json!({"amount": 20.5, "to": "acme", "memo": null}),
            ),
        ),
        vector("no arguments", Some("PERMIT_ACTION"))
            .with("call", call("/tool_call/arguments", json!({}))),
        vector("another actor", Some("PERMIT_ACTION"))
            .with("call", call("/context/actor_id", "u2".into())),
        vector("another tenant", Some("PERMIT_ACTION"))
            .with("call", call("/context/tenant_id", "t2".into())),
        vector("another environment", Some("PERMIT_ACTION"))
            .with("call", call("/context/environment", "staging".into())),
        vector("no context", Some("PERMIT_ACTION")).with("call", call("/context", json!({}))),
        vector("another tool", Some("PERMIT_TOOL"))
            .with("call", call("/tool_call/name", "payments.refund".into())),
        vector(
            "a name of the same tool that was not used",
            Some("PERMIT_TOOL"),
        )
        .with("call", call("/tool_call/name", "mcp__bank__payout".into())),
        vector("too late", Some("PERMIT_EXPIRED")).with("now", "2026-01-05T10:01:00Z"),
        vector("too early", Some("PERMIT_NOT_YET_VALID")).with("now", "2026-01-05T09:59:54.999Z"),
    ]
}

/// `permits.json`.
///
/// # Panics
/// Something that was meant to be good is not.
pub fn permits() -> Value {
    let policy = policy(PAYMENTS, LIMITS);
    let text = payout().to_string();
    let request = parse_request(text.as_bytes()).unwrap();
    let host = Host {
        request_id: "r1",
        ..Host::default()
    };
    let decision = policy.peek(&request, &host, &RunState::default(), at(NOW));
    let allowed = Allowed::of(&decision);
    let issue = Issue {
        run: Some("run-7"),
        ..Issue::new("p-1", at(NOW))
    };
    let issued = |audience| {
        let issuer = Issuer::new(known_key(), audience);
        issuer.issue(&allowed, &issue).unwrap()
    };
    let good = issued("bank");
    let claims = payload(&good);
    let changed = |from: &str, to: &str| {
        let claims = claims.replacen(from, to, 1);
        known_key().sign(PERMIT_KIND, &claims)
    };
    let yes = Some(true);
    let mut vectors = calls(&good);
    vectors.extend([
        Vector::new(
            "for another executor",
            issued("mail"),
            Some("PERMIT_AUDIENCE"),
            yes,
        ),
        Vector::new(
            "for too long",
            changed("\"exp\":1767607260", "\"exp\":1767610800"),
            Some("CLAIMS_INVALID"),
            yes,
        ),
        Vector::new(
            "for no time at all",
            changed("\"exp\":1767607260", "\"exp\":1767607200"),
            Some("CLAIMS_INVALID"),
            yes,
        ),
        Vector::new(
            "an end that is text",
            changed("\"exp\":1767607260", "\"exp\":\"1767607260\""),
            Some("CLAIMS_INVALID"),
            None,
        ),
        Vector::new(
            "several executors",
            changed("\"aud\":\"bank\"", "\"aud\":[\"bank\",\"mail\"]"),
            Some("CLAIMS_INVALID"),
            yes,
        ),
    ]);
    let header =
        format!("{{\"alg\":\"Ed25519\",\"kid\":\"known-2026\",\"typ\":\"{PERMIT_KIND}\"}}");
    if let Some(vector) = vectors
        .iter_mut()
        .find(|one| one.name.contains("algorithm"))
    {
        vector.token = signed(&header, &claims);
        // RFC 9864 is younger than most libraries.
        vector.jws = None;
    }
    vectors.extend(forgeries(PERMIT_KIND, &good));
    json!({
        "about": "Permits, verified against the call that is about to be made. A vector without `call` or `now` has those of the file.",
        "private_key": serde_json::from_str::<Value>(&known_key().to_jwk()).unwrap(),
        "keys": trusted(),
        "audience": "bank",
        "now": NOW,
        "call": payout(),
        "issue": {
            "decision": decision_to_json(&decision),
            "id": "p-1",
            "run": "run-7",
            "token": good,
        },
        "vectors": vectors.into_iter().map(Vector::into_json).collect::<Vec<_>>(),
    })
}
