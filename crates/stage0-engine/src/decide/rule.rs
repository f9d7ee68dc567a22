//! One rule, asked: its outcome, and the finding that follows from it.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::limit::Tally;
use super::limit_finding::is_of_run;
use super::subject::{InRun, Subject, View};
use super::{Counts, Finding, REMARK};
use crate::approval::{self, Approved, Spent};
use crate::codes::IssueCode;
use crate::condition::Slot;
use crate::condition::evaluate::Machine;
use crate::condition::show::tell;
use crate::condition::timing::plan::Plan;
use crate::condition::timing::{Motion, Standing, earlier, standing};
use crate::condition::trace::{Missing, Trace, let_of};
use crate::condition::tree::{Expr, Operator};
use crate::condition::truth::Truth;
use crate::condition::value::Value;
use crate::decision::{Detail, Issue, Needs, Resolution, Who};
use crate::facts::{FactRoot, Presence};
use crate::host::Host;
use crate::index::message::Part;
use crate::index::{CompiledCondition, CompiledRule, Layer, Permission, RuleKind, RuleTiming};
use crate::policy::{Severity, Verdict};
use crate::request::Request;
use crate::state::RunState;
use crate::time::Timestamp;

/// Everything that a rule is asked with.
#[derive(Debug)]
pub(crate) struct Inquiry<'a, 'x, 'i> {
    pub(crate) layer: &'a Layer,
    pub(crate) subject: &'i Subject<'a>,
    pub(crate) view: &'i View<'a>,
    pub(crate) request: &'a Request<'a>,
    pub(crate) host: &'i Host<'a>,
    pub(crate) state: &'i RunState,
    pub(crate) now: Timestamp,
    pub(crate) machine: Machine<'x, 'i>,
}

/// What came of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It applies and speaks.
    Fires,
    /// It does not apply, or is content.
    Silent,
    /// A fact is missing.
    Undecided,
    /// It has no value.
    Broken,
    /// It asks for an approval that is not there.
    Unapproved(Box<Approved>),
    /// A limit would be exceeded.
    Exceeded(Box<Tally>),
    /// Nobody has said what a limit has counted.
    Uncounted,
    /// The run has no room for what a limit would count.
    Full,
}

impl Outcome {
    fn of(truth: Truth) -> Self {
        match truth {
            Truth::True => Self::Fires,
            Truth::False => Self::Silent,
            Truth::Unknown => Self::Undecided,
            Truth::Error => Self::Broken,
        }
    }
}

/// A rule's outcome and how long it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) outcome: Outcome,
    pub(crate) until: Option<Timestamp>,
    /// Whether what its `when` says is so.
    pub(crate) applies: bool,
    /// Whose approval counted.
    pub(crate) spent: Spent,
}

impl<'a: 'x, 'x> Inquiry<'a, 'x, '_> {
    /// Asks a rule.
    pub(crate) fn ask(&mut self, rule: &'a CompiledRule) -> Asked {
        let (when, condition, mut until) = match rule.timing {
            RuleTiming::Traced => self.truths_and_standing(rule),
            RuleTiming::Still | RuleTiming::Planned => self.truths(rule),
        };
        if when == Truth::False {
            return Asked {
                outcome: Outcome::Silent,
                until,
                applies: false,
                spent: Spent::default(),
            };
        }
        let applies = when == Truth::True;
        if let RuleKind::Limit(limit) = &rule.kind {
            return self.ask_limit(rule, limit, when, until);
        }
        if let RuleKind::Approval(approval) = &rule.kind {
            let mut spent = Spent::default();
            let outcome = Outcome::of(when);
            let outcome = self.unless_approved(rule, approval, outcome, &mut until, &mut spent);
            return Asked {
                outcome,
                until,
                applies,
                spent,
            };
        }
        let condition = match rule.kind {
            RuleKind::Require { .. } => condition.not(),
            _ => condition,
        };
        Asked {
            outcome: Outcome::of(when.and(condition)),
            until,
            applies,
            spent: Spent::default(),
        }
    }

    /// What a rule's scope and condition come to, and how long that stands as far as the plan tells.
    #[inline]
    fn truths(&mut self, rule: &'a CompiledRule) -> (Truth, Truth, Option<Timestamp>) {
        if !rule.lets.is_empty() {
            self.prepare(rule);
        }
        let mut until = None;
        let when = match &rule.when {
            Some(when) => self.truth(when, &mut until),
            None => Truth::True,
        };
        // How long it stands is asked of the whole, whatever decides it now.
        let condition = if when == Truth::False && rule.timing == RuleTiming::Still {
            when
        } else {
            self.truth(&rule.condition, &mut until)
        };
        (when, condition, until)
    }

