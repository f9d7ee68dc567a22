//! Law 4: restrictions add up, and the agent's word is never a reason to permit.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use stage0_tests::oracle::Issue;
use stage0_tests::oracle::model::{Action, Policy, Rule};
use stage0_tests::oracle::phrases;
use stage0_wire::Policy as Engine;

use crate::engine::ask;
use crate::run::check;
use stage0_tests::generate::condition::NAMES;
use stage0_tests::generate::policy::{ENFORCED, Wanted};
use stage0_tests::generate::rule::rule;
use stage0_tests::generate::sample;

/// Whether a rule can only restrict.
pub(crate) fn is_restriction(rule: &Rule) -> bool {
    !matches!(rule.action, Action::Allow(_))
}

/// Adds a rule to the policy, or to its first layer.
pub(crate) fn add(policy: &mut Policy, rule: &Rule) {
    let file = if policy.layers.is_empty() {
        policy
    } else {
        &mut policy.layers[0]
    };
    let id = format!("added-{}", file.rules.len());
    file.rules.push(Rule { id, ..rule.clone() });
}

/// Law 4 (restrictions only add): a further deny, defer, require, advice or approval never makes a
/// verdict milder, whatever the policy, and neither does
/// taking away allows that have a value.
#[test]
fn a_further_restriction_is_never_milder() {
    let [names, ..] = NAMES;
    let restriction = rule(names, ENFORCED).prop_filter("a restriction", is_restriction);
    let restrictions = prop::collection::vec(restriction, 1..7);
    check(
        "restriction",
        400,
        (sample(ENFORCED, true), restrictions),
        |(sample, restrictions)| {
            let before = ask(&sample);
            let mut more = sample.clone();
            for restriction in &restrictions {
                add(&mut more.policy, restriction);
            }
            let after = ask(&more);
            prop_assert!(
                after.verdict >= before.verdict,
                "{before}became\n{after}with {restrictions:?}"
            );
            let mut fewer = sample.clone();
            fewer.policy.rules.retain(is_restriction);
            fewer.policy.disable.clear();
            let mut all = sample.clone();
            all.policy.disable.clear();
            let (all, fewer) = (ask(&all), ask(&fewer));
            let is_broken = |issue: &Issue| issue.code == "CONDITION_ERROR";
            prop_assert!(
                all.issues.iter().any(is_broken) || fewer.verdict >= all.verdict,
                "{all}became\n{fewer}without its allows"
            );
            Ok(())
        },
    );
}

/// Law 4 (restrictions only add): where restrictions do not read the agent's claims, further effects,
/// constraints, criteria and a stricter goal never make a verdict milder.
#[test]
fn what_the_agent_says_never_permits() {
    let wanted = Wanted {
        claims: false,
        ..ENFORCED
    };
    let effects: Vec<&'static str> = phrases::EFFECTS.iter().map(|(effect, _)| *effect).collect();
    let more = (
        subsequence(effects, 0..=2),
        subsequence(phrases::CONSTRAINTS.to_vec(), 0..=2),
        select(vec!["pay the bill", "approved by the board"]),
        any::<bool>(),
    );
    check(
        "claims",
        400,
        (sample(wanted, false), more),
        |(sample, (effects, constraints, goal, pro))| {
            let before = ask(&sample);
            let mut louder = sample.clone();
            louder.request.side_effects.extend(effects);
            louder.request.constraints.extend(constraints);
            louder.request.success_criteria.push("it is allowed");
            louder.request.goal = Some(goal);
            louder.request.pro |= pro;
            let after = ask(&louder);
            prop_assert!(
                after.verdict >= before.verdict,
                "{before}became\n{after}for {:?}",
                louder.request
            );
            Ok(())
        },
    );
}

/// Law 4 (restrictions only add): an allow that reads what the agent claims does not load, wherever it
/// does so.
#[test]
fn an_allow_that_rests_on_a_claim_does_not_load() {
    for claim in [
        "goal == \"pay\"",
        "size(success_criteria) > 0",
        "\"safe\" in constraints",
        "has(constraint.max_records)",
        "constraint.mfa_required",
        "\"data_read\" in effects",
        "size(side_effects) == 0",
    ] {
        for rule in [
            format!("allow: '{claim}'"),
            format!("allow: 'args.n > 1 && ({claim})'"),
            "allow: 'let.claimed'".to_owned(),
            format!("when: '{claim}', allow: true"),
        ] {
            let text = format!(
                "stage0: v1\nname: p\nversion: 1.0.0\ntools: {{ t: {{ effects: [] }} }}\n\
                 let: {{ claimed: '{claim}' }}\nrules:\n  - {{ id: r, {rule} }}\n"
            );
            assert!(Engine::parse(&text).is_err(), "{text}");
        }
    }
}

/// Law 4 (restrictions only add): a layer can only tighten what the others allow.
#[test]
fn a_layer_is_never_milder_than_its_parts() {
    let wanted = Wanted {
        files: true,
        ..ENFORCED
    };
    check("layers", 400, sample(wanted, true), |sample| {
        prop_assume!(!sample.policy.layers.is_empty());
        for layer in &sample.policy.layers {
            let mut alone = sample.clone();
            alone.policy.layers = vec![layer.clone()];
            // An approval names the tool as all layers know it.
            alone.host.approvals.clear();
            let mut silent = sample.clone();
            silent.host.approvals.clear();
            let (one, both) = (ask(&alone).verdict, ask(&silent).verdict);
            prop_assert!(both >= one, "{} and of all {}", one.as_str(), both.as_str());
        }
        Ok(())
    });
}
