//! One decision, rule by rule: no index, no compilation, nothing remembered between rules.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use super::state::{Moment, advance};
use stage0_engine::codes::IssueCode;
use stage0_engine::digest::Digest;
use stage0_engine::host::ApprovalRecord;
use stage0_engine::policy::{EvidenceSource, Mode, Severity, UnknownTools, Verdict};
use stage0_engine::state::RunState;

use super::approval::{self, Approved};
use super::arguments;
use super::condition::{Expr, Outcome, Path, Scope, all, read_set};
use super::model::{Action, Approval, FactDeclaration, Policy, Request, Rule, Tool};
use super::phrases::{self, Meaning};
use super::value::{Value, object, text};

/// What a call uses that nobody had to approve.
static NOTHING: BTreeSet<String> = BTreeSet::new();

/// The host's word beside the request.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// The operator's mode.
    pub mode: Mode,
    /// People's answers.
    pub approvals: Vec<ApprovalRecord>,
    /// What the run has done so far.
    pub state: RunState,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The code.
    pub code: String,
    /// Its weight.
    pub severity: Severity,
    /// The rule, as `pack/id`.
    pub rule: String,
    /// The tool.
    pub tool: String,
    /// The facts that are missing.
    pub missing: BTreeSet<String>,
    /// What else distinguishes it: the path of an argument, a field, an effect, a constraint.
    pub about: String,
    /// What it asks; the answer has all questions together.
    pub questions: BTreeSet<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// The reasons, heaviest first.
    pub issues: Vec<Issue>,
    /// The facts that the rules in scope read.
    pub depends_on: Vec<String>,
    /// Each tool as it was named, the catalogued tool that it is, and its verdict.
    pub tools: Vec<(String, String, Verdict)>,
    /// What it would have been, had nothing been merely observed.
    pub would: Option<(Verdict, Vec<Issue>)>,
    /// What a DEFER asks.
    pub questions: BTreeSet<String>,
    /// Digest of what was decided about.
    pub action: Digest,
    /// The run after it.
    pub next: RunState,
}

impl fmt::Display for Issue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            severity,
            rule,
            tool,
            missing,
            about,
            questions: _,
        } = self;
        write!(out, "  {code} {} `{rule}` on `{tool}`", severity.as_str())?;
        write!(out, " about `{about}` wants {missing:?}")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "  {} reading {:?}, tools {:?}",
            self.verdict.as_str(),
            self.depends_on,
            self.tools
        )?;
        self.issues
            .iter()
            .try_for_each(|issue| writeln!(out, "{issue}"))?;
        if let Some((verdict, issues)) = &self.would {
            writeln!(out, "  would {}", verdict.as_str())?;
            issues
                .iter()
                .try_for_each(|issue| writeln!(out, "  {issue}"))?;
        }
        if !self.questions.is_empty() {
            writeln!(out, "  asking {:?}", self.questions)?;
        }
        writeln!(out, "  run {:?}", self.next)
    }
}

/// A rule with what its conditions may name.
#[derive(Debug, Clone)]
struct Part<'p> {
    id: String,
    rule: &'p Rule,
    policy: &'p Policy,
}

/// A policy with what it builds on.
#[derive(Debug)]
struct Layer<'p> {
    rules: Vec<Part<'p>>,
    tools: Vec<&'p Tool>,
    default: Option<Verdict>,
    mode: Option<Mode>,
    unknown_tools: Option<UnknownTools>,
    timezone: Option<&'static str>,
    own_effect: bool,
    facts: Vec<&'p FactDeclaration>,
}

impl<'p> Layer<'p> {
    fn of(policy: &'p Policy) -> Self {
        let part = |rule: &'p Rule| Part {
            id: format!("{}/{}", policy.name, rule.id),
            rule,
            policy,
        };
        let mut layer = Self {
            rules: policy.rules.iter().map(part).collect(),
            tools: policy.tools.iter().collect(),
            default: policy.default,
            mode: policy.mode,
            unknown_tools: policy.unknown_tools,
            timezone: policy.timezone,
            own_effect: policy.own_effect,
            facts: policy.facts.iter().collect(),
        };
        for (import, allows) in &policy.extends {
            let import = Self::of(import);
            let counts = |part: &Part<'_>| *allows || !matches!(part.rule.action, Action::Allow(_));
            layer.rules.extend(import.rules.into_iter().filter(counts));
            layer
                .tools
                .extend(import.tools.into_iter().filter(|_| *allows));
            layer.default = layer.default.max(import.default);
            layer.mode = layer.mode.max(import.mode);
            layer.unknown_tools = layer.unknown_tools.max(import.unknown_tools);
            layer.timezone = layer.timezone.or(import.timezone);
            layer.own_effect |= import.own_effect;
            layer.facts.extend(import.facts);
        }
        layer
            .rules
            .retain(|part| !policy.disable.contains(&part.id));
        layer
    }

    /// A policy that no other imports. What it leaves out has its default, which imports can only
    /// tighten.
    fn of_root(policy: &'p Policy) -> Self {
        let mut layer = Self::of(policy);
        layer.default = layer.default.max(policy.default.or(Some(Verdict::Deny)));
        layer.mode = layer.mode.max(policy.mode.or(Some(Mode::Enforce)));
        let unknown_tools = policy.unknown_tools.or(Some(UnknownTools::Defer));
        layer.unknown_tools = layer.unknown_tools.max(unknown_tools);
        layer
    }

    /// The same under a policy that has it as a layer.
    fn within(mut self, policy: &Policy) -> Self {
        self.default = self.default.max(policy.default);
        self.mode = self.mode.max(policy.mode);
        self.unknown_tools = self.unknown_tools.max(policy.unknown_tools);
        self.timezone = self.timezone.or(policy.timezone);
        self
    }
}

