//! The requests of test cases, put together from what a case and its step say.

use stage0_engine::canonical::write_value;
use stage0_engine::document::{Document, DocumentBuilder, DocumentError};
use stage0_engine::request::{Request, RequestError};
use stage0_engine::span::Span;

use super::StepAction;
use super::shape::REQUEST_KEYS;
use crate::codes::ProblemCode;
use crate::decode::Decoder;
use crate::fields::Fields;
use crate::tree::{Node, NodeValue};

/// The request of a step. What a step does not say is taken from its case; contexts are joined. One
/// that is to be refused is not held against the contract: that is what the step is about.
pub(super) fn request(
    decoder: &mut Decoder<'_>,
    case: Option<Fields<'_>>,
    step: Fields<'_>,
    is_refused: bool,
) -> Option<StepAction> {
    for whole in ["text", "request"] {
        refuse_beside(decoder, step, whole);
    }
    if let Some(text) = step.text("text") {
        return Some(StepAction::Text(text.value));
    }
    if is_refused {
        let document = match step.get("request") {
            Some(whole) => whole.to_document().ok()?,
            None => Given { case, step }.document().ok()?,
        };
        let mut text = String::new();
        write_value(&mut text, document.root());
        return Some(StepAction::Text(text));
    }
    let document = if let Some(whole) = step.get("request") {
        let document = whole.to_document().ok()?;
        accept(decoder, document, Fields::of(whole)?, |_| true)
    } else {
        let given = Given { case, step };
        if given.get("call").is_none() && given.get("goal").is_none() {
            decoder.error_with_help(
                beginning(step),
                ProblemCode::RequestFieldMissing,
                "nothing is asked: there is neither a `call` nor a `goal`",
                "write for example `call: { name: search.query, arguments: { text: cats } }`",
            );
            return None;
        }
        let document = given.document().ok()?;
        // The types of single fields were checked already, and told in the words of tests.
        accept(decoder, document, step, |error| {
            error.code() != "REQUEST_TYPE" && !error.path().contains('.')
        })
    };
    document.map(StepAction::Request)
}

/// Reports what stands beside a whole request, and would be part of one.
fn refuse_beside(decoder: &mut Decoder<'_>, step: Fields<'_>, whole: &str) {
    let Some(request) = step.key_span(whole) else {
        return;
    };
    for key in &REQUEST_KEYS {
        let Some(span) = step.key_span(key.name).filter(|span| *span != request) else {
            continue;
        };
        // Two whole requests are told of once.
        if whole == "request" && key.name == "text" {
            continue;
        }
        decoder.error_and_first(
            span,
            ProblemCode::PolicyConflictingKeys,
            format!(
                "`{}` and `{whole}` in one: a request is sent as it is written",
                key.name
            ),
            (request, "the whole request"),
            format!("move `{}` into the request", request_name(key.name)),
        );
    }
}

/// What a case and its step say of a request.
#[derive(Clone, Copy)]
struct Given<'n> {
    case: Option<Fields<'n>>,
    step: Fields<'n>,
}

impl<'n> Given<'n> {
    fn get(self, key: &str) -> Option<&'n Node> {
        let inherited = || self.case.and_then(|case| case.get(key));
        self.step.get(key).or_else(inherited)
    }

    fn document(self) -> Result<Document<'static>, DocumentError> {
        let mut builder = DocumentBuilder::new("", usize::MAX);
        let at = builder.begin_object()?;
        let mut count: u32 = 0;
        for key in &REQUEST_KEYS {
            let is_whole = ["request", "text"].contains(&key.name);
            let Some(node) = self.get(key.name).filter(|_| !is_whole) else {
                continue;
            };
            builder.string(request_name(key.name))?;
            match key.name {
                "context" => self.context(&mut builder)?,
                "tools" | "side_effects" | "constraints" | "success_criteria" => {
                    list(&mut builder, node)?;
                }
                _ => node.append_to(&mut builder)?,
            }
            count = count.saturating_add(1);
        }
        builder.end_object(at, count)?;
        Ok(builder.finish())
    }

    /// The case's context with that of the step laid over it.
    fn context(self, builder: &mut DocumentBuilder<'static>) -> Result<(), DocumentError> {
        let own = self.step.table("context");
        let inherited = self.case.map_or(&[][..], |case| case.table("context"));
        let inherited = inherited
            .iter()
            .filter(|(key, _)| !own.iter().any(|(other, _)| other.value == key.value));
        let at = builder.begin_object()?;
        let mut count: u32 = 0;
        for (key, node) in inherited.chain(own) {
            builder.string(&key.value)?;
            node.append_to(builder)?;
            count = count.saturating_add(1);
        }
        builder.end_object(at, count)
    }
}

/// A list; a single entry without brackets is a list as well.
fn list(builder: &mut DocumentBuilder<'static>, node: &Node) -> Result<(), DocumentError> {
    if matches!(node.value, NodeValue::List(_)) {
        return node.append_to(builder);
    }
    let at = builder.begin_list()?;
    node.append_to(builder)?;
    builder.end_list(at, 1);
    Ok(())
}

/// The name that a key of a case has in the request.
fn request_name(key: &'static str) -> &'static str {
    if key == "call" { "tool_call" } else { key }
}

/// Reports why no gate would accept a request.
fn accept(
    decoder: &mut Decoder<'_>,
    document: Document<'static>,
    written: Fields<'_>,
    is_news: impl Fn(&RequestError) -> bool,
) -> Option<Document<'static>> {
    match Request::from_document(document) {
        Ok(request) => Some(request.document().clone()),
        Err(errors) => {
            for error in errors.iter().filter(|error| is_news(error)) {
                let field = error.path().split(['.', '[']).next().unwrap_or_default();
                let key = if field == "tool_call" { "call" } else { field };
                let place = written.key_span(field).or_else(|| written.key_span(key));
                let span = place.unwrap_or_else(|| beginning(written));
                // Every code of the engine is in the registry.
                let code = ProblemCode::find(error.code()).unwrap_or(ProblemCode::RequestType);
                decoder.error(span, code, error.message(), |problem| match error.help() {
                    Some(help) => problem.help(help),
                    None => problem,
                });
            }
            None
        }
    }
}

/// Where a map begins: its first key.
fn beginning(fields: Fields<'_>) -> Span {
    fields
        .entries
        .first()
        .map_or(fields.span, |(key, _)| key.span)
}
