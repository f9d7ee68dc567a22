//! A policy as its author wrote it: plain data with places.
//!
//! `stage0-wire` fills these types from YAML or JSON and reports what does not fit their shape;
//! [`compile`] checks what needs the whole policy and turns the files into a [`PolicyIndex`]. Nothing
//! here is evaluated.
//!
//! [`compile`]: crate::compile
//! [`PolicyIndex`]: crate::PolicyIndex

mod approval;
mod error;
pub mod schema;

pub use approval::{Approval, ApproverKey, EvidenceSource, Grant};
pub use error::{FindingKind, FindingLevel, PolicyFinding};

use core::ops::Range;

use crate::decision::Needs;
use crate::document::Document;
use crate::number::Number;
use crate::span::{Span, Spanned, TextPlaces};
use crate::time::Duration;
use schema::Schemas;

/// What a decision says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The call may be made.
    Allow,
    /// Something is missing first: an approval, a fact, time, or a change of the call.
    Defer,
    /// The call may not be made.
    Deny,
}

impl Verdict {
    /// `ALLOW`, `DEFER` or `DENY`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Defer => "DEFER",
            Self::Deny => "DENY",
        }
    }

    /// The verdict's pair in the wire contract: `GO`, `DEFER` or `NO_GO`.
    pub const fn decision(self) -> &'static str {
        match self {
            Self::Allow => "GO",
            Self::Defer => "DEFER",
            Self::Deny => "NO_GO",
        }
    }
}

/// How much an issue weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth a look; the most that an ALLOW may carry.
    Medium,
    /// A reason to stop.
    High,
    /// Everything stops.
    Critical,
}

impl Severity {
    /// `LOW`, `MEDIUM`, `HIGH` or `CRITICAL`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

/// How a policy's answers are used. The order is the order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Mode {
    /// Answers are recorded; nothing is blocked.
    Observe,
    /// Answers are obeyed.
    #[default]
    Enforce,
    /// As enforce, and whatever writes is denied.
    ReadOnly,
    /// Everything is denied.
    Halted,
}

impl Mode {
    /// `observe`, `enforce`, `read_only` or `halted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
            Self::ReadOnly => "read_only",
            Self::Halted => "halted",
        }
    }
}

/// What happens to a tool that the catalog does not know. The order is the order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum UnknownTools {
    /// The caller's declared effects are taken at their word.
    Declared,
    /// DEFER.
    #[default]
    Defer,
    /// DENY.
    Deny,
}

/// A condition as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// Its text.
    pub text: String,
    /// Where each part of the text stands, so that a problem inside it can be pointed at.
    pub places: TextPlaces,
}

impl Expression {
    /// Where it stands.
    pub fn span(&self) -> Span {
        self.places.whole()
    }

    /// Where these bytes of its text stand.
    pub fn span_of(&self, range: Range<u32>) -> Span {
        self.places.span_of(range)
    }
}

/// One file of a policy.
#[derive(Debug, Clone)]
pub struct PolicySource {
    /// The policy's name: prefix of its rules' ids.
    pub name: Spanned<String>,
    /// Its semantic version.
    pub version: Spanned<String>,
    /// For people.
    pub description: Option<String>,
    /// The permission when no allow rule speaks.
    pub default: Option<Spanned<Verdict>>,
    /// How answers are used.
    pub mode: Option<Spanned<Mode>>,
    /// What happens to uncatalogued tools.
    pub unknown_tools: Option<Spanned<UnknownTools>>,
    /// IANA zone of business hours and of `timezone` in conditions.
    pub timezone: Option<Spanned<String>>,
    /// The policies it builds on.
    pub extends: Vec<Import>,
    /// The policies that must each ALLOW; a policy with layers has no rules of its own.
    pub layers: Vec<Import>,
    /// Rules of extended policies that are switched off, as `pack/id`.
    pub disable: Vec<Spanned<String>>,
    /// Issue codes in the order in which decisions list them; others follow by name.
    pub codes: Vec<Spanned<String>>,
    /// The trusted catalog.
    pub tools: Vec<Tool>,
    /// Named constants with a type.
    pub params: Vec<Param>,
    /// Named expressions.
    pub lets: Vec<(Spanned<String>, Expression)>,
    /// The rules, in the order in which they were written.
    pub rules: Vec<Rule>,
    /// Further classes of effects.
    pub effects: Vec<EffectClass>,
    /// What is known about facts.
    pub facts: Vec<FactDeclaration>,
    /// Whose signatures count as approvals.
    pub keys: Vec<ApproverKey>,
    /// The labels that tools may leave on a run.
    pub labels: Vec<Spanned<String>>,
    /// Tables: an object whose members are read as `data.name`.
    pub data: Option<Document<'static>>,
    /// Weights of the risk score.
    pub risk: Option<Risk>,
    /// Schemas of the tools' arguments, of params and of facts.
    pub schemas: Schemas,
}

/// A policy that another one names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The file or pack as it was written.
    pub name: Spanned<String>,
    /// Whether its allow rules and tool entries count.
    pub allows: bool,
    /// Index of the source it was resolved to.
    pub source: usize,
}

/// An entry of the catalog.
#[derive(Debug, Clone)]
pub struct Tool {
    /// A name, or a pattern that adds to the tools it matches.
    pub name: Spanned<String>,
    /// The names that frameworks use for it.
    pub aka: Vec<Spanned<String>>,
    /// Its effect classes.
    pub effects: Vec<Spanned<String>>,
    /// Whether they are written, though it be as none. What an entry leaves out is unknown, not
    /// harmless.
    pub states_effects: bool,
    /// Its arguments: an object schema. Without one, arguments are not checked.
    pub args: Option<u32>,
    /// Least and most cost of one call, in US dollars.
    pub cost_usd: Option<(Number, Number)>,
    /// The labels that a call leaves on its run.
    pub labels: Vec<Spanned<String>>,
    /// For people.
    pub description: Option<String>,
}

