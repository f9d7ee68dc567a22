//! Why a decision is what it is: every rule that was asked, with the values that it compared.
//!
//! Explaining decides again with everything kept, so it always fits the decision. The prose is made
//! here as well, once for all hosts: deterministic, in plain sentences, for a person who did not write
//! the policy.

use core::fmt::Write as _;

use bumpalo::Bump;

use crate::condition::evaluate::Machine;
use crate::condition::trace::{Trace, let_of};
use crate::condition::tree::Expr;
use crate::condition::value::Value;
use crate::decide::decide;
use crate::decide::rule::{Inquiry, Outcome};
use crate::decide::subject::Plan;
use crate::decision::{Decision, Needs, Who};
use crate::facts::Facts;
use crate::host::Host;
use crate::index::{CompiledCondition, CompiledRule, PolicyIndex, RuleKind};
use crate::policy::Verdict;
use crate::request::Request;
use crate::state::RunState;
use crate::time::Timestamp;
use crate::vocabulary::constraint;

/// A part of a condition with its outcome and the facts that it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseReport {
    /// The part as it was written.
    pub text: String,
    /// `true`, `false`, `unknown` or `error`.
    pub outcome: &'static str,
    /// Each fact with its value as text; `missing` where there is none.
    pub facts: Vec<(String, String)>,
}

/// A rule that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReport {
    /// `pack/id`
    pub rule: String,
    /// The tool that it was asked about.
    pub tool: String,
    /// `allow`, `deny`, `defer`, `advise`, `require` or `approval`.
    pub kind: &'static str,
    /// What came of it: `fires`, `silent`, `undecided`, `error` or `unapproved`.
    pub outcome: &'static str,
    /// Whether the verdict rests on it: it allowed, or it kept the call from being allowed.
    pub speaks: bool,
    /// Whether it is only observed.
    pub observed: bool,
    /// What only the log gets.
    pub detail: Option<String>,
    /// The parts of its `when` and its condition.
    pub clauses: Vec<ClauseReport>,
}

/// A decision with the rules behind it.
#[derive(Debug)]
pub struct Explanation<'a> {
    /// The decision.
    pub decision: Decision<'a>,
    /// Every rule whose scope matched, by tool and id.
    pub rules: Vec<RuleReport>,
}

/// Decides, and keeps why.
#[must_use]
pub fn explain<'a>(
    policy: &'a PolicyIndex,
    request: &'a Request<'a>,
    host: &Host<'a>,
    state: &RunState,
    now: Timestamp,
) -> Explanation<'a> {
    let (decision, _) = decide(policy, request, host, state, now);
    let arena = Bump::new();
    let constraints: Vec<_> = request
        .constraints()
        .map(|text| (text, constraint::read(text)))
        .collect();
    let mut facts = Facts::gather(&policy.facts, request, &constraints, now, &arena);
    let plan = Plan::new(policy, request);
    let mut rules = Vec::new();
    let mut found = Vec::new();
    for subject in &plan.subjects {
        for (layer, view) in policy.layers.iter().zip(&subject.views) {
            facts.turn_to(crate::facts::Subject {
                tool: subject.tool_name(view),
                effects: view.effect_values(layer, &arena),
            });
            layer.candidates(
                subject.tool_name(view),
                view.effects,
                view.has_unknown_effect,
                &mut found,
            );
            let machine = Machine::new(&facts, &policy.constants, &arena);
            let mut inquiry = Inquiry {
                layer,
                subject,
                view,
                request,
                host,
                now,
                machine,
            };
            for rule in found
                .iter()
                .filter_map(|index| layer.rules.get(*index as usize))
            {
                rules.push(report(&mut inquiry, rule));
            }
        }
    }
    rules.sort_by(|one, two| (&one.tool, &one.rule).cmp(&(&two.tool, &two.rule)));
    Explanation { decision, rules }
}

