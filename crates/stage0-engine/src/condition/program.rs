//! A typed tree to a flat program over fact slots.
//!
//! One instruction per node, in the tree's own order, plus the jumps that let `&&` and `||` skip
//! their right side. Paths become slots of the policy's fact table, names under `params` and `data`
//! become constants, regular expressions and zones are made once. The static cost is worked out here
//! too, as if lists had the length that they usually have at most; longer ones are bounded by what their
//! loops take as they run.

use regex_lite::{Regex, RegexBuilder};

use super::builtin::{Builtin, ClockField, FUNCTIONS};
use super::error::{ConditionError, ConditionErrorKind};
use super::timing::plan::{Plan, plan_of};
use super::tree::{Expr, Id, LoopKind, Operator, Path, Tree, id};
use super::truth::{TruthStep, steps_of};
use crate::function;
use crate::limits::{
    CONDITION_COST_MAX, LOOP_COST_ITEMS, LOOP_COST_VISITS, MATCH_STEPS_MAX, MATCH_TEXT_BYTES_MAX,
    REGEX_BYTES_MAX,
};
use crate::number::Number;
use crate::time::window::Window;
use crate::time::{Duration, Timestamp, Zone, ZoneError};

/// Index of a fact in the policy's table.
pub(crate) type Slot = u32;

/// One instruction. All work on a stack of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Op {
    Constant(u32),
    Slot(Slot),
    HasSlot(Slot),
    Let(u32),
    Variable(u32),
    Select(u32),
    /// A step on the way to what `has` asks about: where it finds nothing, it leaves `false` and goes
    /// on at the target.
    SelectOrAbsent {
        name: u32,
        absent: u32,
    },
    IndexOrAbsent {
        absent: u32,
    },
    HasField(u32),
    Index,
    Not,
    Negate,
    Binary(Operator),
    /// Compares a fact with a constant: what most conditions are made of.
    SlotConstant {
        operator: Operator,
        slot: Slot,
        constant: u32,
    },
    /// A list of literals.
    ConstantList(u32),
    /// Whether a fact is one of some literals: what most other conditions are made of.
    SlotIn {
        slot: Slot,
        list: u32,
    },
    /// Leaves `false` and goes on at the target; the instruction there is the `&&` itself.
    AndSkip(u32),
    OrSkip(u32),
    Conditional,
    List(u32),
    Map(u32),
    Call {
        builtin: Builtin,
        count: u32,
    },
    Clock {
        field: ClockField,
        zone: u32,
    },
    /// The window is known when the policy is loaded.
    InWindow(u32),
    /// The window is a value; without a zone of its own it is in this one.
    InWindowText {
        zone: u32,
    },
    Matches(u32),
    Parses,
    /// Takes the list and visits its first element, or goes on behind the loop.
    LoopStart {
        kind: LoopKind,
        behind: u32,
    },
    /// Takes the filter's answer for one element.
    LoopFilter {
        end: u32,
    },
    /// Takes the body's answer for one element and visits the next.
    LoopEnd {
        kind: LoopKind,
        body: u32,
    },
}

/// A constant of a program.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Constant {
    Null,
    Bool(bool),
    Number(Number),
    String(Box<str>),
    Timestamp(Timestamp),
    Duration(Duration),
    /// A value in the policy's constants document.
    Data(u32),
}

impl Pattern {
    /// The steps that looking for it in a text may take; nothing if there are more than one search may
    /// take. Unlike other operations it could take seconds, so it is not even begun where it may.
    pub(crate) fn steps(&self, text: &str) -> Option<usize> {
        let steps = text.len().saturating_mul(self.steps_per_byte);
        (text.len() <= MATCH_TEXT_BYTES_MAX && steps <= MATCH_STEPS_MAX).then_some(steps)
    }
}

/// What a path stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Resolved {
    Slot(Slot),
    Let(u32),
    Constant(Constant),
}

/// Where paths are looked up while compiling.
pub(crate) trait Resolver {
    fn resolve(&mut self, path: &Path) -> Resolved;
    /// The policy's own zone.
    fn zone(&self) -> Zone {
        Zone::UTC
    }
}

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// What one byte of text costs at most: in every place of the pattern, a match may stand.
    pub(crate) steps_per_byte: usize,
}

