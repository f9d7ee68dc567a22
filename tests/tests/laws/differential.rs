//! The engine answers as the oracle does: verdict, reasons in order, what is missing, what was read,
//! each tool's verdict, and what would have been.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use stage0_tests::oracle;

use crate::engine::ask;
use crate::generate::{policy, sample};
use crate::run::{check, runner};

#[test]
fn the_engine_answers_as_the_oracle_does() {
    check("differential", 250, sample(policy::ANY, true), |sample| {
        let expected = oracle::decide(&sample.policy, &sample.request, &sample.host, sample.now);
        let found = ask(&sample);
        prop_assert!(
            found == expected,
            "the engine\n{found}\nthe oracle\n{expected}"
        );
        Ok(())
    });
}

/// What is generated has to mean something: each verdict and each outcome occurs in a good share.
#[test]
fn samples_reach_every_verdict_and_outcome() {
    let (mut verdicts, mut codes) = (BTreeMap::new(), BTreeMap::<String, u32>::new());
    let mut runner = runner("shares", 1);
    let strategy = sample(policy::ANY, true);
    let count = 1_000_u32;
    for _ in 0..count {
        let sample = strategy.new_tree(&mut runner).expect("a sample").current();
        let answer = oracle::decide(&sample.policy, &sample.request, &sample.host, sample.now);
        *verdicts.entry(answer.verdict.as_str()).or_insert(0_u32) += 1;
        let seen: std::collections::BTreeSet<_> =
            answer.issues.into_iter().map(|issue| issue.code).collect();
        for code in seen {
            *codes.entry(code).or_default() += 1;
        }
    }
    let percent = |counted: u32| counted * 100 / count;
    for (verdict, least) in [("ALLOW", 6), ("DEFER", 12), ("DENY", 25)] {
        let share = percent(verdicts.get(verdict).copied().unwrap_or(0));
        assert!(share >= least, "{verdict} in {share} % of {verdicts:?}");
    }
    for (code, least) in [
        ("FACT_MISSING", 10),
        ("CONDITION_ERROR", 8),
        ("NO_RULE_ALLOWS", 10),
        ("APPROVAL_REQUIRED", 3),
        ("ALPHA", 5),
    ] {
        let share = percent(codes.get(code).copied().unwrap_or(0));
        assert!(share >= least, "{code} in {share} % of {codes:?}");
    }
}
