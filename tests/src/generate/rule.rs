//! Rules of every kind, with conditions that read what their place may read.

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use stage0_engine::policy::{EvidenceSource, Severity, Verdict};

use crate::oracle::condition::Expr;
use crate::oracle::model::{Action, Approval, Rule};
use crate::oracle::value::Value;

use super::condition::{Names, Place, boolean, path};
use super::policy::{EFFECTS, TOOLS, Wanted};
use super::sometimes;

const PATTERNS: [&str; 5] = ["pay.*", "**", "*.send", "*", "search.**"];
/// Codes that rules use.
pub const CODES: [&str; 4] = ["ALPHA", "BETA", "GAMMA", "APPROVAL_REQUIRED"];

/// The terms of an approval.
pub fn approval() -> impl Strategy<Value = Approval> {
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

/// A rule, without its id.
pub fn rule(names: Names, wanted: Wanted) -> impl Strategy<Value = Rule> {
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

/// The rule that allows everything.
pub fn always_allowed() -> Rule {
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
