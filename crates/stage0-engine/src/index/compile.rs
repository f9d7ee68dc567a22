//! Policies to a [`PolicyIndex`]: the check of the whole, then the compilation.
//!
//! The check reports everything it finds. Conditions are parsed and typed first, for all layers, so
//! that the table of facts is complete before the first program is made.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::draft::{LayerDraft, RuleDraft};
use super::gather::{Workshop, members};
use super::names::NameList;
use super::private::PrivateFacts;
use super::{Layer, PolicyIndex, UnreadConstraint};
use crate::digest::Digest;
use crate::document::{Document, DocumentBuilder};
use crate::facts::FactTable;
use crate::policy::{FindingKind, FindingLevel, PolicyFinding, PolicySource};
use crate::span::Span;
use crate::suggest::nearest;
use crate::vocabulary::constraint::{CONSTRAINT_KEYS, ConstraintSet};

/// The files of a policy, the root first.
#[derive(Debug, Clone)]
pub struct PolicySet {
    /// All files, imports resolved to their index.
    pub sources: Vec<PolicySource>,
    /// Digest over all of them.
    pub digest: Digest,
}

/// What loading a policy yields.
#[derive(Debug)]
pub struct Compiled {
    /// The policy, ready.
    pub index: PolicyIndex,
    /// What is probably not meant.
    pub warnings: Vec<PolicyFinding>,
}

/// Checks and compiles a policy.
///
/// # Errors
/// Everything that is wrong with it, warnings included, in the order of the files.
pub fn compile(set: &PolicySet) -> Result<Compiled, Vec<PolicyFinding>> {
    let mut findings = Vec::new();
    let mut constants = DocumentBuilder::new("", usize::MAX);
    let index = compile_set(set, &mut findings, &mut constants);
    findings.sort_by(|one, two| {
        (one.span(), one.kind(), one.message()).cmp(&(two.span(), two.kind(), two.message()))
    });
    findings.dedup();
    let has_errors = findings
        .iter()
        .any(|finding| finding.kind().level() == FindingLevel::Error);
    match index {
        Some(mut index) if !has_errors => {
            index.constants = constants.finish();
            Ok(Compiled {
                index,
                warnings: findings,
            })
        }
        _ => Err(findings),
    }
}

#[inline(never)]
fn compile_set(
    set: &PolicySet,
    findings: &mut Vec<PolicyFinding>,
    constants: &mut DocumentBuilder<'static>,
) -> Option<PolicyIndex> {
    let sources = &set.sources;
    let root = sources.first()?;
    let mut workshop = Workshop {
        findings,
        constants,
    };
    for source in sources {
        check_version(source, &mut workshop);
        check_codes(source, &mut workshop);
    }
    let has_content = !root.rules.is_empty()
        || !root.extends.is_empty()
        || !root.tools.is_empty()
        || !root.params.is_empty()
        || !root.lets.is_empty()
        || !root.effects.is_empty()
        || !root.facts.is_empty()
        || root.data.is_some()
        || root.risk.is_some()
        || root.timezone.is_some();
    if !root.layers.is_empty() && has_content {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Layers,
                root.name.span,
                "a policy with `layers` has no rules, tools, imports or definitions of its own",
            )
            .with_help("move them into one of the layers"),
        );
    }
    let roots: Vec<usize> = if root.layers.is_empty() {
        vec![0]
    } else {
        root.layers.iter().map(|layer| layer.source).collect()
    };
    let mut drafts = Vec::new();
    for layer_root in roots {
        drafts.push(LayerDraft::new(
            sources,
            &members(sources, layer_root),
            &mut workshop,
        ));
    }
    let mut disabled = Vec::new();
    disable(root, &mut drafts, &mut disabled, &mut workshop);
    let mut paths = BTreeSet::new();
    for draft in &drafts {
        draft.paths(&mut paths);
    }
    let facts = FactTable::new(paths);
    let private = PrivateFacts::of(&drafts);
    let redacted = PrivateFacts::redacted(&drafts);
    let mut layers = Vec::new();
    for draft in drafts {
        draft.refuse_private(&private, &mut workshop);
        layers.push(draft.finish(&facts, &private, &mut workshop));
    }
    let read = layers.iter().map(|layer: &Layer| layer.constraints);
    let read = read.fold(ConstraintSet::default(), ConstraintSet::union);
    let unread = CONSTRAINT_KEYS
        .iter()
        .filter(|key| key.set().without(read) == key.set())
        .map(|key| UnreadConstraint {
            key,
            message: format!(
                "No rule of the policy checks the constraint `{}`.",
                key.name
            )
            .into(),
        })
        .collect();
    Some(PolicyIndex {
        unread,
        redacted,
        name: root.name.value.as_str().into(),
        version: root.version.value.as_str().into(),
        label: format!("{}@{}", root.name.value, root.version.value).into(),
        digest: set.digest,
        layers,
        fact_names: NameList::new(facts.names()),
        facts,
        constants: Document::default(),
        disabled,
        code_ranks: code_ranks(sources),
    })
}

