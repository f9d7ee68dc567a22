//! What a policy says without meaning it: findings that are not errors, and approvals that cannot work.

use std::collections::BTreeSet;

use super::draft::{ConditionDraft, LayerDraft, place};
use super::gather::Workshop;
use crate::condition::tree::{Expr, Operator};
use crate::condition::{Path, Step};
use crate::policy::schema::SchemaNode;
use crate::policy::{
    Action, Approval, EvidenceSource, Expression, FindingKind, PolicyFinding, Rule,
};
use crate::suggest::nearest;

/// Words in the names of amounts, which mean nothing without a unit.
const AMOUNTS: &[&str] = &["amount", "value", "total", "sum", "price", "quantity"];
/// Words in the names of units.
const UNITS: &[&str] = &["currency", "unit", "asset", "token"];

impl LayerDraft<'_> {
    /// Whether every tool that a rule is about requires this argument.
    pub(super) fn is_required(&self, path: &Path, tools: Option<&[Vec<u32>]>) -> bool {
        let [Step::Field(name)] = path.steps.as_slice() else {
            return false;
        };
        let nodes = &self.gathered.names.schemas;
        let requires = |schema: &u32| {
            nodes.node(*schema).is_some_and(|node| {
                node.properties.iter().any(|(known, property)| {
                    known.value == *name
                        && nodes
                            .node(*property)
                            .is_some_and(|property| !property.optional)
                })
            })
        };
        tools.is_some_and(|tools| {
            !tools.is_empty() && tools.iter().all(|schemas| schemas.iter().any(requires))
        })
    }

    pub(super) fn lint_condition(
        &self,
        rule: &Rule,
        draft: &ConditionDraft<'_>,
        workshop: &mut Workshop<'_>,
    ) {
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

    /// Comparisons that the tools' schemas have settled already.
    pub(super) fn lint_settled(
        &self,
        draft: &ConditionDraft<'_>,
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) {
        let Some(tools) = tools.filter(|tools| !tools.is_empty()) else {
            return;
        };
        for node in &draft.tree.nodes {
            let Expr::Binary {
                operator,
                left,
                right,
            } = &node.expr
            else {
                continue;
            };
            let (Some(left), Some(right)) = (draft.tree.node(*left), draft.tree.node(*right))
            else {
                continue;
            };
            let Expr::Path(path) = &left.expr else {
                continue;
            };
            if path.root != "args" {
                continue;
            }
            // All tools have to agree, each by one of its schemas: a value must fit all of those.
            let mut settled = tools.iter().map(|schemas| {
                schemas.iter().find_map(|schema| {
                    settled_by(self.property(*schema, path)?, *operator, &right.expr)
                })
            });
            let Some(Some(truth)) = settled.next() else {
                continue;
            };
            if !settled.all(|other| other == Some(truth)) {
                continue;
            }
            let (kind, word) = if truth {
                (FindingKind::AlwaysFires, "always")
            } else {
                (FindingKind::NeverFires, "never")
            };
            workshop.report(
                PolicyFinding::new(
                    kind,
                    place(draft.expression, &node.range),
                    format!("this comparison is {word} true: the tool's `args` have settled it"),
                )
                .with_help("compare with a value that the schema accepts, or change the schema"),
            );
        }
    }

    /// The schema of a direct argument.
    fn property(&self, schema: u32, path: &Path) -> Option<&SchemaNode> {
        let [Step::Field(name)] = path.steps.as_slice() else {
            return None;
        };
        let nodes = &self.gathered.names.schemas;
        let properties = &nodes.node(schema)?.properties;
        let (_, property) = properties.iter().find(|(known, _)| known.value == *name)?;
        nodes.node(*property).filter(|property| !property.nullable)
    }

    pub(super) fn lint_fact(
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
    pub(super) fn unused(&self, workshop: &mut Workshop<'_>) {
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
}

pub(super) fn check_approval(approval: &Approval, bind: &[Path], workshop: &mut Workshop<'_>) {
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
        && (approval.min > 1 || !approval.roles.is_empty() || !approval.bind.is_empty())
    {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Approval,
                approval.span,
                "plain context fields name one approver, no role and no action",
            )
            .with_help("leave out `min`, `roles` and `bind`, or use `evidence: host`"),
        );
    }
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
pub(super) fn lint_dodge(
    rule: &Rule,
    when: Option<&ConditionDraft<'_>>,
    condition: Option<&ConditionDraft<'_>>,
    is_required: &dyn Fn(&Path) -> bool,
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
                        operator: Operator::And,
                        left,
                        right,
                    },
                    _,
                )) => {
                    waiting.extend([*left, *right]);
                }
                Some((Expr::HasPath(path), range)) if path.root == "args" && !is_required(path) => {
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

/// What a schema makes of a comparison, whatever the argument is.
fn settled_by(schema: &SchemaNode, operator: Operator, literal: &Expr) -> Option<bool> {
    match literal {
        Expr::String(text) => {
            let values = schema.values.as_ref()?.root();
            let is_listed = values.elements().any(|value| value.as_str() == Some(text));
            match operator {
                Operator::Equal if !is_listed => Some(false),
                Operator::NotEqual if !is_listed => Some(true),
                _ => None,
            }
        }
        Expr::Number(number) => {
            let is_below = schema.max.is_some_and(|max| max < *number);
            let is_at_most = schema.max.is_some_and(|max| max <= *number);
            let is_above = schema.min.is_some_and(|min| min > *number);
            let is_at_least = schema.min.is_some_and(|min| min >= *number);
            match operator {
                Operator::Greater if is_at_most => Some(false),
                Operator::Greater if is_above => Some(true),
                Operator::GreaterEqual if is_below => Some(false),
                Operator::GreaterEqual if is_at_least => Some(true),
                Operator::Less if is_at_least => Some(false),
                Operator::Less if is_below => Some(true),
                Operator::LessEqual if is_above => Some(false),
                Operator::LessEqual if is_at_most => Some(true),
                Operator::Equal if is_below || is_above => Some(false),
                Operator::NotEqual if is_below || is_above => Some(true),
                _ => None,
            }
        }
        _ => None,
    }
}
