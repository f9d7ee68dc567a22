//! The engine answers as the oracle does: verdict, reasons in order, what is missing, what was read,
//! each tool's verdict, and what would have been.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use stage0_engine::codes::IssueCode;
use stage0_tests::oracle;

use crate::engine::ask;
use crate::run::{check, runner};
use stage0_tests::generate::{policy, sample};

/// Law 3 (strictest wins, order never matters): as all that the oracle says plainly: the whole answer is
/// the one that every rule, asked by itself, comes to.
#[test]
fn the_engine_answers_as_the_oracle_does() {
    check("differential", 2_000, sample(policy::ANY, true), |sample| {
        let expected = oracle::decide(&sample.policy, &sample.request, &sample.host, sample.now);
        let found = ask(&sample);
        prop_assert!(
            found == expected,
            "the engine\n{found}\nthe oracle\n{expected}"
        );
        Ok(())
    });
}

/// Law 3 (strictest wins, order never matters): what is generated has to mean something: each verdict
/// occurs in a good share, and every code that a decision of these policies can have occurs.
#[test]
fn samples_reach_every_verdict_and_code() {
    let mut counted = BTreeMap::<String, u32>::new();
    let mut runner = runner("shares", 1);
    let strategy = sample(policy::ANY, true);
    let count = 2_000_u32;
    for _ in 0..count {
        let sample = strategy.new_tree(&mut runner).expect("a sample").current();
        let answer = oracle::decide(&sample.policy, &sample.request, &sample.host, sample.now);
        let mut seen: BTreeSet<String> =
            answer.issues.into_iter().map(|issue| issue.code).collect();
        seen.insert(answer.verdict.as_str().to_owned());
        seen.extend(answer.would.map(|_| "would".to_owned()));
        seen.extend(sample.policy.disable.first().map(|_| "disable".to_owned()));
        for code in seen {
            *counted.entry(code).or_default() += 1;
        }
    }
    let per_mille = |code: &str| counted.get(code).copied().unwrap_or(0) * 1_000 / count;
    for (code, least) in [
        ("ALLOW", 150),
        ("DEFER", 150),
        ("DENY", 250),
        ("FACT_MISSING", 100),
        ("CONDITION_ERROR", 40),
        ("NO_RULE_ALLOWS", 100),
        ("APPROVAL_REQUIRED", 30),
        ("ALPHA", 10),
        ("would", 50),
        ("disable", 50),
    ] {
        let share = per_mille(code);
        assert!(share >= least, "{code} in {share} of 1,000: {counted:?}");
    }
    // Requests here are made for the policy that decides them; runs, limits and signatures have models of
    // their own.
    let elsewhere = [
        IssueCode::APPROVAL_UNSIGNED,
        IssueCode::APPROVAL_UNKNOWN_KEY,
        IssueCode::APPROVAL_KEY_NOT_VALID,
        IssueCode::APPROVAL_BAD_SIGNATURE,
        IssueCode::APPROVAL_USED,
        IssueCode::POLICY_VERSION_MISMATCH,
        IssueCode::RUN_REQUIRED,
        IssueCode::STATE_FULL,
        IssueCode::BATCH_DENIED,
        IssueCode::BATCH_DEFERRED,
    ];
    for code in IssueCode::ALL
        .iter()
        .filter(|code| !elsewhere.contains(code))
    {
        let code = code.as_str();
        assert!(counted.contains_key(code), "no {code}: {counted:?}");
    }
}
