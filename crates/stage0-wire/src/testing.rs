//! Runs test cases against a policy, and keeps what they have not reached.
//!
//! A case is one run: its steps share a state and the answers that people gave so far. Nothing here
//! opens a file or prints; the command line, servers that are handed a new policy, and editors show
//! the reports in their own way.

use std::collections::BTreeMap;

use stage0_engine::canonical::write_value;
use stage0_engine::decision::{Decision, Detail};
use stage0_engine::digest::Digest;
use stage0_engine::document::{Document, ValueRef};
use stage0_engine::host::{ApprovalRecord, Host, Proof};
use stage0_engine::policy::{Mode, Severity};
use stage0_engine::request::RequestError;
use stage0_engine::span::Span;
use stage0_engine::state::{Report, RunState};
use stage0_engine::time::Timestamp;
use stage0_engine::{ClauseReport, Explanation, PlainProse, ProsePaint, RulePart, describe};

use crate::Policy;
use crate::approvals_json::approvals_to_json;
use crate::cases::{Expectation, StepAction, TestAnswer, TestCase, TestStep};
use crate::decision_json::decision_to_json;
use crate::packs::PACK_PREFIX;
use crate::problem::Problem;
use crate::request_text::parse_request;
use crate::request_text::request_of;
use crate::state_json::state_to_json;
use crate::strict_json::{JsonLimits, parse_str};

/// What came of one test case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// Where the case stands.
    pub span: Span,
    /// The steps that did not come out as expected; none where the case passed.
    pub failures: Vec<StepFailure>,
}

impl CaseReport {
    /// Whether everything came out as expected.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// A step that did not come out as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// Which step, from 1.
    pub step: usize,
    /// Of how many.
    pub of: usize,
    /// Where the expectation stands.
    pub span: Span,
    /// Everything that was expected and is not so.
    pub mismatches: Vec<Mismatch>,
    /// The decision, explained; empty where there was none.
    pub explanation: String,
}

/// Something that was expected and is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The key of the expectation, such as `verdict`.
    pub what: &'static str,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Mismatch {
    fn new(what: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            what,
            expected: expected.into(),
            found: found.into(),
        }
    }
}

/// Runs a test case. Explanations of what failed are painted; `coverage` learns what was reached.
///
/// ```
/// use stage0_engine::PlainProse;
/// use stage0_wire::Policy;
/// use stage0_wire::testing::{Coverage, run_case};
///
/// let policy = Policy::parse(
///     "
/// stage0: v1
/// name: searching
/// version: 1.0.0
/// tools: { search.query: { effects: [] } }
/// rules:
///   - { id: by-day, tools: [search.query], allow: now.getHours() >= 6 }
/// tests:
///   - { name: searching by day, call: { name: search.query }, expect: ALLOW }
/// ",
/// )
/// .unwrap();
/// let mut coverage = Coverage::of(&policy);
/// for case in policy.tests() {
///     assert!(run_case(&policy, case, &PlainProse, Some(&mut coverage)).passed());
/// }
/// let rule = &coverage.rules()[0];
/// assert!(rule.fired && !rule.silent && !rule.is_covered());
/// ```
pub fn run_case(
    policy: &Policy,
    case: &TestCase,
    paint: &dyn ProsePaint,
    coverage: Option<&mut Coverage>,
) -> CaseReport {
    run_with(policy, case, paint, coverage, None)
}

/// One decision of a case with everything that it was made from, as texts: what a host of any language
/// is asked, and what it must answer to the byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The request.
    pub request: String,
    /// The id that the host gives it.
    pub request_id: &'static str,
    /// The host's mode.
    pub mode: Mode,
    /// The host's records of people's answers.
    pub approvals: String,
    /// The run before.
    pub state: String,
    /// The time.
    pub now: Timestamp,
    /// The codes of the problems for which the request is refused; none where it is decided.
    pub problems: Vec<&'static str>,
    /// The canonical answer; empty where the request is refused.
    pub answer: String,
    /// The run after.
    pub next_state: String,
}

