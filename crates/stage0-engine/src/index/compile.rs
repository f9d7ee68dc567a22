//! Policies to a [`PolicyIndex`]: the check of the whole, then the compilation.
//!
//! The check reports everything it finds. Conditions are parsed and typed first, for all layers, so
//! that the table of facts is complete before the first program is made.

use std::collections::{BTreeMap, BTreeSet};

use super::environment::{RuleNames, find};
use super::gather::{
    Gathered, LET_TYPE, Member, Workshop, effect_set, gather, members, path, pattern,
};
use super::{
    CompiledApproval, CompiledCondition, CompiledRule, Layer, NamedProgram, PolicyIndex, RuleKind,
};
use crate::condition::program::{Constant, Resolved, Resolver, compile as compile_program};
use crate::condition::tree::{Expr, Tree};
use crate::condition::typing::{self, Type};
use crate::condition::{ConditionError, ConditionErrorKind, Path, Slot, Step, syntax};
use crate::digest::Digest;
use crate::document::{Document, DocumentBuilder};
use crate::facts::{FactRoot, FactTable};
use crate::policy::{
    Action, Approval, EvidenceSource, Expression, FindingKind, FindingLevel, PolicyFinding,
    PolicySource, Rule, Severity, UnknownTools, Verdict,
};
use crate::span::{Span, Spanned};
use crate::suggest::nearest;
use crate::tool_pattern::ToolPattern;

/// The files of a policy, the root first.
#[derive(Debug, Clone)]
pub struct PolicySet {
    /// All files, imports resolved to their index.
    pub sources: Vec<PolicySource>,
    /// Digest over all of them.
    pub digest: Digest,
}

/// What loading a policy yields.
#[derive(Debug)]
pub struct Compiled {
    /// The policy, ready.
    pub index: PolicyIndex,
    /// What is probably not meant.
    pub warnings: Vec<PolicyFinding>,
}

/// Checks and compiles a policy.
///
/// # Errors
/// Everything that is wrong with it, warnings included, in the order of the files.
pub fn compile(set: &PolicySet) -> Result<Compiled, Vec<PolicyFinding>> {
    let mut findings = Vec::new();
    let mut constants = DocumentBuilder::new("", usize::MAX);
    let index = compile_set(set, &mut findings, &mut constants);
    findings.sort_by(|one, two| {
        (one.span(), one.kind(), one.message()).cmp(&(two.span(), two.kind(), two.message()))
    });
    findings.dedup();
    let has_errors = findings
        .iter()
        .any(|finding| finding.kind().level() == FindingLevel::Error);
    match index {
        Some(mut index) if !has_errors => {
            index.constants = constants.finish();
            Ok(Compiled {
                index,
                warnings: findings,
            })
        }
        _ => Err(findings),
    }
}

fn compile_set(
    set: &PolicySet,
    findings: &mut Vec<PolicyFinding>,
    constants: &mut DocumentBuilder<'static>,
) -> Option<PolicyIndex> {
    let sources = &set.sources;
    let root = sources.first()?;
    let mut workshop = Workshop {
        findings,
        constants,
    };
    for source in sources {
        check_version(source, &mut workshop);
    }
    if !root.layers.is_empty()
        && !(root.rules.is_empty() && root.extends.is_empty() && root.tools.is_empty())
    {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Layers,
                root.name.span,
                "a policy with `layers` has no rules, tools or imports of its own",
            )
            .with_help("move them into one of the layers"),
        );
    }
    let roots: Vec<usize> = if root.layers.is_empty() {
        vec![0]
    } else {
        root.layers.iter().map(|layer| layer.source).collect()
    };
    let mut drafts = Vec::new();
    for layer_root in roots {
        drafts.push(LayerDraft::new(
            sources,
            &members(sources, layer_root),
            &mut workshop,
        ));
    }
    let mut disabled = Vec::new();
    disable(root, &mut drafts, &mut disabled, &mut workshop);
    let mut paths = BTreeSet::new();
    for draft in &drafts {
        draft.paths(&mut paths);
    }
    let facts = FactTable::new(paths);
    let mut layers = Vec::new();
    for draft in drafts {
        layers.push(draft.finish(&facts, &mut workshop));
    }
    Some(PolicyIndex {
        name: root.name.value.as_str().into(),
        version: root.version.value.as_str().into(),
        label: format!("{}@{}", root.name.value, root.version.value).into(),
        digest: set.digest,
        layers,
        facts,
        constants: Document::default(),
        disabled,
    })
}

fn check_version(source: &PolicySource, workshop: &mut Workshop<'_>) {
    let version = source.version.value.as_str();
    let core = version.split(['-', '+']).next().unwrap_or("");
    let numbers: Vec<&str> = core.split('.').collect();
    let good = numbers.len() == 3
        && numbers.iter().all(|number| {
            !number.is_empty()
                && number.bytes().all(|digit| digit.is_ascii_digit())
                && (number.len() == 1 || !number.starts_with('0'))
        })
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte));
    if !good {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Version,
                source.version.span,
                format!("`{version}` is no semantic version"),
            )
            .with_help("write three numbers, for example 2.1.0"),
        );
    }
}

