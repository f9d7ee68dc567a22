//! What exactly is decided about: the canonical text of the action, and its digest.
//!
//! The digest names one call (or one plan) by one actor in one place. Approvals are bound to it and
//! executors compare it, so arguments are never normalised: what was checked is what runs.

use crate::canonical::{write_string, write_value};
use crate::condition::Slot;
use crate::condition::value::Value;
use crate::digest::Digest;
use crate::document::ValueRef;
use crate::facts::{Facts, Presence};
use crate::request::Request;

/// Version of the digested text.
const ACTION_VERSION: &str = "1";

/// What a decision is about, by the name that the rules of every layer see.
#[derive(Debug, Clone)]
pub(crate) enum Action<'a> {
    /// One call of a tool.
    Call(&'a str),
    /// A plan with these tools.
    Plan(Vec<&'a str>),
}

impl Action<'_> {
    /// Digest of the call, or of the plan.
    pub(crate) fn digest(&self, request: &Request<'_>) -> Digest {
        match self {
            Self::Call(tool) => call_digest(request, tool),
            Self::Plan(tools) => {
                let declared: Vec<&str> = request.side_effects().collect();
                plan_digest(request, &declared, tools)
            }
        }
    }
}

/// Digest of a call: {`actor_id`, arguments, environment, `tenant_id`, tool, v}. It is that of a decision
/// about the same call where `tool` is the name that the decision was made under: the catalogued one, or else
/// the one in the request. Executors compare the two before they run what they were given.
pub fn call_digest(request: &Request<'_>, tool: &str) -> Digest {
    let mut text = Members::new();
    text.value("actor_id", request.actor_id());
    text.key("arguments");
    match request.arguments() {
        Some(arguments) => write_value(&mut text.out, arguments),
        None => text.out.push_str("{}"),
    }
    text.place(request);
    text.text("tool", tool);
    text.finish()
}

/// Digest of a plan: {`actor_id`, effects, environment, `tenant_id`, tools, v}.
fn plan_digest(request: &Request<'_>, effects: &[&str], tools: &[&str]) -> Digest {
    let mut text = Members::new();
    text.value("actor_id", request.actor_id());
    text.sorted("effects", effects);
    text.place(request);
    text.sorted("tools", tools);
    text.finish()
}

/// Digest of a call of which only some facts are bound: {`actor_id`, bound, environment, `tenant_id`,
/// tool, v}.
pub(crate) fn bound_digest(
    request: &Request<'_>,
    tool: &str,
    bind: &[Slot],
    facts: &Facts<'_>,
) -> Digest {
    let mut text = Members::new();
    text.value("actor_id", request.actor_id());
    text.key("bound");
    text.out.push('{');
    // Slots are numbered in the order of their names, so sorting them sorts the keys.
    let mut bind: Vec<Slot> = bind.to_vec();
    bind.sort_unstable();
    bind.dedup();
    for (position, slot) in bind.into_iter().enumerate() {
        if position > 0 {
            text.out.push(',');
        }
        write_string(&mut text.out, facts.table().name(slot));
        text.out.push(':');
        // What is there stands in a list, so that no value looks like its absence; adding an absent
        // fact later makes another action. The arguments of a call that was not made yet are neither:
        // a plan that was approved approves no call. A fact that cannot be read is never approved.
        match facts.presence(slot) {
            Presence::Present => {
                text.out.push('[');
                write_fact(&mut text.out, facts.value(slot));
                text.out.push(']');
            }
            Presence::Absent => text.out.push_str("[]"),
            Presence::Unknowable | Presence::Error(_) => text.out.push_str("null"),
        }
    }
    text.out.push('}');
    text.place(request);
    text.text("tool", tool);
    text.finish()
}

fn write_fact(out: &mut String, value: Value<'_>) {
    match value {
        Value::Bool(truth) => out.push_str(if truth { "true" } else { "false" }),
        Value::Number(number) => number.write_to(out),
        Value::String(text) => write_string(out, text),
        Value::Timestamp(at) => write_string(out, &at.to_string()),
        Value::Duration(span) => write_string(out, &span.to_string()),
        Value::DocumentList(value) | Value::DocumentMap(value) => {
            write_value(out, value);
        }
        // Facts come from documents; lists that the engine makes hold texts only.
        Value::List(values) => {
            out.push('[');
            for (position, value) in values.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                if let Value::String(text) = value {
                    write_string(out, text);
                }
            }
            out.push(']');
        }
        Value::Null | Value::Map(_) | Value::Unknown | Value::Error(_) => out.push_str("null"),
    }
}

/// Members of one object, written in the order of their keys.
struct Members {
    out: String,
}

impl Members {
    fn new() -> Self {
        let mut out = String::with_capacity(512);
        out.push('{');
        Self { out }
    }

    fn key(&mut self, key: &str) {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_string(&mut self.out, value);
    }

    /// A value of the host's; one that is absent is left out.
    fn value(&mut self, key: &str, value: Option<ValueRef<'_>>) {
        if let Some(value) = value {
            self.key(key);
            write_value(&mut self.out, value);
        }
    }

    fn sorted(&mut self, key: &str, values: &[&str]) {
        let mut values: Vec<&str> = values.to_vec();
        values.sort_unstable();
        values.dedup();
        self.key(key);
        self.out.push('[');
        for (position, value) in values.into_iter().enumerate() {
            if position > 0 {
                self.out.push(',');
            }
            write_string(&mut self.out, value);
        }
        self.out.push(']');
    }

    fn place(&mut self, request: &Request<'_>) {
        self.value("environment", request.environment_value());
        self.value("tenant_id", request.tenant_id());
    }

    fn finish(mut self) -> Digest {
        self.key("v");
        self.out.push_str(ACTION_VERSION);
        self.out.push('}');
        Digest::of(self.out.as_bytes())
    }
}
