//! Runs a program over the facts.
//!
//! A stack machine without recursion: loops keep a list of frames, strings and lists that are made
//! live in the decision's arena. It never fails; an expression that has no value yields an outcome
//! (unknown or error) like any other value. A tracer may watch every instruction; then nothing is
//! skipped, so that each part of the condition has a value to show.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use super::builtin::{apply, clock_field, in_window};
use super::operation::{
    and, binary, conditional, has_member, is_element, negate, not, or, room, truth,
};
use super::program::{Constant, Op, Program};
use super::tree::{Id, LoopKind, Operator, id};
use super::value::{EvalError, Value, Visit};
use crate::document::Document;
use crate::facts::{Facts, Presence};
use crate::limits::{LOOP_ITEMS_MAX, LOOP_TEXT_BYTES_MAX, LOOP_VISITS_MAX, MATCH_TEXT_BYTES_MAX};
use crate::time::Zone;

/// Watches a program run.
pub(crate) trait Tracer<'a> {
    /// Whether nothing may be skipped.
    const COMPLETE: bool;
    /// The node has this value; in a loop, in this visit.
    fn record(&mut self, node: Id, value: Value<'a>);
}

/// Watches nothing.
#[derive(Debug)]
pub(crate) struct Untraced;

impl<'a> Tracer<'a> for Untraced {
    const COMPLETE: bool = false;
    #[inline]
    fn record(&mut self, _: Id, _: Value<'a>) {}
}

/// What programs run with: the facts, the policy's constants, the arena, and the named expressions
/// that were evaluated before.
#[derive(Debug)]
pub(crate) struct Machine<'a, 'f> {
    pub(crate) facts: &'f Facts<'a>,
    pub(crate) constants: &'a Document<'a>,
    pub(crate) arena: &'a Bump,
    lets: Vec<(u32, Value<'a>)>,
    stack: ArenaVec<'a, Value<'a>>,
    loops: Vec<Loop<'a>>,
}

#[derive(Debug)]
struct Loop<'a> {
    visit: Visit<'a>,
    current: Value<'a>,
    /// Elements that this loop and those around it visit in all, at most.
    visits: usize,
    /// The answer so far of `exists` and `all`; what spoils the others.
    outcome: Value<'a>,
    count: u64,
    values: ArenaVec<'a, Value<'a>>,
}

impl<'a, 'f> Machine<'a, 'f> {
    pub(crate) fn new(facts: &'f Facts<'a>, constants: &'a Document<'a>, arena: &'a Bump) -> Self {
        Self {
            facts,
            constants,
            arena,
            lets: Vec::new(),
            stack: ArenaVec::with_capacity_in(16, arena),
            loops: Vec::new(),
        }
    }

    /// The value of a named expression, if it was set.
    pub(crate) fn named(&self, index: u32) -> Option<Value<'a>> {
        self.lets
            .iter()
            .find(|(known, _)| *known == index)
            .map(|(_, value)| *value)
    }

    /// Keeps the value of a named expression for the programs that read it.
    pub(crate) fn set_named(&mut self, index: u32, value: Value<'a>) {
        self.lets.push((index, value));
    }

