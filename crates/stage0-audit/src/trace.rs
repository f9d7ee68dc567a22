//! What a record tells about one decision, in a line: who asked for what, under which policy, what was said, and
//! what became of it.

use stage0_engine::document::ValueRef;
use stage0_engine::number::Number;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::record::{Deed, RECORD_LIMITS, Record, parse_record};
use stage0_wire::strict_json::parse;
use stage0_wire::{json_problem, parse_request};

/// A record, as far as traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A decision.
    Decision(Box<Trace>),
    /// What became of a call.
    Outcome(Outcome),
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// The id that it was decided under.
    pub request_id: String,
    /// The id of the call, where it has one.
    pub call: Option<String>,
    /// When, as RFC 3339.
    pub at: String,
    /// What the host calls the run.
    pub run: Option<String>,
    /// `name@version` of the policy.
    pub policy_version: String,
    /// Digest of the policy.
    pub policy_digest: String,
    /// Where it was to run.
    pub environment: String,
    /// Who approved.
    pub approved_by: String,
    /// ALLOW, DENY or DEFER.
    pub verdict: String,
    /// The codes of its issues.
    pub codes: Vec<String>,
    /// The tools that it was about.
    pub tools: Vec<String>,
    /// Digest of the action.
    pub action: String,
    /// The risk score.
    pub risk: u64,
    /// Why, in the words of the decision.
    pub reason: String,
    /// What became of it: `executed`, `failed` or `stopped`; nothing where nobody said.
    pub final_runtime_action: Option<String>,
    /// What it did cost, in US dollars, where somebody said.
    pub cost_usd: Option<String>,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The call's id, or the request's where the call had none.
    pub id: String,
    /// Digest of the action.
    pub action: String,
    /// `executed`, `failed` or `stopped`.
    pub outcome: String,
    /// What it did cost.
    pub cost_usd: Option<String>,
}

/// Reads what a record tells. `name` is what problems call it.
///
/// # Errors
/// It is no record, or its decision is none.
pub fn read_trace(name: &str, record: &str) -> Result<Told, Vec<Problem>> {
    let read = parse_record(name, record)?;
    match &read.deed {
        Deed::Report {
            id,
            action,
            outcome,
            cost,
        } => Ok(Told::Outcome(Outcome {
            id: id.clone(),
            action: action.clone(),
            outcome: outcome.clone(),
            cost_usd: cost.clone(),
        })),
        Deed::Decision {
            decision, request, ..
        } => {
            let request = parse_request(request.as_bytes())?;
            let call = request.call_id().map(str::to_owned);
            trace(name, &read, decision, call)
        }
        Deed::Facts { decision, call, .. } => trace(name, &read, decision, call.clone()),
    }
}

/// The tools that a decision is about: by their catalogued names, or else as they were asked for.
fn tools(decision: ValueRef<'_>) -> Vec<String> {
    let verdicts = decision.get("tool_verdicts").into_iter();
    let named = verdicts.flat_map(ValueRef::elements).filter_map(|verdict| {
        let text = |key| verdict.get(key).and_then(ValueRef::as_str);
        let catalogued = text("tool").filter(|tool| !tool.is_empty());
        catalogued.or_else(|| text("name")).map(str::to_owned)
    });
    named.collect()
}

fn trace(
    name: &str,
    record: &Record<'_>,
    decision: &str,
    call: Option<String>,
) -> Result<Told, Vec<Problem>> {
    let document = parse(decision.as_bytes(), &RECORD_LIMITS)
        .map_err(|error| vec![json_problem(name, decision.as_bytes(), &error)])?;
    let root = document.root();
    let text = |key: &str| {
        let text = root.get(key).and_then(ValueRef::as_str);
        text.unwrap_or_default().to_owned()
    };
    let texts = |list: &str, key: &str| -> Vec<String> {
        let items = root.get(list).into_iter().flat_map(ValueRef::elements);
        let found = items.filter_map(|item| item.get(key).and_then(ValueRef::as_str));
        found.map(str::to_owned).collect()
    };
    let trace = Trace {
        request_id: text("request_id"),
        call,
        at: record.now.to_string(),
        run: record.run.clone(),
        policy_version: text("policy_version"),
        policy_digest: text("policy_digest"),
        environment: text("environment"),
        approved_by: text("approved_by"),
        verdict: text("verdict"),
        codes: texts("issues", "code"),
        tools: tools(root),
        action: text("action_digest"),
        risk: root
            .get("risk_score")
            .and_then(ValueRef::as_number)
            .and_then(Number::to_i64)
            .and_then(|risk| u64::try_from(risk).ok())
            .unwrap_or(0),
        reason: text("reason"),
        final_runtime_action: None,
        cost_usd: None,
    };
    if trace.verdict.is_empty() || trace.action.is_empty() {
        let message = "the record has a decision that is none";
        return Err(vec![Problem::in_file(
            name,
            1,
            ProblemCode::RecordInvalid,
            message,
        )]);
    }
    Ok(Told::Decision(Box::new(trace)))
}

impl Trace {
    /// Whether a word of a host is about this decision's call.
    pub fn is_subject_of(&self, outcome: &Outcome) -> bool {
        let id = self.call.as_deref().unwrap_or(&self.request_id);
        self.action == outcome.action && id == outcome.id
    }
}