fn report<'a: 'x, 'x>(inquiry: &mut Inquiry<'a, 'x, '_>, rule: &'a CompiledRule) -> RuleReport {
    let asked = inquiry.ask(rule);
    let mut clauses = Vec::new();
    for condition in rule.when.iter().chain([&rule.condition]) {
        if !condition.tree.nodes.is_empty() && !condition.is_true {
            clauses.extend(clause_reports(inquiry, condition));
        }
    }
    let (kind, restricts) = match rule.kind {
        RuleKind::Allow => ("allow", false),
        RuleKind::Deny => ("deny", true),
        RuleKind::Defer => ("defer", true),
        RuleKind::Advise => ("advise", false),
        RuleKind::Require { .. } => ("require", true),
        RuleKind::Approval(_) => ("approval", true),
    };
    let (outcome, speaks) = match asked.outcome {
        Outcome::Fires => ("fires", true),
        Outcome::Silent => ("silent", false),
        Outcome::Undecided => ("undecided", restricts || kind == "allow"),
        Outcome::Broken => ("error", true),
        Outcome::Unapproved(_) => ("unapproved", true),
    };
    RuleReport {
        rule: rule.id.to_string(),
        tool: inquiry.subject.name.unwrap_or("").to_owned(),
        kind,
        outcome,
        speaks: speaks && !rule.observe,
        observed: rule.observe,
        detail: rule.detail.as_deref().map(str::to_owned),
        clauses,
    }
}

fn clause_reports<'a: 'x, 'x>(
    inquiry: &mut Inquiry<'a, 'x, '_>,
    condition: &'a CompiledCondition,
) -> Vec<ClauseReport> {
    let trace = Trace::of(&mut inquiry.machine, condition);
    let mut reports = Vec::new();
    for clause in trace.clauses(&condition.tree) {
        let text_of = |node| {
            let range = condition.tree.node(node).map(|node| node.range.clone())?;
            condition.text.get(range.start as usize..range.end as usize)
        };
        // A named expression says more by its own parts than by its name.
        let named = match condition.tree.node(clause.node).map(|node| &node.expr) {
            Some(Expr::Path(path)) => let_of(path),
            _ => None,
        };
        let named =
            named.and_then(|name| inquiry.layer.lets.iter().find(|known| *known.name == *name));
        if let Some(named) = named {
            let inner = Trace::of(&mut inquiry.machine, &named.condition);
            for part in inner.clauses(&named.condition.tree) {
                let range = named
                    .condition
                    .tree
                    .node(part.node)
                    .map(|node| node.range.clone());
                let text = range.and_then(|range| {
                    named
                        .condition
                        .text
                        .get(range.start as usize..range.end as usize)
                });
                reports.push(ClauseReport {
                    text: format!("{} (let.{})", text.unwrap_or(""), named.name),
                    outcome: outcome_text(part.value),
                    facts: reads(&named.condition, &part.reads),
                });
            }
            continue;
        }
        reports.push(ClauseReport {
            text: text_of(clause.node).unwrap_or("").to_owned(),
            outcome: outcome_text(clause.value),
            facts: reads(condition, &clause.reads),
        });
    }
    reports
}

