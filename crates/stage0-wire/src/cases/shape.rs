//! The keys of test cases.

use stage0_engine::policy::Verdict;
use stage0_engine::state::Outcome;

use crate::policy::{ISSUE_CODE, MODE_WORDS};
use crate::shape::{Form, Key, OneOf, Shape, Words, names};

pub(super) const VERDICTS: [(&str, Verdict); 3] = [
    ("ALLOW", Verdict::Allow),
    ("DEFER", Verdict::Defer),
    ("DENY", Verdict::Deny),
];
static VERDICT_WORDS: Words = Words {
    names: &names(&VERDICTS),
    listed: VERDICTS.len(),
    later: &[],
    help: "a verdict stands alone, or before codes: `[DENY, NO_RULE_ALLOWS]`",
};

/// A file of test cases: the cases, perhaps with the policy that they are for.
pub(crate) static TEST_FILE: Form = Form::Either(&[Form::List(&CASE), Form::Map(&TEST_FILE_SHAPE)]);

static TEST_FILE_SHAPE: Shape = Shape {
    name: "test_file",
    what: "a test file",
    doc: "Test cases in a file of their own.",
    groups: &[&[
        Key::new(
            "$schema",
            Form::Text,
            "Where editors find the description of this format. It means nothing to Stage0.",
        ),
        Key::new(
            "policy",
            Form::Text,
            "The policy that the tests are for: a path relative to this file, or a pack such as stage0/standard.",
        ),
        Key::new("description", Form::Text, "What the tests are about."),
        Key::required("tests", Form::List(&CASE), "The test cases."),
    ]],
    one_of: OneOf::NONE,
};

/// A test case.
pub(crate) static CASE: Form = Form::Map(&CASE_SHAPE);

static CASE_SHAPE: Shape = Shape {
    name: "test",
    what: "a test",
    doc: "A request and the answer that it must get, or several steps of one run.",
    groups: &[
        &[
            Key::required(
                "name",
                Form::Text,
                "What is tested, in one sentence; unique in its file.",
            ),
            Key::new("why", Form::Text, "Why it matters."),
        ],
        &SETTING_KEYS,
        &[
            Key::new(
                "state",
                Form::Object,
                "The run's state before the first step, as `stage0 check --state` keeps it; a new run if left out.",
            ),
            Key::new(
                "approvals",
                Form::List(&Form::Either(&[Form::Object, Form::Text])),
                "People's answers before the first step, as `stage0 check --approvals` reads them.",
            ),
        ],
        &[Key::new(
            "steps",
            Form::List(&STEP),
            "What happens one after the other. Steps take over what the test says of the request.",
        )],
        &EXPECT_KEYS,
        &REQUEST_KEYS,
    ],
    one_of: OneOf {
        keys: &["expect", "steps"],
        help: "say what the decision must be: `expect: DENY`",
    },
};

static STEP: Form = Form::Map(&STEP_SHAPE);

static STEP_SHAPE: Shape = Shape {
    name: "step",
    what: "a step",
    doc: "One request, or a person's answer to the one before, and the answer that it must get.",
    groups: &[
        &SETTING_KEYS,
        &[
            Key::new(
                "approve",
                Form::Map(&ANSWER),
                "A person says yes to what the step before waits for, and its request is decided again.",
            ),
            Key::new(
                "reject",
                Form::Map(&ANSWER),
                "A person says no to what the step before waits for, and its request is decided again.",
            ),
        ],
        &[
            Key::required("expect", EXPECT, "What the decision must be.")
                .or_help("write for example `expect: ALLOW`"),
            Key::new(
                "report",
                Form::Either(&[Form::Words(&OUTCOME_WORDS), Form::Map(&REPORT)]),
                "What the host reports of the call after the decision: executed, failed or stopped.",
            ),
        ],
        &REQUEST_KEYS,
    ],
    one_of: OneOf::NONE,
};

pub(super) const OUTCOMES: [(&str, Outcome); 3] = [
    ("executed", Outcome::Executed),
    ("failed", Outcome::Failed),
    ("stopped", Outcome::Stopped),
];
static OUTCOME_WORDS: Words = Words::new(&names(&OUTCOMES));

static REPORT: Shape = Shape {
    name: "report",
    what: "a report",
    doc: "What became of a call that was allowed.",
    groups: &[&[
        Key::required(
            "outcome",
            Form::Words(&OUTCOME_WORDS),
            "executed, failed or stopped.",
        ),
        Key::new(
            "cost_usd",
            Form::Number,
            "What the call did cost, in US dollars.",
        ),
    ]],
    one_of: OneOf::NONE,
};

static SETTING_KEYS: [Key; 2] = [
    Key::new(
        "now",
        Form::Timestamp,
        "When it happens, such as 2026-01-05T10:00:00Z. Steps go on from the time of the step before.",
    ),
    Key::new(
        "mode",
        Form::Words(&MODE_WORDS),
        "The operator's mode; enforce if left out.",
    ),
];

static EXPECT_KEYS: [Key; 1] = [Key::new("expect", EXPECT, "What the decision must be.")];

