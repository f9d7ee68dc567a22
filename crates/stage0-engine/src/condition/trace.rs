//! A condition run with every part kept: what explains a decision.
//!
//! Deciding never needs this. It runs for rules that blocked, to name the facts that are missing, the
//! place of an error and the values that were compared, and for rules that read the time, to say how
//! long the answer stands.

use bumpalo::collections::Vec as ArenaVec;

use super::evaluate::{Machine, Tracer};
use super::tree::{Expr, Id, Operator, Path, Step, Tree, id};
use super::value::{EvalError, Value};
use crate::index::CompiledCondition;

/// The values of a condition's nodes.
#[derive(Debug)]
pub(crate) struct Trace<'a> {
    values: ArenaVec<'a, Option<Value<'a>>>,
    /// Nodes that had no value in some visit of a loop.
    was_unknown: ArenaVec<'a, bool>,
    /// The value of the whole.
    pub(crate) result: Value<'a>,
}

impl<'a> Tracer<'a> for Trace<'a> {
    const COMPLETE: bool = true;

    fn record(&mut self, node: Id, value: Value<'a>) {
        if let Some(cell) = self.values.get_mut(node as usize) {
            *cell = Some(value);
        }
        if value.is_unknown()
            && let Some(cell) = self.was_unknown.get_mut(node as usize)
        {
            *cell = true;
        }
    }
}

/// A fact that is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Missing {
    /// Its name; `[*]` stands for an element of a list.
    pub(crate) name: String,
    /// Its path, if it is one fact.
    pub(crate) path: Option<Path>,
}

/// A part of a condition that is no combination of others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClauseNode {
    pub(crate) node: Id,
    /// Whether its opposite is what counts.
    pub(crate) negated: bool,
    /// How it is joined to the one before: `and`, `or`, `then`, `else`; empty for the first.
    pub(crate) joined: &'static str,
}

/// A part of a condition with its outcome.
#[derive(Debug, Clone)]
pub(crate) struct Clause<'a> {
    pub(crate) part: ClauseNode,
    pub(crate) value: Value<'a>,
    /// Paths that it reads, with their values.
    pub(crate) reads: Vec<(Id, Value<'a>)>,
}

impl<'a> Trace<'a> {
    /// Runs a condition and keeps everything.
    pub(crate) fn of(machine: &mut Machine<'a, '_>, condition: &'a CompiledCondition) -> Self {
        let count = condition.tree.nodes.len();
        let mut trace = Self {
            values: bumpalo::vec![in machine.arena(); None; count],
            was_unknown: bumpalo::vec![in machine.arena(); false; count],
            result: Value::Unknown,
        };
        trace.result = machine.run_traced(&condition.program, &mut trace);
        trace
    }

