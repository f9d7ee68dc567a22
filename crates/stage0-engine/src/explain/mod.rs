//! Why a decision is what it is: every rule that was asked, with the values that it compared.
//!
//! Explaining decides again with everything kept, so it always fits the decision. Here it is data;
//! `prose` and `remedy` turn it into sentences, once for all hosts.

mod prose;
mod remedy;

use std::collections::BTreeSet;
use std::vec::IntoIter;

use bumpalo::Bump;

pub use prose::{PlainProse, ProsePaint, ProsePart};

use crate::condition::Path;
use crate::condition::evaluate::Machine;
use crate::condition::show::show;
use crate::condition::trace::{Clause, Trace, let_of};
use crate::condition::tree::{Expr, Id, Operator};
use crate::condition::value::Value;
use crate::decide::limit::Tally;
use crate::decide::rule::{Inquiry, Outcome};
use crate::decide::subject::{Plan, refuse};
use crate::decide::{Draft, peek};
use crate::decision::Decision;
use crate::describe::{ApprovalDescription, describe_approval, kind_of};
use crate::facts::Facts;
use crate::facts::run::RunView;
use crate::host::Host;
use crate::index::limit::limit_text;
use crate::index::make::approver_path;
use crate::index::private::PRIVATE;
use crate::index::{
    Candidates, CompiledApproval, CompiledCondition, CompiledRule, Layer, PolicyIndex, RuleKind,
};
use crate::policy::EvidenceSource;
use crate::request::Request;
use crate::span::Span;
use crate::state::RunState;
use crate::time::Timestamp;

/// Which condition of a rule something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RulePart {
    /// Its `when`: whether it applies at all.
    When,
    /// What it allows, forbids or requires.
    Condition,
}

/// A part of a condition with its outcome and the facts that it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseReport {
    /// The part as it was written; with the `!` in front of it, if one stands there.
    pub text: String,
    /// The named expression that it is a part of.
    pub named: Option<String>,
    /// How it is joined to the part before: `and`, `or`, `then`, `else`; empty for the first.
    pub joined: &'static str,
    /// Where it stands.
    pub place: Span,
    /// Which condition of the rule it belongs to.
    pub part: RulePart,
    /// `true`, `false`, `unknown` or `error`.
    pub outcome: &'static str,
    /// Each fact with its value as text; `missing` where there is none, and `(private)` for the value of
    /// a private fact.
    pub facts: Vec<(String, String)>,
}

/// A part of a condition that would have to come out differently for a rule to be content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The part as it was written.
    pub text: String,
    /// Whether it would have to hold, or must not hold.
    pub holds: bool,
}

/// Somebody whose approval a rule has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Approver {
    /// Who said yes.
    pub by: String,
    /// When the yes ends, if it does.
    pub until: Option<Timestamp>,
}

/// A rule that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReport {
    /// `pack/id`
    pub rule: String,
    /// Where its id stands.
    pub place: Span,
    /// The tool that it was asked about; empty for a plan without tools.
    pub tool: String,
    /// `allow`, `deny`, `defer`, `advise`, `require` or `approval`.
    pub kind: &'static str,
    /// What came of it: `fires`, `silent`, `undecided`, `error`, `unapproved`; of a limit `exceeded`,
    /// `uncounted` where the host has not said what was counted, or `full`.
    pub outcome: &'static str,
    /// Whether the verdict rests on it: it allowed, or it kept the call from being allowed.
    pub speaks: bool,
    /// Whether its `when` is true, or it has none.
    pub applies: bool,
    /// Whether it is only observed.
    pub observed: bool,
    /// What only the log gets.
    pub detail: Option<String>,
    /// The approval that it asks for.
    pub approval: Option<ApprovalDescription>,
    /// Who gave it, if it has it.
    pub approvers: Vec<Approver>,
    /// The parts of its `when` and its condition.
    pub clauses: Vec<ClauseReport>,
    /// What would have to be different: for an allow to permit, for the others to be content. All of
    /// an allow's and of a require's; of a deny's or defer's any one.
    pub wanted: Vec<Wanted>,
}

