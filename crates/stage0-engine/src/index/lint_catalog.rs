//! What a policy says about tools without being heard: rules that do not see a tool, and imports
//! whose tools and allow rules do not count.

use super::Permission;
use super::draft::LayerDraft;
use super::gather::{Member, Workshop};
use crate::policy::{Action, FindingKind, Import, PolicyFinding, PolicySource};

/// Tools that one finding names.
const TOOLS_MAX: usize = 6;

impl LayerDraft<'_> {
    /// No rule is left: every answer is the default.
    #[inline(never)]
    pub(super) fn lint_no_rules(
        &self,
        root: &PolicySource,
        sources: &[PolicySource],
        workshop: &mut Workshop<'_>,
    ) {
        let withheld = &self.gathered.withheld.allows;
        let why = withheld.first().and_then(|first| sources.get(*first));
        let help = why.map(|by| {
            let by = &by.name.value;
            format!("the allow rules of `{by}` count if it is imported with `allows: true`")
        });
        let message = "the policy has no rules: every answer is its default";
        let finding = PolicyFinding::new(FindingKind::NoRules, root.name.span, message);
        workshop.report(finding.with_help_if(help));
    }

    /// Imports without `allows: true` whose tools the rules are about, or whose allow rules are the
    /// only ones there are.
    #[inline(never)]
    pub(super) fn lint_withheld(
        &self,
        members: &[Member],
        sources: &[PolicySource],
        workshop: &mut Workshop<'_>,
    ) {
        let allows_nothing = self.gathered.layer.default == Permission::Deny
            && !self.rules.is_empty()
            && !self
                .rules
                .iter()
                .any(|draft| matches!(draft.rule.action, Action::Allow(_)));
        let withheld = &self.gathered.withheld;
        for member in members.iter().filter(|member| !member.allows) {
            let Some(import) = import_of(member.source, members, sources) else {
                continue;
            };
            let mut missed: Vec<&str> = withheld
                .tools
                .iter()
                .filter(|(tool, _, source)| *source == member.source && self.is_about(tool))
                .map(|(tool, ..)| *tool)
                .collect();
            missed.sort_unstable();
            let message = if !missed.is_empty() {
                format!(
                    "the tools of `{}` do not count, and rules are about {}",
                    import.name.value,
                    listed(&missed)
                )
            } else if allows_nothing && withheld.allows.contains(&member.source) {
                format!(
                    "the allow rules of `{}` do not count, and there are no others",
                    import.name.value
                )
            } else {
                continue;
            };
            workshop.report(
                PolicyFinding::new(FindingKind::WithheldImport, import.name.span, message)
                    .with_help("import it with `allows: true` if it may permit calls"),
            );
        }
    }

    /// Whether a rule is about a tool that the catalog does not have.
    fn is_about(&self, tool: &str) -> bool {
        let is_everything = |pattern: &str| pattern == "*" || pattern == "**";
        self.gathered.layer.catalog.find(tool).is_none()
            && self
                .rules
                .iter()
                .flat_map(|draft| &draft.tools)
                .any(|pattern| !is_everything(pattern.as_str()) && pattern.matches(tool))
    }

    /// Restrictions of effects see a tool by what its entry states. Each tool is told of once.
    #[inline(never)]
    pub(super) fn lint_unseen_tools(&self, workshop: &mut Workshop<'_>) {
        let tools = self.gathered.layer.catalog.tools.iter();
        let mut unstated: Vec<&str> = tools
            .filter(|tool| !tool.states_effects)
            .map(|tool| &*tool.name)
            .collect();
        for draft in &self.rules {
            let is_restriction = !matches!(draft.rule.action, Action::Allow(_) | Action::Advise(_));
            let Some(first) = draft.rule.effects.first().filter(|_| is_restriction) else {
                continue;
            };
            let (unseen, others): (Vec<&str>, Vec<&str>) = unstated.into_iter().partition(|tool| {
                draft.tools.is_empty() || draft.tools.iter().any(|pattern| pattern.matches(tool))
            });
            unstated = others;
            if unseen.is_empty() {
                continue;
            }
            let states = if unseen.len() == 1 { "states" } else { "state" };
            let message = format!(
                "{} {states} no effects, so rules that are scoped by `effects` do not see {}",
                listed(&unseen),
                if unseen.len() == 1 { "it" } else { "them" }
            );
            workshop.report(
                PolicyFinding::new(FindingKind::UnseenTool, first.span, message)
                    .with_help("state the tool's `effects`, and `effects: []` where it has none"),
            );
        }
    }
}

/// The statement that imports a file, the outermost first.
fn import_of<'s>(
    source: usize,
    members: &[Member],
    sources: &'s [PolicySource],
) -> Option<&'s Import> {
    let importers = members
        .iter()
        .filter_map(|member| sources.get(member.source));
    importers
        .flat_map(|importer| &importer.extends)
        .find(|import| import.source == source)
}

/// Names in a sentence.
fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(TOOLS_MAX)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len().saturating_sub(TOOLS_MAX) {
        0 => match shown.split_last() {
            Some((last, before)) if !before.is_empty() => {
                format!("{} and {last}", before.join(", "))
            }
            _ => shown.concat(),
        },
        left => format!("{} and {left} more", shown.join(", ")),
    }
}
