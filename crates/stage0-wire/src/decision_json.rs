//! A decision as canonical JSON: the bytes that are the same in every host.
//!
//! The order of the keys is fixed and is that of the wire contract; there is no insignificant space,
//! numbers are exact decimals, and nothing depends on the platform.

use stage0_engine::canonical::write_string;
use stage0_engine::decision::{Decision, Detail, Issue, Resolution};
use stage0_engine::number::Number;
use stage0_engine::policy::{Mode, Verdict};
use stage0_engine::time::{Timestamp, ZONE_TABLE_VERSION};

/// Version of the engine, as decisions record it.
pub const ENGINE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Room for the text of a decision without issues, and for each of them: growing copies what is
/// written already.
const DECISION_BYTES: usize = 2_048;
const ISSUE_BYTES: usize = 512;

/// A decision's canonical text.
pub fn decision_to_json(decision: &Decision<'_>) -> String {
    let issues_bytes = decision.issues.len().saturating_mul(ISSUE_BYTES);
    let mut out = String::with_capacity(DECISION_BYTES.saturating_add(issues_bytes));
    let mut object = Object::new(&mut out);
    object.text("decision", decision.verdict.decision());
    object.text("verdict", decision.verdict.as_str());
    object.text("reason", &decision.reason());
    issues(object.value("issues"), &decision.issues);
    object.number("risk_score", decision.risk_score());
    object.bool("high_risk", decision.high_risk());
    object.number("value_risk", decision.value_risk());
    object.number("waste_risk", decision.waste_risk());
    // What holds the decision up is clarified first; advice may ask as well.
    let clarifying = decision.questions.iter().chain(&decision.remarks);
    texts(
        object.value("clarifying_questions"),
        clarifying.map(|text| &**text),
    );
    texts(
        object.value("defer_questions"),
        decision.questions.iter().map(|text| &**text),
    );
    texts(object.value("guardrails"), decision.guardrails());
    list(
        object.value("constraints_applied"),
        decision.constraints_applied(),
        |out, text| write_string(out, &text),
    );
    checks(object.value("guardrail_checks"), decision);
    texts(object.value("value_findings"), decision.value_findings());
    cost(object.value("cost_estimate"), decision);
    object.text("request_id", decision.request_id);
    object.text("policy_version", decision.policy_version());
    object.text("policy_pack_version", decision.policy_version());
    object.text("environment", decision.environment().unwrap_or(""));
    object.text("approved_by", decision.approved_by().unwrap_or(""));
    seconds(object.value("timestamp"), decision.evaluated_at);
    seconds(object.value("evaluated_at"), decision.evaluated_at);
    object.text("decision_trace_summary", &summary(decision));
    meta(object.value("meta"), decision);
    object.hex("task_hash", decision);
    object.hex("action_digest", decision);
    object.value("policy_digest").push('"');
    decision.policy_digest().write_hex(object.out);
    object.out.push('"');
    texts(object.value("depends_on"), decision.depends_on());
    instant(object.value("valid_until"), decision.valid_until);
    tools(object.value("tool_verdicts"), decision);
    if decision.mode != Mode::Enforce {
        object.text("mode", decision.mode.as_str());
    }
    if let Some(would) = &decision.would {
        let out = object.value("would");
        let mut would_object = Object::new(out);
        would_object.text("verdict", would.verdict.as_str());
        issues(would_object.value("issues"), &would.issues);
        would_object.end();
    }
    let disabled = decision.disabled();
    if disabled.len() > 0 {
        texts(object.value("disabled"), disabled);
    }
    object.end();
    out
}

/// Writes one object, member by member.
struct Object<'o> {
    out: &'o mut String,
    is_first: bool,
}

impl<'o> Object<'o> {
    fn new(out: &'o mut String) -> Self {
        out.push('{');
        Self {
            out,
            is_first: true,
        }
    }

