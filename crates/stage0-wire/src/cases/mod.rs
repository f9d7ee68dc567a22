//! Test cases of policies: requests, and the answers that they must get.
//!
//! Cases stand under `tests` in a policy, or in files of their own. They become plain data here, with
//! every request built and found acceptable; running them is left to whoever has a policy. A case is
//! strict: unlike a request it refuses keys that it does not know, because a misspelt expectation
//! would be one that always holds.

mod read;
mod request;
mod shape;

use stage0_engine::document::Document;
use stage0_engine::host::{Answer, ApprovalRecord};
use stage0_engine::number::Number;
use stage0_engine::policy::{Mode, Verdict};
use stage0_engine::span::{Span, Spanned};
use stage0_engine::state::{Outcome, RunState};
use stage0_engine::time::Timestamp;

pub(crate) use read::read_cases;
pub use read::read_tests;
pub(crate) use shape::{CASE, TEST_FILE};

/// When a case takes place that does not say so: 2026-01-05T10:00:00Z, a Monday within business
/// hours.
pub const NOW_DEFAULT: Timestamp = match Timestamp::from_ms(1_767_607_200_000) {
    Some(now) => now,
    None => Timestamp::EPOCH,
};

/// A file of test cases.
#[derive(Debug, Clone)]
pub struct TestFile {
    /// The policy that they are for, if the file says so: a path relative to it, or a pack's name.
    pub policy: Option<Spanned<String>>,
    /// The cases, in the order in which they were written.
    pub cases: Vec<TestCase>,
}

/// One test case: steps in one run, each with its expectation.
#[derive(Debug, Clone)]
pub struct TestCase {
    /// Unique in its file.
    pub name: Spanned<String>,
    /// Where the case stands.
    pub span: Span,
    /// Why it matters.
    pub why: Option<String>,
    /// The run as it is before the first step.
    pub state: RunState,
    /// The records of people's answers that the host has before the first step.
    pub approvals: Vec<ApprovalRecord>,
    /// What happens; at least one step.
    pub steps: Vec<TestStep>,
}

/// One thing that happens, and what the decision must then be.
#[derive(Debug, Clone)]
pub struct TestStep {
    /// Where the step stands.
    pub span: Span,
    /// When it happens: what the step says, else the time of the step before it, else that of the
    /// case, else [`NOW_DEFAULT`].
    pub now: Timestamp,
    /// The host's mode.
    pub mode: Mode,
    /// What happens.
    pub action: StepAction,
    /// What the decision must be.
    pub expect: Expectation,
    /// What the host tells of the call after that.
    pub report: Option<TestReport>,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestReport {
    /// What became of it.
    pub outcome: Outcome,
    /// What it did cost, in US dollars.
    pub cost: Option<Number>,
}

/// What happens in a step.
#[derive(Debug, Clone)]
pub enum StepAction {
    /// A request is decided. It has been held against the wire contract.
    Request(Document<'static>),
    /// A text is sent as a request. Whether it is one is what the step is about.
    Text(String),
    /// A person answers every approval rule that the request before waits for, and that request is
    /// decided again. Only a step with a request stands before it, or another answer.
    Answer(TestAnswer),
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestAnswer {
    /// Yes or no.
    pub answer: Answer,
    /// Who answers.
    pub by: String,
    /// The person's roles.
    pub roles: Vec<String>,
    /// When the answer is given; the time of the step if it does not say so.
    pub at: Timestamp,
}

/// What a decision must be. Everything that is given has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Where it stands.
    pub span: Span,
    /// The verdict; DENY where the request is to be refused, for that is what gates make of it.
    pub verdict: Verdict,
    /// The codes of the problems for which the request is refused before anything is decided: exactly
    /// these, in this order.
    pub problems: Option<Vec<String>>,
    /// The codes of all issues of MEDIUM and above: exactly these, in this order.
    pub codes: Option<Vec<String>>,
    /// All issues as `SEVERITY CODE`: exactly these, in this order.
    pub issues: Option<Vec<String>>,
    /// Codes of which each is that of some issue, whatever its severity. `[DEFER, CODE]` is the
    /// short form: a verdict, and codes to include.
    pub issues_include: Vec<String>,
    /// Codes of which none is that of any issue.
    pub issues_exclude: Vec<String>,
    /// The questions that are asked: exactly these, in this order.
    pub questions: Option<Vec<String>>,
    /// The risk score is no higher.
    pub risk_max: Option<u32>,
    /// The rule that some issue comes from, as `policy/rule`, or as `rule` if it is one of the policy
    /// that is tested.
    pub rule: Option<String>,
    /// Members of the answer's canonical JSON, each with the JSON that it has to be.
    pub answer: Vec<(String, String)>,
    /// Members of the next state's canonical JSON, each with the JSON that it has to be.
    pub state: Vec<(String, String)>,
}
