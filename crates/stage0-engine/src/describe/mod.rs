//! What a policy says, as data: its tools, its rules, and which rules are about which tool.
//!
//! This is for people and for tools that show policies: `stage0 explain`, coverage, editors. Nothing
//! is decided here, and deciding does not need it.

mod functions;

pub use self::functions::{FunctionDescription, functions};
use crate::condition::trace::{clause_nodes, let_of};
use crate::condition::tree::Expr;
use crate::facts::FactTable;
use crate::index::catalog::CatalogTool;
use crate::index::limit::limit_text;
use crate::index::{
    Candidates, CompiledCondition, CompiledRule, Layer, Permission, PolicyIndex, Reach, RuleKind,
};
use crate::number::Number;
use crate::policy::schema::{SchemaNode, SchemaType, Schemas};
use crate::policy::{EvidenceSource, Mode, Severity, UnknownTools, Verdict};
use crate::span::Span;
use crate::time::Duration;
use crate::tool_pattern::ToolPattern;

/// A whole policy.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDescription<'p> {
    /// Everything that is decided together, in the order of the policy's `layers`.
    pub layers: Vec<LayerDescription<'p>>,
    /// The rules of extended policies that are switched off, as `pack/id`, sorted.
    pub disabled: Vec<&'p str>,
}

/// One layer of a policy; a policy without layers is one.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerDescription<'p> {
    /// The permission when no allow rule speaks.
    pub default: Verdict,
    /// How answers are used.
    pub mode: Mode,
    /// What happens to uncatalogued tools.
    pub unknown_tools: UnknownTools,
    /// The catalogued tools, by name.
    pub tools: Vec<ToolDescription<'p>>,
    /// The rules, by id.
    pub rules: Vec<RuleDescription<'p>>,
    /// The named expressions, each behind those that it needs.
    pub lets: Vec<LetDescription<'p>>,
}

/// A named expression.
#[derive(Debug, Clone, PartialEq)]
pub struct LetDescription<'p> {
    /// Its name.
    pub name: &'p str,
    /// The expression as it was written.
    pub text: &'p str,
    /// Its parts.
    pub clauses: Vec<ClauseDescription<'p>>,
}

/// A catalogued tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolDescription<'p> {
    /// Its name in the catalog.
    pub name: &'p str,
    /// The other names that a request may use, sorted.
    pub aka: Vec<&'p str>,
    /// Its effects.
    pub effects: Vec<&'p str>,
    /// Its arguments; nothing where the catalog does not describe them, so that any are accepted.
    pub arguments: Option<Vec<ArgumentDescription<'p>>>,
    /// Least and most cost of one call, in US dollars.
    pub cost_usd: Option<(Number, Number)>,
    /// The rules whose scope matches it, as indexes into the layer's rules.
    pub rules: Vec<usize>,
    /// The facts that those rules read, sorted.
    pub facts: Vec<&'p str>,
}

/// An argument of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentDescription<'p> {
    /// Its name.
    pub name: &'p str,
    /// Its type and bounds, in a few words.
    pub summary: String,
    /// Whether a call may leave it out.
    pub optional: bool,
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDescription<'p> {
    /// `pack/id`
    pub rule: &'p str,
    /// Where its id stands.
    pub place: Span,
    /// `allow`, `deny`, `defer`, `advise`, `require` or `approval`.
    pub kind: &'static str,
    /// What it does when it fires, or for `require` and `approval` when it is not satisfied; nothing
    /// for advice.
    pub verdict: Option<Verdict>,
    /// The patterns of its tools; none means all.
    pub tools: Vec<&'p str>,
    /// The effects it is about; none means all.
    pub effects: Vec<&'p str>,
    /// When it applies, as written.
    pub when: Option<&'p str>,
    /// Its condition as written; nothing where it is `true`, and for approvals.
    pub condition: Option<&'p str>,
    /// The approval that it asks for.
    pub approval: Option<ApprovalDescription>,
    /// The code of its issue.
    pub issue: &'p str,
    /// The weight of its issue.
    pub severity: Severity,
    /// What the model may read.
    pub message: Option<&'p str>,
    /// Whether it is only observed.
    pub observed: bool,
    /// The facts that it reads, directly or through named expressions, sorted.
    pub facts: Vec<&'p str>,
    /// What it counts, and the most of it, if it is a limit.
    pub limit: Option<String>,
    /// The parts of its `when` and its condition.
    pub clauses: Vec<ClauseDescription<'p>>,
}

/// A part of a condition that is no combination of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClauseDescription<'p> {
    /// The part as it was written.
    pub text: &'p str,
    /// Where it stands.
    pub place: Span,
    /// Whether it is nothing but the name of a named expression, whose parts say more.
    pub is_named: bool,
}