    /// The key; its value is written next. Keys are plain names that need no escape.
    fn value(&mut self, key: &str) -> &mut String {
        if !self.is_first {
            self.out.push(',');
        }
        self.is_first = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    fn text(&mut self, key: &str, value: &str) {
        write_string(self.value(key), value);
    }

    fn bool(&mut self, key: &str, value: bool) {
        self.value(key)
            .push_str(if value { "true" } else { "false" });
    }

    fn number(&mut self, key: &str, value: u32) {
        Number::from_u64(u64::from(value)).write_to(self.value(key));
    }

    fn hex(&mut self, key: &str, decision: &Decision<'_>) {
        let out = self.value(key);
        out.push('"');
        decision.action_digest().write_hex(out);
        out.push('"');
    }

    fn end(self) {
        self.out.push('}');
    }
}

fn list<T>(
    out: &mut String,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

fn texts<'t>(out: &mut String, items: impl Iterator<Item = &'t str>) {
    list(out, items, write_string);
}

fn issues(out: &mut String, issues: &[Issue<'_>]) {
    list(out, issues.iter(), |out, issue| {
        let mut object = Object::new(out);
        object.text("code", issue.code);
        object.text("severity", issue.severity.as_str());
        object.text("message", &issue.message);
        object.text("rule", issue.rule);
        object.text("tool", &issue.tool);
        details(object.value("details"), &issue.details);
        resolution(object.value("resolution"), issue.resolution.as_ref());
        object.end();
    });
}

fn details(out: &mut String, details: &[(&'static str, Detail)]) {
    let mut object = Object::new(out);
    for (name, detail) in details {
        match detail {
            Detail::Text(text) => object.text(name, text),
            Detail::Texts(items) => texts(object.value(name), items.iter().map(String::as_str)),
        }
    }
    object.end();
}

fn resolution(out: &mut String, resolution: Option<&Resolution>) {
    let Some(resolution) = resolution else {
        return out.push_str("null");
    };
    let mut object = Object::new(out);
    object.text("needs", resolution.needs.as_str());
    object.text("who", resolution.who.as_str());
    if !resolution.facts.is_empty() {
        texts(
            object.value("facts"),
            resolution.facts.iter().map(String::as_str),
        );
    }
    if !resolution.roles.is_empty() {
        texts(
            object.value("roles"),
            resolution.roles.iter().map(String::as_str),
        );
    }
    if resolution.approvals > 0 {
        object.number("approvals", resolution.approvals);
    }
    if resolution.retry_at.is_some() {
        instant(object.value("retry_at"), resolution.retry_at);
    }
    object.end();
}

fn checks(out: &mut String, decision: &Decision<'_>) {
    let mut families = Object::new(out);
    let mut checks = decision.guardrail_checks.as_slice();
    while let Some(first) = checks.first() {
        let count = checks
            .iter()
            .take_while(|check| check.family == first.family)
            .count();
        let (family, rest) = checks.split_at_checked(count).unwrap_or((checks, &[]));
        checks = rest;
        // A family's name is an author's text, unlike the keys of the contract.
        if !families.is_first {
            families.out.push(',');
        }
        families.is_first = false;
        write_string(families.out, first.family);
        families.out.push(':');
        let mut object = Object::new(families.out);
        for check in family {
            let mut check_object = Object::new(object.value(check.rule));
            check_object.bool("satisfied", check.satisfied);
            check_object.end();
        }
        object.end();
    }
    families.end();
}

fn cost(out: &mut String, decision: &Decision<'_>) {
    let Some(cost) = &decision.cost_estimate else {
        return out.push_str("null");
    };
    let mut object = Object::new(out);
    object.text("currency", "USD");
    cost.min.write_to(object.value("min"));
    cost.max.write_to(object.value("max"));
    let mut assumptions = vec![match cost.iterations {
        Some(iterations) => format!("one to {iterations} calls of each tool, by max_iterations"),
        None => "one call of each tool".to_owned(),
    }];
    if cost.without_cost > 0 {
        assumptions.push("tools without a cost in the catalog are left out".to_owned());
    }
    if cost.is_capped {
        assumptions.push("no more than max_cost_usd".to_owned());
    }
    texts(
        object.value("assumptions"),
        assumptions.iter().map(String::as_str),
    );
    object.end();
}

fn tools(out: &mut String, decision: &Decision<'_>) {
    list(out, decision.tool_verdicts.iter(), |out, verdict| {
        let mut object = Object::new(out);
        object.text("name", &verdict.name);
        object.text("tool", verdict.tool.unwrap_or(""));
        object.text("verdict", verdict.verdict.as_str());
        object.end();
    });
}

fn meta(out: &mut String, decision: &Decision<'_>) {
    let mut object = Object::new(out);
    object.text("engine", ENGINE_VERSION);
    object.text("zones", ZONE_TABLE_VERSION);
    list(object.value("risk"), decision.risk(), |out, addend| {
        let mut object = Object::new(out);
        object.text("reason", &addend.reason);
        object.number("points", addend.points);
        object.end();
    });
    object.end();
}

/// Seconds since the epoch, with the milliseconds as decimals.
fn seconds(out: &mut String, at: Timestamp) {
    // A timestamp's range is far inside that of numbers, so this is always exact.
    Number::from_i128(i128::from(at.to_ms()), 3)
        .unwrap_or(Number::ZERO)
        .write_to(out);
}

fn instant(out: &mut String, at: Option<Timestamp>) {
    match at {
        Some(at) => {
            out.push('"');
            at.write_to(out);
            out.push('"');
        }
        None => out.push_str("null"),
    }
}

/// The decision in one sentence, for logs.
fn summary(decision: &Decision<'_>) -> String {
    let mut text = String::with_capacity(128);
    text.push_str(decision.verdict.as_str());
    text.push_str(" by ");
    text.push_str(decision.policy_version());
    match decision.tool_verdicts.as_slice() {
        [] => {}
        [only] => {
            text.push_str(" for ");
            text.push_str(&only.name);
        }
        [first, rest @ ..] => {
            text.push_str(" for ");
            text.push_str(&first.name);
            text.push_str(" and ");
            Number::from_u64(rest.len() as u64).write_to(&mut text);
            text.push_str(" more");
        }
    }
    if decision.verdict != Verdict::Allow {
        let mut separator = ": ";
        for issue in &decision.issues {
            text.push_str(separator);
            text.push_str(issue.code);
            separator = ", ";
        }
    }
    text.push('.');
    text
}
