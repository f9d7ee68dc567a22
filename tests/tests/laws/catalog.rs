//! Law 8: what a tool is, is what the catalog says.

use proptest::prelude::*;
use proptest::sample::select;
use stage0_engine::policy::{UnknownTools, Verdict};

use crate::engine::ask;
use crate::run::check;
use stage0_tests::generate::policy::{ENFORCED, TOOLS, Wanted};
use stage0_tests::generate::{Sample, sample};

/// The sample with its call, or its plan, about another tool.
fn about(sample: &Sample, name: &str) -> Sample {
    let mut sample = sample.clone();
    match &mut sample.request.call {
        Some((called, _)) => name.clone_into(called),
        None => sample.request.tools = vec![name.to_owned()],
    }
    sample
}

const ONE_FILE: Wanted = Wanted {
    files: false,
    ..ENFORCED
};

/// Law 8 (trusted catalog): a name that differs from a catalogued one in case or separators only, or
/// that is not plain ASCII, is DENY whatever the rules say.
#[test]
fn a_name_that_imitates_is_refused() {
    let twist = |name: &'static str| {
        let twists = [
            name.to_uppercase(),
            name.replace('.', "_"),
            name.replace('.', "-"),
            name.replace('.', ""),
            format!("{name}_"),
            name.replace('a', "\u{430}"),
            format!("{name}\u{200b}"),
            format!(" {name}"),
        ];
        select(
            twists
                .into_iter()
                .filter(|other| other != name && other != "payout")
                .collect::<Vec<_>>(),
        )
    };
    let name = select(TOOLS.to_vec()).prop_flat_map(twist);
    check(
        "imitation",
        400,
        (sample(ONE_FILE, true), name),
        |(sample, name)| {
            let answer = ask(&about(&sample, &name));
            prop_assert_eq!(answer.verdict, Verdict::Deny, "{}: {}", name, answer);
            let codes = ["TOOL_NAME_CONFUSABLE", "TOOL_NAME_INVALID"];
            prop_assert!(
                answer
                    .issues
                    .iter()
                    .any(|issue| codes.contains(&issue.code.as_str())),
                "{answer}"
            );
            Ok(())
        },
    );
}

/// Law 8 (trusted catalog): a tool that the catalog does not know is never allowed, unless the policy
/// takes the caller's word, which every answer then says.
#[test]
fn an_unknown_tool_is_never_silently_harmless() {
    check("unknown", 400, sample(ONE_FILE, true), |sample| {
        let answer = ask(&about(&sample, "never.heard.of"));
        let is_told = |code: &str| answer.issues.iter().any(|issue| issue.code == code);
        match sample.policy.unknown_tools.unwrap_or_default() {
            UnknownTools::Declared => prop_assert!(is_told("TOOL_NOT_IN_CATALOG"), "{answer}"),
            UnknownTools::Defer => prop_assert!(
                answer.verdict >= Verdict::Defer && is_told("TOOL_UNCATALOGUED"),
                "{answer}"
            ),
            UnknownTools::Deny => prop_assert!(
                answer.verdict == Verdict::Deny && is_told("TOOL_UNKNOWN"),
                "{answer}"
            ),
        }
        Ok(())
    });
}

/// Law 8 (trusted catalog): the catalogued effects count whatever the caller declares, and the declared
/// ones beside them; a framework's name for a tool is the tool.
#[test]
fn effects_are_joined_and_other_names_are_the_tool() {
    check("effects", 400, sample(ONE_FILE, false), |sample| {
        let policy = |deny: &str| {
            let mut sample = about(&sample, "pay.out");
            let tool = sample
                .policy
                .tools
                .iter_mut()
                .find(|tool| tool.name == "pay.out");
            if let Some(tool) = tool {
                tool.effects
                    .retain(|effect| *effect != "publication" && *effect != "data_export");
                tool.effects.push("publication");
                tool.unstated = false;
            }
            sample.request.side_effects.push("data_export");
            let id = "by-effect".to_owned();
            let effects = match deny {
                "publication" => vec!["publication"],
                _ => vec!["data_export"],
            };
            let action = stage0_tests::oracle::model::Action::Deny(literal());
            sample.policy.rules.push(stage0_tests::oracle::model::Rule {
                id,
                effects,
                action,
                ..stage0_tests::generate::rule::always_allowed()
            });
            sample
        };
        for effect in ["publication", "data_export"] {
            let sample = policy(effect);
            prop_assert_eq!(ask(&sample).verdict, Verdict::Deny);
            let (one, two) = (
                ask(&about(&sample, "pay.out")),
                ask(&about(&sample, "mcp__bank__payout")),
            );
            prop_assert_eq!(one.action, two.action);
            prop_assert_eq!(one.depends_on, two.depends_on);
        }
        Ok(())
    });
}

fn literal() -> stage0_tests::oracle::condition::Expr {
    use stage0_tests::oracle::condition::Expr;
    use stage0_tests::oracle::value::Value;
    Expr::Literal(Value::Bool(true))
}