/// Runs a test case, and keeps each of its decisions as texts.
pub fn record_case(policy: &Policy, case: &TestCase) -> (CaseReport, Vec<Exchange>) {
    let mut exchanges = Vec::new();
    let report = run_with(policy, case, &PlainProse, None, Some(&mut exchanges));
    (report, exchanges)
}

fn run_with(
    policy: &Policy,
    case: &TestCase,
    paint: &dyn ProsePaint,
    mut coverage: Option<&mut Coverage>,
    mut exchanges: Option<&mut Vec<Exchange>>,
) -> CaseReport {
    let mut run = Run {
        state: case.state.clone(),
        approvals: case.approvals.clone(),
        request: None,
        waiting: Waiting::default(),
    };
    let mut failures = Vec::new();
    for (step, number) in case.steps.iter().zip(1..) {
        let (mismatches, explanation) = run.take(
            policy,
            step,
            paint,
            coverage.as_deref_mut(),
            exchanges.as_deref_mut(),
        );
        if !mismatches.is_empty() {
            failures.push(StepFailure {
                step: number,
                of: case.steps.len(),
                span: step.expect.span,
                mismatches,
                explanation,
            });
        }
    }
    CaseReport {
        name: case.name.value.clone(),
        span: case.span,
        failures,
    }
}

/// The id of every request.
const REQUEST_ID: &str = "test";

/// One run of an agent, as a host would keep it.
struct Run<'c> {
    state: RunState,
    approvals: Vec<ApprovalRecord>,
    request: Option<Document<'c>>,
    waiting: Waiting,
}

/// What the last decision waits for.
#[derive(Debug, Default)]
struct Waiting {
    /// The approval rules that asked: id, terms, action.
    approvals: Vec<(String, Digest, Digest)>,
    /// The decision in a few words, for whoever answers though nobody asked.
    summary: String,
}

impl<'c> Run<'c> {
    /// Takes a step: what is not as expected, and the decision explained if anything is not.
    fn take(
        &mut self,
        policy: &Policy,
        step: &'c TestStep,
        paint: &dyn ProsePaint,
        coverage: Option<&mut Coverage>,
        exchanges: Option<&mut Vec<Exchange>>,
    ) -> (Vec<Mismatch>, String) {
        match &step.action {
            StepAction::Request(document) => self.request = Some(document.clone()),
            StepAction::Text(text) => match parse_request(text.as_bytes()) {
                Ok(request) => self.request = Some(request.document().clone()),
                Err(problems) => {
                    return (
                        self.refused(step, text, &problems, exchanges),
                        String::new(),
                    );
                }
            },
            StepAction::Answer(answer) => {
                if self.waiting.approvals.is_empty() {
                    let found = std::mem::take(&mut self.waiting.summary);
                    let expected = "a decision that waits for an approval";
                    return (
                        vec![Mismatch::new("approval", expected, found)],
                        String::new(),
                    );
                }
                self.answer(answer);
            }
        }
        // Requests of cases were held against the wire contract when they were read.
        let document = self.request.clone().unwrap_or_default();
        let request = match request_of(document) {
            Ok(request) => request,
            Err(errors) => {
                let found: Vec<&str> = errors.iter().map(RequestError::message).collect();
                let mismatch = Mismatch::new("request", "a request", found.join("; "));
                return (vec![mismatch], String::new());
            }
        };
        let text = || match &step.action {
            StepAction::Text(text) => text.clone(),
            StepAction::Request(_) | StepAction::Answer(_) => {
                let mut text = String::new();
                write_value(&mut text, request.document().root());
                text
            }
        };
        if let Err(problem) = policy.admit(&request) {
            let mismatches = self.refused(step, &text(), &[problem], exchanges);
            return (mismatches, String::new());
        }
        let host = Host {
            request_id: REQUEST_ID,
            mode: step.mode,
            approvals: &self.approvals,
            ..Host::default()
        };
        let (decision, next) = policy.decide(&request, &host, &self.state, step.now);
        let mut mismatches = compare(policy, &step.expect, &decision);
        compare_texts(&step.expect, &decision, &next, &mut mismatches);
        if let Some(exchanges) = exchanges {
            exchanges.push(Exchange {
                request: text(),
                request_id: REQUEST_ID,
                mode: step.mode,
                approvals: approvals_to_json(&self.approvals),
                state: state_to_json(&self.state),
                now: step.now,
                problems: Vec::new(),
                answer: decision_to_json(&decision),
                next_state: state_to_json(&next),
            });
        }
        self.waiting = Waiting::of(&decision);
        let mut explanation = String::new();
        if coverage.is_some() || !mismatches.is_empty() {
            let explained = policy.explain(&request, &host, &self.state, step.now);
            if let Some(coverage) = coverage {
                coverage.note(&explained);
            }
            if !mismatches.is_empty() {
                explanation = explained.to_prose_with(paint);
            }
        }
        self.state = match &step.report {
            Some(report) => next.report(
                &Report {
                    id: request.call_id().unwrap_or(REQUEST_ID),
                    action: decision.action_digest(),
                    outcome: report.outcome,
                    cost: report.cost,
                },
                step.now,
            ),
            None => next,
        };
        (mismatches, explanation)
    }

