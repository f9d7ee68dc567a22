//! How long a condition's outcome stands while only time goes on.
//!
//! Each node is one of three: independent of time, moving with `now` at one millisecond a
//! millisecond, or beyond what can be told. Comparing something that moves with something that stands
//! gives the instant at which the comparison turns; a field of the clock stands until its next
//! boundary. Nothing is skipped, so the bound is never too late; it may be early.

pub(crate) mod plan;

use super::builtin::{Builtin, ClockField};
use super::program::{Op, Program};
use super::trace::{Trace, children, let_of};
use super::tree::{Expr, Id, Operator, Tree, id};
use super::value::Value;
use crate::time::window::{Window, next_boundary};
use crate::time::{Duration, Timestamp, Zone};

/// How a value moves with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Motion {
    Still,
    /// With `now`.
    Forward,
    /// Against `now`, as in `deadline - now`.
    Backward,
}

/// How long a condition's outcome stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How its value moves: conditions do not, named expressions may.
    pub(crate) motion: Motion,
    /// The first instant at which it may change; nothing if never.
    pub(crate) until: Option<Timestamp>,
}

/// The earlier of two bounds.
pub(crate) fn earlier(one: Option<Timestamp>, two: Option<Timestamp>) -> Option<Timestamp> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}

/// How long the outcome of a traced condition stands; `named` tells it of named expressions.
#[inline(never)]
pub(crate) fn standing(
    tree: &Tree,
    program: &Program,
    trace: &Trace<'_>,
    now: Timestamp,
    named: &dyn Fn(&str) -> Standing,
) -> Standing {
    let mut motions: Vec<Motion> = Vec::with_capacity(tree.nodes.len());
    let mut until: Option<Timestamp> = None;
    let mut loops = 0_u32;
    for (index, node) in tree.nodes.iter().enumerate() {
        let of = |at: Id| motions.get(at as usize).copied().unwrap_or(Motion::Still);
        let mut bound = |instant: Option<Timestamp>| until = earlier(until, instant);
        let motion = match &node.expr {
            Expr::Path(path) if path.root == "now" => Motion::Forward,
            Expr::Path(path) => match let_of(path) {
                Some(name) => {
                    let standing = named(name);
                    bound(standing.until);
                    standing.motion
                }
                None => Motion::Still,
            },
            Expr::LoopStart { .. } => {
                loops = loops.saturating_add(1);
                Motion::Still
            }
            Expr::Loop { filter, body, .. } => {
                loops = loops.saturating_sub(1);
                // What a loop makes of moving values is a list, and those are not followed.
                if of(*body) != Motion::Still || filter.is_some_and(|at| of(at) != Motion::Still) {
                    bound(Some(now));
                }
                Motion::Still
            }
            Expr::Binary {
                operator,
                left,
                right,
            } => {
                let (one, two) = (of(*left), of(*right));
                if one == Motion::Still && two == Motion::Still {
                    Motion::Still
                } else if loops > 0 {
                    // Only the last visit's values are known.
                    bound(Some(now));
                    Motion::Still
                } else {
                    let (left, right) = (trace.value(*left), trace.value(*right));
                    match combine(*operator, one, two) {
                        Combined::Moves(motion) => {
                            let made = trace.value(id(index));
                            bound(end_of_range(motion, (left, right), made, now));
                            motion
                        }
                        Combined::Turns => {
                            bound(turn(*operator, (one, left), (two, right), now));
                            Motion::Still
                        }
                        Combined::Lost => {
                            bound(Some(now));
                            Motion::Still
                        }
                    }
                }
            }
            Expr::Negate(operand) => match of(*operand) {
                Motion::Still => Motion::Still,
                Motion::Forward => Motion::Backward,
                Motion::Backward => Motion::Forward,
            },
            Expr::Conditional {
                test,
                then,
                otherwise,
            } => match trace.value(*test) {
                _ if of(*then) == of(*otherwise) => of(*then),
                // In a loop, the test is known of the last visit only.
                Value::Bool(true) if loops == 0 => of(*then),
                Value::Bool(false) if loops == 0 => of(*otherwise),
                _ => {
                    bound(Some(now));
                    Motion::Still
                }
            },
            other => {
                // Where nothing has moved so far, as in front of every `now`, no child does.
                let moving = motions.iter().any(|motion| *motion != Motion::Still)
                    && children(other)
                        .into_iter()
                        .any(|child| of(child) != Motion::Still);
                if moving {
                    bound(clock(
                        program,
                        instruction(program, index),
                        other,
                        trace,
                        &of,
                        loops,
                        now,
                    ));
                }
                Motion::Still
            }
        };
        motions.push(motion);
    }
    Standing {
        motion: motions.last().copied().unwrap_or(Motion::Still),
        until,
    }
}

