//! Runs a program over the facts.
//!
//! A stack machine without recursion: loops keep a list of frames, strings and lists that are made
//! live in the decision's arena. It never fails; an expression that has no value yields an outcome
//! (unknown or error) like any other value. A tracer may watch every instruction; then nothing is
//! skipped, so that each part of the condition has a value to show.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use super::builtin::{apply, clock_field, in_window};
use super::operation::{and, binary, conditional, has_member, is_element, negate, not, or, truth};
use super::program::{Constant, Op, Pattern, Program};
use super::scratch::{ENTRY_BYTES, Scratch, ZONE_STEPS};
use super::timing::plan::Piece;
use super::tree::{Id, LoopKind, id};
use super::value::{EvalError, Value, Visit};
use crate::document::Document;
use crate::facts::{Facts, Presence};
use crate::limits::LOOP_ITEMS_MAX;
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
    scratch: Scratch<'a>,
    lets: Vec<(u32, Value<'a>)>,
    stack: ArenaVec<'a, Value<'a>>,
    loops: Vec<Loop<'a>>,
    aside: Option<Aside>,
}

/// A right side that is evaluated although the left one settled the outcome, only to be shown.
#[derive(Debug, Clone, Copy)]
struct Aside {
    /// The instruction with which what counts goes on.
    end: usize,
    stack_len: usize,
    loops_len: usize,
}