    /// Notes that a request was refused: nothing was decided, so the run stands where it stood.
    fn refused(
        &mut self,
        step: &TestStep,
        text: &str,
        problems: &[Problem],
        exchanges: Option<&mut Vec<Exchange>>,
    ) -> Vec<Mismatch> {
        let codes = problems.iter().map(|problem| problem.code().as_str());
        let codes: Vec<&'static str> = codes.collect();
        let state = state_to_json(&self.state);
        if let Some(exchanges) = exchanges {
            exchanges.push(Exchange {
                request: text.to_owned(),
                request_id: REQUEST_ID,
                mode: step.mode,
                approvals: approvals_to_json(&self.approvals),
                state: state.clone(),
                now: step.now,
                problems: codes.clone(),
                answer: String::new(),
                next_state: state,
            });
        }
        self.waiting = Waiting {
            approvals: Vec::new(),
            summary: "a request that was refused".to_owned(),
        };
        let told: Vec<&str> = problems.iter().map(Problem::message).collect();
        match &step.expect.problems {
            Some(expected)
                if expected
                    .iter()
                    .map(String::as_str)
                    .eq(codes.iter().copied()) =>
            {
                Vec::new()
            }
            Some(expected) => {
                let found = format!("{}: {}", list(&codes), told.join("; "));
                vec![Mismatch::new("problems", list(expected), found)]
            }
            None => {
                let verdict = step.expect.verdict.as_str();
                let found = format!("refused for {}: {}", list(&codes), told.join("; "));
                vec![Mismatch::new("verdict", verdict, found)]
            }
        }
    }

    /// Records a person's answer to every rule that asked.
    fn answer(&mut self, answer: &TestAnswer) {
        for (rule, terms, action) in &self.waiting.approvals {
            self.approvals.push(ApprovalRecord {
                id: self.approvals.len().to_string(),
                answer: answer.answer,
                by: answer.by.clone(),
                roles: answer.roles.clone(),
                rule: rule.clone(),
                terms: *terms,
                action: *action,
                issued_at: answer.at,
                expires_at: None,
                proof: Proof::Rehearsed,
            });
        }
    }
}

impl Waiting {
    fn of(decision: &Decision<'_>) -> Self {
        let asked = decision.issues.iter().filter_map(|issue| {
            let digest = |name: &str| {
                let detail = issue.details.iter().find(|(known, _)| *known == name);
                match detail {
                    Some((_, Detail::Text(text))) => Digest::parse(text).ok(),
                    _ => None,
                }
            };
            Some((issue.rule.to_owned(), digest("terms")?, digest("action")?))
        });
        Self {
            approvals: asked.collect(),
            summary: summary(decision),
        }
    }
}