/// The approval that a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalDescription {
    /// Roles of which an approver must have one; none means anyone.
    pub roles: Vec<String>,
    /// How many different people.
    pub min: u32,
    /// Facts that name people who may not approve.
    pub not: Vec<String>,
    /// Facts that the approval is bound to; none means the whole call.
    pub bind: Vec<String>,
    /// How long it lasts from its issue.
    pub ttl: Option<Duration>,
    /// Who vouches for it.
    pub evidence: EvidenceSource,
    /// For how many calls it is good.
    pub uses: u32,
    /// The fact that they add up, and what it may come to.
    pub total: Option<(String, Number)>,
}

/// Describes a policy.
pub fn describe(policy: &PolicyIndex) -> PolicyDescription<'_> {
    let layers = policy
        .layers
        .iter()
        .map(|layer| describe_layer(layer, &policy.facts))
        .collect();
    let disabled = policy.disabled.iter().map(|rule| &**rule).collect();
    PolicyDescription { layers, disabled }
}

fn describe_layer<'p>(layer: &'p Layer, facts: &'p FactTable) -> LayerDescription<'p> {
    // Rules are listed by id; the index has its own order.
    let mut order: Vec<usize> = (0..layer.rules.len()).collect();
    order.sort_by_key(|at| layer.rules.get(*at).map(|rule| &*rule.id));
    let mut places = vec![0; order.len()];
    for (place, at) in order.iter().enumerate() {
        if let Some(cell) = places.get_mut(*at) {
            *cell = place;
        }
    }
    let rules = order
        .iter()
        .filter_map(|at| layer.rules.get(*at))
        .map(|rule| describe_rule(layer, rule, facts))
        .collect();
    let mut tools: Vec<ToolDescription<'p>> = layer
        .catalog
        .tools
        .iter()
        .zip(layer.catalog.names_by_tool())
        .map(|(tool, names)| describe_tool(layer, tool, names, facts, &places))
        .collect();
    tools.sort_by_key(|tool| tool.name);
    let lets = layer
        .lets
        .iter()
        .map(|named| LetDescription {
            name: &named.name,
            text: &named.condition.text,
            clauses: clauses_of(&named.condition),
        })
        .collect();
    LayerDescription {
        default: match layer.default {
            Permission::Allow => Verdict::Allow,
            Permission::Defer => Verdict::Defer,
            Permission::Deny => Verdict::Deny,
        },
        mode: layer.mode,
        unknown_tools: layer.unknown_tools,
        tools,
        rules,
        lets,
    }
}

fn describe_tool<'p>(
    layer: &'p Layer,
    tool: &'p CatalogTool,
    mut aka: Vec<&'p str>,
    facts: &'p FactTable,
    places: &[usize],
) -> ToolDescription<'p> {
    aka.retain(|name| **name != *tool.name);
    let mut found = Candidates::default();
    let reach = Reach {
        catalogued: tool.effects,
        is_stated: true,
        effects: tool.effects,
        has_unknown: false,
    };
    layer.candidates(Some(&tool.name), reach, &mut found);
    let mut rules: Vec<usize> = found
        .places()
        .filter_map(|at| places.get(at as usize).copied())
        .collect();
    rules.sort_unstable();
    let mut names: Vec<&str> = found
        .of(layer)
        .flat_map(|rule| facts_of(rule, facts))
        .collect();
    names.sort_unstable();
    names.dedup();
    ToolDescription {
        name: &tool.name,
        aka,
        effects: tool
            .effects
            .classes()
            .map(|class| layer.effects.name(class))
            .collect(),
        arguments: arguments(&layer.schemas, &tool.schemas),
        cost_usd: tool.cost_usd,
        rules,
        facts: names,
    }
}

fn describe_rule<'p>(
    layer: &'p Layer,
    rule: &'p CompiledRule,
    facts: &'p FactTable,
) -> RuleDescription<'p> {
    let has_condition = !rule.condition.is_true && !rule.is_limit();
    let mut clauses = Vec::new();
    // What a limit adds up is neither true nor false.
    let condition = (!rule.is_limit()).then_some(&rule.condition);
    for condition in rule.when.iter().chain(condition) {
        clauses.extend(clauses_of(condition));
    }
    RuleDescription {
        rule: &rule.id,
        place: rule.place,
        kind: kind_of(rule),
        verdict: match &rule.kind {
            RuleKind::Allow => Some(Verdict::Allow),
            RuleKind::Deny => Some(Verdict::Deny),
            RuleKind::Defer => Some(Verdict::Defer),
            RuleKind::Approval(approval) => Some(approval.otherwise),
            RuleKind::Advise => None,
            RuleKind::Require { otherwise, .. } => Some(*otherwise),
            RuleKind::Limit(limit) => Some(limit.verdict()),
        },
        tools: rule.tools.iter().map(ToolPattern::as_str).collect(),
        effects: rule
            .effects
            .classes()
            .map(|class| layer.effects.name(class))
            .collect(),
        when: rule.when.as_ref().map(|when| &*when.text),
        condition: has_condition.then_some(&*rule.condition.text),
        approval: describe_approval(rule, facts),
        limit: match &rule.kind {
            RuleKind::Limit(limit) => Some(limit_text(rule, limit, facts)),
            _ => None,
        },
        issue: &rule.issue,
        severity: rule.severity,
        message: rule.message.as_ref().map(|message| &*message.text),
        observed: rule.observe,
        facts: facts_of(rule, facts).collect(),
        clauses,
    }
}

