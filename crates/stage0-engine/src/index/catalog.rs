//! Tools by name, and whatever is listed by tool pattern.
//!
//! Exact names are one hash lookup. Patterns are filed under their literal text up to the last dot
//! in front of their first `*`, so a name is compared only with the patterns that share one of its
//! own beginnings, however many patterns there are.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::number::Number;
use crate::tool_pattern::{ToolPattern, fold_tool_name};
use crate::vocabulary::effect::EffectSet;

/// Things filed by tool pattern.
#[derive(Debug, Clone)]
pub(crate) struct PatternIndex<T> {
    by_prefix: FxHashMap<Box<str>, Vec<(ToolPattern, T)>>,
}

impl<T> Default for PatternIndex<T> {
    fn default() -> Self {
        Self {
            by_prefix: FxHashMap::default(),
        }
    }
}

impl<T: Copy> PatternIndex<T> {
    pub(crate) fn insert(&mut self, pattern: ToolPattern, item: T) {
        let prefix = pattern.prefix();
        let whole = prefix.rfind('.').map_or(0, |dot| dot.saturating_add(1));
        let key = prefix.get(..whole).unwrap_or("").into();
        self.by_prefix.entry(key).or_default().push((pattern, item));
    }

    /// Calls `found` for every pattern that the name fits.
    pub(crate) fn matches(&self, name: &str, mut found: impl FnMut(T)) {
        if self.by_prefix.is_empty() {
            return;
        }
        let dots = name
            .match_indices('.')
            .map(|(dot, _)| dot.saturating_add(1));
        for end in core::iter::once(0).chain(dots) {
            let filed = name
                .get(..end)
                .and_then(|prefix| self.by_prefix.get(prefix));
            for (pattern, item) in filed.into_iter().flatten() {
                if pattern.matches(name) {
                    found(*item);
                }
            }
        }
    }
}

/// A catalogued tool, with what patterns add to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct CatalogTool {
    pub(crate) name: Box<str>,
    pub(crate) effects: EffectSet,
    /// Whether any entry says what the tool does.
    pub(crate) states_effects: bool,
    /// Object schemas that the arguments must all fit.
    pub(crate) schemas: Vec<u32>,
    pub(crate) cost_usd: Option<(Number, Number)>,
    /// The labels that a call leaves, sorted.
    pub(crate) labels: Vec<Box<str>>,
}

/// What a pattern entry adds to the tools that it fits.
#[derive(Debug, Clone, Default)]
pub(crate) struct PatternTool {
    pub(crate) effects: EffectSet,
    pub(crate) states_effects: bool,
    pub(crate) schema: Option<u32>,
    pub(crate) labels: Vec<Box<str>>,
}

/// The trusted catalog.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    pub(crate) tools: Vec<CatalogTool>,
    names: FxHashMap<Box<str>, u32>,
    folded: FxHashSet<Box<str>>,
    pub(crate) patterns: PatternIndex<u32>,
    pub(crate) pattern_tools: Vec<PatternTool>,
}

impl Catalog {
    /// The catalogued tool that a framework calls by this name.
    pub(crate) fn find(&self, name: &str) -> Option<&CatalogTool> {
        self.tools.get(*self.names.get(name)? as usize)
    }

    /// Whether an unknown name differs from a known one only in case or separators.
    pub(crate) fn is_imitation(&self, name: &str) -> bool {
        self.folded.contains(fold_tool_name(name).as_str())
    }

    /// Adds a name for a tool; the tool that already has it, if another one does.
    pub(crate) fn add_name(&mut self, name: &str, tool: u32) -> Option<u32> {
        if let Some(taken) = self.names.get(name) {
            return (*taken != tool).then_some(*taken);
        }
        self.names.insert(name.into(), tool);
        self.folded.insert(fold_tool_name(name).into());
        None
    }

    /// The names that a request may use for each tool, sorted, in the order of the tools.
    pub(crate) fn names_by_tool(&self) -> Vec<Vec<&str>> {
        let mut lists = vec![Vec::new(); self.tools.len()];
        for name in self.names() {
            let tool = self.names.get(name).copied().unwrap_or(u32::MAX);
            if let Some(list) = lists.get_mut(tool as usize) {
                list.push(name);
            }
        }
        lists
    }

    /// How many names a request may use.
    pub(crate) fn name_count(&self) -> usize {
        self.names.len()
    }

    /// Every name that a request may use.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = Vec::with_capacity(self.names.len());
        #[expect(clippy::iter_over_hash_type, reason = "sorted right below")]
        for name in self.names.keys() {
            names.push(name);
        }
        names.sort_unstable();
        names.into_iter()
    }
}
