//! One test evaluated and compared with CEL's answer, before any exception is considered.

use stage0_engine::ConditionErrorKind;
use stage0_engine::expression::{Expression, Outcome};
use stage0_engine::time::Timestamp;

use super::suite::{Case, Expected, Wanted};

/// How an answer compares with CEL's.
#[derive(Debug)]
pub(super) enum Judgement {
    Agrees,
    /// The text was not accepted.
    Refused {
        messages: Vec<String>,
        /// CEL has no value for it either, and the fault was found when the text was read.
        is_error_found_early: bool,
    },
    Disagrees {
        expected: String,
        found: String,
    },
}

pub(super) fn judge(case: &Case) -> Judgement {
    let expression = match Expression::parse(&case.expression) {
        Ok(expression) => expression,
        Err(errors) => {
            // What is not part of the language is no proof that a fault was found.
            let is_fault = errors.iter().all(|error| {
                matches!(
                    error.kind(),
                    ConditionErrorKind::UnknownFunction
                        | ConditionErrorKind::Type
                        | ConditionErrorKind::Literal
                )
            });
            return Judgement::Refused {
                messages: errors
                    .iter()
                    .map(|error| error.message().to_owned())
                    .collect(),
                is_error_found_early: is_fault && matches!(case.expected, Expected::Error),
            };
        }
    };
    let Some(variables) = &case.variables else {
        return disagreement(&case.expected, "variables that JSON cannot hold".to_owned());
    };
    let outcome = expression.evaluate(variables, Timestamp::EPOCH);
    let agrees = match &case.expected {
        Expected::Value(wanted) => is_same(wanted, &outcome),
        Expected::Error => matches!(outcome, Outcome::Error(_)),
        Expected::Type => false,
    };
    if agrees {
        Judgement::Agrees
    } else {
        disagreement(&case.expected, shown(&outcome))
    }
}

fn disagreement(expected: &Expected, found: String) -> Judgement {
    let expected = match expected {
        Expected::Value(wanted) => format!("{wanted:?}"),
        Expected::Error => "an error".to_owned(),
        Expected::Type => "a type".to_owned(),
    };
    Judgement::Disagrees { expected, found }
}

/// The outcome's kind, and its value if it has one.
fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unknown => "unknown".to_owned(),
        Outcome::Error(message) => format!("error: {message}"),
        other => format!("{other:?}"),
    }
}

/// Depth is bounded by the reader's limit.
fn is_same(wanted: &Wanted, found: &Outcome) -> bool {
    match (wanted, found) {
        (Wanted::Null, Outcome::Null) => true,
        (Wanted::Bool(wanted), Outcome::Bool(found)) => wanted == found,
        (Wanted::Number(wanted), Outcome::Number(found)) => wanted == found,
        (Wanted::String(wanted), Outcome::String(found)) => wanted == found,
        (Wanted::List(wanted), Outcome::List(found)) => {
            wanted.len() == found.len()
                && wanted
                    .iter()
                    .zip(found)
                    .all(|(wanted, found)| is_same(wanted, found))
        }
        (Wanted::Map(wanted), Outcome::Map(found)) => {
            wanted.len() == found.len()
                && wanted.iter().all(|(key, wanted)| {
                    found.iter().any(|(name, found)| {
                        matches!(key, Wanted::String(key) if key == name) && is_same(wanted, found)
                    })
                })
        }
        _ => false,
    }
}
