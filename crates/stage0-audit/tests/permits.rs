//! Permits: issued for what was allowed, and refused for everything else.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::permit::{
    Allowed, Issue, Issuer, PERMIT_KIND, PERMIT_TTL_MAX, PermitError, UseError, Used, UsedInMemory,
    Verifier,
};
use stage0_engine::host::Host;
use stage0_engine::policy::Mode;
use stage0_engine::state::RunState;
use stage0_engine::time::{Duration, Timestamp};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, decision_to_json, parse_request};

const POLICY: &str = "
stage0: v1
name: payments
version: 1.0.0
default: deny
tools:
  payments.payout: { aka: [payout, mcp__bank__payout], effects: [money_movement] }
  night.job: { effects: [] }
rules:
  - { id: payouts, tools: [payments.payout], allow: args.amount <= 100 }
  - { id: nights, tools: [night.job], allow: 'now < timestamp(\"2026-01-05T10:00:30Z\")' }
  - { id: small, mode: observe, tools: [payments.payout], deny: args.amount > 50 }
";

const PAYOUT: &str = r#"{"tool_call": {"id": "c1", "name": "payout", "arguments": {"amount": 20.0, "to": "acme"}}, "context": {"actor_id": "u1", "tenant_id": "t1", "environment": "production"}}"#;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn now() -> Timestamp {
    at("2026-01-05T10:00:00Z")
}

fn key(id: &str) -> PrivateKey {
    PrivateKey::from_seed(id, &[7; 32]).unwrap()
}

fn keys() -> KeySet {
    let set = format!("{{\"keys\":[{}]}}", key("gate").to_public_jwk());
    KeySet::parse("keys", set.as_bytes()).unwrap()
}

/// What a decision about this request comes to, from the decision and from its text.
fn allowed(request: &str, mode: Mode) -> Allowed {
    let policy = Policy::parse(POLICY).unwrap();
    let request = parse_request(request.as_bytes()).unwrap();
    let host = Host {
        request_id: "r1",
        mode,
        ..Host::default()
    };
    let decision = policy.peek(&request, &host, &RunState::default(), now());
    let allowed = Allowed::of(&decision);
    let text = decision_to_json(&decision);
    assert_eq!(Allowed::parse(&text, &request), Ok(allowed.clone()));
    allowed
}

fn issued(request: &str) -> String {
    let issuer = Issuer::new(key("gate"), "bank");
    let issue = Issue::new("p-1", now());
    issuer
        .issue(&allowed(request, Mode::Enforce), &issue)
        .unwrap()
}

fn verify(permit: &str, call: &str, now: Timestamp) -> Result<(), PermitError> {
    let call = parse_request(call.as_bytes()).unwrap();
    let verifier = Verifier::new(keys(), "bank");
    verifier
        .verify(permit, &call, now, &UsedInMemory::default())
        .map(|_| ())
}

fn code(result: Result<(), PermitError>) -> &'static str {
    let error = result.unwrap_err();
    let problem = Problem::from(&error);
    assert_eq!(problem.message(), error.to_string());
    problem.code().as_str()
}

#[test]
fn what_was_checked_may_run_once() {
    let permit = issued(PAYOUT);
    let verifier = Verifier::new(keys(), "bank");
    let used = UsedInMemory::default();
    let call = parse_request(PAYOUT.as_bytes()).unwrap();
    let known = verifier.verify(&permit, &call, now(), &used).unwrap();
    assert_eq!(known.request_id, "r1");
    assert_eq!(known.call.as_deref(), Some("c1"));
    assert_eq!(known.tool.as_deref(), Some("payments.payout"));
    assert_eq!(known.expires_at, at("2026-01-05T10:01:00Z"));
    let again = verifier.verify(&permit, &call, now(), &used);
    assert_eq!(again.unwrap_err().code(), ProblemCode::PermitUsed);
    // Another memory knows nothing of it: executors that share work share one.
    let other = UsedInMemory::default();
    assert!(verifier.verify(&permit, &call, now(), &other).is_ok());
}