const EXPECT: Form = Form::Either(&[
    Form::Words(&VERDICT_WORDS),
    Form::Headed(&Form::Words(&VERDICT_WORDS), &Form::Name(&ISSUE_CODE)),
    Form::Map(&EXPECT_SHAPE),
]);

static EXPECT_SHAPE: Shape = Shape {
    name: "expectation",
    what: "an expectation",
    doc: "What a decision must be. Everything that is given has to hold.",
    groups: &[&[
        Key::new(
            "verdict",
            Form::Words(&VERDICT_WORDS),
            "The verdict: ALLOW, DEFER or DENY.",
        ),
        Key::new(
            "problems",
            Form::OneOrMany(&Form::Name(&ISSUE_CODE)),
            "Instead of a verdict: the codes of the problems for which the request is refused, exactly these, in this order.",
        ),
        Key::new(
            "codes",
            Form::OneOrMany(&Form::Name(&ISSUE_CODE)),
            "The codes of all issues of MEDIUM and above: exactly these, in this order; `[]` for none.",
        ),
        Key::new(
            "issues",
            Form::OneOrMany(&Form::Text),
            "All issues, each as its severity and code, such as LOW UNKNOWN_FIELD: exactly these, in this order; `[]` for none.",
        ),
        Key::new(
            "issues_include",
            Form::OneOrMany(&Form::Name(&ISSUE_CODE)),
            "Codes of which each must be that of an issue, whatever its severity.",
        ),
        Key::new(
            "issues_exclude",
            Form::OneOrMany(&Form::Name(&ISSUE_CODE)),
            "Codes of which none may be that of an issue.",
        ),
        Key::new(
            "questions",
            Form::OneOrMany(&Form::Text),
            "The questions asked: exactly these, in this order; `[]` for none.",
        ),
        Key::new(
            "risk_max",
            Form::Whole(0, 100),
            "The risk score is no higher than this.",
        ),
        Key::new(
            "rule",
            Form::Text,
            "A rule that an issue must come from: policy/rule, or the rule alone if it is this policy's.",
        ),
        Key::new(
            "answer",
            Form::Object,
            "Members of the answer as JSON, each exactly what it must be; one inside another is named with dots.",
        ),
        Key::new(
            "state",
            Form::Object,
            "Members of the next state as JSON, such as run.attempts, each exactly what it must be.",
        ),
    ]],
    one_of: OneOf {
        keys: &["verdict", "problems"],
        help: "say what the decision must be: `verdict: DENY`",
    },
};

static ANSWER: Shape = Shape {
    name: "answer",
    what: "an answer",
    doc: "A person's answer to a request for approval.",
    groups: &[&[
        Key::required("by", Form::Text, "Who answers."),
        Key::new("roles", Form::OneOrMany(&Form::Text), "The person's roles."),
        Key::new(
            "at",
            Form::Timestamp,
            "When the answer is given; the time of the step if left out.",
        ),
    ]],
    one_of: OneOf::NONE,
};

/// The parts of a request. All but `request` and `context` go over into it as they are.
pub(super) static REQUEST_KEYS: [Key; 12] = [
    Key::new(
        "request",
        Form::Object,
        "The whole request, exactly as it would be sent. Nothing else of the test is added to it.",
    ),
    Key::new(
        "text",
        Form::Text,
        "The request's text to the letter, for what is no request or is written unusually. Nothing else of the test is added to it.",
    ),
    Key::new(
        "call",
        Form::Map(&CALL),
        "The call that is proposed; `tool_call` in the request.",
    ),
    Key::new("goal", Form::Text, "What is to be done."),
    Key::new(
        "tools",
        Form::OneOrMany(&Form::Text),
        "The tools of the plan.",
    ),
    Key::new(
        "side_effects",
        Form::OneOrMany(&Form::Text),
        "The declared effects.",
    ),
    Key::new(
        "constraints",
        Form::OneOrMany(&Form::Text),
        "What the agent binds itself to.",
    ),
    Key::new(
        "success_criteria",
        Form::OneOrMany(&Form::Text),
        "How the agent would know that it is done.",
    ),
    Key::new(
        "context",
        Form::Object,
        "What the host states. A step's context is added to that of its test; null takes a member away.",
    ),
    Key::new(
        "trusted",
        Form::List(&Form::Map(&TRUSTED)),
        "Texts written by the user or operator.",
    ),
    Key::new("pro", Form::Bool, "Whether MEDIUM advice denies."),
    Key::new(
        "environment",
        Form::Text,
        "The environment; the same as in `context`.",
    ),
];

static CALL: Shape = Shape {
    name: "call",
    what: "a call",
    doc: "A concrete tool call.",
    groups: &[&[
        Key::required("name", Form::Text, "The tool, as the framework calls it."),
        Key::new("arguments", Form::Object, "The arguments."),
        Key::new("id", Form::Text, "The call's id."),
    ]],
    one_of: OneOf::NONE,
};

static TRUSTED: Shape = Shape {
    name: "trusted_text",
    what: "a trusted text",
    doc: "A text written by the user or operator.",
    groups: &[&[
        Key::new("source", Form::Text, "Who wrote it."),
        Key::required("text", Form::Text, "What was written, word for word."),
    ]],
    one_of: OneOf::NONE,
};
