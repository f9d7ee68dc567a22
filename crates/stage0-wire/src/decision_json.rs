//! A decision as canonical JSON: the bytes that are the same in every host.
//!
//! The order of the keys is fixed and is that of the wire contract; there is no insignificant space,
//! numbers are exact decimals, and nothing depends on the platform.

use stage0_engine::canonical::write_escaped;
use stage0_engine::decision::{Decision, Detail, Issue, Resolution, RiskAddend};
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
    let mut out = String::new();
    render_into(decision, &mut out);
    out
}

/// Appends a decision's canonical text to `out`, which callers may keep for the next decision.
///
/// ```
/// use stage0_engine::{host::Host, state::RunState, time::Timestamp};
/// use stage0_wire::{Policy, decision_to_json, parse_request, render_into};
///
/// let policy = Policy::builtin("standard").unwrap();
/// let request = parse_request(br#"{"goal": "tidy the wiki"}"#).unwrap();
/// let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
/// let decision = policy.peek(&request, &Host::default(), &RunState::default(), now);
/// let mut answer = String::from("data: ");
/// render_into(&decision, &mut answer);
/// assert_eq!(answer.strip_prefix("data: "), Some(&*decision_to_json(&decision)));
/// ```
pub fn render_into(decision: &Decision<'_>, out: &mut String) {
    // Each literal closes the member before it and opens the next one, so that most of the text is
    // copied in few pieces.
    let issues_bytes = decision.issues.len().saturating_mul(ISSUE_BYTES);
    out.reserve(DECISION_BYTES.saturating_add(issues_bytes));
    out.push_str(r#"{"decision":""#);
    out.push_str(decision.verdict.decision());
    out.push_str(r#"","verdict":""#);
    out.push_str(decision.verdict.as_str());
    out.push_str(r#"","reason":""#);
    for piece in decision.reason_pieces() {
        write_escaped(out, piece);
    }
    out.push_str(r#"","issues":"#);
    issues(out, &decision.issues);
    let risk = decision.risk();
    out.push_str(r#","risk_score":"#);
    number(out, risk.score);
    out.push_str(if risk.is_high {
        r#","high_risk":true,"value_risk":"#
    } else {
        r#","high_risk":false,"value_risk":"#
    });
    number(out, decision.value_risk());
    out.push_str(r#","waste_risk":"#);
    number(out, decision.waste_risk());
    // What holds the decision up is clarified first; advice may ask as well.
    out.push_str(r#","clarifying_questions":"#);
    texts(out, decision.questions.iter().chain(&decision.remarks));
    out.push_str(r#","defer_questions":"#);
    texts(out, &decision.questions);
    out.push_str(r#","guardrails":"#);
    texts(out, decision.guardrails());
    out.push_str(r#","constraints_applied":"#);
    texts(out, decision.constraints_applied());
    out.push_str(r#","guardrail_checks":{"#);
    checks(out, decision);
    out.push_str(r#"},"value_findings":"#);
    texts(out, decision.value_findings());
    out.push_str(r#","cost_estimate":"#);
    cost(out, decision);
    out.push_str(r#","request_id":""#);
    write_escaped(out, decision.request_id);
    out.push_str(r#"","policy_version":""#);
    let version = write_again(out, |out| write_escaped(out, decision.policy_version()));
    out.push_str(r#"","policy_pack_version":""#);
    out.extend_from_within(version);
    out.push_str(r#"","environment":""#);
    write_escaped(out, decision.environment().unwrap_or(""));
    out.push_str(r#"","approved_by":""#);
    write_escaped(out, &decision.approved_by());
    out.push_str(r#"","timestamp":"#);
    let timestamp = write_again(out, |out| seconds(out, decision.evaluated_at));
    out.push_str(r#","evaluated_at":"#);
    out.extend_from_within(timestamp);
    out.push_str(r#","decision_trace_summary":""#);
    summary(out, decision);
    out.push_str(concat!(
        // Whoever repeats a recorded answer says so; this one was just made.
        r#"","cached":false,"meta":{"engine":""#,
        env!("CARGO_PKG_VERSION"),
        r#"","zones":""#
    ));
    out.push_str(ZONE_TABLE_VERSION);
    out.push_str(r#"","risk":"#);
    addends(out, &risk.addends);
    out.push_str(r#"},"task_hash":""#);
    let digest = write_again(out, |out| decision.action_digest().write_hex(out));
    out.push_str(r#"","action_digest":""#);
    out.extend_from_within(digest);
    out.push_str(r#"","policy_digest":""#);
    decision.policy_digest().write_hex(out);
    out.push_str(r#"","depends_on":"#);
    decision.write_depends_on(out);
    out.push_str(r#","valid_until":"#);
    match decision.valid_until {
        Some(at) => instant(out, at),
        None => out.push_str("null"),
    }
    out.push_str(r#","tool_verdicts":["#);
    tools(out, decision);
    out.push(']');
    if decision.mode != Mode::Enforce {
        out.push_str(r#","mode":""#);
        out.push_str(decision.mode.as_str());
        out.push('"');
    }
    if let Some(would) = &decision.would {
        out.push_str(r#","would":{"verdict":""#);
        out.push_str(would.verdict.as_str());
        out.push_str(r#"","issues":"#);
        issues(out, &would.issues);
        out.push('}');
    }
    let disabled = decision.disabled();
    if disabled.len() > 0 {
        out.push_str(r#","disabled":"#);
        texts(out, disabled);
    }
    out.push('}');
}

/// Writes something, and tells where it stands, to be copied from there.
fn write_again(out: &mut String, write: impl FnOnce(&mut String)) -> core::ops::Range<usize> {
    let start = out.len();
    write(out);
    start..out.len()
}

fn number(out: &mut String, value: u32) {
    Number::from_u64(u64::from(value)).write_to(out);
}

/// A list of texts.
#[inline]
fn texts<T: AsRef<str>>(out: &mut String, items: impl IntoIterator<Item = T>) {
    let mut items = items.into_iter();
    let Some(first) = items.next() else {
        return out.push_str("[]");
    };
    out.push_str("[\"");
    write_escaped(out, first.as_ref());
    for item in items {
        out.push_str("\",\"");
        write_escaped(out, item.as_ref());
    }
    out.push_str("\"]");
}

fn issues(out: &mut String, issues: &[Issue<'_>]) {
    let Some((first, others)) = issues.split_first() else {
        return out.push_str("[]");
    };
    out.push_str(r#"[{"code":""#);
    issue(out, first);
    for other in others {
        out.push_str(r#",{"code":""#);
        issue(out, other);
    }
    out.push(']');
}

fn issue(out: &mut String, issue: &Issue<'_>) {
    write_escaped(out, issue.code);
    out.push_str(r#"","severity":""#);
    out.push_str(issue.severity.as_str());
    out.push_str(r#"","message":""#);
    write_escaped(out, &issue.message);
    out.push_str(r#"","rule":""#);
    write_escaped(out, issue.rule);
    out.push_str(r#"","tool":""#);
    write_escaped(out, &issue.tool);
    out.push_str(r#"","details":{"#);
    details(out, &issue.details);
    match &issue.resolution {
        Some(needed) => {
            out.push_str(r#"},"resolution":{"needs":""#);
            resolution(out, needed);
        }
        None => out.push_str(r#"},"resolution":null}"#),
    }
}

fn details(out: &mut String, details: &[(&'static str, Detail)]) {
    for (position, (name, detail)) in details.iter().enumerate() {
        out.push_str(if position > 0 { ",\"" } else { "\"" });
        out.push_str(name);
        match detail {
            Detail::Text(text) => {
                out.push_str("\":\"");
                write_escaped(out, text);
                out.push('"');
            }
            Detail::Texts(items) => {
                out.push_str("\":");
                texts(out, items);
            }
        }
    }
}

/// The rest of an issue, from the word for what it needs.
fn resolution(out: &mut String, resolution: &Resolution) {
    out.push_str(resolution.needs.as_str());
    out.push_str(r#"","who":""#);
    out.push_str(resolution.who.as_str());
    out.push('"');
    if !resolution.facts.is_empty() {
        out.push_str(r#","facts":"#);
        texts(out, &resolution.facts);
    }
    if !resolution.roles.is_empty() {
        out.push_str(r#","roles":"#);
        texts(out, &resolution.roles);
    }
    if resolution.approvals > 0 {
        out.push_str(r#","approvals":"#);
        number(out, resolution.approvals);
    }
    if let Some(at) = resolution.retry_at {
        out.push_str(r#","retry_at":"#);
        instant(out, at);
    }
    out.push_str("}}");
}

fn checks(out: &mut String, decision: &Decision<'_>) {
    let mut family = None;
    for check in &decision.guardrail_checks {
        if family == Some(check.family) {
            out.push_str(",\"");
        } else {
            out.push_str(if family.is_some() { "},\"" } else { "\"" });
            // A family's name is an author's text.
            write_escaped(out, check.family);
            out.push_str("\":{\"");
            family = Some(check.family);
        }
        write_escaped(out, check.rule);
        out.push_str(if check.satisfied {
            r#"":{"satisfied":true}"#
        } else {
            r#"":{"satisfied":false}"#
        });
    }
    if family.is_some() {
        out.push('}');
    }
}

fn cost(out: &mut String, decision: &Decision<'_>) {
    let Some(cost) = &decision.cost_estimate else {
        return out.push_str("null");
    };
    out.push_str(r#"{"currency":"USD","min":"#);
    cost.min.write_to(out);
    out.push_str(r#","max":"#);
    cost.max.write_to(out);
    match cost.iterations {
        Some(iterations) => {
            out.push_str(r#","assumptions":["one to "#);
            iterations.write_to(out);
            out.push_str(r#" calls of each tool, by max_iterations""#);
        }
        None => out.push_str(r#","assumptions":["one call of each tool""#),
    }
    if cost.without_cost > 0 {
        out.push_str(r#","tools without a cost in the catalog are left out""#);
    }
    if cost.is_capped {
        out.push_str(r#","no more than max_cost_usd""#);
    }
    out.push_str("]}");
}

fn tools(out: &mut String, decision: &Decision<'_>) {
    for (position, verdict) in decision.tool_verdicts.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(r#"{"name":""#);
        write_escaped(out, &verdict.name);
        out.push_str(r#"","tool":""#);
        write_escaped(out, verdict.tool.unwrap_or(""));
        out.push_str(r#"","verdict":""#);
        out.push_str(verdict.verdict.as_str());
        out.push_str("\"}");
    }
}

fn addends(out: &mut String, addends: &[RiskAddend<'_>]) {
    out.push('[');
    for (position, addend) in addends.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push_str(r#"{"reason":""#);
        write_escaped(out, addend.reason);
        out.push_str(r#"","points":"#);
        number(out, addend.points);
        out.push('}');
    }
    out.push(']');
}

/// Seconds since the epoch, with the milliseconds as decimals.
fn seconds(out: &mut String, at: Timestamp) {
    // A timestamp's range is far inside that of numbers, so this is always exact.
    Number::from_i128(i128::from(at.to_ms()), 3)
        .unwrap_or(Number::ZERO)
        .write_to(out);
}

fn instant(out: &mut String, at: Timestamp) {
    out.push('"');
    at.write_to(out);
    out.push('"');
}

/// The decision in one sentence, for logs.
fn summary(out: &mut String, decision: &Decision<'_>) {
    out.push_str(decision.verdict.as_str());
    out.push_str(" by ");
    write_escaped(out, decision.policy_version());
    if let Some((first, others)) = decision.tool_verdicts.split_first() {
        out.push_str(" for ");
        write_escaped(out, &first.name);
        if !others.is_empty() {
            out.push_str(" and ");
            Number::from_u64(others.len() as u64).write_to(out);
            out.push_str(" more");
        }
    }
    if decision.verdict != Verdict::Allow {
        let mut last = "";
        for issue in &decision.issues {
            // One rule may say the same of several tools.
            if issue.code != last {
                out.push_str(if last.is_empty() { ": " } else { ", " });
                write_escaped(out, issue.code);
            }
            last = issue.code;
        }
    }
    out.push('.');
}

#[cfg(test)]
mod tests {
    use stage0_engine::document::ValueRef;
    use stage0_engine::host::Host;
    use stage0_engine::state::RunState;
    use stage0_engine::time::Timestamp;

    use super::decision_to_json;
    use crate::Policy;
    use crate::request_text::parse_request;
    use crate::strict_json::{JsonLimits, parse};

    #[test]
    fn what_is_written_is_what_the_decision_tells() {
        let policy = Policy::builtin("standard").unwrap();
        let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
        for request in [
            r#"{"goal": "tidy the wiki"}"#,
            r#"{"goal": "pay", "tools": ["pay"], "side_effects": ["payout", "\"odd\""]}"#,
            r#"{"goal": "\n \"x\"", "constraints": ["max_iterations: 1"], "context": {"current_iteration": 7}}"#,
        ] {
            let request = parse_request(request.as_bytes()).unwrap();
            let decision = policy.peek(&request, &Host::default(), &RunState::default(), now);
            let answer = decision_to_json(&decision);
            let answer = parse(answer.as_bytes(), &JsonLimits::REQUEST).unwrap();
            let member = |name: &str| answer.root().get(name).unwrap();
            assert_eq!(member("reason").as_str(), Some(&*decision.reason()));
            let depends_on: Vec<_> = member("depends_on")
                .elements()
                .filter_map(ValueRef::as_str)
                .collect();
            assert_eq!(depends_on, decision.depends_on().collect::<Vec<_>>());
            let score = decision.risk_score().to_string();
            assert_eq!(member("risk_score").number_text(), Some(&*score));
        }
    }
}
