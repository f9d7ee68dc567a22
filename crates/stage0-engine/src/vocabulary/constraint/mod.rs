//! Constraint phrases to facts.
//!
//! A caller's `constraints` are texts such as `max_iterations: 5` or `human approval required`. Each
//! becomes a fact under `constraint`, an advisory phrase, or free text. A known key with an unusable
//! value is never ignored. What a constraint demands is up to the policy's rules.

mod table;

use std::borrow::Cow;

use self::table::KEYS_BY_SPELLING;
pub use self::table::{CONSTRAINT_KEYS, ConstraintKey, ConstraintSet, ConstraintShape};
use super::fold;
use crate::number::Number;
use crate::suggest::nearest;
use crate::time::window::{BUSINESS_HOURS, Window};
use crate::time::{Duration, Zone};

/// A constraint's value.
#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintValue {
    /// It is set.
    Flag,
    /// Names, in the order in which they were written.
    List(Vec<String>),
    /// A count or a decimal.
    Number(Number),
    /// A span of time.
    Span(Duration),
    /// A weekly window, as [`Window::parse`] reads it.
    Window(String),
}

/// What one constraint text was understood as.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// A fact.
    Known {
        /// What is constrained.
        key: &'static ConstraintKey,
        /// Its value.
        value: ConstraintValue,
    },
    /// A flag that says `false`: nothing is demanded.
    Off(&'static str),
    /// A promise: a fact, but advice and no guardrail.
    Promise(&'static str),
    /// A known key whose value makes no sense.
    Invalid(&'static ConstraintKey),
    /// Free text.
    Free,
}

/// What a flag may say besides nothing.
const YES: [&str; 3] = ["true", "yes", "required"];
const NO: [&str; 2] = ["false", "no"];
/// How else people say that there are no means to something.
const NO_MEANS: [&str; 5] = ["none", "off", "disabled", "null", "n/a"];

/// Reads one constraint text.
pub fn read(text: &str) -> Constraint {
    // Searching so short a text byte by byte takes less than setting up a search.
    let colon = text.bytes().position(|byte| byte == b':');
    let parts = colon.and_then(|colon| Some((text.get(..colon)?, text.get(colon..)?)));
    let (head, value) = match parts {
        Some((head, value)) => (head, Some(value.strip_prefix(':').unwrap_or(value).trim())),
        None => (text.trim_end().trim_end_matches(['.', '!', ';']), None),
    };
    // Most are written as the table has them, and what is in it is folded.
    let known = KEYS_BY_SPELLING.get(head).copied();
    let head = if known.is_some() {
        Cow::Borrowed(head)
    } else {
        fold(head)
    };
    let known = known.or_else(|| KEYS_BY_SPELLING.get(&*head).copied());
    let Some(known) = known else {
        return respelt(text).map_or(Constraint::Free, |text| read(&text));
    };
    let name = known.name;
    let says = |words: &[&str]| {
        value.is_some_and(|value| words.iter().any(|word| value.eq_ignore_ascii_case(word)))
    };
    // Spelt out, a window in business hours is a flag too.
    let is_flag = match known.shape {
        ConstraintShape::Flag | ConstraintShape::Means | ConstraintShape::Promise => true,
        ConstraintShape::Window => head.starts_with("business_hours"),
        _ => false,
    };
    let has_means = known.shape == ConstraintShape::Means;
    if is_flag && (says(&NO) || (has_means && says(&NO_MEANS))) {
        return Constraint::Off(name);
    }
    let is_set = is_flag && (value.is_none() || says(&YES));
    let value = match known.shape {
        // What follows a promise that is none of ours is the caller's own wording.
        ConstraintShape::Promise if is_set => return Constraint::Promise(name),
        ConstraintShape::Promise => return Constraint::Free,
        ConstraintShape::Flag => is_set.then_some(ConstraintValue::Flag),
        ConstraintShape::Means if is_set => Some(ConstraintValue::Flag),
        ConstraintShape::Window if is_set => {
            Some(ConstraintValue::Window(BUSINESS_HOURS.to_owned()))
        }
        shape => value.and_then(|value| read_value(shape, value)),
    };
    value.map_or(Constraint::Invalid(known), |value| Constraint::Known {
        key: known,
        value,
    })
}

/// A text in the way in which a programmer may have put it, `maxIterations: 5` or `max_iterations=5`, as
/// the contract writes it: nothing unless that makes a known key of it.
#[inline(never)]
fn respelt(text: &str) -> Option<String> {
    let end = text.bytes().position(|byte| byte == b':' || byte == b'=');
    let (head, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
    let mut respelt = String::with_capacity(text.len());
    let mut before = ' ';
    for c in head.chars() {
        if before.is_ascii_lowercase() && c.is_ascii_uppercase() {
            respelt.push('_');
        }
        respelt.push(c);
        before = c;
    }
    let head = respelt.trim_end().trim_end_matches(['.', '!', ';']);
    KEYS_BY_SPELLING.get(&*fold(head))?;
    if rest.is_empty() {
        return (respelt != text).then_some(respelt);
    }
    // `==` is no more than `=`, and everything behind it is the value.
    let value = rest.trim_start_matches('=');
    let value = value.strip_prefix(':').unwrap_or(value);
    respelt.push(':');
    respelt.push_str(value);
    (respelt != text).then_some(respelt)
}

/// The spelling that the key of a free text was probably meant to be: `max_iteration: 5`. What has no key
/// is a phrase, and phrases resemble each other too easily.
pub fn nearly(text: &str) -> Option<&'static str> {
    let (head, _) = text.split_once([':', '='])?;
    let spellings = CONSTRAINT_KEYS.iter().flat_map(|key| {
        let others = key.spellings.iter().copied();
        core::iter::once(key.name).chain(others)
    });
    nearest(&fold(head), spellings)
}

fn read_value(shape: ConstraintShape, value: &str) -> Option<ConstraintValue> {
    match shape {
        ConstraintShape::Flag | ConstraintShape::Promise => None,
        // Which means these are is told, and not compared with anything.
        ConstraintShape::Means => match read_value(ConstraintShape::List, value)? {
            ConstraintValue::List(names) if names.iter().all(|name| is_word(name)) => {
                Some(ConstraintValue::Flag)
            }
            _ => None,
        },
        ConstraintShape::List => {
            let inner = match value.strip_prefix('[') {
                Some(rest) => rest.strip_suffix(']')?,
                None => value,
            };
            let names: Vec<String> = inner
                .split(',')
                .map(|name| name.trim().trim_matches(['"', '\'']).to_owned())
                .collect();
            // Half a pair of brackets, or a list in a list, is a slip.
            let usable = names
                .iter()
                .all(|name| !name.is_empty() && !name.contains(['[', ']']));
            usable.then_some(ConstraintValue::List(names))
        }
        ConstraintShape::Count => {
            let number = decimal(value)?;
            number
                .is_integral()
                .then_some(ConstraintValue::Number(number))
        }
        ConstraintShape::Decimal => {
            decimal(value.strip_prefix('$').unwrap_or(value)).map(ConstraintValue::Number)
        }
        ConstraintShape::Span => {
            let span = match decimal(value) {
                Some(_) => Duration::parse(&format!("{value}s")).ok()?,
                None => Duration::parse(value).ok()?,
            };
            (span.to_ms() >= 0).then_some(ConstraintValue::Span(span))
        }
        ConstraintShape::Window => {
            if fold(value) == "business_hours" {
                return Some(ConstraintValue::Window(BUSINESS_HOURS.to_owned()));
            }
            Window::parse(value, Zone::UTC)
                .ok()
                .map(|_| ConstraintValue::Window(value.to_owned()))
        }
    }
}

/// Whether a name is one word: `docker`, `gcr.io/distroless:nonroot`.
fn is_word(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:/@-".contains(c);
    name.chars().all(is_plain) && name.contains(|c: char| c.is_ascii_alphanumeric())
}

/// A number as people write limits: ASCII digits and perhaps a point. Signs and exponents are more
/// often a trick, or a slip, than a limit.
fn decimal(value: &str) -> Option<Number> {
    let is_plain = value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_plain {
        Number::parse(value).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{
        BUSINESS_HOURS, CONSTRAINT_KEYS, Constraint, ConstraintSet, ConstraintShape,
        ConstraintValue, nearly, read,
    };
    use crate::number::Number;

    fn known(text: &str) -> (&'static str, ConstraintValue) {
        match read(text) {
            Constraint::Known { key, value } => (key.name, value),
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn spellings_mean_the_same() {
        for text in [
            "approval required",
            "Human-Approval required",
            "require_approval: true",
            "approval",
            "Human approval required.",
            "approval: required",
        ] {
            assert_eq!(
                known(text),
                ("approval_required", ConstraintValue::Flag),
                "{text}"
            );
        }
        assert_eq!(
            read("require_approval: false"),
            Constraint::Off("approval_required")
        );
        for text in [
            "business-hours only",
            "Business hours: true",
            "allowed_change_window: business_hours",
        ] {
            assert_eq!(
                known(text),
                (
                    "change_window",
                    ConstraintValue::Window(BUSINESS_HOURS.to_owned())
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn values_are_read_exactly() {
        let five = ConstraintValue::Number(Number::from_i64(5));
        assert_eq!(known("max_iterations: 5"), ("max_iterations", five.clone()));
        assert_eq!(known("Max Iterations:5"), ("max_iterations", five));
        let roles = ConstraintValue::List(vec!["a".into(), "b".into()]);
        assert_eq!(
            known("required_role: [a, b]"),
            ("required_role", roles.clone())
        );
        assert_eq!(known("required_role:a,b"), ("required_role", roles));
        assert_eq!(known("timeout_seconds: 120").1, known("timeout: 2m").1);
    }

    #[test]
    fn known_keys_with_unusable_values_are_invalid() {
        for text in [
            "max_iterations: many",
            "max_iterations: -1",
            "max_iterations: +5",
            "max_iterations: 1e3",
            "max_iterations: 5 # comment",
            "max_iterations: 5.5",
            "max_iterations: \u{ff15}",
            "max_cost_usd: .",
            "approval: none of your business",
            "business hours only: sometimes",
            "max_iterations",
            "required_role:",
            "timeout: soon",
            "mfa_required: maybe",
            "allowed_change_window: sometimes",
            "required_role: [a",
            "required_role: a]",
            "required_role: [a], [b]",
            "max_iterations: 005",
        ] {
            assert!(
                matches!(read(text), Constraint::Invalid(_)),
                "{text}: {:?}",
                read(text)
            );
        }
    }

    #[test]
    fn keys_may_be_written_as_programs_write_them() {
        let five = || {
            (
                "max_iterations",
                ConstraintValue::Number(Number::from_i64(5)),
            )
        };
        for text in [
            "maxIterations: 5",
            "MaxIterations:5",
            "max_iterations=5",
            "max_iterations = 5",
            "maxIterations == 5",
        ] {
            assert_eq!(known(text), five(), "{text}");
        }
        assert_eq!(known("requireApproval").0, "approval_required");
        assert_eq!(known("requireApproval=true").0, "approval_required");
        assert_eq!(known("required_role = ops, admin").0, "required_role");
        assert_eq!(read("require_mfa=false"), Constraint::Off("mfa_required"));
        assert_eq!(read("readOnly"), Constraint::Promise("read_only"));
        for text in [
            "max_iterations=many",
            "maxIterations=",
            "max_iterations := 5 or 6",
        ] {
            assert!(
                matches!(read(text), Constraint::Invalid(_)),
                "{text}: {:?}",
                read(text)
            );
        }
        for text in [
            "a=b",
            "x == y: 5",
            "=",
            "=5",
            "politeOnly",
            "max iterations is = 5",
        ] {
            assert_eq!(read(text), Constraint::Free, "{text}");
        }
    }

    #[test]
    fn misspelt_keys_have_a_nearest_one() {
        for (text, key) in [
            ("max_iteration: 5", "max_iterations"),
            ("Max Itertions = 5", "max_iterations"),
            ("requird_role: ops", "required_role"),
            ("timeout_second: 5", "timeout_seconds"),
        ] {
            assert_eq!(read(text), Constraint::Free, "{text}");
            assert_eq!(nearly(text), Some(key), "{text}");
        }
        for text in ["max_iteration", "be polite: always", "note: x", ":", ""] {
            assert_eq!(nearly(text), None, "{text}");
        }
    }

    #[test]
    fn means_may_be_named() {
        for text in [
            "sandbox",
            "Sandboxed: yes",
            "sandbox: docker",
            "sandbox: [gvisor, gcr.io/distroless:nonroot]",
            "allowlist: ls, cat",
        ] {
            assert_eq!(known(text).1, ConstraintValue::Flag, "{text}");
        }
        for text in [
            "sandbox: none",
            "sandbox: OFF",
            "allowlist: n/a",
            "sandbox: no",
        ] {
            assert!(matches!(read(text), Constraint::Off(_)), "{text}");
        }
        for text in [
            "sandbox: not really",
            "sandbox:",
            "allowlist: ls,",
            "sandbox: -",
        ] {
            assert!(matches!(read(text), Constraint::Invalid(_)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_advice_or_free_text() {
        assert_eq!(read("read-only"), Constraint::Promise("read_only"));
        assert_eq!(read("Dry run: true"), Constraint::Promise("dry_run"));
        assert_eq!(read("read-only: no"), Constraint::Off("read_only"));
        assert_eq!(read("read-only: except for logs"), Constraint::Free);
        assert_eq!(read("Be polite: always"), Constraint::Free);
        assert_eq!(read(""), Constraint::Free);
    }

    #[test]
    fn sets_tell_their_keys_by_name() {
        let all = CONSTRAINT_KEYS
            .iter()
            .fold(ConstraintSet::default(), |set, key| {
                assert_eq!(key.set(), ConstraintSet::named(key.name));
                set.union(key.set())
            });
        assert!(all.keys().eq(CONSTRAINT_KEYS));
        let valued = all
            .keys()
            .filter(|key| key.shape != ConstraintShape::Promise);
        assert!(valued.map(|key| key.name).is_sorted());
        let none = all.without(all);
        assert_eq!(none.keys().next(), None);
        assert_eq!(all.intersection(none), ConstraintSet::named("telepathy"));
    }

    #[test]
    fn no_spelling_stands_twice() {
        let mut spellings: Vec<&str> = CONSTRAINT_KEYS
            .iter()
            .flat_map(|key| key.spellings.iter().copied().chain([key.name]))
            .collect();
        let count = spellings.len();
        spellings.sort_unstable();
        spellings.dedup();
        assert_eq!(spellings.len(), count);
    }
}