/// Takes out the rules that the root policy disables.
fn disable(
    root: &PolicySource,
    drafts: &mut [LayerDraft<'_>],
    disabled: &mut Vec<Box<str>>,
    workshop: &mut Workshop<'_>,
) {
    for wanted in &root.disable {
        let mut found = false;
        for draft in drafts.iter_mut() {
            let Some(at) = draft.rules.iter().position(|rule| rule.id == wanted.value) else {
                continue;
            };
            found = true;
            let locked = draft
                .rules
                .get(at)
                .filter(|rule| rule.rule.locked)
                .map(|rule| rule.rule.id.span);
            if let Some(place) = locked {
                workshop.report(
                    PolicyFinding::new(
                        FindingKind::LockedRule,
                        wanted.span,
                        format!("rule `{}` is locked", wanted.value),
                    )
                    .with_related(place, "locked here"),
                );
            } else {
                draft.rules.remove(at);
                disabled.push(wanted.value.as_str().into());
            }
        }
        if !found {
            let ids = drafts
                .iter()
                .flat_map(|draft| draft.rules.iter().map(|rule| rule.id.as_str()));
            let near = nearest(&wanted.value, ids);
            workshop.report(
                PolicyFinding::new(
                    FindingKind::UnknownRule,
                    wanted.span,
                    format!("there is no rule `{}`", wanted.value),
                )
                .with_help(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "rules of extended policies are named pack/id".to_owned(),
                }),
            );
        }
    }
}

/// A condition between parsing and compiling.
struct ConditionDraft<'s> {
    expression: &'s Expression,
    tree: Tree,
}

struct RuleDraft<'s> {
    id: String,
    rule: &'s Rule,
    tools: Vec<ToolPattern>,
    when: Option<ConditionDraft<'s>>,
    condition: Option<ConditionDraft<'s>>,
    not: Vec<Path>,
    bind: Vec<Path>,
}

struct LayerDraft<'s> {
    gathered: Gathered<'s>,
    rules: Vec<RuleDraft<'s>>,
    /// The order in which to evaluate named expressions.
    let_order: Vec<usize>,
    code_ranks: Vec<String>,
}

impl<'s> LayerDraft<'s> {
    fn new(sources: &'s [PolicySource], members: &[Member], workshop: &mut Workshop<'_>) -> Self {
        let mut gathered = gather(sources, members, workshop);
        let let_order = lets(&mut gathered, workshop);
        let mut draft = Self {
            gathered,
            rules: Vec::new(),
            let_order,
            code_ranks: Vec::new(),
        };
        let mut ids: BTreeMap<String, Span> = BTreeMap::new();
        for member in members {
            let Some(source) = sources.get(member.source) else {
                continue;
            };
            for rule in &source.rules {
                let id = format!("{}/{}", source.name.value, rule.id.value);
                if let Some(first) = ids.insert(id.clone(), rule.id.span) {
                    workshop.report(
                        PolicyFinding::new(
                            FindingKind::DuplicateId,
                            rule.id.span,
                            format!("rule id `{}` is used twice", rule.id.value),
                        )
                        .with_related(first, "first used here"),
                    );
                    continue;
                }
                if matches!(rule.action, Action::Allow(_)) && !member.allows {
                    continue;
                }
                let drafted = draft.rule(id, rule, workshop);
                draft.rules.push(drafted);
            }
        }
        if draft.rules.is_empty()
            && let Some(source) = members
                .first()
                .and_then(|member| sources.get(member.source))
        {
            let finding = PolicyFinding::new(
                FindingKind::NoRules,
                source.name.span,
                "the policy has no rules: every answer is its default",
            );
            workshop.report(finding);
        }
        draft.unused(workshop);
        draft
    }