#[test]
fn the_same_call_may_be_written_differently() {
    let permit = issued(PAYOUT);
    for call in [
        PAYOUT.replace("20.0", "2e1"),
        PAYOUT.replace(": ", ":"),
        PAYOUT.replace(
            r#""amount": 20.0, "to": "acme""#,
            r#""to": "acme", "amount": 20"#,
        ),
        PAYOUT.replace("\"payout\"", "\"payments.payout\""),
        PAYOUT.replace("\"id\": \"c1\", ", ""),
        PAYOUT.replace("\"u1\"", "\"u1\", \"actor_role\": \"clerk\""),
    ] {
        assert_eq!(verify(&permit, &call, now()), Ok(()), "{call}");
    }
}

#[test]
fn what_was_changed_since_may_not_run() {
    let permit = issued(PAYOUT);
    for (from, to, expected) in [
        ("20.0", "20.01", "PERMIT_ACTION"),
        ("20.0", "\"20\"", "PERMIT_ACTION"),
        ("acme", "acmee", "PERMIT_ACTION"),
        ("\"acme\"", "\"acme\", \"memo\": null", "PERMIT_ACTION"),
        (", \"to\": \"acme\"", "", "PERMIT_ACTION"),
        ("\"u1\"", "\"u2\"", "PERMIT_ACTION"),
        ("\"t1\"", "\"t2\"", "PERMIT_ACTION"),
        (", \"tenant_id\": \"t1\"", "", "PERMIT_ACTION"),
        ("production", "staging", "PERMIT_ACTION"),
        ("\"payout\"", "\"night.job\"", "PERMIT_TOOL"),
        ("\"payout\"", "\"Payout\"", "PERMIT_TOOL"),
        // It is the same tool by the catalog, which no executor has.
        ("\"payout\"", "\"mcp__bank__payout\"", "PERMIT_TOOL"),
    ] {
        let call = PAYOUT.replacen(from, to, 1);
        assert_ne!(call, PAYOUT);
        assert_eq!(code(verify(&permit, &call, now())), expected, "{call}");
    }
    let plan = r#"{"goal": "pay", "tools": ["payout"]}"#;
    assert_eq!(code(verify(&permit, plan, now())), "PERMIT_TOOL");
}

#[test]
fn a_tool_that_no_catalog_has_goes_by_its_name() {
    let policy = POLICY.replace("default: deny", "default: allow\nunknown_tools: declared");
    let policy = Policy::parse(&policy).unwrap();
    let call = r#"{"tool_call": {"name": "Other", "arguments": {}}}"#;
    let request = parse_request(call.as_bytes()).unwrap();
    let host = Host {
        request_id: "r1",
        ..Host::default()
    };
    let decision = policy.peek(&request, &host, &RunState::default(), now());
    let allowed = Allowed::parse(&decision_to_json(&decision), &request).unwrap();
    assert_eq!(allowed, Allowed::of(&decision));
    let issuer = Issuer::new(key("gate"), "bank");
    let permit = issuer.issue(&allowed, &Issue::new("p-1", now())).unwrap();
    assert_eq!(verify(&permit, call, now()), Ok(()));
    let other = call.replace("Other", "other");
    assert_eq!(code(verify(&permit, &other, now())), "PERMIT_TOOL");
}

#[test]
fn a_permit_counts_for_a_while() {
    let permit = issued(PAYOUT);
    let code_at = |time| verify(&permit, PAYOUT, at(time)).map_err(|error| error.code().as_str());
    assert_eq!(
        code_at("2026-01-05T09:59:54.999Z"),
        Err("PERMIT_NOT_YET_VALID")
    );
    assert_eq!(code_at("2026-01-05T09:59:55Z"), Ok(()));
    assert_eq!(code_at("2026-01-05T10:00:59.999Z"), Ok(()));
    assert_eq!(code_at("2026-01-05T10:01:00Z"), Err("PERMIT_EXPIRED"));
}

#[test]
fn foreign_permits_are_refused() {
    let allowed = allowed(PAYOUT, Mode::Enforce);
    let issue = Issue::new("p-1", now());
    let by = |key: PrivateKey, audience| Issuer::new(key, audience).issue(&allowed, &issue);
    let other = PrivateKey::from_seed("gate", &[8; 32]).unwrap();
    for (permit, expected) in [
        (by(key("gate"), "mail"), "PERMIT_AUDIENCE"),
        (by(key("gate-2"), "bank"), "KEY_UNKNOWN"),
        (by(other, "bank"), "SIGNATURE_WRONG"),
        (Ok("permit".to_owned()), "TOKEN_INVALID"),
        (
            Ok(key("gate").sign("stage0-approval+jwt", "{}")),
            "TOKEN_INVALID",
        ),
        (Ok(key("gate").sign(PERMIT_KIND, "{}")), "CLAIMS_INVALID"),
    ] {
        assert_eq!(code(verify(&permit.unwrap(), PAYOUT, now())), expected);
    }
}

