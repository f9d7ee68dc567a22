//! One expression outside a policy: for conformance tests, tools and trying things out.
//!
//! Its names are variables: members of the object it is evaluated with, instead of facts. Everything
//! else (syntax, types, three-valued logic, limits) is exactly as in a policy's conditions.

use std::collections::BTreeSet;

use bumpalo::Bump;

use crate::condition::evaluate::Machine;
use crate::condition::program::{Resolved, Resolver, compile};
use crate::condition::timing::{Motion, Standing, earlier, standing};
use crate::condition::trace::Trace;
use crate::condition::tree::{Expr, Tree};
use crate::condition::typing::{self, Environment, NameError, SchemaId, Type};
use crate::condition::value::Value;
use crate::condition::{ConditionError, EvalError, Path, Step, syntax};
use crate::document::Document;
use crate::facts::{FactTable, Facts};
use crate::index::CompiledCondition;
use crate::limits::{CONDITION_DEPTH_MAX, REQUEST_NODES_MAX};
use crate::number::Number;
use crate::span::TextPlaces;
use crate::time::{Duration, Timestamp};

/// An expression ready to be evaluated.
#[derive(Debug)]
pub struct Expression {
    condition: CompiledCondition,
    facts: FactTable,
    constants: Document<'static>,
}

/// The value of an expression, or what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A variable it depends on is absent.
    Unknown,
    /// It has no value, and why.
    Error(String),
    /// `null`
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(String),
    /// An instant.
    Timestamp(Timestamp),
    /// A span of time.
    Duration(Duration),
    /// A list.
    List(Vec<Outcome>),
    /// An object, in the order in which its members were written.
    Map(Vec<(String, Outcome)>),
}

impl Expression {
    /// Parses, checks and compiles an expression.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<ConditionError>> {
        let tree = syntax::parse(text).map_err(|error| vec![error])?;
        let mut errors = Vec::new();
        typing::check(&tree, &Variables, &mut errors);
        let facts = FactTable::new(paths(&tree));
        let program = compile(&tree, &mut Arguments { facts: &facts }, &mut errors);
        if errors.is_empty() {
            let condition = CompiledCondition {
                program,
                tree,
                text: text.into(),
                places: TextPlaces::default(),
                is_true: false,
            };
            Ok(Self {
                condition,
                facts,
                constants: Document::default(),
            })
        } else {
            Err(errors)
        }
    }

    /// Evaluates the expression with the members of an object as its variables.
    pub fn evaluate(&self, variables: &Document<'_>, now: Timestamp) -> Outcome {
        let arena = Bump::new();
        let facts = Facts::of_variables(&self.facts, variables.root(), now, &arena);
        let mut machine = Machine::new(&facts, &self.constants, &arena);
        outcome(machine.run(&self.condition.program))
    }

    /// The variables whose absence makes the expression unknown, sorted; none where it is not.
    pub fn missing(&self, variables: &Document<'_>, now: Timestamp) -> Vec<String> {
        let arena = Bump::new();
        let facts = Facts::of_variables(&self.facts, variables.root(), now, &arena);
        let mut machine = Machine::new(&facts, &self.constants, &arena);
        let trace = Trace::of(&mut machine, &self.condition);
        let missing = trace.missing(&self.condition.tree).into_iter();
        let mut names: Vec<String> = missing.map(|missing| missing.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Evaluates the expression, and tells how long its outcome stands while only time goes on.
    ///
    /// The instant is no later than the first at which the outcome is another one: `now` itself where
    /// that cannot be told, nothing if it never is.
    pub fn evaluate_until(
        &self,
        variables: &Document<'_>,
        now: Timestamp,
    ) -> (Outcome, Option<Timestamp>) {
        let arena = Bump::new();
        let facts = Facts::of_variables(&self.facts, variables.root(), now, &arena);
        let mut machine = Machine::new(&facts, &self.constants, &arena);
        let CompiledCondition { tree, program, .. } = &self.condition;
        let trace = Trace::of(&mut machine, &self.condition);
        let nothing = |_: &str| Standing {
            motion: Motion::Still,
            until: None,
        };
        let Standing { motion, until } = standing(tree, program, &trace, now, &nothing);
        let moves = (motion != Motion::Still).then_some(now);
        (outcome(trace.result), earlier(until, moves))
    }
}

/// Variables live where a call's arguments would.
fn argument(path: &Path) -> Path {
    if path.root == "now" && path.steps.is_empty() {
        return path.clone();
    }
    let mut steps = vec![Step::Field(path.root.clone())];
    steps.extend(path.steps.iter().cloned());
    Path {
        root: "args".to_owned(),
        steps,
    }
}

fn paths(tree: &Tree) -> BTreeSet<Path> {
    tree.nodes
        .iter()
        .filter_map(|node| match &node.expr {
            Expr::Path(path) | Expr::HasPath(path) => Some(argument(path)),
            _ => None,
        })
        .collect()
}

/// Every name is a variable of any type.
struct Variables;

impl Environment for Variables {
    fn path(&self, path: &Path) -> Result<Type, NameError> {
        Ok(if path.root == "now" && path.steps.is_empty() {
            Type::Timestamp
        } else {
            Type::Dyn
        })
    }

    fn schema(&self, _: SchemaId) -> Type {
        Type::Dyn
    }

    fn member(&self, _: SchemaId, _: &str) -> Result<Type, NameError> {
        Ok(Type::Dyn)
    }
}

struct Arguments<'a> {
    facts: &'a FactTable,
}

