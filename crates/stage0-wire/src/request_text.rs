//! Request text to a checked request, or everything that is wrong with it.
//!
//! A text that is not a request is a problem, never a decision: over HTTP 422, at the command line
//! exit 1, in a gate DENY.

use stage0_engine::document::{Document, ValueRef};
use stage0_engine::request::{Request, RequestError};
use stage0_engine::span::Span;

use crate::approval_token::tokens_of;
use crate::codes::ProblemCode;
use crate::position::{line_column, token_at};
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
    parse_request_file(NAME, text)
}

/// Parses and checks a request that problems call by the name of its file.
///
/// # Errors
/// What makes it not JSON, or every field that is not as the contract wants it.
pub fn parse_request_file<'t>(name: &str, text: &'t [u8]) -> Result<Request<'t>, Vec<Problem>> {
    let document = parse(text, &JsonLimits::REQUEST)
        .map_err(|error| vec![json_problem(name, text, &error)])?;
    request_of(document).map_err(|errors| refused(name, text, &errors))
}

/// The request that a document is, with the signed approvals that came with it.
///
/// # Errors
/// Every field that is not as the contract wants it.
pub(crate) fn request_of(document: Document<'_>) -> Result<Request<'_>, Vec<RequestError>> {
    let request = Request::from_document(document)?;
    let approvals = request.approval_tokens().map(tokens_of);
    Ok(match approvals {
        Some(approvals) => request.with_approvals(approvals),
        None => request,
    })
}

/// The errors of a request as problems at their places. The text is parsed once more for the places:
/// requests that are refused are few.
fn refused(name: &str, text: &[u8], errors: &[RequestError]) -> Vec<Problem> {
    let mut sources = Sources::new();
    let written = core::str::from_utf8(text).unwrap_or("");
    let file = sources.add(name, written);
    let document = parse(text, &JsonLimits::REQUEST);
    errors
        .iter()
        .map(|error| {
            // Every code of the engine is in the registry; a test says so.
            let code = ProblemCode::find(error.code()).unwrap_or(ProblemCode::RequestType);
            let problem = match (&file, &document) {
                (Ok(file), Ok(document)) => {
                    let value = find(document.root(), error.path());
                    let (start, end) = token_at(text, value.index() as usize);
                    let span = Span::new(*file, offset(start), offset(end));
                    Problem::at(&sources, span, code, error.message())
                }
                _ => Problem::new(code, error.message()),
            };
            match error.help() {
                Some(help) => problem.help(help),
                None => problem,
            }
        })
        .collect()
}

/// The value at a path such as `trusted[0].text`, or the innermost one around it that is there.
fn find<'d>(root: ValueRef<'d>, path: &str) -> ValueRef<'d> {
    let mut value = root;
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        let inner = match step.strip_suffix(']') {
            Some(position) => position
                .parse()
                .ok()
                .and_then(|position| value.element(position)),
            None => value.get(step),
        };
        match inner {
            Some(inner) => value = inner,
            None => break,
        }
    }
    value
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
                Err(error) => error.into(),
            }
        }
        _ => {
            let line = line_column(text, error.offset()).line;
            Problem::in_file(name, line, code, error.to_string())
        }
    };
    match error.help() {
        "" => problem,
        help => problem.help(help),
    }
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
    fn a_field_that_is_wrong_has_its_place() {
        let text = "{\n \"goal\": \"a\",\n \"constraints\": [\"x\", 17],\n \"tool_call\": {\"id\": \"\u{e9}\"},\n \"pro\": {}}";
        let problems = parse_request(text.as_bytes()).unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|problem| {
                let place = &problem.locations()[0];
                (place.line, place.column, place.end_column)
            })
            .collect();
        // An element, the object where a name is missing, and a value of another type.
        assert_eq!(places, [(3, 23, 25), (4, 15, 16), (5, 9, 10)]);
    }

    #[test]
    fn two_environments_must_agree() {
        let text =
            r#"{"goal": "a", "environment": "staging", "context": {"environment": "production"}}"#;
        assert_eq!(codes(text), ["REQUEST_CONFLICT"]);
    }

    #[test]
    fn of_a_list_full_of_wrong_elements_the_first_few_are_told() {
        let wrong = "1,".repeat(150_000);
        for list in ["trusted", "constraints", "tools"] {
            let text = format!(r#"{{"goal": "x", "{list}": [{wrong}1]}}"#);
            let problems = parse_request(text.as_bytes()).unwrap_err();
            assert_eq!(
                problems.len(),
                11,
                "the limit, and ten elements of `{list}`"
            );
        }
    }
}