    fn rule(&mut self, id: String, rule: &'s Rule, workshop: &mut Workshop<'_>) -> RuleDraft<'s> {
        let tools: Vec<ToolPattern> = rule
            .tools
            .iter()
            .filter_map(|tool| pattern(tool, workshop))
            .collect();
        let schemas = self.scope(rule, &tools, workshop);
        self.code(rule.issue.as_ref(), &rule.id, workshop);
        if let Some(code) = &rule.issue_unknown {
            self.code(Some(code), &rule.id, workshop);
        }
        let is_allow = matches!(rule.action, Action::Allow(_));
        let check = |expression: &'s Expression, workshop: &mut Workshop<'_>| {
            let draft = self.condition(expression, schemas.as_deref(), workshop)?;
            if is_allow {
                self.refuse_claims(&draft, workshop);
            }
            Some(draft)
        };
        let when = rule.when.as_ref().and_then(|when| check(when, workshop));
        let condition = match &rule.action {
            Action::Allow(condition)
            | Action::Deny(condition)
            | Action::Defer(condition)
            | Action::Advise(condition)
            | Action::Require { condition, .. } => check(condition, workshop),
            Action::Approval(_) => None,
        };
        for draft in [&when, &condition].into_iter().flatten() {
            self.lint_condition(rule, draft, workshop);
        }
        lint_dodge(rule, when.as_ref(), condition.as_ref(), workshop);
        if matches!(rule.action, Action::Advise(_))
            && let Some(severity) = &rule.severity
            && severity.value > Severity::Medium
        {
            workshop.report(
                PolicyFinding::new(
                    FindingKind::AllowSeverity,
                    severity.span,
                    "advice weighs at most MEDIUM, because an ALLOW may carry it",
                )
                .with_help("use `deny` or `defer` for what must stop the call"),
            );
        }
        if let Some(message) = &rule.message
            && let Some(private) = self
                .gathered
                .private
                .iter()
                .find(|fact| message.value.contains(**fact))
        {
            let text = format!("the message names the private fact `{private}`");
            workshop.report(PolicyFinding::new(
                FindingKind::PrivateFact,
                message.span,
                text,
            ));
        }
        let (mut not, mut bind) = (Vec::new(), Vec::new());
        if let Action::Approval(approval) = &rule.action {
            not.extend(approval.not.iter().filter_map(|text| path(text, workshop)));
            bind.extend(approval.bind.iter().filter_map(|text| path(text, workshop)));
            check_approval(approval, &bind, workshop);
        }
        RuleDraft {
            id,
            rule,
            tools,
            when,
            condition,
            not,
            bind,
        }
    }

    /// Checks the names of the tools that a rule is about; the argument schemas of those tools.
    fn scope(
        &self,
        rule: &Rule,
        tools: &[ToolPattern],
        workshop: &mut Workshop<'_>,
    ) -> Option<Vec<Vec<u32>>> {
        if rule.tools.is_empty() {
            return None;
        }
        let catalog = &self.gathered.layer.catalog;
        let names = &self.gathered.tool_names;
        let mut schemas = Vec::new();
        for (pattern, written) in tools.iter().zip(&rule.tools) {
            if pattern.is_exact() {
                match catalog.find(pattern.as_str()) {
                    Some(tool) if *tool.name == *pattern.as_str() => {
                        schemas.push(tool.schemas.clone());
                    }
                    Some(tool) => workshop.report(
                        PolicyFinding::new(
                            FindingKind::UnknownTool,
                            written.span,
                            format!(
                                "`{}` is another name of the tool `{}`",
                                written.value, tool.name
                            ),
                        )
                        .with_help(format!(
                            "write `{}`: rules use the catalogued name",
                            tool.name
                        )),
                    ),
                    None if self.gathered.layer.unknown_tools == UnknownTools::Declared => {
                        return None;
                    }
                    None => {
                        let near = nearest(pattern.as_str(), names.iter().map(String::as_str));
                        workshop.report(
                            PolicyFinding::new(
                                FindingKind::UnknownTool,
                                written.span,
                                format!("the catalog has no tool `{}`", written.value),
                            )
                            .with_help(match near {
                                Some(near) => format!("did you mean `{near}`?"),
                                None => "add it under `tools`, or check the spelling".to_owned(),
                            }),
                        );
                    }
                }
                continue;
            }
            let before = schemas.len();
            let first = names.partition_point(|name| name.as_str() < pattern.prefix());
            for name in names
                .iter()
                .skip(first)
                .take_while(|name| name.starts_with(pattern.prefix()))
            {
                if pattern.matches(name)
                    && let Some(tool) = catalog.find(name)
                {
                    schemas.push(tool.schemas.clone());
                }
            }
            if schemas.len() == before && pattern.as_str() != "**" && pattern.as_str() != "*" {
                workshop.report(
                    PolicyFinding::new(
                        FindingKind::NoSuchTools,
                        written.span,
                        format!("`{}` fits no catalogued tool", written.value),
                    )
                    .with_help("`*` stays within one segment; `**` crosses dots"),
                );
            }
        }
        // A pattern also fits tools that are not catalogued, but those are never allowed; their
        // arguments are what the catalogued ones have or an error at the time of the decision.
        Some(schemas)
    }

    fn code(
        &mut self,
        code: Option<&Spanned<String>>,
        id: &Spanned<String>,
        workshop: &mut Workshop<'_>,
    ) {
        let text = code.map_or_else(|| default_code(&id.value), |code| code.value.clone());
        let good = text.starts_with(|c: char| c.is_ascii_uppercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && text.len() <= 64;
        if !good {
            let span = code.map_or(id.span, |code| code.span);
            workshop.report(
                PolicyFinding::new(
                    FindingKind::Code,
                    span,
                    format!("`{text}` is no issue code"),
                )
                .with_help("codes are upper case with underscores: DAILY_LIMIT_EXCEEDED"),
            );
        }
        if !self.code_ranks.contains(&text) {
            self.code_ranks.push(text);
        }
    }

    fn condition(
        &self,
        expression: &'s Expression,
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) -> Option<ConditionDraft<'s>> {
        let tree = match syntax::parse(&expression.text) {
            Ok(tree) => tree,
            Err(error) => {
                report_condition(&error, expression, workshop);
                return None;
            }
        };
        let names = RuleNames {
            names: &self.gathered.names,
            constants: workshop.constants.document(),
            tools,
        };
        let mut errors = Vec::new();
        let types = typing::check(&tree, &names, &mut errors);
        typing::require_truth(&tree, &types, &mut errors);
        for error in errors {
            report_condition(&error, expression, workshop);
        }
        Some(ConditionDraft { expression, tree })
    }

    /// An allow may not rest on what the agent claims, directly or through a named expression.
    fn refuse_claims(&self, draft: &ConditionDraft<'_>, workshop: &mut Workshop<'_>) {
        for node in &draft.tree.nodes {
            let (Expr::Path(path) | Expr::HasPath(path)) = &node.expr else {
                continue;
            };
            let Some(claimed) = self.claimed(path) else {
                continue;
            };
            let help = if claimed == "effects" || claimed == "side_effects" {
                "use the rule's `effects`, which must then cover every effect of the tool"
                    .to_owned()
            } else {
                format!(
                    "`{claimed}` is the agent's word: it may restrict a call but never permit it; read context or args instead"
                )
            };
            let message = if path.root == "let" {
                format!("an allow rule may not rest on `{claimed}`, which `{path}` reads")
            } else {
                format!("an allow rule may not rest on `{claimed}`")
            };
            let error =
                ConditionError::new(ConditionErrorKind::NotReadable, node.range.clone(), message)
                    .with_help(help);
            report_condition(&error, draft.expression, workshop);
        }
    }

    fn claimed(&self, path: &Path) -> Option<String> {
        if path.root != "let" {
            return FactRoot::find(&path.root)
                .filter(|info| info.is_claimed)
                .map(|_| path.root.clone());
        }
        // Named expressions are visited breadth first; each is looked at once.
        let mut waiting: Vec<String> = let_name(path).into_iter().collect();
        let mut next = 0;
        while let Some(name) = waiting.get(next).cloned() {
            next = next.saturating_add(1);
            let tree = self
                .gathered
                .lets
                .iter()
                .find(|known| known.name.value == name)?
                .tree
                .as_ref();
            for node in tree.map_or(&[][..], |tree| &tree.nodes) {
                let (Expr::Path(path) | Expr::HasPath(path)) = &node.expr else {
                    continue;
                };
                if let Some(inner) = let_name(path) {
                    if !waiting.contains(&inner) {
                        waiting.push(inner);
                    }
                } else if FactRoot::find(&path.root).is_some_and(|info| info.is_claimed) {
                    return Some(path.root.clone());
                }
            }
        }
        None
    }

    fn lint_condition(&self, rule: &Rule, draft: &ConditionDraft<'_>, workshop: &mut Workshop<'_>) {
        let allow = matches!(rule.action, Action::Allow(_));
        for node in &draft.tree.nodes {
            match &node.expr {
                Expr::Call {
                    function,
                    arguments,
                    ..
                } if allow && function == "matches" => {
                    let pattern = arguments.get(1).and_then(|at| draft.tree.node(*at));
                    if let Some(Expr::String(text)) = pattern.map(|node| &node.expr)
                        && !(text.starts_with('^') && text.ends_with('$'))
                    {
                        let range = pattern.map_or(node.range.clone(), |node| node.range.clone());
                        let span = place(draft.expression, &range);
                        workshop.report(
                            PolicyFinding::new(
                                FindingKind::UnanchoredPattern,
                                span,
                                "this pattern matches anywhere in the text",
                            )
                            .with_help("write ^...$ to fit the whole text"),
                        );
                    }
                }
                Expr::Path(path) | Expr::HasPath(path) if path.root == "context" => {
                    self.lint_fact(path, draft.expression, &node.range, workshop);
                }
                _ => {}
            }
        }
    }

    fn lint_fact(
        &self,
        path: &Path,
        expression: &Expression,
        range: &core::ops::Range<u32>,
        workshop: &mut Workshop<'_>,
    ) {
        let Some(Step::Field(name)) = path.steps.first() else {
            return;
        };
        let declared = self
            .gathered
            .names
            .facts
            .iter()
            .filter(|fact| fact.path.root == "context");
        let declared: Vec<&str> = declared
            .filter_map(|fact| match fact.path.steps.first() {
                Some(Step::Field(name)) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let known = crate::vocabulary::context::CONTEXT_KEYS
            .iter()
            .map(|(key, _)| *key);
        let known: Vec<&str> = known.chain(declared.iter().copied()).collect();
        if known.contains(&name.as_str()) {
            return;
        }
        if let Some(near) = nearest(name, known) {
            workshop.report(
                PolicyFinding::new(
                    FindingKind::NearlyKnownFact,
                    place(expression, range),
                    format!("`context.{name}` is nearly `context.{near}`"),
                )
                .with_help(format!(
                    "write context.{near}, or declare context.{name} under `facts`"
                )),
            );
        }
    }

    /// Params and named expressions that nothing reads.
    fn unused(&self, workshop: &mut Workshop<'_>) {
        let mut read: BTreeSet<(String, String)> = BTreeSet::new();
        let trees = self
            .rules
            .iter()
            .flat_map(|rule| [&rule.when, &rule.condition])
            .flatten()
            .map(|draft| &draft.tree);
        for tree in trees.chain(
            self.gathered
                .lets
                .iter()
                .filter_map(|draft| draft.tree.as_ref()),
        ) {
            for node in &tree.nodes {
                if let Expr::Path(path) = &node.expr
                    && let Some(Step::Field(name)) = path.steps.first()
                {
                    read.insert((path.root.clone(), name.clone()));
                }
            }
        }
        for draft in &self.gathered.lets {
            if !read.contains(&("let".to_owned(), draft.name.value.clone())) {
                let message = format!("nothing reads `let.{}`", draft.name.value);
                workshop.report(PolicyFinding::new(
                    FindingKind::UnusedName,
                    draft.name.span,
                    message,
                ));
            }
        }
    }

    /// Every path that becomes a fact.
    fn paths(&self, paths: &mut BTreeSet<Path>) {
        let trees = self
            .rules
            .iter()
            .flat_map(|rule| [&rule.when, &rule.condition])
            .flatten()
            .map(|draft| &draft.tree);
        let lets = self
            .gathered
            .lets
            .iter()
            .filter_map(|draft| draft.tree.as_ref());
        for tree in trees.chain(lets) {
            for node in &tree.nodes {
                if let Expr::Path(path) | Expr::HasPath(path) = &node.expr
                    && FactRoot::find(&path.root).is_some()
                {
                    paths.insert(path.clone());
                }
            }
        }
        for rule in &self.rules {
            paths.extend(rule.not.iter().chain(&rule.bind).cloned());
            if let Action::Approval(approval) = &rule.rule.action
                && approval.evidence == EvidenceSource::Asserted
            {
                paths.extend(asserted_paths());
            }
        }
        paths.extend(
            self.gathered
                .names
                .facts
                .iter()
                .map(|fact| fact.path.clone()),
        );
    }

    fn finish(self, facts: &FactTable, workshop: &mut Workshop<'_>) -> Layer {
        let Self {
            gathered,
            rules,
            let_order,
            code_ranks,
        } = self;
        let Gathered {
            mut layer,
            names,
            lets,
            timezone,
            questions,
            ..
        } = gathered;
        let let_places: BTreeMap<String, u32> = let_order
            .iter()
            .enumerate()
            .filter_map(|(place, at)| {
                Some((
                    lets.get(*at)?.name.value.clone(),
                    u32::try_from(place).ok()?,
                ))
            })
            .collect();
        let mut maker = Maker {
            facts,
            names: &names,
            lets: &let_places,
            timezone: &timezone,
            workshop,
        };
        for at in &let_order {
            let Some(draft) = lets.get(*at) else { continue };
            let Some(tree) = &draft.tree else { continue };
            let condition = maker.condition(draft.expression, tree);
            layer.lets.push(NamedProgram {
                name: draft.name.value.as_str().into(),
                condition,
            });
        }
        for draft in &rules {
            let compiled = maker.rule(draft, &layer);
            layer.rules.push(compiled);
        }
        for (rank, code) in code_ranks.into_iter().enumerate() {
            layer
                .code_ranks
                .insert(code.into(), u32::try_from(rank).unwrap_or(u32::MAX));
        }
        for (path, question) in questions {
            if let Some(slot) = facts.slot(&path) {
                layer.questions.insert(slot, question.into());
            }
        }
        for fact in &names.facts {
            if let (Some(slot), Some(schema)) = (facts.slot(&fact.path), fact.schema) {
                layer.typed_facts.push((slot, schema));
            }
        }
        layer.typed_facts.sort_unstable();
        compile_patterns(&mut layer, &names.schemas, workshop);
        layer.schemas = names.schemas;
        let mut constraints: Vec<Box<str>> = layer
            .rules
            .iter()
            .flat_map(|rule| rule.constraints.iter().cloned())
            .collect();
        constraints.sort();
        constraints.dedup();
        layer.constraint_names = constraints;
        file(&mut layer);
        layer
    }
}

/// The fields of the context that a plain, asserted approval stands in.
pub(crate) fn asserted_paths() -> impl Iterator<Item = Path> {
    ["approval_status", "approved_at", "approved_by"]
        .into_iter()
        .map(|name| Path {
            root: "context".to_owned(),
            steps: vec![Step::Field(name.to_owned())],
        })
}

/// Files every rule where a decision will look for it.
fn file(layer: &mut Layer) {
    let classes = layer.effects.names().count();
    layer.by_effect = vec![Vec::new(); classes];
    for (at, rule) in layer.rules.iter_mut().enumerate() {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let mut places = 0_usize;
        for pattern in &rule.tools {
            places = places.saturating_add(1);
            if pattern.is_exact() {
                layer
                    .by_tool
                    .entry(pattern.as_str().into())
                    .or_default()
                    .push(at);
            } else {
                layer.by_pattern.insert(pattern.clone(), at);
            }
        }
        if rule.tools.is_empty() {
            for class in rule.effects.classes() {
                places = places.saturating_add(1);
                if let Some(filed) = layer.by_effect.get_mut(class) {
                    filed.push(at);
                }
            }
            if rule.effects.is_empty() {
                layer.everywhere.push(at);
            }
        }
        rule.filed_often = places > 1;
    }
}

fn compile_patterns(
    layer: &mut Layer,
    schemas: &crate::policy::schema::Schemas,
    workshop: &mut Workshop<'_>,
) {
    for (at, node) in schemas.nodes.iter().enumerate() {
        let Some(pattern) = &node.pattern else {
            continue;
        };
        let built = regex_lite::RegexBuilder::new(&pattern.value)
            .size_limit(crate::limits::REGEX_BYTES_MAX)
            .build();
        match built {
            Ok(regex) => {
                layer
                    .patterns
                    .insert(u32::try_from(at).unwrap_or(u32::MAX), regex);
            }
            Err(error) => workshop.report(
                PolicyFinding::new(
                    FindingKind::Schema,
                    pattern.span,
                    format!("this is no regular expression: {error}"),
                )
                .with_help("the syntax is RE2's with ASCII classes"),
            ),
        }
        if let (Some(min), Some(max)) = (node.min, node.max)
            && min > max
        {
            workshop.report(PolicyFinding::new(
                FindingKind::Schema,
                node.span,
                "`min` is above `max`",
            ));
        }
    }
}

/// Parses the named expressions; the order in which each stands behind those it needs.
fn lets(gathered: &mut Gathered<'_>, workshop: &mut Workshop<'_>) -> Vec<usize> {
    for draft in &mut gathered.lets {
        match syntax::parse(&draft.expression.text) {
            Ok(tree) => draft.tree = Some(tree),
            Err(error) => report_condition(&error, draft.expression, workshop),
        }
        gathered
            .names
            .lets
            .insert(draft.name.value.clone(), (0, LET_TYPE));
    }
    let places: BTreeMap<&str, usize> = gathered
        .lets
        .iter()
        .enumerate()
        .map(|(at, draft)| (draft.name.value.as_str(), at))
        .collect();
    let needs: Vec<BTreeSet<usize>> = gathered
        .lets
        .iter()
        .map(|draft| {
            let nodes = draft.tree.as_ref().map_or(&[][..], |tree| &tree.nodes);
            nodes
                .iter()
                .filter_map(|node| match &node.expr {
                    Expr::Path(path) => let_name(path),
                    _ => None,
                })
                .filter_map(|name| places.get(name.as_str()).copied())
                .collect()
        })
        .collect();
    let mut order = Vec::new();
    let mut waiting_for: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (at, needed) in needs.iter().enumerate() {
        for other in needed {
            if let Some(list) = needed_by.get_mut(*other) {
                list.push(at);
            }
        }
    }
    let mut ready: Vec<usize> = waiting_for
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(at, _)| at)
        .collect();
    while let Some(at) = ready.pop() {
        order.push(at);
        for other in needed_by.get(at).map_or(&[][..], |list| list) {
            if let Some(count) = waiting_for.get_mut(*other) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(*other);
                }
            }
        }
    }
    for (at, draft) in gathered.lets.iter().enumerate() {
        if !order.contains(&at) {
            workshop.report(
                PolicyFinding::new(
                    FindingKind::Cycle,
                    draft.name.span,
                    format!(
                        "`let.{}` needs itself, directly or through others",
                        draft.name.value
                    ),
                )
                .with_help("a named expression may read only names that do not read it"),
            );
        }
    }
    // Types in the order of need, so that each expression sees the types of those it reads.
    for at in &order {
        let Some(draft) = gathered.lets.get(*at) else {
            continue;
        };
        let Some(tree) = &draft.tree else { continue };
        let mut errors = Vec::new();
        let environment = RuleNames {
            names: &gathered.names,
            constants: workshop.constants.document(),
            tools: None,
        };
        let types = typing::check(tree, &environment, &mut errors);
        let found = types.last().copied().unwrap_or(Type::Dyn);
        for error in errors {
            report_condition(&error, draft.expression, workshop);
        }
        gathered
            .names
            .lets
            .insert(draft.name.value.clone(), (0, found));
    }
    order
}

