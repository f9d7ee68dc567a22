//! Law 7: a call, or each tool of a plan.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stage0_engine::policy::Verdict;

use crate::engine::ask;
use crate::run::check;
use stage0_tests::generate::policy::{ANY, Wanted};
use stage0_tests::generate::sample;

/// Law 7 (one call, or a whole plan): the answer to a plan is the strictest of those to its tools, and
/// each tool's verdict is the one that it has alone.
#[test]
fn a_plan_is_as_strict_as_its_strictest_tool() {
    // That a rule may read which tools there are makes a plan more than its tools.
    let wanted = Wanted {
        claims: false,
        ..ANY
    };
    check("plan", 400, sample(wanted, true), |sample| {
        prop_assume!(sample.request.call.is_none() && sample.request.tools.len() > 1);
        let plan = ask(&sample);
        let named: BTreeSet<&String> = sample.request.tools.iter().collect();
        let told: BTreeSet<&String> = plan.tools.iter().map(|(name, ..)| name).collect();
        prop_assert_eq!((&named, named.len()), (&told, plan.tools.len()));
        let mut strictest = Verdict::Allow;
        for (name, catalogued, verdict) in &plan.tools {
            let mut alone = sample.clone();
            alone.request.tools = vec![name.clone()];
            let alone = ask(&alone);
            strictest = strictest.max(alone.verdict);
            prop_assert_eq!(
                &alone.tools,
                &vec![(name.clone(), catalogued.clone(), *verdict)]
            );
        }
        prop_assert_eq!(plan.verdict, strictest, "{}", plan);
        Ok(())
    });
}

/// Law 7 (one call, or a whole plan): beside a call, the tools of a plan are a fact and nothing else.
#[test]
fn a_call_is_decided_as_that_call() {
    let wanted = Wanted {
        claims: false,
        ..ANY
    };
    check("call", 400, sample(wanted, false), |sample| {
        let mut alone = sample.clone();
        alone.request.tools.clear();
        let mut more = sample.clone();
        more.request.tools = ["pay.out", "other.tool", "pay.öut"]
            .map(str::to_owned)
            .to_vec();
        let answer = ask(&sample);
        prop_assert!(ask(&alone) == answer, "{answer}{}", ask(&alone));
        prop_assert!(ask(&more) == answer, "{answer}{}", ask(&more));
        prop_assert_eq!(answer.tools.len(), 1);
        Ok(())
    });
}
