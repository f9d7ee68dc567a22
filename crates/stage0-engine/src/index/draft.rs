//! One layer between parsing and compiling: every rule with its conditions parsed and checked.

use std::collections::{BTreeMap, BTreeSet};

use super::approval::ApprovalPaths;
use super::environment::RuleNames;
use super::gather::{Gathered, Member, Workshop, check_code, gather, pattern};
use super::lets::{let_name, lets};
use super::limit::LimitDraft;
use super::lint::{lint_dodge, lint_idle_keys};
use super::make::{asserted_paths, default_code, token_path};
use super::message::{self, Written};
use crate::condition::tree::{Expr, Tree};
use crate::condition::typing::{self, Type};
use crate::condition::{ConditionError, ConditionErrorKind, Path, syntax};
use crate::facts::FactRoot;
use crate::policy::{
    Action, EvidenceSource, Expression, FindingKind, Measure, PolicyFinding, PolicySource, Rule,
    Severity, UnknownTools,
};
use crate::span::{Span, Spanned};
use crate::suggest::nearest;
use crate::tool_pattern::ToolPattern;

/// A condition between parsing and compiling.
pub(super) struct ConditionDraft<'s> {
    pub(super) expression: &'s Expression,
    pub(super) tree: Tree,
}

pub(super) struct RuleDraft<'s> {
    pub(super) id: String,
    pub(super) rule: &'s Rule,
    pub(super) tools: Vec<ToolPattern>,
    pub(super) when: Option<ConditionDraft<'s>>,
    pub(super) condition: Option<ConditionDraft<'s>>,
    /// What its approval block names.
    pub(super) approval: ApprovalPaths,
    /// What its limit is made of.
    pub(super) limit: LimitDraft<'s>,
    pub(super) message: Vec<Written>,
    /// For each tool that it is about, the schemas of its arguments; nothing where it is about tools
    /// that are not known.
    pub(super) arguments: Option<Vec<Vec<u32>>>,
}

pub(super) struct LayerDraft<'s> {
    pub(super) gathered: Gathered<'s>,
    pub(super) rules: Vec<RuleDraft<'s>>,
    /// The order in which to evaluate named expressions.
    pub(super) let_order: Vec<usize>,
}

