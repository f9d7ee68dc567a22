//! Brings the files of one layer together: effects, catalog, schemas, params, named expressions.
//!
//! Imports only add. What two files define differently is an error, and an import's allow rules and
//! tool entries count only where the importer says so.

use std::collections::BTreeMap;

use super::catalog::{CatalogTool, PatternTool};
use super::environment::{DeclaredFact, Names, type_of};
use super::keys::keys;
use super::labels::{labels, labels_of};
use super::redact::redact;
use super::{Layer, RiskWeights, SchemaPatterns};
use crate::condition::program::{pattern_of, zone_help};
use crate::condition::syntax;
use crate::condition::tree::{Expr, Path, Tree};
use crate::condition::typing::Type;
use crate::document::DocumentBuilder;
use crate::facts::FactRoot;
use crate::limits::{EFFECTS_MAX, ISSUE_CODE_BYTES_MAX, LETS_MAX, RULES_MAX, TOOLS_MAX};
use crate::policy::schema::{SchemaNode, Schemas};
use crate::policy::{
    Expression, FindingKind, Mode, PolicyFinding, PolicySource, Risk, UnknownTools, Verdict,
};
use crate::span::{Span, Spanned};
use crate::suggest::nearest;
use crate::time::{Zone, ZoneError};
use crate::tool_pattern::ToolPattern;
use crate::vocabulary::effect::{EffectError, EffectSet};

/// A file of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) source: usize,
    /// Whether its allow rules and tool entries count.
    pub(super) allows: bool,
}

/// The files that belong to the layer of `root`: itself first, then its imports in their order.
#[inline(never)]
pub(super) fn members(sources: &[PolicySource], root: usize) -> Vec<Member> {
    let mut members = vec![Member {
        source: root,
        allows: true,
    }];
    let mut next = 0;
    while let Some(member) = members.get(next).copied() {
        next = next.saturating_add(1);
        for import in sources
            .get(member.source)
            .map_or(&[][..], |source| &source.extends)
        {
            let allows = member.allows && import.allows;
            match members
                .iter_mut()
                .find(|known| known.source == import.source)
            {
                // Imported twice: it allows if either way does. Its own imports are then visited
                // again, because more of them may count.
                Some(known) if allows && !known.allows => {
                    known.allows = true;
                    next = 0;
                }
                Some(_) => {}
                None => members.push(Member {
                    source: import.source,
                    allows,
                }),
            }
        }
    }
    members
}

/// Everything of a layer but its rules.
pub(super) struct Gathered<'s> {
    pub(super) layer: Layer,
    pub(super) names: Names,
    pub(super) lets: Vec<LetDraft<'s>>,
    pub(super) timezone: String,
    /// The private facts that these files declare.
    pub(super) private: Vec<Path>,
    /// Those of them that no log keeps.
    pub(super) redacted: Vec<Path>,
    /// What imports have that does not count.
    pub(super) withheld: Withheld<'s>,
    pub(super) questions: Vec<(Path, &'s str)>,
    /// Where each exact tool's name stands, for did-you-means and duplicates.
    pub(super) tool_names: Vec<String>,
}

/// The tools and allow rules of files that are imported without `allows: true`.
#[derive(Debug, Default)]
pub(super) struct Withheld<'s> {
    /// Each tool with the name of the policy that has it, and its source.
    pub(super) tools: Vec<(&'s str, &'s str, usize)>,
    /// The source of each allow rule.
    pub(super) allows: Vec<usize>,
}

impl<'s> Withheld<'s> {
    /// The policy that catalogs a tool and is not heard.
    pub(super) fn catalogued_by(&self, name: &str) -> Option<&'s str> {
        let (_, by, _) = self.tools.iter().find(|(tool, ..)| *tool == name)?;
        Some(by)
    }
}

/// A named expression before it is compiled.
pub(super) struct LetDraft<'s> {
    pub(super) name: &'s Spanned<String>,
    pub(super) expression: &'s Expression,
    pub(super) tree: Option<Tree>,
}

