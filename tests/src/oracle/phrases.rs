//! What callers' words mean. The oracle does not parse them: it knows a few by heart, and the
//! properties use no others.

use super::decimal::Decimal;
use super::value::{JANUARY_2026_MS, Value, object, text, whole};

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

/// The class that a policy may add. It changes nothing, and callers also call it `telepathy`.
pub const OWN_EFFECT: &str = "mind_reading";

/// The class that a declared effect stands for, under a policy that adds [`OWN_EFFECT`] or not.
pub fn effect(declared: &str, has_own: bool) -> Option<&'static str> {
    if has_own && [OWN_EFFECT, "telepathy"].contains(&declared) {
        return Some(OWN_EFFECT);
    }
    EFFECTS
        .iter()
        .find(|(spelling, _)| *spelling == declared)
        .and_then(|(_, class)| *class)
}

/// Whether a class of effects changes anything.
pub fn writes(class: &str) -> bool {
    !["data_read", "loop", OWN_EFFECT].contains(&class)
}

/// The zones that the properties name: none of them has a summer time.
pub const ZONES: &[(&str, i64)] = &[("UTC", 0), ("Asia/Tokyo", 9), ("Asia/Dubai", 4)];

/// A window's first and last day (0 is Monday), its minutes, and its own zone, if it names one.
type Window = (i64, i64, i64, i64, Option<&'static str>);

/// The windows that the properties use. All that they ask about is on a Monday.
pub const WINDOWS: &[(&str, Window)] = &[
    ("business_hours", (0, 4, 540, 1_020, None)),
    ("Mon-Fri 09:00-17:00", (0, 4, 540, 1_020, None)),
    ("Mon 10:15-10:45", (0, 0, 615, 645, None)),
    ("Mon 10:15-10:45 UTC", (0, 0, 615, 645, Some("UTC"))),
    (
        "Mon-Wed 19:30-20:00 Asia/Tokyo",
        (0, 2, 1_170, 1_200, Some("Asia/Tokyo")),
    ),
    ("Mon 00:00-24:00", (0, 0, 0, 1_440, None)),
    ("Sat-Sun 00:00-24:00", (5, 6, 0, 1_440, None)),
];

/// Whether an instant lies in a window; nothing where the text is none.
pub fn in_window(at: i64, window: &str, zone: &str) -> Option<bool> {
    let (_, (first, last, opens, closes, own)) =
        WINDOWS.iter().find(|(known, _)| *known == window)?;
    let zone = own.unwrap_or(zone);
    let (_, hours) = ZONES.iter().find(|(known, _)| *known == zone)?;
    // The month began on a Thursday.
    let minutes = (at - JANUARY_2026_MS).div_euclid(60_000) + hours * 60;
    let (day, minute) = (
        (minutes.div_euclid(1_440) + 3) % 7,
        minutes.rem_euclid(1_440),
    );
    Some((*first..=*last).contains(&day) && (*opens..*closes).contains(&minute))
}

/// What a constraint means.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// A fact under `constraint`.
    Fact(&'static str, Value),
    /// A known key whose value cannot be used.
    Invalid,
    /// Advice that was probably meant as more.
    Misspelt,
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
    "business-hours only",
    "change_window: business_hours",
    "read-only",
    "be polite",
    "max_record: 5",
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
        "max_record: 5" => Meaning::Misspelt,
        "business-hours only" | "change_window: business_hours" => {
            Meaning::Fact("change_window", text("business_hours"))
        }
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
            let is_less = one.order(two) == std::cmp::Ordering::Less;
            Value::Number(if is_less { one } else { two })
        }
        (Value::Span(one), Value::Span(two)) => Value::Span(one.min(two)),
        (Value::List(one), Value::List(two)) => {
            Value::List(one.into_iter().filter(|item| two.contains(item)).collect())
        }
        (one, _) => one,
    }
}
