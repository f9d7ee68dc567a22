//! Test cases become steps with whole requests, each with its time and what is expected.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by panicking"
)]

use stage0_engine::canonical::write_value;
use stage0_engine::host::Answer;
use stage0_engine::policy::{Mode, Verdict};
use stage0_engine::time::Timestamp;
use stage0_wire::cases::{
    Expectation, NOW_DEFAULT, StepAction, TestAnswer, TestCase, TestFile, TestStep, read_tests,
};
use stage0_wire::imports::NoImports;
use stage0_wire::load::load;
use stage0_wire::problem::Problems;
use stage0_wire::sources::Sources;

fn read(text: &str) -> TestFile {
    let mut sources = Sources::new();
    let file = sources.add("tests.yaml", text).unwrap();
    let mut problems = Problems::new();
    let tests = read_tests(&sources, file, &mut problems);
    let problems: Vec<String> = problems.finish().iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    tests.unwrap()
}

fn case(text: &str) -> TestCase {
    read(text).cases.remove(0)
}

fn request(step: &TestStep) -> String {
    let StepAction::Request(request) = &step.action else {
        panic!("{step:?}");
    };
    let mut out = String::new();
    write_value(&mut out, request.root());
    out
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn a_case_without_steps_is_one_step() {
    let case = case(
        "- name: a call\n  why: it matters\n  call: { name: payout, arguments: { amount: 5.00 }, id: c1 }\n  \
         tools: payout\n  side_effects: [money_movement]\n  constraints: [a, b]\n  pro: true\n  \
         environment: production\n  trusted: [{ source: user, text: hi }]\n  \
         context: { actor_id: ana, extra: null }\n  expect: DENY\n",
    );
    assert_eq!(case.name.value, "a call");
    assert_eq!(case.why.as_deref(), Some("it matters"));
    assert_eq!(case.steps.len(), 1);
    let step = &case.steps[0];
    assert_eq!((step.now, step.mode), (NOW_DEFAULT, Mode::Enforce));
    assert_eq!(
        request(step),
        r#"{"constraints":["a","b"],"context":{"actor_id":"ana","extra":null},"environment":"production","pro":true,"side_effects":["money_movement"],"tool_call":{"arguments":{"amount":5},"id":"c1","name":"payout"},"tools":["payout"],"trusted":[{"source":"user","text":"hi"}]}"#
    );
    assert_eq!(NOW_DEFAULT, time("2026-01-05T10:00:00Z"));
}

#[test]
fn steps_take_over_what_their_case_says() {
    let case = case(
        "- name: steps\n  now: 2026-01-05T10:00:00Z\n  mode: observe\n  call: { name: payout }\n  \
         context: { actor_id: ana, tier: 1, gone: x }\n  steps:\n    \
         - { expect: ALLOW }\n    \
         - { call: { name: search }, context: { tier: 2, gone: null, new: 3 }, now: 2026-01-05T11:00:00Z, expect: DENY }\n    \
         - { mode: halted, expect: DENY }\n    \
         - { goal: plan, expect: DEFER }\n",
    );
    let steps = &case.steps;
    assert_eq!(
        request(&steps[0]),
        r#"{"context":{"actor_id":"ana","gone":"x","tier":1},"tool_call":{"name":"payout"}}"#
    );
    assert_eq!(
        request(&steps[1]),
        r#"{"context":{"actor_id":"ana","gone":null,"new":3,"tier":2},"tool_call":{"name":"search"}}"#
    );
    assert_eq!(request(&steps[2]), request(&steps[0]));
    assert_eq!(
        request(&steps[3]),
        r#"{"context":{"actor_id":"ana","gone":"x","tier":1},"goal":"plan","tool_call":{"name":"payout"}}"#
    );
    let times: Vec<Timestamp> = steps.iter().map(|step| step.now).collect();
    let (first, second) = (time("2026-01-05T10:00:00Z"), time("2026-01-05T11:00:00Z"));
    assert_eq!(times, [first, second, second, second]);
    let modes: Vec<Mode> = steps.iter().map(|step| step.mode).collect();
    assert_eq!(
        modes,
        [Mode::Observe, Mode::Observe, Mode::Halted, Mode::Observe]
    );
}

#[test]
fn a_whole_request_is_sent_as_it_is_written() {
    let case = case(
        "- name: whole\n  context: { actor_id: ana }\n  steps:\n    \
         - { request: { goal: plan, unknown: 1 }, expect: DEFER }\n",
    );
    assert_eq!(request(&case.steps[0]), r#"{"goal":"plan","unknown":1}"#);
}

#[test]
fn what_is_to_be_refused_is_sent_as_it_stands() {
    let case = case(
        "- name: refused\n  steps:\n    \
         - { request: { goal: 7 }, expect: { problems: REQUEST_TYPE } }\n    \
         - { tools: [a], expect: { problems: [REQUEST_FIELD_MISSING] } }\n    \
         - { text: '{\"goal\": ', expect: { problems: [JSON_UNEXPECTED_END] } }\n    \
         - { text: '{\"goal\": \"plan\"}', expect: ALLOW }\n",
    );
    let sent = case.steps.iter().map(|step| match &step.action {
        StepAction::Text(text) => text.as_str(),
        other => panic!("{other:?}"),
    });
    assert_eq!(
        sent.collect::<Vec<_>>(),
        [
            r#"{"goal":7}"#,
            r#"{"tools":["a"]}"#,
            r#"{"goal": "#,
            r#"{"goal": "plan"}"#
        ]
    );
    let problems = |at: usize| case.steps[at].expect.problems.clone();
    assert_eq!(problems(0), Some(vec!["REQUEST_TYPE".to_owned()]));
    assert_eq!(problems(3), None);
    // Whoever does not look at `problems` still learns what gates make of it.
    assert_eq!(case.steps[0].expect.verdict, Verdict::Deny);
}

#[test]
fn a_refused_request_is_described_by_its_problems_alone() {
    let codes = |text: &str| {
        let mut sources = Sources::new();
        let file = sources.add("tests.yaml", text).unwrap();
        let mut problems = Problems::new();
        read_tests(&sources, file, &mut problems);
        let problems = problems.finish();
        let codes = problems.iter().map(|problem| problem.code().as_str());
        codes.collect::<Vec<_>>()
    };
    for (text, expected) in [
        (
            "- { name: a, text: '', expect: { verdict: DENY, problems: [A] } }\n",
            vec!["POLICY_CONFLICTING_KEYS"],
        ),
        (
            "- { name: a, text: '', expect: { problems: [A], codes: [B] } }\n",
            vec!["POLICY_CONFLICTING_KEYS"],
        ),
        (
            "- { name: a, text: '', goal: b, expect: ALLOW }\n",
            vec!["POLICY_CONFLICTING_KEYS"],
        ),
        (
            "- { name: a, text: '', request: {}, expect: ALLOW }\n",
            vec!["POLICY_CONFLICTING_KEYS"],
        ),
        (
            "- { name: a, text: '', steps: [{ goal: b, expect: ALLOW }] }\n",
            vec!["POLICY_CONFLICTING_KEYS"],
        ),
    ] {
        assert_eq!(codes(text), expected, "{text}");
    }
    assert_eq!(
        codes("- { name: a, goal: b, expect: { codes: [B] } }\n").len(),
        1
    );
}

#[test]
fn a_case_fails_where_a_request_is_refused_or_decided_against_its_word() {
    use stage0_engine::PlainProse;
    use stage0_wire::Policy;
    use stage0_wire::testing::{record_case, run_case};

    let policy = Policy::builtin("standard").unwrap();
    let found = |text: &str| {
        let report = run_case(&policy, &case(text), &PlainProse, None);
        let mismatches = report
            .failures
            .iter()
            .flat_map(|failure| &failure.mismatches);
        mismatches
            .map(|one| format!("{}: {} but {}", one.what, one.expected, one.found))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("- { name: a, request: { goal: 7 }, expect: { problems: [JSON_SYNTAX] } }\n"),
        ["problems: [JSON_SYNTAX] but [REQUEST_TYPE]: `goal` must be text, and this is a number"]
    );
    assert_eq!(
        found("- { name: a, text: '{', expect: DENY }\n").len(),
        1,
        "a refused request is no decision, not even a DENY"
    );
    assert_eq!(
        found("- { name: a, goal: help me, expect: { problems: [REQUEST_TYPE] } }\n"),
        ["problems: [REQUEST_TYPE] but DENY [MISSING_SUCCESS_CRITERIA, UNCLEAR_VALUE_SIGNAL]"]
    );
    let refused =
        case("- { name: a, request: { goal: 7 }, expect: { problems: [REQUEST_TYPE] } }\n");
    let (report, exchanges) = record_case(&policy, &refused);
    assert!(report.passed());
    assert_eq!(exchanges[0].problems, ["REQUEST_TYPE"]);
    assert_eq!(exchanges[0].answer, "");
    assert_eq!(exchanges[0].state, exchanges[0].next_state);
}

#[test]
fn people_answer() {
    let case = case(
        "- name: answers\n  call: { name: payout }\n  steps:\n    \
         - { expect: DEFER }\n    \
         - { approve: { by: ana, roles: lead }, now: 2026-01-05T12:00:00Z, expect: ALLOW }\n    \
         - { reject: { by: bob, roles: [a, b], at: 2026-01-05T11:00:00Z }, expect: DENY }\n",
    );
    let answers: Vec<&TestAnswer> = case
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            StepAction::Answer(answer) => Some(answer),
            StepAction::Request(_) | StepAction::Text(_) => None,
        })
        .collect();
    assert_eq!(
        answers,
        [
            &TestAnswer {
                answer: Answer::Approved,
                by: "ana".into(),
                roles: vec!["lead".into()],
                at: time("2026-01-05T12:00:00Z"),
            },
            &TestAnswer {
                answer: Answer::Rejected,
                by: "bob".into(),
                roles: vec!["a".into(), "b".into()],
                at: time("2026-01-05T11:00:00Z"),
            },
        ]
    );
}

