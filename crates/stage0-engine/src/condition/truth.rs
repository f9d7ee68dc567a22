//! A condition as the tests that it is made of: what deciding runs.
//!
//! A rule asks whether its condition is true, false, unknown or has no value, and nothing else. So the
//! `&&`, `||` and `!` at the top of a condition work on these four alone, in two bits each, and what
//! stands between them is a test: nearly always a comparison of a fact with a constant, which needs no
//! stack and makes no value. Whatever is no such comparison stays a piece of the program that the
//! machine runs. Explaining runs the whole program instead; the same operators decide in both.

use super::operation::binary;
use super::program::{Constant, Op, Program, Slot};
use super::timing::plan::TimedTest;
use super::tree::{Expr, Id, Operator, Tree, id};
use super::value::Value;
use crate::condition::builtin::Builtin;
use crate::number::Number;

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    False,
    True,
    /// A fact that decides is absent.
    Unknown,
    /// No truth value.
    Error,
}

impl Truth {
    /// What a value is as the outcome of a condition.
    #[inline]
    pub(crate) fn of(value: Value<'_>) -> Self {
        match value {
            Value::Bool(truth) => Self::from(truth),
            Value::Unknown => Self::Unknown,
            _ => Self::Error,
        }
    }

    /// `self && right`, in either order: unknown wins over error, and false over both.
    #[inline]
    pub(crate) fn and(self, right: Self) -> Self {
        match (self, right) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Error, _) | (_, Self::Error) => Self::Error,
            (Self::True, Self::True) => Self::True,
        }
    }

    /// `self || right`, in either order.
    #[inline]
    pub(crate) fn or(self, right: Self) -> Self {
        self.not().and(right.not()).not()
    }

    /// `!self`
    #[inline]
    pub(crate) fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::True => Self::False,
            other => other,
        }
    }
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

/// One question, whose answer is a [`Truth`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Test {
    /// Compares a fact with a constant.
    Compare {
        operator: Operator,
        slot: Slot,
        constant: u32,
    },
    /// Compares two facts.
    CompareFacts {
        operator: Operator,
        left: Slot,
        right: Slot,
    },
    /// Whether a fact is one of some literals.
    OneOf { slot: Slot, list: u32 },
    /// Whether a constant is in a list, or a key of an object.
    Holds { constant: u32, slot: Slot },
    /// Whether a text begins with a constant.
    Begins { slot: Slot, constant: u32 },
    /// A fact that is a truth value.
    Fact(Slot),
    /// Was answered when it was worked out how long it stands.
    Timed(u32),
    /// A piece of the program.
    Rest { start: u32, end: u32 },
}

/// One step of a condition. All work on a stack of truths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum TruthStep {
    Ask(Test),
    /// Joins the answer to the last one by `&&`; does not ask where that is false.
    AndAsk(Test),
    /// Joins the answer to the last one by `||`; does not ask where that is true.
    OrAsk(Test),
    /// Goes on at the target if the answer is false.
    AndSkip(u32),
    /// Goes on at the target if the answer is true.
    OrSkip(u32),
    And,
    Or,
    Not,
}

/// Truths that a stack has room for.
const DEPTH_MAX: usize = 30;

/// Truths, the last in the lowest two bits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TruthStack(u64);

impl TruthStack {
    #[inline]
    pub(crate) fn push(&mut self, truth: Truth) {
        self.0 = self.0 << 2 | truth as u64;
    }

