//! Policies to a [`PolicyIndex`]: the check of the whole, then the compilation.
//!
//! The check reports everything it finds. Conditions are parsed and typed first, for all layers, so
//! that the table of facts is complete before the first program is made.

use std::collections::BTreeSet;

use super::draft::LayerDraft;
use super::gather::{Workshop, members};
use super::{Layer, PolicyIndex};
use crate::digest::Digest;
use crate::document::{Document, DocumentBuilder};
use crate::facts::FactTable;
use crate::policy::{FindingKind, FindingLevel, PolicyFinding, PolicySource};
use crate::suggest::nearest;

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
    }
    if !root.layers.is_empty() && has_content(root) {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Layers,
                root.name.span,
                "a policy with `layers` has no rules, tools, names or imports of its own",
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
        let mut draft = LayerDraft::new(sources, &members(sources, layer_root), &mut workshop);
        tighten(&mut draft.gathered.layer, root);
        drafts.push(draft);
    }
    let mut disabled = Vec::new();
    disable(root, &mut drafts, &mut disabled, &mut workshop);
    let mut paths = BTreeSet::new();
    for draft in &drafts {
        draft.paths(&mut paths);
    }
    let facts = FactTable::new(paths);
    let mut layers = Vec::new();
    for draft in drafts {
        layers.push(draft.finish(&facts, &mut workshop));
    }
    Some(PolicyIndex {
        name: root.name.value.as_str().into(),
        version: root.version.value.as_str().into(),
        label: format!("{}@{}", root.name.value, root.version.value).into(),
        digest: set.digest,
        layers,
        facts,
        constants: Document::default(),
        disabled,
    })
}

/// Whether a policy says more than how strict it is: what a policy with layers leaves to them.
fn has_content(source: &PolicySource) -> bool {
    !(source.rules.is_empty()
        && source.extends.is_empty()
        && source.tools.is_empty()
        && source.params.is_empty()
        && source.lets.is_empty()
        && source.effects.is_empty()
        && source.facts.is_empty()
        && source.data.is_none()
        && source.risk.is_none()
        && source.timezone.is_none())
}

/// The outermost policy's settings hold in each layer; where they are milder, the layer's do.
fn tighten(layer: &mut Layer, root: &PolicySource) {
    if let Some(default) = &root.default {
        layer.default = layer.default.max(default.value.into());
    }
    if let Some(mode) = &root.mode {
        layer.mode = layer.mode.max(mode.value);
    }
    if let Some(unknown) = &root.unknown_tools {
        layer.unknown_tools = layer.unknown_tools.max(unknown.value);
    }
}

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
            let ids = drafts
                .iter()
                .flat_map(|draft| draft.rules.iter().map(|rule| rule.id.as_str()));
            let near = nearest(&wanted.value, ids);
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
}
