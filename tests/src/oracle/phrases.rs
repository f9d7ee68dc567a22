//! What callers' words mean. The oracle does not parse them: it knows a few by heart, and the
//! properties use no others.

use super::decimal::Decimal;
use super::value::{Value, object, text, whole};

/// Declared effects, and the class that each stands for.
pub const EFFECTS: &[(&str, Option<&str>)] = &[
    ("money_movement", Some("money_movement")),
    ("Payouts", Some("money_movement")),
    ("data read", Some("data_read")),
    ("data_read", Some("data_read")),
    ("DELETE", Some("destructive")),
    ("retry", Some("loop")),
    ("telepathy", None),
];

/// The class that a declared effect stands for.
pub fn effect(declared: &str) -> Option<&'static str> {
    EFFECTS
        .iter()
        .find(|(spelling, _)| *spelling == declared)
        .and_then(|(_, class)| *class)
}

/// Whether a class of effects changes anything.
pub fn writes(class: &str) -> bool {
    !["data_read", "loop"].contains(&class)
}

/// What a constraint means.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// A fact under `constraint`.
    Fact(&'static str, Value),
    /// A known key whose value cannot be used.
    Invalid,
    /// Advice, or free text.
    Words,
}

/// The constraints that the properties use.
pub const CONSTRAINTS: &[&str] = &[
    "max_records: 5",
    "Max-Records:50",
    "required_role: finance, risk",
    "required_role:[risk]",
    "timeout: 2m",
    "timeout_seconds: 300",
    "max_cost_usd: 2.50",
    "mfa required",
    "require_mfa: false",
    "max_iterations: many",
    "read-only",
    "be polite",
];

/// What a constraint means.
pub fn constraint(phrase: &str) -> Meaning {
    let roles = |roles: &[&str]| Value::List(roles.iter().map(|role| text(*role)).collect());
    match phrase {
        "max_records: 5" => Meaning::Fact("max_records", whole(5)),
        "Max-Records:50" => Meaning::Fact("max_records", whole(50)),
        "required_role: finance, risk" => {
            Meaning::Fact("required_role", roles(&["finance", "risk"]))
        }
        "required_role:[risk]" => Meaning::Fact("required_role", roles(&["risk"])),
        "timeout: 2m" => Meaning::Fact("timeout", Value::Span(120_000)),
        "timeout_seconds: 300" => Meaning::Fact("timeout", Value::Span(300_000)),
        "max_cost_usd: 2.50" => match Decimal::new(250, 2) {
            Some(cost) => Meaning::Fact("max_cost_usd", Value::Number(cost)),
            None => Meaning::Invalid,
        },
        "mfa required" => Meaning::Fact("mfa_required", Value::Bool(true)),
        "max_iterations: many" => Meaning::Invalid,
        _ => Meaning::Words,
    }
}

/// The facts under `constraint`; of two the stricter counts.
pub fn constraint_facts(phrases: &[&'static str]) -> Value {
    let mut facts: Vec<(&'static str, Option<Value>)> = Vec::new();
    for phrase in phrases {
        let Meaning::Fact(name, value) = constraint(phrase) else {
            continue;
        };
        match facts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, Some(first))) => *first = stricter(first.clone(), value),
            _ => facts.push((name, Some(value))),
        }
    }
    object(facts)
}

fn stricter(one: Value, two: Value) -> Value {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => {
            let is_less = one.order(two) == Some(std::cmp::Ordering::Less);
            Value::Number(if is_less { one } else { two })
        }
        (Value::Span(one), Value::Span(two)) => Value::Span(one.min(two)),
        (Value::List(one), Value::List(two)) => {
            Value::List(one.into_iter().filter(|item| two.contains(item)).collect())
        }
        (one, _) => one,
    }
}