/// A decision with the rules behind it.
#[derive(Debug)]
pub struct Explanation<'a> {
    /// The decision.
    pub decision: Decision<'a>,
    /// What is to be done, in the agent's words.
    pub goal: Option<&'a str>,
    /// Whether one call was decided, and not a plan.
    pub is_call: bool,
    /// Every rule whose scope matched, by tool and id. None where the call was refused before any
    /// rule was asked.
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
    let decision = peek(policy, request, host, state, now);
    let arena = Bump::new();
    let mut facts = Facts::gather(&policy.facts, request, now, &arena);
    let plan = Plan::new(policy, request);
    let mut scratch = Draft::new(policy, request, host, now);
    let mut rules = Vec::new();
    let mut found = Candidates::default();
    for subject in &plan.subjects {
        for (layer, view) in policy.layers.iter().zip(&subject.views) {
            let tool = subject.tool_name(view);
            facts.turn_to(layer, tool, view);
            if let Some(run) = &state.run {
                let known = RunView::new(run, subject, view, (request, host, state), now);
                facts.turn_to_run(&known);
            }
            layer.candidates(tool, view.reach(), &mut found);
            let machine = Machine::new(&facts, &policy.constants, &arena);
            let mut inquiry = Inquiry {
                layer,
                subject,
                view,
                request,
                host,
                state,
                now,
                machine,
            };
            if refuse(&inquiry, &mut scratch) {
                continue;
            }
            for rule in found.of(layer) {
                let reported = report(&mut inquiry, rule);
                if rule.counts_for(view.reach()) || reported.outcome == "error" {
                    rules.push(reported);
                }
            }
        }
    }
    let is_private = |root: &str| {
        let path = Path {
            root: root.to_owned(),
            steps: Vec::new(),
        };
        policy
            .layers
            .iter()
            .any(|layer| layer.private.covers(&path))
    };
    rules.sort_by(|one, two| (&one.tool, &one.rule).cmp(&(&two.tool, &two.rule)));
    Explanation {
        decision,
        goal: request.goal().filter(|_| !is_private("goal")),
        is_call: request.has_call(),
        rules,
    }
}

fn report<'a: 'x, 'x>(inquiry: &mut Inquiry<'a, 'x, '_>, rule: &'a CompiledRule) -> RuleReport {
    let asked = inquiry.ask(rule);
    let mut clauses = Vec::new();
    let is_limit = rule.is_limit();
    let parts = [
        (RulePart::When, rule.when.as_deref()),
        (RulePart::Condition, (!is_limit).then_some(&*rule.condition)),
    ];
    for (part, condition) in parts {
        if let Some(condition) = condition {
            clause_reports(inquiry, part, condition, &mut clauses);
        }
    }
    let applies = rule.when.as_ref().is_none_or(|when| {
        let value = inquiry.machine.run(&when.program);
        matches!(value, Value::Bool(true))
    });
    let kind = kind_of(rule);
    let restricts = !matches!(rule.kind, RuleKind::Allow | RuleKind::Advise);
    let (outcome, speaks) = match asked.outcome {
        Outcome::Fires => ("fires", true),
        Outcome::Silent => ("silent", false),
        Outcome::Undecided => ("undecided", restricts || kind == "allow"),
        Outcome::Broken => ("error", true),
        Outcome::Unapproved(_) => ("unapproved", true),
        Outcome::Exceeded(_) => ("exceeded", true),
        Outcome::Uncounted => ("uncounted", true),
        Outcome::Full => ("full", true),
    };
    let mut is_lifted = matches!(rule.kind, RuleKind::Approval(_));
    if let RuleKind::Limit(limit) = &rule.kind
        && let Ok(tally) = inquiry.tally(rule, limit)
    {
        is_lifted = tally.is_exceeded();
        let text = limit_text(rule, limit, inquiry.machine.facts.table());
        clauses.push(tally_report(rule, text, &tally));
    }
    RuleReport {
        rule: rule.id.to_string(),
        place: rule.place,
        tool: inquiry.subject.name.unwrap_or("").to_owned(),
        kind,
        outcome,
        speaks: speaks && !rule.observe,
        applies,
        observed: rule.observe,
        detail: rule.detail.as_deref().map(str::to_owned),
        approval: describe_approval(rule, inquiry.machine.facts.table()),
        approvers: match outcome {
            "silent" if applies && is_lifted => approvers(inquiry, rule),
            _ => Vec::new(),
        },
        clauses,
        wanted: wanted(inquiry, rule),
    }
}

