//! Law 3: the lattice and its indifference to order.

use proptest::prelude::*;
use stage0_engine::policy::{Severity, Verdict};
use stage0_tests::oracle::Answer;
use stage0_tests::oracle::model::Policy;

use crate::engine::ask;
use crate::restrictions::{add, is_restriction};
use crate::run::check;
use stage0_tests::generate::condition::NAMES;
use stage0_tests::generate::policy::{ANY, ENFORCED, Wanted};
use stage0_tests::generate::rule::rule;
use stage0_tests::generate::{Sample, sample};

/// The parts of a policy in another order, at any depth.
fn shuffled(policy: &mut Policy, order: &mut impl FnMut(usize) -> usize) {
    fn shuffle<T>(items: &mut [T], order: &mut impl FnMut(usize) -> usize) {
        for at in (1..items.len()).rev() {
            items.swap(at, order(at + 1));
        }
    }
    shuffle(&mut policy.rules, order);
    shuffle(&mut policy.tools, order);
    shuffle(&mut policy.extends, order);
    shuffle(&mut policy.layers, order);
    shuffle(&mut policy.disable, order);
    shuffle(&mut policy.facts, order);
    for rule in &mut policy.rules {
        shuffle(&mut rule.tools, order);
        shuffle(&mut rule.effects, order);
    }
    for (import, _) in &mut policy.extends {
        shuffled(import, order);
    }
    for layer in &mut policy.layers {
        shuffled(layer, order);
    }
}

/// The same in another order: rules, files, tools, facts, people's answers.
fn rearranged(sample: &Sample, seed: u64) -> Sample {
    let mut random = stage0_tests::random::Random::new(seed);
    let mut order = |len| random.index(len);
    let mut sample = sample.clone();
    shuffled(&mut sample.policy, &mut order);
    let Sample { request, host, .. } = &mut sample;
    for at in (1..request.tools.len()).rev() {
        request.tools.swap(at, order(at + 1));
    }
    request.side_effects.reverse();
    request.constraints.reverse();
    host.approvals.reverse();
    sample
}

/// The order in which tools were named is theirs; of several names of one tool in a message too.
fn without_order(mut answer: Answer) -> Answer {
    answer.tools.sort();
    answer
}

/// Law 3 (strictest wins, order never matters): rules, files, imports, layers, a plan's tools, effects
/// and constraints, and people's answers can stand in any order.
#[test]
fn order_never_matters() {
    check(
        "order",
        400,
        (sample(ANY, true), any::<u64>()),
        |(sample, seed)| {
            let other = rearranged(&sample, seed);
            let (one, two) = (without_order(ask(&sample)), without_order(ask(&other)));
            prop_assert!(
                one == two,
                "{one}\nand in another order\n{two}\nof {other:?}"
            );
            Ok(())
        },
    );
}

/// Law 3 (strictest wins, order never matters): with a further restriction the verdict is the stricter
/// of what it was and of what the restriction alone comes to, where all else is allowed.
#[test]
fn the_verdict_is_the_strictest_of_its_parts() {
    let wanted = Wanted {
        files: false,
        facts: false,
        ..ENFORCED
    };
    let [names, ..] = NAMES;
    let restriction = rule(names, wanted).prop_filter("a restriction", is_restriction);
    check(
        "strictest",
        400,
        (sample(wanted, true), restriction),
        |(sample, restriction)| {
            let mut both = sample.clone();
            add(&mut both.policy, &restriction);
            let mut alone = both.clone();
            alone
                .policy
                .rules
                .retain(|rule| rule.id.starts_with("added"));
            alone.policy.default = Some(Verdict::Allow);
            let (before, alone, both) = (ask(&sample), ask(&alone), ask(&both));
            prop_assert_eq!(
                both.verdict,
                before.verdict.max(alone.verdict),
                "before\n{}alone\n{}both\n{}",
                before,
                alone,
                both
            );
            Ok(())
        },
    );
}

/// Law 3 (strictest wins, order never matters): an ALLOW is given by an allow rule that is true or by
/// the default, and carries nothing above MEDIUM.
#[test]
fn an_allow_comes_from_an_allow() {
    let wanted = Wanted {
        files: false,
        ..ENFORCED
    };
    check("allowed", 400, sample(wanted, true), |sample| {
        let answer = ask(&sample);
        let mut without = sample.clone();
        without.policy.rules.retain(is_restriction);
        if sample.policy.default != Some(Verdict::Allow) {
            let found = ask(&without).verdict;
            prop_assert!(
                found != Verdict::Allow,
                "nothing allows, and yet {}",
                found.as_str()
            );
        }
        if answer.verdict == Verdict::Allow {
            let heavy = answer
                .issues
                .iter()
                .find(|issue| issue.severity > Severity::Medium);
            prop_assert!(heavy.is_none(), "{answer}");
        }
        Ok(())
    });
}