fn let_name(path: &Path) -> Option<String> {
    match (path.root.as_str(), path.steps.first()) {
        ("let", Some(Step::Field(name))) => Some(name.clone()),
        _ => None,
    }
}

/// `payouts-need-approval` to `PAYOUTS_NEED_APPROVAL`.
pub(crate) fn default_code(id: &str) -> String {
    id.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect()
}

/// Where a part of a condition stands in its file.
fn place(expression: &Expression, range: &core::ops::Range<u32>) -> Span {
    expression.span_of(range.clone())
}

fn report_condition(error: &ConditionError, expression: &Expression, workshop: &mut Workshop<'_>) {
    let kind = match error.kind() {
        ConditionErrorKind::Syntax => FindingKind::ConditionSyntax,
        ConditionErrorKind::Unsupported => FindingKind::ConditionUnsupported,
        ConditionErrorKind::UnknownName => FindingKind::ConditionUnknownName,
        ConditionErrorKind::UnknownFunction => FindingKind::ConditionUnknownFunction,
        ConditionErrorKind::Type => FindingKind::ConditionType,
        ConditionErrorKind::Literal => FindingKind::ConditionLiteral,
        ConditionErrorKind::TooComplex => FindingKind::ConditionTooComplex,
        ConditionErrorKind::NotReadable => FindingKind::ConditionNotReadable,
    };
    let span = place(expression, &error.range());
    workshop.report(
        PolicyFinding::new(kind, span, error.message())
            .with_help_if(error.help().map(str::to_owned)),
    );
}