/// A compiled condition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    pub(crate) ops: Box<[Op]>,
    /// For each instruction the node it computes; what explains a decision looks values up by node.
    pub(crate) nodes: Box<[Id]>,
    pub(crate) constants: Box<[Constant]>,
    pub(crate) lists: Box<[Box<[Constant]>]>,
    pub(crate) patterns: Box<[Pattern]>,
    pub(crate) zones: Box<[Zone]>,
    pub(crate) windows: Box<[Window]>,
    /// The facts it reads, sorted.
    pub(crate) slots: Box<[Slot]>,
    /// The named expressions it reads, sorted.
    pub(crate) lets: Box<[u32]>,
    /// The condition as tests; none where the whole is run.
    pub(crate) steps: Box<[TruthStep]>,
    /// How long its outcome stands.
    pub(crate) timing: Plan,
}

/// Compiles a tree that has been checked.
pub(crate) fn compile(
    tree: &Tree,
    resolver: &mut dyn Resolver,
    errors: &mut Vec<ConditionError>,
) -> Program {
    let mut compiler = Compiler {
        tree,
        resolver,
        errors,
        ops: Vec::new(),
        nodes: Vec::new(),
        constants: Vec::new(),
        lists: Vec::new(),
        patterns: Vec::new(),
        zones: Vec::new(),
        windows: Vec::new(),
        slots: Vec::new(),
        lets: Vec::new(),
        cost: 0,
        loops: 0,
        skips: vec![None; tree.nodes.len()],
        patches: vec![0; tree.nodes.len()],
        dropped: vec![false; tree.nodes.len()],
        filters: vec![false; tree.nodes.len()],
    };
    compiler.run();
    let Compiler {
        ops,
        nodes,
        constants,
        lists,
        patterns,
        zones,
        windows,
        mut slots,
        mut lets,
        cost,
        ..
    } = compiler;
    slots.sort_unstable();
    slots.dedup();
    lets.sort_unstable();
    lets.dedup();
    if cost > CONDITION_COST_MAX {
        let range = tree.nodes.last().map_or(0..0, |node| node.range.clone());
        errors.push(
            ConditionError::new(
                ConditionErrorKind::TooComplex,
                range,
                format!(
                    "the condition may take {cost} steps, and {CONDITION_COST_MAX} are allowed"
                ),
            )
            .with_help(
                "loops within loops multiply: loop once, or look elements up with `in` a list",
            ),
        );
    }
    let mut program = Program {
        ops: ops.into(),
        nodes: nodes.into(),
        constants: constants.into(),
        lists: lists.into(),
        patterns: patterns.into(),
        zones: zones.into(),
        windows: windows.into(),
        slots: slots.into(),
        lets: lets.into(),
        ..Program::default()
    };
    program.timing = plan_of(&program, tree);
    program.steps = steps_of(&program, tree, program.timing.compared());
    program
}

struct Compiler<'c> {
    tree: &'c Tree,
    resolver: &'c mut dyn Resolver,
    errors: &'c mut Vec<ConditionError>,
    ops: Vec<Op>,
    nodes: Vec<Id>,
    constants: Vec<Constant>,
    lists: Vec<Box<[Constant]>>,
    patterns: Vec<Pattern>,
    zones: Vec<Zone>,
    windows: Vec<Window>,
    slots: Vec<Slot>,
    lets: Vec<u32>,
    cost: u64,
    /// How many loops stand around the part being compiled.
    loops: u32,
    /// For a node: the operator to skip behind it, because it is a left side.
    skips: Vec<Option<Operator>>,
    /// For a node: where its skip or loop start stands, to be completed later.
    patches: Vec<u32>,
    /// Literals that an instruction carries inside (patterns, zones).
    dropped: Vec<bool>,
    /// The predicates of `map` with three arguments.
    filters: Vec<bool>,
}