    /// Runs a program.
    pub(crate) fn run(&mut self, program: &'a Program) -> Value<'a> {
        self.run_traced(program, &mut Untraced)
    }

    /// Runs a program under a tracer.
    pub(crate) fn run_traced<T: Tracer<'a>>(
        &mut self,
        program: &'a Program,
        tracer: &mut T,
    ) -> Value<'a> {
        self.stack.clear();
        self.loops.clear();
        let mut at = 0_usize;
        while let Some(op) = program.ops.get(at) {
            let next = self.step(program, op, at, T::COMPLETE);
            if T::COMPLETE {
                self.tell(program, op, at, next, tracer);
            }
            at = next;
        }
        self.stack.pop().unwrap_or(Value::Unknown)
    }

    /// Tells the tracer what the instruction computed.
    fn tell<T: Tracer<'a>>(
        &self,
        program: &'a Program,
        op: &Op,
        at: usize,
        next: usize,
        tracer: &mut T,
    ) {
        let node = |at: usize| program.nodes.get(at).copied().unwrap_or(Id::MAX);
        let Some(top) = self.stack.last().copied() else {
            return;
        };
        match *op {
            // A loop has a value once it is left, not while it goes on.
            Op::LoopStart { behind, .. } => {
                if next == behind as usize {
                    tracer.record(node(next.saturating_sub(1)), top);
                }
            }
            Op::LoopEnd { .. } => {
                if next == at.saturating_add(1) {
                    tracer.record(node(at), top);
                }
            }
            Op::LoopFilter { .. } | Op::AndSkip(_) | Op::OrSkip(_) => {}
            // The operands of a fused comparison are the two leaves in front of it.
            Op::SlotConstant { slot, constant, .. } => {
                let whole = node(at);
                tracer.record(whole.saturating_sub(2), self.facts.value(slot));
                tracer.record(whole.saturating_sub(1), self.constant(program, constant));
                tracer.record(whole, top);
            }
            Op::ConstantList(list) => {
                self.tell_literals(program, list, node(at), tracer);
            }
            Op::SlotIn { slot, list } => {
                let (whole, count) = (node(at), self.literals(program, list).len());
                self.tell_literals(program, list, whole.saturating_sub(1), tracer);
                let left = whole.saturating_sub(2).saturating_sub(id(count));
                tracer.record(left, self.facts.value(slot));
                tracer.record(whole, top);
            }
            _ => tracer.record(node(at), top),
        }
    }

    /// A list of literals stands right behind its elements.
    fn tell_literals<T: Tracer<'a>>(
        &self,
        program: &'a Program,
        list: u32,
        node: Id,
        tracer: &mut T,
    ) {
        let literals = self.literals(program, list);
        let first = node.saturating_sub(id(literals.len()));
        for (element, value) in (first..).zip(literals) {
            tracer.record(element, value);
        }
        tracer.record(node, self.literal_list(program, list));
    }

    fn pop(&mut self) -> Value<'a> {
        self.stack.pop().unwrap_or(Value::Unknown)
    }

    #[inline]
    fn constant(&self, program: &'a Program, index: u32) -> Value<'a> {
        let constant = program.constants.get(index as usize);
        constant.map_or(Value::Null, |constant| self.value_of(constant))
    }

    #[inline]
    fn value_of(&self, constant: &'a Constant) -> Value<'a> {
        match constant {
            Constant::Null => Value::Null,
            Constant::Bool(value) => Value::Bool(*value),
            Constant::Number(number) => Value::Number(*number),
            Constant::String(text) => Value::String(text),
            Constant::Timestamp(at) => Value::Timestamp(*at),
            Constant::Duration(span) => Value::Duration(*span),
            Constant::Data(node) => Value::from_document(self.constants.value(*node)),
        }
    }

    /// The elements of a list of literals.
    fn literals(
        &self,
        program: &'a Program,
        list: u32,
    ) -> impl ExactSizeIterator<Item = Value<'a>> {
        let list = program
            .lists
            .get(list as usize)
            .map_or(&[][..], |list| list);
        list.iter().map(|constant| self.value_of(constant))
    }

    fn literal_list(&self, program: &'a Program, list: u32) -> Value<'a> {
        Value::List(
            self.arena
                .alloc_slice_fill_iter(self.literals(program, list)),
        )
    }

    fn name(program: &'a Program, index: u32) -> &'a str {
        match program.constants.get(index as usize) {
            Some(Constant::String(name)) => name,
            _ => "",
        }
    }

    /// Executes one instruction and says which one is next.
    fn step(&mut self, program: &'a Program, op: &Op, at: usize, complete: bool) -> usize {
        let next = at.saturating_add(1);
        match *op {
            Op::Constant(index) => {
                let value = self.constant(program, index);
                self.stack.push(value);
            }
            Op::Slot(slot) => self.stack.push(self.facts.value(slot)),
            Op::HasSlot(slot) => self.stack.push(match self.facts.presence(slot) {
                Presence::Present => Value::Bool(true),
                Presence::Absent => Value::Bool(false),
                Presence::Unknowable => Value::Unknown,
                Presence::Error(error) => Value::Error(error),
            }),
            Op::Let(index) => self.stack.push(self.named(index).unwrap_or(Value::Unknown)),
            Op::Variable(level) => {
                let value = self.loops.get(level as usize).map(|frame| frame.current);
                self.stack.push(value.unwrap_or(Value::Unknown));
            }
            Op::Select(name) => {
                let value = self.pop().member(Self::name(program, name));
                self.stack.push(value);
            }
            Op::HasField(name) => {
                let value = match self.pop() {
                    map @ (Value::DocumentMap(_) | Value::Map(_)) => {
                        Value::Bool(has_member(map, Self::name(program, name)))
                    }
                    other => other.expected(&"an object"),
                };
                self.stack.push(value);
            }
            Op::Index => {
                let index = self.pop();
                let value = self.pop().index(index);
                self.stack.push(value);
            }
            Op::Not => {
                let value = not(self.pop());
                self.stack.push(value);
            }
            Op::Negate => {
                let value = negate(self.pop());
                self.stack.push(value);
            }
            Op::Binary(operator) => {
                let right = self.pop();
                if operator == Operator::In && !self.may_visit(right) {
                    self.pop();
                    self.stack.push(Value::Error(EvalError::TooLarge));
                    return next;
                }
                let left = self.pop();
                self.stack.push(binary(operator, left, right, self.arena));
            }
            Op::SlotConstant {
                operator,
                slot,
                constant,
            } => {
                let left = self.facts.value(slot);
                let right = self.constant(program, constant);
                self.stack.push(binary(operator, left, right, self.arena));
            }
            Op::ConstantList(list) => {
                let value = self.literal_list(program, list);
                self.stack.push(value);
            }
            Op::SlotIn { slot, list } => {
                let value = is_element(self.facts.value(slot), self.literals(program, list));
                self.stack.push(value);
            }
            Op::AndSkip(target) => {
                if !complete && matches!(self.stack.last(), Some(Value::Bool(false))) {
                    return target as usize;
                }
            }
            Op::OrSkip(target) => {
                if !complete && matches!(self.stack.last(), Some(Value::Bool(true))) {
                    return target as usize;
                }
            }
            Op::Conditional => {
                let otherwise = self.pop();
                let then = self.pop();
                let test = self.pop();
                self.stack.push(conditional(test, then, otherwise));
            }
            Op::List(count) => self.list(count as usize),
            Op::Map(count) => self.map(count as usize),
            Op::Call { builtin, count } => {
                let first = self.stack.len().saturating_sub(count as usize);
                let arguments = self.stack.get(first..).unwrap_or(&[]);
                let value = if arguments.iter().any(|argument| self.is_too_long(*argument)) {
                    Value::Error(EvalError::TooLarge)
                } else {
                    apply(builtin, arguments, self.arena)
                };
                self.stack.truncate(first);
                self.stack.push(value);
            }
            Op::Clock { field, zone } => {
                let value = match (self.pop(), program.zones.get(zone as usize)) {
                    (Value::Timestamp(instant), Some(zone)) => clock_field(field, instant, *zone),
                    (other, _) => other.expected(&"a timestamp"),
                };
                self.stack.push(value);
            }
            Op::InWindow(window) => {
                let value = match (self.pop(), program.windows.get(window as usize)) {
                    (Value::Timestamp(instant), Some(window)) => {
                        Value::Bool(window.contains(instant))
                    }
                    (other, _) => other.expected(&"a timestamp"),
                };
                self.stack.push(value);
            }
            Op::InWindowText { zone } => {
                let zone = program
                    .zones
                    .get(zone as usize)
                    .copied()
                    .unwrap_or(Zone::UTC);
                let window = self.pop();
                let value = in_window(self.pop(), window, zone);
                self.stack.push(value);
            }
            Op::Matches(regex) => {
                let value = match (self.pop(), program.regexes.get(regex as usize)) {
                    (Value::String(text), _)
                        if text.len() > MATCH_TEXT_BYTES_MAX
                            || self.is_too_long(Value::String(text)) =>
                    {
                        Value::Error(EvalError::TooLarge)
                    }
                    (Value::String(text), Some(regex)) => Value::Bool(regex.is_match(text)),
                    (other, _) => other.expected(&"text"),
                };
                self.stack.push(value);
            }
            Op::Parses => {
                let value = Value::Bool(self.pop().kind().is_some());
                self.stack.push(value);
            }
            Op::LoopStart { kind, behind } => return self.begin(kind, next, behind as usize),
            Op::LoopFilter { end } => return self.filter(next, end as usize),
            Op::LoopEnd { kind, body } => return self.advance(kind, body as usize, next),
        }
        next
    }

    fn list(&mut self, count: usize) {
        let first = self.stack.len().saturating_sub(count);
        let items = self.stack.get(first..).unwrap_or(&[]);
        let error = items
            .iter()
            .find(|item| matches!(item, Value::Error(_)))
            .copied();
        let list = error.unwrap_or_else(|| Value::List(self.arena.alloc_slice_copy(items)));
        self.stack.truncate(first);
        self.stack.push(list);
    }

    fn map(&mut self, count: usize) {
        let first = self.stack.len().saturating_sub(count.saturating_mul(2));
        let mut entries = ArenaVec::with_capacity_in(count, self.arena);
        let mut spoiled = None;
        for pair in self.stack.get(first..).unwrap_or(&[]).chunks(2) {
            match pair {
                [Value::String(key), value] if !matches!(value, Value::Error(_)) => {
                    // A key that stands twice in a literal has no single value.
                    if entries.iter().any(|(known, _)| known == key) {
                        spoiled = Some(Value::Error(EvalError::Index));
                    }
                    entries.push((*key, *value));
                }
                [Value::String(_), error] => spoiled = Some(*error),
                [key, ..] => spoiled = Some(key.expected(&"text as key")),
                [] => {}
            }
        }
        self.stack.truncate(first);
        self.stack
            .push(spoiled.unwrap_or(Value::Map(entries.into_bump_slice())));
    }

    // --- Loops ---

    /// Whether the innermost loop may visit this list for each of its own elements.
    fn may_visit(&self, list: Value<'a>) -> bool {
        let outer = self.loops.last().map_or(1, |frame| frame.visits);
        outer == 1 || outer.saturating_mul(list.len().unwrap_or(0)) <= LOOP_VISITS_MAX
    }

    /// Whether a text is too long to be given to a function for every element of a loop.
    fn is_too_long(&self, value: Value<'a>) -> bool {
        !self.loops.is_empty()
            && matches!(value, Value::String(text) if text.len() > LOOP_TEXT_BYTES_MAX)
    }

    fn begin(&mut self, kind: LoopKind, body: usize, behind: usize) -> usize {
        let list = self.pop();
        let visit = match (list.visit(), list.len()) {
            (Some(_), Some(len)) if len > LOOP_ITEMS_MAX || !self.may_visit(list) => {
                Err(Value::Error(EvalError::TooLarge))
            }
            (Some(visit), _) => Ok(visit),
            (None, _) => Err(list.expected(&"a list")),
        };
        let mut visit = match visit {
            Ok(visit) => visit,
            Err(outcome) => {
                self.stack.push(outcome);
                return behind;
            }
        };
        let outcome = Value::Bool(kind == LoopKind::All);
        let Some(current) = visit.next() else {
            self.stack.push(match kind {
                LoopKind::Exists | LoopKind::All => outcome,
                LoopKind::ExistsOne => Value::Bool(false),
                LoopKind::Filter | LoopKind::Map => Value::List(&[]),
            });
            return behind;
        };
        let values = ArenaVec::new_in(self.arena);
        let outer = self.loops.last().map_or(1, |frame| frame.visits);
        self.loops.push(Loop {
            visit,
            current,
            visits: outer.saturating_mul(list.len().unwrap_or(0).max(1)),
            outcome,
            count: 0,
            values,
        });
        body
    }

    /// The answer of `map`'s filter: the body runs only for elements that pass.
    fn filter(&mut self, body: usize, end: usize) -> usize {
        let answer = truth(self.pop());
        if matches!(answer, Value::Bool(true)) {
            return body;
        }
        if let Some(frame) = self.loops.last_mut()
            && !matches!(answer, Value::Bool(_))
        {
            spoil(&mut frame.outcome, answer);
        }
        // The end of the loop takes a value; this one tells it that the element is left out.
        self.stack.push(Value::Unknown);
        if let Some(frame) = self.loops.last_mut() {
            frame.count = SKIPPED;
        }
        end
    }

    /// Takes the body's answer for the current element; goes to the next one or leaves the loop.
    fn advance(&mut self, kind: LoopKind, body: usize, behind: usize) -> usize {
        let answer = self.pop();
        let arena_room = room(self.arena);
        let Some(frame) = self.loops.last_mut() else {
            return behind;
        };
        let mut done = false;
        match kind {
            LoopKind::Exists => {
                frame.outcome = or(frame.outcome, answer);
                done = matches!(frame.outcome, Value::Bool(true));
            }
            LoopKind::All => {
                frame.outcome = and(frame.outcome, answer);
                done = matches!(frame.outcome, Value::Bool(false));
            }
            LoopKind::ExistsOne => match truth(answer) {
                Value::Bool(true) => frame.count = frame.count.saturating_add(1),
                Value::Bool(false) => {}
                other => spoil(&mut frame.outcome, other),
            },
            LoopKind::Filter => match truth(answer) {
                Value::Bool(true) => frame.values.push(frame.current),
                Value::Bool(false) => {}
                other => spoil(&mut frame.outcome, other),
            },
            LoopKind::Map => {
                if frame.count == SKIPPED {
                    frame.count = 0;
                } else if answer.kind().is_some() {
                    frame.values.push(answer);
                } else {
                    spoil(&mut frame.outcome, answer);
                }
            }
        }
        if arena_room == 0 {
            frame.outcome = Value::Error(EvalError::TooLarge);
            done = true;
        }
        if !done && let Some(current) = frame.visit.next() {
            frame.current = current;
            return body;
        }
        if let Some(frame) = self.loops.pop() {
            self.stack.push(match (kind, frame.outcome) {
                (LoopKind::Exists | LoopKind::All, outcome) => outcome,
                (_, outcome @ (Value::Unknown | Value::Error(_))) => outcome,
                (LoopKind::ExistsOne, _) => Value::Bool(frame.count == 1),
                (LoopKind::Filter | LoopKind::Map, _) => {
                    Value::List(frame.values.into_bump_slice())
                }
            });
        }
        behind
    }
}

/// Marks the element that `map`'s filter left out.
const SKIPPED: u64 = u64::MAX;

/// Unknown wins over error, the first error over later ones.
fn spoil<'a>(outcome: &mut Value<'a>, by: Value<'a>) {
    match (*outcome, by) {
        (Value::Unknown, _) => {}
        (_, Value::Unknown) => *outcome = Value::Unknown,
        (Value::Error(_), _) => {}
        (_, other) => *outcome = other,
    }
}