#[test]
fn claims_are_read_strictly_though_they_are_signed() {
    use stage0_wire::jws::decode;
    let permit = issued(PAYOUT);
    let payload = permit.split('.').nth(1).unwrap();
    let payload = String::from_utf8(decode(payload).unwrap()).unwrap();
    let signed = |payload: &str| key("gate").sign(PERMIT_KIND, payload);
    assert_eq!(signed(&payload), permit);
    for (from, to) in [
        ("\"jti\":\"p-1\"", "\"jti\":\"\""),
        ("\"jti\":\"p-1\",", ""),
        ("\"aud\":\"bank\"", "\"aud\":[\"bank\",\"mail\"]"),
        ("\"name\":\"payout\",", ""),
        ("\"tool\":\"payments.payout\"", "\"tool\":null"),
        ("\"action\":\"", "\"action\":\"0"),
        ("\"iat\":", "\"nbf\":"),
        ("\"exp\":1767607260", "\"exp\":1767607200"),
        ("\"exp\":1767607260", "\"exp\":1767608101"),
        ("\"exp\":1767607260", "\"exp\":1767607260.0001"),
        ("\"exp\":1767607260", "\"exp\":\"1767607260\""),
        ("{", "{\"jti\":\"p-2\","),
        ("{", "{\"scope\":\"all\","),
    ] {
        let changed = payload.replacen(from, to, 1);
        assert_ne!(changed, payload, "{from}");
        let found = code(verify(&signed(&changed), PAYOUT, now()));
        assert_eq!(found, "CLAIMS_INVALID", "{changed}");
    }
}

#[test]
fn there_is_no_permit_for_what_is_not_allowed_and_enforced() {
    let issuer = Issuer::new(key("gate"), "bank");
    let issue = Issue::new("p-1", now());
    let refused = |request: &str, mode| {
        let error = issuer.issue(&allowed(request, mode), &issue).unwrap_err();
        assert_eq!(error.code(), ProblemCode::PermitNotIssued);
        error.to_string()
    };
    let too_much = PAYOUT.replace("20.0", "200");
    assert!(refused(&too_much, Mode::Enforce).contains("no ALLOW"));
    assert!(refused(PAYOUT, Mode::Halted).contains("no ALLOW"));
    // One rule alone is observed, and would have denied it.
    let observed = PAYOUT.replace("20.0", "60");
    assert!(refused(&observed, Mode::Enforce).contains("observed"));
    let plan = r#"{"goal": "Run the job of tonight", "tools": ["night.job"]}"#;
    assert!(refused(plan, Mode::Enforce).contains("plan"));
}

#[test]
fn a_decision_is_read_with_the_request_that_it_is_about() {
    let policy = Policy::parse(POLICY).unwrap();
    let request = parse_request(PAYOUT.as_bytes()).unwrap();
    let decision = policy.peek(&request, &Host::default(), &RunState::default(), now());
    let text = decision_to_json(&decision);
    let other = PAYOUT.replace("acme", "mallory");
    let other = parse_request(other.as_bytes()).unwrap();
    let error = Allowed::parse(&text, &other).unwrap_err();
    assert!(error.to_string().contains("another request"), "{error}");
    let cut = text.replace("\"valid_until\":null,", "");
    for text in ["", "{}", "[]", "{\"verdict\":\"ALLOW\"}", &cut] {
        let error = Allowed::parse(text, &request).unwrap_err();
        assert!(error.to_string().contains("no decision"), "{text}");
    }
}

#[test]
fn a_policy_that_only_observes_issues_no_permits() {
    let policy = Policy::parse(&POLICY.replace("default: deny", "default: deny\nmode: observe"));
    let policy = policy.unwrap();
    let request = parse_request(PAYOUT.as_bytes()).unwrap();
    let host = Host {
        request_id: "r1",
        ..Host::default()
    };
    let decision = policy.peek(&request, &host, &RunState::default(), now());
    assert!(decision.allowed());
    let issuer = Issuer::new(key("gate"), "bank");
    let permit = issuer.issue(&Allowed::of(&decision), &Issue::new("p-1", now()));
    assert!(permit.unwrap_err().to_string().contains("observed"));
}

