//! What an approval block asks for: whether it can be satisfied, and by what it is bound.
//!
//! Its paths are checked like those of conditions. A misspelt one would bind the approval to a fact
//! that is never there, or bar nobody, without anything in the rule looking wrong.

use super::draft::LayerDraft;
use super::environment::RuleNames;
use super::gather::{Workshop, path};
use crate::condition::typing::{Element, Environment, Type};
use crate::condition::{Path, Step};
use crate::facts::FactRoot;
use crate::policy::{Approval, EvidenceSource, FindingKind, PolicyFinding};
use crate::span::{Span, Spanned};

/// Words in the names of amounts, which mean nothing without a unit.
const AMOUNTS: &[&str] = &["amount", "value", "total", "sum", "price", "quantity"];
/// Words in the names of units.
const UNITS: &[&str] = &["currency", "unit", "asset", "token"];

/// The paths of an approval block.
#[derive(Debug, Default)]
pub(super) struct ApprovalPaths {
    pub(super) not: Vec<Path>,
    pub(super) bind: Vec<Path>,
}

impl LayerDraft<'_> {
    /// The paths of an approval block; what is wrong with it is reported.
    #[inline(never)]
    pub(super) fn approval(
        &self,
        approval: &Approval,
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) -> ApprovalPaths {
        let not = self.typed_paths(&approval.not, tools, workshop);
        for (path, kind, span) in &not {
            if !self.names_people(*kind) {
                let message = format!("`{path}` names nobody: it is {}", kind.text());
                workshop.report(
                    PolicyFinding::new(FindingKind::Approval, *span, message).with_help(
                        "people are named by a text or a list of texts, such as context.actor_id",
                    ),
                );
            }
        }
        let bind = self.typed_paths(&approval.bind, tools, workshop);
        for (path, _, span) in &bind {
            if FactRoot::find(&path.root).is_some_and(|info| info.root == FactRoot::Now) {
                let message = "an approval that is bound to the time fits no later moment";
                workshop.report(
                    PolicyFinding::new(FindingKind::Approval, *span, message)
                        .with_help("leave `now` out; `ttl` says how long an approval lasts"),
                );
            }
        }
        let paths = ApprovalPaths {
            not: not.into_iter().map(|(path, ..)| path).collect(),
            bind: bind.into_iter().map(|(path, ..)| path).collect(),
        };
        self.lint_unbound(approval, &paths.bind, tools, workshop);
        check(approval, &paths.bind, workshop);
        paths
    }

    /// The paths with what they are; those that are none of the facts are reported and left out.
    pub(super) fn typed_paths(
        &self,
        texts: &[Spanned<String>],
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) -> Vec<(Path, Type, Span)> {
        let mut found = Vec::new();
        for text in texts {
            let Some(path) = path(text, workshop) else {
                continue;
            };
            let names = RuleNames {
                names: &self.gathered.names,
                constants: workshop.constants.document(),
                tools,
            };
            match names.path(&path) {
                Ok(kind) => {
                    self.lint_fact(&path, text.span, workshop);
                    found.push((path, kind, text.span));
                }
                Err(error) => workshop.report(
                    PolicyFinding::new(FindingKind::UnknownFact, text.span, error.message)
                        .with_help_if(error.help),
                ),
            }
        }
        found
    }

    fn names_people(&self, kind: Type) -> bool {
        let is_text = |kind: Type| matches!(kind, Type::String | Type::Dyn);
        match kind {
            Type::List(Element::String | Element::Dyn) => true,
            Type::List(Element::Schema(items)) => is_text(self.gathered.names.type_of(items)),
            other => is_text(other),
        }
    }

    /// Where a tool has none of the bound arguments, one yes would fit its every call.
    fn lint_unbound(
        &self,
        approval: &Approval,
        bind: &[Path],
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) {
        let is_unbound = |tool: &Vec<u32>| {
            let names = RuleNames {
                names: &self.gathered.names,
                constants: workshop.constants.document(),
                tools: Some(core::slice::from_ref(tool)),
            };
            bind.iter().all(|path| names.path(path).is_err())
        };
        if !bind.is_empty() && tools.unwrap_or_default().iter().any(is_unbound) {
            workshop.report(
                PolicyFinding::new(
                    FindingKind::UnboundCall,
                    approval.span,
                    "one of the rule's tools has none of the bound arguments: one approval fits its every call",
                )
                .with_help("give that tool a rule of its own, or leave `bind` out to bind every argument"),
            );
        }
    }
}

fn check(approval: &Approval, bind: &[Path], workshop: &mut Workshop<'_>) {
    if approval.min == 0 {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Approval,
                approval.span,
                "`min: 0` asks for no approval at all",
            )
            .with_help("remove the rule, or ask for at least one"),
        );
    }
    if approval.evidence == EvidenceSource::Asserted
        && (approval.min > 1 || !approval.roles.is_empty() || !approval.bind.is_empty())
    {
        workshop.report(
            PolicyFinding::new(
                FindingKind::Approval,
                approval.span,
                "plain context fields name one approver, no role and no action",
            )
            .with_help("leave out `min`, `roles` and `bind`, or use `evidence: host`"),
        );
    }
    let names = |words: &[&str]| {
        bind.iter().any(|path| match path.steps.last() {
            Some(Step::Field(name)) => words
                .iter()
                .any(|word| name.to_ascii_lowercase().contains(word)),
            _ => false,
        })
    };
    if names(AMOUNTS) && !names(UNITS) {
        workshop.report(
            PolicyFinding::new(
                FindingKind::BoundAmount,
                approval.span,
                "the approval binds an amount without its currency or unit",
            )
            .with_help("bind the currency too, or 500 EUR approved are 500 of anything"),
        );
    }
}
