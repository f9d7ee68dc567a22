//! Named expressions: parsed, ordered by need, typed in that order.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{LayerDraft, RuleDraft, place, report_condition};
use super::environment::RuleNames;
use super::gather::{Gathered, LET_TYPE, Workshop};
use super::lint::paths_of;
use super::message::Written;
use crate::condition::tree::Expr;
use crate::condition::typing::{self, Type};
use crate::condition::{Path, Step, syntax};
use crate::policy::{FindingKind, PolicyFinding};

/// Parses the named expressions; the order in which each stands behind those it needs.
#[inline(never)]
pub(super) fn lets(gathered: &mut Gathered<'_>, workshop: &mut Workshop<'_>) -> Vec<usize> {
    for draft in &mut gathered.lets {
        match syntax::parse(&draft.expression.text) {
            Ok(tree) => draft.tree = Some(tree),
            Err(error) => report_condition(&error, draft.expression, workshop),
        }
        gathered
            .names
            .lets
            .insert(draft.name.value.clone(), (0, LET_TYPE));
    }
    let places: BTreeMap<&str, usize> = gathered
        .lets
        .iter()
        .enumerate()
        .map(|(at, draft)| (draft.name.value.as_str(), at))
        .collect();
    let needs: Vec<BTreeSet<usize>> = gathered
        .lets
        .iter()
        .map(|draft| {
            let nodes = draft.tree.as_ref().map_or(&[][..], |tree| &tree.nodes);
            nodes
                .iter()
                .filter_map(|node| match &node.expr {
                    Expr::Path(path) => let_name(path),
                    _ => None,
                })
                .filter_map(|name| places.get(name.as_str()).copied())
                .collect()
        })
        .collect();
    let mut order = Vec::new();
    let mut waiting_for: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (at, needed) in needs.iter().enumerate() {
        for other in needed {
            if let Some(list) = needed_by.get_mut(*other) {
                list.push(at);
            }
        }
    }
    let mut ready: Vec<usize> = waiting_for
        .iter()
        .enumerate()
        .filter(|(_, count)| **count == 0)
        .map(|(at, _)| at)
        .collect();
    while let Some(at) = ready.pop() {
        order.push(at);
        for other in needed_by.get(at).map_or(&[][..], |list| list) {
            if let Some(count) = waiting_for.get_mut(*other) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(*other);
                }
            }
        }
    }
    for (at, draft) in gathered.lets.iter().enumerate() {
        if !order.contains(&at) {
            workshop.report(
                PolicyFinding::new(
                    FindingKind::Cycle,
                    draft.name.span,
                    format!(
                        "`let.{}` needs itself, directly or through others",
                        draft.name.value
                    ),
                )
                .with_help("a named expression may read only names that do not read it"),
            );
        }
    }
    // Types in the order of need, so that each expression sees the types of those it reads.
    for at in &order {
        let Some(draft) = gathered.lets.get(*at) else {
            continue;
        };
        let Some(tree) = &draft.tree else { continue };
        let mut errors = Vec::new();
        let environment = RuleNames {
            names: &gathered.names,
            constants: workshop.constants.document(),
            tools: None,
        };
        let types = typing::check(tree, &environment, &mut errors);
        let found = types.last().copied().unwrap_or(Type::Dyn);
        for error in errors {
            report_condition(&error, draft.expression, workshop);
        }
        gathered
            .names
            .lets
            .insert(draft.name.value.clone(), (0, found));
    }
    order
}

pub(super) fn let_name(path: &Path) -> Option<String> {
    match (path.root.as_str(), path.steps.first()) {
        ("let", Some(Step::Field(name))) => Some(name.clone()),
        _ => None,
    }
}

impl LayerDraft<'_> {
    /// Checks named expressions once more, with the arguments of the tools that they are read for: a
    /// name that none of those tools has is misspelt, as it would be in the rule itself.
    #[inline(never)]
    pub(super) fn check_lets(&self, workshop: &mut Workshop<'_>) {
        for draft in &self.gathered.lets {
            let Some(tree) = &draft.tree else { continue };
            for node in &tree.nodes {
                if let Expr::Path(path) | Expr::HasPath(path) = &node.expr {
                    self.lint_fact(path, place(draft.expression, &node.range), workshop);
                }
            }
        }
        let mut readers: BTreeMap<String, Vec<&RuleDraft<'_>>> = BTreeMap::new();
        for rule in &self.rules {
            for name in self.lets_read(rule) {
                readers.entry(name).or_default().push(rule);
            }
        }
        for draft in &self.gathered.lets {
            let Some(tree) = &draft.tree else { continue };
            let Some(rules) = readers.get(&draft.name.value) else {
                continue;
            };
            let known: Option<Vec<&Vec<Vec<u32>>>> =
                rules.iter().map(|rule| rule.arguments.as_ref()).collect();
            let Some(known) = known else { continue };
            let tools: Vec<Vec<u32>> = known.into_iter().flatten().cloned().collect();
            let mut names = RuleNames {
                names: &self.gathered.names,
                constants: workshop.constants.document(),
                tools: None,
            };
            let mut errors = Vec::new();
            typing::check(tree, &names, &mut errors);
            // What is wrong whatever the arguments are has been reported.
            if errors.is_empty() && !tools.is_empty() {
                names.tools = Some(&tools);
                typing::check(tree, &names, &mut errors);
                for error in errors {
                    report_condition(&error, draft.expression, workshop);
                }
            }
        }
    }

    /// The named expressions that a rule reads, itself or through others.
    fn lets_read(&self, rule: &RuleDraft<'_>) -> BTreeSet<String> {
        let trees = [&rule.when, &rule.condition].into_iter().flatten();
        let paths = trees.flat_map(|draft| paths_of(&draft.tree));
        let told = rule.message.iter().filter_map(|part| match part {
            Written::Path(path) => Some(path),
            Written::Text(_) => None,
        });
        let mut waiting: Vec<String> = paths.chain(told).filter_map(let_name).collect();
        let mut found = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            let named = self
                .gathered
                .lets
                .iter()
                .find(|known| known.name.value == name);
            if let Some(tree) = named.and_then(|named| named.tree.as_ref())
                && found.insert(name)
            {
                waiting.extend(paths_of(tree).filter_map(let_name));
            }
        }
        found
    }
}