#[test]
fn a_permit_is_for_what_was_decided_just_now() {
    let issuer = Issuer::new(key("gate"), "bank");
    let payout = allowed(PAYOUT, Mode::Enforce);
    let minutes = |count: i64| Duration::from_ms(count * 60_000).unwrap();
    let issue_at = |time| issuer.issue(&payout, &Issue::new("p-1", time));
    assert!(issue_at(at("2026-01-05T10:15:00Z")).is_ok());
    assert!(issue_at(at("2026-01-05T10:15:00.001Z")).is_err());
    assert!(issue_at(at("2026-01-05T09:59:55Z")).is_ok());
    assert!(issue_at(at("2026-01-05T09:59:54Z")).is_err());
    for (ttl, is_good) in [
        (Duration::ZERO, false),
        (minutes(-1), false),
        (PERMIT_TTL_MAX, true),
        (minutes(16), false),
    ] {
        let issue = Issue {
            ttl,
            ..Issue::new("p-1", now())
        };
        assert_eq!(issuer.issue(&payout, &issue).is_ok(), is_good, "{ttl}");
    }
    let long = "x".repeat(513);
    for id in ["", &long] {
        assert!(issuer.issue(&payout, &Issue::new(id, now())).is_err());
    }
    // What is allowed until half past is not run later.
    let job = r#"{"tool_call": {"name": "night.job", "arguments": {}}}"#;
    let night = allowed(job, Mode::Enforce);
    let permit = issuer.issue(&night, &Issue::new("p-2", now())).unwrap();
    assert_eq!(verify(&permit, job, at("2026-01-05T10:00:29.999Z")), Ok(()));
    let late = verify(&permit, job, at("2026-01-05T10:00:30Z"));
    assert_eq!(code(late), "PERMIT_EXPIRED");
    let late = issuer.issue(&night, &Issue::new("p-2", at("2026-01-05T10:00:30Z")));
    assert!(late.unwrap_err().to_string().contains("does not stand"));
}

#[test]
fn who_began_again_believes_nothing_older() {
    let permit = issued(PAYOUT);
    let call = parse_request(PAYOUT.as_bytes()).unwrap();
    let code_since = |begin| {
        let verifier = Verifier::new(keys(), "bank").since(at(begin));
        let found = verifier.verify(&permit, &call, now(), &UsedInMemory::default());
        found.err().map(|error| error.code())
    };
    assert_eq!(
        code_since("2026-01-05T10:00:00Z"),
        Some(ProblemCode::PermitStore)
    );
    // The clock of who issued it may be ahead.
    assert_eq!(
        code_since("2026-01-05T09:59:55Z"),
        Some(ProblemCode::PermitStore)
    );
    assert_eq!(code_since("2026-01-05T09:59:54.999Z"), None);
}

#[test]
fn a_refused_permit_is_not_used_up_and_a_memory_that_fails_refuses() {
    struct Broken;
    impl Used for Broken {
        fn mark(&self, _: &str, _: &str, _: Timestamp, _: Timestamp) -> Result<(), UseError> {
            Err(UseError::Failed("the disk is full".to_owned()))
        }
    }
    let permit = issued(PAYOUT);
    let verifier = Verifier::new(keys(), "bank");
    let (good, used) = (
        parse_request(PAYOUT.as_bytes()).unwrap(),
        UsedInMemory::default(),
    );
    let changed = PAYOUT.replace("acme", "mallory");
    let changed = parse_request(changed.as_bytes()).unwrap();
    assert!(verifier.verify(&permit, &changed, now(), &used).is_err());
    let broken = verifier.verify(&permit, &good, now(), &Broken);
    assert_eq!(broken.unwrap_err().code(), ProblemCode::PermitStore);
    let full = UsedInMemory::with_capacity(0);
    let full = verifier.verify(&permit, &good, now(), &full);
    assert_eq!(full.unwrap_err().code(), ProblemCode::PermitsFull);
    assert!(verifier.verify(&permit, &good, now(), &used).is_ok());
}
