//! The order in which a decision lists its issues, and which of them are one.

use std::borrow::Cow;
use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use crate::codes::IssueCode;
use crate::decision::Issue;
use crate::index::PolicyIndex;

/// Issues of which each is compared with all the others; more are looked up.
const FEW_ISSUES: usize = 16;

/// Heaviest first, then the engine's codes, then the policy's as it lists them and the others by
/// name, never by the order of rules; equal ones once, for all their tools.
pub(super) fn sorted<'a>(policy: &PolicyIndex, mut issues: Vec<Issue<'a>>) -> Vec<Issue<'a>> {
    if issues.len() < 2 {
        return issues;
    }
    let rank = |code: &'a str| match (IssueCode::rank(code), policy.code_ranks.get(code)) {
        (Some(engine), _) => (0, engine, ""),
        (None, Some(declared)) => (1, *declared, ""),
        (None, None) => (2, 0, code),
    };
    issues.sort_by(|one, two| {
        two.severity
            .cmp(&one.severity)
            .then_with(|| {
                if one.code == two.code {
                    Ordering::Equal
                } else {
                    rank(one.code).cmp(&rank(two.code))
                }
            })
            .then_with(|| by_text(one.rule, two.rule))
            .then_with(|| by_text(&one.tool, &two.tool))
            .then_with(|| one.message.cmp(&two.message))
    });
    if issues.len() <= FEW_ISSUES && !any_same(&issues) {
        return issues;
    }
    merged(issues)
}

/// Whether any two differ in nothing but the tool, each compared with all others.
fn any_same(issues: &[Issue<'_>]) -> bool {
    let behind = |at: usize| issues.get(at.saturating_add(1)..).unwrap_or_default();
    let mut each = issues.iter().enumerate();
    each.any(|(at, one)| behind(at).iter().any(|two| are_same(one, two)))
}

/// Issues of which those that differ in nothing but the tool become one, where the first of them was.
#[inline(never)]
fn merged(issues: Vec<Issue<'_>>) -> Vec<Issue<'_>> {
    let mut merged: Vec<(Issue<'_>, Vec<Cow<'_, str>>)> = Vec::with_capacity(issues.len());
    let mut places: FxHashMap<(&str, &str), Vec<usize>> = FxHashMap::default();
    for mut issue in issues {
        let alike = places.entry((issue.code, issue.rule)).or_default();
        let is_same = |at: &usize| {
            merged.get(*at).is_some_and(|(known, _)| {
                known.details == issue.details && known.message == issue.message
            })
        };
        let same = alike.iter().copied().find(is_same);
        let tool = std::mem::take(&mut issue.tool);
        match same.and_then(|at| merged.get_mut(at)) {
            Some((_, tools)) if tools.contains(&tool) => {}
            Some((_, tools)) => tools.push(tool),
            None => {
                alike.push(merged.len());
                merged.push((issue, vec![tool]));
            }
        }
    }
    let joined = merged.into_iter().map(|(issue, mut tools)| {
        let tool = match tools.as_slice() {
            [_] => tools.pop().unwrap_or_default(),
            tools => Cow::Owned(tools.join(", ")),
        };
        Issue { tool, ..issue }
    });
    joined.collect()
}

/// Whether two issues differ in nothing but the tool.
fn are_same(one: &Issue<'_>, two: &Issue<'_>) -> bool {
    one.code == two.code
        && one.message == two.message
        && by_text(one.rule, two.rule).is_eq()
        && one.details == two.details
}

/// Compares texts that are mostly empty. An empty text may stand at an address where nothing is, and
/// comparing nothing with nothing there takes some processors a hundred times as long as comparing
/// texts.
fn by_text(one: &str, two: &str) -> Ordering {
    if one.is_empty() || two.is_empty() {
        one.len().cmp(&two.len())
    } else {
        one.cmp(two)
    }
}
