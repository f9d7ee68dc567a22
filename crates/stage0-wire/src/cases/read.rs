//! Reading test cases.

use std::collections::BTreeMap;

use stage0_engine::canonical::write_value;
use stage0_engine::host::{Answer, ApprovalRecord};
use stage0_engine::policy::{FindingKind, Mode, Verdict};
use stage0_engine::span::Span;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;

use super::request::request;
use super::shape::{OUTCOMES, REQUEST_KEYS, TEST_FILE, VERDICTS};
use super::{
    Expectation, NOW_DEFAULT, StepAction, TestAnswer, TestCase, TestFile, TestReport, TestStep,
};
use crate::approvals_json::parse_approvals;
use crate::codes::ProblemCode;
use crate::decode::Decoder;
use crate::fields::{self, Fields};
use crate::policy::MODES;
use crate::problem::{Problem, Problems};
use crate::sources::Sources;
use crate::state_json::parse_state;
use crate::tree::{Node, NodeValue, Tree};

/// Reads a file of test cases: a list of them, or a map with `tests` and perhaps `policy`.
///
/// Everything that is wrong with it is reported; what is read despite errors is not complete.
pub fn read_tests(sources: &Sources, file: u16, problems: &mut Problems) -> Option<TestFile> {
    let tree = Tree::parse(sources, file, problems)?;
    let mut decoder = Decoder::new(sources, problems);
    decoder.check(&tree.root, &TEST_FILE);
    let fields = Fields::of(&tree.root);
    let cases = match fields {
        Some(fields) => fields.list("tests"),
        None => items(&tree.root),
    };
    Some(TestFile {
        policy: fields.and_then(|fields| fields.text("policy")),
        cases: read_cases(&mut decoder, cases),
    })
}

/// Reads cases whose form was checked.
pub(crate) fn read_cases(decoder: &mut Decoder<'_>, nodes: &[Node]) -> Vec<TestCase> {
    let mut names: BTreeMap<String, Span> = BTreeMap::new();
    let mut cases = Vec::new();
    for node in nodes {
        let Some(fields) = Fields::of(node) else {
            continue;
        };
        if let Some(name) = fields.text("name")
            && let Some(first) = names.insert(name.value, name.span)
        {
            decoder.error_and_first(
                name.span,
                ProblemCode::Finding(FindingKind::DuplicateName),
                "two tests have the same name",
                (first, "the first one"),
                "say in its name what is different about this one",
            );
        }
        cases.extend(case(decoder, fields));
    }
    cases
}

/// What a step goes on from.
#[derive(Clone, Copy)]
struct Before {
    now: Timestamp,
    mode: Mode,
    has_request: bool,
}

fn case(decoder: &mut Decoder<'_>, fields: Fields<'_>) -> Option<TestCase> {
    let mut before = Before {
        now: NOW_DEFAULT,
        mode: Mode::Enforce,
        has_request: false,
    };
    let steps = if fields.has("steps") {
        before = before.and(fields);
        refuse_with_steps(decoder, fields);
        let mut steps = Vec::new();
        for node in fields.list("steps") {
            let Some(own) = Fields::of(node) else {
                continue;
            };
            let step = step(decoder, Some(fields), own, &mut before);
            steps.extend(step);
        }
        steps
    } else {
        Vec::from_iter(step(decoder, None, fields, &mut before))
    };
    let (state, approvals) = history(decoder, fields);
    Some(TestCase {
        name: fields.text("name")?,
        span: fields.span,
        why: fields.text("why").map(|why| why.value),
        state,
        approvals,
        steps,
    })
}

/// What came before the first step: the run's state and people's answers, as hosts keep them.
fn history(decoder: &mut Decoder<'_>, fields: Fields<'_>) -> (RunState, Vec<ApprovalRecord>) {
    let state = if fields.has("state") {
        told_by_host(decoder, fields, "state", |text| parse_state("state", text))
    } else {
        RunState::begin()
    };
    let approvals = told_by_host(decoder, fields, "approvals", |text| {
        parse_approvals("approvals", text)
    });
    (state, approvals)
}