impl Compiler<'_> {
    fn run(&mut self) {
        self.prepare();
        for (index, node) in self.tree.nodes.iter().enumerate() {
            let at = id(index);
            if self.dropped.get(index) == Some(&true) {
                continue;
            }
            self.node(at, &node.expr);
            let skip = self.skips.get(index).copied().flatten();
            if let Some(operator) = skip {
                let jump = if operator == Operator::And {
                    Op::AndSkip(0)
                } else {
                    Op::OrSkip(0)
                };
                self.remember(at);
                self.ops.push(jump);
                self.nodes.push(at);
            }
            if self.filters.get(index) == Some(&true) {
                self.remember(at);
                self.ops.push(Op::LoopFilter { end: 0 });
                self.nodes.push(at);
            }
        }
    }

    /// Marks the left sides of `&&` and `||` and the literals that are compiled into instructions.
    fn prepare(&mut self) {
        for node in &self.tree.nodes {
            match &node.expr {
                Expr::Binary {
                    operator: operator @ (Operator::And | Operator::Or),
                    left,
                    ..
                } => {
                    if let Some(skip) = self.skips.get_mut(*left as usize) {
                        *skip = Some(*operator);
                    }
                }
                Expr::Loop {
                    filter: Some(filter),
                    ..
                } => {
                    if let Some(filter) = self.filters.get_mut(*filter as usize) {
                        *filter = true;
                    }
                }
                Expr::Call {
                    function,
                    arguments,
                    ..
                } => {
                    let carried = match (function.as_str(), arguments.as_slice()) {
                        ("timestamp" | "duration", [text]) => Some(text),
                        ("matches" | "in_window", [_, text]) => Some(text),
                        (clock, [_, zone]) if clock.starts_with("get") => Some(zone),
                        _ => None,
                    };
                    if let Some(literal) = carried
                        && self.literal(*literal).is_some()
                        && let Some(dropped) = self.dropped.get_mut(*literal as usize)
                    {
                        *dropped = true;
                    }
                }
                _ => {}
            }
        }
    }

    fn remember(&mut self, at: Id) {
        let here = id(self.ops.len());
        if let Some(patch) = self.patches.get_mut(at as usize) {
            *patch = here;
        }
    }

    fn patched(&self, at: Id) -> u32 {
        self.patches.get(at as usize).copied().unwrap_or(0)
    }

    fn emit(&mut self, at: Id, op: Op, cost: u64) {
        let runs = match self.loops {
            0 => 1,
            1 => LOOP_COST_ITEMS,
            _ => LOOP_COST_VISITS,
        };
        self.cost = self.cost.saturating_add(cost.saturating_mul(runs));
        self.ops.push(op);
        self.nodes.push(at);
    }

    fn constant(&mut self, constant: Constant) -> u32 {
        // Long lists of literals are not searched: a constant that stands twice costs only memory.
        let recent = self.constants.len().saturating_sub(32);
        if let Some(found) = self
            .constants
            .iter()
            .skip(recent)
            .position(|known| *known == constant)
        {
            return id(found.saturating_add(recent));
        }
        self.constants.push(constant);
        id(self.constants.len().saturating_sub(1))
    }

    fn literal(&self, at: Id) -> Option<&str> {
        match self.tree.node(at).map(|node| &node.expr) {
            Some(Expr::String(text)) => Some(text),
            _ => None,
        }
    }

    fn node(&mut self, at: Id, expr: &Expr) {
        match expr {
            Expr::Null => self.emit_constant(at, Constant::Null),
            Expr::Bool(value) => self.emit_constant(at, Constant::Bool(*value)),
            Expr::Number(number) => self.emit_constant(at, Constant::Number(*number)),
            Expr::String(text) => self.emit_constant(at, Constant::String(text.as_str().into())),
            Expr::Path(path) => match self.resolver.resolve(path) {
                Resolved::Slot(slot) => {
                    self.slots.push(slot);
                    self.emit(at, Op::Slot(slot), 1);
                }
                Resolved::Let(index) => {
                    self.lets.push(index);
                    self.emit(at, Op::Let(index), 1);
                }
                Resolved::Constant(constant) => self.emit_constant(at, constant),
            },
            Expr::HasPath(path) => match self.resolver.resolve(path) {
                Resolved::Slot(slot) => {
                    self.slots.push(slot);
                    self.emit(at, Op::HasSlot(slot), 1);
                }
                Resolved::Let(_) | Resolved::Constant(_) => {
                    self.emit_constant(at, Constant::Bool(true));
                }
            },
            Expr::Variable(level) => self.emit(at, Op::Variable(*level), 1),
            Expr::Select { field, .. } => {
                let name = self.constant(Constant::String(field.as_str().into()));
                self.emit(at, Op::Select(name), 5);
            }
            Expr::HasField { operand, field } => {
                let name = self.constant(Constant::String(field.as_str().into()));
                self.find_on_the_way(*operand);
                self.emit(at, Op::HasField(name), 5);
            }
            Expr::Index { .. } => self.emit(at, Op::Index, 10),
            Expr::Not(_) => self.emit(at, Op::Not, 1),
            Expr::Negate(_) => self.emit(at, Op::Negate, 1),
            Expr::Binary {
                operator,
                left,
                right,
            } => self.binary(at, *operator, *left, *right),
            Expr::Conditional { .. } => self.emit(at, Op::Conditional, 1),
            Expr::List(items) if self.take_literals(at, items) => {
                let list = id(self.lists.len().saturating_sub(1));
                self.emit(at, Op::ConstantList(list), 1);
            }
            Expr::List(items) => {
                let count = id(items.len());
                self.emit(at, Op::List(count), u64::from(count));
            }
            Expr::Map(entries) => {
                let count = id(entries.len());
                // Each key is compared with those in front of it.
                let cost = u64::from(count).saturating_mul(u64::from(count)) / 8;
                self.emit(at, Op::Map(count), cost);
            }
            Expr::Call {
                function,
                arguments,
                ..
            } => self.call(at, function, arguments),
            Expr::LoopStart { kind, .. } => {
                self.remember(at);
                self.emit(
                    at,
                    Op::LoopStart {
                        kind: *kind,
                        behind: 0,
                    },
                    1,
                );
                self.loops = self.loops.saturating_add(1);
            }
            Expr::Loop {
                kind,
                start,
                filter,
                ..
            } => {
                let begin = self.patched(*start);
                self.emit(
                    at,
                    Op::LoopEnd {
                        kind: *kind,
                        body: begin.saturating_add(1),
                    },
                    1,
                );
                self.loops = self.loops.saturating_sub(1);
                let behind = id(self.ops.len());
                if let Some(Op::LoopStart { behind: target, .. }) = self.ops.get_mut(begin as usize)
                {
                    *target = behind;
                }
                if let Some(filter) = filter {
                    let filter = self.patched(*filter);
                    if let Some(Op::LoopFilter { end }) = self.ops.get_mut(filter as usize) {
                        *end = behind.saturating_sub(1);
                    }
                }
            }
        }
    }

    /// Presence is two-valued: what is missing on the way to the last member settles `has`.
    fn find_on_the_way(&mut self, operand: Id) {
        let absent = id(self.ops.len()).saturating_add(1);
        let mut wanted = operand;
        // Operands come before their operator, so one look back meets every step of the way.
        for (op, node) in self.ops.iter_mut().zip(&self.nodes).rev() {
            if *node != wanted {
                continue;
            }
            match (&*op, self.tree.node(wanted).map(|node| &node.expr)) {
                (Op::Select(name), Some(Expr::Select { operand, .. })) => {
                    *op = Op::SelectOrAbsent {
                        name: *name,
                        absent,
                    };
                    wanted = *operand;
                }
                (Op::Index, Some(Expr::Index { operand, .. })) => {
                    *op = Op::IndexOrAbsent { absent };
                    wanted = *operand;
                }
                _ => return,
            }
        }
    }

    /// Makes one list of the constants that were emitted last, if they are exactly the items of the
    /// list at this node and stand right in front of it.
    fn take_literals(&mut self, list: Id, items: &[Id]) -> bool {
        let mut leaves = items.iter().rev().zip(1..);
        let are_leaves = leaves.all(|(item, back)| list.checked_sub(back) == Some(*item));
        if items.is_empty() || !are_leaves || !self.nodes.ends_with(items) {
            return false;
        }
        let first = self.ops.len().saturating_sub(items.len());
        let literals = self
            .ops
            .get(first..)
            .unwrap_or_default()
            .iter()
            .map(|op| match op {
                Op::Constant(index) => self.constants.get(*index as usize).cloned(),
                _ => None,
            });
        let Some(list) = literals.collect::<Option<Box<[Constant]>>>() else {
            return false;
        };
        self.lists.push(list);
        self.ops.truncate(first);
        self.nodes.truncate(first);
        true
    }

    fn emit_constant(&mut self, at: Id, constant: Constant) {
        let index = self.constant(constant);
        self.emit(at, Op::Constant(index), 1);
    }

    fn binary(&mut self, at: Id, operator: Operator, left: Id, right: Id) {
        if matches!(operator, Operator::And | Operator::Or) {
            let skip = self.patched(left);
            let here = id(self.ops.len());
            if let Some(Op::AndSkip(target) | Op::OrSkip(target)) = self.ops.get_mut(skip as usize)
            {
                *target = here.saturating_add(1);
            }
            self.emit(at, Op::Binary(operator), 1);
            return;
        }
        // A fact against a constant is one instruction. The operands' own instructions are the last
        // two, because both are leaves.
        let leaves = right.checked_sub(1) == Some(left);
        if leaves
            && let [.., Op::Slot(slot), Op::Constant(constant)] = *self.ops.as_slice()
            && self.nodes.ends_with(&[left, right])
        {
            self.ops.truncate(self.ops.len().saturating_sub(2));
            self.nodes.truncate(self.nodes.len().saturating_sub(2));
            self.emit(
                at,
                Op::SlotConstant {
                    operator,
                    slot,
                    constant,
                },
                1,
            );
            return;
        }
        let fused = match (operator, self.ops.as_slice()) {
            // The list's elements stand between the two, and nothing else: what explains a decision
            // finds the nodes by counting back.
            (Operator::In, [.., Op::Slot(slot), Op::ConstantList(list)])
                if self.nodes.ends_with(&[left, right])
                    && self
                        .lists
                        .last()
                        .and_then(|list| right.checked_sub(id(list.len()))?.checked_sub(1))
                        == Some(left) =>
            {
                Some(Op::SlotIn {
                    slot: *slot,
                    list: *list,
                })
            }
            _ => None,
        };
        if fused.is_some() {
            self.ops.truncate(self.ops.len().saturating_sub(2));
            self.nodes.truncate(self.nodes.len().saturating_sub(2));
        }
        let cost = match operator {
            // Inside a loop, `in` shares the visits that nested loops may make.
            Operator::In if self.loops > 0 => 100,
            Operator::In => 1_000,
            Operator::Equal | Operator::NotEqual | Operator::Add => 5,
            _ => 1,
        };
        self.emit(at, fused.unwrap_or(Op::Binary(operator)), cost);
    }

    #[inline(never)]
    fn call(&mut self, at: Id, function: &str, arguments: &[Id]) {
        match (function, arguments) {
            ("matches", [_, pattern]) => {
                let index = self.regex(*pattern);
                self.emit(at, Op::Matches(index), 1_000);
            }
            ("parses", [_]) => self.emit(at, Op::Parses, 1),
            ("in_window", [_, window]) if self.literal(*window).is_some() => {
                let text = self.literal(*window).unwrap_or("").to_owned();
                match Window::parse(&text, self.resolver.zone()) {
                    Ok(window) => self.windows.push(window),
                    Err(error) => self.refuse(
                        *window,
                        format!("`{text}` is no weekly window: {error}"),
                        "write for example \"Mon-Fri 09:00-17:00 Europe/Berlin\"",
                    ),
                }
                let index = id(self.windows.len().saturating_sub(1));
                self.emit(at, Op::InWindow(index), 50);
            }
            ("in_window", [_, _]) => {
                self.zones.push(self.resolver.zone());
                let zone = id(self.zones.len().saturating_sub(1));
                self.emit(at, Op::InWindowText { zone }, 100);
            }
            _ => {
                let Some(signature) = FUNCTIONS
                    .iter()
                    .find(|signature| signature.name == function)
                else {
                    // The checker has reported it; the program will not be used.
                    return self.emit_constant(at, Constant::Null);
                };
                if let (Builtin::Clock(field), [_, zone]) = (signature.builtin, arguments)
                    && let Some(name) = self.literal(*zone)
                {
                    let name = name.to_owned();
                    match Zone::find(&name) {
                        Ok(zone) => self.zones.push(zone),
                        Err(error) => self.refuse(*zone, error.to_string(), &zone_help(error)),
                    }
                    let zone = id(self.zones.len().saturating_sub(1));
                    return self.emit(at, Op::Clock { field, zone }, signature.cost);
                }
                if let Some(constant) = self.literal_time(signature.builtin, arguments) {
                    return self.emit_constant(at, constant);
                }
                self.literal_argument(signature.builtin, arguments);
                let count = id(arguments.len());
                self.emit(
                    at,
                    Op::Call {
                        builtin: signature.builtin,
                        count,
                    },
                    signature.cost,
                );
            }
        }
    }

    /// The constant that `timestamp` or `duration` makes of a literal. One that can never be read as
    /// a time is an error of the policy, not of every request.
    fn literal_time(&mut self, builtin: Builtin, arguments: &[Id]) -> Option<Constant> {
        let [argument] = arguments else { return None };
        let text = self.literal(*argument)?;
        let (constant, example) = match builtin {
            Builtin::Timestamp => (
                Timestamp::parse(text).map(Constant::Timestamp),
                "write for example timestamp(\"2026-01-05T10:00:00Z\")",
            ),
            Builtin::Duration => (
                Duration::parse(text).map(Constant::Duration),
                "write for example duration(\"1h30m\")",
            ),
            _ => return None,
        };
        match constant {
            Ok(constant) => Some(constant),
            Err(error) => {
                self.refuse(*argument, error.to_string(), example);
                Some(Constant::Null)
            }
        }
    }

    /// What a text is held against is nearly always a literal, and one that no text can be held against
    /// is an error of the policy, too.
    fn literal_argument(&mut self, builtin: Builtin, arguments: &[Id]) {
        let [_, argument] = arguments else { return };
        let Some(text) = self.literal(*argument) else {
            return;
        };
        // The functions accept these texts, so that only the literal can be wrong.
        let (answer, help) = match builtin {
            Builtin::Glob => (function::glob("", text), "split the pattern"),
            Builtin::PathWithin => (
                function::path_within("/", text),
                "write an absolute folder such as \"/srv/data\"",
            ),
            Builtin::HostWithin => (
                function::host_within("https://example.com/", text),
                "write a bare domain such as \"example.com\", which covers its subdomains",
            ),
            Builtin::IpInCidr => (
                function::ip_in_cidr("::1", text),
                "write for example \"10.0.0.0/8\"",
            ),
            _ => return,
        };
        if let Err(error) = answer {
            self.refuse(*argument, error.to_string(), help);
        }
    }

    fn regex(&mut self, pattern: Id) -> u32 {
        let text = self.literal(pattern).unwrap_or("").to_owned();
        match pattern_of(&text) {
            Ok(pattern) => self.patterns.push(pattern),
            // A pattern that is accepted without the limit is merely too large.
            Err(_) if Regex::new(&text).is_ok() => self.refuse(
                pattern,
                format!("this regular expression takes more than {REGEX_BYTES_MAX} bytes"),
                "shorten its counted repetitions, such as {1,1000}",
            ),
            Err(error) => self.refuse(
                pattern,
                format!("this is no regular expression: {error}"),
                "the syntax is RE2's with ASCII classes; there are no look-arounds or back-references",
            ),
        }
        id(self.patterns.len().saturating_sub(1))
    }

    fn refuse(&mut self, at: Id, message: String, help: &str) {
        let range = self.tree.node(at).map_or(0..0, |node| node.range.clone());
        self.errors
            .push(ConditionError::new(ConditionErrorKind::Literal, range, message).with_help(help));
    }
}

/// What to write instead of a zone that is not known.
pub(crate) fn zone_help(error: ZoneError) -> String {
    match error {
        ZoneError::Unknown {
            suggestion: Some(name),
        } => format!("did you mean `{name}`?"),
        ZoneError::Unknown { suggestion: None } | ZoneError::NotFixed => {
            "use an IANA name such as Europe/Berlin, an offset such as +02:00, or UTC".to_owned()
        }
    }
}

/// Bytes of a compiled pattern that one byte of text meets in one step.
const PATTERN_BYTES_PER_STEP: usize = 64;

/// Compiles a pattern, and tells its size by the smallest limit that it keeps.
pub(crate) fn pattern_of(text: &str) -> Result<Pattern, regex_lite::Error> {
    let mut bytes = 1_024;
    loop {
        match RegexBuilder::new(text).size_limit(bytes).build() {
            Ok(regex) => {
                let steps_per_byte = bytes / PATTERN_BYTES_PER_STEP;
                return Ok(Pattern {
                    regex,
                    steps_per_byte,
                });
            }
            Err(error) if bytes >= REGEX_BYTES_MAX => return Err(error),
            Err(_) => bytes = bytes.saturating_mul(2),
        }
    }
}