    #[inline]
    pub(crate) fn top(self) -> Truth {
        match self.0 & 3 {
            0 => Truth::False,
            1 => Truth::True,
            2 => Truth::Unknown,
            _ => Truth::Error,
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Truth {
        let top = self.top();
        self.0 >>= 2;
        top
    }
}

/// The steps of a compiled condition; none for one that is nested too deep for the stack, which the
/// machine runs whole.
pub(crate) fn steps_of(program: &Program, tree: &Tree, timed: &[TimedTest]) -> Box<[TruthStep]> {
    let logic = logic_of(tree);
    let is_logic = |node: Id| logic.get(node as usize) == Some(&Role::Logic);
    let is_test = |node: Id| logic.get(node as usize) == Some(&Role::Test);
    let mut steps: Vec<TruthStep> = Vec::new();
    // For each instruction how many steps stand in front of it, as jumps need it.
    let mut places: Vec<u32> = Vec::with_capacity(program.ops.len());
    let (mut start, mut depth, mut depth_max) = (0_usize, 0_usize, 0_usize);
    for (at, (op, node)) in program.ops.iter().zip(&program.nodes).enumerate() {
        places.push(id(steps.len()));
        let behind = at.saturating_add(1);
        let step = match *op {
            Op::AndSkip(target) if is_logic(*node) || is_test(*node) => TruthStep::AndSkip(target),
            Op::OrSkip(target) if is_logic(*node) || is_test(*node) => TruthStep::OrSkip(target),
            Op::Binary(Operator::And) if is_logic(*node) => TruthStep::And,
            Op::Binary(Operator::Or) if is_logic(*node) => TruthStep::Or,
            Op::Not if is_logic(*node) => TruthStep::Not,
            _ if is_test(*node) => {
                let place = timed.iter().position(|test| test.node == *node);
                TruthStep::Ask(match place {
                    Some(place) => Test::Timed(id(place)),
                    None => test_of(program, start, behind),
                })
            }
            _ => continue,
        };
        start = behind;
        depth = match step {
            TruthStep::Ask(_) => depth.saturating_add(1),
            TruthStep::And | TruthStep::Or => depth.saturating_sub(1),
            _ => depth,
        };
        depth_max = depth_max.max(depth);
        steps.push(step);
    }
    if depth_max > DEPTH_MAX {
        return Box::default();
    }
    let end = id(steps.len());
    for step in &mut steps {
        if let TruthStep::AndSkip(target) | TruthStep::OrSkip(target) = step {
            *target = places.get(*target as usize).copied().unwrap_or(end);
        }
    }
    fused(&steps)
}

/// The same with each operand that is a single test asked and joined in one step, as the operands of
/// nearly all conditions are.
// No jump leads into what becomes one step: the target of each stands right behind an operator.
fn fused(steps: &[TruthStep]) -> Box<[TruthStep]> {
    let mut fused: Vec<TruthStep> = Vec::with_capacity(steps.len());
    let mut places: Vec<u32> = Vec::with_capacity(steps.len());
    let mut left = steps;
    while let [first, behind @ ..] = left {
        let place = id(fused.len());
        let (step, rest) = match left {
            [
                TruthStep::AndSkip(_),
                TruthStep::Ask(test),
                TruthStep::And,
                rest @ ..,
            ] => (TruthStep::AndAsk(*test), rest),
            [
                TruthStep::OrSkip(_),
                TruthStep::Ask(test),
                TruthStep::Or,
                rest @ ..,
            ] => (TruthStep::OrAsk(*test), rest),
            _ => (*first, behind),
        };
        places.resize(
            places
                .len()
                .saturating_add(left.len().saturating_sub(rest.len())),
            place,
        );
        fused.push(step);
        left = rest;
    }
    let end = id(fused.len());
    for step in &mut fused {
        if let TruthStep::AndSkip(target) | TruthStep::OrSkip(target) = step {
            *target = places.get(*target as usize).copied().unwrap_or(end);
        }
    }
    fused.into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// `&&`, `||` or `!` with nothing but such above it.
    Logic,
    /// What these join.
    Test,
    Inner,
}

fn logic_of(tree: &Tree) -> Vec<Role> {
    let mut roles = vec![Role::Inner; tree.nodes.len()];
    let mut waiting = vec![tree.root()];
    while let Some(at) = waiting.pop() {
        let role = match tree.node(at).map(|node| &node.expr) {
            Some(Expr::Binary {
                operator: Operator::And | Operator::Or,
                left,
                right,
            }) => {
                waiting.extend([*left, *right]);
                Role::Logic
            }
            Some(Expr::Not(operand)) => {
                waiting.push(*operand);
                Role::Logic
            }
            _ => Role::Test,
        };
        if let Some(known) = roles.get_mut(at as usize) {
            *known = role;
        }
    }
    roles
}

/// The test that some instructions are.
fn test_of(program: &Program, start: usize, end: usize) -> Test {
    let is_comparison = |operator: Operator| operator.strength() == Operator::Equal.strength();
    let text = |constant: u32| {
        matches!(
            program.constants.get(constant as usize),
            Some(Constant::String(_))
        )
    };
    match *program.ops.get(start..end).unwrap_or_default() {
        [
            Op::SlotConstant {
                operator,
                slot,
                constant,
            },
        ] if is_comparison(operator) => Test::Compare {
            operator,
            slot,
            constant,
        },
        [Op::Slot(left), Op::Slot(right), Op::Binary(operator)] if is_comparison(operator) => {
            Test::CompareFacts {
                operator,
                left,
                right,
            }
        }
        [Op::SlotIn { slot, list }] => Test::OneOf { slot, list },
        [
            Op::Constant(constant),
            Op::Slot(slot),
            Op::Binary(Operator::In),
        ] if text(constant) => Test::Holds { constant, slot },
        [
            Op::Slot(slot),
            Op::Constant(constant),
            Op::Call {
                builtin: Builtin::StartsWith,
                ..
            },
        ] if text(constant) => Test::Begins { slot, constant },
        [Op::Slot(slot)] => Test::Fact(slot),
        _ => Test::Rest {
            start: id(start),
            end: id(end),
        },
    }
}

/// Compares two texts; nothing where the operators' table has to be asked.
#[inline]
pub(crate) fn compare_texts(operator: Operator, left: &str, right: &str) -> Option<bool> {
    match operator {
        Operator::Equal => Some(left == right),
        Operator::NotEqual => Some(left != right),
        _ => None,
    }
}

/// Compares two numbers; nothing where the operators' table has to be asked.
#[inline]
pub(crate) fn compare_numbers(operator: Operator, left: Number, right: Number) -> Option<bool> {
    Some(match operator {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Less => left < right,
        Operator::LessEqual => left <= right,
        Operator::Greater => left > right,
        Operator::GreaterEqual => left >= right,
        _ => return None,
    })
}

/// Compares any two values.
#[inline]
pub(crate) fn compare<'a>(
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
    scratch: &mut super::scratch::Scratch<'a>,
) -> Truth {
    let plain = match (left, right) {
        (Value::String(left), Value::String(right)) => compare_texts(operator, left, right),
        (Value::Number(left), Value::Number(right)) => compare_numbers(operator, left, right),
        _ => None,
    };
    match plain {
        Some(truth) => Truth::from(truth),
        None => Truth::of(binary(operator, left, right, scratch)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Truth, TruthStack};
    use crate::condition::operation;
    use crate::condition::value::{EvalError, Value};

    const ALL: [(Truth, Value<'_>); 4] = [
        (Truth::False, Value::Bool(false)),
        (Truth::True, Value::Bool(true)),
        (Truth::Unknown, Value::Unknown),
        (Truth::Error, Value::Error(EvalError::Index)),
    ];

    #[test]
    fn truths_join_as_values_do() {
        for (left, left_value) in ALL {
            assert_eq!(left.not(), Truth::of(operation::not(left_value)));
            for (right, right_value) in ALL {
                let and = operation::and(left_value, right_value);
                let or = operation::or(left_value, right_value);
                assert_eq!(left.and(right), Truth::of(and), "{left:?} && {right:?}");
                assert_eq!(left.or(right), Truth::of(or), "{left:?} || {right:?}");
            }
        }
    }

    #[test]
    fn a_stack_gives_back_what_it_took() {
        let mut stack = TruthStack::default();
        for (truth, _) in ALL.iter().chain(&ALL) {
            stack.push(*truth);
        }
        for (truth, _) in ALL.iter().chain(&ALL).rev() {
            assert_eq!(stack.top(), *truth);
            assert_eq!(stack.pop(), *truth);
        }
    }
}