fn reads(condition: &CompiledCondition, reads: &[(u32, Value<'_>)]) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = Vec::new();
    for (node, value) in reads {
        let Some(Expr::Path(path)) = condition.tree.node(*node).map(|node| &node.expr) else {
            continue;
        };
        let name = path.to_string();
        if !facts.iter().any(|(known, _)| *known == name) {
            facts.push((name, show(*value)));
        }
    }
    facts
}

fn outcome_text(value: Value<'_>) -> &'static str {
    match value {
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Unknown => "unknown",
        _ => "error",
    }
}

/// Characters of a text that are shown.
const SHOWN_CHARS: usize = 60;
/// Elements of a list that are shown.
const SHOWN_ITEMS: usize = 6;

/// A value for people: short, on one line.
fn show(value: Value<'_>) -> String {
    match value {
        Value::Unknown => "missing".to_owned(),
        Value::Error(error) => error.to_string(),
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => show_text(text),
        Value::Timestamp(at) => at.to_string(),
        Value::Duration(span) => span.to_string(),
        Value::DocumentMap(_) | Value::Map(_) => {
            format!("an object of {} members", value.len().unwrap_or(0))
        }
        Value::DocumentList(_) | Value::List(_) => {
            let mut text = String::from("[");
            for (position, element) in value.visit().into_iter().flatten().enumerate() {
                if position > 0 {
                    text.push_str(", ");
                }
                if position == SHOWN_ITEMS {
                    text.push_str("...");
                    break;
                }
                match element {
                    Value::DocumentList(_) | Value::List(_) => text.push_str("[...]"),
                    Value::DocumentMap(_) | Value::Map(_) => text.push_str("{...}"),
                    scalar => text.push_str(&show(scalar)),
                }
            }
            text.push(']');
            text
        }
    }
}

fn show_text(text: &str) -> String {
    let mut shown = String::from("\"");
    for (position, c) in text.chars().enumerate() {
        if position == SHOWN_CHARS {
            shown.push_str("...");
            break;
        }
        // What a terminal would obey or a reader would not see is spelled out.
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown.push('"');
    shown
}

impl Explanation<'_> {
    /// The explanation in prose: what was decided, which rules spoke and why, and what would turn it
    /// into an ALLOW.
    pub fn to_prose(&self) -> String {
        let decision = &self.decision;
        let mut out = String::new();
        let _ = writeln!(out, "{}  {}", decision.verdict.as_str(), headline(decision));
        if let Some(would) = &decision.would {
            let _ = writeln!(
                out,
                "Without observing it would be {}.",
                would.verdict.as_str()
            );
        }
        let speaking: Vec<&RuleReport> = self.rules.iter().filter(|rule| rule.speaks).collect();
        if !decision.issues.is_empty() {
            out.push_str("\nReasons\n");
            for issue in &decision.issues {
                let _ = writeln!(out, "  {:<8} {}", issue.severity.as_str(), issue.code);
                let _ = writeln!(out, "           {}", issue.message);
                for (name, detail) in &issue.details {
                    if let crate::decision::Detail::Text(text) = detail
                        && matches!(
                            *name,
                            "condition" | "error" | "nearest" | "constraint" | "example"
                        )
                    {
                        let _ = writeln!(out, "           {name}: {text}");
                    }
                }
            }
        }
        if !speaking.is_empty() {
            out.push_str("\nRules that spoke\n");
            for rule in &speaking {
                let tool = if rule.tool.is_empty() {
                    String::new()
                } else {
                    format!(" on {}", rule.tool)
                };
                let _ = writeln!(
                    out,
                    "  {} ({}){tool}: {}",
                    rule.rule,
                    rule.kind,
                    outcome_sentence(rule)
                );
                write_clauses(&mut out, rule);
                if let Some(detail) = &rule.detail {
                    let _ = writeln!(out, "      note: {detail}");
                }
            }
        }
        let silent = self.rules.len().saturating_sub(speaking.len());
        if silent > 0 {
            let _ = writeln!(
                out,
                "\n{silent} other rule{} applied to this and {} content.",
                if silent == 1 { "" } else { "s" },
                if silent == 1 { "was" } else { "were" }
            );
        }
        self.write_way_out(&mut out);
        write_risk(&mut out, decision);
        out
    }

    /// What would turn the decision into an ALLOW.
    fn write_way_out(&self, out: &mut String) {
        let decision = &self.decision;
        if decision.verdict == Verdict::Allow {
            if let Some(until) = decision.valid_until {
                let _ = writeln!(out, "\nThis stands until {until}.");
            }
            return;
        }
        out.push_str("\nTo get an ALLOW\n");
        for issue in &decision.issues {
            let Some(resolution) = &issue.resolution else {
                continue;
            };
            let _ = write!(out, "  {}: ", issue.code);
            match resolution.needs {
                Needs::Approval => {
                    let who = if resolution.roles.is_empty() {
                        "a person".to_owned()
                    } else {
                        format!("somebody with the role {}", resolution.roles.join(" or "))
                    };
                    match resolution.approvals {
                        0 | 1 => {
                            let _ = write!(out, "{who} has to approve this action");
                        }
                        many => {
                            let _ = write!(out, "{many} approvals by {who}");
                        }
                    }
                }
                Needs::Fact => {
                    let who = if resolution.who == Who::Agent {
                        "the agent"
                    } else {
                        "the host or a person"
                    };
                    let _ = write!(out, "{who} has to supply {}", resolution.facts.join(", "));
                }
                Needs::Wait => out.push_str("wait"),
                Needs::Fix => {
                    let hint = self.fix_hint(issue.rule);
                    out.push_str(
                        hint.as_deref()
                            .unwrap_or("the call or its circumstances have to change"),
                    );
                }
            }
            if let Some(at) = resolution.retry_at {
                let _ = write!(out, "; try again at {at}");
            }
            out.push('\n');
        }
        for question in &decision.questions {
            let _ = writeln!(out, "  ? {question}");
        }
    }

    /// The parts of a rule that would have to come out differently.
    fn fix_hint(&self, rule: &str) -> Option<String> {
        let report = self.rules.iter().find(|report| report.rule == rule)?;
        let wanted = if matches!(report.kind, "allow" | "require") {
            "false"
        } else {
            "true"
        };
        let parts: Vec<&str> = report
            .clauses
            .iter()
            .filter(|clause| clause.outcome == wanted)
            .map(|clause| clause.text.as_str())
            .collect();
        if parts.is_empty() {
            return None;
        }
        let verb = if wanted == "false" {
            "has to hold"
        } else {
            "must not hold"
        };
        Some(format!(
            "{} {verb}",
            parts.join(if wanted == "false" { " and " } else { " or " })
        ))
    }
}

fn headline(decision: &Decision<'_>) -> String {
    match decision.tool_verdicts.as_slice() {
        [] => format!("by {}", decision.policy_version),
        [one] => format!("{} by {}", one.name, decision.policy_version),
        many => {
            let verdicts: Vec<String> = many
                .iter()
                .map(|one| format!("{} {}", one.name, one.verdict.as_str()))
                .collect();
            format!("by {} ({})", decision.policy_version, verdicts.join(", "))
        }
    }
}

fn outcome_sentence(rule: &RuleReport) -> &'static str {
    match (rule.kind, rule.outcome) {
        ("allow", "fires") => "permits this",
        ("allow", "undecided") => "would permit this, but a fact is missing",
        ("deny", "fires") => "forbids this",
        ("defer", "fires") => "asks for more",
        ("advise", "fires") => "remarks on this",
        ("require", "fires") => "is not satisfied",
        (_, "undecided") => "cannot be told without a fact that is missing",
        (_, "unapproved") => "asks for an approval that is not there",
        _ => "could not be evaluated",
    }
}

fn write_clauses(out: &mut String, rule: &RuleReport) {
    for clause in &rule.clauses {
        let _ = write!(out, "      {}  is {}", clause.text, clause.outcome);
        let facts: Vec<String> = clause
            .facts
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        if !facts.is_empty() {
            let _ = write!(out, "   ({})", facts.join(", "));
        }
        out.push('\n');
    }
}

fn write_risk(out: &mut String, decision: &Decision<'_>) {
    let addends: Vec<String> = decision
        .risk
        .iter()
        .map(|addend| format!("{} {}", addend.reason, addend.points))
        .collect();
    let high = if decision.high_risk { ", high" } else { "" };
    let _ = writeln!(
        out,
        "\nRisk {}{high} = {}",
        decision.risk_score,
        addends.join(" + ")
    );
}
