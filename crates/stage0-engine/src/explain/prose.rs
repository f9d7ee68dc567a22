//! An explanation in prose: for a person who never saw the policy.
//!
//! First the answer, then why, then what would change it. Whatever a policy, a request or a model
//! wrote is made legible on the way. The words are the same in every host; only their colours are
//! the host's.

use core::fmt::Write as _;
use std::collections::BTreeSet;

use super::{Approver, ClauseReport, Explanation, RulePart, RuleReport};
use crate::codes::IssueCode;
use crate::decision::{Detail, Issue};
use crate::legible::one_line;
use crate::policy::{Severity, Verdict};

/// Characters of one message, condition or question that are shown.
const TEXT_CHARS_MAX: usize = 200;
/// Columns to which the conditions of one rule are aligned; a longer one pushes its values aside.
const ALIGNED_COLUMNS_MAX: usize = 56;
/// Rules listed that had nothing to say; more would not be read.
const CONTENT_RULES_MAX: usize = 12;
/// Parts of a condition that are listed of a rule that had nothing to say.
const CONTENT_CLAUSES_MAX: usize = 2;
/// Rules listed that might have allowed.
const REFUSED_ALLOWS_MAX: usize = 5;

/// What a piece of the prose is, so that a terminal can colour it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProsePart {
    /// `ALLOW`
    Allow,
    /// `DEFER`
    Defer,
    /// `DENY`
    Deny,
    /// The title of a section.
    Heading,
    /// The code of an issue.
    Code,
    /// The id of a rule.
    Rule,
    /// A part of a condition that is true.
    True,
    /// A part of a condition that is false.
    False,
    /// A part of a condition that cannot be told, or has no value.
    Unknown,
    /// What is there for completeness.
    Faint,
}

/// How the parts of the prose are coloured.
pub trait ProsePaint {
    /// Appends `text` to `out`, with whatever makes it look like its part.
    fn paint(&self, part: ProsePart, text: &str, out: &mut String);
}

/// No colours.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainProse;

impl ProsePaint for PlainProse {
    fn paint(&self, _: ProsePart, text: &str, out: &mut String) {
        out.push_str(text);
    }
}

impl Explanation<'_> {
    /// The explanation in prose, without colours: what was decided, which rules spoke and what they
    /// compared, and what would turn it into an ALLOW.
    pub fn to_prose(&self) -> String {
        self.to_prose_with(&PlainProse)
    }

    /// The explanation in prose, each part painted.
    pub fn to_prose_with(&self, paint: &dyn ProsePaint) -> String {
        let mut prose = Prose {
            explanation: self,
            paint,
            out: String::new(),
        };
        prose.headline();
        prose.reasons();
        prose.permissions();
        prose.observed();
        prose.content();
        prose.remarks();
        prose.way_out();
        prose.outlook();
        prose.out
    }
}

/// Prose in the making.
pub(super) struct Prose<'p, 'a> {
    pub(super) explanation: &'p Explanation<'a>,
    paint: &'p dyn ProsePaint,
    out: String,
}

