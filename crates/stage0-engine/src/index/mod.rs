//! A policy made ready for deciding: immutable, shareable, and fast to search.
//!
//! Rules are found by the tool's exact name, then by pattern, then by effect, so a decision costs the
//! same however many rules are about other tools. The index is an optimisation only: scanning all
//! rules gives the same answer.

mod approval;
pub(crate) mod catalog;
pub(crate) mod compile;
mod draft;
mod environment;
mod gather;
mod keys;
mod labels;
mod lets;
pub(crate) mod limit;
mod lint;
mod lint_catalog;
pub(crate) mod make;
pub(crate) mod message;
pub(crate) mod names;
pub(crate) mod private;
pub(crate) mod reads;
pub(crate) mod shelf;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use self::catalog::{Catalog, PatternIndex};
use self::message::Message;
use self::names::NameList;
use self::private::PrivateFacts;
use self::reads::FactSet;
use self::shelf::Shelf;
pub(crate) use self::shelf::{Candidates, Reach};
use crate::condition::Slot;
use crate::condition::program::{Pattern, Program};
use crate::condition::tree::Tree;
use crate::decision::Needs;
use crate::digest::Digest;
use crate::document::Document;
use crate::facts::FactTable;
use crate::number::Number;
use crate::policy::schema::Schemas;
use crate::policy::{EvidenceSource, Mode, Severity, UnknownTools, Verdict};
use crate::signature::PublicKey;
use crate::span::{Span, TextPlaces};
use crate::state::counter::Window;
use crate::time::{Duration, Timestamp};
use crate::tool_pattern::ToolPattern;
use crate::vocabulary::constraint::{ConstraintKey, ConstraintSet};
use crate::vocabulary::effect::{EffectSet, Effects};
use crate::vocabulary::fold;

/// A compiled policy.
#[derive(Debug)]
pub struct PolicyIndex {
    pub(crate) name: Box<str>,
    pub(crate) version: Box<str>,
    /// `name@version`
    pub(crate) label: Box<str>,
    pub(crate) digest: Digest,
    pub(crate) layers: Vec<Layer>,
    pub(crate) facts: FactTable,
    /// The names of all facts, by slot.
    pub(crate) fact_names: NameList,
    /// Params and data that programs read.
    pub(crate) constants: Document<'static>,
    pub(crate) disabled: Vec<Box<str>>,
    /// The constraints that no rule reads, of which a request that states one is told.
    pub(crate) unread: Vec<UnreadConstraint>,
    /// Place of each code that the policy lists.
    pub(crate) code_ranks: FxHashMap<Box<str>, u32>,
}

/// A constraint that no rule reads.
#[derive(Debug)]
pub(crate) struct UnreadConstraint {
    pub(crate) key: &'static ConstraintKey,
    pub(crate) message: Box<str>,
}

impl PolicyIndex {
    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `name@version`, as decisions carry it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Digest of the policy and of everything it imports.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many rules there are, in all layers.
    pub fn rule_count(&self) -> usize {
        self.layers.iter().map(|layer| layer.rules.len()).sum()
    }

    /// Every name of a catalogued tool that a request may use, sorted within each layer.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().flat_map(|layer| layer.catalog.names())
    }

    /// The facts that the policy's conditions can read, sorted.
    pub fn fact_names(&self) -> impl Iterator<Item = &str> {
        (0..self.facts.len()).map(|slot| self.facts.name(Slot::try_from(slot).unwrap_or(Slot::MAX)))
    }
}

