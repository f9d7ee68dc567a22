//! Policies that load: rules of every kind over a small catalog.

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use stage0_engine::policy::{EvidenceSource, Mode, Severity, UnknownTools, Verdict};
use stage0_tests::oracle::condition::Expr;
use stage0_tests::oracle::model::{
    Action, Approval, Argument, ArgumentKind, FactDeclaration, Policy, Rule, Tool,
};
use stage0_tests::oracle::phrases::{self, OWN_EFFECT};
use stage0_tests::oracle::value::Value;

use super::condition::{NAMES, Names, Place, boolean, lets, params, path};
use super::{maybe, sometimes};

/// The tools of every catalog.
pub(crate) const TOOLS: [&str; 4] = ["pay.out", "pay.refund", "mail.send", "search.query"];
const PATTERNS: [&str; 5] = ["pay.*", "**", "*.send", "*", "search.**"];
const EFFECTS: [&str; 5] = [
    "money_movement",
    "data_read",
    "destructive",
    "loop",
    "external_notification",
];
const CODES: [&str; 4] = ["ALPHA", "BETA", "GAMMA", "APPROVAL_REQUIRED"];

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
pub(crate) struct Wanted {
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
pub(crate) const ANY: Wanted = Wanted {
    rules_max: 9,
    observe: true,
    files: true,
    presence: true,
    claims: true,
    approvals: true,
    facts: true,
};

/// Rules that are all enforced.
pub(crate) const ENFORCED: Wanted = Wanted {
    observe: false,
    ..ANY
};

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

fn catalog() -> impl Strategy<Value = Vec<Tool>> {
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

pub(crate) fn approval() -> impl Strategy<Value = Approval> {
    let host = (
        subsequence(vec!["finance_lead", "cfo"], 0..=2),
        weighted(0.3, 1_u32..=2),
        subsequence(vec!["context.actor_id", "context.l"], 0..=1),
        subsequence(vec!["args.amount", "args.to", "context.ticket_id"], 0..=2),
        weighted(0.5, (1_i64..=4).prop_map(|quarters| quarters * 900_000)),
    )
        .prop_map(|(roles, min, not, bind, ttl)| Approval {
            roles,
            min,
            not: not.into_iter().map(path).collect(),
            bind: bind.into_iter().map(path).collect(),
            ttl,
            evidence: None,
        });
    let asserted =
        (any::<bool>(), weighted(0.5, Just(1_800_000))).prop_map(|(not, ttl)| Approval {
            not: if not {
                vec![path("context.actor_id")]
            } else {
                Vec::new()
            },
            ttl,
            evidence: Some(EvidenceSource::Asserted),
            ..Approval::default()
        });
    prop_oneof![3 => host, 1 => asserted]
}

fn action(names: Names, wanted: Wanted) -> BoxedStrategy<Action> {
    let granted = Place {
        names: Some(names),
        claims: false,
        presence: wanted.presence,
    };
    let claims = Place {
        claims: wanted.claims,
        ..granted
    };
    let always = || Just(Expr::Literal(Value::Bool(true)));
    let otherwise = weighted(0.5, select(vec![Verdict::Deny, Verdict::Defer]));
    let missing = if wanted.presence { 0.2 } else { 0.0 };
    let asking = if wanted.approvals { 4 } else { 0 };
    prop_oneof![
        6 => prop_oneof![2 => boolean(granted, 2), 1 => always()].prop_map(Action::Allow),
        3 => boolean(claims, 2).prop_map(Action::Deny),
        2 => boolean(claims, 2).prop_map(Action::Defer),
        2 => prop_oneof![3 => boolean(claims, 2), 1 => always()].prop_map(Action::Advise),
        3 => (boolean(claims, 2), otherwise, sometimes(missing)).prop_map(
            |(condition, otherwise, missing_otherwise)| {
                Action::Require { condition, otherwise, missing_otherwise }
            }
        ),
        asking => approval().prop_map(Action::Approval),
    ]
    .boxed()
}

fn patterns() -> impl Strategy<Value = Vec<&'static str>> {
    prop_oneof![
        3 => Just(Vec::new()),
        2 => subsequence(TOOLS.to_vec(), 1..=2),
        2 => subsequence(PATTERNS.to_vec(), 1..=1),
    ]
}

fn severity(action: &Action, wanted: Option<Severity>) -> Option<Severity> {
    // Advice that an ALLOW could carry weighs at most MEDIUM.
    match action {
        Action::Advise(_) => wanted.map(|severity| severity.min(Severity::Medium)),
        _ => wanted,
    }
}

pub(crate) fn rule(names: Names, wanted: Wanted) -> impl Strategy<Value = Rule> {
    let place = Place {
        names: Some(names),
        claims: false,
        presence: wanted.presence,
    };
    let severities = [
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ];
    let effects = weighted(0.25, subsequence(EFFECTS.to_vec(), 1..=4));
    (
        (
            patterns(),
            effects,
            weighted(0.35, boolean(place, 1)),
            action(names, wanted),
        ),
        weighted(0.3, select(CODES.to_vec())),
        weighted(0.1, select(CODES.to_vec())),
        weighted(0.2, select(severities.to_vec())),
        (
            sometimes(if wanted.observe { 0.08 } else { 0.0 }),
            prop::bool::weighted(0.2),
            weighted(0.2, subsequence(vec!["Who says so?", "Why now?"], 1..=2)),
        ),
    )
        .prop_map(
            |(
                (tools, effects, when, action),
                issue,
                issue_unknown,
                weight,
                (observe, locked, ask),
            )| Rule {
                ask: ask.unwrap_or_default(),
                locked,
                id: String::new(),
                tools,
                effects: effects.unwrap_or_default(),
                when,
                severity: severity(&action, weight),
                action,
                issue,
                issue_unknown,
                observe,
            },
        )
}

pub(crate) fn always_allowed() -> Rule {
    Rule {
        id: String::new(),
        tools: Vec::new(),
        effects: Vec::new(),
        when: None,
        action: Action::Allow(Expr::Literal(Value::Bool(true))),
        issue: None,
        issue_unknown: None,
        severity: None,
        ask: Vec::new(),
        observe: false,
        locked: false,
    }
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
pub(crate) fn policy(wanted: Wanted) -> BoxedStrategy<Policy> {
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