fn check_approval(approval: &Approval, bind: &[Path], workshop: &mut Workshop<'_>) {
    if approval.min == 0 {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Approval,
                approval.span,
                "`min: 0` asks for no approval at all",
            )
            .with_help("remove the rule, or ask for at least one"),
        );
    }
    if approval.evidence == EvidenceSource::Asserted
        && (approval.min > 1 || !approval.roles.is_empty())
    {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Approval,
                approval.span,
                "plain context fields name one approver and no role",
            )
            .with_help("leave out `min` and `roles`, or use `evidence: host`"),
        );
    }
    const AMOUNTS: &[&str] = &["amount", "value", "total", "sum", "price", "quantity"];
    const UNITS: &[&str] = &["currency", "unit", "asset", "token"];
    let names = |words: &[&str]| {
        bind.iter().any(|path| match path.steps.last() {
            Some(Step::Field(name)) => words
                .iter()
                .any(|word| name.to_ascii_lowercase().contains(word)),
            _ => false,
        })
    };
    if names(AMOUNTS) && !names(UNITS) {
        workshop.report(
            PolicyFinding::new(
                FindingKind::BoundAmount,
                approval.span,
                "the approval binds an amount without its currency or unit",
            )
            .with_help("bind the currency too, or 500 EUR approved are 500 of anything"),
        );
    }
}

