//! The facts that a policy can read, known when it is loaded.
//!
//! Each distinct constant path of a policy's conditions is one slot. The paths form a tree of names,
//! so one walk over the request fills all slots, and members that no rule reads cost a lookup each
//! and nothing more. Slots are numbered in the order of their names: a sorted list of slots is a
//! sorted list of names.

use std::collections::{BTreeMap, BTreeSet};

use crate::condition::{Path, Slot, Step};
use crate::document::print_of;

/// Where a fact comes from: the first name of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactRoot {
    /// The call's arguments: the agent's word.
    Args,
    /// What the agent's constraints say.
    Constraint,
    /// The constraints as texts.
    Constraints,
    /// The host's word.
    Context,
    /// The tool's effects, catalogued and declared.
    Effects,
    /// What is to be done.
    Goal,
    /// The time of the decision.
    Now,
    /// Whether the strict mode is on.
    Pro,
    /// What the run has done, by the host's state.
    Run,
    /// The declared effects as texts.
    SideEffects,
    /// How the agent would know that it is done.
    SuccessCriteria,
    /// The catalogued name of the tool.
    Tool,
    /// The plan's tools.
    Tools,
    /// Texts written by the user or operator.
    Trusted,
    /// Declared effects that no class covers.
    UnknownEffects,
    /// Whether the tool has an effect that writes.
    Writes,
}

impl FactRoot {
    /// Whether a request says it, word for word.
    pub(crate) const fn is_of_request(self) -> bool {
        match self {
            Self::Args
            | Self::Constraints
            | Self::Context
            | Self::Goal
            | Self::Pro
            | Self::SideEffects
            | Self::SuccessCriteria
            | Self::Tools
            | Self::Trusted => true,
            Self::Constraint
            | Self::Effects
            | Self::Now
            | Self::Run
            | Self::Tool
            | Self::UnknownEffects
            | Self::Writes => false,
        }
    }
}

/// One line of the table of roots.
#[derive(Debug)]
pub struct FactRootInfo {
    /// The name in conditions.
    pub name: &'static str,
    /// The root.
    pub root: FactRoot,
    /// Whether names may follow it.
    pub has_members: bool,
    /// Whether it is the agent's word, or can be widened by it: an allow may not rest on it.
    pub is_claimed: bool,
    /// What it is, for the reference.
    pub summary: &'static str,
}

const fn root(
    name: &'static str,
    root: FactRoot,
    has_members: bool,
    is_claimed: bool,
    summary: &'static str,
) -> FactRootInfo {
    FactRootInfo {
        name,
        root,
        has_members,
        is_claimed,
        summary,
    }
}

/// Every root, by name.
pub const FACT_ROOTS: &[FactRootInfo] = &[
    root("args", FactRoot::Args, true, false, "the call's arguments"),
    root(
        "constraint",
        FactRoot::Constraint,
        true,
        true,
        "what the agent's constraints say, such as constraint.max_iterations",
    ),
    root(
        "constraints",
        FactRoot::Constraints,
        false,
        true,
        "the agent's constraints as texts",
    ),
    root(
        "context",
        FactRoot::Context,
        true,
        false,
        "what the host states: actor, role, tenant, environment, ...",
    ),
    root(
        "effects",
        FactRoot::Effects,
        false,
        true,
        "the tool's effects, catalogued and declared",
    ),
    root(
        "goal",
        FactRoot::Goal,
        false,
        true,
        "what is to be done, in the agent's words",
    ),
    root(
        "now",
        FactRoot::Now,
        false,
        false,
        "the time of the decision",
    ),
    root(
        "pro",
        FactRoot::Pro,
        false,
        true,
        "whether the request asks for the strict mode",
    ),
    root(
        "run",
        FactRoot::Run,
        true,
        false,
        "what the run has done, this call included, such as run.attempts",
    ),
    root(
        "side_effects",
        FactRoot::SideEffects,
        false,
        true,
        "the declared effects as texts",
    ),
    root(
        "success_criteria",
        FactRoot::SuccessCriteria,
        false,
        true,
        "how the agent would know that it is done",
    ),
    root(
        "tool",
        FactRoot::Tool,
        false,
        false,
        "the tool's name in the catalog",
    ),
    root(
        "tools",
        FactRoot::Tools,
        false,
        true,
        "the tools that the plan names",
    ),
    root(
        "trusted",
        FactRoot::Trusted,
        false,
        false,
        "texts written by the user or operator",
    ),
    root(
        "unknown_effects",
        FactRoot::UnknownEffects,
        false,
        true,
        "the declared effects that no class covers, as texts",
    ),
    root(
        "writes",
        FactRoot::Writes,
        false,
        true,
        "whether one of the tool's effects is of a class that writes",
    ),
];

