//! Signed approvals against a model: who may sign what, and how often it is good.
//!
//! The model knows which tokens are good because it made them, and it holds every ALLOW to account: for each
//! there were enough people whose good token had enough left. With one person and one good token it also
//! says when nothing may stand in the way.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use stage0_engine::digest::Digest;
use stage0_engine::time::Timestamp;
use stage0_tests::tokens::{public, sign};
use stage0_wire::Policy;
use stage0_wire::question::{NEW_RUN, Question};

use crate::run::check;

/// 2026-01-05T10:00:00Z, in seconds.
const NOW_S: i64 = 1_767_607_200;
/// Who signs, and for whom the policy lets them speak.
const OWNERS: [(&str, &str); 3] = [("ana", "ana"), ("ben", "ben"), ("desk", "*")];

/// A token, and what is wrong with it.
#[derive(Debug, Clone)]
struct Token {
    signer: &'static str,
    by: &'static str,
    role: &'static str,
    /// Whose seed really signed it.
    forged: bool,
    /// Seconds before the first call at which it was issued.
    age_s: i64,
    rejected: bool,
    other_payee: bool,
}

#[derive(Debug, Clone)]
struct Call {
    id: usize,
    amount: i64,
    after_s: i64,
}

#[derive(Debug, Clone)]
struct Sample {
    min: usize,
    uses: i64,
    max_total: i64,
    ttl_s: i64,
    revoked_ben: bool,
    tokens: Vec<Token>,
    calls: Vec<Call>,
}

