//! What of a decision a permit is made of, from the decision itself or from its canonical text.

use stage0_engine::call_digest;
use stage0_engine::decision::Decision;
use stage0_engine::digest::Digest;
use stage0_engine::document::{Document, Kind, ValueRef};
use stage0_engine::limits::REQUEST_NODES_MAX;
use stage0_engine::policy::{Mode, Verdict};
use stage0_engine::request::Request;
use stage0_engine::time::Timestamp;
use stage0_wire::numeric_date::read_seconds;
use stage0_wire::strict_json::{JsonLimits, parse_str};

use super::PermitError;

/// The limits of a decision's text: more than one of ours ever has.
const DECISION_LIMITS: JsonLimits = JsonLimits {
    bytes_max: 16_000_000,
    depth_max: 32,
    nodes_max: REQUEST_NODES_MAX,
};

/// What of a decision a permit is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// Why there is no permit for it, if there is none.
    pub(super) objection: Option<&'static str>,
    pub(super) request_id: String,
    pub(super) call: Option<String>,
    pub(super) name: String,
    pub(super) tool: Option<String>,
    pub(super) action: Digest,
    pub(super) policy: Digest,
    pub(super) evaluated_at: Timestamp,
    pub(super) valid_until: Option<Timestamp>,
}

/// What was decided, as far as a permit depends on it.
#[derive(Debug)]
struct Ruling {
    is_allowed: bool,
    is_observed: bool,
    is_call: bool,
}

impl Ruling {
    fn objection(&self) -> Option<&'static str> {
        if !self.is_allowed {
            return Some("the decision is no ALLOW");
        }
        // What was merely observed was not decided: it may have been allowed because nobody enforces.
        if self.is_observed {
            return Some("the decision was merely observed, not enforced");
        }
        (!self.is_call).then_some("the decision is about a plan; each call is decided on its own")
    }
}

impl Allowed {
    /// From a decision that was just made.
    pub fn of(decision: &Decision<'_>) -> Self {
        let ruling = Ruling {
            is_allowed: decision.verdict == Verdict::Allow,
            is_observed: decision.mode == Mode::Observe || decision.would.is_some(),
            is_call: decision.is_call(),
        };
        let verdict = decision.tool_verdicts.first();
        Self {
            objection: ruling.objection(),
            request_id: decision.request_id.to_owned(),
            call: decision.call_id().map(str::to_owned),
            name: verdict
                .map(|tool| tool.name.to_string())
                .unwrap_or_default(),
            tool: verdict.and_then(|tool| tool.tool).map(str::to_owned),
            action: decision.action_digest(),
            policy: decision.policy_digest(),
            evaluated_at: decision.evaluated_at,
            valid_until: decision.valid_until,
        }
    }

    /// From a decision's canonical text, as the host itself got it from the engine, and the request that it
    /// is about: whether that was a call, and which id it had, does not stand in the text.
    ///
    /// # Errors
    /// The text is no decision, or one about another request.
    pub fn parse(decision: &str, request: &Request<'_>) -> Result<Self, PermitError> {
        let refuse = |why: String| PermitError::NotIssued(why);
        let document = parse_str(decision, &DECISION_LIMITS)
            .map_err(|error| refuse(format!("this is no decision: {error}")))?;
        let allowed = read(&document, request)
            .map_err(|name| refuse(format!("this is no decision, by its `{name}`")))?;
        let names = [Some(&allowed.name), allowed.tool.as_ref()];
        let is_about = |name: &&String| call_digest(request, name) == allowed.action;
        if request.has_call() && !names.iter().flatten().any(is_about) {
            return Err(refuse("the decision is about another request".to_owned()));
        }
        Ok(allowed)
    }
}

/// Reads a decision; fails with the name of what is not as in one.
fn read(document: &Document<'_>, request: &Request<'_>) -> Result<Allowed, &'static str> {
    let root = document.root();
    if root.kind() != Kind::Object {
        return Err("{}");
    }
    let text = |name: &'static str| root.get(name).and_then(ValueRef::as_str).ok_or(name);
    let digest = |name: &'static str| Digest::parse(text(name)?).map_err(|_| name);
    let verdicts = root.get("tool_verdicts").ok_or("tool_verdicts")?;
    let tool = verdicts.element(0);
    // A tool that the catalog does not have is an empty text there.
    let member =
        |name: &str| tool.and_then(|tool| tool.get(name)?.as_str().filter(|text| !text.is_empty()));
    let ruling = Ruling {
        is_allowed: text("verdict")? == "ALLOW",
        is_observed: root.get("would").is_some() || text("mode") == Ok("observe"),
        is_call: request.has_call(),
    };
    let valid_until = match root.get("valid_until") {
        Some(at) if at.is_null() => None,
        at => {
            let at = at.and_then(ValueRef::as_str).ok_or("valid_until")?;
            Some(Timestamp::parse(at).map_err(|_| "valid_until")?)
        }
    };
    let evaluated_at = root.get("evaluated_at").and_then(ValueRef::as_number);
    Ok(Allowed {
        objection: ruling.objection(),
        request_id: text("request_id")?.to_owned(),
        call: request.call_id().map(str::to_owned),
        name: member("name").unwrap_or_default().to_owned(),
        tool: member("tool").map(str::to_owned),
        action: digest("action_digest")?,
        policy: digest("policy_digest")?,
        evaluated_at: evaluated_at.and_then(read_seconds).ok_or("evaluated_at")?,
        valid_until,
    })
}