/// `DENY [CODE, CODE]`
fn summary(decision: &Decision<'_>) -> String {
    let verdict = decision.verdict.as_str();
    match weighty(decision).as_slice() {
        [] => verdict.to_owned(),
        codes => format!("{verdict} {}", list(codes)),
    }
}

/// The codes of issues of MEDIUM and above, in their order.
fn weighty<'d>(decision: &'d Decision<'_>) -> Vec<&'d str> {
    let issues = decision.issues.iter();
    issues
        .filter(|issue| issue.severity >= Severity::Medium)
        .map(|issue| issue.code)
        .collect()
}

fn list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    format!("[{}]", items.join(", "))
}

/// Everything that an expectation says and a decision does not.
fn compare(policy: &Policy, expect: &Expectation, decision: &Decision<'_>) -> Vec<Mismatch> {
    if let Some(problems) = &expect.problems {
        let found = summary(decision);
        return vec![Mismatch::new("problems", list(problems), found)];
    }
    let mut mismatches = Vec::new();
    let mut expected = |holds: bool, what, expected: String, found: String| {
        if !holds {
            mismatches.push(Mismatch::new(what, expected, found));
        }
    };
    expected(
        expect.verdict == decision.verdict,
        "verdict",
        expect.verdict.as_str().to_owned(),
        summary(decision),
    );
    let weighty = weighty(decision);
    let all: Vec<&str> = decision.issues.iter().map(|issue| issue.code).collect();
    if let Some(codes) = &expect.codes {
        let same = codes.iter().map(String::as_str).eq(weighty.iter().copied());
        expected(same, "codes", list(codes), list(&weighty));
    }
    if let Some(issues) = &expect.issues {
        let found: Vec<String> = decision
            .issues
            .iter()
            .map(|issue| format!("{} {}", issue.severity.as_str(), issue.code))
            .collect();
        expected(*issues == found, "issues", list(issues), list(&found));
    }
    for code in &expect.issues_include {
        let found = all.contains(&code.as_str());
        expected(found, "issue", code.clone(), list(&all));
    }
    for code in &expect.issues_exclude {
        let found = all.contains(&code.as_str());
        expected(!found, "issue", format!("no {code}"), list(&all));
    }
    if let Some(questions) = &expect.questions {
        let found: Vec<&str> = decision.questions.iter().map(AsRef::as_ref).collect();
        let same = questions
            .iter()
            .map(String::as_str)
            .eq(found.iter().copied());
        expected(same, "questions", quoted(questions), quoted(&found));
    }
    if let Some(most) = expect.risk_max {
        let score = decision.risk().score;
        expected(
            score <= most,
            "risk_max",
            most.to_string(),
            score.to_string(),
        );
    }
    if let Some(rule) = &expect.rule {
        let full = if rule.contains('/') {
            rule.clone()
        } else {
            format!("{}/{rule}", policy.index().name())
        };
        let mut rules: Vec<&str> = decision.issues.iter().map(|issue| issue.rule).collect();
        rules.retain(|rule| !rule.is_empty());
        rules.dedup();
        let found = rules.contains(&full.as_str());
        expected(found, "rule", full, list(&rules));
    }
    mismatches
}

/// Members of the answer and of the next state, compared as the canonical JSON that hosts get.
fn compare_texts(
    expect: &Expectation,
    decision: &Decision<'_>,
    next: &RunState,
    mismatches: &mut Vec<Mismatch>,
) {
    if !expect.answer.is_empty() {
        let text = decision_to_json(decision);
        compare_members("answer", &expect.answer, &text, mismatches);
    }
    if !expect.state.is_empty() {
        compare_members("state", &expect.state, &state_to_json(next), mismatches);
    }
}