/// What gathering reports into and builds up, across layers.
pub(super) struct Workshop<'w> {
    pub(super) findings: &'w mut Vec<PolicyFinding>,
    pub(super) constants: &'w mut DocumentBuilder<'static>,
}

impl Workshop<'_> {
    pub(super) fn report(&mut self, finding: PolicyFinding) {
        self.findings.push(finding);
    }

    pub(super) fn duplicate(&mut self, what: &str, name: &str, span: Span, first: Span) {
        self.report(
            PolicyFinding::new(
                FindingKind::DuplicateName,
                span,
                format!("{what} `{name}` is defined twice"),
            )
            .with_related(first, "first defined here")
            .with_help("rename one of them, or remove it"),
        );
    }

    /// Keeps a value of the policy among the constants.
    fn keep(&mut self, value: crate::document::ValueRef<'_>, span: Span) -> u32 {
        self.constants.copy(value).unwrap_or_else(|_| {
            self.findings.push(PolicyFinding::new(
                FindingKind::TooLarge,
                span,
                "the policy's tables are too large",
            ));
            0
        })
    }
}

/// Gathers the files of a layer.
#[inline(never)]
pub(super) fn gather<'s>(
    sources: &'s [PolicySource],
    members: &[Member],
    workshop: &mut Workshop<'_>,
) -> Gathered<'s> {
    let mut gathered = Gathered {
        layer: Layer::default(),
        names: Names::default(),
        lets: Vec::new(),
        timezone: String::from("UTC"),
        private: Vec::new(),
        redacted: Vec::new(),
        withheld: Withheld::default(),
        questions: Vec::new(),
        tool_names: Vec::new(),
    };
    let of = |member: &Member| sources.get(member.source);
    // A policy with layers has settings of its own, which tighten those of every layer.
    let around = sources
        .first()
        .filter(|_| members.first().is_some_and(|root| root.source != 0));
    let settled = members.iter().filter_map(of).chain(around);
    settings(&mut gathered, settled, workshop);
    for member in members {
        let Some(source) = of(member) else { continue };
        for class in &source.effects {
            let aliases = class.aliases.iter().map(|alias| alias.value.as_str());
            if let Err(error) = gathered
                .layer
                .effects
                .add(&class.name.value, class.writes, aliases)
            {
                let (kind, message) = match error {
                    EffectError::Taken(by) => (
                        FindingKind::DuplicateName,
                        format!(
                            "effect `{}` has a spelling that already means `{by}`",
                            class.name.value
                        ),
                    ),
                    EffectError::TooMany => (
                        FindingKind::TooLarge,
                        format!("there are more than {EFFECTS_MAX} effect classes"),
                    ),
                };
                workshop.report(PolicyFinding::new(kind, class.name.span, message));
            }
        }
    }
    labels(
        &mut gathered.names.labels,
        members.iter().filter_map(of),
        workshop,
    );
    let mut schema_offsets = Vec::new();
    for member in members {
        let offset = u32::try_from(gathered.names.schemas.nodes.len()).unwrap_or(u32::MAX);
        schema_offsets.push(offset);
        if let Some(source) = of(member) {
            adopt(&mut gathered.names.schemas, &source.schemas, offset);
        }
    }
    let mut drafts = CatalogDraft::default();
    for (member, offset) in members.iter().zip(&schema_offsets) {
        let Some(source) = of(member) else { continue };
        if member.allows {
            let labels = &gathered.names.labels;
            drafts.collect(source, *offset, &gathered.layer, labels, workshop);
        } else {
            let withheld = source.tools.iter().map(|tool| tool.name.value.as_str());
            let by = source.name.value.as_str();
            gathered
                .withheld
                .tools
                .extend(withheld.map(|tool| (tool, by, member.source)));
        }
        facts(&mut gathered, source, *offset, workshop);
        lets(&mut gathered, source, workshop);
    }
    drafts.build(&mut gathered, workshop);
    gathered.layer.keys = keys(members, sources, workshop);
    redact(&mut gathered, members.iter().filter_map(of), workshop);
    params(&mut gathered, members, sources, &schema_offsets, workshop);
    data(&mut gathered, members.iter().filter_map(of), workshop);
    gathered
}

