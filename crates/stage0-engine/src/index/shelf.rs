//! Where rules are filed, and how a decision finds those that are about a tool.
//!
//! A rule is filed under the tools that it names, else under its effects, else with those about
//! everything. Nearly all rules of a shelf are about whatever the shelf is looked up for: these are
//! taken together, and so are the facts that they read. Of the others each is asked.

use smallvec::SmallVec;

use super::reads::FactSet;
use super::{CompiledRule, Layer, RuleKind};
use crate::vocabulary::effect::EffectSet;

/// Rules that are filed in one place.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// Those that are about everything that leads here, and filed nowhere else.
    certain: Vec<u32>,
    /// The facts that they read.
    reads: FactSet,
    /// Those of which that has to be asked.
    others: Vec<u32>,
}

impl Shelf {
    #[inline(never)]
    fn file(&mut self, at: u32, rule: &CompiledRule, is_certain: bool) {
        if is_certain && !rule.filed_often {
            self.certain.push(at);
            self.reads.unite(&rule.reads);
        } else {
            self.others.push(at);
        }
    }
}

/// Files every rule where a decision will look for it.
pub(super) fn file(layer: &mut Layer) {
    let classes = layer.effects.names().count();
    layer.by_effect.clear();
    layer.by_effect.resize_with(classes, Shelf::default);
    for (at, rule) in (0_u32..).zip(&mut layer.rules) {
        let is_allow = matches!(rule.kind, RuleKind::Allow);
        let covers_none = is_allow && rule.tools.is_empty() && !rule.effects.is_empty();
        let places = if rule.tools.is_empty() {
            rule.effects.classes().count()
        } else {
            rule.tools.len()
        };
        rule.filed_often = places.saturating_add(usize::from(covers_none)) > 1;
        for pattern in &rule.tools {
            if pattern.is_exact() {
                let shelf = layer.by_tool.entry(pattern.as_str().into()).or_default();
                shelf.file(at, rule, rule.effects.is_empty());
            } else {
                layer.by_pattern.insert(pattern.clone(), at);
            }
        }
        if !rule.tools.is_empty() {
            continue;
        }
        if rule.effects.is_empty() {
            layer.everywhere.file(at, rule, true);
        }
        for class in rule.effects.classes() {
            if let Some(shelf) = layer.by_effect.get_mut(class) {
                shelf.file(at, rule, !is_allow);
            }
        }
        if covers_none {
            layer.allows_by_effect.push(at);
        }
    }
}

/// The effects of a tool, as far as they matter for whether a rule is about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// Effects of the catalog.
    pub(crate) catalogued: EffectSet,
    /// Whether the catalog states what a tool that it has does.
    pub(crate) is_stated: bool,
    /// Effects of the catalog joined with the declared ones.
    pub(crate) effects: EffectSet,
    /// Whether there may be others: some are declared that no class covers, or nobody stated any.
    pub(crate) has_unknown: bool,
}

impl CompiledRule {
    /// Whether the rule is about a tool with these effects. Of an allow the catalog alone decides:
    /// else declaring one more effect would keep its errors from being found. One without effects is
    /// covered by any: else declaring an effect would turn a DENY into ALLOW.
    fn is_about(&self, reach: Reach) -> bool {
        if self.effects.is_empty() {
            return true;
        }
        if matches!(self.kind, RuleKind::Allow) {
            return self.effects.covers(reach.catalogued) && reach.is_stated;
        }
        self.effects.overlaps(reach.effects)
    }

    /// Whether the rule's word counts for a tool with these effects. An allow has to cover every one,
    /// also those that are declared, so that a tool which does more than the author thought of is not
    /// let through.
    pub(crate) fn counts_for(&self, reach: Reach) -> bool {
        !matches!(self.kind, RuleKind::Allow)
            || self.effects.is_empty()
            || (self.effects.covers(reach.effects) && !reach.has_unknown)
    }
}

/// The rules that a decision asks, and the facts that they read.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Their places.
    rules: SmallVec<[u32; 32]>,
    pub(crate) reads: FactSet,
}

impl Candidates {
    /// The rules of a layer.
    pub(crate) fn of<'l>(&self, layer: &'l Layer) -> impl Iterator<Item = &'l CompiledRule> {
        let rules = self.rules.iter();
        rules.filter_map(|at| layer.rules.get(*at as usize))
    }

    /// Their places in the layer.
    pub(crate) fn places(&self) -> impl Iterator<Item = u32> {
        self.rules.iter().copied()
    }

    fn clear(&mut self) {
        self.rules.clear();
        self.reads = FactSet::default();
    }

    fn take_shelf(&mut self, filed: &Shelf, layer: &Layer, reach: Reach) {
        self.rules.extend_from_slice(&filed.certain);
        self.reads.unite(&filed.reads);
        for at in &filed.others {
            self.take(*at, layer, reach);
        }
    }

    fn take(&mut self, at: u32, layer: &Layer, reach: Reach) {
        if let Some(rule) = layer.rules.get(at as usize)
            && rule.is_about(reach)
            && !(rule.filed_often && self.rules.contains(&at))
        {
            self.rules.push(at);
            self.reads.unite(&rule.reads);
        }
    }
}

impl Layer {
    /// The rules whose scope matches, each once; their order has no meaning.
    pub(crate) fn candidates(&self, tool: Option<&str>, reach: Reach, found: &mut Candidates) {
        found.clear();
        found.take_shelf(&self.everywhere, self, reach);
        if reach.catalogued.is_empty() {
            for at in &self.allows_by_effect {
                found.take(*at, self, reach);
            }
        }
        for class in reach.effects.classes() {
            if let Some(shelf) = self.by_effect.get(class) {
                found.take_shelf(shelf, self, reach);
            }
        }
        if let Some(tool) = tool {
            if let Some(shelf) = self.by_tool.get(tool) {
                found.take_shelf(shelf, self, reach);
            }
            let take = |at| found.take(at, self, reach);
            self.by_pattern.matches(tool, take);
        }
    }
}