fn compare_members(
    what: &'static str,
    members: &[(String, String)],
    text: &str,
    mismatches: &mut Vec<Mismatch>,
) {
    let limits = JsonLimits {
        bytes_max: usize::MAX,
        depth_max: usize::MAX,
        nodes_max: usize::MAX,
    };
    let document = parse_str(text, &limits).unwrap_or_default();
    for (name, expected) in members {
        let mut found = String::new();
        let mut names = name.split('.');
        match names.try_fold(document.root(), ValueRef::get) {
            Some(value) => write_value(&mut found, value),
            None => found.push_str("absent"),
        }
        if *expected != found {
            let of_member = |value: &str| format!("{name}: {value}");
            mismatches.push(Mismatch::new(what, of_member(expected), of_member(&found)));
        }
    }
}

fn quoted<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts
        .iter()
        .map(|text| format!("\"{}\"", text.as_ref()))
        .collect();
    list(&texts)
}

/// What the tests of a policy have reached: which way each rule came out, and each part of a
/// condition. Rules of packs that come with Stage0 have tests of their own and are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    rules: Vec<RuleCoverage>,
    clauses: Vec<ClauseCoverage>,
    rule_places: BTreeMap<String, usize>,
    clause_places: BTreeMap<Span, usize>,
}

/// Which way a rule came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCoverage {
    /// `pack/id`
    pub rule: String,
    /// Where its id stands.
    pub place: Span,
    /// It allowed, restricted, remarked, or asked for an approval.
    pub fired: bool,
    /// It was asked and had nothing to say.
    pub silent: bool,
    /// A fact was missing.
    pub undecided: bool,
    /// Whether there is anything that could make it silent.
    pub can_be_silent: bool,
}

impl RuleCoverage {
    /// Whether it came out both ways, as far as it can.
    pub fn is_covered(&self) -> bool {
        self.fired && (self.silent || !self.can_be_silent)
    }
}

/// Which way a part of a condition came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClauseCoverage {
    /// The rule as `pack/id`, or the named expression as `let.name`, that it is a part of.
    pub owner: String,
    /// The part as it was written.
    pub text: String,
    /// Where it stands.
    pub place: Span,
    /// It was true.
    pub was_true: bool,
    /// It was false.
    pub was_false: bool,
}

impl ClauseCoverage {
    /// Whether it came out both ways.
    pub fn is_covered(&self) -> bool {
        self.was_true && self.was_false
    }
}

impl Coverage {
    /// Nothing of the policy reached yet.
    pub fn of(policy: &Policy) -> Self {
        let mut coverage = Self::default();
        let is_own = |place: Span| !policy.sources().name(place.file).starts_with(PACK_PREFIX);
        for layer in describe(policy.index()).layers {
            for rule in layer.rules.iter().filter(|rule| is_own(rule.place)) {
                // A pack that two layers share is one place to test.
                let next = coverage.rules.len();
                let index = coverage.rule_places.entry(rule.rule.to_owned());
                if *index.or_insert(next) == next {
                    coverage.rules.push(RuleCoverage {
                        rule: rule.rule.to_owned(),
                        place: rule.place,
                        fired: false,
                        silent: false,
                        undecided: false,
                        can_be_silent: !rule.clauses.is_empty()
                            || rule.approval.is_some()
                            || rule.limit.is_some(),
                    });
                }
            }
            let of_rules = layer.rules.iter().flat_map(|rule| {
                let owner = rule.rule.to_owned();
                rule.clauses
                    .iter()
                    .map(move |clause| (owner.clone(), clause))
            });
            let of_lets = layer.lets.iter().flat_map(|named| {
                let owner = format!("let.{}", named.name);
                named
                    .clauses
                    .iter()
                    .map(move |clause| (owner.clone(), clause))
            });
            for (owner, clause) in of_rules.chain(of_lets) {
                let next = coverage.clauses.len();
                if !clause.is_named
                    && is_own(clause.place)
                    && *coverage.clause_places.entry(clause.place).or_insert(next) == next
                {
                    coverage.clauses.push(ClauseCoverage {
                        owner,
                        text: clause.text.to_owned(),
                        place: clause.place,
                        was_true: false,
                        was_false: false,
                    });
                }
            }
        }
        coverage.rules.sort_by_key(|rule| rule.place);
        coverage.clauses.sort_by_key(|clause| clause.place);
        for (index, rule) in coverage.rules.iter().enumerate() {
            coverage.rule_places.insert(rule.rule.clone(), index);
        }
        for (index, clause) in coverage.clauses.iter().enumerate() {
            coverage.clause_places.insert(clause.place, index);
        }
        coverage
    }