/// What one tool is to one layer.
#[derive(Debug)]
struct Subject<'p> {
    /// The name as it was called; nothing in a plan without tools.
    called: Option<String>,
    /// The name in the catalog, if it has one, else as it was called.
    name: Option<String>,
    known: bool,
    flaw: Option<IssueCode>,
    entries: Vec<&'p Tool>,
    effects: BTreeSet<String>,
    unknown_effects: BTreeSet<&'static str>,
    /// Whether some effect is unknown: declared so, or left out of the catalog.
    has_unknown_effect: bool,
    /// The catalog's effects alone, and whether it states any.
    catalogued: BTreeSet<String>,
    is_stated: bool,
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=name.len()).any(|end| matches(rest, &name[end..])),
        [b'*', rest @ ..] => {
            let segment = name.iter().take_while(|byte| **byte != b'.').count();
            (0..=segment).any(|end| matches(rest, &name[end..]))
        }
        [byte, rest @ ..] => name.first() == Some(byte) && matches(rest, &name[1..]),
    }
}

fn imitates(one: &str, two: &str) -> bool {
    let bare = |name: &str| name.to_ascii_lowercase().replace(['.', '_', '-'], "");
    one != two && bare(one) == bare(two)
}

impl<'p> Subject<'p> {
    fn of(layer: &Layer<'p>, request: &Request, called: Option<&str>) -> Self {
        let exact = |tool: &&&Tool| !tool.name.contains('*');
        let names = |tool: &Tool| [vec![tool.name.to_owned()], tool.aka.clone()].concat();
        let catalogued = || layer.tools.iter().filter(exact);
        let known = called.and_then(|called| {
            catalogued().find(|tool| names(tool).iter().any(|name| name == called))
        });
        let name = known.map(|tool| tool.name).or(called).map(str::to_owned);
        let plain = |name: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:/-".contains(c);
            (1..=128).contains(&name.len()) && name.chars().all(is_plain)
        };
        let flaw = match called {
            Some(called) if !plain(called) => Some(IssueCode::TOOL_NAME_INVALID),
            Some(called)
                if known.is_none()
                    && catalogued()
                        .flat_map(|tool| names(tool))
                        .any(|name| imitates(called, &name)) =>
            {
                Some(IssueCode::TOOL_NAME_CONFUSABLE)
            }
            _ => None,
        };
        let fits = |tool: &&&'p Tool| {
            name.as_ref()
                .is_some_and(|name| matches(tool.name.as_bytes(), name.as_bytes()))
        };
        let entries: Vec<&Tool> = layer.tools.iter().filter(fits).copied().collect();
        let catalogued = entries
            .iter()
            .flat_map(|tool| &tool.effects)
            .map(|effect| (*effect).to_owned());
        let catalogued: BTreeSet<String> = catalogued.collect();
        let mut effects = catalogued.clone();
        let is_stated = known.is_none() || !entries.iter().all(|tool| tool.unstated);
        let mut unknown_effects = BTreeSet::new();
        for declared in &request.side_effects {
            match phrases::effect(declared, layer.own_effect) {
                Some(class) => _ = effects.insert(class.to_owned()),
                None => _ = unknown_effects.insert(*declared),
            }
        }
        let called = called.map(str::to_owned);
        Self {
            called,
            name,
            known: known.is_some(),
            flaw,
            effects,
            catalogued,
            is_stated,
            has_unknown_effect: !unknown_effects.is_empty() || !is_stated,
            unknown_effects,
            entries,
        }
    }

    /// Whether a rule is about this tool: of an allow the catalog decides, and it has to cover every
    /// effect there; others any, also those that are declared.
    fn is_in_scope(&self, rule: &Rule) -> bool {
        let name = self.name.as_deref();
        let fits =
            |pattern: &&str| name.is_some_and(|name| matches(pattern.as_bytes(), name.as_bytes()));
        let tool = rule.tools.is_empty() || rule.tools.iter().any(fits);
        let listed = |effect: &String| rule.effects.contains(&effect.as_str());
        let effect = rule.effects.is_empty()
            || match rule.action {
                Action::Allow(_) => self.catalogued.iter().all(listed) && self.is_stated,
                _ => self.effects.iter().any(listed),
            };
        tool && effect
    }

    /// Whether the rule's word counts: an allow has to cover what is declared, too.
    fn counts(&self, rule: &Rule) -> bool {
        let listed = |effect: &String| rule.effects.contains(&effect.as_str());
        !matches!(rule.action, Action::Allow(_))
            || rule.effects.is_empty()
            || (self.effects.iter().all(listed) && !self.has_unknown_effect)
    }
}

