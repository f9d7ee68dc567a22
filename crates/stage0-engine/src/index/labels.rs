//! Labels: declared once, left on runs by tools.

use std::collections::BTreeMap;

use super::gather::Workshop;
use crate::limits::LABELS_MAX;
use crate::policy::{FindingKind, PolicyFinding, PolicySource, Tool};
use crate::span::Span;
use crate::suggest::nearest;

/// The labels that the files declare. Several may declare the same.
#[inline(never)]
pub(super) fn labels<'s>(
    known: &mut Vec<String>,
    sources: impl Iterator<Item = &'s PolicySource>,
    workshop: &mut Workshop<'_>,
) {
    for source in sources {
        let mut own: BTreeMap<&str, Span> = BTreeMap::new();
        for label in &source.labels {
            if let Some(first) = own.insert(&label.value, label.span) {
                workshop.duplicate("label", &label.value, label.span, first);
            }
            if let Err(place) = known.binary_search(&label.value) {
                known.insert(place, label.value.clone());
            }
        }
        if known.len() > LABELS_MAX {
            let message = format!("there are more than {LABELS_MAX} labels");
            workshop.report(PolicyFinding::new(
                FindingKind::TooLarge,
                source.name.span,
                message,
            ));
        }
    }
}

/// The labels of a tool; those that nobody declared are reported.
pub(super) fn labels_of(
    tool: &Tool,
    known: &[String],
    workshop: &mut Workshop<'_>,
) -> Vec<Box<str>> {
    let mut found = Vec::with_capacity(tool.labels.len());
    for label in &tool.labels {
        if known.binary_search(&label.value).is_ok() {
            found.push(label.value.as_str().into());
            continue;
        }
        let near = nearest(&label.value, known.iter().map(String::as_str));
        workshop.report(
            PolicyFinding::new(
                FindingKind::UnknownLabel,
                label.span,
                format!("there is no label `{}`", label.value),
            )
            .with_help(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("declare it at the top: `labels: [{}]`", label.value),
            }),
        );
    }
    found
}
