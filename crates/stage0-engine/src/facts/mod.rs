//! The request after normalisation, as the rules see it: one value per slot.
//!
//! A rule never sees a request. What was absent stays absent, a path through something without
//! members is an error in that slot only, and what no rule reads is never looked at.

pub(crate) mod run;
pub(crate) mod table;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;
use smallvec::SmallVec;

pub(crate) use table::{Branch, FactTable, Place};
pub use table::{FACT_ROOTS, FactRoot, FactRootInfo};

use crate::condition::Slot;
use crate::condition::value::{EvalError, Value};
use crate::decide::subject::View;
use crate::document::ValueRef;
use crate::index::Layer;
use crate::number::Number;
use crate::request::Request;
use crate::time::Timestamp;
use crate::vocabulary::constraint::{Constraint, ConstraintValue};

/// Facts that stand in one list. A policy about one thing rarely has more.
const FEW: usize = 64;
/// Slots in one page of further values.
const PAGE: usize = 32;

/// Values with parts that the table names, and what it names in them.
type Waiting<'a> = SmallVec<[(&'a Branch, Value<'a>); 4]>;

/// Whether a fact is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Present,
    Absent,
    /// Cannot be told: the arguments of a call that was not made yet.
    Unknowable,
    Error(EvalError),
}

/// One value per slot. Behind the first few, pages without a fact are never made, so a policy may have
/// any number of slots without making each decision pay for them.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    few: &'a mut [Value<'a>],
    pages: ArenaVec<'a, Option<&'a mut [Value<'a>; PAGE]>>,
    table: &'a FactTable,
    arena: &'a Bump,
    has_call: bool,
}

impl<'a> Facts<'a> {
    fn empty(table: &'a FactTable, has_call: bool, arena: &'a Bump) -> Self {
        let few = arena.alloc_slice_fill_copy(table.len().min(FEW), Value::Unknown);
        let mut pages = ArenaVec::new_in(arena);
        let further = table.len().saturating_sub(FEW);
        pages.extend((0..further.div_ceil(PAGE)).map(|_| None));
        Self {
            few,
            pages,
            table,
            arena,
            has_call,
        }
    }

    /// Reads what the policy's table names.
    pub(crate) fn gather(
        table: &'a FactTable,
        request: &'a Request<'a>,
        now: Timestamp,
        arena: &'a Bump,
    ) -> Self {
        let mut facts = Self::empty(table, request.has_call(), arena);
        if let Some(at) = table.root(FactRoot::Context) {
            let context = request
                .context()
                .map_or(Value::Map(&[]), Value::from_document);
            facts.fill(at, context);
            facts.environment(at, request);
        }
        if let Some(at) = table.root(FactRoot::Args)
            && request.has_call()
        {
            let arguments = request
                .arguments()
                .map_or(Value::Map(&[]), Value::from_document);
            facts.fill(at, arguments);
        }
        for (root, name) in [
            (FactRoot::Goal, "goal"),
            (FactRoot::SuccessCriteria, "success_criteria"),
            (FactRoot::Constraints, "constraints"),
            (FactRoot::SideEffects, "side_effects"),
            (FactRoot::Trusted, "trusted"),
        ] {
            if let Some(at) = table.root(root) {
                // A list that was left out is an empty one, by the wire contract.
                let default = if root == FactRoot::Goal {
                    Value::Unknown
                } else {
                    Value::List(&[])
                };
                facts.fill(
                    at,
                    request.field(name).map_or(default, Value::from_document),
                );
            }
        }
        if let Some(at) = table.root(FactRoot::Now) {
            facts.fill(at, Value::Timestamp(now));
        }
        if let Some(at) = table.root(FactRoot::Pro) {
            facts.fill(at, Value::Bool(request.pro()));
        }
        if let Some(at) = table.root(FactRoot::Tools) {
            let names = request
                .tools()
                .chain(request.call_name())
                .map(Value::String);
            let names = ArenaVec::from_iter_in(names, arena);
            facts.fill(at, Value::List(names.into_bump_slice()));
        }
        if let Some(at) = table.root(FactRoot::Constraint) {
            facts.fill(at, constraint_map(request, arena));
        }
        facts
    }

