//! The test vectors: what is made is what stands there, what stands there is accepted or refused as it
//! says, and somebody else's library agrees about the signatures.

use std::fs;
use std::path::PathBuf;

use jwt_compact::alg::Ed25519;
use jwt_compact::{AlgorithmExt, UntrustedToken};
use serde_json::{Map, Value};
use stage0_audit::chain::{self, Checkpoint, Place};
use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::permit::{Allowed, Issue, Issuer, UsedInMemory, Verifier};
use stage0_audit::policy::{Demands, POLICY_KIND, Seen, verify};
use stage0_tests::vectors::{self, approvals, at, payload, permits, policies, policy};
use stage0_wire::jws::decode;
use stage0_wire::question::Question;
use stage0_wire::{Policy, parse_request};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(file(name)).unwrap()).unwrap()
}

fn compare(name: &str, made: &Value) {
    let text = serde_json::to_string_pretty(made).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(file(name), &text).unwrap();
    }
    let found = fs::read_to_string(file(name)).unwrap();
    assert!(found == text, "{name}: UPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn the_vectors_are_what_is_made() {
    compare("permits.json", &permits());
    compare("approvals.json", &approvals());
    compare("policies.json", &policies());
    compare("chain.json", &vectors::chain());
}

fn keys(set: &Value) -> KeySet {
    KeySet::parse("keys", set["keys"].to_string().as_bytes()).unwrap()
}

/// What a vector says, or the file for all of its vectors.
fn of<'v>(set: &'v Value, vector: &'v Value, name: &str) -> &'v Value {
    vector.get(name).unwrap_or(&set[name])
}

type Refusal = Option<&'static str>;

/// What becomes of a permit.
fn permit_of(set: &Value, vector: &Value, token: &str) -> Refusal {
    let call = of(set, vector, "call").to_string();
    let call = parse_request(call.as_bytes()).unwrap();
    let verifier = Verifier::new(keys(set), set["audience"].as_str().unwrap());
    let now = at(of(set, vector, "now").as_str().unwrap());
    let found = verifier.verify(token, &call, now, &UsedInMemory::default());
    found.err().map(|error| error.code().as_str())
}

/// What becomes of a policy's signature.
fn policy_of(set: &Value, vector: &Value, token: Option<&str>) -> Refusal {
    let files = of(set, vector, "files");
    let text = |name: &str| files[name].as_str().unwrap();
    let policy = policy(text("payments.yaml"), text("limits.yaml"));
    let seen = vector
        .get("seen")
        .map(|seen| Seen::parse("seen", seen.as_str().unwrap().as_bytes()).unwrap());
    let demands = Demands {
        keys: &keys(set),
        name: vector.get("policy_name").and_then(Value::as_str),
        seen: &seen.unwrap_or_default(),
        now: at(of(set, vector, "now").as_str().unwrap()),
    };
    let found = verify(policy.index(), token, &demands);
    found.err().map(|error| error.code().as_str())
}

/// What becomes of an approval: the code of the issue that there is instead of an ALLOW.
fn approval_of(set: &Value, policy: &Policy, token: &str) -> Option<String> {
    let mut request = set["request"].clone();
    request["context"]["approval"] = token.into();
    let request = request.to_string();
    let asked = Question {
        state: set["state"].as_str(),
        ..Question::new(request.as_bytes(), at(set["now"].as_str().unwrap()))
    };
    let answer: Value = serde_json::from_str(&asked.check(policy).unwrap().decision).unwrap();
    let code = answer["issues"][0]["code"].as_str().map(str::to_owned);
    assert_eq!(answer["verdict"] == "ALLOW", code.is_none(), "{answer}");
    code
}

fn each(set: &Value, run: impl Fn(&Value, Option<&str>) -> Refusal) {
    let mut accepted = 0;
    for vector in set["vectors"].as_array().unwrap() {
        let expected = vector["refused"].as_str();
        assert_eq!(
            run(vector, vector["token"].as_str()),
            expected,
            "{}",
            vector["name"]
        );
        accepted += usize::from(expected.is_none());
    }
    assert!(accepted > 1);
}