/// What a limit counted, as the clause that it is.
fn tally_report(rule: &CompiledRule, text: String, tally: &Tally) -> ClauseReport {
    let facts = [
        ("counted before", tally.counted),
        ("this call", tally.amount),
        ("max", tally.max),
    ];
    let facts = facts.map(|(name, number)| (name.to_owned(), number.to_string()));
    ClauseReport {
        text,
        named: None,
        joined: "",
        place: rule.place,
        part: RulePart::Condition,
        outcome: if tally.is_exceeded() { "false" } else { "true" },
        facts: facts.to_vec(),
    }
}

fn approvers<'a: 'x, 'x>(inquiry: &Inquiry<'a, 'x, '_>, rule: &CompiledRule) -> Vec<Approver> {
    let asserted = |approval: &CompiledApproval| approval.evidence == EvidenceSource::Asserted;
    let is_private =
        rule.approval().is_some_and(asserted) && inquiry.layer.private.covers(&approver_path());
    let approvers = inquiry.approvers(rule).into_iter();
    approvers
        .map(|(by, until)| Approver {
            by: if is_private { PRIVATE.to_owned() } else { by },
            until,
        })
        .collect()
}

fn has_parts(condition: &CompiledCondition) -> bool {
    !condition.tree.nodes.is_empty() && !condition.is_true
}

fn clause_reports<'a: 'x, 'x>(
    inquiry: &mut Inquiry<'a, 'x, '_>,
    part: RulePart,
    condition: &'a CompiledCondition,
    reports: &mut Vec<ClauseReport>,
) {
    if !has_parts(condition) {
        return;
    }
    // A named expression says more by its own parts than by its name. Each is taken apart once: they
    // may need each other in every combination, though never in a circle.
    let mut shown: BTreeSet<&str> = BTreeSet::new();
    let trace = Trace::of(&mut inquiry.machine, condition);
    let clauses = trace.clauses(&condition.tree, false).into_iter();
    let mut open: Vec<(Option<&'a str>, &'a CompiledCondition, IntoIter<Clause<'x>>)> =
        vec![(None, condition, clauses)];
    while let Some((name, condition, clauses)) = open.last_mut() {
        let (name, condition) = (*name, *condition);
        let Some(clause) = clauses.next() else {
            open.pop();
            continue;
        };
        let Some(node) = condition.tree.node(clause.part.node) else {
            continue;
        };
        let inner = match &node.expr {
            Expr::Path(path) => let_of(path),
            _ => None,
        };
        let inner = inner
            .and_then(|inner| named(inquiry, inner))
            .filter(|(inner, condition)| has_parts(condition) && shown.insert(inner));
        if let Some((inner, condition)) = inner {
            let trace = Trace::of(&mut inquiry.machine, condition);
            let mut clauses = trace.clauses(&condition.tree, clause.part.negated);
            if let Some(first) = clauses.first_mut() {
                first.part.joined = clause.part.joined;
            }
            open.push((Some(inner), condition, clauses.into_iter()));
            continue;
        }
        let written = condition.text_of(&node.range);
        let negated = clause.part.negated;
        reports.push(ClauseReport {
            text: match (negated, &node.expr) {
                (false, _) => written.to_owned(),
                (true, Expr::Binary { .. } | Expr::Conditional { .. }) => format!("!({written})"),
                (true, _) => format!("!{written}"),
            },
            named: name.map(str::to_owned),
            joined: clause.part.joined,
            place: condition.places.span_of(node.range.clone()),
            part,
            outcome: match clause.value {
                Value::Bool(truth) if truth != negated => "true",
                Value::Bool(_) => "false",
                Value::Unknown => "unknown",
                _ => "error",
            },
            facts: reads(inquiry.layer, condition, &clause.reads),
        });
    }
}

fn named<'a>(
    inquiry: &Inquiry<'a, '_, '_>,
    name: &str,
) -> Option<(&'a str, &'a CompiledCondition)> {
    let layer = inquiry.layer;
    let named = layer.lets.iter().find(|known| *known.name == *name)?;
    Some((&named.name, &named.condition))
}

