//! Named expressions: parsed, ordered by need, typed in that order.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::report_condition;
use super::environment::RuleNames;
use super::gather::{Gathered, LET_TYPE, Workshop};
use crate::condition::tree::Expr;
use crate::condition::typing::{self, Type};
use crate::condition::{Path, Step, syntax};
use crate::policy::{FindingKind, PolicyFinding};

/// Parses the named expressions; the order in which each stands behind those it needs.
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