impl Resolver for Arguments<'_> {
    fn resolve(&mut self, path: &Path) -> Resolved {
        // The table was made from the same paths.
        Resolved::Slot(self.facts.slot(&argument(path)).unwrap_or(u32::MAX))
    }
}

/// The value as it is given away. A condition can build lists that hold one list many times over, and
/// lists in lists as deep as it is long: both are small while they share their parts, and are not here.
fn outcome(value: Value<'_>) -> Outcome {
    let mut copy = Copy {
        nodes_left: REQUEST_NODES_MAX,
        depth: 0,
    };
    copy.outcome(value)
        .unwrap_or_else(|| Outcome::Error(EvalError::TooLarge.to_string()))
}

struct Copy {
    nodes_left: usize,
    depth: usize,
}

impl Copy {
    /// Nothing if there is too much of it. Recursion ends at `CONDITION_DEPTH_MAX`.
    fn outcome(&mut self, value: Value<'_>) -> Option<Outcome> {
        self.nodes_left = self.nodes_left.checked_sub(1)?;
        Some(match value {
            Value::Unknown => Outcome::Unknown,
            Value::Error(error) => Outcome::Error(error.to_string()),
            Value::Null => Outcome::Null,
            Value::Bool(truth) => Outcome::Bool(truth),
            Value::Number(number) => Outcome::Number(number),
            Value::String(text) => Outcome::String(text.to_owned()),
            Value::Timestamp(at) => Outcome::Timestamp(at),
            Value::Duration(span) => Outcome::Duration(span),
            Value::DocumentList(_) | Value::List(_) => {
                let elements = value.visit().into_iter().flatten();
                Outcome::List(
                    self.inside(|copy| elements.map(|element| copy.outcome(element)).collect())?,
                )
            }
            Value::DocumentMap(_) | Value::Map(_) => {
                let keys = value.visit().into_iter().flatten();
                let keys = keys.filter_map(|key| match key {
                    Value::String(key) => Some(key),
                    _ => None,
                });
                Outcome::Map(self.inside(|copy| {
                    keys.map(|key| Some((key.to_owned(), copy.outcome(value.member(key))?)))
                        .collect()
                })?)
            }
        })
    }

    /// Goes one level down.
    fn inside<T>(&mut self, copy: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= CONDITION_DEPTH_MAX {
            return None;
        }
        self.depth = self.depth.saturating_add(1);
        let copied = copy(self);
        self.depth = self.depth.saturating_sub(1);
        copied
    }
}

#[cfg(test)]
mod tests {
    use super::{Expression, Outcome};
    use crate::document::Document;
    use crate::number::Number;
    use crate::time::Timestamp;

    fn value(text: &str) -> Outcome {
        let expression =
            Expression::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
        expression.evaluate(&Document::empty_object(), Timestamp::EPOCH)
    }

    #[test]
    fn arithmetic_is_exact() {
        assert_eq!(value("0.1 + 0.2 == 0.3"), Outcome::Bool(true));
        assert_eq!(
            value("7 / 2"),
            Outcome::Number(Number::parse("3.5").unwrap())
        );
        assert_eq!(
            value("2 + 3 * 4 - -1"),
            Outcome::Number(Number::from_i64(15))
        );
        assert!(matches!(value("1 / 0"), Outcome::Error(_)));
    }

    #[test]
    fn absent_is_unknown_and_absorbed() {
        assert_eq!(value("x > 1"), Outcome::Unknown);
        assert_eq!(value("false && x > 1"), Outcome::Bool(false));
        assert_eq!(value("x > 1 && false"), Outcome::Bool(false));
        assert_eq!(value("x > 1 || true"), Outcome::Bool(true));
        assert_eq!(value("1 / 0 > 1 || true"), Outcome::Bool(true));
        assert_eq!(value("x > 1 && 1 / 0 > 1"), Outcome::Unknown);
        assert_eq!(value("has(x.y)"), Outcome::Bool(false));
        assert_eq!(value("x ? 1 : 1"), Outcome::Number(Number::ONE));
    }

    #[test]
    fn loops_fold() {
        assert_eq!(value("[1, 2, 3].exists(i, i > 2)"), Outcome::Bool(true));
        assert_eq!(value("[1, 2, 3].all(i, i > 2)"), Outcome::Bool(false));
        assert_eq!(value("[1, 2, 3].exists_one(i, i > 2)"), Outcome::Bool(true));
        assert_eq!(
            value("[1, 2, 3].filter(i, i > 1).map(i, i * 2) == [4, 6]"),
            Outcome::Bool(true)
        );
        assert_eq!(
            value("[1, 2, 3].map(i, i > 1, i * 2) == [4, 6]"),
            Outcome::Bool(true)
        );
        assert_eq!(
            value("[1, 2].exists(i, [3, 4].all(j, i < j))"),
            Outcome::Bool(true)
        );
        assert_eq!(value("[].all(i, i)"), Outcome::Bool(true));
        assert_eq!(
            value("{\"a\": 1}.exists(k, k == \"a\")"),
            Outcome::Bool(true)
        );
    }

    #[test]
    fn conditionals_group_to_the_right() {
        assert_eq!(
            value("false ? 1 : true ? 2 : 3"),
            Outcome::Number(Number::from_i64(2))
        );
        assert_eq!(
            value("!false && -1 < 0 ? \"a\" : \"b\""),
            Outcome::String("a".into())
        );
    }
}