/// What would have to be different for a rule to permit or to be content: the parts of the outermost
/// conjunction that do not hold, or of the outermost disjunction that do.
fn wanted<'a: 'x, 'x>(inquiry: &mut Inquiry<'a, 'x, '_>, rule: &'a CompiledRule) -> Vec<Wanted> {
    let mut waiting: Vec<(&'a CompiledCondition, Id, bool)> = Vec::new();
    let condition = &*rule.condition;
    match (&rule.kind, rule.when.as_deref()) {
        (RuleKind::Allow, when) => {
            waiting.extend(when.map(|when| (when, when.tree.root(), true)));
            waiting.push((condition, condition.tree.root(), true));
        }
        (RuleKind::Require { .. }, _) => waiting.push((condition, condition.tree.root(), true)),
        (RuleKind::Deny | RuleKind::Defer | RuleKind::Advise, when) => {
            if has_parts(condition) {
                waiting.push((condition, condition.tree.root(), false));
            } else if let Some(when) = when {
                waiting.push((when, when.tree.root(), false));
            }
        }
        // What an approval rule wants is an approval, and a limit wants time, or less.
        (RuleKind::Approval(_) | RuleKind::Limit(_), _) => {}
    }
    waiting.reverse();
    let mut wanted: Vec<Wanted> = Vec::new();
    // Each named expression is looked into once each way, however often others need it.
    let mut visited: BTreeSet<(&str, bool)> = BTreeSet::new();
    let mut traced: Option<(&'a CompiledCondition, Trace<'x>)> = None;
    while let Some((condition, at, holds)) = waiting.pop() {
        if !has_parts(condition) {
            continue;
        }
        let is_traced = traced
            .as_ref()
            .is_some_and(|(known, _)| core::ptr::eq(*known, condition));
        if !is_traced {
            traced = Some((condition, Trace::of(&mut inquiry.machine, condition)));
        }
        let Some((_, trace)) = &traced else { continue };
        let Some(node) = condition.tree.node(at) else {
            continue;
        };
        if matches!(trace.value(at), Value::Bool(truth) if truth == holds) {
            continue;
        }
        match &node.expr {
            Expr::Binary {
                operator: Operator::And,
                left,
                right,
            } if holds => waiting.extend([(condition, *right, holds), (condition, *left, holds)]),
            Expr::Binary {
                operator: Operator::Or,
                left,
                right,
            } if !holds => waiting.extend([(condition, *right, holds), (condition, *left, holds)]),
            Expr::Not(operand) => waiting.push((condition, *operand, !holds)),
            other => {
                let inner = match other {
                    Expr::Path(path) => let_of(path),
                    _ => None,
                };
                if let Some((name, inner)) = inner.and_then(|inner| named(inquiry, inner)) {
                    if visited.insert((name, holds)) {
                        waiting.push((inner, inner.tree.root(), holds));
                    }
                    continue;
                }
                let one = Wanted {
                    text: condition.text_of(&node.range).to_owned(),
                    holds,
                };
                if !wanted.contains(&one) {
                    wanted.push(one);
                }
            }
        }
    }
    wanted
}

fn reads(
    layer: &Layer,
    condition: &CompiledCondition,
    reads: &[(u32, Value<'_>)],
) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = Vec::new();
    for (node, value) in reads {
        let Some(Expr::Path(path)) = condition.tree.node(*node).map(|node| &node.expr) else {
            continue;
        };
        let name = path.to_string();
        if !facts.iter().any(|(known, _)| *known == name) {
            let is_private = match let_of(path) {
                Some(name) => layer
                    .lets
                    .iter()
                    .any(|named| *named.name == *name && named.is_private),
                None => layer.private.covers(path),
            };
            let shown = match value {
                // Neither says what the value is.
                Value::Unknown | Value::Error(_) => show(*value),
                _ if is_private => PRIVATE.to_owned(),
                value => show(*value),
            };
            facts.push((name, shown));
        }
    }
    facts
}
