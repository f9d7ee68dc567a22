//! The risk score over generated policies with generated weights: a sum that anybody can add up.

use proptest::prelude::*;
use serde_json::{Value, json};
use stage0_engine::host::Host;
use stage0_engine::policy::{Severity, Verdict};
use stage0_wire::{Policy, decision_to_json, parse_request};

use stage0_tests::generate::policy::{ANY, Wanted};
use stage0_tests::generate::{Sample, sample, timestamp};

use crate::engine::REQUEST_ID;
use crate::run::check;

/// What the policy says that counts, in the form in which it says so.
fn weights() -> impl Strategy<Value = Value> {
    // Many are heavy, so that sums go far beyond what a score can be.
    let points = || prop_oneof![1 => Just(0_u32), 3 => 1_u32..40, 2 => 80_u32..=100];
    let effects = ["money_movement", "data_read", "destructive", "loop"];
    (
        points(),
        prop::collection::vec(points(), effects.len()),
        prop::collection::vec(points(), 4),
        (points(), points(), 0_u32..=100),
    )
        .prop_map(
            move |(base, of_effects, severity, (environment, missing, high))| {
                let effects = effects.iter().zip(&of_effects);
                let effects: serde_json::Map<String, Value> = effects
                    .map(|(name, points)| ((*name).to_owned(), json!(points)))
                    .collect();
                json!({
                    "base": base,
                    "effects": effects,
                    "environments": { "production": environment },
                    "severity": {
                        "LOW": severity[0], "MEDIUM": severity[1],
                        "HIGH": severity[2], "CRITICAL": severity[3],
                    },
                    "missing": missing,
                    "high": high,
                })
            },
        )
}

fn points(weights: &Value, path: &[&str]) -> u64 {
    let found = path.iter().fold(weights, |value, key| &value[*key]);
    found.as_u64().unwrap_or(0)
}

/// The sample's policy with these weights, its request, and whether that is about production.
fn texts(sample: &Sample, weights: &Value) -> (String, String, bool) {
    let read = |text: &str| -> Value {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    let mut policy = read(&sample.policy.to_value().to_json());
    policy["risk"] = weights.clone();
    let request = sample.request.to_value().to_json();
    let fields = read(&request);
    let environments = [&fields["environment"], &fields["context"]["environment"]];
    let in_production = environments.contains(&&json!("production"));
    (policy.to_string(), request, in_production)
}

/// Law 3 (strictest wins, order never matters): the score is the sum of what the policy declares for the
/// effects, the environment, the issues and the missing facts, each addend named; it is capped at 100, below
/// 100 on an ALLOW, and an ALLOW carries no issue that would weigh more than MEDIUM.
#[test]
fn the_risk_score_is_the_sum_that_the_policy_declares() {
    let wanted = Wanted {
        files: false,
        ..ANY
    };
    let samples = (sample(wanted, true), weights());
    check("risk", 600, samples, |(sample, weights)| {
        let (policy, request, in_production) = texts(&sample, &weights);
        let policy = Policy::parse(&policy)
            .unwrap_or_else(|problems| panic!("a policy that should load: {problems:#?}"));
        let request = parse_request(request.as_bytes())
            .unwrap_or_else(|problems| panic!("a request that should parse: {problems:#?}"));
        let host = Host {
            request_id: REQUEST_ID,
            mode: sample.host.mode,
            approvals: &sample.host.approvals,
            ..Host::default()
        };
        let now = timestamp(sample.now);
        let decision = policy.peek(&request, &host, &sample.host.state, now);

        let risk = decision.risk();
        let addends: Vec<(String, u64)> = risk
            .addends
            .iter()
            .map(|addend| (addend.reason.to_string(), u64::from(addend.points)))
            .collect();
        let mut expected = vec![("base".to_owned(), points(&weights, &["base"]))];
        // Which effects there are is held elsewhere; what each weighs is said here.
        for (reason, found) in &addends[1..] {
            let of_effect = points(&weights, &["effects", reason]);
            if of_effect > 0 {
                prop_assert_eq!(*found, of_effect);
                expected.push((reason.clone(), of_effect));
            }
        }
        if in_production {
            let of_environment = points(&weights, &["environments", "production"]);
            expected.push(("production".to_owned(), of_environment));
        }
        for issue in &decision.issues {
            let of_severity = points(&weights, &["severity", issue.severity.as_str()]);
            expected.push((issue.code.to_owned(), of_severity));
            let facts = issue.resolution.as_ref().map_or(0, |one| one.facts.len());
            let of_missing = points(&weights, &["missing"]) * facts as u64;
            expected.push(("missing facts".to_owned(), of_missing));
        }
        expected.retain(|(reason, points)| *points > 0 || reason == "base");
        prop_assert_eq!(&addends, &expected);

        let is_allow = decision.verdict == Verdict::Allow;
        let sum: u64 = addends.iter().map(|(_, points)| points).sum();
        let score = u64::from(risk.score);
        prop_assert_eq!(score, sum.min(if is_allow { 99 } else { 100 }));
        prop_assert_eq!(risk.is_high, score >= points(&weights, &["high"]));
        if is_allow {
            let heavy = decision
                .issues
                .iter()
                .find(|one| one.severity > Severity::Medium);
            prop_assert!(heavy.is_none(), "{heavy:?}");
        }

        let answer: Value = serde_json::from_str(&decision_to_json(&decision))
            .unwrap_or_else(|error| panic!("{error}"));
        prop_assert_eq!(&answer["risk_score"], &json!(score));
        let told: Vec<Value> = addends
            .iter()
            .map(|(reason, points)| json!({ "reason": reason, "points": points }))
            .collect();
        prop_assert_eq!(&answer["meta"]["risk"], &json!(told));
        let prose = policy
            .explain(&request, &host, &sample.host.state, now)
            .to_prose();
        let last = prose.lines().find(|line| line.starts_with("Risk "));
        let sentence = format!("Risk {score} of 100");
        prop_assert!(
            last.is_some_and(|line| line.starts_with(&sentence)),
            "{prose}"
        );
        for (reason, points) in &addends {
            let addend = format!("{reason} {points}");
            prop_assert!(last.is_some_and(|line| line.contains(&addend)), "{prose}");
        }
        Ok(())
    });
}