/// What the engine may know of one tool, layer and reading.
#[derive(Debug)]
struct Judge<'j> {
    layer: &'j Layer<'j>,
    subject: &'j Subject<'j>,
    request: &'j Request,
    host: &'j Host,
    mode: Mode,
    facts: &'j Value,
    /// The tool's name in digests.
    digested: Option<&'j str>,
    /// The counters of what is used of people's answers.
    used: &'j RefCell<BTreeSet<String>>,
    /// Whether the call was allowed before.
    was_allowed: bool,
    now: i64,
}

fn engine_issue(code: IssueCode, tool: &str, about: impl Into<String>) -> Issue {
    Issue {
        code: code.as_str().to_owned(),
        severity: code.severity(),
        rule: String::new(),
        tool: tool.to_owned(),
        missing: BTreeSet::new(),
        about: about.into(),
        questions: BTreeSet::new(),
    }
}

impl Judge<'_> {
    fn tool(&self) -> &str {
        self.subject.called.as_deref().unwrap_or("")
    }

    fn scope<'s>(&'s self, part: &Part<'s>) -> Scope<'s> {
        Scope {
            facts: self.facts,
            has_call: self.request.call.is_some(),
            params: &part.policy.params,
            lets: &part.policy.lets,
            zone: self.layer.timezone.unwrap_or("UTC"),
        }
    }

    fn outcome(&self, part: &Part<'_>, condition: &Expr) -> Outcome {
        let scope = self.scope(part);
        let when = part.rule.when.as_ref().map(|when| scope.evaluate(when));
        all(when.into_iter().chain([scope.evaluate(condition)]))
    }

    fn in_scope(&self) -> Vec<&Part<'_>> {
        let parts = self.layer.rules.iter();
        parts
            .filter(|part| self.subject.is_in_scope(part.rule))
            .collect()
    }

    /// The verdict and its reasons, with or without the rules that are only observed.
    fn judge(&self, with_observed: bool) -> (Verdict, Vec<Issue>) {
        let mut found = vec![(Verdict::Allow, None)];
        // A call that the mode or the catalog refuses is asked no rule.
        let refused = self.tool_itself(&mut found);
        if refused {
            return (
                Verdict::Deny,
                found.into_iter().filter_map(|(_, issue)| issue).collect(),
            );
        }
        let mut parts = self.in_scope();
        parts.retain(|part| with_observed || !part.rule.observe);
        self.check_types(&parts, &mut found);
        let mut permission = self.layer.default.unwrap_or(Verdict::Deny);
        let mut unknown = Vec::new();
        let mut nearest = None;
        for part in &parts {
            if let Action::Allow(condition) = &part.rule.action {
                match self.outcome(part, condition) {
                    // What does not cover everything permits nothing, but its errors are errors.
                    Outcome::Known(_) | Outcome::Unknown(_) if !self.subject.counts(part.rule) => {}
                    Outcome::Unknown(missing) => unknown.push(self.unknown(part, missing)),
                    Outcome::Error => found.push(self.error(part)),
                    outcome if outcome.is(true) => permission = Verdict::Allow,
                    Outcome::Known(_) => {
                        let distance = (self.false_clauses(part, condition), part.id.clone());
                        nearest = nearest.into_iter().chain([distance]).min();
                    }
                }
            } else {
                self.restrict(part, &mut found);
            }
        }
        match permission {
            Verdict::Allow => {}
            _ if !unknown.is_empty() => found.extend(unknown),
            verdict => {
                // That an allow is merely observed is worth knowing.
                let granted = |part: &&Part<'_>| match &part.rule.action {
                    Action::Allow(condition) => {
                        self.subject.counts(part.rule) && self.outcome(part, condition).is(true)
                    }
                    _ => false,
                };
                let only_observed = self.in_scope().iter().any(granted);
                let about = if only_observed { "observed" } else { "" };
                let issue = engine_issue(IssueCode::NO_RULE_ALLOWS, self.tool(), about);
                let severity = if verdict == Verdict::Deny {
                    Severity::High
                } else {
                    Severity::Medium
                };
                let rule = nearest.map(|(_, id)| id).unwrap_or_default();
                let issue = Issue {
                    severity,
                    rule,
                    ..issue
                };
                found.push((verdict, Some(issue)));
            }
        }
        let verdict = found
            .iter()
            .map(|(verdict, _)| *verdict)
            .max()
            .unwrap_or(Verdict::Deny);
        (
            verdict,
            found.into_iter().filter_map(|(_, issue)| issue).collect(),
        )
    }

    /// Facts that these rules read have to be of the type that is declared for them.
    fn check_types(&self, parts: &[&Part<'_>], found: &mut Vec<(Verdict, Option<Issue>)>) {
        let read: BTreeSet<String> = parts.iter().flat_map(|part| reads(part)).collect();
        for fact in &self.layer.facts {
            if !read.contains(&fact.path.to_string()) {
                continue;
            }
            let Outcome::Known(value) = approval::fact(self.facts, true, &fact.path) else {
                continue;
            };
            for (_, path) in arguments::flaws(&fact.kind, &value, fact.path.to_string()) {
                let issue = engine_issue(IssueCode::FACT_TYPE, "", path);
                found.push((Verdict::Deny, Some(issue)));
            }
        }
    }

    /// The questions about missing facts: as the policy declares them, as the rule does, or plainly.
    fn questions(&self, part: &Part<'_>, missing: &BTreeSet<String>) -> BTreeSet<String> {
        let ask = |name: &String| {
            let mut declared = self.layer.facts.iter();
            let declared = declared.find(|fact| fact.path.to_string() == *name);
            match declared.and_then(|fact| fact.ask) {
                Some(question) => vec![question.to_owned()],
                None if part.rule.ask.is_empty() => vec![format!("What is {name}?")],
                None => asks(part),
            }
        };
        missing.iter().flat_map(ask).collect()
    }

    /// Whether the arguments matter, which a plan does not have yet.
    fn is_about_arguments(&self) -> bool {
        let parts = self.layer.rules.iter();
        let mut parts = parts.filter(|part| self.subject.is_in_scope(part.rule));
        self.subject.entries.iter().any(|tool| tool.args.is_some())
            || parts.any(|part| reads(part).iter().any(|fact| fact.starts_with("args")))
    }

    /// How many of the clauses that have to hold are false.
    fn false_clauses(&self, part: &Part<'_>, condition: &Expr) -> usize {
        let mut waiting = vec![condition];
        waiting.extend(&part.rule.when);
        let mut count = 0;
        while let Some(expr) = waiting.pop() {
            match expr {
                Expr::And(one, two) => waiting.extend([&**one, &**two]),
                clause => count += usize::from(self.scope(part).evaluate(clause).is(false)),
            }
        }
        count
    }

    /// What the mode, the catalog and the arguments' schemas say, and whether that settles it.
    fn tool_itself(&self, found: &mut Vec<(Verdict, Option<Issue>)>) -> bool {
        let Subject {
            name,
            known,
            flaw,
            entries: _,
            effects,
            has_unknown_effect,
            ..
        } = self.subject;
        let mut add = |verdict, code: IssueCode, about: &str| {
            found.push((verdict, Some(engine_issue(code, self.tool(), about))));
        };
        let writes = effects.iter().any(|effect| phrases::writes(effect)) || *has_unknown_effect;
        match self.mode {
            Mode::Halted => {
                found.push((Verdict::Deny, Some(engine_issue(IssueCode::HALTED, "", ""))));
                return true;
            }
            Mode::ReadOnly if !known || writes => add(Verdict::Deny, IssueCode::READ_ONLY_MODE, ""),
            _ => {}
        }
        if let Some(flaw) = flaw {
            add(Verdict::Deny, *flaw, "");
            return true;
        }
        if name.is_some() && !known {
            match self.layer.unknown_tools.unwrap_or_default() {
                UnknownTools::Declared => add(Verdict::Allow, IssueCode::TOOL_NOT_IN_CATALOG, ""),
                UnknownTools::Defer => add(Verdict::Defer, IssueCode::TOOL_UNCATALOGUED, ""),
                UnknownTools::Deny => add(Verdict::Deny, IssueCode::TOOL_UNKNOWN, ""),
            }
        }
        let wrong = self.wrong_arguments();
        for (code, path) in &wrong {
            add(Verdict::Deny, *code, path);
        }
        !wrong.is_empty()
    }

    fn wrong_arguments(&self) -> Vec<(IssueCode, String)> {
        let entries = &self.subject.entries;
        self.request
            .call
            .iter()
            .flat_map(|(_, arguments)| {
                entries
                    .iter()
                    .flat_map(|tool| arguments::check(tool, arguments))
            })
            .collect()
    }

    /// Whether no rule is asked.
    fn is_refused(&self) -> bool {
        self.tool_itself(&mut Vec::new())
    }

    fn issue(&self, part: &Part<'_>, code: &str, severity: Severity) -> Issue {
        Issue {
            code: code.to_owned(),
            severity,
            rule: part.id.clone(),
            tool: self.tool().to_owned(),
            missing: BTreeSet::new(),
            about: String::new(),
            questions: BTreeSet::new(),
        }
    }

    fn error(&self, part: &Part<'_>) -> (Verdict, Option<Issue>) {
        let code = IssueCode::CONDITION_ERROR;
        (
            Verdict::Deny,
            Some(self.issue(part, code.as_str(), code.severity())),
        )
    }

    fn unknown(&self, part: &Part<'_>, missing: BTreeSet<String>) -> (Verdict, Option<Issue>) {
        let code = part.rule.issue_unknown.unwrap_or("FACT_MISSING");
        let issue = self.issue(part, code, Severity::Medium);
        let questions = self.questions(part, &missing);
        let issue = Issue {
            missing,
            questions,
            ..issue
        };
        (Verdict::Defer, Some(issue))
    }

    /// The rule's own issue, weighing what the rule says or else what its verdict does.
    fn fired(&self, part: &Part<'_>, verdict: Verdict) -> (Verdict, Option<Issue>) {
        let usual = match verdict {
            Verdict::Deny => Severity::High,
            Verdict::Defer => Severity::Medium,
            Verdict::Allow => Severity::Low,
        };
        let code = part
            .rule
            .issue
            .map_or_else(|| capitals(&part.rule.id), str::to_owned);
        let mut issue = self.issue(part, &code, part.rule.severity.unwrap_or(usual));
        if verdict == Verdict::Defer {
            issue.questions = asks(part).into_iter().collect();
        }
        (verdict, Some(issue))
    }

    fn restrict(&self, part: &Part<'_>, found: &mut Vec<(Verdict, Option<Issue>)>) {
        let negated = |condition: &Expr| Expr::Not(Box::new(condition.clone()));
        let (outcome, verdict, on_unknown) = match &part.rule.action {
            Action::Allow(_) => return,
            Action::Approval(_) => return self.ask(part, found),
            Action::Deny(condition) => (self.outcome(part, condition), Verdict::Deny, true),
            Action::Defer(condition) => (self.outcome(part, condition), Verdict::Defer, true),
            Action::Advise(condition) => (self.outcome(part, condition), Verdict::Allow, false),
            Action::Require {
                condition,
                otherwise,
                ..
            } => {
                let verdict = otherwise.unwrap_or(Verdict::Deny);
                (self.outcome(part, &negated(condition)), verdict, true)
            }
        };
        found.push(match (outcome, &part.rule.action) {
            (Outcome::Error, _) => self.error(part),
            (
                Outcome::Unknown(_),
                Action::Require {
                    missing_otherwise: true,
                    ..
                },
            ) => self.fired(part, verdict),
            (Outcome::Unknown(missing), _) if on_unknown => self.unknown(part, missing),
            (outcome, Action::Advise(_)) if outcome.is(true) => {
                let (verdict, issue) = self.fired(part, verdict);
                let is_medium = issue
                    .as_ref()
                    .is_some_and(|issue| issue.severity == Severity::Medium);
                (
                    if self.request.pro && is_medium {
                        Verdict::Deny
                    } else {
                        verdict
                    },
                    issue,
                )
            }
            (outcome, _) if outcome.is(true) => self.fired(part, verdict),
            _ => return,
        });
    }

    fn who_approves(&self, part: &Part<'_>, terms: &Approval) -> BTreeSet<String> {
        let what = self.subject.called.as_deref().unwrap_or("this plan");
        let question = match terms.roles.join(" or ") {
            roles if roles.is_empty() => format!("Who approves {what}?"),
            roles => format!("Which {roles} approves {what}?"),
        };
        match asks(part) {
            asks if asks.is_empty() => BTreeSet::from([question]),
            asks => asks.into_iter().collect(),
        }
    }

    /// A rule that asks for a person's yes: `when && !approval.valid`.
    fn ask(&self, part: &Part<'_>, found: &mut Vec<(Verdict, Option<Issue>)>) {
        let Action::Approval(terms) = &part.rule.action else {
            return;
        };
        let question = approval::Question {
            rule: &part.id,
            terms,
            request: self.request,
            tool: self.digested.unwrap_or(""),
            facts: self.facts,
            records: &self.host.approvals,
            state: &self.host.state,
            was_allowed: self.was_allowed,
            now: self.now,
        };
        let approved = approval::find(&question);
        let when = part
            .rule
            .when
            .as_ref()
            .map(|when| self.scope(part).evaluate(when));
        match (all(when), approved) {
            (Outcome::Error, _) => found.push(self.error(part)),
            (when, _) if when.is(false) => {}
            // An approval lifts what would DEFER, and no error.
            (_, Approved::Yes(used)) => self.used.borrow_mut().extend(used),
            (Outcome::Unknown(mut missing), approved) => {
                if let Approved::NotYet(_, facts) = approved {
                    missing.extend(facts);
                }
                found.push(self.unknown(part, missing));
            }
            (_, Approved::Error) => found.push(self.error(part)),
            (_, Approved::Rejected) => {
                let code = IssueCode::APPROVAL_REJECTED;
                let issue = self.issue(part, code.as_str(), code.severity());
                found.push((Verdict::Deny, Some(issue)));
            }
            (_, Approved::NotYet(why, missing)) => {
                // What is wrong with the approval that there is takes the place of asking for one.
                let asking = part.rule.issue.unwrap_or("APPROVAL_REQUIRED");
                let code = why.map_or(asking, IssueCode::as_str);
                let issue = self.issue(part, code, part.rule.severity.unwrap_or(Severity::Medium));
                let about = question.action().to_string();
                let questions = self.who_approves(part, terms);
                found.push((
                    Verdict::Defer,
                    Some(Issue {
                        missing,
                        about,
                        questions,
                        ..issue
                    }),
                ));
            }
        }
    }
}