/// A restriction of the form `has(args.x) && ...` never fires for a call that leaves `x` out.
fn lint_dodge(
    rule: &Rule,
    when: Option<&ConditionDraft<'_>>,
    condition: Option<&ConditionDraft<'_>>,
    workshop: &mut Workshop<'_>,
) {
    let restricts = matches!(rule.action, Action::Deny(_) | Action::Defer(_));
    let guards = matches!(rule.action, Action::Require { .. } | Action::Approval(_));
    let suspects = when
        .filter(|_| restricts || guards)
        .into_iter()
        .chain(condition.filter(|_| restricts));
    for draft in suspects {
        // The parts of the outermost conjunction, from the root down.
        let mut waiting = vec![draft.tree.root()];
        while let Some(at) = waiting.pop() {
            match draft.tree.node(at).map(|node| (&node.expr, &node.range)) {
                Some((
                    Expr::Binary {
                        operator: crate::condition::tree::Operator::And,
                        left,
                        right,
                    },
                    _,
                )) => {
                    waiting.extend([*left, *right]);
                }
                Some((Expr::HasPath(path), range)) if path.root == "args" => {
                    workshop.report(
                        PolicyFinding::new(FindingKind::DodgedRestriction, place(draft.expression, range), format!("a call without `{path}` is not restricted by this rule"))
                            .with_help("leave has() out, so that a missing argument asks instead of passing, or require the argument in the tool's `args`"),
                    );
                }
                _ => {}
            }
        }
    }
}

