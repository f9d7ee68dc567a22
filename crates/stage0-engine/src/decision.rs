//! The answer: a verdict with its reasons, as data.
//!
//! A decision borrows from the policy and the request that it was made from. It holds what deciding
//! found; what follows from that (the digest, the risk, the run's next state) is worked out when it is
//! read, because most callers read the verdict and little else. Its text forms are made elsewhere:
//! canonical JSON in `stage0-wire`, prose in [`crate::explain`].

use std::borrow::Cow;
use std::sync::OnceLock;

use smallvec::SmallVec;

use crate::action::Action;
use crate::digest::Digest;
use crate::index::PolicyIndex;
use crate::index::reads::FactSet;
use crate::number::Number;
use crate::policy::{Mode, Severity, Verdict};
use crate::request::Request;
use crate::state::{RunState, Step, Traces, hold_key};
use crate::time::Timestamp;
use crate::vocabulary::constraint::{Constraint, ConstraintSet};
use crate::vocabulary::effect::EffectSet;

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
    Text(Cow<'static, str>),
    /// Texts.
    Texts(Vec<String>),
}

/// The highest risk score, which an ALLOW does not reach.
const RISK_MAX: u32 = 100;

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

/// How risky the call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk<'a> {
    /// What the score is made of.
    pub addends: SmallVec<[RiskAddend<'a>; 8]>,
    /// The sum of the addends, capped: 0 to 100, below 100 on ALLOW.
    pub score: u32,
    /// Whether the score has reached the policy's threshold.
    pub is_high: bool,
}

/// One addend of the risk score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskAddend<'a> {
    /// What it is for.
    pub reason: &'a str,
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
    /// The checks of rules that belong to a family.
    pub guardrail_checks: Vec<GuardrailCheck<'a>>,
    /// What the calls may cost.
    pub cost_estimate: Option<CostEstimate>,
    /// The id of the request.
    pub request_id: &'a str,
    /// The time of the decision.
    pub evaluated_at: Timestamp,
    /// The latest instant until which the answer stands for the same request and state; nothing if
    /// time is not read.
    pub valid_until: Option<Timestamp>,
    /// The verdict on each tool.
    pub tool_verdicts: SmallVec<[ToolVerdict<'a>; 1]>,
    /// `Observe` when something was merely observed.
    pub mode: Mode,
    /// What it would have been.
    pub would: Option<Would<'a>>,
    pub(crate) policy: &'a PolicyIndex,
    pub(crate) request: &'a Request<'a>,
    /// What is decided about, and its digest once it was asked for.
    pub(crate) action: Action<'a>,
    pub(crate) digest: OnceLock<Digest>,
    /// The effects of all tools together, as the first layer knows them.
    pub(crate) effects: EffectSet,
    /// Constraints that a rule read and could judge.
    pub(crate) guardrails: ConstraintSet,
    /// The facts that the matching rules read.
    pub(crate) depends_on: FactSet,
    /// Whose recorded or signed approval counted.
    pub(crate) approvers: Vec<String>,
    /// What the call leaves on its run if it is allowed.
    pub(crate) traces: Option<Box<Traces<'a>>>,
}

impl<'a> Decision<'a> {
    /// Whether the call may be made.
    pub fn allowed(&self) -> bool {
        self.verdict == Verdict::Allow
    }

    /// Digest of the action: the canonical text of the call, or of the plan.
    pub fn action_digest(&self) -> Digest {
        *self.digest.get_or_init(|| self.action.digest(self.request))
    }

    /// The run after this decision, made from the run that it was made with. Keeping it is up to the
    /// caller.
    #[must_use]
    pub(crate) fn next_state(&self, state: &RunState) -> RunState {
        // Where nothing is kept there is nothing to move.
        if state.run.is_none() && state.counters.is_empty() && !state.is_whole {
            return RunState::default();
        }
        let id = self.request.call_id();
        let action = self.action_digest();
        state.after(&Step {
            now: self.evaluated_at,
            call: hold_key(id.unwrap_or(self.request_id), &action),
            has_id: id.is_some(),
            action,
            tool: match self.action {
                Action::Call(tool) => Some(tool),
                Action::Plan(_) => None,
            },
            allowed: self.allowed(),
            traces: self.traces.as_deref(),
        })
    }