// The table of roots has a place for each.
const _: () = assert!(FactRoot::Writes as usize + 1 == FACT_ROOTS.len());

impl FactRoot {
    /// The root of this name.
    pub fn find(name: &str) -> Option<&'static FactRootInfo> {
        FACT_ROOTS.iter().find(|info| info.name == name)
    }
}

/// A fact that a policy can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) name: Box<str>,
    pub(crate) root: FactRoot,
    pub(crate) path: Path,
}

/// A place in the tree of names: the slot of its fact, and the branch of what is inside it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) slot: Option<Slot>,
    /// Nothing where nothing inside it is a fact.
    pub(crate) branch: Option<u32>,
}

/// What is inside a place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Branch {
    pub(crate) fields: Fields,
    /// Elements, sorted by position.
    pub(crate) positions: Vec<(u32, Place)>,
}

/// The members of a place, and where each leads.
///
/// Every member of a request's context and arguments is looked up here, and most are not there: the
/// print that its key has in the document nearly always tells so without comparing texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    /// A hash table of four times as many cells as names, or more: a power of two. So wide, nearly every
    /// look at it is the only one.
    cells: Vec<Cell>,
    /// Names and places.
    entries: Vec<(Box<str>, Place)>,
}

/// A cell of the table: the place of an entry and the print of its name.
#[derive(Debug, Clone, Copy)]
struct Cell {
    print: u16,
    /// `EMPTY`, or where the entry stands.
    entry: u32,
}

const EMPTY: u32 = u32::MAX;

impl Fields {
    #[inline(never)]
    fn new(entries: Vec<(Box<str>, Place)>) -> Self {
        let empty = Cell {
            print: 0,
            entry: EMPTY,
        };
        let count = entries.len().saturating_mul(4).next_power_of_two();
        let mut cells = vec![empty; count];
        for (place, (name, _)) in entries.iter().enumerate() {
            let print = print_of(name);
            let start = usize::from(print) & count.saturating_sub(1);
            let (front, back) = cells.split_at_mut(start);
            let free = back
                .iter_mut()
                .chain(front)
                .find(|cell| cell.entry == EMPTY);
            if let (Some(cell), Ok(entry)) = (free, u32::try_from(place)) {
                *cell = Cell { print, entry };
            }
        }
        Self { cells, entries }
    }

    /// The place of the member that has this print, and this text: that is asked only for a name of
    /// the same print.
    #[inline]
    pub(crate) fn find<'k>(&self, print: u16, text: impl Fn() -> &'k [u8]) -> Option<Place> {
        let last = self.cells.len().checked_sub(1)?;
        let mut at = usize::from(print) & last;
        loop {
            // Most of the cells are empty, so that this ends.
            let cell = self.cells.get(at)?;
            if cell.entry == EMPTY {
                return None;
            }
            if cell.print == print
                && let Some((name, place)) = self.entries.get(cell.entry as usize)
                && name.as_bytes() == text()
            {
                return Some(*place);
            }
            at = at.wrapping_add(1) & last;
        }
    }

    /// The place of a member by its name alone.
    pub(crate) fn named(&self, name: &str) -> Option<Place> {
        self.find(print_of(name), || name.as_bytes())
    }

    /// The members, each with its place.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, Place)> {
        self.entries.iter().map(|(name, place)| (&**name, *place))
    }

    /// The places of all members.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> {
        self.entries.iter().map(|(_, place)| *place)
    }
}

/// All facts of a policy.
#[derive(Debug, Clone, Default)]
pub(crate) struct FactTable {
    facts: Vec<Fact>,
    branches: Vec<Branch>,
    /// Where the names of each root begin.
    roots: [Option<Place>; FACT_ROOTS.len()],
}