/// The instruction of a node.
fn instruction(program: &Program, node: usize) -> Option<Op> {
    let at = program
        .nodes
        .iter()
        .position(|known| *known as usize == node)?;
    program.ops.get(at).copied()
}

enum Combined {
    Moves(Motion),
    Turns,
    Lost,
}

fn combine(operator: Operator, one: Motion, two: Motion) -> Combined {
    use Motion::{Backward, Forward, Still};
    match (operator, one, two) {
        (Operator::And | Operator::Or, _, _) => Combined::Lost,
        (Operator::Add, Still, motion) | (Operator::Add | Operator::Subtract, motion, Still) => {
            Combined::Moves(motion)
        }
        (Operator::Subtract, Still, Forward) => Combined::Moves(Backward),
        (Operator::Subtract, Still, Backward) => Combined::Moves(Forward),
        // What moves alike keeps its distance.
        (Operator::Subtract, Forward, Forward)
        | (Operator::Subtract, Backward, Backward)
        | (Operator::Add, Forward, Backward)
        | (Operator::Add, Backward, Forward) => Combined::Moves(Still),
        (
            Operator::Less
            | Operator::LessEqual
            | Operator::Greater
            | Operator::GreaterEqual
            | Operator::Equal
            | Operator::NotEqual,
            _,
            _,
        ) if one == two => Combined::Moves(Still),
        (
            Operator::Less
            | Operator::LessEqual
            | Operator::Greater
            | Operator::GreaterEqual
            | Operator::Equal
            | Operator::NotEqual,
            _,
            _,
        ) if one == Still || two == Still => Combined::Turns,
        _ => Combined::Lost,
    }
}

/// When a comparison of something moving with something still turns.
fn turn(
    operator: Operator,
    (one, left): (Motion, Value<'_>),
    (two, right): (Motion, Value<'_>),
    now: Timestamp,
) -> Option<Timestamp> {
    let (Some(left), Some(right)) = (millis(left), millis(right)) else {
        // An unknown or an error does not change by itself.
        return None;
    };
    // As `moving operator still`, with how far a forward-moving side has to go to meet the other:
    // swapping the sides, or looking backward, mirrors the operator.
    let (distance, operator) = match (one, two) {
        (Motion::Forward, _) => (right.saturating_sub(left), operator),
        (Motion::Backward, _) => (left.saturating_sub(right), mirror(operator)),
        (Motion::Still, Motion::Backward) => (right.saturating_sub(left), operator),
        (Motion::Still, _) => (left.saturating_sub(right), mirror(operator)),
    };
    let holds = |at: i64| {
        let ordering = at.cmp(&distance);
        match operator {
            Operator::Less => ordering.is_lt(),
            Operator::LessEqual => ordering.is_le(),
            Operator::Greater => ordering.is_gt(),
            Operator::GreaterEqual => ordering.is_ge(),
            Operator::Equal => ordering.is_eq(),
            _ => ordering.is_ne(),
        }
    };
    let before = holds(0);
    let turned = [distance, distance.saturating_add(1)]
        .into_iter()
        .find(|at| *at > 0 && holds(*at) != before)?;
    Timestamp::from_ms(now.to_ms().checked_add(turned)?)
}

const fn mirror(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::LessEqual => Operator::GreaterEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterEqual => Operator::LessEqual,
        other => other,
    }
}

fn millis(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Timestamp(at) => Some(at.to_ms()),
        Value::Duration(span) => Some(span.to_ms()),
        _ => None,
    }
}

