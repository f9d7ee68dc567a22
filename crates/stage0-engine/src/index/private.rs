//! Private facts: what no message may tell and no explanation shows.
//!
//! A fact is private with everything inside it, and so is what is computed from it: a named
//! expression that reads one would tell its value under another name.

use super::draft::LayerDraft;
use super::gather::Workshop;
use super::lets::let_name;
use super::message::Written;
use crate::condition::Path;
use crate::condition::tree::{Expr, Tree};
use crate::policy::{FindingKind, PolicyFinding};

/// What stands where the value of a private fact would.
pub(crate) const PRIVATE: &str = "(private)";

/// The facts whose values nobody is shown, whichever layer declares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PrivateFacts(Vec<Path>);

impl PrivateFacts {
    #[inline(never)]
    pub(super) fn of(drafts: &[LayerDraft<'_>]) -> Self {
        let paths = drafts.iter().map(|draft| &draft.gathered.private);
        Self::new(paths.flatten().cloned().collect())
    }

    /// Those of them that no log keeps.
    pub(super) fn redacted(drafts: &[LayerDraft<'_>]) -> Self {
        let paths = drafts.iter().map(|draft| &draft.gathered.redacted);
        Self::new(paths.flatten().cloned().collect())
    }

    fn new(mut paths: Vec<Path>) -> Self {
        paths.sort_unstable();
        paths.dedup();
        Self(paths)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a path is a private fact's, leads into one, or to something that holds one.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        self.within(path).is_some()
    }

    fn within(&self, path: &Path) -> Option<&Path> {
        self.0.iter().find(|fact| {
            let mut steps = fact.steps.iter().zip(&path.steps);
            fact.root == path.root && steps.all(|(one, two)| one == two)
        })
    }

    /// The private fact that an expression reads, itself or by one of the named expressions that are
    /// known to.
    fn read_by(&self, tree: &Tree, known: &[(String, Path)]) -> Option<Path> {
        tree.nodes.iter().find_map(|node| match &node.expr {
            Expr::Path(path) => match let_name(path) {
                Some(name) => named(known, &name).cloned(),
                None => self.within(path).cloned(),
            },
            _ => None,
        })
    }
}

fn named<'k>(known: &'k [(String, Path)], name: &str) -> Option<&'k Path> {
    let (_, fact) = known.iter().find(|(known, _)| known == name)?;
    Some(fact)
}

impl LayerDraft<'_> {
    /// The named expressions that read a private fact, each with that fact.
    pub(super) fn private_lets(&self, private: &PrivateFacts) -> Vec<(String, Path)> {
        let mut found: Vec<(String, Path)> = Vec::new();
        // Each stands behind those that it reads.
        for at in &self.let_order {
            if let Some(draft) = self.gathered.lets.get(*at)
                && let Some(tree) = &draft.tree
                && let Some(fact) = private.read_by(tree, &found)
            {
                found.push((draft.name.value.clone(), fact));
            }
        }
        found
    }

    /// Refuses messages that name a private fact or tell what was computed from one.
    #[inline(never)]
    pub(super) fn refuse_private(&self, private: &PrivateFacts, workshop: &mut Workshop<'_>) {
        let lets = self.private_lets(private);
        for rule in &self.rules {
            let Some(message) = &rule.rule.message else {
                continue;
            };
            let mut written = private.0.iter();
            let written = written.find(|fact| message.value.contains(&fact.to_string()));
            let told = rule.message.iter().find_map(|part| match part {
                Written::Path(path) => match let_name(path) {
                    Some(name) => named(&lets, &name).map(|fact| (Some(name), fact)),
                    None => private.within(path).map(|fact| (None, fact)),
                },
                Written::Text(_) => None,
            });
            let text = match written.map(|fact| (None, fact)).or(told) {
                Some((None, fact)) => format!("the message names the private fact `{fact}`"),
                Some((Some(name), fact)) => {
                    format!("the message tells `let.{name}`, which reads the private fact `{fact}`")
                }
                None => continue,
            };
            let finding = PolicyFinding::new(FindingKind::PrivateFact, message.span, text);
            workshop.report(finding);
        }
    }
}