fn asks(part: &Part<'_>) -> Vec<String> {
    part.rule.ask.iter().map(|ask| (*ask).to_owned()).collect()
}

fn capitals(id: &str) -> String {
    id.to_ascii_uppercase().replace('-', "_")
}

/// The facts that a rule reads.
fn reads(part: &Part<'_>) -> BTreeSet<String> {
    let mut reads = BTreeSet::new();
    let mut read = |expr: &Expr| read_set(expr, &part.policy.lets, &mut reads);
    part.rule.when.iter().for_each(&mut read);
    match &part.rule.action {
        Action::Allow(condition)
        | Action::Deny(condition)
        | Action::Defer(condition)
        | Action::Advise(condition)
        | Action::Require { condition, .. } => read(condition),
        Action::Approval(approval) => {
            reads.extend(
                approval
                    .not
                    .iter()
                    .chain(&approval.bind)
                    .map(Path::to_string),
            );
            if approval.evidence == Some(EvidenceSource::Asserted) {
                let asserted = ["approval_status", "approved_at", "approved_by"];
                reads.extend(asserted.map(|name| format!("context.{name}")));
            }
        }
    }
    reads
}

/// The facts of one request about one tool.
fn facts(request: &Request, subject: &Subject<'_>, now: i64) -> Value {
    let texts =
        |items: &mut dyn Iterator<Item = &str>| Some(Value::List(items.map(text).collect()));
    let stated = request
        .context
        .iter()
        .map(|(key, value)| (*key, Some(value.clone())));
    // The environment may stand beside the context; there it counts.
    let beside = request
        .environment
        .map(|place| ("environment", Some(text(place))));
    let context = object(stated.chain(beside));
    let call = request.call.as_ref();
    let arguments = |(_, arguments): &(String, Vec<(&'static str, Value)>)| {
        object(
            arguments
                .iter()
                .map(|(name, value)| (*name, Some(value.clone()))),
        )
    };
    let called = call.map(|(name, _)| name.as_str());
    let mut effects = subject
        .effects
        .iter()
        .map(String::as_str)
        .chain(subject.unknown_effects.iter().copied());
    object([
        ("context", Some(context.without_nulls())),
        ("args", call.map(arguments)),
        ("goal", request.goal.map(text)),
        (
            "success_criteria",
            texts(&mut request.success_criteria.iter().copied()),
        ),
        (
            "constraints",
            texts(&mut request.constraints.iter().copied()),
        ),
        (
            "side_effects",
            texts(&mut request.side_effects.iter().copied()),
        ),
        (
            "tools",
            texts(&mut request.tools.iter().map(String::as_str).chain(called)),
        ),
        ("trusted", Some(Value::List(request.trusted().collect()))),
        ("now", Some(Value::Instant(now))),
        ("pro", Some(Value::Bool(request.pro))),
        ("tool", subject.name.as_ref().map(text)),
        ("effects", texts(&mut effects)),
        (
            "constraint",
            Some(phrases::constraint_facts(&request.constraints)),
        ),
    ])
}

/// What an approval under these terms would be given for: digest of the call, or of its bound facts.
pub fn action_asked_about(
    policy: &Policy,
    request: &Request,
    now: i64,
    terms: &Approval,
) -> Digest {
    let layers = layers_of(policy);
    let called = request.call.as_ref().map(|(name, _)| name.as_str());
    let name = called.or(request.tools.first().map(String::as_str));
    let subject = Subject::of(&layers[0], request, name);
    let tools = [digested(&layers, request, name).unwrap_or_default()];
    approval::action_digest(request, &tools, terms, &facts(request, &subject, now))
}

/// The name that a tool has in digests: the catalogued one, where the layers agree on it.
fn digested(layers: &[Layer<'_>], request: &Request, name: Option<&str>) -> Option<String> {
    let names = layers
        .iter()
        .map(|layer| Subject::of(layer, request, name).name);
    let names: BTreeSet<Option<String>> = names.collect();
    match names.len() {
        1 => names.into_iter().next().flatten(),
        _ => name.map(str::to_owned),
    }
}

fn layers_of(policy: &Policy) -> Vec<Layer<'_>> {
    if policy.layers.is_empty() {
        return vec![Layer::of_root(policy)];
    }
    let layers = policy.layers.iter();
    layers
        .map(|layer| Layer::of_root(layer).within(policy))
        .collect()
}

/// Digest of one tool's call, or of a plan of that tool.
fn action_alone(
    layer: &Layer<'_>,
    request: &Request,
    name: Option<&str>,
    digested: Option<&String>,
    now: i64,
) -> Digest {
    let alone: Vec<String> = digested.into_iter().cloned().collect();
    let facts = facts(request, &Subject::of(layer, request, name), now);
    approval::action_digest(request, &alone, &Approval::default(), &facts)
}

/// Decides.
pub fn decide(policy: &Policy, request: &Request, host: &Host, now: i64) -> Answer {
    let layers = layers_of(policy);
    let mut names: Vec<Option<&str>> = match &request.call {
        Some((name, _)) => vec![Some(name)],
        None => request
            .tools
            .iter()
            .map(|name| Some(name.as_str()))
            .collect(),
    };
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    if names.is_empty() {
        names.push(None);
    }
    let is_observed = |layer: &Layer<'_>| layer.mode.max(Some(host.mode)) == Some(Mode::Observe);
    let about = about_the_request(request, &layers, host, now);
    // What is obeyed, and what would be had nothing been merely observed.
    let mut full = (Verdict::Allow, Vec::new());
    let mut obeyed = full.clone();
    for (verdict, issue) in about {
        join(&mut full, (verdict, vec![issue.clone()]));
        if verdict == Verdict::Allow || !layers.iter().all(is_observed) {
            join(&mut obeyed, (verdict, vec![issue]));
        }
    }
    let strictest = obeyed.0;
    let (mut depends_on, mut tools, mut to_call) = (BTreeSet::new(), Vec::new(), Vec::new());
    let mut asked_about = Vec::new();
    let used = RefCell::default();
    let moment = |action, tool| Moment {
        id: request.call.as_ref().and(request.call_id),
        action,
        tool: request.call.as_ref().and(tool),
        allowed: false,
        used: &NOTHING,
        now,
    };
    for name in names {
        // A tool of a request that is refused as a whole is refused too.
        let (mut tool_verdict, mut catalogued) = (strictest, String::new());
        let digested = digested(&layers, request, name);
        let alone = action_alone(&layers[0], request, name, digested.as_ref(), now);
        let was_allowed = moment(alone, None).was_allowed(&host.state);
        for layer in &layers {
            let subject = Subject::of(layer, request, name);
            if subject.known && catalogued.is_empty() {
                catalogued = subject.name.clone().unwrap_or_default();
            }
            let mode = layer.mode.unwrap_or_default().max(host.mode);
            let facts = facts(request, &subject, now);
            let judge = Judge {
                layer,
                subject: &subject,
                request,
                host,
                mode,
                facts: &facts,
                digested: digested.as_deref(),
                used: &used,
                was_allowed,
                now,
            };
            let in_scope = layer
                .rules
                .iter()
                .filter(|part| subject.is_in_scope(part.rule));
            if !judge.is_refused() {
                depends_on.extend(in_scope.flat_map(reads));
            }
            if request.call.is_none() && judge.is_about_arguments() {
                to_call.push(engine_issue(IssueCode::CALL_REQUIRED, judge.tool(), ""));
            }
            join(&mut full, judge.judge(true));
            if !is_observed(layer) {
                let (verdict, issues) = judge.judge(false);
                tool_verdict = tool_verdict.max(verdict);
                join(&mut obeyed, (verdict, issues));
            }
        }
        tools.extend(name.map(|name| (name.to_owned(), catalogued, tool_verdict)));
        asked_about.extend(digested);
    }
    let order = declared_order(policy);
    let finish = |(verdict, mut issues): (Verdict, Vec<Issue>)| {
        if verdict == Verdict::Allow {
            issues.extend(to_call.clone());
        }
        for issue in &mut issues {
            issue.questions.clear();
        }
        (verdict, sorted(issues, &order))
    };
    let asking = obeyed.1.iter().filter(|_| obeyed.0 == Verdict::Defer);
    let questions = asking.flat_map(|issue| issue.questions.clone()).collect();
    let subject = Subject::of(&layers[0], request, None);
    let facts = facts(request, &subject, now);
    let action = approval::action_digest(request, &asked_about, &Approval::default(), &facts);
    let called = asked_about.first().map(String::as_str);
    let (obeyed, full) = (finish(obeyed), finish(full));
    let differs = obeyed != full || layers.iter().any(is_observed);
    Answer {
        verdict: obeyed.0,
        issues: obeyed.1,
        depends_on: depends_on.into_iter().collect(),
        tools,
        would: differs.then_some(full),
        questions,
        action,
        next: advance(
            &host.state,
            &Moment {
                allowed: obeyed.0 == Verdict::Allow,
                used: &used.into_inner(),
                ..moment(action, called)
            },
        ),
    }
}

fn join(answer: &mut (Verdict, Vec<Issue>), (verdict, issues): (Verdict, Vec<Issue>)) {
    answer.0 = answer.0.max(verdict);
    answer.1.extend(issues);
}

/// What is wrong with, or worth knowing of, the request whatever the tool.
fn about_the_request(
    request: &Request,
    layers: &[Layer<'_>],
    host: &Host,
    now: i64,
) -> Vec<(Verdict, Issue)> {
    let mut found = Vec::new();
    let mut add = |verdict, code, about: &str| found.push((verdict, engine_issue(code, "", about)));
    let last = host.state.run.as_ref().and_then(|run| run.last_at);
    if last.is_some_and(|last| last.to_ms() > now) {
        add(Verdict::Deny, IssueCode::CLOCK_BACKWARDS, "");
    }
    for field in &request.unknown_fields {
        add(Verdict::Allow, IssueCode::UNKNOWN_FIELD, field);
    }
    for effect in &request.side_effects {
        if layers
            .iter()
            .any(|layer| phrases::effect(effect, layer.own_effect).is_none())
        {
            add(Verdict::Allow, IssueCode::UNKNOWN_EFFECT, effect);
        }
    }
    let read: BTreeSet<String> = layers
        .iter()
        .flat_map(|layer| &layer.rules)
        .flat_map(reads)
        .collect();
    for phrase in &request.constraints {
        match phrases::constraint(phrase) {
            Meaning::Fact(name, _) if !read.contains(&format!("constraint.{name}")) => {
                add(Verdict::Allow, IssueCode::CONSTRAINT_NOT_CHECKED, name);
            }
            Meaning::Invalid => add(Verdict::Deny, IssueCode::CONSTRAINT_INVALID, phrase),
            Meaning::Misspelt => add(Verdict::Allow, IssueCode::CONSTRAINT_NOT_UNDERSTOOD, phrase),
            Meaning::Fact(..) | Meaning::Words => {}
        }
    }
    found
}

/// The engine's codes, then those that the policy lists, then its others by name.
fn declared_order(policy: &Policy) -> Vec<String> {
    let mut files = policy.imports();
    files.sort_by_key(|policy| policy.name);
    files.insert(0, policy);
    let listed = files
        .iter()
        .flat_map(|policy| policy.codes.iter().map(|code| (*code).to_owned()));
    let rules = files.iter().flat_map(|policy| &policy.rules);
    let own: BTreeSet<String> = rules
        .flat_map(|rule| {
            let fired = rule.issue.map_or_else(|| capitals(&rule.id), str::to_owned);
            [Some(fired), rule.issue_unknown.map(str::to_owned)]
                .into_iter()
                .flatten()
        })
        .collect();
    let engine = IssueCode::ALL.iter().map(|code| code.as_str().to_owned());
    engine.chain(listed).chain(own).collect()
}

/// Heaviest first, then by code, rule and tool; equal issues merge.
fn sorted(mut issues: Vec<Issue>, order: &[String]) -> Vec<Issue> {
    let place = |code: &String| order.iter().position(|known| known == code);
    issues.sort_by_cached_key(|issue| {
        let Issue {
            code,
            severity,
            rule,
            tool,
            about,
            ..
        } = issue.clone();
        (std::cmp::Reverse(severity), place(&code), rule, tool, about)
    });
    let key = |issue: &Issue| {
        let Issue {
            code,
            rule,
            about,
            missing,
            ..
        } = issue.clone();
        (code, rule, about, missing)
    };
    let mut merged: Vec<(Issue, Vec<String>)> = Vec::new();
    for issue in issues {
        match merged
            .iter_mut()
            .find(|(known, _)| key(known) == key(&issue))
        {
            Some((_, tools)) if tools.contains(&issue.tool) => {}
            Some((_, tools)) => tools.push(issue.tool),
            None => merged.push((issue.clone(), vec![issue.tool])),
        }
    }
    merged
        .into_iter()
        .map(|(issue, tools)| Issue {
            tool: tools.join(", "),
            ..issue
        })
        .collect()
}