    /// Learns what a decision reached.
    pub fn note(&mut self, explanation: &Explanation<'_>) {
        for report in &explanation.rules {
            let index = self.rule_places.get(&report.rule);
            if let Some(rule) = index.and_then(|index| self.rules.get_mut(*index)) {
                match report.outcome {
                    "fires" | "unapproved" | "exceeded" => rule.fired = true,
                    "silent" => rule.silent = true,
                    _ => rule.undecided = true,
                }
            }
            // What a rule would compare where it does not apply was not reached.
            let reached = |clause: &&ClauseReport| report.applies || clause.part == RulePart::When;
            for clause in report.clauses.iter().filter(reached) {
                let index = self.clause_places.get(&clause.place);
                if let Some(known) = index.and_then(|index| self.clauses.get_mut(*index)) {
                    // A report has the `!` in front of a part, and its outcome with it; what is covered
                    // is the part, which a named expression may lend to rules that want it otherwise.
                    let is_negated = clause.text != known.text;
                    match (clause.outcome, is_negated) {
                        ("true", false) | ("false", true) => known.was_true = true,
                        ("false", false) | ("true", true) => known.was_false = true,
                        _ => {}
                    }
                }
            }
        }
    }

    /// Every rule, in the order of the files.
    pub fn rules(&self) -> &[RuleCoverage] {
        &self.rules
    }

    /// Every part of a condition, in the order of the files.
    pub fn clauses(&self) -> &[ClauseCoverage] {
        &self.clauses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stage0_engine::PlainProse;

    /// The parts of conditions with whether they were true and false, after all tests of the policy.
    fn covered(policy: &str) -> Vec<(String, bool, bool)> {
        let policy = Policy::parse(policy).unwrap();
        let mut coverage = Coverage::of(&policy);
        for case in policy.tests() {
            let report = run_case(&policy, case, &PlainProse, Some(&mut coverage));
            assert!(report.passed(), "{report:?}");
        }
        let clauses = coverage.clauses().iter();
        clauses
            .map(|clause| (clause.text.clone(), clause.was_true, clause.was_false))
            .collect()
    }

    #[test]
    fn what_is_negated_is_covered_as_it_stands() {
        let policy = "stage0: v1
name: weekend
version: 1.0.0
tools: { mail.send: { effects: [] } }
let: { weekday: 'in_window(now, \"Mon-Fri 00:00-24:00 UTC\")' }
rules:
  - { id: mail, tools: [mail.send], allow: let.weekday }
  - { id: rest, tools: [mail.send], deny: '!let.weekday' }
tests:
  - { name: on a Monday, now: 2026-01-05T10:00:00Z, call: { name: mail.send }, expect: ALLOW }
";
        let part = "in_window(now, \"Mon-Fri 00:00-24:00 UTC\")".to_owned();
        assert_eq!(covered(policy), [(part.clone(), true, false)]);
        let sunday = "  - { name: on a Sunday, now: 2026-01-04T10:00:00Z, call: { name: mail.send }, \
             expect: DENY }\n";
        assert_eq!(covered(&format!("{policy}{sunday}")), [(part, true, true)]);
    }
}