fn token() -> impl Strategy<Value = Token> {
    let names = select(vec!["ana", "ben", "desk", "eve"]);
    let people = select(vec!["ana", "ben", "zoe", "ADA"]);
    let roles = select(vec!["lead", "lead", "lead", "intern"]);
    let flaws = (
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let own = prop::bool::weighted(0.7);
    (names, people, own, roles, 0_i64..7_200, flaws).prop_map(
        |(signer, person, own, role, age_s, (forged, rejected, other_payee))| Token {
            signer,
            by: if own && signer != "desk" && signer != "eve" {
                signer
            } else {
                person
            },
            role,
            forged,
            age_s,
            rejected: rejected && forged,
            other_payee,
        },
    )
}

fn sample() -> impl Strategy<Value = Sample> {
    let calls = (0_usize..4, 0_i64..400, 0_i64..1_200);
    let calls = calls.prop_map(|(id, amount, after_s)| Call {
        id,
        amount,
        after_s,
    });
    (
        1_usize..3,
        1_i64..4,
        100_i64..900,
        1_800_i64..7_200,
        any::<bool>(),
        prop::collection::vec(token(), 0..5),
        prop::collection::vec(calls, 1..7),
    )
        .prop_map(
            |(min, uses, max_total, ttl_s, revoked_ben, tokens, calls)| Sample {
                min,
                uses,
                max_total,
                ttl_s,
                revoked_ben,
                tokens,
                calls,
            },
        )
}

impl Sample {
    fn policy(&self) -> Policy {
        let mut keys = serde_json::Map::new();
        for (name, by) in OWNERS {
            let mut key = json!({"public": public(name), "by": by, "roles": ["lead"]});
            if name == "ben" && self.revoked_ben {
                key["revoked_at"] = json!("2026-01-05T10:10:00Z");
            }
            keys.insert(name.to_owned(), key);
        }
        let grant = json!({"uses": self.uses, "sum": "args.amount", "max_total": self.max_total});
        let text = json!({
            "stage0": "v1", "name": "p", "version": "1.0.0", "default": "allow", "keys": keys,
            "tools": {"pay": {"effects": [], "args": {
                "amount": {"type": "number"}, "to": {"type": "string"}}}},
            "rules": [{"id": "r", "tools": ["pay"], "approval": {
                "evidence": "signed", "roles": ["lead"], "min": self.min, "not": "context.actor_id",
                "bind": "args.to", "ttl": format!("{}s", self.ttl_s), "grant": grant}}],
        });
        Policy::parse(&text.to_string()).unwrap()
    }

    /// The tokens as texts, and what each rule asks for.
    fn tokens(&self, policy: &Policy) -> Vec<String> {
        let asked = |to: &str| {
            let request = json!({"context": {"actor_id": "ada"},
                "tool_call": {"name": "pay", "arguments": {"amount": 1, "to": to}}});
            let request = request.to_string();
            let now = Timestamp::from_ms(NOW_S * 1_000).unwrap();
            let answer = Question::new(request.as_bytes(), now)
                .check(policy)
                .unwrap();
            let answer: Value = serde_json::from_str(&answer.decision).unwrap();
            answer["issues"][0].clone()
        };
        let (acme, other) = (asked("acme"), asked("other"));
        let tokens = self.tokens.iter().enumerate();
        tokens
            .map(|(position, token)| {
                let issue = if token.other_payee { &other } else { &acme };
                let claims = json!({
                    "action": issue["details"]["action"], "terms": issue["details"]["terms"],
                    "answer": if token.rejected { "rejected" } else { "approved" },
                    "by": token.by, "iat": NOW_S - token.age_s, "jti": format!("t{position}"),
                    "roles": [token.role], "rule": "p/r",
                });
                let seed = if token.forged { "eve" } else { token.signer };
                sign(
                    "stage0-approval+jwt",
                    token.signer,
                    seed,
                    &claims.to_string(),
                )
            })
            .collect()
    }

    /// Whether a token is good at a time, in seconds from the first call.
    fn is_good(&self, token: &Token, after_s: i64) -> bool {
        let speaks = match token.signer {
            "desk" => true,
            "eve" => false,
            name => name == token.by,
        };
        speaks
            && !token.forged
            && !token.rejected
            && !token.other_payee
            && token.role == "lead"
            && token.by != "ADA"
            && token.age_s + after_s < self.ttl_s
            && !(token.signer == "ben" && self.revoked_ben && after_s >= 600)
    }
}

/// Law 11 (an approval fits one action): whatever was signed, by whom and how often it was used.
#[test]
fn signed_approvals_are_good_for_what_they_were_given_and_no_more() {
    let (calls, waiting) = (Cell::new(0), Cell::new(0));
    check("signed", 1_000, sample(), |sample| {
        let policy = sample.policy();
        let tokens = sample.tokens(&policy);
        let mut state = NEW_RUN.to_owned();
        let mut after_s = 0;
        // What was allowed: by the number of the call, its amount and who is said to have approved.
        let mut allowed: BTreeMap<(usize, i64), BTreeSet<String>> = BTreeMap::new();
        let mut uses: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for call in &sample.calls {
            after_s += call.after_s;
            let request = json!({
                "context": {"actor_id": "ada", "approval": tokens},
                "tool_call": {"id": format!("c{}", call.id), "name": "pay",
                    "arguments": {"amount": call.amount, "to": "acme"}},
            });
            let request = request.to_string();
            let now = Timestamp::from_ms((NOW_S + after_s) * 1_000).unwrap();
            let question = Question {
                state: Some(&state),
                ..Question::new(request.as_bytes(), now)
            };
            let answer = question.check(&policy).unwrap();
            let decision: Value = serde_json::from_str(&answer.decision).unwrap();
            let good: Vec<&Token> = sample
                .tokens
                .iter()
                .filter(|token| sample.is_good(token, after_s))
                .collect();
            let people: BTreeSet<String> =
                good.iter().map(|token| token.by.to_lowercase()).collect();
            let is_new = !allowed.contains_key(&(call.id, call.amount));
            if decision["verdict"] == "ALLOW" {
                let by = decision["approved_by"].as_str().unwrap().to_lowercase();
                let by: BTreeSet<String> = by.split(", ").map(str::to_owned).collect();
                prop_assert_eq!(by.len(), sample.min, "people who approved");
                prop_assert!(by.is_subset(&people), "{:?} of {:?}", by, people);
                calls.set(calls.get() + 1);
                if is_new {
                    for person in &by {
                        let used = uses.entry(person.clone()).or_default();
                        *used = (used.0 + 1, used.1 + call.amount);
                    }
                    allowed.insert((call.id, call.amount), by);
                }
            } else if sample.min == 1 && good.len() == 1 && is_new {
                // One good token: only what was used of it may stand in the way.
                let (used, total) = uses
                    .get(&good[0].by.to_lowercase())
                    .copied()
                    .unwrap_or_default();
                let is_spent = used >= sample.uses || total + call.amount > sample.max_total;
                prop_assert!(is_spent, "{} of {used} uses and {total}", answer.decision);
            }
            let is_used = decision["issues"][0]["code"] == "APPROVAL_USED";
            waiting.set(waiting.get() + u32::from(is_used));
            // A person may have several tokens, and each is good for what the grant says.
            for (person, (used, total)) in &uses {
                let theirs = sample
                    .tokens
                    .iter()
                    .filter(|token| token.by.eq_ignore_ascii_case(person));
                let count = i64::try_from(theirs.count()).unwrap();
                prop_assert!(
                    *used <= count * sample.uses,
                    "{person} was used {used} times"
                );
                prop_assert!(
                    *total <= count * sample.max_total,
                    "{person} let {total} through"
                );
            }
            state = answer.state;
        }
        Ok(())
    });
    let (calls, waiting) = (calls.get(), waiting.get());
    assert!(
        calls > 200 && waiting > 100,
        "{calls} allowed, {waiting} used up"
    );
}

/// Law 11 (an approval fits one action): a token is what was signed, to the byte.
#[test]
fn a_changed_byte_of_a_token_approves_nothing() {
    let sample = Sample {
        min: 1,
        uses: 1,
        max_total: 1,
        ttl_s: 7_200,
        revoked_ben: false,
        tokens: vec![Token {
            signer: "ana",
            by: "ana",
            role: "lead",
            forged: false,
            age_s: 60,
            rejected: false,
            other_payee: false,
        }],
        calls: Vec::new(),
    };
    let policy = sample.policy();
    let token = sample.tokens(&policy).remove(0);
    let verdict = |token: &str| {
        let request = json!({
            "context": {"actor_id": "ada", "approval": token},
            "tool_call": {"name": "pay", "arguments": {"amount": 1, "to": "acme"}},
        });
        let request = request.to_string();
        let now = Timestamp::from_ms(NOW_S * 1_000).unwrap();
        let question = Question {
            state: Some(NEW_RUN),
            ..Question::new(request.as_bytes(), now)
        };
        question.check(&policy).unwrap().verdict.as_str()
    };
    assert_eq!(verdict(&token), "ALLOW");
    let mut tried = 0;
    for place in 0..token.len() {
        for other in ["A", "_", "-", ".", "=", " "] {
            let (before, rest) = token.split_at(place);
            let (old, after) = rest.split_at(1);
            if old != other {
                assert_eq!(
                    verdict(&[before, other, after].concat()),
                    "DEFER",
                    "{place}"
                );
                tried += 1;
            }
        }
        let (before, _) = token.split_at(place);
        assert_eq!(verdict(before), "DEFER");
    }
    assert!(tried > 2_000, "{tried}");
    // A digest is not enough either: the signature is over the text.
    assert_eq!(verdict(&Digest::of(token.as_bytes()).to_hex()), "DEFER");
}