#[test]
fn permits_are_accepted_and_refused_as_the_vectors_say() {
    let set = read("permits.json");
    each(&set, |vector, token| {
        permit_of(&set, vector, token.unwrap())
    });
}

#[test]
fn policies_are_accepted_and_refused_as_the_vectors_say() {
    let set = read("policies.json");
    each(&set, |vector, token| policy_of(&set, vector, token));
}

#[test]
fn checkpoints_are_accepted_and_refused_as_the_vectors_say() {
    let set = read("chain.json");
    let keys = keys(&set);
    each(&set, |_, token| {
        let found = Checkpoint::open(token.unwrap(), &keys);
        found.err().map(|error| error.code().as_str())
    });
}

/// What is found in a log, and up to where it is signed.
fn found(set: &Value, log: &Value) -> (Vec<(&'static str, u64)>, Option<u64>) {
    let keys = keys(set);
    let is_given = log.get("keys").is_none();
    let mut verifier = chain::Verifier::new(is_given.then_some(&keys), log["continues"] == true);
    let lines = log["lines"].as_array().unwrap();
    for (number, line) in (1..).zip(lines) {
        let known = line.as_u64().map(|line| usize::try_from(line).unwrap() - 1);
        let line = known.map_or(line, |line| &set["lines"][line]);
        let place = Place {
            file: "log".to_owned(),
            line: number,
        };
        let is_whole = number < lines.len() as u64 || log["ended"] != false;
        verifier.line(&place, line.as_str().unwrap(), is_whole);
    }
    if let Some(token) = log["checkpoint"].as_str() {
        verifier.hold_to("kept", token);
    }
    let (findings, summary) = verifier.finish();
    let found = findings.iter().map(|finding| {
        let line = finding.place.as_ref().map_or(0, |place| place.line);
        (finding.code.as_str(), line)
    });
    (found.collect(), summary.signed_to)
}

#[test]
fn in_logs_is_found_what_the_vectors_say() {
    let set = read("chain.json");
    let logs = set["logs"].as_array().unwrap();
    for log in logs {
        let (found, signed_to) = found(&set, log);
        assert_eq!(serde_json::json!(found), log["found"], "{}", log["name"]);
        if let Some(expected) = log["signed_to"].as_u64() {
            assert_eq!(signed_to, Some(expected), "{}", log["name"]);
        }
    }
    assert!(logs.len() > 25);
}

#[test]
fn approvals_are_accepted_and_refused_as_the_vectors_say() {
    let set = read("approvals.json");
    let policy = Policy::parse(set["policy"].as_str().unwrap()).unwrap();
    for vector in set["vectors"].as_array().unwrap() {
        let found = approval_of(&set, &policy, vector["token"].as_str().unwrap());
        assert_eq!(
            found.as_deref(),
            vector["refused"].as_str(),
            "{}",
            vector["name"]
        );
    }
}

#[test]
fn issuing_makes_the_permit_of_the_vectors() {
    let set = read("permits.json");
    let key = PrivateKey::parse("key", set["private_key"].to_string().as_bytes()).unwrap();
    let text = |name: &str| set["issue"][name].as_str().unwrap();
    let call = set["call"].to_string();
    let call = parse_request(call.as_bytes()).unwrap();
    let allowed = Allowed::parse(text("decision"), &call).unwrap();
    let issuer = Issuer::new(key, set["audience"].as_str().unwrap());
    let issue = Issue {
        run: Some(text("run")),
        ..Issue::new(text("id"), at(set["now"].as_str().unwrap()))
    };
    assert_eq!(issuer.issue(&allowed, &issue).unwrap(), text("token"));
}

/// Whether a library of other people verifies a token by the keys of a set.
fn verifies_elsewhere(set: &Value, token: &str) -> bool {
    let Ok(token) = UntrustedToken::new(token) else {
        return false;
    };
    let keys = set["keys"]["keys"].as_array().unwrap();
    let named = token.header().key_id.as_deref();
    let Some(key) = keys.iter().find(|key| key["kid"].as_str() == named) else {
        return false;
    };
    let bytes = decode(key["x"].as_str().unwrap()).unwrap();
    let key = <Ed25519 as jwt_compact::Algorithm>::VerifyingKey::from_slice(&bytes).unwrap();
    let found = Ed25519
        .validator::<Map<String, Value>>(&key)
        .validate(&token);
    found.is_ok()
}

#[test]
fn an_independent_library_agrees() {
    for name in [
        "permits.json",
        "approvals.json",
        "policies.json",
        "chain.json",
    ] {
        let set = read(name);
        let mut asked = 0;
        for vector in set["vectors"].as_array().unwrap() {
            let (Some(token), Some(expected)) = (vector["token"].as_str(), vector["jws"].as_bool())
            else {
                continue;
            };
            // It insists on claims that are an object, which is not what is asked here.
            if vector["name"] == "claims that are no object" {
                continue;
            }
            assert_eq!(
                verifies_elsewhere(&set, token),
                expected,
                "{name}: {}",
                vector["name"]
            );
            asked += 1;
        }
        assert!(asked > 10, "{name}");
    }
}

/// Every bit of a token, flipped: whatever is still text is refused.
fn flip(token: &str, refusal: impl Fn(&str) -> Option<String>) {
    let mut bytes = token.as_bytes().to_vec();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            bytes[place] ^= 1 << bit;
            if let Ok(changed) = core::str::from_utf8(&bytes) {
                assert!(
                    refusal(changed).is_some(),
                    "bit {bit} of byte {place}: {changed}"
                );
            }
            bytes[place] ^= 1 << bit;
        }
    }
}