#[derive(Debug)]
struct Loop<'a> {
    visit: Visit<'a>,
    current: Value<'a>,
    /// The instruction behind the loop, and how many values wait there.
    behind: usize,
    stack_len: usize,
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
            scratch: Scratch::new(arena),
            lets: Vec::new(),
            stack: ArenaVec::new_in(arena),
            loops: Vec::new(),
            aside: None,
        }
    }

    /// Where everything that the decision makes lives.
    pub(crate) fn arena(&self) -> &'a Bump {
        self.scratch.arena
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

    /// Runs some of a program's instructions, which compute one value.
    pub(crate) fn run_piece(&mut self, program: &'a Program, piece: Piece) -> Value<'a> {
        self.stack.clear();
        let (mut at, end) = (piece.start as usize, piece.end as usize);
        while at < end
            && let Some(op) = program.ops.get(at)
        {
            at = self.step(program, op, at, false);
        }
        self.stack.pop().unwrap_or(Value::Unknown)
    }

    /// What the condition that is being evaluated may still take.
    pub(crate) fn scratch(&mut self) -> &mut Scratch<'a> {
        &mut self.scratch
    }

    /// Runs a program under a tracer.
    pub(crate) fn run_traced<T: Tracer<'a>>(
        &mut self,
        program: &'a Program,
        tracer: &mut T,
    ) -> Value<'a> {
        self.stack.clear();
        self.loops.clear();
        self.scratch.renew();
        self.aside = None;
        let mut at = 0_usize;
        while let Some(op) = program.ops.get(at) {
            let next = self.step(program, op, at, T::COMPLETE);
            if T::COMPLETE {
                self.tell(program, op, at, next, tracer);
                if self.aside.is_some_and(|aside| aside.end == next) {
                    self.aside = None;
                    self.scratch.end_aside();
                }
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
            Op::SelectOrAbsent { .. } | Op::IndexOrAbsent { .. } => {
                tracer.record(node(next.saturating_sub(1)), top);
            }
            // It goes on in front, or behind what has its value: this loop, one around it that was
            // given up, or an operator that needs no more of its right side.
            Op::LoopEnd { .. } => {
                if next > at {
                    tracer.record(node(next.saturating_sub(1)), top);
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
                let (whole, count) = (node(at), literals(program, list, self.constants).len());
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
        let elements = literals(program, list, self.constants);
        let first = node.saturating_sub(id(elements.len()));
        for (element, value) in (first..).zip(elements) {
            tracer.record(element, value);
        }
        tracer.record(node, self.literal_list(program, list));
    }

    fn pop(&mut self) -> Value<'a> {
        self.stack.pop().unwrap_or(Value::Unknown)
    }

    #[inline]
    pub(crate) fn constant(&self, program: &'a Program, index: u32) -> Value<'a> {
        let constant = program.constants.get(index as usize);
        constant.map_or(Value::Null, |constant| value_of(constant, self.constants))
    }

    fn literal_list(&self, program: &'a Program, list: u32) -> Value<'a> {
        let elements = literals(program, list, self.constants);
        Value::List(self.scratch.arena.alloc_slice_fill_iter(elements))
    }

    pub(super) fn name(program: &'a Program, index: u32) -> &'a str {
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
                let object = self.pop();
                self.scratch.work(object.search_steps());
                self.stack.push(object.member(Self::name(program, name)));
            }
            Op::SelectOrAbsent { name, absent } => {
                let object = self.pop();
                let name = Value::String(Self::name(program, name));
                return self.step_or_absent(object, name, absent as usize, next);
            }
            Op::IndexOrAbsent { absent } => {
                let index = self.pop();
                let indexed = self.pop();
                return self.step_or_absent(indexed, index, absent as usize, next);
            }
            Op::HasField(name) => {
                let value = match self.pop() {
                    absent if is_behind_the_end(absent) => Value::Bool(false),
                    map @ (Value::DocumentMap(_) | Value::Map(_)) => {
                        self.scratch.work(map.search_steps());
                        Value::Bool(has_member(map, Self::name(program, name)))
                    }
                    other => other.member(""),
                };
                self.stack.push(value);
            }
            Op::Index => {
                let index = self.pop();
                let indexed = self.pop();
                self.scratch.work(indexed.search_steps());
                self.stack.push(indexed.index(index));
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
                let left = self.pop();
                self.stack
                    .push(binary(operator, left, right, &mut self.scratch));
            }
            Op::SlotConstant {
                operator,
                slot,
                constant,
            } => {
                let left = self.facts.value(slot);
                let right = self.constant(program, constant);
                self.stack
                    .push(binary(operator, left, right, &mut self.scratch));
            }
            Op::ConstantList(list) => {
                let count = literals(program, list, self.constants).len();
                let value = if self.scratch.build(count.saturating_mul(ENTRY_BYTES)) {
                    self.literal_list(program, list)
                } else {
                    Value::Error(EvalError::TooLarge)
                };
                self.stack.push(value);
            }
            Op::SlotIn { slot, list } => {
                let elements = literals(program, list, self.constants);
                let value = is_element(self.facts.value(slot), elements, &mut self.scratch);
                self.stack.push(value);
            }
            Op::AndSkip(target) => {
                if matches!(self.stack.last(), Some(Value::Bool(false))) {
                    return self.skip(target as usize, next, complete);
                }
            }
            Op::OrSkip(target) => {
                if matches!(self.stack.last(), Some(Value::Bool(true))) {
                    return self.skip(target as usize, next, complete);
                }
            }
            Op::Conditional => {
                let otherwise = self.pop();
                let then = self.pop();
                let test = self.pop();
                self.stack
                    .push(conditional(test, then, otherwise, &mut self.scratch));
            }
            Op::List(count) => self.list(count as usize),
            Op::Map(count) => self.map(count as usize),
            Op::Call { builtin, count } => {
                let first = self.stack.len().saturating_sub(count as usize);
                let arguments = self.stack.get(first..).unwrap_or(&[]);
                let mut value = apply(builtin, arguments, &mut self.scratch);
                if self.scratch.is_out_of_steps() {
                    value = Value::Error(EvalError::TooManySteps);
                }
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
                self.scratch.work(ZONE_STEPS);
                let value = in_window(self.pop(), window, zone);
                self.stack.push(value);
            }
            Op::Matches(pattern) => {
                let value = match (self.pop(), program.patterns.get(pattern as usize)) {
                    (Value::String(text), Some(pattern)) => self.matches(text, pattern),
                    (other, _) => other.expected(&"text"),
                };
                self.stack.push(value);
            }
            Op::Parses => {
                let value = match self.pop() {
                    // Not the function's answer, but that it could not be asked.
                    spent @ Value::Error(EvalError::TooLarge | EvalError::TooManySteps) => spent,
                    value => Value::Bool(value.kind().is_some()),
                };
                self.stack.push(value);
            }
            Op::LoopStart { kind, behind } => return self.begin(kind, next, behind as usize),
            Op::LoopFilter { end } => return self.filter(next, end as usize),
            Op::LoopEnd { kind, body } => return self.advance(kind, body as usize, next),
        }
        next
    }

    /// At `&&` or `||` whose outcome is settled: goes behind it, or visits its right side only to show
    /// that.
    fn skip(&mut self, end: usize, next: usize, complete: bool) -> usize {
        if !complete {
            return end;
        }
        if self.aside.is_none() {
            self.aside = Some(Aside {
                end,
                stack_len: self.stack.len(),
                loops_len: self.loops.len(),
            });
            self.scratch.begin_aside();
        }
        next
    }

    /// One step on the way to the member that `has` asks about.
    fn step_or_absent(
        &mut self,
        object: Value<'a>,
        key: Value<'a>,
        absent: usize,
        next: usize,
    ) -> usize {
        self.scratch.work(object.search_steps());
        let found = match (object, key) {
            (Value::DocumentMap(_) | Value::Map(_), Value::String(name))
                if !has_member(object, name) =>
            {
                None
            }
            (_, Value::String(name)) => Some(object.member(name)),
            _ => Some(object.index(key)),
        };
        match found {
            Some(found) if !is_behind_the_end(found) => {
                self.stack.push(found);
                next
            }
            _ => {
                self.stack.push(Value::Bool(false));
                absent
            }
        }
    }

    /// Whether a pattern occurs.
    fn matches(&mut self, text: &str, pattern: &Pattern) -> Value<'a> {
        let Some(steps) = pattern.steps(text) else {
            return Value::Error(EvalError::TooLarge);
        };
        if !self.scratch.work(steps) {
            return Value::Error(EvalError::TooManySteps);
        }
        Value::Bool(pattern.regex.is_match(text))
    }

    fn list(&mut self, count: usize) {
        let has_room = self.scratch.build(count.saturating_mul(ENTRY_BYTES));
        let first = self.stack.len().saturating_sub(count);
        let items = self.stack.get(first..).unwrap_or(&[]);
        let error = items.iter().find(|item| matches!(item, Value::Error(_)));
        let list = match error {
            Some(error) => *error,
            None if has_room => Value::List(self.scratch.arena.alloc_slice_copy(items)),
            None => Value::Error(EvalError::TooLarge),
        };
        self.stack.truncate(first);
        self.stack.push(list);
    }

    fn map(&mut self, count: usize) {
        let mut outcome = Value::Null;
        if !self
            .scratch
            .build(count.saturating_mul(ENTRY_BYTES).saturating_mul(2))
        {
            outcome = Value::Error(EvalError::TooLarge);
        }
        let first = self.stack.len().saturating_sub(count.saturating_mul(2));
        let mut entries = ArenaVec::with_capacity_in(count, self.scratch.arena);
        for pair in self.stack.get(first..).unwrap_or(&[]).chunks(2) {
            match pair {
                [Value::String(_), error @ Value::Error(_)] => spoil(&mut outcome, *error),
                [Value::String(key), value] => {
                    // A key that stands twice has no single value.
                    if entries.iter().any(|(known, _)| known == key) {
                        spoil(&mut outcome, Value::Error(EvalError::DuplicateKey));
                    }
                    entries.push((*key, *value));
                }
                [key, ..] => spoil(&mut outcome, key.expected(&"text as key")),
                [] => {}
            }
        }
        self.stack.truncate(first);
        self.stack.push(match outcome {
            Value::Null => Value::Map(entries.into_bump_slice()),
            spoiled => spoiled,
        });
    }

    // --- Loops ---

    fn begin(&mut self, kind: LoopKind, body: usize, behind: usize) -> usize {
        let list = self.pop();
        let visit = match (list.visit(), list.len()) {
            (Some(_), Some(len)) if len > LOOP_ITEMS_MAX => Err(Value::Error(EvalError::TooLarge)),
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
        if self.loops.is_empty() {
            self.scratch.begin_loop();
        }
        let values = ArenaVec::new_in(self.scratch.arena);
        self.loops.push(Loop {
            visit,
            current,
            behind,
            stack_len: self.stack.len(),
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

    /// Leaves all loops, or what is visited only to be shown, because there are no steps left.
    fn give_up(&mut self, behind: usize) -> usize {
        if let Some(aside) = self.aside.filter(|aside| aside.loops_len > 0) {
            self.stack.truncate(aside.stack_len);
            self.loops.truncate(aside.loops_len);
            return aside.end;
        }
        let (behind, stack_len) = self
            .loops
            .first()
            .map_or((behind, 0), |frame| (frame.behind, frame.stack_len));
        self.loops.clear();
        self.scratch.end_loop();
        self.stack.truncate(stack_len);
        self.stack.push(Value::Error(EvalError::TooManySteps));
        behind
    }

    /// Takes the body's answer for the current element; goes to the next one or leaves the loop.
    fn advance(&mut self, kind: LoopKind, body: usize, behind: usize) -> usize {
        let answer = self.pop();
        self.scratch
            .work(behind.saturating_sub(body).saturating_add(STEPS_PER_VISIT));
        if self.scratch.is_out_of_steps() {
            return self.give_up(behind);
        }
        let keeps = matches!(kind, LoopKind::Filter | LoopKind::Map);
        let has_room = !keeps || self.scratch.build(ENTRY_BYTES);
        let Some(frame) = self.loops.last_mut() else {
            return behind;
        };
        let mut done = false;
        if !has_room {
            frame.outcome = Value::Error(EvalError::TooLarge);
            done = true;
        }
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
        if !done && let Some(current) = frame.visit.next() {
            frame.current = current;
            return body;
        }
        if let Some(frame) = self.loops.pop() {
            if self.loops.is_empty() {
                self.scratch.end_loop();
            }
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

/// An index behind the end of a list finds nothing, which `has` tells from what cannot be.
fn is_behind_the_end(value: Value<'_>) -> bool {
    matches!(value, Value::Error(EvalError::Index))
}

#[inline]
pub(super) fn value_of<'a>(constant: &'a Constant, constants: &'a Document<'a>) -> Value<'a> {
    match constant {
        Constant::Null => Value::Null,
        Constant::Bool(value) => Value::Bool(*value),
        Constant::Number(number) => Value::Number(*number),
        Constant::String(text) => Value::String(text),
        Constant::Timestamp(at) => Value::Timestamp(*at),
        Constant::Duration(span) => Value::Duration(*span),
        Constant::Data(node) => Value::from_document(constants.value(*node)),
    }
}

/// The elements of a list of literals.
fn literals<'a>(
    program: &'a Program,
    list: u32,
    constants: &'a Document<'a>,
) -> impl ExactSizeIterator<Item = Value<'a>> {
    let list = program
        .lists
        .get(list as usize)
        .map_or(&[][..], |list| list);
    list.iter().map(|constant| value_of(constant, constants))
}

/// What going to the next element costs, besides the instructions of the loop's body.
const STEPS_PER_VISIT: usize = 2;

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
