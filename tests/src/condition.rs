//! Conditions as text in and text out: what the language reference and the condition tests speak.
//!
//! An outcome is written as the language writes values (`true`, `0.3`, `"text"`, `[1, 2]`,
//! `{"a": 1}`, `timestamp("...")`, `duration("90s")`), as `unknown`, or as `error: ...`; a text that is
//! not accepted yields `refused: ...` with all messages.

use stage0_engine::ConditionError;
use stage0_engine::canonical::write_string;
use stage0_engine::document::Document;
use stage0_engine::expression::{Expression, Outcome};
use stage0_engine::time::Timestamp;
use stage0_wire::strict_json::{JsonLimits, parse_str};

/// Facts for tests: larger than any request.
const LIMITS: JsonLimits = JsonLimits {
    bytes_max: 16_000_000,
    depth_max: 64,
    nodes_max: 4_000_000,
};

/// The facts that a JSON object states.
///
/// # Errors
/// The text is not strict JSON.
pub fn facts(json: &str) -> Result<Document<'_>, String> {
    parse_str(json, &LIMITS).map_err(|error| error.to_string())
}

/// Evaluates an expression with the members of a JSON object as its facts.
pub fn evaluate(expression: &str, json: &str, now: Timestamp) -> String {
    match (parse(expression), facts(json)) {
        (Ok(expression), Ok(facts)) => shown(&expression.evaluate(&facts, now)),
        (Err(refusal), _) => refusal,
        (_, Err(error)) => format!("no facts: {error}"),
    }
}

/// Parses an expression.
///
/// # Errors
/// `refused: ` and every message.
pub fn parse(expression: &str) -> Result<Expression, String> {
    Expression::parse(expression).map_err(|errors| {
        let messages: Vec<&str> = errors.iter().map(ConditionError::message).collect();
        format!("refused: {}", messages.join("; "))
    })
}

/// An outcome as text.
pub fn shown(outcome: &Outcome) -> String {
    let mut text = String::new();
    write(outcome, &mut text);
    text
}

/// Depth is bounded by the limits on facts and conditions.
fn write(outcome: &Outcome, out: &mut String) {
    match outcome {
        Outcome::Unknown => out.push_str("unknown"),
        Outcome::Error(message) => {
            out.push_str("error: ");
            out.push_str(message);
        }
        Outcome::Null => out.push_str("null"),
        Outcome::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Outcome::Number(number) => number.write_to(out),
        Outcome::String(text) => write_string(out, text),
        Outcome::Timestamp(at) => {
            out.push_str("timestamp(\"");
            at.write_to(out);
            out.push_str("\")");
        }
        Outcome::Duration(span) => {
            out.push_str("duration(\"");
            span.write_to(out);
            out.push_str("\")");
        }
        Outcome::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(item, out);
            }
            out.push(']');
        }
        Outcome::Map(entries) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_string(out, key);
                out.push_str(": ");
                write(value, out);
            }
            out.push('}');
        }
    }
}
