//! Policies that load, perhaps of several files: settings, declared facts, imports and layers around
//! a catalog and rules.

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use stage0_engine::policy::{Mode, UnknownTools, Verdict};

use crate::oracle::model::{Action, ArgumentKind, FactDeclaration, Policy, Rule, Tool};
use crate::oracle::phrases::{self, OWN_EFFECT};

use super::catalog::catalog;
use super::condition::{NAMES, Names, lets, params, path};
use super::rule::{CODES, always_allowed, rule};
use super::{maybe, sometimes};

/// The tools of every catalog.
pub const TOOLS: [&str; 4] = ["pay.out", "pay.refund", "mail.send", "search.query"];
/// The classes of effects of every policy.
pub const EFFECTS: [&str; 5] = [
    "money_movement",
    "data_read",
    "destructive",
    "loop",
    "external_notification",
];

/// Facts that may be declared: no two files of a layer declare the same.
const ROOT_FACTS: [&str; 5] = [
    "context.n",
    "context.s",
    "context.b",
    "context.at",
    "args.amount",
];
const BASE_FACTS: [&str; 3] = ["context.l", "context.m.n", "context.actor_role"];

/// What kinds of policies are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The most rules of one file.
    pub rules_max: usize,
    /// Whether anything may be merely observed, or read-only, or halted.
    pub observe: bool,
    /// Whether there may be imports and layers.
    pub files: bool,
    /// Whether anything may hang on a fact's being there: `has`, `parses`, null, `missing`.
    pub presence: bool,
    /// Whether restrictions may read what the agent claims.
    pub claims: bool,
    /// Whether rules may ask for approvals.
    pub approvals: bool,
    /// Whether types of facts may be declared.
    pub facts: bool,
}

/// Anything goes.
pub const ANY: Wanted = Wanted {
    rules_max: 9,
    observe: true,
    files: true,
    presence: true,
    claims: true,
    approvals: true,
    facts: true,
};

/// Rules that are all enforced.
pub const ENFORCED: Wanted = Wanted {
    observe: false,
    ..ANY
};

/// What is declared about facts of these names, each of the type that requests mean it to have.
fn declared(names: &[&'static str], wanted: Wanted) -> BoxedStrategy<Vec<FactDeclaration>> {
    let fact = |name: &'static str| {
        let kind = match name {
            "context.n" => ArgumentKind::Number(None, Some(5)),
            "context.m.n" | "args.amount" => ArgumentKind::Number(None, None),
            "context.b" => ArgumentKind::Bool,
            "context.at" => ArgumentKind::Time,
            "context.l" => ArgumentKind::List(None),
            "context.actor_role" => ArgumentKind::Enum(vec!["a", "finance", "risk"]),
            _ => ArgumentKind::Text,
        };
        let ask = weighted(0.5, Just("May I ask?"));
        let share = if wanted.facts { 0.2 } else { 0.0 };
        (sometimes(share), ask).prop_map(move |(declared, ask)| {
            let path = path(name);
            let kind = kind.clone();
            declared.then_some(FactDeclaration { path, kind, ask })
        })
    };
    let facts: Vec<_> = names.iter().copied().map(fact).collect();
    facts
        .prop_map(|facts| facts.into_iter().flatten().collect())
        .boxed()
}

fn numbered(rules: Vec<Rule>) -> Vec<Rule> {
    let number = |(position, rule): (usize, Rule)| Rule {
        id: format!("rule-{position}"),
        ..rule
    };
    rules.into_iter().enumerate().map(number).collect()
}

/// One file without imports.
fn file(
    name: &'static str,
    names: Names,
    rules_max: usize,
    wanted: Wanted,
    known_facts: &'static [&'static str],
) -> impl Strategy<Value = Policy> {
    let answers = (
        weighted(
            0.5,
            select(vec![
                Verdict::Deny,
                Verdict::Defer,
                Verdict::Allow,
                Verdict::Allow,
            ]),
        ),
        maybe(
            if wanted.observe { 0.08 } else { 0.0 },
            select(vec![
                Mode::Enforce,
                Mode::Observe,
                Mode::ReadOnly,
                Mode::Halted,
            ]),
        ),
        weighted(
            0.5,
            select(vec![
                UnknownTools::Declared,
                UnknownTools::Defer,
                UnknownTools::Deny,
            ]),
        ),
    );
    // Restrictions add up, so most files have few rules, and many one that allows whatever it is
    // asked: else nearly everything would be denied.
    let few = prop::collection::vec(rule(names, wanted), 1..=rules_max.min(3));
    let many = prop::collection::vec(rule(names, wanted), 1..=rules_max);
    let rules = (prop_oneof![3 => few, 1 => many], prop::bool::weighted(0.4));
    let rules = rules.prop_map(|(mut rules, allows)| {
        rules.extend(allows.then(always_allowed));
        rules
    });
    let codes = weighted(0.3, subsequence(CODES.to_vec(), 1..=3).prop_shuffle());
    (
        (answers, codes, declared(known_facts, wanted)),
        catalog(),
        params(names),
        lets(names, wanted.presence),
        rules,
    )
        .prop_map(
            move |(((default, mode, unknown_tools), codes, facts), tools, params, lets, rules)| {
                Policy {
                    codes: codes.unwrap_or_default(),
                    facts,
                    name,
                    default,
                    mode,
                    unknown_tools,
                    tools,
                    params,
                    lets,
                    rules: numbered(rules),
                    ..Policy::default()
                }
            },
        )
}

