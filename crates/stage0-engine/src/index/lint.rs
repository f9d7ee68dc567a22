//! What a policy says without meaning it: findings about conditions and names that are not errors.

use std::collections::BTreeMap;

use super::draft::{ConditionDraft, LayerDraft, place};
use super::environment::Names;
use super::gather::Workshop;
use super::message::Written;
use crate::condition::tree::{Expr, Operator, Tree};
use crate::condition::typing::Type;
use crate::condition::{Path, Step};
use crate::document::ValueRef;
use crate::policy::schema::{SchemaNode, SchemaType};
use crate::policy::{Action, FindingKind, Param, PolicyFinding, Rule, Verdict};
use crate::span::{Span, Spanned};
use crate::suggest::nearest;

/// Names with what they are.
type Known = BTreeMap<String, (u32, Type)>;

impl LayerDraft<'_> {
    /// Whether every tool that a rule is about requires this argument.
    pub(super) fn is_required(&self, path: &Path, tools: Option<&[Vec<u32>]>) -> bool {
        self.is_everywhere(path, tools, |argument| !argument.optional)
    }

    /// Whether this argument has, in every tool that a rule is about, one of a few values.
    pub(super) fn is_one_of_few(&self, path: &Path, tools: Option<&[Vec<u32>]>) -> bool {
        self.is_everywhere(path, tools, |argument| {
            argument.values.is_some() || argument.kind == SchemaType::Bool
        })
    }

    fn is_everywhere(
        &self,
        path: &Path,
        tools: Option<&[Vec<u32>]>,
        holds: fn(&SchemaNode) -> bool,
    ) -> bool {
        let [Step::Field(name)] = path.steps.as_slice() else {
            return false;
        };
        let nodes = &self.gathered.names.schemas;
        let requires = |schema: &u32| {
            nodes.node(*schema).is_some_and(|node| {
                node.properties.iter().any(|(known, property)| {
                    known.value == *name && nodes.node(*property).is_some_and(holds)
                })
            })
        };
        tools.is_some_and(|tools| {
            !tools.is_empty() && tools.iter().all(|schemas| schemas.iter().any(requires))
        })
    }

    #[inline(never)]
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
                Expr::Path(path) | Expr::HasPath(path) => {
                    self.lint_fact(path, place(draft.expression, &node.range), workshop);
                }
                _ => {}
            }
        }
    }

    /// Comparisons that the tools' schemas have settled already.
    #[inline(never)]
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

    /// A fact of the context that is nearly one that is known, and so probably misspelt.
    pub(super) fn lint_fact(&self, path: &Path, span: Span, workshop: &mut Workshop<'_>) {
        let Some(Step::Field(name)) = path.steps.first().filter(|_| path.root == "context") else {
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
                    span,
                    format!("`context.{name}` is nearly `context.{near}`"),
                )
                .with_help(format!(
                    "write context.{near}, or declare context.{name} under `facts`"
                )),
            );
        }
    }

    /// Named expressions that nothing reads, and params of the policy's own.
    #[inline(never)]
    pub(super) fn unused(&self, params: &[Param], workshop: &mut Workshop<'_>) {
        let Names {
            lets,
            params: known,
            ..
        } = &self.gathered.names;
        let mut unused = |root: &str, known: &Known, name: &Spanned<String>| {
            // One that no file defines is an error of its own.
            if known.contains_key(&name.value) && !self.reads_name(root, &name.value, known) {
                let message = format!("nothing reads `{root}.{}`", name.value);
                workshop.report(PolicyFinding::new(
                    FindingKind::UnusedName,
                    name.span,
                    message,
                ));
            }
        };
        for draft in &self.gathered.lets {
            unused("let", lets, draft.name);
        }
        for param in params {
            unused("params", known, &param.name);
        }
    }

    /// Whether something reads a name, if only misspelt: the spelling is reported already.
    fn reads_name(&self, root: &str, name: &str, known: &Known) -> bool {
        self.paths_read()
            .filter(|path| path.root == root)
            .any(|path| match path.steps.first() {
                Some(Step::Field(read)) if known.contains_key(read) => read == name,
                Some(Step::Field(read)) => {
                    nearest(read, known.keys().map(String::as_str)) == Some(name)
                }
                _ => false,
            })
    }

    /// Every path that a rule or a named expression reads, as often as it does.
    fn paths_read(&self) -> impl Iterator<Item = &Path> {
        let rules = self.rules.iter();
        let told = self.rules.iter().flat_map(|rule| &rule.message);
        let told = told.filter_map(|part| match part {
            Written::Path(path) => Some(path),
            Written::Text(_) => None,
        });
        let trees = rules
            .flat_map(|rule| [&rule.when, &rule.condition, &rule.limit.max])
            .flatten()
            .map(|draft| &draft.tree);
        let lets = self.gathered.lets.iter();
        let trees = trees.chain(lets.filter_map(|draft| draft.tree.as_ref()));
        trees.flat_map(paths_of).chain(told)
    }
}

/// Every path in an expression.
pub(super) fn paths_of(tree: &Tree) -> impl Iterator<Item = &Path> {
    tree.nodes.iter().filter_map(|node| match &node.expr {
        Expr::Path(path) | Expr::HasPath(path) => Some(path),
        _ => None,
    })
}

/// A restriction of the form `has(args.x) && ...` never fires for a call that leaves `x` out.
#[inline(never)]
pub(super) fn lint_dodge(
    rule: &Rule,
    when: Option<&ConditionDraft<'_>>,
    condition: Option<&ConditionDraft<'_>>,
    is_required: &dyn Fn(&Path) -> bool,
    workshop: &mut Workshop<'_>,
) {
    let restricts = matches!(rule.action, Action::Deny(_) | Action::Defer(_));
    let guards = matches!(
        rule.action,
        Action::Require { .. } | Action::Approval(_) | Action::Limit(_)
    );
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
            // With other kinds of values it is an error of its own.
            let mut texts = values.elements().filter_map(ValueRef::as_str).peekable();
            texts.peek()?;
            let is_listed = texts.any(|value| value == text);
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

/// Keys of a rule that its action gives no meaning.
#[inline(never)]
pub(super) fn lint_idle_keys(rule: &Rule, workshop: &mut Workshop<'_>) {
    let mut idle = |key: &str, span: Span, why: &str, help: &str| {
        let message = format!("`{key}` changes nothing here: {why}");
        workshop.report(PolicyFinding::new(FindingKind::IdleKey, span, message).with_help(help));
    };
    if matches!(rule.action, Action::Allow(_)) {
        let help = "an allow tells why it did not permit by its `message`; a code of its own needs a `require`";
        if let Some(issue) = &rule.issue {
            idle(
                "issue",
                issue.span,
                "a call that no rule allows is NO_RULE_ALLOWS",
                help,
            );
        }
        if let Some(severity) = &rule.severity {
            idle(
                "severity",
                severity.span,
                "an allow adds no issue of its own",
                help,
            );
        }
    }
    let defers = match &rule.action {
        Action::Defer(_) => true,
        Action::Require { otherwise, .. } => *otherwise == Verdict::Defer,
        Action::Limit(limit) => limit.defers(),
        // What an approval needs is an approval.
        Action::Approval(_) | Action::Allow(_) | Action::Deny(_) | Action::Advise(_) => false,
    };
    if rule.needs.is_some() && !defers {
        idle(
            "needs",
            rule.id.span,
            "the rule does not defer for a reason of its own",
            "leave it out, or use `defer`, or `require` with `otherwise: defer`",
        );
    }
}