    /// The value of a node, as it was when it was computed last.
    pub(crate) fn value(&self, node: Id) -> Value<'a> {
        self.values
            .get(node as usize)
            .copied()
            .flatten()
            .unwrap_or(Value::Unknown)
    }

    fn is_unknown(&self, node: Id) -> bool {
        self.was_unknown
            .get(node as usize)
            .copied()
            .unwrap_or(false)
    }

    /// The absent facts that make the whole unknown, named expressions as `let` paths.
    pub(crate) fn missing(&self, tree: &Tree) -> Vec<Missing> {
        let mut found = Vec::new();
        let mut needed = vec![false; tree.nodes.len()];
        if let Some(last) = needed.last_mut() {
            *last = self.result.is_unknown();
        }
        // From the root down: an operand stands in front of its operator, so going backwards meets
        // every node after the one that needs it.
        for index in (0..tree.nodes.len()).rev() {
            if needed.get(index) != Some(&true) {
                continue;
            }
            let at = id(index);
            let Some(node) = tree.node(at) else { continue };
            match &node.expr {
                Expr::Path(path) | Expr::HasPath(path) => {
                    found.push(Missing {
                        name: path.to_string(),
                        path: Some(path.clone()),
                    });
                }
                Expr::Select { operand, field } if !self.is_unknown(*operand) => {
                    let name = name_of(tree, *operand);
                    found.push(Missing {
                        name: format!("{name}.{field}"),
                        path: None,
                    });
                }
                Expr::Index { operand, index }
                    if !self.is_unknown(*operand) && !self.is_unknown(*index) =>
                {
                    let name = name_of(tree, *operand);
                    found.push(Missing {
                        name: format!("{name}[*]"),
                        path: None,
                    });
                }
                other => {
                    // Nobody need answer for the branch that is not taken.
                    let parts = self
                        .taken(other)
                        .map_or_else(|| children(other), |branch| vec![branch]);
                    for child in parts {
                        // The start of a loop has no value of its own; its list may be what is
                        // missing. A list that is written out is there, whatever its elements are.
                        let is_around = matches!(
                            tree.node(child).map(|node| &node.expr),
                            Some(Expr::LoopStart { .. } | Expr::List(_) | Expr::Map(_))
                        );
                        if (is_around || self.is_unknown(child))
                            && let Some(cell) = needed.get_mut(child as usize)
                        {
                            *cell = true;
                        }
                    }
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// The branch of a conditional whose test is settled.
    fn taken(&self, expr: &Expr) -> Option<Id> {
        match expr {
            Expr::Conditional {
                test,
                then,
                otherwise,
            } => match self.value(*test) {
                Value::Bool(true) => Some(*then),
                Value::Bool(false) => Some(*otherwise),
                _ => None,
            },
            _ => None,
        }
    }

    /// The innermost part that has no value because of an error, and the error.
    pub(crate) fn error(&self, tree: &Tree) -> Option<(Id, EvalError)> {
        let Value::Error(_) = self.result else {
            return None;
        };
        let mut at = tree.root();
        loop {
            let Value::Error(error) = self.value(at) else {
                return None;
            };
            let inner = tree.node(at).and_then(|node| {
                children(&node.expr)
                    .into_iter()
                    .find(|child| matches!(self.value(*child), Value::Error(_)))
            });
            match inner {
                // Operands stand in front, so this ends.
                Some(inner) if inner < at => at = inner,
                _ => return Some((at, error)),
            }
        }
    }

    /// The parts that the outcome is made of, in the order in which they were written; of the
    /// opposite if `negated`.
    pub(crate) fn clauses(&self, tree: &Tree, negated: bool) -> Vec<Clause<'a>> {
        clause_nodes(tree, negated)
            .into_iter()
            .map(|part| Clause {
                part,
                value: self.value(part.node),
                reads: self.reads(tree, part.node),
            })
            .collect()
    }

    fn reads(&self, tree: &Tree, at: Id) -> Vec<(Id, Value<'a>)> {
        let mut reads = Vec::new();
        let mut waiting = vec![at];
        while let Some(at) = waiting.pop() {
            let Some(node) = tree.node(at) else { continue };
            match &node.expr {
                // What a loop without elements would have read was not read.
                Expr::Path(_) => {
                    let computed = self.values.get(at as usize).copied().flatten();
                    reads.extend(computed.map(|value| (at, value)));
                }
                other => waiting.extend(children(other).into_iter().rev()),
            }
        }
        reads
    }
}

/// The parts of a condition that are no combination of others, in the order in which they were
/// written. What stands behind a `!` is taken apart as its opposite: `!(a && b)` is `!a || !b`.
pub(crate) fn clause_nodes(tree: &Tree, negated: bool) -> Vec<ClauseNode> {
    let mut clauses = Vec::new();
    let mut waiting = vec![ClauseNode {
        node: tree.root(),
        negated,
        joined: "",
    }];
    while let Some(part) = waiting.pop() {
        let Some(node) = tree.node(part.node) else {
            continue;
        };
        // The first part inside is joined to what stands before as the whole is.
        let of = |node, negated, joined| ClauseNode {
            node,
            negated,
            joined,
        };
        match &node.expr {
            Expr::Binary {
                operator: operator @ (Operator::And | Operator::Or),
                left,
                right,
            } => {
                let is_and = (*operator == Operator::And) != part.negated;
                waiting.push(of(*right, part.negated, if is_and { "and" } else { "or" }));
                waiting.push(of(*left, part.negated, part.joined));
            }
            Expr::Not(operand) => waiting.push(of(*operand, !part.negated, part.joined)),
            Expr::Conditional {
                test,
                then,
                otherwise,
            } => {
                waiting.push(of(*otherwise, part.negated, "else"));
                waiting.push(of(*then, part.negated, "then"));
                waiting.push(of(*test, false, part.joined));
            }
            _ => clauses.push(part),
        }
    }
    clauses
}

/// The nodes that a node is made of.
pub(crate) fn children(expr: &Expr) -> Vec<Id> {
    match expr {
        Expr::Null
        | Expr::Bool(_)
        | Expr::Number(_)
        | Expr::String(_)
        | Expr::Path(_)
        | Expr::HasPath(_)
        | Expr::Variable(_) => Vec::new(),
        Expr::Select { operand, .. }
        | Expr::HasField { operand, .. }
        | Expr::Not(operand)
        | Expr::Negate(operand) => vec![*operand],
        Expr::Index { operand, index } => vec![*operand, *index],
        Expr::Binary { left, right, .. } => vec![*left, *right],
        Expr::Conditional {
            test,
            then,
            otherwise,
        } => vec![*test, *then, *otherwise],
        Expr::List(items) => items.clone(),
        Expr::Map(entries) => entries
            .iter()
            .flat_map(|(key, value)| [*key, *value])
            .collect(),
        Expr::Call { arguments, .. } => arguments.clone(),
        Expr::LoopStart { list, .. } => vec![*list],
        Expr::Loop {
            start,
            filter,
            body,
            ..
        } => {
            let mut parts = vec![*start];
            parts.extend(filter);
            parts.push(*body);
            parts
        }
    }
}

/// A name for what a node stands for, in questions.
fn name_of(tree: &Tree, at: Id) -> String {
    match tree.node(at).map(|node| &node.expr) {
        Some(Expr::Path(path)) => path.to_string(),
        Some(Expr::Select { operand, field }) => {
            // One step is enough for a question; deeper ones are named by their last field.
            match tree.node(*operand).map(|node| &node.expr) {
                Some(Expr::Path(path)) => format!("{path}.{field}"),
                Some(Expr::Variable(level)) => {
                    format!("{}.{field}", variable_name(tree, *level, *operand))
                }
                _ => field.clone(),
            }
        }
        Some(Expr::Variable(level)) => variable_name(tree, *level, at),
        _ => "a value".to_owned(),
    }
}

/// `args.items[*]` for the variable of a loop over `args.items`.
fn variable_name(tree: &Tree, level: u32, at: Id) -> String {
    let start = tree
        .nodes
        .iter()
        .take(at as usize)
        .rev()
        .find_map(|node| match &node.expr {
            Expr::LoopStart {
                list, level: own, ..
            } if *own == level => Some(*list),
            _ => None,
        });
    match start
        .and_then(|list| tree.node(list))
        .map(|node| &node.expr)
    {
        Some(Expr::Path(path)) => format!("{path}[*]"),
        _ => "an element".to_owned(),
    }
}

/// The name of the named expression that a path reads.
pub(crate) fn let_of(path: &Path) -> Option<&str> {
    match (path.root.as_str(), path.steps.as_slice()) {
        ("let", [Step::Field(name), ..]) => Some(name),
        _ => None,
    }
}