impl FactTable {
    /// The table of these paths, whose roots exist.
    pub(crate) fn new(paths: BTreeSet<Path>) -> Self {
        let mut facts: Vec<Fact> = paths
            .into_iter()
            .filter_map(|path| {
                let root = FactRoot::find(&path.root)?.root;
                Some(Fact {
                    name: path.to_string().into(),
                    root,
                    path,
                })
            })
            .collect();
        facts.sort_by(|one, two| one.name.cmp(&two.name));
        let mut tree = GrowingTree::default();
        for (slot, fact) in facts.iter().enumerate() {
            tree.plant(fact, Slot::try_from(slot).unwrap_or(Slot::MAX));
        }
        let mut roots = [None; FACT_ROOTS.len()];
        for (root, at) in &tree.roots {
            if let Some(known) = roots.get_mut(*root as usize) {
                *known = Some(tree.place(*at));
            }
        }
        let branches = tree.branches.iter().map(|branch| {
            let fields = branch.fields.iter();
            let fields = fields.map(|(name, at)| (name.clone(), tree.place(*at)));
            let positions = branch.positions.iter();
            Branch {
                fields: Fields::new(fields.collect()),
                positions: positions
                    .map(|(index, at)| (*index, tree.place(*at)))
                    .collect(),
            }
        });
        Self {
            facts,
            branches: branches.collect(),
            roots,
        }
    }

    /// How many facts there are.
    pub(crate) fn len(&self) -> usize {
        self.facts.len()
    }

    /// The names of all facts, by slot.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.facts.iter().map(|fact| &*fact.name)
    }

    /// The fact of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Fact> {
        let found = self.facts.binary_search_by(|fact| (*fact.name).cmp(name));
        self.facts.get(found.ok()?)
    }

    /// The slot of a path.
    pub(crate) fn slot(&self, path: &Path) -> Option<Slot> {
        let name = path.to_string();
        let found = self
            .facts
            .binary_search_by(|fact| (*fact.name).cmp(&name))
            .ok()?;
        Slot::try_from(found).ok()
    }

    /// The fact in a slot.
    pub(crate) fn fact(&self, slot: Slot) -> Option<&Fact> {
        self.facts.get(slot as usize)
    }

    /// The name of the fact in a slot.
    pub(crate) fn name(&self, slot: Slot) -> &str {
        self.fact(slot).map_or("", |fact| &fact.name)
    }

    pub(crate) fn branch(&self, at: u32) -> Option<&Branch> {
        self.branches.get(at as usize)
    }

    /// Where the names of a root begin, if the policy reads any of them.
    #[inline]
    pub(crate) fn root(&self, root: FactRoot) -> Option<Place> {
        self.roots.get(root as usize).copied().flatten()
    }
}

/// The tree of names while it grows.
#[derive(Debug, Default)]
struct GrowingTree {
    branches: Vec<GrowingBranch>,
    roots: Vec<(FactRoot, u32)>,
}

#[derive(Debug, Default)]
struct GrowingBranch {
    slot: Option<Slot>,
    fields: BTreeMap<Box<str>, u32>,
    positions: BTreeMap<u32, u32>,
}

impl GrowingTree {
    fn place(&self, at: u32) -> Place {
        let branch = self.branches.get(at as usize);
        let has_parts =
            |branch: &&GrowingBranch| !branch.fields.is_empty() || !branch.positions.is_empty();
        Place {
            slot: branch.and_then(|branch| branch.slot),
            branch: branch.filter(has_parts).map(|_| at),
        }
    }

    fn grow(&mut self) -> u32 {
        let index = self.branches.len();
        self.branches.push(GrowingBranch::default());
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    fn plant(&mut self, fact: &Fact, slot: Slot) {
        let known = self.roots.iter().find(|(root, _)| *root == fact.root);
        let known = known.map(|(_, at)| *at);
        let mut at = known.unwrap_or_else(|| {
            let at = self.grow();
            self.roots.push((fact.root, at));
            at
        });
        for step in &fact.path.steps {
            let fresh = u32::try_from(self.branches.len()).unwrap_or(u32::MAX);
            let Some(branch) = self.branches.get_mut(at as usize) else {
                return;
            };
            at = match step {
                Step::Field(name) => *branch.fields.entry(name.as_str().into()).or_insert(fresh),
                Step::Position(position) => *branch.positions.entry(*position).or_insert(fresh),
            };
            if at == fresh {
                self.grow();
            }
        }
        if let Some(branch) = self.branches.get_mut(at as usize) {
            branch.slot = Some(slot);
        }
    }
}
