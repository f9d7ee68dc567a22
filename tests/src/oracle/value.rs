//! Values, and the two texts that they have: JSON and a literal of the language.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::decimal::Decimal;

/// Midnight of 1 January 2026, in milliseconds since the epoch. The properties live in that month,
/// so that the oracle needs no calendar.
pub const JANUARY_2026_MS: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;

/// What a fact or an expression may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An exact decimal.
    Number(Decimal),
    /// Text.
    Text(String),
    /// A point in time, in milliseconds since the epoch.
    Instant(i64),
    /// A span of time, in milliseconds.
    Span(i64),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Map(BTreeMap<String, Value>),
    /// An element, of a list that a condition writes out, for want of these facts.
    Missing(BTreeSet<String>),
}

/// A text value.
pub fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

/// A whole number.
pub fn whole(value: i64) -> Value {
    Value::Number(Decimal::whole(value))
}

/// An object of the members that are there.
pub fn object<'k>(members: impl IntoIterator<Item = (&'k str, Option<Value>)>) -> Value {
    let present = members
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Map(present.collect())
}

/// A list of texts; nothing where it is empty.
pub fn texts(items: &[String]) -> Option<Value> {
    (!items.is_empty()).then(|| Value::List(items.iter().map(text).collect()))
}

impl Value {
    /// A member, where this is an object that has it.
    pub fn member(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(members) => members.get(key),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The same value without members that are null, at any depth.
    #[must_use]
    pub fn without_nulls(self) -> Value {
        match self {
            Value::Map(members) => {
                let kept = members
                    .into_iter()
                    .filter(|(_, value)| *value != Value::Null);
                Value::Map(
                    kept.map(|(key, value)| (key, value.without_nulls()))
                        .collect(),
                )
            }
            Value::List(items) => {
                Value::List(items.into_iter().map(Value::without_nulls).collect())
            }
            other => other,
        }
    }

    /// The value as JSON, keys sorted, no insignificant space.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, &|key| key.to_owned());
        out
    }

    /// The value as JSON with the keys of every object in the order of what `rank` makes of them.
    pub fn to_json_ordered<K: Ord>(&self, rank: &impl Fn(&str) -> K) -> String {
        let mut out = String::new();
        self.write(&mut out, rank);
        out
    }

    fn write<K: Ord>(&self, out: &mut String, rank: &impl Fn(&str) -> K) {
        match self {
            Value::Null | Value::Missing(_) => out.push_str("null"),
            Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Value::Number(number) => out.push_str(&number.to_string()),
            Value::Text(text) => write_text(out, text),
            Value::Instant(at) => write_text(out, &instant_text(*at)),
            Value::Span(span) => write_text(out, &span_text(*span)),
            Value::List(items) => {
                out.push('[');
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    item.write(out, rank);
                }
                out.push(']');
            }
            Value::Map(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(key, _)| rank(key));
                out.push('{');
                for (position, (key, value)) in members.into_iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    write_text(out, key);
                    out.push(':');
                    value.write(out, rank);
                }
                out.push('}');
            }
        }
    }
}

/// A text as JSON; conditions spell texts the same way.
pub fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// A timestamp of January 2026 as RFC 3339 in UTC.
///
/// # Panics
/// In any other month.
pub fn instant_text(at: i64) -> String {
    let since = at - JANUARY_2026_MS;
    let (day, rest) = (since.div_euclid(DAY_MS) + 1, since.rem_euclid(DAY_MS));
    assert!(
        (1..=31).contains(&day),
        "the oracle only knows January 2026"
    );
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    let fraction = match rest % 1_000 {
        0 => String::new(),
        ms => format!(".{ms:03}"),
    };
    format!("2026-01-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// What [`instant_text`] writes, read back.
pub fn read_instant(text: &str) -> Option<i64> {
    let two = |from: usize| text.get(from..from + 2)?.parse::<i64>().ok();
    let shape = text.starts_with("2026-01-") && text.len() == 20;
    let at = JANUARY_2026_MS
        + (two(8)? - 1) * DAY_MS
        + two(11)? * 3_600_000
        + two(14)? * 60_000
        + two(17)? * 1_000;
    (shape && (1..=31).contains(&two(8)?) && instant_text(at) == text).then_some(at)
}

/// A span in the largest unit that it is a whole number of.
pub fn span_text(span: i64) -> String {
    match span {
        span if span % 3_600_000 == 0 => format!("{}h", span / 3_600_000),
        span if span % 60_000 == 0 => format!("{}m", span / 60_000),
        span if span % 1_000 == 0 => format!("{}s", span / 1_000),
        span => format!("{span}ms"),
    }
}

/// One number and one unit: `90m`.
pub fn read_span(text: &str) -> Option<i64> {
    for (unit, ms) in [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if let Some(count) = text.strip_suffix(unit) {
            return Some(count.parse::<i64>().ok()? * ms);
        }
    }
    None
}