    #[inline]
    fn truth(&mut self, condition: &'a CompiledCondition, until: &mut Option<Timestamp>) -> Truth {
        if condition.is_true {
            return Truth::True;
        }
        let program = &condition.program;
        let Plan::Tests { compared, asked } = &program.timing else {
            return self.machine.ask(program, &[]);
        };
        let mut timed: SmallVec<[Truth; 4]> = SmallVec::new();
        for test in compared {
            let (truth, end) = test.run(&mut self.machine, program, self.now);
            timed.push(truth);
            *until = earlier(*until, end);
        }
        for asked in asked {
            *until = earlier(*until, asked.until(program, self.now));
        }
        self.machine.ask(program, &timed)
    }

    /// What the run knows of the call.
    pub(crate) fn in_run(&self) -> InRun {
        self.subject.in_run(self.request, self.host, self.state)
    }

    /// Evaluates the named expressions that a rule reads, those that others need first.
    pub(super) fn prepare(&mut self, rule: &'a CompiledRule) {
        for index in &rule.lets {
            if self.machine.named(*index).is_none()
                && let Some(named) = self.layer.lets.get(*index as usize)
            {
                let value = self.machine.value_of(&named.condition.program);
                self.machine.set_named(*index, value);
            }
        }
    }

    /// What a rule's scope and condition come to, and how long its outcome stands: for rules that read
    /// the time in ways that are not planned for, whose conditions are run with every part kept.
    fn truths_and_standing(&mut self, rule: &'a CompiledRule) -> (Truth, Truth, Option<Timestamp>) {
        self.prepare(rule);
        let mut named: Vec<(&'a str, Standing)> = Vec::new();
        for index in &rule.lets {
            let Some(let_) = self.layer.lets.get(*index as usize) else {
                continue;
            };
            let (_, standing) = self.value_and_standing(&let_.condition, &named);
            named.push((&let_.name, standing));
        }
        let (mut when, mut until) = (Value::Bool(true), None);
        if let Some(condition) = &rule.when {
            let (value, standing) = self.value_and_standing(condition, &named);
            (when, until) = (value, standing.until);
        }
        let (condition, standing) = self.value_and_standing(&rule.condition, &named);
        let until = earlier(until, standing.until);
        (Truth::of(when), Truth::of(condition), until)
    }

    fn value_and_standing(
        &mut self,
        condition: &'a CompiledCondition,
        named: &[(&'a str, Standing)],
    ) -> (Value<'x>, Standing) {
        let still = Standing {
            motion: Motion::Still,
            until: None,
        };
        if condition.is_true || condition.tree.nodes.is_empty() {
            return (Value::Bool(true), still);
        }
        let trace = Trace::of(&mut self.machine, condition);
        let standing = standing(
            &condition.tree,
            &condition.program,
            &trace,
            self.now,
            &|name| {
                let known = named.iter().find(|(known, _)| *known == name);
                known.map_or(still, |(_, found)| *found)
            },
        );
        (trace.result, standing)
    }

    /// The facts that are missing for a rule, through the named expressions it reads.
    #[inline(never)]
    pub(crate) fn missing(&mut self, rule: &'a CompiledRule) -> Vec<Missing> {
        let mut found = Vec::new();
        let mut waiting: Vec<&'a CompiledCondition> = Vec::new();
        waiting.extend(rule.when.as_deref());
        waiting.push(&rule.condition);
        if let RuleKind::Limit(limit) = &rule.kind {
            waiting.push(&limit.max);
            found.extend(self.missing_per(limit));
        }
        let mut next = 0;
        while let Some(condition) = waiting.get(next).copied() {
            next = next.saturating_add(1);
            let trace = Trace::of(&mut self.machine, condition);
            for missing in trace.missing(&condition.tree) {
                match missing.path.as_ref().and_then(let_of) {
                    Some(name) => {
                        let named = self.layer.lets.iter().find(|named| *named.name == *name);
                        if let Some(named) = named
                            && !waiting
                                .iter()
                                .any(|known| core::ptr::eq(*known, &raw const named.condition))
                        {
                            waiting.push(&named.condition);
                        }
                    }
                    None => found.push(missing),
                }
            }
        }
        if let Some(approval) = rule.approval()
            && approval::fault(approval, self.machine.facts, self.request).is_none()
            && let (Approved::NotYet { facts, .. }, _) = self.approved(rule, approval)
        {
            let table = self.machine.facts.table();
            found.extend(facts.into_iter().map(|name| Missing {
                path: table.named(&name).map(|fact| fact.path.clone()),
                name,
            }));
        }
        found.sort();
        found.dedup();
        found
    }

    /// The part of a rule that has no value, and why.
    #[inline(never)]
    fn fault(&mut self, rule: &'a CompiledRule) -> (String, String) {
        let condition = (!rule.is_limit()).then_some(&rule.condition);
        for condition in rule.when.iter().chain(condition) {
            let trace = Trace::of(&mut self.machine, condition);
            if let Some((node, error)) = trace.error(&condition.tree) {
                let text = condition.tree.node(node).and_then(|node| {
                    condition
                        .text
                        .get(node.range.start as usize..node.range.end as usize)
                });
                return (text.unwrap_or("").to_owned(), error.to_string());
            }
            if !matches!(
                trace.result,
                Value::Bool(_) | Value::Unknown | Value::Error(_)
            ) {
                return (
                    condition.text.to_string(),
                    "it is not true or false".to_owned(),
                );
            }
        }
        if let Some(approval) = rule.approval()
            && let Some(fault) = approval::fault(approval, self.machine.facts, self.request)
        {
            return fault;
        }
        if let RuleKind::Limit(limit) = &rule.kind {
            return self.limit_fault(rule, limit);
        }
        (
            rule.condition.text.to_string(),
            "it has no value".to_owned(),
        )
    }

    // --- Findings ---

    /// What follows from a rule's outcome; nothing where it is content.
    pub(crate) fn finding(&mut self, rule: &'a CompiledRule, asked: Asked) -> Option<Finding<'a>> {
        match (asked.outcome, &rule.kind) {
            (Outcome::Silent, _) => None,
            (Outcome::Broken, _) => Some(self.broken(rule)),
            // An allow that is true or cannot be told is the permission's business.
            (_, RuleKind::Allow) => None,
            (Outcome::Undecided, RuleKind::Advise) => None,
            (
                Outcome::Undecided,
                RuleKind::Require {
                    otherwise,
                    missing_otherwise: true,
                },
            ) => Some(self.fired(rule, *otherwise, asked.until)),
            (Outcome::Undecided, _) => Some(self.undecided(rule)),
            (Outcome::Unapproved(approved), kind) => {
                let mut finding = self.unapproved(rule, rule.approval()?, *approved);
                if let RuleKind::Limit(limit) = kind {
                    self.tell_excess(rule, limit, &mut finding);
                }
                Some(finding)
            }
            (Outcome::Fires, RuleKind::Advise) => {
                let denies = self.request.pro() && rule.severity >= Severity::Medium;
                let verdict = if denies { Verdict::Deny } else { REMARK };
                Some(self.fired(rule, verdict, None))
            }
            (Outcome::Fires, RuleKind::Deny) => Some(self.fired(rule, Verdict::Deny, asked.until)),
            (Outcome::Fires, RuleKind::Defer) => {
                Some(self.fired(rule, Verdict::Defer, asked.until))
            }
            (Outcome::Fires, RuleKind::Require { otherwise, .. }) => {
                Some(self.fired(rule, *otherwise, asked.until))
            }
            (Outcome::Fires, RuleKind::Approval(_) | RuleKind::Limit(_)) => None,
            (Outcome::Exceeded(tally), RuleKind::Limit(limit)) => {
                Some(self.exceeded(rule, limit, &tally))
            }
            (Outcome::Exceeded(_), _) => None,
            (Outcome::Uncounted, _) => Some(self.without_run(rule)),
            (Outcome::Full, _) => Some(self.full(rule)),
        }
    }

    pub(super) fn issue(
        &self,
        rule: &'a CompiledRule,
        code: &'a str,
        message: Cow<'a, str>,
    ) -> Issue<'a> {
        Issue {
            code,
            severity: rule.severity,
            message,
            rule: &rule.id,
            family: rule.family.as_deref().unwrap_or(""),
            tool: self.subject.name.map_or(Cow::Borrowed(""), Cow::Borrowed),
            details: Vec::new(),
            resolution: None,
        }
    }

    /// The rule's own words, with the facts in them as they are.
    pub(super) fn message(&self, rule: &'a CompiledRule) -> Option<Cow<'a, str>> {
        let message = rule.message.as_ref()?;
        if message.parts.is_empty() {
            return Some(Cow::Borrowed(&*message.text));
        }
        let parts = message.parts.iter().map(|part| match part {
            Part::Text(text) => Cow::Borrowed(&**text),
            Part::Fact(slot) => Cow::Owned(tell(self.machine.facts.value(*slot))),
            Part::Let(named) => {
                let value = self.machine.named(*named).unwrap_or(Value::Unknown);
                Cow::Owned(tell(value))
            }
        });
        Some(Cow::Owned(parts.collect()))
    }

    fn fired(
        &mut self,
        rule: &'a CompiledRule,
        verdict: Verdict,
        until: Option<Timestamp>,
    ) -> Finding<'a> {
        let message = match (self.message(rule), &rule.kind) {
            (Some(message), _) => message,
            (None, RuleKind::Require { .. }) => about(rule, " is not satisfied."),
            (None, RuleKind::Advise) => about(rule, " applies."),
            (None, _) if verdict == Verdict::Defer => {
                about(rule, " asks for more before this may run.")
            }
            (None, _) => about(rule, " forbids this."),
        };
        let mut issue = self.issue(rule, &rule.issue, message);
        if verdict != REMARK {
            // What time alone would change is waited for; the rest has to be done differently.
            let retry_at = until.filter(|until| *until > self.now);
            let needs = match (rule.needs, retry_at) {
                (Some(needs), _) if verdict == Verdict::Defer => needs,
                (_, Some(_)) if verdict == Verdict::Defer => Needs::Wait,
                _ => Needs::Fix,
            };
            let who = match needs {
                Needs::Approval | Needs::Fact => Who::Person,
                Needs::Wait | Needs::Fix => Who::Agent,
            };
            let mut resolution = Resolution::new(needs, who);
            resolution.retry_at = retry_at;
            issue.resolution = Some(resolution);
        }
        let questions = if verdict == Verdict::Deny {
            Vec::new()
        } else {
            asks(rule)
        };
        Finding {
            verdict,
            issue,
            counts: Counts::of(rule),
            questions,
        }
    }

    fn broken(&mut self, rule: &'a CompiledRule) -> Finding<'a> {
        let (place, reason) = self.fault(rule);
        let message = Cow::Owned(format!("Rule {} cannot be evaluated: {reason}.", rule.id));
        let mut issue = self.issue(rule, IssueCode::CONDITION_ERROR.as_str(), message);
        issue.severity = IssueCode::CONDITION_ERROR.severity();
        issue
            .details
            .push(("condition", Detail::Text(place.into())));
        issue.details.push(("error", Detail::Text(reason.into())));
        issue.resolution = Some(Resolution::new(Needs::Fix, Who::Agent));
        Finding {
            verdict: Verdict::Deny,
            issue,
            counts: Counts::of(rule),
            questions: Vec::new(),
        }
    }

    /// A rule that cannot be told without facts that are missing.
    fn undecided(&mut self, rule: &'a CompiledRule) -> Finding<'a> {
        let missing = self.missing(rule);
        if self.state.run.is_none() && is_of_run(&missing) {
            return self.without_run(rule);
        }
        let names: Vec<String> = missing.iter().map(|missing| missing.name.clone()).collect();
        let mut issue = self.issue(rule, &rule.issue_unknown, missing_message(&names));
        issue.severity = IssueCode::FACT_MISSING.severity();
        // What the agent states it can supply itself; the rest is the host's or a person's word.
        let agent = missing.iter().all(|missing| {
            missing.path.as_ref().is_none_or(|path| {
                FactRoot::find(&path.root).is_some_and(|info| info.root != FactRoot::Context)
            })
        });
        let questions = self.questions(rule, &missing);
        let mut resolution =
            Resolution::new(Needs::Fact, if agent { Who::Agent } else { Who::Person });
        resolution.facts.clone_from(&names);
        issue.details.push(("facts", Detail::Texts(names)));
        issue.resolution = Some(resolution);
        Finding {
            verdict: Verdict::Defer,
            issue,
            counts: Counts::of(rule),
            questions,
        }
    }

    /// An allow that would permit if its facts were there.
    pub(crate) fn undecided_allow(&mut self, rule: &'a CompiledRule) -> Finding<'a> {
        let mut finding = self.undecided(rule);
        finding.counts = Counts::Always;
        if self.subject.is_call || !rule.reads_args {
            return finding;
        }
        // In a plan the arguments are not there yet: they come with the call.
        if let Some(resolution) = &mut finding.issue.resolution {
            resolution.who = Who::Agent;
        }
        finding
    }

    fn questions(&self, rule: &'a CompiledRule, missing: &[Missing]) -> Vec<Cow<'a, str>> {
        let mut questions: Vec<Cow<'a, str>> = Vec::new();
        for missing in missing {
            let slot = missing
                .path
                .as_ref()
                .and_then(|path| self.machine.facts.table().slot(path));
            match slot.and_then(|slot| self.layer.questions.get(&slot)) {
                Some(question) => questions.push(Cow::Borrowed(&**question)),
                None if !rule.ask.is_empty() => questions.extend(asks(rule)),
                None => questions.push(Cow::Owned(format!("What is {}?", missing.name))),
            }
        }
        questions
    }

    /// Nothing permits: told with the words of the allow that came nearest.
    #[inline(never)]
    pub(crate) fn not_permitted(
        &mut self,
        refused: &[&'a CompiledRule],
        default: Permission,
        observed_allow: bool,
    ) -> Finding<'a> {
        let mut nearest: Option<(usize, &'a CompiledRule)> = None;
        for rule in refused.iter().copied() {
            let false_clauses = self.false_clauses(rule);
            let nearer = nearest
                .is_none_or(|(fewest, known)| (false_clauses, &rule.id) < (fewest, &known.id));
            if nearer {
                nearest = Some((false_clauses, rule));
            }
        }
        let code = IssueCode::NO_RULE_ALLOWS;
        let (verdict, severity) = match default {
            Permission::Defer => (Verdict::Defer, Severity::Medium),
            Permission::Allow | Permission::Deny => (Verdict::Deny, code.severity()),
        };
        let message = match nearest.and_then(|(_, rule)| self.message(rule)) {
            Some(message) => message,
            None if observed_allow => {
                Cow::Borrowed("Only a rule that is merely observed allows this.")
            }
            None => Cow::Borrowed("No rule allows this."),
        };
        let mut issue = Issue {
            code: code.as_str(),
            severity,
            message,
            rule: nearest.map_or("", |(_, rule)| &rule.id),
            family: "",
            tool: self.subject.name.map_or(Cow::Borrowed(""), Cow::Borrowed),
            details: Vec::new(),
            resolution: Some(Resolution::new(Needs::Fix, Who::Agent)),
        };
        if let Some(resolution) = &mut issue.resolution
            && verdict == Verdict::Defer
        {
            resolution.who = Who::Person;
        }
        Finding {
            verdict,
            issue,
            counts: Counts::Always,
            questions: Vec::new(),
        }
    }

    /// How many of the clauses that have to hold are false.
    fn false_clauses(&mut self, rule: &'a CompiledRule) -> usize {
        let mut count = 0_usize;
        for condition in rule.when.iter().chain([&rule.condition]) {
            let trace = Trace::of(&mut self.machine, condition);
            // Only what is joined by `&&` has to hold each by itself.
            let mut waiting = vec![condition.tree.root()];
            while let Some(at) = waiting.pop() {
                match condition.tree.node(at).map(|node| &node.expr) {
                    Some(Expr::Binary {
                        operator: Operator::And,
                        left,
                        right,
                    }) => waiting.extend([*left, *right]),
                    _ if matches!(trace.value(at), Value::Bool(false)) => {
                        count = count.saturating_add(1);
                    }
                    _ => {}
                }
            }
        }
        count
    }

    /// Whether a fact is there, for the check of declared types.
    pub(crate) fn is_present(&self, slot: Slot) -> bool {
        matches!(
            self.machine.facts.presence(slot),
            Presence::Present | Presence::Error(_)
        )
    }
}

/// A sentence about a rule.
pub(super) fn about<'a>(rule: &CompiledRule, says: &str) -> Cow<'a, str> {
    Cow::Owned(["Rule ", &rule.id, says].concat())
}

pub(super) fn asks(rule: &CompiledRule) -> Vec<Cow<'_, str>> {
    rule.ask.iter().map(|ask| Cow::Borrowed(&**ask)).collect()
}

fn missing_message<'a>(names: &[String]) -> Cow<'a, str> {
    match names {
        [] => Cow::Borrowed("A fact that decides is missing."),
        [name] => Cow::Owned(format!("{name} is missing.")),
        names => Cow::Owned(format!("{} are missing.", names.join(", "))),
    }
}