/// The strictest of each setting. What the outermost file leaves out has its default there, so that
/// an import can only tighten.
#[inline(never)]
fn settings<'s>(
    gathered: &mut Gathered<'s>,
    sources: impl Iterator<Item = &'s PolicySource>,
    workshop: &mut Workshop<'_>,
) {
    let mut sources = sources.peekable();
    let root = sources.peek();
    // What the root leaves out has its default: an import can tighten that, and never loosen it.
    let own = root.and_then(|root| root.default.as_ref());
    let mut default = own.map_or(Verdict::Deny, |default| default.value);
    let own = root.and_then(|root| root.mode.as_ref());
    let mut mode = own.map_or(Mode::default(), |mode| mode.value);
    let own = root.and_then(|root| root.unknown_tools.as_ref());
    let mut unknown_tools = own.map_or(UnknownTools::default(), |unknown| unknown.value);
    let mut timezone: Option<&Spanned<String>> = None;
    let own_risk = root.and_then(|root| root.risk.as_ref());
    let mut risk: Option<(&Risk, Span)> = None;
    let mut rules = 0_usize;
    for source in sources {
        if let Some(stated) = &source.default {
            default = default.max(stated.value);
        }
        if let Some(stated) = &source.mode {
            mode = mode.max(stated.value);
        }
        if let Some(stated) = &source.unknown_tools {
            unknown_tools = unknown_tools.max(stated.value);
        }
        rules = rules.saturating_add(source.rules.len());
        if let (Some(stated), None) = (&source.risk, own_risk) {
            match risk {
                None => risk = Some((stated, source.name.span)),
                Some((_, first)) => workshop.report(
                    PolicyFinding::new(
                        FindingKind::DuplicateName,
                        source.name.span,
                        "two imported policies state the weights of the risk score",
                    )
                    .with_related(first, "the other one")
                    .with_help("state `risk` in the policy that imports them"),
                ),
            }
        }
        if let Some(zone) = &source.timezone {
            match timezone {
                None => timezone = Some(zone),
                Some(first) if first.value != zone.value => workshop.report(
                    PolicyFinding::new(
                        FindingKind::DuplicateName,
                        zone.span,
                        "two files name different time zones",
                    )
                    .with_related(first.span, "the other one"),
                ),
                Some(_) => {}
            }
        }
    }
    if rules > RULES_MAX {
        let span = Span::default();
        workshop.report(PolicyFinding::new(
            FindingKind::TooLarge,
            span,
            format!("there are more than {RULES_MAX} rules"),
        ));
    }
    gathered.layer.default = default.into();
    gathered.layer.mode = mode;
    gathered.layer.unknown_tools = unknown_tools;
    gathered.names.has_other_tools = unknown_tools == UnknownTools::Declared;
    if let Some(zone) = timezone {
        if let Err(error) = Zone::find(&zone.value) {
            let name = &zone.value;
            let message = match error {
                ZoneError::Unknown { .. } => format!("there is no time zone `{name}`"),
                ZoneError::NotFixed => {
                    format!("no fixed rule describes the clock changes of `{name}`")
                }
            };
            workshop.report(
                PolicyFinding::new(FindingKind::TimeZone, zone.span, message)
                    .with_help(zone_help(error)),
            );
        }
        gathered.timezone.clone_from(&zone.value);
    }
    let default_risk = Risk::default();
    let risk = own_risk.or(risk.map(|(risk, _)| risk));
    let risk = risk.unwrap_or(&default_risk);
    gathered.layer.risk = RiskWeights {
        base: risk.base,
        effects: Vec::new(),
        environments: risk
            .environments
            .iter()
            .map(|(name, points)| (name.as_str().into(), *points))
            .collect(),
        severity: risk.severity,
        missing: risk.missing,
        high: risk.high,
    };
    for (name, points) in &risk.effects {
        if let Some(class) = effect(&gathered.layer, name, workshop) {
            gathered.layer.risk.effects.push((class, *points));
        }
    }
}