/// Turns drafts into programs.
struct Maker<'m, 'w> {
    facts: &'m FactTable,
    names: &'m super::environment::Names,
    lets: &'m BTreeMap<String, u32>,
    timezone: &'m str,
    workshop: &'m mut Workshop<'w>,
}

struct Lookup<'l> {
    facts: &'l FactTable,
    names: &'l super::environment::Names,
    lets: &'l BTreeMap<String, u32>,
    timezone: &'l str,
    constants: &'l Document<'static>,
}

impl Resolver for Lookup<'_> {
    fn resolve(&mut self, path: &Path) -> Resolved {
        let constant = |node: u32, steps: &[Step]| {
            let value = find(self.constants.value(node), steps);
            Resolved::Constant(match value {
                Some(value) => match (value.as_number(), value.as_str(), value.as_bool()) {
                    (Some(number), _, _) => Constant::Number(number),
                    (_, Some(text), _) => Constant::String(text.into()),
                    (_, _, Some(truth)) => Constant::Bool(truth),
                    _ if value.is_null() => Constant::Null,
                    _ => Constant::Data(value.index()),
                },
                // The checker has refused it; the program will not be used.
                None => Constant::Null,
            })
        };
        match (path.root.as_str(), path.steps.as_slice()) {
            ("params", [Step::Field(name), rest @ ..]) => match self.names.params.get(name) {
                Some((node, _)) => constant(*node, rest),
                None => Resolved::Constant(Constant::Null),
            },
            ("data", steps) => match &self.names.data {
                Some((node, _)) => constant(*node, steps),
                None => Resolved::Constant(Constant::Null),
            },
            ("timezone", _) => Resolved::Constant(Constant::String(self.timezone.into())),
            ("let", [Step::Field(name), ..]) => match self.lets.get(name) {
                Some(place) => Resolved::Let(*place),
                None => Resolved::Constant(Constant::Null),
            },
            _ => match self.facts.slot(path) {
                Some(slot) => Resolved::Slot(slot),
                None => Resolved::Constant(Constant::Null),
            },
        }
    }
}

impl Maker<'_, '_> {
    fn condition(&mut self, expression: &Expression, tree: &Tree) -> CompiledCondition {
        let mut errors = Vec::new();
        let mut lookup = Lookup {
            facts: self.facts,
            names: self.names,
            lets: self.lets,
            timezone: self.timezone,
            constants: self.workshop.constants.document(),
        };
        let program = compile_program(tree, &mut lookup, &mut errors);
        for error in errors {
            report_condition(&error, expression, self.workshop);
        }
        CompiledCondition {
            program,
            is_true: matches!(tree.nodes.as_slice(), [node] if node.expr == Expr::Bool(true)),
            tree: tree.clone(),
            text: expression.text.as_str().into(),
        }
    }

