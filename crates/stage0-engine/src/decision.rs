//! The answer: a verdict with its reasons, as data.
//!
//! A decision borrows from the policy and the request that it was made from. Its text forms are made
//! elsewhere: canonical JSON in `stage0-wire`, prose in [`crate::explain`].

use std::borrow::Cow;

use crate::digest::Digest;
use crate::facts::FactTable;
use crate::number::Number;
use crate::policy::{Mode, Severity, Verdict};
use crate::time::Timestamp;

/// What would have to happen for an issue to go away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Needs {
    /// A person's yes.
    Approval,
    /// A fact that somebody can supply.
    Fact,
    /// Time.
    Wait,
    /// Another call.
    Fix,
}

impl Needs {
    /// `approval`, `fact`, `wait` or `fix`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Fact => "fact",
            Self::Wait => "wait",
            Self::Fix => "fix",
        }
    }
}

/// Who can answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// The agent: input is missing.
    Agent,
    /// A person or the host: authority is missing.
    Person,
}

impl Who {
    /// `agent` or `person`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Person => "person",
        }
    }
}

/// How an issue can be resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// What is needed.
    pub needs: Needs,
    /// Who can give it.
    pub who: Who,
    /// The missing facts, sorted.
    pub facts: Vec<String>,
    /// Roles of which an approver must have one.
    pub roles: Vec<String>,
    /// How many approvals are still missing.
    pub approvals: u32,
    /// When asking again may help.
    pub retry_at: Option<Timestamp>,
}

impl Resolution {
    /// A resolution that needs this from them, and nothing else yet.
    pub fn new(needs: Needs, who: Who) -> Self {
        Self {
            needs,
            who,
            facts: Vec::new(),
            roles: Vec::new(),
            approvals: 0,
            retry_at: None,
        }
    }
}

/// A further value of an issue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// Text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
}

/// The family of rules about whether the work is worth doing.
pub const VALUE_FAMILY: &str = "value";
/// The family of rules about runs that go on for nothing.
pub const LOOP_FAMILY: &str = "loop";

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue<'a> {
    /// The stable code.
    pub code: &'a str,
    /// How much it weighs.
    pub severity: Severity,
    /// What the model may read.
    pub message: Cow<'a, str>,
    /// The rule it comes from, as `pack/id`; empty for the engine's own.
    pub rule: &'a str,
    /// The family of the rule; empty where it has none.
    pub family: &'a str,
    /// The tool it is about; empty for the request as a whole.
    pub tool: Cow<'a, str>,
    /// Further values, by name.
    pub details: Vec<(&'static str, Detail)>,
    /// What would resolve it.
    pub resolution: Option<Resolution>,
}

/// What a decision would have been, had nothing been merely observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Would<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// Its reasons.
    pub issues: Vec<Issue<'a>>,
}

/// The verdict on one tool of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolVerdict<'a> {
    /// The tool as the request named it.
    pub name: Cow<'a, str>,
    /// The catalogued tool, if it is one.
    pub tool: Option<&'a str>,
    /// The verdict.
    pub verdict: Verdict,
}

/// Whether a rule that guards did its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardrailCheck<'a> {
    /// The family of the rule.
    pub family: &'a str,
    /// The rule, as `pack/id`.
    pub rule: &'a str,
    /// Whether it was content.
    pub satisfied: bool,
}

/// One addend of the risk score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskAddend<'a> {
    /// What it is for.
    pub reason: Cow<'a, str>,
    /// Its points.
    pub points: u32,
}

/// What a call may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostEstimate {
    /// Least, in US dollars.
    pub min: Number,
    /// Most, in US dollars.
    pub max: Number,
    /// How many calls of tools without a cost were left out.
    pub without_cost: u32,
    /// How often each tool may be called, where a constraint says so.
    pub iterations: Option<Number>,
    /// Whether the most is what a constraint sets.
    pub is_capped: bool,
}