/// Copies schemas into the layer's, with their references moved.
fn adopt(all: &mut Schemas, own: &Schemas, offset: u32) {
    for node in &own.nodes {
        let mut node: SchemaNode = node.clone();
        node.items = node.items.map(|items| items.saturating_add(offset));
        for (_, property) in &mut node.properties {
            *property = property.saturating_add(offset);
        }
        all.nodes.push(node);
    }
}

/// The class of an effect's name; reported if there is none.
pub(super) fn effect(
    layer: &Layer,
    name: &Spanned<String>,
    workshop: &mut Workshop<'_>,
) -> Option<usize> {
    let found = layer.effects.find(&name.value);
    if found.is_none() {
        let near = nearest(&name.value, layer.effects.names());
        workshop.report(
            PolicyFinding::new(
                FindingKind::UnknownEffect,
                name.span,
                format!("there is no effect class `{}`", name.value),
            )
            .with_help(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "define it under `effects`".to_owned(),
            }),
        );
    }
    found
}

pub(super) fn effect_set(
    layer: &Layer,
    names: &[Spanned<String>],
    workshop: &mut Workshop<'_>,
) -> EffectSet {
    names
        .iter()
        .filter_map(|name| effect(layer, name, workshop))
        .fold(EffectSet::EMPTY, |set, class| {
            set.union(EffectSet::of(class))
        })
}

/// A tool pattern; reported if it is none.
pub(super) fn pattern(text: &Spanned<String>, workshop: &mut Workshop<'_>) -> Option<ToolPattern> {
    match ToolPattern::parse(&text.value) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            workshop.report(
                PolicyFinding::new(FindingKind::ToolPattern, text.span, format!("`{}` is no tool name or pattern: {error}", text.value))
                    .with_help("names have letters, digits and ._:/- ; `*` stands for part of a segment, `**` for anything"),
            );
            None
        }
    }
}

#[derive(Default)]
struct CatalogDraft<'s> {
    exact: BTreeMap<&'s str, (CatalogTool, Span, usize)>,
    aliases: Vec<(&'s Spanned<String>, &'s str)>,
    patterns: Vec<(ToolPattern, PatternTool, Span)>,
}

impl<'s> CatalogDraft<'s> {
    #[inline(never)]
    fn collect(
        &mut self,
        source: &'s PolicySource,
        offset: u32,
        layer: &Layer,
        known_labels: &[String],
        workshop: &mut Workshop<'_>,
    ) {
        let file = usize::from(source.name.span.file);
        for tool in &source.tools {
            let Some(pattern) = pattern(&tool.name, workshop) else {
                continue;
            };
            let effects = effect_set(layer, &tool.effects, workshop);
            let schema = tool.args.map(|args| args.saturating_add(offset));
            if !pattern.is_exact() {
                if let Some(alias) = tool.aka.first() {
                    workshop.report(
                        PolicyFinding::new(
                            FindingKind::ToolPattern,
                            alias.span,
                            "a pattern cannot have other names",
                        )
                        .with_help("give `aka` to the tool's own entry"),
                    );
                }
                if tool.cost_usd.is_some() {
                    workshop.report(
                        PolicyFinding::new(
                            FindingKind::ToolPattern,
                            tool.name.span,
                            "a pattern cannot have a cost",
                        )
                        .with_help("give `cost_usd` to each tool's own entry"),
                    );
                }
                let addition = PatternTool {
                    labels: labels_of(tool, known_labels, workshop),
                    effects,
                    states_effects: tool.states_effects,
                    schema,
                };
                self.patterns.push((pattern, addition, tool.name.span));
                continue;
            }
            let name = tool.name.value.as_str();
            let fresh = CatalogTool {
                name: name.into(),
                effects,
                states_effects: tool.states_effects,
                schemas: schema.into_iter().collect(),
                cost_usd: tool.cost_usd,
                labels: labels_of(tool, known_labels, workshop),
            };
            match self.exact.get_mut(name) {
                // All entries of a tool apply: effects unite, every schema must hold.
                Some((known, place, other)) if *other != file => {
                    known.effects = known.effects.union(effects);
                    known.states_effects |= tool.states_effects;
                    known.schemas.extend(fresh.schemas);
                    known.labels.extend(fresh.labels);
                    if known
                        .cost_usd
                        .is_some_and(|cost| fresh.cost_usd.is_some_and(|other| other != cost))
                    {
                        let message =
                            format!("two files say what `{name}` costs, and not the same");
                        workshop.report(
                            PolicyFinding::new(FindingKind::DuplicateName, tool.name.span, message)
                                .with_related(*place, "the other one"),
                        );
                    }
                    known.cost_usd = known.cost_usd.or(fresh.cost_usd);
                }
                Some((_, first, _)) => {
                    let first = *first;
                    workshop.duplicate("tool", name, tool.name.span, first);
                }
                None => {
                    self.exact.insert(name, (fresh, tool.name.span, file));
                }
            }
            self.aliases
                .extend(tool.aka.iter().map(|alias| (alias, name)));
        }
    }

