//! What there is to know, when a policy is loaded, about how long a condition will stand.
//!
//! Nearly all conditions that read the time do so in one of three ways: they compare `now`, or `now`
//! and a span or instant, with something that stands still; they ask for a field of the clock; or they
//! ask whether `now` lies in a weekly window. For these the plan says which operands to look at. For
//! any other it says so, and the condition is traced.

use super::{Motion, earlier, end_of_range, field_change, turn};
use crate::condition::builtin::{Builtin, ClockField};
use crate::condition::evaluate::Machine;
use crate::condition::operation::binary;
use crate::condition::program::{Op, Program};
use crate::condition::trace::{children, let_of};
use crate::condition::tree::{Expr, Id, Operator, Tree, id};
use crate::condition::truth::{Truth, compare};
use crate::condition::value::Value;
use crate::time::Timestamp;

/// How long a condition stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Plan {
    /// For ever: it does not read the time.
    #[default]
    Still,
    /// Until one of these turns.
    Tests {
        compared: Box<[TimedTest]>,
        asked: Box<[Asked]>,
    },
    /// Only a trace can tell.
    Traced,
}

impl Plan {
    /// The comparisons that a plan works out.
    pub(crate) fn compared(&self) -> &[TimedTest] {
        match self {
            Self::Tests { compared, .. } => compared,
            Self::Still | Self::Traced => &[],
        }
    }
}

/// A comparison of something that moves with something that stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TimedTest {
    pub(crate) node: Id,
    operator: Operator,
    left: Side,
    right: Side,
}

/// What is asked of the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Asked {
    Field { field: ClockField, zone: u32 },
    Window(u32),
}

/// One side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Still(Still),
    Now,
    /// `now` and something that stands, added or subtracted.
    Shifted {
        operator: Operator,
        other: Still,
        now_is_left: bool,
    },
}

/// What stands while time goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Still {
    Constant(u32),
    Piece(Piece),
}

/// Instructions that compute one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Piece {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Side {
    fn motion(self) -> Motion {
        match self {
            Self::Still(_) => Motion::Still,
            Self::Shifted {
                operator: Operator::Subtract,
                now_is_left: false,
                ..
            } => Motion::Backward,
            Self::Now | Self::Shifted { .. } => Motion::Forward,
        }
    }
}

/// Finds what is to know about a condition.
pub(crate) fn plan_of(program: &Program, tree: &Tree) -> Plan {
    let mut planner = Planner {
        program,
        tree,
        compared: Vec::new(),
        asked: Vec::new(),
        reads_now: false,
    };
    if planner.look().is_none() {
        return Plan::Traced;
    }
    if !planner.reads_now {
        return Plan::Still;
    }
    Plan::Tests {
        compared: planner.compared.into(),
        asked: planner.asked.into(),
    }
}

struct Planner<'p> {
    program: &'p Program,
    tree: &'p Tree,
    compared: Vec<TimedTest>,
    asked: Vec<Asked>,
    reads_now: bool,
}

