//! Law 12: the digest of what was decided about.

use proptest::prelude::*;
use proptest::sample::select;
use stage0_tests::oracle::value::{Value, text, whole};

use crate::engine::ask;
use crate::run::check;
use stage0_tests::generate::policy::{ANY, Wanted};
use stage0_tests::generate::{Sample, sample};

fn digest(sample: &Sample) -> stage0_engine::digest::Digest {
    ask(sample).action
}

fn set(facts: &mut Vec<(&'static str, Value)>, name: &'static str, value: Value) {
    facts.retain(|(known, _)| *known != name);
    facts.push((name, value));
}

/// Law 12 (what was checked is what runs): another tool, argument, tenant, environment or actor is
/// another action.
#[test]
fn another_action_has_another_digest() {
    let changes = vec![
        "tool",
        "argument",
        "type",
        "absent",
        "tenant_id",
        "environment",
        "actor_id",
    ];
    check(
        "action",
        400,
        (sample(ANY, false), select(changes)),
        |(mut sample, changed)| {
            sample.request.environment = None;
            for name in ["tenant_id", "environment", "actor_id"] {
                set(&mut sample.request.context, name, text("before"));
            }
            let arguments = |sample: &mut Sample, name, value| {
                if let Some((_, arguments)) = &mut sample.request.call {
                    set(arguments, name, value);
                }
            };
            arguments(&mut sample, "amount", whole(750));
            let mut other = sample.clone();
            match changed {
                "tool" => other
                    .request
                    .call
                    .iter_mut()
                    .for_each(|(name, _)| name.push('x')),
                "argument" => arguments(&mut other, "amount", whole(751)),
                "type" => arguments(&mut other, "amount", text("750")),
                "absent" => other
                    .request
                    .call
                    .iter_mut()
                    .for_each(|(_, arguments)| arguments.retain(|(name, _)| *name != "amount")),
                place => set(&mut other.request.context, place, text("after")),
            }
            prop_assert_ne!(digest(&sample), digest(&other), "{}", changed);
            Ok(())
        },
    );
}

/// Law 12 (what was checked is what runs): what is said beside an action is no part of it, and neither
/// are policy, state, time and how it is written.
#[test]
fn the_same_action_has_the_same_digest() {
    let wanted = Wanted {
        files: false,
        ..ANY
    };
    check(
        "same action",
        400,
        (sample(wanted, false), sample(wanted, false)),
        |(sample, other)| {
            let mut same = sample.clone();
            same.policy.rules.clone_from(&other.policy.rules);
            same.policy.lets.clone_from(&other.policy.lets);
            same.policy.params.clone_from(&other.policy.params);
            same.policy.own_effect = false;
            let mut sample = sample;
            sample.policy.own_effect = false;
            for policy in [&mut same.policy, &mut sample.policy] {
                policy
                    .tools
                    .iter_mut()
                    .for_each(|tool| tool.effects.retain(|effect| *effect != "mind_reading"));
                policy
                    .rules
                    .iter_mut()
                    .for_each(|rule| rule.effects.retain(|effect| *effect != "mind_reading"));
            }
            same.host = other.host.clone();
            same.now = other.now;
            same.request.goal = Some("something else");
            same.request
                .side_effects
                .clone_from(&other.request.side_effects);
            same.request
                .constraints
                .clone_from(&other.request.constraints);
            same.request.tools.clone_from(&other.request.tools);
            set(&mut same.request.context, "ticket_id", text("T-1"));
            prop_assert_eq!(digest(&sample), digest(&same));
            Ok(())
        },
    );
}
