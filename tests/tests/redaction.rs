//! Canaries: a text in the place of every secret of a request, looked for in everything that is told.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use serde_json::{Value, json};
use stage0_engine::host::Host;
use stage0_engine::time::Timestamp;
use stage0_wire::question::{NEW_RUN, Question};
use stage0_wire::{
    Policy, decision_to_json, explanation_to_json, facts_to_json, parse_request, parse_state,
};

const CANARY: &str = "canary7q1";

/// Rules that read, compare, match, bind, count and break on redacted facts.
const POLICY: &str = r#"
stage0: v1
name: discreet
version: 1.0.0
default: allow
redact: [args.card, args.customer.name, args.level, args.sum, context.mfa_code, context.actor_id, goal, success_criteria, trusted]
facts: { context.mfa_code: { type: string } }
tools:
  card.charge:
    effects: [money_movement]
    args:
      card: { type: string, pattern: "^[0-9]{12,19}$" }
      level: { enum: [gold, silver], optional: true }
      sum: { type: number, optional: true }
      customer: { type: object, optional: true, properties: { name: { type: string, optional: true } } }
rules:
  - { id: starts, tools: [card.charge], deny: 'args.card.startsWith("canary")' }
  - { id: whole, deny: size(args.customer) > 9 }
  - { id: inside, deny: 'args.customer.name == "x"' }
  - { id: broken, deny: args.sum > 3 }
  - { id: path, deny: '!path_within(args.card, "/srv")' }
  - { id: mfa, require: size(context.mfa_code) == 6 }
  - { id: claims, deny: 'goal.contains("canary") || success_criteria.exists(c, c.contains("canary"))' }
  - { id: words, require: 'grounded(args.card, trusted)' }
  - { id: asked, tools: [card.charge], approval: { not: context.actor_id, bind: [args.card, args.sum] } }
limits:
  - { id: each, tools: [card.charge], count: allowed, per: context.actor_id, window: 24h, max: 5 }
"#;

/// Requests with the canary in one place each, of the right and of the wrong type.
fn requests() -> Vec<Value> {
    let plain = json!({
        "goal": "charge it",
        "success_criteria": ["it is charged"],
        "context": {"actor_id": "u1", "mfa_code": "123456"},
        "trusted": [{"source": "user", "text": "charge 123456789012"}],
        "tool_call": {"id": "c1", "name": "card.charge", "arguments": {"card": "123456789012"}},
    });
    let mut requests = Vec::new();
    let places = [
        "/goal",
        "/success_criteria/0",
        "/context/actor_id",
        "/context/mfa_code",
        "/trusted/0/text",
        "/tool_call/arguments/card",
        "/tool_call/arguments/level",
        "/tool_call/arguments/sum",
        "/tool_call/arguments/customer",
    ];
    for place in places {
        for value in [
            json!(CANARY),
            json!(format!("max_iterations: {CANARY}")),
            json!([CANARY]),
            json!({"name": CANARY}),
            json!({"name": [CANARY], "other": CANARY}),
        ] {
            let mut request = plain.clone();
            let (outer, name) = place.rsplit_once('/').unwrap();
            match request.pointer_mut(outer).unwrap() {
                Value::Object(members) => {
                    members.insert(name.to_owned(), value);
                }
                Value::Array(items) => items[0] = value,
                _ => panic!("{place}"),
            }
            requests.push(request);
        }
    }
    requests
}

#[test]
fn no_redacted_value_is_told_anywhere() {
    let policy = Policy::parse(POLICY).unwrap();
    let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
    let state = parse_state("state", NEW_RUN.as_bytes()).unwrap();
    let secret = [7; 32];
    let (mut decided, mut redacted) = (0, 0);
    for request in requests() {
        let text = request.to_string();
        let Ok(parsed) = parse_request(text.as_bytes()) else {
            // It is no request: nothing was decided, and its host has the text.
            continue;
        };
        decided += 1;
        let host = Host::default();
        let (decision, next) = policy.decide(&parsed, &host, &state, now);
        let explanation = policy.explain(&parsed, &host, &state, now);
        let facts = facts_to_json(&decision, Some(&secret));
        redacted += facts.matches("redacted").count();
        let told = [
            decision_to_json(&decision),
            explanation_to_json(&explanation),
            stage0_wire::state_to_json(&next),
            facts_to_json(&decision, None),
            facts,
        ];
        for told in told {
            assert!(!told.contains(CANARY), "{text}\n{told}");
        }
    }
    assert!(
        decided > 25 && redacted > 100,
        "{decided} decided, {redacted} redacted"
    );
}

#[test]
fn equal_values_are_known_as_equal_by_whoever_has_the_secret_only() {
    let policy = Policy::parse(POLICY).unwrap();
    let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
    let facts = |card: &str, secret: Option<&[u8; 32]>| {
        let text = json!({"context": {"actor_id": "u1"},
            "tool_call": {"name": "card.charge", "arguments": {"card": card}}});
        let text = text.to_string();
        let request = parse_request(text.as_bytes()).unwrap();
        let state = parse_state("state", NEW_RUN.as_bytes()).unwrap();
        let (decision, _) = policy.decide(&request, &Host::default(), &state, now);
        let facts: Value = serde_json::from_str(&facts_to_json(&decision, secret)).unwrap();
        facts["args.card"]["redacted"].clone()
    };
    let (one, other) = (
        facts("123456789012", Some(&[1; 32])),
        facts("123456789013", Some(&[1; 32])),
    );
    assert_eq!(one, facts("123456789012", Some(&[1; 32])));
    assert_ne!(one, other);
    assert_ne!(one, facts("123456789012", Some(&[2; 32])));
    assert_eq!(facts("123456789012", None), json!(true));
    // The same decision by texts, as other languages make it.
    let text = br#"{"tool_call": {"name": "card.charge", "arguments": {"card": "123456789012"}}}"#;
    assert!(Question::new(text, now).check(&policy).is_ok());
}
