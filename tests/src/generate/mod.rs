//! Questions made at random: a policy, a request, people's answers and a time.
//!
//! The properties of the laws and the random comparison of hosts draw from them. A seed gives the same
//! questions everywhere, and what goes wrong with one is shrunk.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    reason = "generators count small numbers, and make times that exist"
)]

pub mod catalog;
pub mod condition;
pub mod policy;
pub mod request;
pub mod rule;

use std::fmt;

use crate::oracle::model::{Action, Policy, Request};
use crate::oracle::{self, Host};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use stage0_engine::host::{Answer, ApprovalRecord, Proof};
use stage0_engine::policy::Mode;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_wire::{approvals_to_json, state_to_json};

use policy::Wanted;

/// One question to the engine.
#[derive(Clone)]
pub struct Sample {
    pub policy: Policy,
    pub request: Request,
    pub host: Host,
    pub now: i64,
}

/// As a shell script: whoever reads it can paste it and look at the same decision.
impl fmt::Debug for Sample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter)?;
        let mut file =
            |name: &str, text: &str| writeln!(formatter, "cat > {name}.json <<'END'\n{text}\nEND");
        for policy in [&self.policy].into_iter().chain(self.policy.imports()) {
            file(policy.name, &policy.to_value().to_json())?;
        }
        file("request", &self.request.to_value().to_json())?;
        file("approvals", &approvals_to_json(&self.host.approvals))?;
        file("state", &state_to_json(&self.host.state))?;
        write!(
            formatter,
            "stage0 check request.json --policy root.json --approvals approvals.json \\\n  \
             --state state.json --mode {} --now {} --explain",
            self.host.mode.as_str(),
            oracle::value::instant_text(self.now),
        )
    }
}

/// A person's answer, before it is known which rule was asked about which action.
#[derive(Debug, Clone)]
struct Recipe {
    rule: usize,
    answer: Answer,
    by: &'static str,
    roles: Vec<&'static str>,
    age: i64,
    lasts: Option<i64>,
    other_action: bool,
    other_terms: bool,
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let answers = vec![
        Answer::Approved,
        Answer::Approved,
        Answer::Approved,
        Answer::Pending,
        Answer::Rejected,
    ];
    (
        (0_usize..3, select(answers), select(vec!["ana", "cy", "di"])),
        select(vec![
            vec![],
            vec!["finance_lead"],
            vec!["cfo", "finance_lead"],
        ]),
        (-1_i64..9).prop_map(|eighths| eighths * 450_000),
        weighted(0.2, (0_i64..4).prop_map(|quarters| quarters * 900_000)),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |((rule, answer, by), roles, age, lasts, other_action, other_terms)| Recipe {
                rule,
                answer,
                by,
                roles,
                age,
                lasts,
                other_action,
                other_terms,
            },
        )
}

/// The answers as the host would record them: for the rules of the policy that ask, and this action.
fn records(
    policy: &Policy,
    request: &Request,
    now: i64,
    recipes: Vec<Recipe>,
) -> Vec<ApprovalRecord> {
    let files = [policy].into_iter().chain(policy.imports());
    let asking: Vec<_> = files
        .flat_map(|policy| policy.rules.iter().map(move |rule| (policy.name, rule)))
        .filter_map(|(pack, rule)| match &rule.action {
            Action::Approval(terms) => Some((format!("{pack}/{}", rule.id), terms)),
            _ => None,
        })
        .collect();
    let record = |(position, recipe): (usize, Recipe)| {
        let (rule, terms) = asking.get(recipe.rule % asking.len().max(1))?;
        let mut terms = (*terms).clone();
        let action = oracle::action_asked_about(policy, request, now, &terms);
        let other = stage0_engine::digest::Digest::of(b"another action");
        if recipe.other_terms {
            terms.roles.push("somebody_else");
        }
        let issued = now - recipe.age;
        Some(ApprovalRecord {
            id: format!("approval-{position}"),
            answer: recipe.answer,
            by: recipe.by.to_owned(),
            roles: recipe.roles.into_iter().map(str::to_owned).collect(),
            rule: rule.clone(),
            terms: oracle::approval::terms_digest(&terms),
            action: if recipe.other_action { other } else { action },
            issued_at: timestamp(issued),
            expires_at: recipe.lasts.map(|lasts| timestamp(issued + lasts)),
            proof: Proof::Host,
        })
    };
    recipes.into_iter().enumerate().filter_map(record).collect()
}

/// The engine's form of a time.
pub fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms).expect("a time of January 2026")
}

/// True in this share of cases; never, if it is zero.
pub fn sometimes(share: f64) -> BoxedStrategy<bool> {
    if share > 0.0 {
        prop::bool::weighted(share).boxed()
    } else {
        Just(false).boxed()
    }
}

/// Something in this share of cases.
pub fn maybe<S: Strategy + 'static>(
    share: f64,
    strategy: S,
) -> impl Strategy<Value = Option<S::Value>> {
    (sometimes(share), strategy).prop_map(|(is_there, value)| is_there.then_some(value))
}

/// A question about such a policy.
pub fn sample(wanted: Wanted, plans: bool) -> BoxedStrategy<Sample> {
    asked(wanted, plans, true)
}

/// A question whose facts are all of the types that they are meant to have.
pub fn sound_sample(wanted: Wanted, plans: bool) -> BoxedStrategy<Sample> {
    asked(wanted, plans, false)
}

fn asked(wanted: Wanted, plans: bool, flaws: bool) -> BoxedStrategy<Sample> {
    let modes = vec![
        Mode::Observe,
        Mode::Observe,
        Mode::Observe,
        Mode::ReadOnly,
        Mode::Halted,
    ];
    let mode = maybe(if wanted.observe { 0.12 } else { 0.0 }, select(modes));
    // Most runs begin here; the others have had one decision, about this call or at another time.
    let earlier = weighted(0.2, (-1_i64..=6).prop_map(|quarters| quarters * 900_000));
    // Edges of windows and approvals lie on quarters of an hour.
    let jitter = prop_oneof![6 => Just(0_i64), 1 => Just(1), 1 => Just(-1)];
    let recipes = prop::collection::vec(recipe(), 0..5);
    (
        policy::policy(wanted),
        request::request(plans, flaws),
        mode,
        (condition::instant(), jitter),
        (recipes, earlier),
    )
        .prop_map(
            |(policy, request, mode, (now, jitter), (recipes, earlier))| {
                let approvals = records(&policy, &request, now, recipes);
                let now = now + jitter;
                let mut host = Host {
                    mode: mode.unwrap_or_default(),
                    approvals,
                    state: RunState::begin(),
                };
                if let Some(ago) = earlier {
                    host.state = oracle::decide(&policy, &request, &host, now - ago).next;
                }
                Sample {
                    policy,
                    request,
                    host,
                    now,
                }
            },
        )
        .boxed()
}