/// A file that others import. It brings no catalog of its own but one tool: the same tool twice is a
/// conflict.
fn import(
    name: &'static str,
    tool: &'static str,
    names: Names,
    wanted: Wanted,
    known_facts: &'static [&'static str],
) -> impl Strategy<Value = Policy> {
    file(name, names, 3, wanted, known_facts).prop_map(move |policy| {
        let tool = Tool {
            name: tool,
            effects: vec!["data_read"],
            ..Tool::default()
        };
        Policy {
            tools: vec![tool],
            ..policy
        }
    })
}

/// A file with a zone of its own and a class of effects of its own, neither of which imports have.
fn root(
    name: &'static str,
    names: Names,
    rules_max: usize,
    wanted: Wanted,
    known_facts: &'static [&'static str],
) -> impl Strategy<Value = Policy> {
    let zones: Vec<&'static str> = phrases::ZONES.iter().map(|(zone, _)| *zone).collect();
    (
        file(name, names, rules_max, wanted, known_facts),
        weighted(0.3, select(zones)),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(mut policy, timezone, own_effect)| {
            policy.timezone = timezone;
            policy.own_effect = own_effect;
            if own_effect {
                let stated = policy.tools.iter_mut().filter(|tool| !tool.unstated);
                stated
                    .take(1)
                    .for_each(|tool| tool.effects.push(OWN_EFFECT));
                let scoped = policy.rules.iter_mut();
                let scoped = scoped.filter(|rule| !rule.effects.is_empty());
                scoped.for_each(|rule| rule.effects.push(OWN_EFFECT));
            }
            policy
        })
}

/// Takes a tool out of a file, so that the layers know it by different names, if at all.
fn forget(policy: &mut Policy, tool: &'static str) {
    policy.tools.retain(|known| known.name != tool);
    let patterns = policy.rules.iter_mut().flat_map(|rule| &mut rule.tools);
    patterns
        .filter(|pattern| **pattern == tool)
        .for_each(|pattern| *pattern = "**");
}

/// Of the rules that count, those that the root may switch off.
fn can_be_disabled(root: &Policy) -> Vec<String> {
    let mut waiting: Vec<(&Policy, bool)> = Vec::new();
    let direct = |policy: &'_ Policy| policy.extends.clone();
    let mut found = Vec::new();
    let imports = direct(root);
    waiting.extend(imports.iter().map(|(policy, allows)| (policy, *allows)));
    while let Some((policy, allows)) = waiting.pop() {
        let counts =
            |rule: &&Rule| !rule.locked && (allows || !matches!(rule.action, Action::Allow(_)));
        let ids = policy.rules.iter().filter(counts);
        found.extend(ids.map(|rule| format!("{}/{}", policy.name, rule.id)));
        let inner = policy.extends.iter();
        waiting.extend(inner.map(|(policy, inner)| (policy, allows && *inner)));
    }
    found
}

/// A policy, perhaps of several files.
pub fn policy(wanted: Wanted) -> BoxedStrategy<Policy> {
    let [first, second, third, fourth, fifth] = NAMES;
    let Wanted {
        rules_max, files, ..
    } = wanted;
    let single = root("root", first, rules_max, wanted, &ROOT_FACTS);
    if !files {
        return single.boxed();
    }
    let base = import("base", "crm.lookup", second, wanted, &BASE_FACTS);
    let deep = import("deep", "deep.tool", fourth, wanted, &[]);
    let extending = (
        root("root", first, 5, wanted, &ROOT_FACTS),
        (base, any::<bool>()),
        weighted(0.4, (deep, any::<bool>())),
        any::<bool>(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..=2),
    )
        .prop_map(|(root, (mut base, allows), deep, is_inside, disabled)| {
            let mut extends = Vec::new();
            match deep {
                Some(deep) if is_inside => base.extends.push(deep),
                deep => extends.extend(deep),
            }
            extends.push((base, allows));
            let mut policy = Policy { extends, ..root };
            let known = can_be_disabled(&policy);
            let disabled = disabled.into_iter().filter(|_| !known.is_empty());
            policy.disable = disabled.map(|at| at.get(&known).clone()).collect();
            policy.disable.sort();
            policy.disable.dedup();
            policy
        });
    let shared = import("shared", "shared.tool", fifth, wanted, &[]);
    let layered = (
        root("org", first, 4, wanted, &ROOT_FACTS),
        root("team", third, 4, wanted, &ROOT_FACTS),
        weighted(0.4, (shared, any::<bool>())),
        any::<bool>(),
        any::<bool>(),
        weighted(0.2, select(TOOLS.to_vec())),
    )
        .prop_map(|(mut org, mut team, shared, for_both, strict, unknown)| {
            if let Some(unknown) = unknown {
                forget(&mut team, unknown);
            }
            let for_both = for_both && unknown.is_none();
            if let Some((import, allows)) = shared {
                if for_both {
                    team.extends.push((import.clone(), !allows));
                }
                org.extends.push((import, allows));
            }
            Policy {
                name: "root",
                default: strict.then_some(Verdict::Defer),
                mode: org.mode.filter(|_| strict),
                layers: vec![org, team],
                ..Policy::default()
            }
        });
    prop_oneof![5 => single, 3 => extending, 2 => layered].boxed()
}
