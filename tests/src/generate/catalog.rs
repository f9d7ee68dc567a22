//! Catalogs: what a policy says about its tools, and schemas of their arguments.

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::oracle::model::{Argument, ArgumentKind, Tool};

use super::policy::{EFFECTS, TOOLS};

fn argument(name: &'static str) -> BoxedStrategy<Argument> {
    let kind = match name {
        "amount" => prop_oneof![
            (weighted(0.5, 0_i64..3), weighted(0.5, 3_i64..6))
                .prop_map(|(min, max)| ArgumentKind::Number(min, max)),
            Just(ArgumentKind::Integer),
            Just(ArgumentKind::Any),
        ]
        .boxed(),
        "to" => prop_oneof![
            Just(ArgumentKind::Text),
            Just(ArgumentKind::Enum(vec!["a", "ab", "finance"])),
        ]
        .boxed(),
        "items" => {
            let numbers = ArgumentKind::List(Some(Box::new(ArgumentKind::Number(None, None))));
            prop_oneof![
                Just(numbers),
                Just(ArgumentKind::List(None)),
                Just(ArgumentKind::Any)
            ]
            .boxed()
        }
        "deep" => prop_oneof![Just(ArgumentKind::Object), Just(ArgumentKind::Any)].boxed(),
        "wait" => prop_oneof![Just(ArgumentKind::Text), Just(ArgumentKind::Any)].boxed(),
        _ => prop_oneof![Just(ArgumentKind::Bool), Just(ArgumentKind::Any)].boxed(),
    };
    (kind, any::<bool>(), prop::bool::weighted(0.1))
        .prop_map(move |(kind, optional, nullable)| Argument {
            name,
            kind,
            optional,
            nullable,
        })
        .boxed()
}

/// A schema names the arguments that conditions read, so that every path stays readable.
fn schema() -> impl Strategy<Value = Option<Vec<Argument>>> {
    let names = ["amount", "to", "flag", "items", "deep", "wait"];
    weighted(0.25, names.map(argument)).prop_map(|arguments| Some(arguments?.into()))
}

fn tool(name: &'static str) -> impl Strategy<Value = Tool> {
    let aka = match name {
        "pay.out" => vec!["payout".to_owned(), "mcp__bank__payout".to_owned()],
        _ => Vec::new(),
    };
    (
        subsequence(EFFECTS.to_vec(), 0..=2),
        schema(),
        any::<bool>(),
        prop::bool::weighted(0.07),
    )
        .prop_map(move |(effects, args, extra, unstated)| {
            let extra_args = extra && args.is_some();
            Tool {
                name,
                aka: aka.clone(),
                effects: if unstated { Vec::new() } else { effects },
                unstated,
                args,
                extra_args,
            }
        })
}

/// A catalog of every tool.
pub fn catalog() -> impl Strategy<Value = Vec<Tool>> {
    let exact = TOOLS.map(tool);
    let pattern = select(vec!["pay.*", "**", "other.*"]);
    let pattern = (
        pattern,
        subsequence(EFFECTS.to_vec(), 0..=1),
        any::<bool>(),
        schema(),
    )
        .prop_map(|(name, effects, states, args)| Tool {
            name,
            unstated: !states && effects.is_empty(),
            effects,
            extra_args: args.is_some(),
            args,
            ..Tool::default()
        });
    (exact, weighted(0.2, pattern))
        .prop_map(|(exact, pattern)| exact.into_iter().chain(pattern).collect())
}
