//! Policies that load: rules of every kind over a small catalog.

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use stage0_engine::policy::{EvidenceSource, Mode, Severity, UnknownTools, Verdict};
use stage0_tests::oracle::condition::Expr;
use stage0_tests::oracle::model::{Action, Approval, Argument, ArgumentKind, Policy, Rule, Tool};
use stage0_tests::oracle::value::Value;

use super::condition::{NAMES, Names, Place, boolean, lets, params, path};

/// The tools of every catalog.
pub const TOOLS: [&str; 4] = ["pay.out", "pay.refund", "mail.send", "search.query"];
const PATTERNS: [&str; 5] = ["pay.*", "**", "*.send", "*", "search.**"];
const EFFECTS: [&str; 5] = [
    "money_movement",
    "data_read",
    "destructive",
    "loop",
    "external_notification",
];
const CODES: [&str; 4] = ["ALPHA", "BETA", "GAMMA", "APPROVAL_REQUIRED"];

/// What kinds of policies are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The most rules of one file.
    pub rules_max: usize,
    /// Whether conditions may test for presence.
    pub observe: bool,
    /// Whether there may be imports and layers.
    pub files: bool,
}

/// Anything goes.
pub const ANY: Wanted = Wanted {
    rules_max: 9,
    observe: true,
    files: true,
};

fn argument(name: &'static str) -> BoxedStrategy<Argument> {
    let kind = match name {
        "amount" => prop_oneof![
            (weighted(0.5, 0_i64..3), weighted(0.5, 3_i64..6))
                .prop_map(|(min, max)| ArgumentKind::Number(min, max)),
            Just(ArgumentKind::Any),
        ]
        .boxed(),
        "to" => prop_oneof![
            Just(ArgumentKind::Text),
            Just(ArgumentKind::Enum(vec!["a", "ab", "finance"])),
        ]
        .boxed(),
        _ => prop_oneof![Just(ArgumentKind::Bool), Just(ArgumentKind::Any)].boxed(),
    };
    (kind, any::<bool>())
        .prop_map(move |(kind, optional)| Argument {
            name,
            kind,
            optional,
        })
        .boxed()
}

/// A schema names the arguments that conditions read, so that every path stays readable.
fn schema() -> impl Strategy<Value = Option<Vec<Argument>>> {
    weighted(0.25, (argument("amount"), argument("to"), argument("flag"))).prop_map(|arguments| {
        let (amount, to, flag) = arguments?;
        let others = ["items", "deep", "wait"];
        let others = others.map(|name| Argument {
            name,
            kind: ArgumentKind::Any,
            optional: true,
        });
        Some([amount, to, flag].into_iter().chain(others).collect())
    })
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
    )
        .prop_map(move |(effects, args, extra)| {
            let extra_args = extra && args.is_some();
            Tool {
                name,
                aka: aka.clone(),
                effects,
                args,
                extra_args,
            }
        })
}

fn catalog() -> impl Strategy<Value = Vec<Tool>> {
    let exact = TOOLS.map(tool);
    let pattern = select(vec!["pay.*", "**", "other.*"]);
    let pattern =
        (pattern, subsequence(EFFECTS.to_vec(), 0..=1)).prop_map(|(name, effects)| Tool {
            name,
            effects,
            ..Tool::default()
        });
    (exact, weighted(0.2, pattern))
        .prop_map(|(exact, pattern)| exact.into_iter().chain(pattern).collect())
}

fn approval() -> impl Strategy<Value = Approval> {
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

fn action(names: Names) -> BoxedStrategy<Action> {
    let claims = Place {
        names: Some(names),
        claims: true,
    };
    let granted = Place {
        names: Some(names),
        claims: false,
    };
    let always = || Just(Expr::Literal(Value::Bool(true)));
    let otherwise = weighted(0.5, select(vec![Verdict::Deny, Verdict::Defer]));
    prop_oneof![
        6 => prop_oneof![2 => boolean(granted, 2), 1 => always()].prop_map(Action::Allow),
        3 => boolean(claims, 2).prop_map(Action::Deny),
        2 => boolean(claims, 2).prop_map(Action::Defer),
        2 => prop_oneof![3 => boolean(claims, 2), 1 => always()].prop_map(Action::Advise),
        3 => (boolean(claims, 2), otherwise, prop::bool::weighted(0.2)).prop_map(
            |(condition, otherwise, missing_otherwise)| {
                Action::Require { condition, otherwise, missing_otherwise }
            }
        ),
        2 => approval().prop_map(Action::Approval),
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

fn rule(names: Names, observe: bool) -> impl Strategy<Value = Rule> {
    let place = Place {
        names: Some(names),
        claims: false,
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
            action(names),
        ),
        weighted(0.3, select(CODES.to_vec())),
        weighted(0.1, select(CODES.to_vec())),
        weighted(0.2, select(severities.to_vec())),
        prop::bool::weighted(if observe { 0.08 } else { 0.0 }),
    )
        .prop_map(
            |((tools, effects, when, action), issue, issue_unknown, weight, observe)| Rule {
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
    observe: bool,
) -> impl Strategy<Value = Policy> {
    let answers = (
        weighted(
            0.5,
            select(vec![Verdict::Deny, Verdict::Defer, Verdict::Allow]),
        ),
        weighted(
            if observe { 0.08 } else { 0.0 },
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
    let rules = prop::collection::vec(rule(names, observe), 1..=rules_max);
    let codes = weighted(0.3, subsequence(CODES.to_vec(), 1..=3).prop_shuffle());
    (
        (answers, codes),
        catalog(),
        params(names),
        lets(names),
        rules,
    )
        .prop_map(
            move |(((default, mode, unknown_tools), codes), tools, params, lets, rules)| Policy {
                codes: codes.unwrap_or_default(),
                name,
                default,
                mode,
                unknown_tools,
                tools,
                params,
                lets,
                rules: numbered(rules),
                ..Policy::default()
            },
        )
}

/// A policy, perhaps of several files.
pub fn policy(wanted: Wanted) -> BoxedStrategy<Policy> {
    let [first, second, third] = NAMES;
    let Wanted {
        rules_max,
        observe,
        files,
    } = wanted;
    let root = file("root", first, rules_max, observe);
    if !files {
        return root.boxed();
    }
    // What is imported brings no catalog of its own but a tool: the same tool twice is a conflict.
    let import = (
        file("base", second, 4, observe),
        any::<bool>(),
        any::<bool>(),
    );
    let import = import.prop_map(|(policy, allows, disables)| {
        let extra = Tool {
            name: "crm.lookup",
            effects: vec!["data_read"],
            ..Tool::default()
        };
        (
            Policy {
                tools: vec![extra],
                ..policy
            },
            allows,
            disables,
        )
    });
    let layer = file("team", third, 4, observe);
    prop_oneof![
        6 => root,
        2 => (file("root", first, 5, observe), import).prop_map(|(root, (import, allows, disables))| {
            // Only what counts can be switched off.
                let allows_only = matches!(import.rules[0].action, Action::Allow(_)) && !allows;
                let disable = disables && !allows_only;
                let disable = disable.then(|| "base/rule-0".to_owned());
            Policy {
 extends: vec![(import, allows)],
 disable: disable.into_iter().collect(),
 ..root }
        }),
        1 => (file("org", first, 4, observe), layer, any::<bool>()).prop_map(|(org, team, strict)| Policy {
            name: "root",
            default: strict.then_some(Verdict::Defer),
            mode: org.mode.filter(|_| strict),
            layers: vec![org, team],
            ..Policy::default()
        }),
    ]
    .boxed()
}