/// A value that hosts read as a JSON text of its own, and that has to be good in the same way here.
fn told_by_host<T: Default>(
    decoder: &mut Decoder<'_>,
    fields: Fields<'_>,
    key: &str,
    read: impl FnOnce(&[u8]) -> Result<T, Vec<Problem>>,
) -> T {
    let Some(node) = fields.get(key) else {
        return T::default();
    };
    read(canonical(node).as_bytes()).unwrap_or_else(|problems| {
        for problem in problems {
            let help = problem.help_text().unwrap_or_default().to_owned();
            decoder.error_with_help(node.span, problem.code(), problem.message(), help);
        }
        T::default()
    })
}

fn canonical(node: &Node) -> String {
    let mut text = String::new();
    write_value(&mut text, node.to_document().unwrap_or_default().root());
    text
}

impl Before {
    /// The time and mode that a case or step says, or else those before it.
    fn and(self, fields: Fields<'_>) -> Self {
        let mode = fields.word("mode", &MODES);
        Self {
            now: fields.timestamp("now").unwrap_or(self.now),
            mode: mode.map_or(self.mode, |mode| mode.value),
            has_request: self.has_request,
        }
    }
}

/// Reports what a case with steps may not have, and steps that are none.
fn refuse_with_steps(decoder: &mut Decoder<'_>, fields: Fields<'_>) {
    for whole in ["request", "text"] {
        if let (Some(span), Some(steps)) = (fields.key_span(whole), fields.key_span("steps")) {
            decoder.error_and_first(
                span,
                ProblemCode::PolicyConflictingKeys,
                format!("`{whole}` and `steps` in one: a whole request belongs to one step"),
                (steps, "the steps"),
                "move it into the step that sends it",
            );
        }
    }
    if let Some(steps) = fields.get("steps")
        && items(steps).is_empty()
        && matches!(steps.value, NodeValue::List(_))
    {
        decoder.error_with_help(
            steps.span,
            ProblemCode::TestSteps,
            "a test without a step tests nothing",
            "write a step, or `call` and `expect` without `steps`",
        );
    }
}

fn step(
    decoder: &mut Decoder<'_>,
    case: Option<Fields<'_>>,
    fields: Fields<'_>,
    before: &mut Before,
) -> Option<TestStep> {
    let now = Before {
        has_request: before.has_request,
        ..before.and(fields)
    };
    // The mode of one step says nothing about the next.
    before.now = now.now;
    let expect = fields.get("expect");
    let is_refused = expect
        .and_then(Fields::of)
        .is_some_and(|expect| expect.has("problems"));
    let action = match (fields.get("approve"), fields.get("reject")) {
        (None, None) => {
            before.has_request = true;
            request(decoder, case, fields, is_refused)
        }
        (Some(_), Some(_)) => {
            conflict(
                decoder,
                fields,
                "approve",
                "reject",
                "a step has one answer",
            );
            None
        }
        (Some(yes), None) => answer(decoder, fields, ("approve", yes), now),
        (None, Some(no)) => answer(decoder, fields, ("reject", no), now),
    };
    let expect = expectation(decoder, expect?)?;
    Some(TestStep {
        span: fields.span,
        now: now.now,
        mode: now.mode,
        action: action?,
        expect,
        report: fields.get("report").and_then(report),
    })
}

fn report(node: &Node) -> Option<TestReport> {
    let (outcome, cost) = match Fields::of(node) {
        Some(fields) => (
            fields.word("outcome", &OUTCOMES)?,
            fields.number("cost_usd"),
        ),
        None => (fields::word(node, &OUTCOMES)?, None),
    };
    Some(TestReport {
        outcome: outcome.value,
        cost: cost.map(|cost| cost.value),
    })
}