    #[inline(never)]
    fn build(self, gathered: &mut Gathered<'s>, workshop: &mut Workshop<'_>) {
        let catalog = &mut gathered.layer.catalog;
        if self.exact.len() > TOOLS_MAX {
            let span = Span::default();
            workshop.report(PolicyFinding::new(
                FindingKind::TooLarge,
                span,
                format!("there are more than {TOOLS_MAX} tools"),
            ));
        }
        let takes_word = gathered.layer.unknown_tools == UnknownTools::Declared;
        for (pattern, addition, span) in self.patterns {
            let mut names = self.exact.keys();
            if !takes_word && !names.any(|name| pattern.matches(name)) {
                let message = format!("`{}` fits no catalogued tool", pattern.as_str());
                workshop.report(
                    PolicyFinding::new(FindingKind::NoSuchTools, span, message).with_help(
                        "a pattern adds to tools that have an entry of their own; `*` stays within one segment",
                    ),
                );
            }
            let index = u32::try_from(catalog.pattern_tools.len()).unwrap_or(u32::MAX);
            catalog.pattern_tools.push(addition);
            catalog.patterns.insert(pattern, index);
        }
        let mut places = BTreeMap::new();
        for (name, (mut tool, span, _)) in self.exact {
            let mut fitting = Vec::new();
            catalog.patterns.matches(name, |index| fitting.push(index));
            fitting.sort_unstable();
            for addition in fitting
                .iter()
                .filter_map(|index| catalog.pattern_tools.get(*index as usize))
            {
                tool.effects = tool.effects.union(addition.effects);
                tool.states_effects |= addition.states_effects;
                tool.schemas.extend(addition.schema);
                tool.labels.extend_from_slice(&addition.labels);
            }
            tool.labels.sort_unstable();
            tool.labels.dedup();
            let index = u32::try_from(catalog.tools.len()).unwrap_or(u32::MAX);
            catalog.tools.push(tool);
            catalog.add_name(name, index);
            places.insert(name, (index, span));
            gathered.tool_names.push(name.to_owned());
            gathered.names.tools.push(name.to_owned());
        }
        for (alias, name) in self.aliases {
            let Some((index, _)) = places.get(name) else {
                continue;
            };
            if !crate::tool_pattern::tool_name_is_valid(&alias.value) {
                workshop.report(
                    PolicyFinding::new(
                        FindingKind::ToolPattern,
                        alias.span,
                        format!("`{}` is no tool name", alias.value),
                    )
                    .with_help("names have letters, digits and ._:/- and at most 128 bytes"),
                );
            } else if let Some(taken) = catalog.add_name(&alias.value, *index) {
                let by = catalog
                    .tools
                    .get(taken as usize)
                    .map_or("", |tool| &tool.name);
                let message = format!("`{}` already means the tool `{by}`", alias.value);
                workshop.report(PolicyFinding::new(
                    FindingKind::DuplicateName,
                    alias.span,
                    message,
                ));
            }
        }
    }
}