/// A named constant.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name, read as `params.name`.
    pub name: Spanned<String>,
    /// Its schema; nothing where the entry only sets the value of an imported param.
    pub schema: Option<u32>,
    /// Its value, the root of this document.
    pub value: Document<'static>,
}

/// One statement of the policy.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique in its policy.
    pub id: Spanned<String>,
    /// Where the rule stands.
    pub span: Span,
    /// Patterns of the tools it is about; none means all.
    pub tools: Vec<Spanned<String>>,
    /// The effects it is about; none means all.
    pub effects: Vec<Spanned<String>>,
    /// When it applies.
    pub when: Option<Expression>,
    /// What it says.
    pub action: Action,
    /// Code of its issue; the id in upper case if left out.
    pub issue: Option<Spanned<String>>,
    /// Code of its issue when a fact is missing.
    pub issue_unknown: Option<Spanned<String>>,
    /// Weight of its issue.
    pub severity: Option<Spanned<Severity>>,
    /// What the model may read.
    pub message: Option<Spanned<String>>,
    /// What only the log gets.
    pub detail: Option<String>,
    /// Groups it in `guardrail_checks`.
    pub family: Option<Spanned<String>>,
    /// Questions to ask when it defers.
    pub ask: Vec<String>,
    /// What would resolve it when it defers, where the engine cannot tell.
    pub needs: Option<Needs>,
    /// Whether it is only recorded.
    pub observe: bool,
    /// Whether nobody may disable it.
    pub locked: bool,
}

/// What a rule says.
#[derive(Debug, Clone)]
pub enum Action {
    /// Permits.
    Allow(Expression),
    /// Forbids.
    Deny(Expression),
    /// Asks for more.
    Defer(Expression),
    /// Remarks.
    Advise(Expression),
    /// Forbids or asks unless the condition holds.
    Require {
        /// What has to hold.
        condition: Expression,
        /// `Deny` or `Defer` when it does not.
        otherwise: Verdict,
        /// Whether a missing fact counts as not holding.
        missing_otherwise: bool,
    },
    /// Asks for a person's yes.
    Approval(Approval),
    /// Bounds what is counted.
    Limit(Limit),
}

impl Action {
    /// The approval that it asks for, or that a limit is content with.
    pub fn approval(&self) -> Option<&Approval> {
        match self {
            Self::Approval(approval) => Some(approval),
            Self::Limit(limit) => limit.approval.as_deref(),
            Self::Allow(_)
            | Self::Deny(_)
            | Self::Defer(_)
            | Self::Advise(_)
            | Self::Require { .. } => None,
        }
    }
}

/// What a limit adds up.
#[derive(Debug, Clone)]
pub enum Measure {
    /// Decisions, whatever their verdict.
    Attempts,
    /// Calls that were allowed.
    Allowed,
    /// What the calls cost, in US dollars.
    Cost,
    /// A number that each call has.
    Sum(Expression),
}

/// A bound on what calls come to together.
#[derive(Debug, Clone)]
pub struct Limit {
    /// What is added up.
    pub measure: Measure,
    /// Facts for each value of which it is counted apart.
    pub per: Vec<Spanned<String>>,
    /// What counts together: `run`, a length of time, or a period of the calendar.
    pub window: Spanned<String>,
    /// The most that it may come to.
    pub max: Expression,
    /// How long an amount can be given back.
    pub hold: Option<Duration>,
    /// `Defer` or `Deny` where it would come to more; nothing where nothing is said.
    pub otherwise: Option<Verdict>,
    /// Whose yes lets a call through that would come to more.
    pub approval: Option<Box<Approval>>,
}

impl Limit {
    /// Whether what would come to more is DEFER, and for a reason of its own.
    pub fn defers(&self) -> bool {
        self.approval.is_none() && self.otherwise != Some(Verdict::Deny)
    }
}

/// A class of effects.
#[derive(Debug, Clone)]
pub struct EffectClass {
    /// Its name.
    pub name: Spanned<String>,
    /// Other spellings that callers may use.
    pub aliases: Vec<Spanned<String>>,
    /// Whether it changes anything.
    pub writes: bool,
}

/// Who may state a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum FactOrigin {
    /// The host only.
    #[default]
    Host,
    /// The agent too.
    Agent,
}

/// What a policy says about a fact.
#[derive(Debug, Clone)]
pub struct FactDeclaration {
    /// Its path, such as `context.ticket_id`.
    pub path: Spanned<String>,
    /// Its schema, if a type is declared.
    pub schema: Option<u32>,
    /// Who may state it.
    pub origin: FactOrigin,
    /// Whether messages may not name it.
    pub private: bool,
    /// The question to ask when it is missing.
    pub ask: Option<String>,
    /// Code of the issue when it is not of its type; `FACT_TYPE` if left out.
    pub issue: Option<Spanned<String>>,
}

/// Weights of the risk score: a declared sum, capped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// What every decision starts from.
    pub base: u32,
    /// Added per effect class.
    pub effects: Vec<(Spanned<String>, u32)>,
    /// Added per environment.
    pub environments: Vec<(String, u32)>,
    /// Added per issue of this severity.
    pub severity: [u32; 4],
    /// Added per missing fact.
    pub missing: u32,
    /// From this score on `high_risk` is true.
    pub high: u32,
}

impl Default for Risk {
    fn default() -> Self {
        Self {
            base: 15,
            effects: Vec::new(),
            environments: Vec::new(),
            severity: [1, 15, 30, 60],
            missing: 5,
            high: 70,
        }
    }
}