/// One layer: everything that is decided together.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) default: Permission,
    pub(crate) mode: Mode,
    pub(crate) unknown_tools: UnknownTools,
    pub(crate) effects: Effects,
    pub(crate) catalog: Catalog,
    pub(crate) schemas: Schemas,
    pub(crate) patterns: SchemaPatterns,
    pub(crate) lets: Vec<NamedProgram>,
    pub(crate) rules: Vec<CompiledRule>,
    /// Rules about one tool each, by its exact name.
    pub(crate) by_tool: FxHashMap<Box<str>, Shelf>,
    pub(crate) by_pattern: PatternIndex<u32>,
    /// Rules about effects of any tool, by class.
    pub(crate) by_effect: Vec<Shelf>,
    /// Allow rules about effects of any tool: all of them cover a tool without effects.
    pub(crate) allows_by_effect: Vec<u32>,
    /// Rules about everything.
    pub(crate) everywhere: Shelf,
    pub(crate) risk: RiskWeights,
    /// Whose signatures count as approvals, by the id of the key.
    pub(crate) keys: BTreeMap<Box<str>, CompiledKey>,
    /// Facts with a declared type.
    pub(crate) typed_facts: Vec<(Slot, u32, Option<Box<str>>)>,
    /// Facts whose values nobody is shown.
    pub(crate) private: PrivateFacts,
    /// Questions for facts, by slot.
    pub(crate) questions: FxHashMap<Slot, Box<str>>,
    /// The constraints that a rule reads.
    pub(crate) constraints: ConstraintSet,
}

/// The permission when no allow rule speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Permission {
    Allow,
    Defer,
    #[default]
    Deny,
}

impl From<Verdict> for Permission {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Self::Allow,
            Verdict::Defer => Self::Defer,
            Verdict::Deny => Self::Deny,
        }
    }
}

/// Regular expressions of schemas, compiled once, by schema node.
pub(crate) type SchemaPatterns = FxHashMap<u32, Pattern>;

/// Weights of the risk score, by number of the effect class where one is meant.
#[derive(Debug, Clone, Default)]
pub(crate) struct RiskWeights {
    pub(crate) base: u32,
    pub(crate) effects: Vec<(usize, u32)>,
    pub(crate) environments: Vec<(Box<str>, u32)>,
    pub(crate) severity: [u32; 4],
    pub(crate) missing: u32,
    pub(crate) high: u32,
}

impl RiskWeights {
    /// Points for an effect class.
    pub(crate) fn of_effect(&self, class: usize) -> u32 {
        let weight = self.effects.iter().find(|(known, _)| *known == class);
        weight.map_or(0, |(_, points)| *points)
    }

    /// Points for an environment, however it is spelt.
    pub(crate) fn of_environment(&self, name: &str) -> u32 {
        let name = fold(name);
        let mut weights = self.environments.iter();
        let weight = weights.find(|(known, _)| fold(known) == name);
        weight.map_or(0, |(_, points)| *points)
    }

    /// Points for an issue.
    pub(crate) fn of_severity(&self, severity: Severity) -> u32 {
        self.severity.get(severity as usize).copied().unwrap_or(0)
    }
}

/// A condition: its program, and its tree and text for explaining.
#[derive(Debug, Clone)]
pub(crate) struct CompiledCondition {
    pub(crate) program: Program,
    pub(crate) tree: Tree,
    pub(crate) text: Box<str>,
    /// Where each part of the text stands, for coverage and explanations.
    pub(crate) places: TextPlaces,
    /// Whether it is nothing but `true`.
    pub(crate) is_true: bool,
}

impl CompiledCondition {
    /// What stands where nothing was written: it is true, and no program computes it.
    pub(crate) fn nothing() -> Self {
        Self {
            program: Program::default(),
            tree: Tree { nodes: Vec::new() },
            text: "".into(),
            places: TextPlaces::default(),
            is_true: true,
        }
    }

    /// A part of its text.
    pub(crate) fn text_of(&self, range: &core::ops::Range<u32>) -> &str {
        let range = range.start as usize..range.end as usize;
        self.text.get(range).unwrap_or("")
    }
}

/// A named expression.
#[derive(Debug, Clone)]
pub(crate) struct NamedProgram {
    pub(crate) name: Box<str>,
    pub(crate) condition: CompiledCondition,
    /// Whether it reads a private fact.
    pub(crate) is_private: bool,
}