    fn rule(&mut self, draft: &RuleDraft<'_>, layer: &Layer) -> CompiledRule {
        let rule = draft.rule;
        let when = draft
            .when
            .as_ref()
            .map(|when| Box::new(self.condition(when.expression, &when.tree)));
        let condition = match &draft.condition {
            Some(condition) => self.condition(condition.expression, &condition.tree),
            // An approval's condition is whether it is valid, which no program computes.
            None => CompiledCondition {
                program: crate::condition::program::Program::default(),
                tree: Tree { nodes: Vec::new() },
                text: "".into(),
                is_true: true,
            },
        };
        let slots_of = |paths: &[Path], facts: &FactTable| -> Vec<Slot> {
            paths.iter().filter_map(|path| facts.slot(path)).collect()
        };
        let not = slots_of(&draft.not, self.facts);
        let bind = slots_of(&draft.bind, self.facts);
        let mut slots: BTreeSet<Slot> = condition.program.slots.iter().copied().collect();
        let mut lets: BTreeSet<u32> = condition.program.lets.iter().copied().collect();
        if let Some(when) = &when {
            slots.extend(when.program.slots.iter().copied());
            lets.extend(when.program.lets.iter().copied());
        }
        // Named expressions stand in the order of need, so going backwards finds what they need.
        let mut waiting: Vec<u32> = lets.iter().copied().collect();
        while let Some(at) = waiting.pop() {
            let Some(named) = layer.lets.get(at as usize) else {
                continue;
            };
            slots.extend(named.condition.program.slots.iter().copied());
            for inner in &named.condition.program.lets {
                if lets.insert(*inner) {
                    waiting.push(*inner);
                }
            }
        }
        let (kind, severity) = match &rule.action {
            Action::Allow(_) => (RuleKind::Allow, Severity::Low),
            Action::Deny(_) => (RuleKind::Deny, Severity::High),
            Action::Defer(_) => (RuleKind::Defer, Severity::Medium),
            Action::Advise(_) => (RuleKind::Advise, Severity::Low),
            Action::Require {
                otherwise,
                missing_otherwise,
                ..
            } => (
                RuleKind::Require {
                    otherwise: *otherwise,
                    missing_otherwise: *missing_otherwise,
                },
                if *otherwise == Verdict::Deny {
                    Severity::High
                } else {
                    Severity::Medium
                },
            ),
            Action::Approval(approval) => {
                slots.extend(&not);
                slots.extend(&bind);
                if approval.evidence == EvidenceSource::Asserted {
                    slots.extend(asserted_paths().filter_map(|path| self.facts.slot(&path)));
                }
                let compiled = CompiledApproval {
                    roles: approval
                        .roles
                        .iter()
                        .map(|role| role.value.as_str().into())
                        .collect(),
                    min: approval.min,
                    not,
                    bind,
                    ttl: approval.ttl,
                    evidence: approval.evidence,
                    terms: crate::approval::terms(approval),
                };
                (RuleKind::Approval(Box::new(compiled)), Severity::Medium)
            }
        };
        self.lint_constant(when.as_deref(), &condition, draft);
        let mut reads: Vec<(u32, u64)> = Vec::new();
        for slot in &slots {
            let (word, bit) = (slot / 64, 1_u64.checked_shl(slot % 64).unwrap_or(0));
            match reads.last_mut() {
                Some((last, bits)) if *last == word => *bits |= bit,
                _ => reads.push((word, bit)),
            }
        }
        let root_of = |slot: &Slot| self.facts.fact(*slot).map(|fact| fact.root);
        let constraints = slots
            .iter()
            .filter_map(|slot| self.facts.fact(*slot))
            .filter(|fact| fact.root == FactRoot::Constraint)
            .filter_map(|fact| match fact.path.steps.first() {
                Some(Step::Field(name)) => Some(name.as_str().into()),
                _ => None,
            })
            .collect();
        let mut workshop = Workshop {
            findings: self.workshop.findings,
            constants: self.workshop.constants,
        };
        let code = |code: Option<&Spanned<String>>, default: &str| -> Box<str> {
            code.map_or_else(|| default.into(), |code| code.value.as_str().into())
        };
        CompiledRule {
            id: draft.id.as_str().into(),
            tools: draft.tools.clone(),
            effects: effect_set(layer, &rule.effects, &mut workshop),
            when,
            condition: Box::new(condition),
            issue: code(rule.issue.as_ref(), &default_code(&rule.id.value)),
            issue_unknown: code(rule.issue_unknown.as_ref(), "FACT_MISSING"),
            severity: rule.severity.map_or(severity, |severity| severity.value),
            message: rule
                .message
                .as_ref()
                .map(|message| message.value.as_str().into()),
            detail: rule.detail.as_deref().map(Into::into),
            family: rule
                .family
                .as_ref()
                .map(|family| family.value.as_str().into()),
            ask: rule.ask.iter().map(|ask| ask.as_str().into()).collect(),
            observe: rule.observe,
            filed_often: false,
            reads,
            lets: lets.into_iter().collect(),
            reads_now: slots
                .iter()
                .any(|slot| root_of(slot) == Some(FactRoot::Now)),
            reads_args: slots
                .iter()
                .any(|slot| root_of(slot) == Some(FactRoot::Args)),
            constraints,
            kind,
        }
    }

    /// A condition that reads no fact is the same for every request.
    fn lint_constant(
        &mut self,
        when: Option<&CompiledCondition>,
        condition: &CompiledCondition,
        draft: &RuleDraft<'_>,
    ) {
        let pairs = [
            (when, draft.when.as_ref()),
            (Some(condition), draft.condition.as_ref()),
        ];
        for (compiled, written) in pairs {
            let (Some(compiled), Some(written)) = (compiled, written) else {
                continue;
            };
            if compiled.is_true
                || !compiled.program.slots.is_empty()
                || !compiled.program.lets.is_empty()
            {
                continue;
            }
            let Some(truth) = constant_truth(compiled, self.workshop.constants.document()) else {
                continue;
            };
            let (kind, text) = if truth {
                (FindingKind::AlwaysFires, "this condition is always true")
            } else {
                (FindingKind::NeverFires, "this condition can never be true")
            };
            self.workshop.report(
                PolicyFinding::new(kind, written.expression.span(), text)
                    .with_help("it reads no fact: compare one, for example args.amount > 500"),
            );
        }
    }
}

fn constant_truth(condition: &CompiledCondition, constants: &Document<'static>) -> Option<bool> {
    let arena = bumpalo::Bump::new();
    let table = FactTable::default();
    let request = crate::request::Request::default();
    let now = crate::time::Timestamp::EPOCH;
    let facts = crate::facts::Facts::gather(&table, &request, &[], now, &arena);
    let mut machine = crate::condition::evaluate::Machine::new(&facts, constants, &arena);
    match machine.run(&condition.program) {
        crate::condition::value::Value::Bool(truth) => Some(truth),
        _ => None,
    }
}