    /// Reads variables, which stand where a call's arguments would.
    pub(crate) fn of_variables(
        table: &'a FactTable,
        variables: ValueRef<'a>,
        now: Timestamp,
        arena: &'a Bump,
    ) -> Self {
        let mut facts = Self::empty(table, true, arena);
        if let Some(at) = table.root(FactRoot::Args) {
            facts.fill(at, Value::from_document(variables));
        }
        if let Some(at) = table.root(FactRoot::Now) {
            facts.fill(at, Value::Timestamp(now));
        }
        facts
    }

    /// Turns to a tool, as a layer sees it: by its catalogued name, or the name as it was called;
    /// nothing in a plan without tools.
    pub(crate) fn turn_to(&mut self, layer: &'a Layer, tool: Option<&'a str>, view: &View<'a>) {
        if let Some(at) = self.table.root(FactRoot::Tool) {
            self.fill(at, tool.map_or(Value::Unknown, Value::String));
        }
        let (all, unknown) = (
            self.table.root(FactRoot::Effects),
            self.table.root(FactRoot::UnknownEffects),
        );
        if all.is_some() || unknown.is_some() {
            let effects = view.effect_values(layer, self.arena);
            if let Some(at) = all {
                self.fill(at, Value::List(effects));
            }
            if let Some(at) = unknown {
                let known = effects.len().saturating_sub(view.unknown_effects.len());
                let unknown = effects.get(known..).unwrap_or_default();
                self.fill(at, Value::List(unknown));
            }
        }
        if let Some(at) = self.table.root(FactRoot::Writes) {
            let writes = view.effects.overlaps(layer.effects.writing());
            self.fill(at, Value::Bool(writes));
        }
    }

    /// The environment may stand beside the context; there it means the same.
    fn environment(&mut self, context: Place, request: &'a Request<'a>) {
        let Some(value) = request.environment_beside() else {
            return;
        };
        let branch = context.branch.and_then(|at| self.table.branch(at));
        if let Some(place) = branch.and_then(|branch| branch.fields.named("environment")) {
            self.fill(place, Value::from_document(value));
        }
    }

    /// Puts a value and what the table names inside it into their slots.
    fn fill(&mut self, place: Place, value: Value<'a>) {
        let mut waiting = Waiting::new();
        self.settle(place, value, &mut waiting);
        while let Some((branch, value)) = waiting.pop() {
            match value {
                Value::DocumentMap(map) => {
                    map.visit_members(|member| {
                        let find = branch.fields.find(member.print(), || member.key_bytes());
                        match find {
                            None => {}
                            // Most facts have no parts that are facts.
                            Some(Place {
                                slot: Some(slot),
                                branch: None,
                            }) => {
                                if let Some(cell) = self.cell(slot) {
                                    *cell = Value::of_member(member);
                                }
                            }
                            Some(place) => {
                                self.settle(place, Value::of_member(member), &mut waiting);
                            }
                        }
                    });
                }
                Value::Map(entries) => {
                    for (key, member) in entries {
                        if let Some(place) = branch.fields.named(key) {
                            self.settle(place, *member, &mut waiting);
                        }
                    }
                }
                // The value is no object: each member that a rule reads is the error that says so.
                other => {
                    for place in branch.fields.places() {
                        self.settle(place, other.member(""), &mut waiting);
                    }
                }
            }
            for (position, place) in &branch.positions {
                let index = Number::from_u64(u64::from(*position));
                self.settle(*place, value.index(Value::Number(index)), &mut waiting);
            }
        }
    }

    /// Puts a value into its slot; what has parts that the table names waits for them to be looked at.
    #[inline]
    fn settle(&mut self, place: Place, value: Value<'a>, waiting: &mut Waiting<'a>) {
        if let Some(slot) = place.slot
            && let Some(cell) = self.cell(slot)
        {
            *cell = value;
        }
        if let Some(at) = place.branch
            && !value.is_unknown()
            && let Some(branch) = self.table.branch(at)
        {
            waiting.push((branch, value));
        }
    }

