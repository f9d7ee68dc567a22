//! Redacted facts: whose values no log keeps.
//!
//! They are private as well, so that nothing else tells them. An import may redact too, since that only takes
//! away.

use super::gather::{Gathered, Workshop, path};
use crate::condition::{Path, Step};
use crate::facts::FactRoot;
use crate::policy::{FindingKind, PolicyFinding, PolicySource};
use crate::span::Spanned;
use crate::suggest::nearest;

/// Notes what the files redact; what is none of the request's facts is reported.
pub(super) fn redact<'s>(
    gathered: &mut Gathered<'_>,
    sources: impl Iterator<Item = &'s PolicySource>,
    workshop: &mut Workshop<'_>,
) {
    for text in sources.flat_map(|source| &source.redact) {
        let Some(path) = path(text, workshop) else {
            continue;
        };
        let root = FactRoot::find(&path.root).map(|info| info.root);
        let can_be = matches!(
            root,
            Some(
                FactRoot::Args
                    | FactRoot::Context
                    | FactRoot::Goal
                    | FactRoot::SuccessCriteria
                    | FactRoot::Trusted
            )
        );
        // The trail of every decision names these two.
        let is_echoed = root == Some(FactRoot::Context)
            && path.steps.first().is_none_or(|step| {
                matches!(step, Step::Field(name) if name == "environment" || name == "approved_by")
            });
        if !can_be || is_echoed {
            let message = if root.is_some_and(FactRoot::is_of_request) {
                format!("answers repeat `{path}`, so it cannot be redacted")
            } else {
                format!("`{path}` is nothing that a request says, so no log keeps it")
            };
            workshop.report(
                PolicyFinding::new(FindingKind::UnknownFact, text.span, message).with_help(
                    "name what comes with requests, such as args.card_number or context.mfa_code",
                ),
            );
            continue;
        }
        if root == Some(FactRoot::Args) {
            hold_to_catalog(gathered, &path, text, workshop);
        }
        gathered.private.push(path.clone());
        gathered.redacted.push(path);
    }
}

/// An argument that no tool has is probably misspelt, and the one that was meant is kept.
fn hold_to_catalog(
    gathered: &Gathered<'_>,
    path: &Path,
    text: &Spanned<String>,
    workshop: &mut Workshop<'_>,
) {
    let Some(Step::Field(name)) = path.steps.first() else {
        return;
    };
    let catalog = &gathered.layer.catalog;
    let mut known: Vec<&str> = Vec::new();
    for tool in &gathered.tool_names {
        let schemas = catalog.find(tool).map(|tool| tool.schemas.as_slice());
        let schemas = schemas.unwrap_or_default();
        if schemas.is_empty() {
            return;
        }
        let nodes = schemas
            .iter()
            .filter_map(|schema| gathered.names.schemas.node(*schema));
        for node in nodes {
            if node.extra {
                return;
            }
            known.extend(node.properties.iter().map(|(name, _)| name.value.as_str()));
        }
    }
    if known.contains(&name.as_str()) {
        return;
    }
    let message = format!("no tool of the catalog has an argument `{name}`");
    workshop.report(
        PolicyFinding::new(FindingKind::UnknownFact, text.span, message).with_help(
            match nearest(name, known) {
                Some(near) => format!("did you mean `args.{near}`?"),
                None => "what is not there is not kept either; leave it out".to_owned(),
            },
        ),
    );
}
