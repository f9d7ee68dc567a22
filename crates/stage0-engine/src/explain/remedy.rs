//! What would turn a decision into an ALLOW, in sentences.
//!
//! Each issue that blocks becomes the steps that resolve it: an approval, a fact, time, or another
//! call. Steps are told once however many issues need them.

use core::fmt::Write as _;

use super::prose::{Prose, blocks, detail, text};
use super::{RuleReport, Wanted};
use crate::codes::IssueCode;
use crate::decision::{Issue, Needs, Resolution, Who};
use crate::describe::ApprovalDescription;
use crate::policy::{EvidenceSource, Verdict};
use crate::time::Duration;

impl Prose<'_, '_> {
    pub(super) fn way_out(&mut self) {
        let decision = &self.explanation.decision;
        if decision.verdict == Verdict::Allow {
            return;
        }
        let mut steps: Vec<String> = Vec::new();
        for issue in decision.issues.iter().filter(|issue| blocks(issue)) {
            for step in self.steps(issue) {
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
        }
        self.heading(if steps.len() > 1 {
            "What would make it an ALLOW: all of this"
        } else {
            "What would make it an ALLOW"
        });
        for (number, step) in (1_u32..).zip(&steps) {
            if steps.len() > 1 {
                self.line(2, &format!("{number}. {step}"));
            } else {
                self.line(2, step);
            }
        }
        if !decision.questions.is_empty() {
            self.heading("Questions to ask");
            for question in &decision.questions {
                self.line(2, &text(question));
            }
        }
    }

    /// What has to happen for an issue to go away.
    fn steps(&self, issue: &Issue<'_>) -> Vec<String> {
        let Some(resolution) = &issue.resolution else {
            return vec![without_resolution(issue)];
        };
        let mut steps = match resolution.needs {
            Needs::Approval => vec![self.approval_step(issue, resolution)],
            Needs::Fact => {
                let mut steps = vec![if issue.code == IssueCode::RUN_REQUIRED.as_str() {
                    "The host passes in the state of the run, and what was counted.".to_owned()
                } else {
                    self.fact_step(resolution)
                }];
                if resolution.approvals > 0 {
                    steps.push(self.approval_step(issue, resolution));
                }
                steps
            }
            Needs::Wait => match resolution.retry_at {
                Some(at) => return vec![format!("Wait until {at}.")],
                None => vec!["Wait.".to_owned()],
            },
            Needs::Fix => return self.fixes(issue, resolution),
        };
        if let (Some(at), Some(last)) = (resolution.retry_at, steps.last_mut()) {
            let _ = write!(last, " Asking again helps from {at} on.");
        }
        steps
    }

    fn fact_step(&self, resolution: &Resolution) -> String {
        let facts: Vec<String> = resolution.facts.iter().map(|fact| text(fact)).collect();
        let facts = list(&facts, "and");
        let who = match resolution.who {
            Who::Agent => "The agent",
            Who::Person => "The host or a person",
        };
        let are_arguments = resolution
            .facts
            .iter()
            .all(|fact| fact.starts_with("args."));
        if facts.is_empty() {
            format!("{who} supplies what is missing.")
        } else if are_arguments && !self.explanation.is_call {
            format!("The agent asks again with the call itself: {facts} comes with it.")
        } else {
            format!("{who} states {facts}.")
        }
    }

    fn approval_step(&self, issue: &Issue<'_>, resolution: &Resolution) -> String {
        let who = match resolution.roles.as_slice() {
            [] => "a person".to_owned(),
            roles => format!("somebody with the role {}", list(roles, "or")),
        };
        let asked = self
            .explanation
            .rules
            .iter()
            .find(|report| report.rule == issue.rule)
            .and_then(|report| report.approval.as_ref());
        let other = match asked.map_or(&[][..], |asked| asked.not.as_slice()) {
            [] => String::new(),
            not => format!(", other than {},", list(not, "or")),
        };
        let mut step = match resolution.approvals {
            0 | 1 => format!("{}{other} approves this", capital(&who)),
            many => format!("{many} different people, each {who}{other} approve this"),
        };
        if let Some(asked) = asked {
            step.push_str(&approval_terms(asked));
        }
        step.push('.');
        step
    }

    fn fixes(&self, issue: &Issue<'_>, resolution: &Resolution) -> Vec<String> {
        let report = self
            .explanation
            .rules
            .iter()
            .filter(|report| report.rule == issue.rule)
            .find(|report| issue.tool.split(", ").any(|tool| tool == report.tool));
        let or_wait = resolution
            .retry_at
            .map(|at| format!(", or ask again from {at} on"))
            .unwrap_or_default();
        if issue.code == IssueCode::CONDITION_ERROR.as_str() {
            return vec![correction(report, issue)];
        }
        if let Some(report) = report.filter(|report| !report.wanted.is_empty()) {
            return report
                .wanted
                .iter()
                .map(|wanted| format!("{}{or_wait}.", wanted_step(wanted)))
                .collect();
        }
        let path = detail(issue, "path").map(text);
        let step = match (issue.code, path) {
            ("ARGUMENT_MISSING", Some(path)) => format!("Give `{path}`."),
            ("ARGUMENT_NOT_ALLOWED", Some(path)) => format!("Leave `{path}` out."),
            (_, Some(path)) => format!("Correct `{path}`."),
            ("NO_RULE_ALLOWS", _) => {
                // What the catalog lacks is told by an issue of its own, with more to go by.
                let is_unknown =
                    |other: &Issue<'_>| ["TOOL_UNCATALOGUED", "TOOL_UNKNOWN"].contains(&other.code);
                if self.explanation.decision.issues.iter().any(is_unknown) {
                    return Vec::new();
                }
                "A rule that allows it is added to the policy.".to_owned()
            }
            ("TOOL_UNCATALOGUED" | "TOOL_UNKNOWN", _) => match detail(issue, "nearest") {
                Some(near) => format!(
                    "Call `{}` if that is meant, or add the tool to the policy's catalog.",
                    text(near)
                ),
                None => "The tool is added to the policy's catalog.".to_owned(),
            },
            ("CONSTRAINT_INVALID", _) => match detail(issue, "example") {
                Some(example) => format!("Write the constraint as in `{}`.", text(example)),
                None => "Correct the constraint.".to_owned(),
            },
            _ if !issue.rule.is_empty() => {
                format!(
                    "Another call: `{}` forbids this one whatever it says.",
                    issue.rule
                )
            }
            _ => "The call or its circumstances change.".to_owned(),
        };
        vec![step]
    }
}

fn wanted_step(wanted: &Wanted) -> String {
    let condition = text(&wanted.text);
    if wanted.holds {
        format!("`{condition}` holds")
    } else {
        format!("`{condition}` does not hold")
    }
}

/// What a condition without a value needs to have one.
fn correction(report: Option<&RuleReport>, issue: &Issue<'_>) -> String {
    let clause = report.and_then(|report| {
        report
            .clauses
            .iter()
            .find(|clause| clause.outcome == "error")
    });
    match clause {
        Some(clause) if !clause.facts.is_empty() => {
            let facts: Vec<String> = clause
                .facts
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            format!(
                "Correct {}, so that `{}` has a value.",
                list(&facts, "or"),
                text(&clause.text)
            )
        }
        _ => format!(
            "Correct what `{}` reads, so that it has a value.",
            text(detail(issue, "condition").unwrap_or(""))
        ),
    }
}

fn approval_terms(approval: &ApprovalDescription) -> String {
    let mut terms = String::new();
    if let Some(ttl) = approval.ttl {
        let _ = write!(terms, "; the approval lasts {}", span_text(ttl));
    }
    if !approval.bind.is_empty() {
        let (bound, now) = match approval.bind.as_slice() {
            [one] => (one.clone(), "it is now"),
            several => (list(several, "and"), "they are now"),
        };
        let _ = write!(terms, "; it is for {bound} as {now}");
    }
    if approval.uses > 1 {
        let _ = write!(terms, "; it is good for {} calls", approval.uses);
    }
    if let Some((fact, max)) = &approval.total {
        let _ = write!(terms, "; {fact} comes to {max} at most, over all of them");
    }
    match approval.evidence {
        EvidenceSource::Asserted => terms.push_str(
            "; the host states it as context.approval_status, approved_by and approved_at",
        ),
        EvidenceSource::Signed => terms.push_str("; it is signed with a key of the policy"),
        EvidenceSource::Host => {}
    }
    terms
}

/// `4h` rather than `14400s`, where it comes out even.
fn span_text(span: Duration) -> String {
    for (unit, unit_ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)] {
        let ms = span.to_ms();
        if ms > 0 && ms.checked_rem(unit_ms) == Some(0) {
            return format!("{}{unit}", ms.checked_div(unit_ms).unwrap_or(0));
        }
    }
    span.to_string()
}

/// What to do about issues that nothing in the request resolves.
fn without_resolution(issue: &Issue<'_>) -> String {
    match issue.code {
        "HALTED" => "The operator lifts the halt.",
        "READ_ONLY_MODE" => "The operator leaves read-only mode.",
        "CLOCK_BACKWARDS" => "Ask with a time that is not before the run's last decision.",
        "APPROVAL_REJECTED" => "Nothing: a person said no. Another action can be asked about.",
        "TOOL_NAME_INVALID" | "TOOL_NAME_CONFUSABLE" => "Use the tool's exact name in the catalog.",
        _ => "Nothing in the request changes this.",
    }
    .to_owned()
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

/// `a, b or c`
fn list(items: &[String], word: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}