#[test]
fn expectations_have_three_forms() {
    let expect = |text: &str| -> Expectation {
        let case = case(&format!(
            "- {{ name: a, call: {{ name: b }}, expect: {text} }}\n"
        ));
        case.steps[0].expect.clone()
    };
    let short = expect("ALLOW");
    assert_eq!(
        (short.verdict, &short.codes, &short.issues_include),
        (Verdict::Allow, &None, &vec![])
    );

    let listed = expect("[DEFER, APPROVAL_REQUIRED, FACT_MISSING]");
    assert_eq!(listed.verdict, Verdict::Defer);
    assert_eq!(listed.issues_include, ["APPROVAL_REQUIRED", "FACT_MISSING"]);
    assert_eq!(listed.codes, None);

    let whole = expect(
        "{ verdict: DENY, codes: [A, B], issues_include: C, issues_exclude: [D], questions: [], risk_max: 40, rule: a/b }",
    );
    assert_eq!(
        whole,
        Expectation {
            span: whole.span,
            verdict: Verdict::Deny,
            problems: None,
            codes: Some(vec!["A".into(), "B".into()]),
            issues_include: vec!["C".into()],
            issues_exclude: vec!["D".into()],
            questions: Some(vec![]),
            risk_max: Some(40),
            rule: Some("a/b".into()),
            issues: None,
            answer: vec![],
            state: vec![],
        }
    );
    assert_eq!(expect("{ verdict: DENY, codes: [] }").codes, Some(vec![]));
}