fn answer(
    decoder: &mut Decoder<'_>,
    step: Fields<'_>,
    (key, node): (&'static str, &Node),
    before: Before,
) -> Option<StepAction> {
    for other in &REQUEST_KEYS {
        if step.has(other.name) {
            let reason = "an answer is about the request before";
            conflict(decoder, step, key, other.name, reason);
        }
    }
    if !before.has_request {
        let span = step.key_span(key).unwrap_or(step.span);
        decoder.error_with_help(
            span,
            ProblemCode::TestSteps,
            "there is nothing to answer: no request stands before",
            "put a step with a `call` before it",
        );
    }
    let fields = Fields::of(node)?;
    let roles = fields.texts("roles").into_iter();
    Some(StepAction::Answer(TestAnswer {
        answer: if key == "approve" {
            Answer::Approved
        } else {
            Answer::Rejected
        },
        by: fields.text("by")?.value,
        roles: roles.map(|role| role.value).collect(),
        at: fields.timestamp("at").unwrap_or(before.now),
    }))
}

/// Reports two keys that exclude each other.
fn conflict(
    decoder: &mut Decoder<'_>,
    fields: Fields<'_>,
    first: &'static str,
    second: &'static str,
    reason: &str,
) {
    let span = |key| fields.key_span(key).unwrap_or(fields.span);
    decoder.error_and_first(
        span(second),
        ProblemCode::PolicyConflictingKeys,
        format!("`{first}` and `{second}` in one: {reason}"),
        (span(first), "the other one"),
        "make two steps of it",
    );
}

fn expectation(decoder: &mut Decoder<'_>, node: &Node) -> Option<Expectation> {
    let only = |verdict: Verdict, span: Span| Expectation {
        span,
        verdict,
        problems: None,
        codes: None,
        issues_include: Vec::new(),
        issues_exclude: Vec::new(),
        questions: None,
        risk_max: None,
        rule: None,
        issues: None,
        answer: Vec::new(),
        state: Vec::new(),
    };
    if let Some(fields) = Fields::of(node) {
        let texts = |key| -> Vec<String> {
            let texts = fields.texts(key).into_iter();
            texts.map(|text| text.value).collect()
        };
        let members = |key| -> Vec<(String, String)> {
            let members = fields.table(key).iter();
            members
                .map(|(name, node)| (name.value.clone(), canonical(node)))
                .collect()
        };
        if let Some(problems) = fields.key_span("problems") {
            // Where nothing is decided there is nothing else to be said. Of a verdict the form says so.
            for (key, _) in fields.entries {
                if !["verdict", "problems"].contains(&key.value.as_str()) {
                    decoder.error_and_first(
                        key.span,
                        ProblemCode::PolicyConflictingKeys,
                        format!(
                            "`problems` and `{}` in one: a request that is refused has no decision",
                            key.value
                        ),
                        (problems, "the problems"),
                        "leave one of the two out",
                    );
                }
            }
            return Some(Expectation {
                problems: Some(texts("problems")),
                ..only(Verdict::Deny, node.span)
            });
        }
        return Some(Expectation {
            codes: fields.has("codes").then(|| texts("codes")),
            issues_include: texts("issues_include"),
            issues_exclude: texts("issues_exclude"),
            questions: fields.has("questions").then(|| texts("questions")),
            risk_max: fields.whole("risk_max"),
            rule: fields.text("rule").map(|rule| rule.value),
            issues: fields.has("issues").then(|| texts("issues")),
            answer: members("answer"),
            state: members("state"),
            ..only(fields.word("verdict", &VERDICTS)?.value, node.span)
        });
    }
    let (head, rest) = match &node.value {
        NodeValue::List(items) => items.split_first()?,
        _ => (node, &[][..]),
    };
    let verdict = fields::word(head, &VERDICTS)?.value;
    let codes = rest.iter().filter_map(fields::text);
    Some(Expectation {
        issues_include: codes.map(|code| code.value).collect(),
        ..only(verdict, node.span)
    })
}

/// The entries of a list; none of anything else.
fn items(node: &Node) -> &[Node] {
    match &node.value {
        NodeValue::List(items) => items,
        _ => &[],
    }
}
