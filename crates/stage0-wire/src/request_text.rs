//! Request text to a checked request, or everything that is wrong with it.
//!
//! A text that is not a request is a problem, never a decision: over HTTP 422, at the command line
//! exit 1, in a gate DENY.

use stage0_engine::request::Request;
use stage0_engine::span::Span;

use crate::codes::ProblemCode;
use crate::position::line_column;
use crate::problem::Problem;
use crate::sources::{Sources, offset};
use crate::strict_json::{JsonError, JsonLimits, parse};

/// The name of a request's text in problems.
const NAME: &str = "request";

/// Parses and checks a request.
///
/// # Errors
/// What makes it not JSON, or every field that is not as the contract wants it.
pub fn parse_request(text: &[u8]) -> Result<Request<'_>, Vec<Problem>> {
    let document = parse(text, &JsonLimits::REQUEST)
        .map_err(|error| vec![json_problem(NAME, text, &error)])?;
    Request::from_document(document).map_err(|errors| {
        errors
            .into_iter()
            .map(|error| {
                // Every code of the engine is in the registry; a test says so.
                let code = ProblemCode::find(error.code()).unwrap_or(ProblemCode::RequestType);
                let problem = Problem::new(code, error.message());
                match error.help() {
                    Some(help) => problem.help(help),
                    None => problem,
                }
            })
            .collect()
    })
}

/// A JSON error as a problem of a file, with its place.
pub fn json_problem(name: &str, text: &[u8], error: &JsonError) -> Problem {
    let code = ProblemCode::find(error.code()).unwrap_or(ProblemCode::JsonSyntax);
    let problem = match core::str::from_utf8(text) {
        Ok(text) if text.len() <= JsonLimits::REQUEST.bytes_max => {
            let mut sources = Sources::new();
            match sources.add(name, text) {
                Ok(file) => {
                    let start = offset(error.offset());
                    let span = Span::new(file, start, start.saturating_add(1));
                    Problem::at(&sources, span, code, error.to_string())
                }
                Err(problem) => problem,
            }
        }
        _ => {
            let line = line_column(text, error.offset()).line;
            Problem::in_file(name, line, code, error.to_string())
        }
    };
    problem.help(error.help())
}

#[cfg(test)]
mod tests {
    use super::parse_request;

    fn codes(text: &str) -> Vec<&'static str> {
        match parse_request(text.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems
                .iter()
                .map(|problem| problem.code().as_str())
                .collect(),
        }
    }

    #[test]
    fn a_call_needs_no_goal_and_a_plan_does() {
        assert_eq!(codes(r#"{"tool_call": {"name": "a"}}"#), [""; 0]);
        assert_eq!(codes(r#"{"tools": ["a"]}"#), ["REQUEST_FIELD_MISSING"]);
        assert_eq!(codes(r#"{"goal": "  "}"#), ["REQUEST_FIELD_MISSING"]);
    }

    #[test]
    fn every_wrong_field_is_reported() {
        let text = r#"{"goal": 1, "tools": "a", "context": [], "pro": "yes", "tool_call": {"name": 7, "arguments": "{}"}}"#;
        assert_eq!(codes(text), ["REQUEST_TYPE"; 6]);
    }

    #[test]
    fn a_text_that_is_not_json_has_its_place() {
        let problems = parse_request(b"{\"goal\": \"a\",\n \"goal\": \"b\"}").unwrap_err();
        let problem = problems.first().unwrap();
        assert_eq!(problem.code().as_str(), "JSON_DUPLICATE_KEY");
        assert_eq!(
            problem
                .locations()
                .first()
                .map(|place| (place.line, place.column)),
            Some((2, 2))
        );
    }

    #[test]
    fn two_environments_must_agree() {
        let text =
            r#"{"goal": "a", "environment": "staging", "context": {"environment": "production"}}"#;
        assert_eq!(codes(text), ["REQUEST_CONFLICT"]);
    }
}