impl<'p> Prose<'p, '_> {
    fn say(&mut self, part: ProsePart, text: &str) {
        self.paint.paint(part, text, &mut self.out);
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.out.push('\n');
        self.say(ProsePart::Heading, text);
        self.out.push('\n');
    }

    pub(super) fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }

    // --- The answer ---

    fn headline(&mut self) {
        let decision = &self.explanation.decision;
        self.say(verdict_part(decision.verdict), decision.verdict.as_str());
        let tools: Vec<String> = decision
            .tool_verdicts
            .iter()
            .map(|tool| called(&tool.name, tool.tool))
            .collect();
        if let [only] = tools.as_slice() {
            let _ = write!(self.out, "  {only}");
        }
        self.out.push('\n');
        if let Some(goal) = self.explanation.goal {
            self.line(2, &format!("\"{}\"", text(goal)));
        }
        if tools.len() > 1 {
            let width = tools.iter().map(|tool| columns(tool)).max().unwrap_or(0);
            for (tool, verdict) in tools.iter().zip(&decision.tool_verdicts) {
                let _ = write!(self.out, "  {tool}{}  ", pad(tool, width));
                self.say(verdict_part(verdict.verdict), verdict.verdict.as_str());
                self.out.push('\n');
            }
        }
        let by = format!(
            "  decided by {} at {}",
            decision.policy_version(),
            decision.evaluated_at
        );
        self.say(ProsePart::Faint, &by);
        self.out.push('\n');
        let disabled: Vec<String> = decision.disabled().map(text).collect();
        if !disabled.is_empty() {
            self.line(
                2,
                &format!(
                    "without {}, which the policy switches off",
                    disabled.join(", ")
                ),
            );
        }
        if let Some(would) = &decision.would {
            self.out
                .push_str("  Something is only observed; otherwise it would be ");
            self.say(verdict_part(would.verdict), would.verdict.as_str());
            self.out.push_str(".\n");
        }
    }

    // --- Why ---

    fn reasons(&mut self) {
        let decision = &self.explanation.decision;
        if decision.verdict == Verdict::Allow {
            return;
        }
        self.heading("Why");
        // One rule may ask the same about several tools; a person needs to read it once.
        let mut groups: Vec<Vec<&'p Issue<'_>>> = Vec::new();
        for issue in decision.issues.iter().filter(|issue| blocks(issue)) {
            let same = |group: &&mut Vec<&Issue<'_>>| {
                group.first().is_some_and(|first| {
                    (first.code, first.rule, &first.message)
                        == (issue.code, issue.rule, &issue.message)
                        && !issue.rule.is_empty()
                })
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(issue),
                None => groups.push(vec![issue]),
            }
        }
        for (position, group) in groups.iter().enumerate() {
            if position > 0 {
                self.out.push('\n');
            }
            let Some(first) = group.first() else { continue };
            let tools: Vec<&str> = group
                .iter()
                .flat_map(|issue| issue.tool.split(", "))
                .collect();
            self.issue(first, &tools);
            if first.code == IssueCode::NO_RULE_ALLOWS.as_str() {
                self.refused_allows(first, &tools);
            } else {
                self.rules_of(first, &tools);
            }
        }
    }

    fn issue(&mut self, issue: &Issue<'_>, tools: &[&str]) {
        self.out.push_str("  ");
        self.say(ProsePart::Code, issue.code);
        let _ = write!(self.out, " ({})", issue.severity.as_str());
        let has_tool = tools.iter().any(|tool| !tool.is_empty());
        if has_tool && self.explanation.decision.tool_verdicts.len() > 1 {
            let _ = write!(self.out, " for {}", text(&tools.join(", ")));
        }
        self.out.push('\n');
        self.line(2, &text(&issue.message));
        if let Some(near) = detail(issue, "nearest") {
            self.line(2, &format!("The catalog has `{}`.", text(near)));
        }
        if let (Some(condition), Some(error)) = (detail(issue, "condition"), detail(issue, "error"))
        {
            self.line(4, &format!("{}: {}", text(condition), text(error)));
        }
    }

    /// The rules behind an issue, each once however many tools it was asked about with one outcome.
    fn rules_of(&mut self, issue: &Issue<'_>, tools: &[&str]) {
        let reports: Vec<&'p RuleReport> = self
            .explanation
            .rules
            .iter()
            .filter(|report| report.rule == issue.rule && tools.contains(&report.tool.as_str()))
            .collect();
        self.each(&reports, |prose, report, tool| {
            prose.rule(report, &format!("{}{tool}", sentence(report)), 4);
        });
    }

    /// Does something for each report, but once for those that differ only in the tool. Where one rule
    /// came out in several ways, each is told with its tool.
    fn each(
        &mut self,
        reports: &[&'p RuleReport],
        mut each: impl FnMut(&mut Self, &'p RuleReport, &str),
    ) {
        let mut different: Vec<&'p RuleReport> = Vec::new();
        for report in reports {
            let same = |known: &&RuleReport| {
                known.rule == report.rule
                    && known.outcome == report.outcome
                    && known.clauses == report.clauses
            };
            if !different.iter().any(same) {
                different.push(report);
            }
        }
        for report in &different {
            let ways = different.iter().filter(|other| other.rule == report.rule);
            let tool = if ways.count() > 1 {
                format!(" for {}", text(&report.tool))
            } else {
                String::new()
            };
            each(self, report, &tool);
        }
    }

    /// The allow rules that did not allow.
    fn refused_allows(&mut self, issue: &Issue<'_>, tools: &[&str]) {
        let mut reports: Vec<&'p RuleReport> = self
            .explanation
            .rules
            .iter()
            .filter(|report| report.kind == "allow" && tools.contains(&report.tool.as_str()))
            .filter(|report| report.outcome != "fires")
            .collect();
        // The nearest first: the one whose words the issue has.
        reports.sort_by_key(|report| (report.rule != issue.rule, report.wanted.len()));
        if reports.is_empty() {
            self.line(4, "No allow rule of the policy is about it.");
        }
        let left = reports.len().saturating_sub(REFUSED_ALLOWS_MAX);
        reports.truncate(REFUSED_ALLOWS_MAX);
        self.each(&reports, |prose, report, tool| {
            prose.rule(report, &format!("would allow it, but does not{tool}"), 4);
        });
        if left > 0 {
            self.line(
                4,
                &format!("... and {left} more allow {} not.", do_or_does(left)),
            );
        }
    }

    /// A rule with what it compared.
    fn rule(&mut self, report: &RuleReport, sentence: &str, indent: usize) {
        let _ = write!(self.out, "{:indent$}", "");
        self.say(ProsePart::Rule, &report.rule);
        let _ = writeln!(self.out, " {sentence}");
        self.clauses(report, indent.saturating_add(2));
        if let Some(detail) = &report.detail {
            let note = format!("{:1$}note: {2}", "", indent.saturating_add(2), text(detail));
            self.say(ProsePart::Faint, &note);
            self.out.push('\n');
        }
    }

    fn clauses(&mut self, report: &RuleReport, indent: usize) {
        let labels: Vec<&str> = report
            .clauses
            .iter()
            .map(|clause| label(report, clause))
            .collect();
        let texts: Vec<String> = report.clauses.iter().map(clause_text).collect();
        let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
        let label_width = widest(&mut labels.iter().map(|label| label.len()));
        let text_width = widest(
            &mut texts
                .iter()
                .map(|text| columns(text))
                .filter(|columns| *columns <= ALIGNED_COLUMNS_MAX),
        );
        let outcome_width = widest(&mut report.clauses.iter().map(|clause| clause.outcome.len()));
        for ((clause, label), text) in report.clauses.iter().zip(labels).zip(&texts) {
            let _ = write!(self.out, "{:indent$}", "");
            self.say(ProsePart::Faint, &format!("{label:>label_width$}"));
            let _ = write!(self.out, "  {text}{}  ", pad(text, text_width));
            let part = match clause.outcome {
                "true" => ProsePart::True,
                "false" => ProsePart::False,
                _ => ProsePart::Unknown,
            };
            self.say(part, clause.outcome);
            let facts = facts_of(clause);
            if !facts.is_empty() {
                let gap = outcome_width.saturating_sub(clause.outcome.len());
                let _ = write!(self.out, "{:gap$}  {facts}", "");
            }
            self.out.push('\n');
        }
    }

    fn permissions(&mut self) {
        let reports: Vec<&'p RuleReport> = self
            .explanation
            .rules
            .iter()
            .filter(|report| report.kind == "allow" && report.outcome == "fires")
            .filter(|report| !report.observed)
            .collect();
        let is_allowed = self.explanation.decision.verdict == Verdict::Allow;
        if reports.is_empty() {
            if is_allowed {
                self.heading("Why");
                self.line(2, "No rule objects, and the policy allows by default.");
            }
            return;
        }
        self.heading(if is_allowed {
            "Why"
        } else {
            "What speaks for it"
        });
        self.each(&reports, |prose, report, tool| {
            let is_always = report.clauses.is_empty();
            let always = if is_always { ", always" } else { "" };
            prose.rule(report, &format!("allows it{always}{tool}"), 2);
        });
    }

    fn observed(&mut self) {
        let reports: Vec<&'p RuleReport> = self
            .explanation
            .rules
            .iter()
            .filter(|report| report.observed && report.outcome != "silent")
            .collect();
        if reports.is_empty() {
            return;
        }
        self.heading("Only observed");
        self.each(&reports, |prose, report, tool| {
            prose.rule(report, &format!("{}{tool}", sentence(report)), 2);
        });
    }

    /// Rules that applied and had nothing against it, each with what settled it, by policy; and how
    /// many did not apply.
    fn content(&mut self) {
        let silent = || {
            let rules = self.explanation.rules.iter();
            rules.filter(|report| report.kind != "allow" && report.outcome == "silent")
        };
        let mut seen = BTreeSet::new();
        let mut reports: Vec<&'p RuleReport> = silent()
            .filter(|report| report.applies && seen.insert(&report.rule))
            .collect();
        // What spoke for another tool of a plan did apply.
        let applied = self
            .explanation
            .rules
            .iter()
            .filter(|report| report.applies);
        seen.extend(applied.map(|report| &report.rule));
        let others: BTreeSet<&String> = silent()
            .map(|report| &report.rule)
            .filter(|rule| !seen.contains(rule))
            .collect();
        if reports.is_empty() && others.is_empty() {
            return;
        }
        self.heading("What does not stand in the way");
        // The policy's own rules first, then those of what it extends.
        let label = self.explanation.decision.policy_version();
        let own = label.split('@').next().unwrap_or_default();
        reports.sort_by_key(|report| {
            let policy = policy_of(&report.rule);
            (policy != own, policy)
        });
        let policies: BTreeSet<&str> = self
            .explanation
            .rules
            .iter()
            .map(|report| policy_of(&report.rule))
            .collect();
        let shown = reports.get(..CONTENT_RULES_MAX).unwrap_or(&reports);
        let mut group = "";
        for report in shown {
            let policy = policy_of(&report.rule);
            if policies.len() > 1 && policy != group {
                group = policy;
                let title = format!("  {}\n", text(policy));
                self.say(ProsePart::Faint, &title);
            }
            if policies.len() > 1 {
                let rule = report.rule.rsplit('/').next().unwrap_or_default();
                self.content_rule(report, rule, 4);
            } else {
                self.content_rule(report, &report.rule, 2);
            }
        }
        let left = reports.len().saturating_sub(shown.len());
        if left > 0 {
            self.line(2, &format!("... and {left} more"));
        }
        if !others.is_empty() {
            let count = others.len();
            let more = if reports.is_empty() { "" } else { " more" };
            let not = format!("  {count}{more} {} not apply.\n", do_or_does(count));
            self.say(ProsePart::Faint, &not);
        }
    }

    fn content_rule(&mut self, report: &RuleReport, rule: &str, indent: usize) {
        let _ = write!(self.out, "{:indent$}", "");
        self.say(ProsePart::Rule, rule);
        let (why, outcome) = match report.kind {
            "require" => ("is satisfied", "true"),
            "approval" => ("has its approval", ""),
            "limit" if !report.approvers.is_empty() => ("has its approval", "false"),
            "limit" => ("has room for it", "true"),
            _ => ("has no objection", "false"),
        };
        let _ = write!(self.out, " {why}");
        if !report.approvers.is_empty() {
            let given: Vec<String> = report.approvers.iter().map(yes_of).collect();
            let _ = write!(self.out, ": {}", given.join(", "));
        }
        let settled: Vec<String> = report
            .clauses
            .iter()
            .filter(|clause| clause.part == RulePart::Condition && clause.outcome == outcome)
            .take(CONTENT_CLAUSES_MAX)
            .map(|clause| {
                let facts = facts_of(clause);
                let clause = text(&clause.text);
                if facts.is_empty() {
                    format!("{clause} is {outcome}")
                } else {
                    format!("{clause} is {outcome} ({facts})")
                }
            })
            .collect();
        if !settled.is_empty() {
            let settled = format!(": {}", settled.join(", "));
            self.say(ProsePart::Faint, &settled);
        }
        self.out.push('\n');
    }

    fn remarks(&mut self) {
        let remarks: Vec<&Issue<'_>> = self
            .explanation
            .decision
            .issues
            .iter()
            .filter(|issue| !blocks(issue))
            .collect();
        if remarks.is_empty() {
            return;
        }
        self.heading("Remarks");
        for issue in remarks {
            let tools: Vec<&str> = issue.tool.split(", ").collect();
            self.issue(issue, &tools);
        }
    }

    // --- How long it stands ---

    fn outlook(&mut self) {
        let decision = &self.explanation.decision;
        self.out.push('\n');
        if let Some(until) = decision.valid_until {
            self.line(
                0,
                &format!("This answer stands until {until} at the latest."),
            );
        }
        let risk = decision.risk();
        let addends = risk.addends.iter();
        let addends: Vec<String> = addends
            .map(|addend| format!("{} {}", text(addend.reason), addend.points))
            .collect();
        let high = if risk.is_high { " (high)" } else { "" };
        let score = risk.score;
        let risk = format!("Risk {score} of 100{high} = {}", addends.join(" + "));
        self.say(ProsePart::Faint, &risk);
        self.out.push('\n');
    }
}

/// Whether an issue keeps the call from being allowed.
pub(super) fn blocks(issue: &Issue<'_>) -> bool {
    issue.resolution.is_some() || issue.severity >= Severity::High
}

/// A yes, by whom and until when.
fn yes_of(approver: &Approver) -> String {
    match approver.until {
        Some(until) => format!("by {}, until {until}", text(&approver.by)),
        None => format!("by {}, which does not end", text(&approver.by)),
    }
}

fn verdict_part(verdict: Verdict) -> ProsePart {
    match verdict {
        Verdict::Allow => ProsePart::Allow,
        Verdict::Defer => ProsePart::Defer,
        Verdict::Deny => ProsePart::Deny,
    }
}

/// The tool as it was called, with its name in the catalog where that is another.
fn called(name: &str, tool: Option<&str>) -> String {
    match tool {
        Some(tool) if tool != name => format!("{} (in the catalog {tool})", text(name)),
        _ => text(name),
    }
}

fn sentence(report: &RuleReport) -> &'static str {
    match (report.kind, report.outcome) {
        ("allow", "fires") => "allows it",
        ("allow", "undecided") => "would allow it, but a fact is missing",
        ("deny", "fires") => "forbids it",
        ("defer", "fires") => "wants more before it may run",
        ("advise", "fires") => "remarks on it",
        ("require", "fires") => "requires what does not hold",
        (_, "undecided") => "cannot be told: a fact is missing",
        (_, "unapproved") => "asks for an approval",
        (_, "exceeded") => "has no room for it",
        (_, "uncounted") => "cannot be told: nobody has said what was counted",
        (_, "full") => "has no room to count it apart",
        _ => "could not be evaluated",
    }
}