#[inline(never)]
fn facts<'s>(
    gathered: &mut Gathered<'s>,
    source: &'s PolicySource,
    offset: u32,
    workshop: &mut Workshop<'_>,
) {
    for fact in &source.facts {
        let Some(path) = path(&fact.path, workshop) else {
            continue;
        };
        if let Some(known) = gathered.names.facts.iter().find(|known| known.path == path)
            && fact.schema.is_some()
            && known.schema.is_some()
        {
            let finding = PolicyFinding::new(
                FindingKind::DuplicateName,
                fact.path.span,
                format!("fact `{path}` is declared twice"),
            );
            workshop.report(finding);
            continue;
        }
        if fact.private {
            gathered.private.push(path.clone());
        }
        if let Some(ask) = &fact.ask {
            gathered.questions.push((path.clone(), ask));
        }
        let schema = fact.schema.map(|schema| schema.saturating_add(offset));
        let is_checked = FactRoot::find(&path.root)
            .is_some_and(|info| matches!(info.root, FactRoot::Context | FactRoot::Args));
        if schema.is_some() && !is_checked {
            let message = format!("the type of `{path}` is not declared but built in");
            workshop.report(
                PolicyFinding::new(FindingKind::Schema, fact.path.span, message).with_help(
                    "declare types of facts in `context` or `args`; of others only `ask` and `private`",
                ),
            );
        }
        if let Some(issue) = &fact.issue {
            check_code(issue, workshop);
            if schema.is_none() {
                let message = format!("`issue` says nothing: `{path}` has no type to be violated");
                workshop.report(
                    PolicyFinding::new(FindingKind::Schema, issue.span, message)
                        .with_help("add a `type`, or leave `issue` out"),
                );
            }
        }
        let issue = fact.issue.as_ref().map(|issue| issue.value.clone());
        gathered.names.facts.push(DeclaredFact {
            path,
            schema,
            issue,
        });
    }
}

/// A path that names a fact; reported if it does not.
pub(super) fn path(text: &Spanned<String>, workshop: &mut Workshop<'_>) -> Option<Path> {
    let path = match syntax::parse(&text.value)
        .as_ref()
        .map(|tree| tree.nodes.as_slice())
    {
        Ok([node]) => match &node.expr {
            Expr::Path(path) => Some(path.clone()),
            _ => None,
        },
        _ => None,
    };
    let known = path.filter(|path| FactRoot::find(&path.root).is_some());
    if known.is_none() {
        workshop.report(
            PolicyFinding::new(
                FindingKind::UnknownFact,
                text.span,
                format!("`{}` is no path of a fact", text.value),
            )
            .with_help("write for example context.ticket_id or args.amount"),
        );
    }
    known
}

#[inline(never)]
fn lets<'s>(gathered: &mut Gathered<'s>, source: &'s PolicySource, workshop: &mut Workshop<'_>) {
    for (name, expression) in &source.lets {
        if let Some(first) = gathered
            .lets
            .iter()
            .find(|known| known.name.value == name.value)
        {
            let first = first.name.span;
            workshop.duplicate("named expression", &name.value, name.span, first);
            continue;
        }
        gathered.lets.push(LetDraft {
            name,
            expression,
            tree: None,
        });
    }
    if gathered.lets.len() > LETS_MAX {
        let message = format!("there are more than {LETS_MAX} named expressions");
        workshop.report(PolicyFinding::new(
            FindingKind::TooLarge,
            source.name.span,
            message,
        ));
    }
}

