//! `AuthZEN`: the questions and answers of another vocabulary, as requests and decisions.
//!
//! A subject is who acts, an action the tool, its properties the arguments, a resource what it is about. What a
//! subject and a resource are is the word of whoever asks, which is the host's, so it becomes context.

use stage0_engine::canonical::write_value;
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::policy::Verdict;
use stage0_wire::codes::ProblemCode;
use stage0_wire::json_object::{list, object};
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use super::check::Answered;
use crate::limits::BODY_BYTES_MAX;

const LIMITS: JsonLimits = JsonLimits {
    bytes_max: BODY_BYTES_MAX,
    depth_max: 64,
    nodes_max: 100_000,
};

/// The parts of an evaluation, each from itself or from what holds for all of them.
#[derive(Debug, Clone, Copy, Default)]
struct Parts<'d> {
    subject: Option<ValueRef<'d>>,
    action: Option<ValueRef<'d>>,
    resource: Option<ValueRef<'d>>,
    context: Option<ValueRef<'d>>,
}

impl<'d> Parts<'d> {
    fn of(value: ValueRef<'d>) -> Self {
        Self {
            subject: value.get("subject"),
            action: value.get("action"),
            resource: value.get("resource"),
            context: value.get("context"),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            subject: self.subject.or(other.subject),
            action: self.action.or(other.action),
            resource: self.resource.or(other.resource),
            context: self.context.or(other.context),
        }
    }
}

/// What is evaluated, as texts of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluation {
    /// One for each evaluation.
    pub(crate) requests: Vec<String>,
    /// Where several are evaluated: which verdict ends it.
    pub(crate) semantic: Semantic,
}

/// How several evaluations are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Semantic {
    /// All of them.
    ExecuteAll,
    /// Until one is not permitted.
    DenyOnFirstDeny,
    /// Until one is permitted.
    PermitOnFirstPermit,
}

fn wrong(message: &str) -> Vec<Problem> {
    vec![Problem::new(ProblemCode::RequestType, message).help(
        "an evaluation is `{\"subject\": {\"type\", \"id\"}, \"action\": {\"name\"}, \"resource\": {\"type\", \"id\"}, \"context\": {}}`",
    )]
}

impl Evaluation {
    /// Reads one evaluation, or several with what holds for all of them.
    pub(crate) fn read(body: &[u8], is_several: bool) -> Result<Self, Vec<Problem>> {
        let document = parse(body, &LIMITS)
            .map_err(|error| vec![stage0_wire::json_problem("body", body, &error)])?;
        let root = document.root();
        if root.kind() != Kind::Object {
            return Err(wrong("an evaluation is an object"));
        }
        let common = Parts::of(root);
        let each = root.get("evaluations").filter(|_| is_several);
        let options = root.get("options").filter(|_| is_several);
        if options.is_some_and(|options| options.kind() != Kind::Object) {
            return Err(wrong("`options` is an object"));
        }
        let semantic = options.and_then(|options| options.get("evaluations_semantic"));
        let semantic = match semantic.map(ValueRef::as_str) {
            None => Semantic::ExecuteAll,
            Some(Some("execute_all")) => Semantic::ExecuteAll,
            Some(Some("deny_on_first_deny")) => Semantic::DenyOnFirstDeny,
            Some(Some("permit_on_first_permit")) => Semantic::PermitOnFirstPermit,
            Some(_) => return Err(wrong("there is no such `options.evaluations_semantic`")),
        };
        let requests = match each {
            None => vec![request_text(common)?],
            Some(each) if each.kind() == Kind::List && !each.is_empty() => each
                .elements()
                .map(|part| match part.kind() {
                    Kind::Object => request_text(Parts::of(part).or(common)),
                    _ => Err(wrong("one of `evaluations` is no object")),
                })
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(wrong("`evaluations` is a list of one or more")),
        };
        Ok(Self { requests, semantic })
    }
}