/// The answer to one request.
#[derive(Debug, Clone)]
pub struct Decision<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// The reasons, heaviest first.
    pub issues: Vec<Issue<'a>>,
    /// Questions whose answers could turn a DEFER into an ALLOW.
    pub questions: Vec<Cow<'a, str>>,
    /// Questions of advice, which hold nothing up.
    pub remarks: Vec<Cow<'a, str>>,
    /// Constraints that a rule checked.
    pub guardrails: Vec<&'static str>,
    /// Every constraint, as it was understood.
    pub constraints_applied: Vec<Cow<'a, str>>,
    /// The checks of rules that belong to a family.
    pub guardrail_checks: Vec<GuardrailCheck<'a>>,
    /// The addends of the risk score.
    pub risk: Vec<RiskAddend<'a>>,
    /// Their sum, capped: 0 to 100, below 100 on ALLOW.
    pub risk_score: u32,
    /// Whether the score has reached the policy's threshold.
    pub high_risk: bool,
    /// How likely it is that the work is not worth doing: the weights of the issues of the family
    /// [`VALUE_FAMILY`], 0 to 100.
    pub value_risk: u32,
    /// How likely it is that money and time are lost: the weights of the issues of the family
    /// [`LOOP_FAMILY`], 0 to 100.
    pub waste_risk: u32,
    /// What the issues of the family [`VALUE_FAMILY`] say.
    pub value_findings: Vec<Cow<'a, str>>,
    /// What the calls may cost.
    pub cost_estimate: Option<CostEstimate>,
    /// The id of the request.
    pub request_id: &'a str,
    /// `name@version` of the policy.
    pub policy_version: &'a str,
    /// Digest of the policy.
    pub policy_digest: Digest,
    /// The environment that the request named.
    pub environment: Option<&'a str>,
    /// Who approved, by the host's word.
    pub approved_by: Option<&'a str>,
    /// The time of the decision.
    pub evaluated_at: Timestamp,
    /// Digest of the action.
    pub action_digest: Digest,
    /// The latest instant until which the answer stands for the same request and state; nothing if
    /// time is not read.
    pub valid_until: Option<Timestamp>,
    /// The verdict on each tool.
    pub tool_verdicts: Vec<ToolVerdict<'a>>,
    /// `Observe` when something was merely observed.
    pub mode: Mode,
    /// What it would have been.
    pub would: Option<Would<'a>>,
    /// Rules of extended policies that the policy switched off.
    pub disabled: &'a [Box<str>],
    pub(crate) facts: &'a FactTable,
    /// The facts that the matching rules read, as bits by slot.
    pub(crate) depends_on: Vec<u64>,
}

impl<'a> Decision<'a> {
    /// Whether the call may be made.
    pub fn allowed(&self) -> bool {
        self.verdict == Verdict::Allow
    }

    /// The facts that the matching rules read, sorted by name.
    pub fn depends_on(&self) -> impl Iterator<Item = &'a str> + '_ {
        let table = self.facts;
        self.depends_on
            .iter()
            .enumerate()
            .flat_map(move |(word, bits)| {
                let first = u32::try_from(word.saturating_mul(64)).unwrap_or(u32::MAX);
                (0..64_u32)
                    .filter(move |bit| bits.checked_shr(*bit).unwrap_or(0) & 1 == 1)
                    .map(move |bit| table.name(first.saturating_add(bit)))
            })
    }

    /// Why, in one line: `CODE: message; CODE: message`, or a sentence on ALLOW.
    pub fn reason(&self) -> String {
        if self.verdict == Verdict::Allow {
            return "Every rule that applies is satisfied.".to_owned();
        }
        let mut reason = String::new();
        for issue in self
            .issues
            .iter()
            .filter(|issue| issue.severity > Severity::Low)
        {
            if !reason.is_empty() {
                reason.push_str("; ");
            }
            reason.push_str(issue.code);
            reason.push_str(": ");
            reason.push_str(&issue.message);
        }
        reason
    }
}
