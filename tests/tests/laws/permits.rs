//! Law 12: a permit is for what was decided, and for nothing else.

use std::cell::Cell;

use proptest::prelude::*;
use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::permit::{Allowed, Issue, Issuer, UsedInMemory, Verifier};
use stage0_engine::host::Host;
use stage0_engine::policy::Mode;
use stage0_wire::codes::ProblemCode;
use stage0_wire::{decision_to_json, parse_request};

use crate::engine::{REQUEST_ID, load};
use crate::run::check;
use stage0_tests::generate::policy::ANY;
use stage0_tests::generate::{sample, timestamp};

fn key() -> PrivateKey {
    PrivateKey::from_seed("gate", &[7; 32]).unwrap()
}

fn verifier() -> Verifier {
    let set = format!("{{\"keys\":[{}]}}", key().to_public_jwk());
    Verifier::new(KeySet::parse("keys", set.as_bytes()).unwrap(), "executor")
}

/// Law 12 (what was checked is what runs): there is a permit for exactly what was allowed and is enforced, it
/// is good for that call, once, and for another call only if that is the same action.
#[test]
fn a_permit_is_good_for_what_was_allowed() {
    let cases = (sample(ANY, true), sample(ANY, true));
    let issued_count = Cell::new(0);
    check("permits", 400, cases, |(sample, other)| {
        let policy = load(&sample.policy);
        let text = sample.request.to_value().to_json();
        let request = parse_request(text.as_bytes()).unwrap();
        let host = Host {
            request_id: REQUEST_ID,
            mode: sample.host.mode,
            approvals: &sample.host.approvals,
            ..Host::default()
        };
        let now = timestamp(sample.now);
        let decision = policy.peek(&request, &host, &sample.host.state, now);
        let allowed = Allowed::of(&decision);
        // The text of a decision comes to the same permit.
        let read = Allowed::parse(&decision_to_json(&decision), &request);
        prop_assert_eq!(read.as_ref(), Ok(&allowed));

        let issued = Issuer::new(key(), "executor").issue(&allowed, &Issue::new("p", now));
        let is_enforced = decision.mode != Mode::Observe && decision.would.is_none();
        let is_good = decision.allowed() && is_enforced && decision.is_call();
        prop_assert_eq!(issued.is_ok(), is_good, "{:?}", issued);
        let Ok(permit) = issued else { return Ok(()) };

        issued_count.set(issued_count.get() + 1);
        let used = UsedInMemory::default();
        let changed = other.request.to_value().to_json();
        let changed = parse_request(changed.as_bytes()).unwrap();
        let name = decision.tool_verdicts.first().and_then(|tool| tool.tool);
        let names = [name, request.call_name()];
        let digest = |name: Option<&str>| stage0_engine::call_digest(&changed, name.unwrap_or(""));
        let is_same = names.contains(&changed.call_name())
            && names
                .iter()
                .any(|name| digest(*name) == decision.action_digest());
        if !is_same {
            let found = verifier().verify(&permit, &changed, now, &used);
            let code = found.map_err(|error| error.code()).unwrap_err();
            let expected = [ProblemCode::PermitTool, ProblemCode::PermitAction];
            prop_assert!(expected.contains(&code), "{}", code);
        }
        let found = verifier().verify(&permit, &request, now, &used);
        prop_assert!(found.is_ok(), "{:?}", found);
        let again = verifier().verify(&permit, &request, now, &used);
        let code = again.map_err(|error| error.code()).unwrap_err();
        prop_assert_eq!(code, ProblemCode::PermitUsed);
        Ok(())
    });
    assert!(issued_count.get() > 20, "{} permits", issued_count.get());
}

/// Law 12 (what was checked is what runs): whatever texts a permit carries, what is written is read.
#[test]
fn what_a_permit_says_is_what_was_written() {
    let policy = stage0_wire::Policy::parse(
        "{\"stage0\": \"v1\", \"name\": \"n\", \"version\": \"1.0.0\", \"default\": \"allow\", \"tools\": {\"t\": {}}}",
    );
    let policy = policy.unwrap();
    let texts = (
        "\\PC{1,40}",
        proptest::option::of(".{1,40}"),
        1_i64..900_000,
    );
    check("claims", 300, texts, |(id, run, ttl_ms)| {
        let text = r#"{"tool_call": {"name": "t", "id": "c", "arguments": {}}}"#;
        let request = parse_request(text.as_bytes()).unwrap();
        let host = Host {
            request_id: &id,
            ..Host::default()
        };
        let now = timestamp(0);
        let decision = policy.peek(&request, &host, &Default::default(), now);
        let issue = Issue {
            run: run.as_deref(),
            ttl: stage0_engine::time::Duration::from_ms(ttl_ms).unwrap(),
            ..Issue::new(&id, now)
        };
        let issued = Issuer::new(key(), "executor").issue(&Allowed::of(&decision), &issue);
        let verified = verifier().verify(&issued.unwrap(), &request, now, &UsedInMemory::default());
        let permit = verified.unwrap();
        prop_assert_eq!(&permit.id, &id);
        prop_assert_eq!(&permit.request_id, &id);
        prop_assert_eq!(&permit.run, &run);
        prop_assert_eq!(permit.expires_at.since(permit.issued_at), issue.ttl);
        Ok(())
    });
}
