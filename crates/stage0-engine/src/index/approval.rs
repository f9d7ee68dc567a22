//! What an approval block asks for: whether it can be satisfied, and by what it is bound.
//!
//! Its paths are checked like those of conditions. A misspelt one would bind the approval to a fact
//! that is never there, or bar nobody, without anything in the rule looking wrong.

use super::CompiledKey;
use super::draft::LayerDraft;
use super::environment::RuleNames;
use super::gather::{Workshop, path};
use crate::condition::typing::{Element, Environment, Type};
use crate::condition::{Path, Step};
use crate::facts::FactRoot;
use crate::policy::{Approval, EvidenceSource, FindingKind, Grant, PolicyFinding};
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
    /// What a grant adds up.
    pub(super) sum: Option<Path>,
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
        let grant = approval.grant.as_ref();
        let paths = ApprovalPaths {
            not: not.into_iter().map(|(path, ..)| path).collect(),
            bind: bind.into_iter().map(|(path, ..)| path).collect(),
            sum: grant.and_then(|grant| self.granted(approval, grant, tools, workshop)),
        };
        self.hold_to_keys(approval, workshop);
        self.lint_unbound(approval, &paths.bind, tools, workshop);
        check(approval, &paths, workshop);
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

    /// What a grant adds up; what is wrong with the grant is reported.
    fn granted(
        &self,
        approval: &Approval,
        grant: &Grant,
        tools: Option<&[Vec<u32>]>,
        workshop: &mut Workshop<'_>,
    ) -> Option<Path> {
        let mut refuse = |message: &str, help: &str| {
            let kind = FindingKind::Approval;
            workshop.report(PolicyFinding::new(kind, grant.span, message).with_help(help));
        };
        if approval.evidence == EvidenceSource::Asserted {
            refuse(
                "plain context fields have no id, so nobody can tell how often they were used",
                "leave `grant` out, or use `evidence: host` or `signed`",
            );
        }
        if grant.sum.is_some() != grant.max_total.is_some() {
            refuse(
                "`sum` and `max_total` go together",
                "write for example `sum: args.amount, max_total: 2000`",
            );
        }
        let negative = grant
            .max_total
            .as_ref()
            .filter(|max| max.value.is_negative());
        if let Some(max) = negative {
            let message = "a grant of less than nothing lets no call through";
            workshop.report(
                PolicyFinding::new(FindingKind::Approval, max.span, message)
                    .with_help("`max_total` is what the calls may come to together"),
            );
        }
        if grant.uses > 1 && approval.bind.is_empty() {
            let message =
                "without `bind` the grant is good for the very same call again and no other";
            workshop.report(
                PolicyFinding::new(FindingKind::GrantUnbound, grant.span, message).with_help(
                    "bind what the calls have in common: `bind: [args.to, args.currency]`",
                ),
            );
        }
        let sum = core::slice::from_ref(grant.sum.as_ref()?);
        let (path, kind, span) = self.typed_paths(sum, tools, workshop).pop()?;
        if !matches!(kind, Type::Number | Type::Dyn) {
            let message = format!("`{path}` cannot be added up: it is {}", kind.text());
            workshop.report(
                PolicyFinding::new(FindingKind::Approval, span, message)
                    .with_help("name a number, such as args.amount"),
            );
        }
        if approval
            .bind
            .iter()
            .any(|bound| bound.value == path.to_string())
        {
            let message = format!("`{path}` is bound, so every call of the grant has the same");
            workshop.report(
                PolicyFinding::new(FindingKind::Approval, span, message)
                    .with_help("leave it out of `bind`, or out of `sum`"),
            );
        }
        Some(path)
    }

    /// Signed approvals need keys that could have signed them.
    fn hold_to_keys(&self, approval: &Approval, workshop: &mut Workshop<'_>) {
        if approval.evidence != EvidenceSource::Signed {
            return;
        }
        let keys = &self.gathered.layer.keys;
        let claims = |key: &CompiledKey| {
            let claimed = key.roles.as_ref();
            let mut asked = approval.roles.iter();
            approval.roles.is_empty()
                || claimed.is_none_or(|claimed| {
                    asked.any(|role| claimed.iter().any(|known| **known == *role.value))
                })
        };
        let (message, help) = if keys.is_empty() {
            (
                "signed approvals are asked for, and the policy has no key",
                "add one: `keys: { ana-2026: { public: \"...\", by: ana, roles: [finance_lead] } }`; an import's count with `allows: true`",
            )
        } else if !keys.values().any(claims) {
            (
                "no key of the policy may claim one of these roles",
                "give a key one of them: `roles: [...]` under `keys`",
            )
        } else {
            return;
        };
        workshop.report(
            PolicyFinding::new(FindingKind::Approval, approval.span, message).with_help(help),
        );
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

fn check(approval: &Approval, paths: &ApprovalPaths, workshop: &mut Workshop<'_>) {
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
    let names = |paths: &[Path], words: &[&str]| {
        paths.iter().any(|path| match path.steps.last() {
            Some(Step::Field(name)) => words
                .iter()
                .any(|word| name.to_ascii_lowercase().contains(word)),
            _ => false,
        })
    };
    if names(&paths.bind, UNITS) {
        return;
    }
    let message = if names(&paths.bind, AMOUNTS) {
        "the approval binds an amount without its currency or unit"
    } else if names(paths.sum.as_slice(), AMOUNTS) {
        "the grant adds up amounts without binding their currency or unit"
    } else {
        return;
    };
    workshop.report(
        PolicyFinding::new(FindingKind::BoundAmount, approval.span, message)
            .with_help("bind the currency too, or 500 EUR approved are 500 of anything"),
    );
}
