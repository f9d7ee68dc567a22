//! What of a decision waits for a person, read from its text.

use stage0_engine::digest::Digest;
use stage0_engine::document::{Document, Kind, ValueRef};
use stage0_engine::limits::REQUEST_NODES_MAX;
use stage0_engine::request::Request;
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_problem;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

/// The limits of a decision's text.
pub(crate) const DECISION_LIMITS: JsonLimits = JsonLimits {
    bytes_max: 16_000_000,
    depth_max: 32,
    nodes_max: REQUEST_NODES_MAX,
};

/// A decision, as far as a person is asked about it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) verdict: String,
    pub(crate) policy: String,
    pub(crate) request_id: String,
    action: Digest,
    /// The names of its tools: those of the request, and of the catalog.
    tools: Vec<String>,
    pub(crate) asked: Vec<Asked>,
}

/// One rule that asks a person.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) rule: String,
    pub(crate) tool: String,
    pub(crate) message: String,
    pub(crate) roles: Vec<String>,
    pub(crate) terms: Digest,
    pub(crate) action: Digest,
}

impl Waiting {
    /// Reads a decision's canonical text.
    pub(crate) fn parse(name: &str, text: &[u8]) -> Result<Self, Problem> {
        let document =
            parse(text, &DECISION_LIMITS).map_err(|error| json_problem(name, text, &error))?;
        read(&document).ok_or_else(|| {
            let message = "this is no decision";
            Problem::in_file(name, 1, ProblemCode::RecordInvalid, message)
                .help("`stage0 check --format json` prints one")
        })
    }

    /// Whether this is the digest of the whole action.
    pub(crate) fn is_of(&self, action: Digest) -> bool {
        self.action == action
    }

    /// Whether the decision is about this call.
    pub(crate) fn is_about(&self, request: &Request<'_>) -> bool {
        let fits = |name: &String| stage0_engine::call_digest(request, name) == self.action;
        request.has_call() && self.tools.iter().any(fits)
    }
}

fn read(document: &Document<'_>) -> Option<Waiting> {
    let root = document.root();
    if root.kind() != Kind::Object {
        return None;
    }
    let text = |name: &str| root.get(name)?.as_str().map(str::to_owned);
    let tools = root.get("tool_verdicts")?.elements();
    let tools = tools.flat_map(|tool| [tool.get("name"), tool.get("tool")]);
    let issues = root
        .get("issues")
        .filter(|issues| issues.kind() == Kind::List)?;
    Some(Waiting {
        verdict: text("verdict")?,
        policy: text("policy_version")?,
        request_id: text("request_id")?,
        action: Digest::parse(&text("action_digest")?).ok()?,
        tools: texts(tools.flatten()),
        asked: issues.elements().filter_map(asked).collect(),
    })
}

/// What an issue asks, if it asks a person for approval.
fn asked(issue: ValueRef<'_>) -> Option<Asked> {
    let text = |name: &str| issue.get(name)?.as_str().map(str::to_owned);
    let details = issue.get("details")?;
    let digest = |name: &str| Digest::parse(details.get(name)?.as_str()?).ok();
    let resolution = issue.get("resolution")?;
    let needs = resolution.get("needs")?.as_str()?;
    let roles = resolution.get("roles").map(ValueRef::elements);
    Some(Asked {
        rule: text("rule")?,
        tool: text("tool")?,
        message: text("message")?,
        roles: texts(roles.into_iter().flatten()),
        terms: digest("terms")?,
        action: digest("action")?,
    })
    .filter(|_| needs == "approval")
}

fn texts<'v>(values: impl Iterator<Item = ValueRef<'v>>) -> Vec<String> {
    values
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}