fn text<'d>(value: Option<ValueRef<'d>>, key: &str, named: &str) -> Result<&'d str, Vec<Problem>> {
    let text = value
        .and_then(|value| value.get(key))
        .and_then(ValueRef::as_str);
    text.filter(|text| !text.is_empty())
        .ok_or_else(|| wrong(&format!("`{named}.{key}` is missing, or no text")))
}

/// The request that an evaluation is.
fn request_text(parts: Parts<'_>) -> Result<String, Vec<Problem>> {
    let subject = text(parts.subject, "id", "subject")?;
    let subject_type = text(parts.subject, "type", "subject")?;
    let tool = text(parts.action, "name", "action")?;
    let resource = text(parts.resource, "id", "resource")?;
    let resource_type = text(parts.resource, "type", "resource")?;
    let is_object = |value: &ValueRef<'_>| value.kind() == Kind::Object;
    if parts.context.is_some_and(|context| !is_object(&context)) {
        return Err(wrong("`context` is an object"));
    }
    for (part, name) in [
        (parts.subject, "subject"),
        (parts.action, "action"),
        (parts.resource, "resource"),
    ] {
        let properties = part.and_then(|part| part.get("properties"));
        if properties.is_some_and(|properties| !is_object(&properties)) {
            return Err(wrong(&format!("`{name}.properties` is an object")));
        }
    }
    let mut out = String::new();
    object(&mut out, |request| {
        let call = request.member("tool_call");
        object(call, |call| {
            call.text("name", tool);
            let arguments = call.member("arguments");
            match parts.action.and_then(|action| action.get("properties")) {
                Some(properties) => write_value(arguments, properties),
                None => arguments.push_str("{}"),
            }
        });
        let context = request.member("context");
        object(context, |context| {
            let said = parts.context.into_iter().flat_map(ValueRef::members);
            // What the subject and the resource are counts before what the context says of them.
            let role = parts
                .subject
                .and_then(|subject| subject.get("properties"))
                .and_then(|properties| properties.get("role"));
            for (key, value) in said {
                let is_ours = matches!(
                    key,
                    "actor_id" | "actor_type" | "resource_type" | "resource_id"
                ) || key == "actor_role" && role.is_some();
                if !is_ours {
                    write_value(context.member(key), value);
                }
            }
            context.text("actor_id", subject);
            context.text("actor_type", subject_type);
            if let Some(role) = role {
                write_value(context.member("actor_role"), role);
            }
            context.text("resource_type", resource_type);
            context.text("resource_id", resource);
            let has_targets =
                (parts.context).is_some_and(|context| context.get("target_resources").is_some());
            if !has_targets {
                let target = [resource_type, ":", resource].concat();
                context.texts("target_resources", [target]);
            }
        });
    });
    Ok(out)
}

/// The answer to one evaluation.
pub(crate) fn answer_json(out: &mut String, answered: &Answered) {
    object(out, |answer| {
        answer.plain("decision", answered.verdict == Verdict::Allow);
        let context = answer.member("context");
        object(context, |context| {
            context.text("verdict", answered.verdict.as_str());
            // Denied, but somebody may ask for it: a person's yes, a fact or time is missing.
            context.plain("requestable", answered.verdict == Verdict::Defer);
            context.text("request_id", &answered.request_id);
            if let Ok(document) = parse(answered.decision.as_bytes(), &LIMITS) {
                let root = document.root();
                for (name, ours) in [("reason", "reason_admin"), ("defer_questions", "questions")] {
                    if let Some(value) = root.get(name) {
                        write_value(context.member(ours), value);
                    }
                }
                let issues = root.get("issues").into_iter().flat_map(ValueRef::elements);
                let member = context.member("reason_user");
                list(member, issues, |out, issue| {
                    object(out, |told| {
                        for name in ["code", "message"] {
                            if let Some(value) = issue.get(name) {
                                write_value(told.member(name), value);
                            }
                        }
                    });
                });
            }
        });
    });
}

/// The answer to several.
pub(crate) fn answers_json(answered: &[Answered]) -> String {
    let mut out = String::from("{\"evaluations\":");
    list(&mut out, answered, answer_json);
    out.push('}');
    out
}
