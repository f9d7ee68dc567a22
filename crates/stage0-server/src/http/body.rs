//! Small bodies, read strictly.

use stage0_engine::document::{Document, Kind, ValueRef};
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use super::Call;
use crate::refusal::Refusal;

const LIMITS: JsonLimits = JsonLimits {
    bytes_max: 100_000,
    depth_max: 8,
    nodes_max: 1_000,
};

/// A small body, read strictly.
pub(super) struct Body<'c> {
    document: Document<'c>,
    known: &'static [&'static str],
}

impl<'c> Body<'c> {
    /// Reads a body that has no other members than these.
    pub(super) fn read(call: &'c Call, known: &'static [&'static str]) -> Result<Self, Refusal> {
        let document =
            parse(&call.body, &LIMITS).map_err(|error| json_problem("body", &call.body, &error))?;
        let body = Self { document, known };
        if body.root().kind() != Kind::Object {
            return Err(body.wrong("the body is an object"));
        }
        let strange = body.root().members().find(|(key, _)| !known.contains(key));
        match strange {
            Some((key, _)) => Err(body.wrong(&format!("`{key}` means nothing here"))),
            None => Ok(body),
        }
    }

    pub(super) fn root(&self) -> ValueRef<'_> {
        self.document.root()
    }

    /// What is wrong with it.
    pub(super) fn wrong(&self, message: &str) -> Refusal {
        let help = format!("there are `{}`", self.known.join("`, `"));
        Problem::new(ProblemCode::BodyInvalid, message)
            .help(help)
            .into()
    }

    pub(super) fn missing(&self, key: &str) -> Refusal {
        self.wrong(&format!("`{key}` is missing"))
    }

    /// A text, if it is there.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Refusal> {
        match self.root().get(key).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(self.wrong(&format!("`{key}` is no text"))),
            },
        }
    }

    /// A list of texts, empty if it is not there.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, Refusal> {
        let Some(list) = self.root().get(key).filter(|value| !value.is_null()) else {
            return Ok(Vec::new());
        };
        let texts = list.elements().map(|text| text.as_str().map(str::to_owned));
        let texts: Option<Vec<String>> = texts.collect();
        texts
            .filter(|_| list.kind() == Kind::List)
            .ok_or_else(|| self.wrong(&format!("`{key}` is no list of texts")))
    }
}