/// What a compiled rule says.
#[derive(Debug, Clone)]
pub(crate) enum RuleKind {
    Allow,
    Deny,
    Defer,
    Advise,
    Require {
        otherwise: Verdict,
        missing_otherwise: bool,
    },
    Approval(Box<CompiledApproval>),
    Limit(Box<CompiledLimit>),
}

/// What a limit adds up; a sum's amount is the rule's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitMeasure {
    Attempts,
    Allowed,
    Cost,
    Sum,
}

/// A bound on what calls come to together.
#[derive(Debug, Clone)]
pub(crate) struct CompiledLimit {
    pub(crate) measure: LimitMeasure,
    pub(crate) per: Vec<Slot>,
    pub(crate) window: Window,
    /// The window as it was written.
    pub(crate) window_text: Box<str>,
    pub(crate) max: CompiledCondition,
    pub(crate) hold: Duration,
    pub(crate) otherwise: Verdict,
    /// Whose yes lets a call through that would be too much.
    pub(crate) approval: Option<Box<CompiledApproval>>,
}

/// Whether a rule reads the time, and what is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleTiming {
    /// It does not.
    Still,
    /// It does as planned for.
    Planned,
    /// It has to be traced.
    Traced,
}

/// The approval that a rule asks for.
#[derive(Debug, Clone)]
pub(crate) struct CompiledApproval {
    pub(crate) roles: Vec<Box<str>>,
    pub(crate) min: u32,
    pub(crate) not: Vec<Slot>,
    /// The bound facts; nothing means the whole call.
    pub(crate) bind: Vec<Slot>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) evidence: EvidenceSource,
    /// `Defer`, or `Deny` where nobody is asked.
    pub(crate) otherwise: Verdict,
    /// For how many calls one yes is good.
    pub(crate) uses: u32,
    /// The fact that they add up, and what it may come to.
    pub(crate) total: Option<(Slot, Number)>,
    /// Whether the policy says for how much a yes is good.
    pub(crate) has_grant: bool,
    /// Digest of the block as it is written: what an approval was given under.
    pub(crate) terms: Digest,
}

/// Whose signature counts as an approval.
#[derive(Debug, Clone)]
pub(crate) struct CompiledKey {
    pub(crate) public: PublicKey,
    /// For whom it speaks; nothing where it speaks for anybody.
    pub(crate) by: Option<Box<str>>,
    /// The roles that it may claim; nothing where it may claim any.
    pub(crate) roles: Option<Vec<Box<str>>>,
    /// When approvals have to be issued to count.
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
    /// From when on none counts.
    pub(crate) revoked_at: Option<Timestamp>,
}

/// A rule ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct CompiledRule {
    /// `pack/id`
    pub(crate) id: Box<str>,
    /// Where its id stands.
    pub(crate) place: Span,
    pub(crate) tools: Vec<ToolPattern>,
    pub(crate) effects: EffectSet,
    pub(crate) when: Option<Box<CompiledCondition>>,
    pub(crate) condition: Box<CompiledCondition>,
    pub(crate) kind: RuleKind,
    pub(crate) issue: Box<str>,
    pub(crate) issue_unknown: Box<str>,
    pub(crate) severity: Severity,
    pub(crate) message: Option<Message>,
    pub(crate) detail: Option<Box<str>>,
    pub(crate) family: Option<Box<str>>,
    pub(crate) ask: Vec<Box<str>>,
    pub(crate) needs: Option<Needs>,
    pub(crate) observe: bool,
    /// Filed in more than one place, so that it could be found twice.
    pub(crate) filed_often: bool,
    /// The facts it reads, directly or through named expressions.
    pub(crate) reads: FactSet,
    /// The named expressions it needs, those that others need first.
    pub(crate) lets: Vec<u32>,
    pub(crate) timing: RuleTiming,
    pub(crate) reads_args: bool,
    /// The constraints it reads.
    pub(crate) constraints: ConstraintSet,
    /// Whether there is something to tell when it is content: that it allows, or what it checked.
    pub(crate) tells_content: bool,
}