#[test]
fn every_flipped_bit_of_every_vector_is_refused() {
    let set = read("permits.json");
    let verifier = Verifier::new(keys(&set), set["audience"].as_str().unwrap());
    let tokens = |set: &Value| -> Vec<Value> {
        // Vectors differ in much else, and often have the same token.
        let mut found: Vec<Value> = set["vectors"].as_array().unwrap().clone();
        found.retain(|vector| vector["token"].is_string());
        found.dedup_by(|one, other| one["token"] == other["token"]);
        found
    };
    for vector in tokens(&set) {
        let call = of(&set, &vector, "call").to_string();
        let call = parse_request(call.as_bytes()).unwrap();
        let now = at(of(&set, &vector, "now").as_str().unwrap());
        flip(vector["token"].as_str().unwrap(), |token| {
            let found = verifier.verify(token, &call, now, &UsedInMemory::default());
            found.err().map(|error| error.code().as_str().to_owned())
        });
    }
    let set = read("policies.json");
    let (keys, now) = (keys(&set), at(set["now"].as_str().unwrap()));
    for vector in tokens(&set) {
        flip(vector["token"].as_str().unwrap(), |token| {
            let found = keys.open(token, POLICY_KIND, now);
            found.err().map(|error| error.code().as_str().to_owned())
        });
    }
    let set = read("chain.json");
    for vector in tokens(&set) {
        flip(vector["token"].as_str().unwrap(), |token| {
            let found = Checkpoint::open(token, &keys);
            found.err().map(|error| error.code().as_str().to_owned())
        });
    }
    let set = read("approvals.json");
    let policy = Policy::parse(set["policy"].as_str().unwrap()).unwrap();
    for vector in tokens(&set) {
        flip(vector["token"].as_str().unwrap(), |token| {
            approval_of(&set, &policy, token)
        });
    }
}

#[test]
fn no_vector_says_what_it_does_not() {
    let set = read("permits.json");
    let claims = payload(set["issue"]["token"].as_str().unwrap());
    let claims: Value = serde_json::from_str(&claims).unwrap();
    assert_eq!(claims["tool"], "payments.payout");
    assert_eq!(claims["name"], "payout");
    assert_eq!(claims["call"], "c1");
    assert_eq!(claims["exp"], 1_767_607_260);
}