    /// `name@version` of the policy.
    pub fn policy_version(&self) -> &'a str {
        &self.policy.label
    }

    /// Digest of the policy.
    pub fn policy_digest(&self) -> Digest {
        self.policy.digest
    }

    /// Rules of extended policies that the policy switched off.
    pub fn disabled(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.policy.disabled.iter().map(|rule| &**rule)
    }

    /// The environment that the request named.
    pub fn environment(&self) -> Option<&'a str> {
        self.request.environment()
    }

    /// Who approved: those whose recorded or signed approvals counted, sorted; where there are none, whom
    /// the context names.
    pub fn approved_by(&self) -> Cow<'a, str> {
        match self.approvers.as_slice() {
            [] => Cow::Borrowed(self.request.approved_by().unwrap_or("")),
            approvers => Cow::Owned(approvers.join(", ")),
        }
    }

    /// Constraints that a rule checked, sorted by name.
    pub fn guardrails(&self) -> impl Iterator<Item = &'static str> {
        self.guardrails.keys().map(|key| key.name)
    }

    /// Every constraint, as it was understood; what demands nothing is left out.
    pub fn constraints_applied(&self) -> impl Iterator<Item = Cow<'a, str>> {
        let texts = self.request.read_constraints();
        texts.filter_map(|(text, constraint)| match constraint {
            Constraint::Known { .. } | Constraint::Invalid(_) => Some(Cow::Borrowed(text)),
            Constraint::Off(_) => None,
            Constraint::Promise(_) | Constraint::Free => {
                Some(Cow::Owned(format!("advisory: {text}")))
            }
        })
    }

    /// The facts that the matching rules read, sorted by name.
    pub fn depends_on(&self) -> impl Iterator<Item = &'a str> + '_ {
        let table = &self.policy.facts;
        self.depends_on.slots().map(|slot| table.name(slot))
    }

    /// Appends [`depends_on`](Self::depends_on) as a canonical JSON list.
    pub fn write_depends_on(&self, out: &mut String) {
        self.policy.fact_names.write(out, self.depends_on.runs());
    }

    /// The risk score, with what it is made of.
    pub fn risk(&self) -> Risk<'a> {
        let mut addends = SmallVec::new();
        let Some(layer) = self.policy.layers.first() else {
            return Risk {
                addends,
                score: 0,
                is_high: false,
            };
        };
        let weights = &layer.risk;
        addends.push(RiskAddend {
            reason: "base",
            points: weights.base,
        });
        let mut add = |reason: &'a str, points: u32| {
            if points > 0 {
                addends.push(RiskAddend { reason, points });
            }
        };
        for class in self.effects.classes() {
            add(layer.effects.name(class), weights.of_effect(class));
        }
        if let Some(environment) = self.environment() {
            add(environment, weights.of_environment(environment));
        }
        for issue in &self.issues {
            let resolution = issue.resolution.as_ref();
            let facts = resolution.map_or(0, |resolution| resolution.facts.len());
            let facts = u32::try_from(facts).unwrap_or(u32::MAX);
            add(issue.code, weights.of_severity(issue.severity));
            add("missing facts", weights.missing.saturating_mul(facts));
        }
        let most = RISK_MAX.saturating_sub(u32::from(self.allowed()));
        let points = addends.iter().map(|addend| addend.points);
        let score = points.fold(0, u32::saturating_add).min(most);
        Risk {
            addends,
            score,
            is_high: score >= weights.high,
        }
    }

    /// How likely it is that the work is not worth doing: the weights of the issues of the family
    /// [`VALUE_FAMILY`], 0 to 100.
    pub fn value_risk(&self) -> u32 {
        self.risk_of(VALUE_FAMILY)
    }

    /// How likely it is that money and time are lost: the weights of the issues of the family
    /// [`LOOP_FAMILY`], 0 to 100.
    pub fn waste_risk(&self) -> u32 {
        self.risk_of(LOOP_FAMILY)
    }

    fn risk_of(&self, family: &str) -> u32 {
        let Some(layer) = self.policy.layers.first() else {
            return 0;
        };
        let issues = self.issues.iter().filter(|issue| issue.family == family);
        let points = issues.map(|issue| layer.risk.of_severity(issue.severity));
        points.fold(0, u32::saturating_add).min(RISK_MAX)
    }

    /// What the issues of the family [`VALUE_FAMILY`] say, each once.
    pub fn value_findings(&self) -> impl Iterator<Item = &str> {
        let issues = || {
            self.issues
                .iter()
                .filter(|issue| issue.family == VALUE_FAMILY)
        };
        let is_new = move |(at, issue): &(usize, &Issue<'a>)| {
            issues()
                .take(*at)
                .all(|known| known.message != issue.message)
        };
        let found = issues().enumerate().filter(is_new);
        found.map(|(_, issue)| &*issue.message)
    }

    /// The score of the [`risk`](Self::risk).
    pub fn risk_score(&self) -> u32 {
        self.risk().score
    }

    /// The issues that [`reason`](Self::reason) names: those above LOW. Of several in a row that say
    /// the same, as one rule does of each tool of a plan, only the first.
    pub fn reasons(&self) -> impl Iterator<Item = &Issue<'a>> {
        let mut last: Option<&Issue<'a>> = None;
        let heavy = |issue: &&Issue<'a>| issue.severity > Severity::Low;
        self.issues.iter().filter(heavy).filter(move |issue| {
            let is_told =
                last.is_some_and(|last| last.code == issue.code && last.message == issue.message);
            last = Some(*issue);
            !is_told
        })
    }

    /// Why, in one line: `CODE: message; CODE: message`, or a sentence on ALLOW.
    pub fn reason(&self) -> String {
        self.reason_pieces().collect()
    }

    /// The [`reason`](Self::reason) in pieces, for whoever writes it somewhere.
    pub fn reason_pieces(&self) -> impl Iterator<Item = &str> {
        let is_allowed = self.allowed();
        let sentence = is_allowed.then_some("Every rule that applies is satisfied.");
        let reasons = (!is_allowed).then(|| self.reasons());
        let told = reasons
            .into_iter()
            .flatten()
            .enumerate()
            .flat_map(|(position, issue)| {
                let before = if position > 0 { "; " } else { "" };
                [before, issue.code, ": ", &*issue.message]
            });
        sentence.into_iter().chain(told)
    }
}