    /// Where the value of a slot stands.
    #[inline]
    fn cell(&mut self, slot: Slot) -> Option<&mut Value<'a>> {
        if (slot as usize) < self.few.len() {
            self.few.get_mut(slot as usize)
        } else {
            self.further_cell(slot)
        }
    }

    fn further_cell(&mut self, slot: Slot) -> Option<&mut Value<'a>> {
        let further = (slot as usize).saturating_sub(FEW);
        let arena = self.arena;
        let page = self.pages.get_mut(further / PAGE)?;
        let page = page.get_or_insert_with(|| arena.alloc([Value::Unknown; PAGE]));
        page.get_mut(further % PAGE)
    }

    /// The value in a slot; unknown if the fact is absent.
    #[inline]
    pub(crate) fn value(&self, slot: Slot) -> Value<'a> {
        *self.look(slot)
    }

    /// The same where it stands, for those that look at one part of it.
    #[inline]
    pub(crate) fn look(&self, slot: Slot) -> &Value<'a> {
        match self.few.get(slot as usize) {
            Some(value) => value,
            None => self.look_further(slot),
        }
    }

    fn look_further(&self, slot: Slot) -> &Value<'a> {
        let further = (slot as usize).saturating_sub(FEW);
        let page = self.pages.get(further / PAGE).and_then(Option::as_ref);
        let value = page.and_then(|page| page.get(further % PAGE));
        value.unwrap_or(&Value::Unknown)
    }

    /// Whether the fact in a slot is there.
    pub(crate) fn presence(&self, slot: Slot) -> Presence {
        match self.value(slot) {
            Value::Unknown => {
                let is_argument = self
                    .table
                    .fact(slot)
                    .is_some_and(|fact| fact.root == FactRoot::Args);
                if is_argument && !self.has_call {
                    Presence::Unknowable
                } else {
                    Presence::Absent
                }
            }
            // An index behind the end of a list finds nothing.
            Value::Error(EvalError::Index) => Presence::Absent,
            Value::Error(error) => Presence::Error(error),
            _ => Presence::Present,
        }
    }

    /// The table that the slots belong to.
    pub(crate) fn table(&self) -> &'a FactTable {
        self.table
    }
}

/// The constraints as one object. One that stands twice means the stricter.
fn constraint_map<'a>(request: &Request<'_>, arena: &'a Bump) -> Value<'a> {
    let mut entries: ArenaVec<'a, (&'a str, Value<'a>)> = ArenaVec::with_capacity_in(4, arena);
    for constraint in request.readings() {
        let (name, value) = match constraint {
            Constraint::Known { key, value } => (key.name, constraint_value(value, arena)),
            Constraint::Promise(name) => (*name, Value::Bool(true)),
            Constraint::Off(_) | Constraint::Invalid(_) | Constraint::Free => continue,
        };
        match entries.iter_mut().find(|(known, _)| *known == name) {
            Some((_, first)) => *first = stricter(*first, value, arena),
            None => entries.push((name, value)),
        }
    }
    Value::Map(entries.into_bump_slice())
}

#[inline(never)]
fn constraint_value<'a>(value: &ConstraintValue, arena: &'a Bump) -> Value<'a> {
    match value {
        ConstraintValue::Flag => Value::Bool(true),
        ConstraintValue::Number(number) => Value::Number(*number),
        ConstraintValue::Span(span) => Value::Duration(*span),
        ConstraintValue::Window(window) => Value::String(arena.alloc_str(window)),
        ConstraintValue::List(names) => {
            let mut values = ArenaVec::with_capacity_in(names.len(), arena);
            for name in names {
                values.push(Value::String(&*arena.alloc_str(name)));
            }
            Value::List(values.into_bump_slice())
        }
    }
}

/// The smaller number, the shorter span, the names that stand in both lists.
fn stricter<'a>(one: Value<'a>, two: Value<'a>, arena: &'a Bump) -> Value<'a> {
    match (one, two) {
        (Value::Number(left), Value::Number(right)) => Value::Number(left.min(right)),
        (Value::Duration(left), Value::Duration(right)) => Value::Duration(left.min(right)),
        (Value::List(left), Value::List(right)) => {
            let is_text = |value: &Value<'_>, text: &str| matches!(value, Value::String(other) if *other == text);
            let both = left.iter().copied().filter(|value| {
                matches!(value, Value::String(text) if right.iter().any(|other| is_text(other, text)))
            });
            Value::List(ArenaVec::from_iter_in(both, arena).into_bump_slice())
        }
        // Two windows have no smaller one; that a time lies in both cannot be said by one value.
        (Value::String(left), Value::String(right)) if left != right => {
            Value::Error(EvalError::TooLarge)
        }
        (first, _) => first,
    }
}