/// A code that is listed twice has no place.
#[inline(never)]
fn check_codes(source: &PolicySource, workshop: &mut Workshop<'_>) {
    let mut listed: BTreeMap<&str, Span> = BTreeMap::new();
    for code in &source.codes {
        if let Some(first) = listed.insert(&code.value, code.span) {
            workshop.duplicate("code", &code.value, code.span, first);
        }
    }
}

/// Places of the codes that the files list: the root's first, then those of the others by name, so
/// that the order of imports has no meaning.
#[inline(never)]
fn code_ranks(sources: &[PolicySource]) -> FxHashMap<Box<str>, u32> {
    let mut lists: Vec<(usize, &PolicySource)> = sources.iter().enumerate().collect();
    lists.sort_by(|(one_at, one), (two_at, two)| {
        (*one_at > 0, &one.name.value).cmp(&(*two_at > 0, &two.name.value))
    });
    let mut ranks = FxHashMap::default();
    for code in lists.into_iter().flat_map(|(_, source)| &source.codes) {
        let rank = u32::try_from(ranks.len()).unwrap_or(u32::MAX);
        ranks.entry(code.value.as_str().into()).or_insert(rank);
    }
    ranks
}

#[inline(never)]
fn check_version(source: &PolicySource, workshop: &mut Workshop<'_>) {
    let version = source.version.value.as_str();
    let core = version.split(['-', '+']).next().unwrap_or("");
    let numbers: Vec<&str> = core.split('.').collect();
    let good = numbers.len() == 3
        && numbers.iter().all(|number| {
            !number.is_empty()
                && number.bytes().all(|digit| digit.is_ascii_digit())
                && (number.len() == 1 || !number.starts_with('0'))
        })
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte));
    if !good {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Version,
                source.version.span,
                format!("`{version}` is no semantic version"),
            )
            .with_help("write three numbers, for example 2.1.0"),
        );
    }
}

/// Takes out the rules that the root policy disables.
#[inline(never)]
fn disable(
    root: &PolicySource,
    drafts: &mut [LayerDraft<'_>],
    disabled: &mut Vec<Box<str>>,
    workshop: &mut Workshop<'_>,
) {
    for wanted in &root.disable {
        let mut found = false;
        for draft in drafts.iter_mut() {
            let Some(at) = draft.rules.iter().position(|rule| rule.id == wanted.value) else {
                continue;
            };
            found = true;
            let locked = draft
                .rules
                .get(at)
                .filter(|rule| rule.rule.locked)
                .map(|rule| rule.rule.id.span);
            if let Some(place) = locked {
                workshop.report(
                    PolicyFinding::new(
                        FindingKind::LockedRule,
                        wanted.span,
                        format!("rule `{}` is locked", wanted.value),
                    )
                    .with_related(place, "locked here"),
                );
            } else {
                draft.rules.remove(at);
                disabled.push(wanted.value.as_str().into());
            }
        }
        if !found {
            let near = meant_rule(&wanted.value, drafts);
            workshop.report(
                PolicyFinding::new(
                    FindingKind::UnknownRule,
                    wanted.span,
                    format!("there is no rule `{}`", wanted.value),
                )
                .with_help(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "rules of extended policies are named pack/id".to_owned(),
                }),
            );
        }
    }
    // In which order they were switched off means nothing, and one may have been in several layers.
    disabled.sort_unstable();
    disabled.dedup();
}

/// The rule that somebody meant who wrote only its id, the code of its issue, or nearly its name.
fn meant_rule<'d>(wanted: &str, drafts: &'d [LayerDraft<'_>]) -> Option<&'d str> {
    let rules = || drafts.iter().flat_map(|draft| &draft.rules);
    let in_pack = |id: &'d str| id.rsplit_once('/').map_or(id, |(_, own)| own);
    let raises = |rule: &RuleDraft<'_>| {
        let issue = rule.rule.issue.as_ref();
        issue.is_some_and(|issue| issue.value == wanted)
    };
    let named = rules().find(|rule| in_pack(&rule.id) == wanted || raises(rule));
    let near = || {
        let full = nearest(wanted, rules().map(|rule| rule.id.as_str()));
        full.or_else(|| {
            let own = nearest(wanted, rules().map(|rule| in_pack(&rule.id)))?;
            rules()
                .map(|rule| rule.id.as_str())
                .find(|id| in_pack(id) == own)
        })
    };
    named.map(|rule| rule.id.as_str()).or_else(near)
}