impl Planner<'_> {
    /// Looks at every node; nothing where one moves in a way that is not planned for.
    fn look(&mut self) -> Option<()> {
        let mut loops = 0_u32;
        let mut moves: Vec<bool> = Vec::with_capacity(self.tree.nodes.len());
        for (at, node) in self.tree.nodes.iter().enumerate() {
            let moving = |child: &Id| moves.get(*child as usize).copied().unwrap_or(false);
            let is_moving = match &node.expr {
                Expr::Path(path) if path.root == "now" => {
                    self.reads_now = true;
                    if loops > 0 {
                        return None;
                    }
                    true
                }
                // A named expression may move in any way.
                Expr::Path(path) if let_of(path).is_some() => return None,
                Expr::LoopStart { list, .. } => {
                    loops = loops.saturating_add(1);
                    if moving(list) {
                        return None;
                    }
                    false
                }
                Expr::Loop { .. } => {
                    loops = loops.saturating_sub(1);
                    false
                }
                other if !children(other).iter().any(moving) => false,
                // Whether it is compared is for the node above to say.
                Expr::Binary {
                    operator: Operator::Add | Operator::Subtract,
                    ..
                } => {
                    self.side(id(at))?;
                    true
                }
                Expr::Binary {
                    operator,
                    left,
                    right,
                } => {
                    self.compare(id(at), *operator, *left, *right)?;
                    false
                }
                Expr::Call { arguments, .. } => {
                    self.ask(id(at), arguments)?;
                    false
                }
                _ => return None,
            };
            moves.push(is_moving);
        }
        // What moves to the end is no condition.
        if moves.last() == Some(&true) {
            return None;
        }
        Some(())
    }

    fn compare(&mut self, at: Id, operator: Operator, left: Id, right: Id) -> Option<()> {
        let is_order = !matches!(operator, Operator::In | Operator::And | Operator::Or)
            && operator.strength() == Operator::Equal.strength();
        let one = self.side(left)?;
        let two = match self.fused(at) {
            Some(constant) => Side::Still(constant),
            None => self.side(right)?,
        };
        let one_moves = one.motion() != Motion::Still;
        if !is_order || one_moves == (two.motion() != Motion::Still) {
            return None;
        }
        self.compared.push(TimedTest {
            node: at,
            operator,
            left: one,
            right: two,
        });
        Some(())
    }

    fn ask(&mut self, at: Id, arguments: &[Id]) -> Option<()> {
        let (first, others) = arguments.split_first()?;
        if !self.is_now(*first) || others.iter().any(|other| self.is_now(*other)) {
            return None;
        }
        let place = self.program.nodes.iter().position(|node| *node == at)?;
        self.asked.push(match *self.program.ops.get(place)? {
            Op::Clock { field, zone } => Asked::Field { field, zone },
            Op::InWindow(window) => Asked::Window(window),
            _ => return None,
        });
        Some(())
    }

    fn is_now(&self, at: Id) -> bool {
        let expr = self.tree.node(at).map(|node| &node.expr);
        matches!(expr, Some(Expr::Path(path)) if path.root == "now" && path.steps.is_empty())
    }

    fn side(&self, at: Id) -> Option<Side> {
        if self.is_now(at) {
            return Some(Side::Now);
        }
        let shifted = match self.tree.node(at).map(|node| &node.expr)? {
            Expr::Binary {
                operator: operator @ (Operator::Add | Operator::Subtract),
                left,
                right,
            } => match (self.is_now(*left), self.is_now(*right)) {
                (true, false) => Some((*operator, *right, true)),
                (false, true) => Some((*operator, *left, false)),
                _ => None,
            },
            _ => None,
        };
        match shifted {
            Some((operator, other, now_is_left)) => Some(Side::Shifted {
                operator,
                other: self.fused(at).or_else(|| self.still(other))?,
                now_is_left,
            }),
            None => self.still(at).map(Side::Still),
        }
    }

    /// The constant of an instruction that takes `now` and a constant: neither has its own.
    fn fused(&self, at: Id) -> Option<Still> {
        let place = self.program.nodes.iter().position(|node| *node == at)?;
        match self.program.ops.get(place)? {
            Op::SlotConstant { constant, .. } => Some(Still::Constant(*constant)),
            _ => None,
        }
    }

    /// A fact or constant, as it is or read as an instant or span. Nothing more, because it is run once
    /// more than the condition says: it must not take what the rest of the condition may need.
    fn still(&self, at: Id) -> Option<Still> {
        let place = |node: Id| self.program.nodes.iter().position(|known| *known == node);
        let last = place(at)?;
        let start = match self.program.ops.get(last)? {
            Op::Slot(_) | Op::Constant(_) if !self.is_now(at) => last,
            Op::Call {
                builtin: Builtin::Timestamp | Builtin::Duration,
                count: 1,
            } => {
                let first = last.checked_sub(1)?;
                match self.program.ops.get(first)? {
                    Op::Slot(_) | Op::Constant(_) => {}
                    _ => return None,
                }
                let inner = *self.program.nodes.get(first)?;
                if self.is_now(inner) || inner.checked_add(1) != Some(at) {
                    return None;
                }
                first
            }
            _ => return None,
        };
        Some(Still::Piece(Piece {
            start: id(start),
            end: id(last).saturating_add(1),
        }))
    }
}

impl TimedTest {
    /// Whether it holds, and until when that stands.
    pub(crate) fn run<'a>(
        &self,
        machine: &mut Machine<'a, '_>,
        program: &'a Program,
        now: Timestamp,
    ) -> (Truth, Option<Timestamp>) {
        let mut until = None;
        let left = self.left.run(machine, program, now, &mut until);
        let right = self.right.run(machine, program, now, &mut until);
        let sides = ((self.left.motion(), left), (self.right.motion(), right));
        until = earlier(until, turn(self.operator, sides.0, sides.1, now));
        let truth = compare(self.operator, left, right, machine.scratch());
        (truth, until)
    }
}

impl Side {
    fn run<'a>(
        self,
        machine: &mut Machine<'a, '_>,
        program: &'a Program,
        now: Timestamp,
        until: &mut Option<Timestamp>,
    ) -> Value<'a> {
        match self {
            Self::Still(still) => still.run(machine, program),
            Self::Now => Value::Timestamp(now),
            Self::Shifted {
                operator,
                other,
                now_is_left,
            } => {
                let other = other.run(machine, program);
                let now_value = Value::Timestamp(now);
                let (left, right) = if now_is_left {
                    (now_value, other)
                } else {
                    (other, now_value)
                };
                let made = binary(operator, left, right, machine.scratch());
                let end = end_of_range(self.motion(), (left, right), made, now);
                *until = earlier(*until, end);
                made
            }
        }
    }
}

impl Still {
    fn run<'a>(self, machine: &mut Machine<'a, '_>, program: &'a Program) -> Value<'a> {
        match self {
            Self::Constant(constant) => machine.constant(program, constant),
            Self::Piece(piece) => machine.run_piece(program, piece),
        }
    }
}

impl Asked {
    /// When the answer may be another.
    pub(crate) fn until(self, program: &Program, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Field { field, zone } => {
                field_change(field, now, program.zones.get(zone as usize).copied()?)
            }
            Self::Window(window) => program.windows.get(window as usize)?.next_change(now),
        }
    }
}