impl<'s> LayerDraft<'s> {
    #[inline(never)]
    pub(super) fn new(
        sources: &'s [PolicySource],
        members: &[Member],
        workshop: &mut Workshop<'_>,
    ) -> Self {
        let mut gathered = gather(sources, members, workshop);
        let let_order = lets(&mut gathered, workshop);
        let mut draft = Self {
            gathered,
            rules: Vec::new(),
            let_order,
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
                    draft.gathered.withheld.allows.push(member.source);
                    continue;
                }
                let takes_word = source.unknown_tools.as_ref();
                let takes_word =
                    takes_word.is_some_and(|tools| tools.value == UnknownTools::Declared);
                let drafted = draft.rule(id, rule, takes_word, workshop);
                draft.rules.push(drafted);
            }
        }
        let root = members
            .first()
            .and_then(|member| sources.get(member.source));
        if let Some(root) = root {
            if draft.rules.is_empty() {
                draft.lint_no_rules(root, sources, workshop);
            }
            draft.unused(&root.params, workshop);
        }
        draft.check_lets(workshop);
        draft.lint_withheld(members, sources, workshop);
        draft.lint_unseen_tools(workshop);
        draft
    }

    #[inline(never)]
    pub(super) fn rule(
        &mut self,
        id: String,
        rule: &'s Rule,
        takes_word: bool,
        workshop: &mut Workshop<'_>,
    ) -> RuleDraft<'s> {
        let tools: Vec<ToolPattern> = rule
            .tools
            .iter()
            .filter_map(|tool| pattern(tool, workshop))
            .collect();
        let schemas = self.scope(rule, &tools, takes_word, workshop);
        let code = rule.issue.clone();
        let code = code.unwrap_or_else(|| Spanned::new(default_code(rule), rule.id.span));
        for code in [Some(&code), rule.issue_unknown.as_ref()]
            .into_iter()
            .flatten()
        {
            check_code(code, workshop);
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
            Action::Limit(limit) => match &limit.measure {
                Measure::Sum(amount) => self.amount(amount, schemas.as_deref(), workshop),
                Measure::Attempts | Measure::Allowed | Measure::Cost => None,
            },
            Action::Approval(_) => None,
        };
        for draft in [&when, &condition].into_iter().flatten() {
            self.lint_condition(rule, draft, workshop);
            self.lint_settled(draft, schemas.as_deref(), workshop);
        }
        let is_required = |path: &Path| self.is_required(path, schemas.as_deref());
        lint_dodge(
            rule,
            when.as_ref(),
            condition.as_ref(),
            &is_required,
            workshop,
        );
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
        let approval = match rule.action.approval() {
            Some(approval) => self.approval(approval, schemas.as_deref(), workshop),
            None => ApprovalPaths::default(),
        };
        let limit = match &rule.action {
            Action::Limit(limit) => self.limit(limit, when.as_ref(), schemas.as_deref(), workshop),
            _ => LimitDraft::default(),
        };
        lint_idle_keys(rule, workshop);
        let mut told = Vec::new();
        if let Some(message) = &rule.message {
            let names = RuleNames {
                names: &self.gathered.names,
                constants: workshop.constants.document(),
                tools: schemas.as_deref(),
            };
            let (parts, findings) = message::read(message, &names);
            for finding in findings {
                workshop.report(finding);
            }
            for part in &parts {
                if let Written::Path(path) = part {
                    self.lint_fact(path, message.span, workshop);
                }
            }
            told = parts;
        }
        RuleDraft {
            id,
            rule,
            tools,
            when,
            condition,
            approval,
            limit,
            message: told,
            arguments: schemas,
        }
    }

    /// Checks the names of the tools that a rule is about; the argument schemas of those tools.
    #[inline(never)]
    fn scope(
        &self,
        rule: &Rule,
        tools: &[ToolPattern],
        takes_word: bool,
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
                    // A file that takes callers at their word speaks of tools by the names that
                    // callers use, also where a stricter one imports it.
                    None if takes_word
                        || self.gathered.layer.unknown_tools == UnknownTools::Declared =>
                    {
                        return None;
                    }
                    None => {
                        let near = nearest(pattern.as_str(), names.iter().map(String::as_str));
                        let by = self.gathered.withheld.catalogued_by(pattern.as_str());
                        workshop.report(
                            PolicyFinding::new(
                                FindingKind::UnknownTool,
                                written.span,
                                format!("the catalog has no tool `{}`", written.value),
                            )
                            .with_help(match (by, near) {
                                (Some(by), _) => format!(
                                    "`{by}` catalogs it: its tools count if it is imported with `allows: true`"
                                ),
                                (None, Some(near)) => format!("did you mean `{near}`?"),
                                (None, None) => {
                                    "add it under `tools`, or check the spelling".to_owned()
                                }
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

    pub(super) fn condition(
        &self,
        expression: &'s Expression,
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) -> Option<ConditionDraft<'s>> {
        self.expression(expression, typing::require_truth, tools, workshop)
    }

    /// An expression whose value is a number.
    pub(super) fn amount(
        &self,
        expression: &'s Expression,
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) -> Option<ConditionDraft<'s>> {
        self.expression(expression, typing::require_number, tools, workshop)
    }

    fn expression(
        &self,
        expression: &'s Expression,
        require: fn(&Tree, &[Type], &mut Vec<ConditionError>),
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
        require(&tree, &types, &mut errors);
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

    /// Every path that becomes a fact.
    #[inline(never)]
    pub(super) fn paths(&self, paths: &mut BTreeSet<Path>) {
        let trees = self
            .rules
            .iter()
            .flat_map(|rule| [&rule.when, &rule.condition, &rule.limit.max])
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
            let ApprovalPaths { not, bind, sum } = &rule.approval;
            let named = not.iter().chain(bind).chain(sum).chain(&rule.limit.per);
            paths.extend(named.cloned());
            paths.extend(rule.message.iter().filter_map(|part| match part {
                Written::Path(path) if FactRoot::find(&path.root).is_some() => Some(path.clone()),
                _ => None,
            }));
            if let Some(approval) = rule.rule.action.approval() {
                if approval.evidence == EvidenceSource::Asserted {
                    paths.extend(asserted_paths());
                }
                if !self.gathered.layer.keys.is_empty() {
                    paths.insert(token_path());
                }
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
}

/// Where a part of a condition stands in its file.
pub(super) fn place(expression: &Expression, range: &core::ops::Range<u32>) -> Span {
    expression.span_of(range.clone())
}

pub(super) fn report_condition(
    error: &ConditionError,
    expression: &Expression,
    workshop: &mut Workshop<'_>,
) {
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