#[test]
fn expectations_name_members_of_the_answer_and_the_state() {
    let case = case(
        "- name: a\n  call: { name: b }\n  \
         expect: { verdict: DENY, issues: [HIGH A, LOW B], answer: { risk_score: 15.0, b: { d: 1, c: [x] } }, state: { attempts: 1 } }\n",
    );
    let expect = &case.steps[0].expect;
    let member = |name: &str, json: &str| (name.to_owned(), json.to_owned());
    assert_eq!(expect.issues, Some(vec!["HIGH A".into(), "LOW B".into()]));
    let answer = [
        member("risk_score", "15"),
        member("b", r#"{"c":["x"],"d":1}"#),
    ];
    assert_eq!(expect.answer, answer);
    assert_eq!(expect.state, [member("attempts", "1")]);
}

#[test]
fn a_case_may_begin_in_the_middle_of_a_run() {
    let begun = case(
        "- name: a\n  call: { name: b }\n  expect: ALLOW\n  \
         state: { v: 2, run: { attempts: 2, allowed: 1, first_at: 2026-01-05T10:00:00Z, last_at: 2026-01-05T11:00:00Z } }\n",
    );
    assert!(!begun.state.is_whole, "no counter is known");
    assert_eq!(begun.state.run.unwrap().attempts, 2);
    assert!(begun.approvals.is_empty());

    let mut sources = Sources::new();
    let text = "- name: a\n  call: { name: b }\n  expect: ALLOW\n  state: { v: 2, run: { attempts: -2 } }\n  approvals: [{ id: a }]\n";
    let file = sources.add("tests.yaml", text).unwrap();
    let mut problems = Problems::new();
    read_tests(&sources, file, &mut problems);
    let problems = problems.finish();
    let codes: Vec<&str> = problems
        .iter()
        .map(|problem| problem.code().as_str())
        .collect();
    assert_eq!(codes, ["STATE_INVALID", "APPROVALS_INVALID"]);
}

#[test]
fn test_files_are_lists_or_name_their_policy() {
    let case = "{ name: a, call: { name: b }, expect: ALLOW }";
    let list = read(&format!("- {case}\n"));
    assert!(list.policy.is_none());
    assert_eq!(list.cases.len(), 1);
    let named = read(&format!(
        "policy: ./a.yaml\ndescription: d\ntests: [{case}]\n"
    ));
    assert_eq!(named.policy.unwrap().value, "./a.yaml");
    assert_eq!(named.cases.len(), 1);
    assert_eq!(read("[]").cases.len(), 0);
}

#[test]
fn a_policy_brings_its_tests() {
    let policy = "stage0: v1\nname: a\nversion: 1.0.0\n\
                  tests: [{ name: a, call: { name: b }, expect: [DENY, NO_RULE_ALLOWS] }]\n";
    let loaded = load("a.yaml", policy, &NoImports).unwrap();
    assert_eq!(loaded.tests[0].name.value, "a");
    assert_eq!(
        loaded.sources.slice(loaded.tests[0].steps[0].expect.span),
        "[DENY, NO_RULE_ALLOWS]"
    );
}