/// The name of what a rule says.
pub(crate) fn kind_of(rule: &CompiledRule) -> &'static str {
    match rule.kind {
        RuleKind::Allow => "allow",
        RuleKind::Deny => "deny",
        RuleKind::Defer => "defer",
        RuleKind::Advise => "advise",
        RuleKind::Require { .. } => "require",
        RuleKind::Approval(_) => "approval",
        RuleKind::Limit(_) => "limit",
    }
}

/// The approval that a rule asks for, if it is one that does.
pub(crate) fn describe_approval(
    rule: &CompiledRule,
    facts: &FactTable,
) -> Option<ApprovalDescription> {
    let approval = rule.approval()?;
    let names = |slots: &[u32]| {
        slots
            .iter()
            .map(|slot| facts.name(*slot).to_owned())
            .collect()
    };
    Some(ApprovalDescription {
        roles: approval.roles.iter().map(ToString::to_string).collect(),
        min: approval.min,
        not: names(&approval.not),
        bind: names(&approval.bind),
        ttl: approval.ttl,
        evidence: approval.evidence,
        uses: approval.uses,
        total: approval
            .total
            .map(|(slot, max)| (facts.name(slot).to_owned(), max)),
    })
}

/// The parts of a condition; none where it is `true`.
fn clauses_of(condition: &CompiledCondition) -> Vec<ClauseDescription<'_>> {
    if condition.tree.nodes.is_empty() || condition.is_true {
        return Vec::new();
    }
    let parts = clause_nodes(&condition.tree, false).into_iter();
    parts
        .filter_map(|part| condition.tree.node(part.node))
        // A constant and a sum have no two sides to see.
        .filter(|node| match &node.expr {
            Expr::Bool(_) => false,
            Expr::Binary { operator, .. } => !operator.is_arithmetic(),
            _ => true,
        })
        .map(|node| ClauseDescription {
            text: condition.text_of(&node.range),
            place: condition.places.span_of(node.range.clone()),
            is_named: matches!(&node.expr, Expr::Path(path) if let_of(path).is_some()),
        })
        .collect()
}

fn facts_of<'p>(
    rule: &'p CompiledRule,
    facts: &'p FactTable,
) -> impl Iterator<Item = &'p str> + use<'p> {
    rule.reads.slots().map(|slot| facts.name(slot))
}

/// The members of a tool's object schemas: its own and what patterns add.
fn arguments<'p>(schemas: &'p Schemas, roots: &[u32]) -> Option<Vec<ArgumentDescription<'p>>> {
    if roots.is_empty() {
        return None;
    }
    let mut arguments = Vec::new();
    for root in roots.iter().filter_map(|root| schemas.node(*root)) {
        for (name, member) in &root.properties {
            let Some(node) = schemas.node(*member) else {
                continue;
            };
            arguments.push(ArgumentDescription {
                name: &name.value,
                summary: summary(schemas, node),
                optional: node.optional,
            });
        }
    }
    Some(arguments)
}

/// `number from 0.01`, `string, one of USD, EUR`, `list of string`.
fn summary(schemas: &Schemas, node: &SchemaNode) -> String {
    let mut text = type_name(node.kind).to_owned();
    if let Some(items) = node.items.and_then(|items| schemas.node(items)) {
        text.push_str(" of ");
        text.push_str(type_name(items.kind));
    }
    if let Some(values) = &node.values {
        let mut one_of = String::new();
        for value in values.root().elements() {
            if !one_of.is_empty() {
                one_of.push_str(", ");
            }
            match value.as_str() {
                Some(text) => one_of.push_str(text),
                None => crate::canonical::write_value(&mut one_of, value),
            }
        }
        if node.kind == SchemaType::Any {
            text = format!("one of {one_of}");
        } else {
            text.push_str(", one of ");
            text.push_str(&one_of);
        }
    }
    bounds(
        &mut text,
        node.min.map(|min| min.to_string()),
        node.max.map(|max| max.to_string()),
        "",
    );
    bounds(
        &mut text,
        node.length_min.map(|min| min.to_string()),
        node.length_max.map(|max| max.to_string()),
        " long",
    );
    if let Some(pattern) = &node.pattern {
        text.push_str(" like ");
        text.push_str(&pattern.value);
    }
    if node.nullable {
        text.push_str(" or null");
    }
    text
}

fn bounds(text: &mut String, min: Option<String>, max: Option<String>, unit: &str) {
    if min.is_none() && max.is_none() {
        return;
    }
    for (word, bound) in [(" from ", min), (" to ", max)] {
        if let Some(bound) = bound {
            text.push_str(word);
            text.push_str(&bound);
        }
    }
    text.push_str(unit);
}

fn type_name(kind: SchemaType) -> &'static str {
    SchemaType::NAMES
        .iter()
        .find(|(_, known)| *known == kind)
        .map_or("any", |(name, _)| name)
}