/// The policy of a rule's whole id; the name of a pack has a `/` of its own.
fn policy_of(rule: &str) -> &str {
    rule.rsplit_once('/').map_or("", |(policy, _)| policy)
}

/// What a clause is there for, in the rule's words, or how it is joined to the one before.
fn label(report: &RuleReport, clause: &ClauseReport) -> &'static str {
    if !clause.joined.is_empty() {
        return clause.joined;
    }
    match (clause.part, report.kind) {
        (RulePart::When, _) => "applies when",
        (RulePart::Condition, "allow") => "allows when",
        (RulePart::Condition, "deny") => "forbids when",
        (RulePart::Condition, "defer") => "defers when",
        (RulePart::Condition, "require") => "requires",
        (RulePart::Condition, "limit") => "counts",
        (RulePart::Condition, _) => "remarks when",
    }
}

fn clause_text(clause: &ClauseReport) -> String {
    let written = text(&clause.text);
    match &clause.named {
        Some(name) => format!("{written} (let.{name})"),
        None => written,
    }
}

/// The values that a clause compared; none where the clause is the value.
fn facts_of(clause: &ClauseReport) -> String {
    let facts: Vec<String> = clause
        .facts
        .iter()
        .filter(|(name, _)| *name != clause.text)
        .map(|(name, value)| match value.as_str() {
            // A text of that wording would stand in quotes.
            "missing" => format!("{name} is missing"),
            value => format!("{name} = {value}"),
        })
        .collect();
    facts.join(", ")
}

pub(super) fn detail<'i>(issue: &'i Issue<'_>, name: &str) -> Option<&'i str> {
    issue
        .details
        .iter()
        .find_map(|(known, detail)| match detail {
            Detail::Text(text) if *known == name => Some(&**text),
            _ => None,
        })
}

pub(super) fn text(text: &str) -> String {
    one_line(text, TEXT_CHARS_MAX)
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

/// The spaces that bring a text to a width.
fn pad(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(columns(text)))
}

fn do_or_does(count: usize) -> &'static str {
    if count == 1 { "rule does" } else { "rules do" }
}