/// When a function of something moving gives another answer; `now` where that cannot be told.
#[inline(never)]
fn clock(
    program: &Program,
    op: Option<Op>,
    expr: &Expr,
    trace: &Trace<'_>,
    of: &dyn Fn(Id) -> Motion,
    loops: u32,
    now: Timestamp,
) -> Option<Timestamp> {
    let lost = Some(now);
    let Expr::Call { arguments, .. } = expr else {
        return lost;
    };
    let Some(first) = arguments.first() else {
        return lost;
    };
    if loops > 0 || of(*first) != Motion::Forward {
        return lost;
    }
    let at = match (trace.value(*first), op) {
        (Value::Timestamp(at), _) => at,
        (
            Value::Duration(span),
            Some(Op::Call {
                builtin: Builtin::Clock(field),
                ..
            }),
        ) => return Timestamp::from_ms(now.to_ms().checked_add(span_change(field, span)?)?),
        // What has no value here does not get one by waiting.
        _ => return None,
    };
    let then = match op {
        Some(Op::Clock { field, zone }) => {
            field_change(field, at, program.zones.get(zone as usize).copied()?)
        }
        Some(Op::Call {
            builtin: Builtin::Clock(field),
            ..
        }) => field_change(field, at, named_zone(arguments, trace)?),
        Some(Op::InWindow(window)) => program.windows.get(window as usize)?.next_change(at),
        Some(Op::InWindowText { zone }) => {
            let zone = program.zones.get(zone as usize).copied()?;
            match arguments.get(1).map(|window| trace.value(*window)) {
                Some(Value::String(window)) => Window::parse(window, zone).ok()?.next_change(at),
                _ => None,
            }
        }
        _ => return lost,
    };
    shift(then?, at, now)
}

/// The zone that a call names by an argument known only now.
fn named_zone(arguments: &[Id], trace: &Trace<'_>) -> Option<Zone> {
    match arguments.get(1).map(|zone| trace.value(*zone)) {
        Some(Value::String(name)) => Zone::find(name).ok(),
        None => Some(Zone::UTC),
        Some(_) => None,
    }
}

/// An instant on the moving value's own scale, on the clock's.
fn shift(then: Timestamp, at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let ahead = then.to_ms().checked_sub(at.to_ms())?;
    Timestamp::from_ms(now.to_ms().checked_add(ahead)?)
}

/// Milliseconds after which a field surely differs at the earliest; larger units change with the day.
const fn unit_ms(field: ClockField) -> i64 {
    match field {
        ClockField::Milliseconds => 1,
        ClockField::Seconds => 1_000,
        ClockField::Minutes => 60_000,
        ClockField::Hours => 3_600_000,
        _ => 86_400_000,
    }
}

/// Milliseconds until a growing duration has another number of whole units.
fn span_change(field: ClockField, span: Duration) -> Option<i64> {
    let unit = unit_ms(field);
    let rest = span.to_ms().checked_rem(unit)?;
    // Below zero units are cut off towards zero, so that the last of them lasts until zero's own.
    let behind = if span.to_ms() <= unit.saturating_neg() {
        1
    } else {
        unit
    };
    behind.checked_sub(rest)
}

/// When a moving sum or difference leaves the range of times; `now` where it may enter it.
fn end_of_range(
    motion: Motion,
    (left, right): (Value<'_>, Value<'_>),
    made: Value<'_>,
    now: Timestamp,
) -> Option<Timestamp> {
    let (first, last) = match made {
        Value::Timestamp(_) => (Timestamp::MIN.to_ms(), Timestamp::MAX.to_ms()),
        Value::Duration(_) => (Duration::MIN.to_ms(), Duration::MAX.to_ms()),
        // Both operands are times, so that only the range is to blame.
        Value::Error(_) if millis(left).is_some() && millis(right).is_some() => return Some(now),
        _ => return None,
    };
    let at = millis(made)?;
    let room = match motion {
        Motion::Still => return None,
        Motion::Forward => last.checked_sub(at)?,
        Motion::Backward => at.checked_sub(first)?,
    };
    Timestamp::from_ms(now.to_ms().checked_add(room.checked_add(1)?)?)
}

/// The next instant at which a field of the clock differs.
fn field_change(field: ClockField, at: Timestamp, zone: Zone) -> Option<Timestamp> {
    let unit = Duration::from_ms(unit_ms(field))?;
    let boundary = next_boundary(at, zone.offset_at(at), unit);
    earlier(boundary, zone.next_transition_after(at))
}
