//! Requests about those policies: most facts there and of the right type, some not.

use crate::oracle::model::Request;
use crate::oracle::phrases;
use crate::oracle::value::{Value, instant_text, object, text, whole};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::condition::{instant, small_number, small_text};

/// How well a request states its facts.
#[derive(Debug, Clone, Copy)]
struct Care {
    present: f64,
    typed: f64,
}

fn flaw() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        2 => Just(text("750")),
        2 => Just(whole(750)),
        1 => Just(Value::Bool(true)),
        1 => Just(Value::List(vec![text("a"), whole(1), Value::Null])),
        1 => Just(object([("n", Some(Value::Null)), ("x", Some(whole(1)))])),
    ]
}

fn value(name: &'static str) -> BoxedStrategy<Value> {
    let number = || small_number();
    match name {
        "n" | "amount" => number().boxed(),
        "s" | "to" | "actor_role" => small_text().boxed(),
        "b" | "flag" => any::<bool>().prop_map(Value::Bool).boxed(),
        "l" | "items" => prop::collection::vec(number(), 0..4).prop_map(Value::List).boxed(),
        "m" | "deep" => {
            let maybe = |it: BoxedStrategy<Value>| weighted(0.8, it);
            (maybe(number().boxed()), maybe(small_text().boxed()), maybe(value("b")))
                .prop_map(|(n, s, b)| object([("n", n), ("s", s), ("b", b)]))
                .boxed()
        }
        "at" | "approved_at" => {
            prop_oneof![9 => instant().prop_map(|at| text(instant_text(at))), 1 => Just(text("soon"))].boxed()
        }
        "wait" => prop_oneof![9 => select(vec!["15m", "1h", "90s"]).prop_map(text), 1 => Just(text("a while"))].boxed(),
        "actor_id" => select(vec!["ana", "bo"]).prop_map(text).boxed(),
        "approved_by" => select(vec!["ana", "cy"]).prop_map(text).boxed(),
        "approval_status" => {
            select(vec!["approved", "approved", "approved", "pending", "rejected", "none"]).prop_map(text).boxed()
        }
        "environment" => select(vec!["production", "staging"]).prop_map(text).boxed(),
        "window" => {
            let windows: Vec<&str> = phrases::WINDOWS.iter().map(|(window, _)| *window).collect();
            prop_oneof![9 => select(windows), 1 => Just("someday")].prop_map(text).boxed()
        }
        _ => small_text().boxed(),
    }
}

/// The contract's own keys are only ever left out: their types are part of the envelope.
fn stated(names: &[&'static str], care: Care) -> BoxedStrategy<Vec<(&'static str, Value)>> {
    let facts: Vec<_> = names
        .iter()
        .copied()
        .map(|name| {
            let given = (prop::bool::weighted(care.typed), value(name), flaw());
            let given = given.prop_map(|(typed, value, flaw)| if typed { value } else { flaw });
            weighted(care.present, given).prop_map(move |value| Some((name, value?)))
        })
        .collect();
    facts
        .prop_map(|facts| facts.into_iter().flatten().collect())
        .boxed()
}

const CONTEXT: [&str; 7] = ["n", "s", "b", "l", "m", "at", "window"];
const CONTRACT: [&str; 9] = [
    "actor_id",
    "actor_role",
    "approval_status",
    "approved_at",
    "approved_by",
    "environment",
    "tenant_id",
    "ticket_id",
    "agent_name",
];
const ARGUMENTS: [&str; 6] = ["amount", "to", "flag", "items", "deep", "wait"];

fn tool_name() -> impl Strategy<Value = String> {
    let known = select(vec![
        "pay.out",
        "payout",
        "pay.refund",
        "mail.send",
        "search.query",
        "pay.out",
    ]);
    let others = select(vec![
        "crm.lookup",
        "other.tool",
        "Pay.Out",
        "pay_out",
        "mail send",
        "pay.öut",
        "",
    ]);
    prop_oneof![12 => known, 2 => others].prop_map(str::to_owned)
}

/// A request; `plans` says whether it may be one without a call, `flaws` whether facts may be of the
/// wrong type.
pub fn request(plans: bool, flaws: bool) -> BoxedStrategy<Request> {
    let sound = Care {
        present: 0.8,
        typed: 1.0,
    };
    let care = prop_oneof![
        8 => Just(Care { present: 0.98, typed: 0.995 }),
        3 => Just(Care { present: 0.6, typed: 0.98 }),
        2 => Just(Care { present: 0.9, typed: 0.8 }),
    ];
    let care = care.prop_map(move |care| if flaws { care } else { sound });
    let facts = care.prop_flat_map(|care| {
        let contract = Care {
            typed: if care.typed > 0.9 { 1.0 } else { 0.95 },
            ..care
        };
        (
            stated(&CONTEXT, care),
            stated(&CONTRACT, contract),
            stated(&ARGUMENTS, care),
        )
    });
    let effects: Vec<&'static str> = phrases::EFFECTS
        .iter()
        .map(|(spelling, _)| *spelling)
        .collect();
    let agent = (
        weighted(0.5, Just("pay the bill")),
        subsequence(
            vec!["payout", "mail.send", "search.query", "pay.out"],
            0..=2,
        ),
        prop_oneof![3 => Just(Vec::new()), 1 => subsequence(effects, 1..=2)],
        prop_oneof![2 => Just(Vec::new()), 1 => subsequence(phrases::CONSTRAINTS.to_vec(), 1..=3)],
        prop::bool::weighted(0.2),
    );
    let called = prop::bool::weighted(if plans { 0.7 } else { 1.0 });
    let extra = (
        weighted(0.04, Just("note")),
        weighted(0.04, Just("side_efects")),
    );
    let beside = (
        weighted(0.1, select(vec!["production", "staging"])),
        subsequence(vec!["finance", "it works"], 0..=1),
        subsequence(vec!["a", "pay the bill"], 0..=1),
        weighted(0.3, select(vec!["call-1", "call-2"])),
        prop::bool::weighted(0.06),
    );
    (facts, agent, called, tool_name(), extra, beside)
        .prop_map(
            |((own, contract, arguments), agent, called, name, (argument, field), beside)| {
                let (environment, success_criteria, trusted, call_id, names_no_tool) = beside;
                let (goal, tools, side_effects, constraints, pro) = agent;
                let arguments = arguments
                    .into_iter()
                    .chain(argument.map(|note| (note, whole(1))));
                let mut tools: Vec<String> = tools.into_iter().map(str::to_owned).collect();
                let call = called.then(|| (name.clone(), arguments.collect()));
                if !called {
                    tools.insert(0, name);
                }
                if names_no_tool {
                    tools.clear();
                }
                Request {
                    // A plan has to say what it is for.
                    goal: if called { goal } else { Some("pay the bill") },
                    success_criteria,
                    trusted,
                    environment,
                    call_id,
                    tools,
                    side_effects,
                    constraints,
                    // Two environments that differ are no request.
                    context: own
                        .into_iter()
                        .chain(contract)
                        .filter(|(name, _)| environment.is_none() || *name != "environment")
                        .collect(),
                    pro,
                    call,
                    unknown_fields: field.into_iter().collect(),
                }
            },
        )
        .boxed()
}