/// Params of all files; the root file may set the value of an imported one.
#[inline(never)]
fn params(
    gathered: &mut Gathered<'_>,
    members: &[Member],
    sources: &[PolicySource],
    offsets: &[u32],
    workshop: &mut Workshop<'_>,
) {
    let mut defined: BTreeMap<&str, (Span, Option<u32>)> = BTreeMap::new();
    let mut set = Vec::new();
    // An expression that is none is reported where those of all schemas are compiled.
    let patterns: SchemaPatterns = (0_u32..)
        .zip(&gathered.names.schemas.nodes)
        .filter_map(|(at, node)| Some((at, pattern_of(&node.pattern.as_ref()?.value).ok()?)))
        .collect();
    for (member, offset) in members.iter().zip(offsets) {
        for param in sources
            .get(member.source)
            .map_or(&[][..], |source| &source.params)
        {
            let name = param.name.value.as_str();
            let Some(schema) = param.schema else {
                set.push((param, member));
                continue;
            };
            if let Some((first, _)) = defined.get(name) {
                let first = *first;
                workshop.duplicate("param", name, param.name.span, first);
                continue;
            }
            let schema = schema.saturating_add(*offset);
            defined.insert(name, (param.name.span, Some(schema)));
            let node = workshop.keep(param.value.root(), param.name.span);
            check_param(gathered, &patterns, node, schema, &param.name, workshop);
            let kind = type_of(param.value.root());
            gathered.names.params.insert(name.to_owned(), (node, kind));
        }
    }
    for (param, member) in set {
        let name = param.name.value.as_str();
        match defined.get(name) {
            Some((_, Some(schema)))
                if member.source == members.first().map_or(0, |root| root.source) =>
            {
                let node = workshop.keep(param.value.root(), param.name.span);
                check_param(gathered, &patterns, node, *schema, &param.name, workshop);
                gathered
                    .names
                    .params
                    .insert(name.to_owned(), (node, type_of(param.value.root())));
            }
            Some(_) => workshop.report(PolicyFinding::new(
                FindingKind::ParamValue,
                param.name.span,
                format!("only the outermost policy may set the imported param `{name}`"),
            )),
            None => {
                let near = nearest(name, defined.keys().copied());
                workshop.report(
                    PolicyFinding::new(
                        FindingKind::ParamValue,
                        param.name.span,
                        format!("no imported policy has a param `{name}`"),
                    )
                    .with_help(match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => {
                            format!("to define one, write {name}: {{ type: number, default: 1 }}")
                        }
                    }),
                );
            }
        }
    }
}

#[inline(never)]
fn check_param(
    gathered: &Gathered<'_>,
    patterns: &SchemaPatterns,
    node: u32,
    schema: u32,
    name: &Spanned<String>,
    workshop: &mut Workshop<'_>,
) {
    let mut violations = Vec::new();
    let value = workshop.constants.document().value(node);
    let path = format!("params.{}", name.value);
    crate::schema_check::check(
        &gathered.names.schemas,
        patterns,
        schema,
        value,
        &path,
        &mut violations,
    );
    let found: Vec<String> = violations
        .into_iter()
        .map(|violation| violation.message)
        .collect();
    for message in found {
        workshop.report(PolicyFinding::new(
            FindingKind::ParamValue,
            name.span,
            message,
        ));
    }
}

/// The tables of all files as one object.
#[inline(never)]
fn data<'s>(
    gathered: &mut Gathered<'s>,
    sources: impl Iterator<Item = &'s PolicySource>,
    workshop: &mut Workshop<'_>,
) {
    let mut names: Vec<String> = Vec::new();
    let mut tables = Vec::new();
    for source in sources {
        let Some(document) = &source.data else {
            continue;
        };
        for (name, value) in document.root().members() {
            if names.iter().any(|known| known == name) {
                workshop.duplicate("table", name, source.name.span, source.name.span);
                continue;
            }
            names.push(name.to_owned());
            tables.push((name, value));
        }
    }
    if tables.is_empty() {
        return;
    }
    let mut together = || -> Result<u32, crate::document::DocumentError> {
        let at = workshop.constants.begin_object()?;
        for (name, value) in &tables {
            workshop.constants.string(name)?;
            workshop.constants.copy(*value)?;
        }
        workshop
            .constants
            .end_object(at, u32::try_from(tables.len()).unwrap_or(u32::MAX))?;
        Ok(at)
    };
    if let Ok(node) = together() {
        gathered.names.data = Some((node, names));
    }
}

/// The type of a named expression before it is known.
pub(super) const LET_TYPE: Type = Type::Dyn;

/// Checks an issue code.
pub(super) fn check_code(code: &Spanned<String>, workshop: &mut Workshop<'_>) {
    let text = &code.value;
    let good = text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && text.len() <= ISSUE_CODE_BYTES_MAX;
    if !good {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Code,
                code.span,
                format!("`{text}` is no issue code"),
            )
            .with_help("codes are upper case with underscores: DAILY_LIMIT_EXCEEDED"),
        );
    }
}
