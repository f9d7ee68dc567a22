//! The policies that `stage0 init` writes.
//!
//! But for the starter, each is the policy of the example of the same name: there is one text of it,
//! and the example's README is run by the tests. What a template is about is its own `description`.

use crate::paint::{NAME, paint};
use crate::table::write_rows;

/// The template that is written if none is named.
pub(crate) const STARTER: &str = "starter";

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        /// Every template's name with its text.
        const TEMPLATES: &[(&str, &str)] = &[
            (STARTER, include_str!("starter.yaml")),
            $(($name, include_str!(concat!("../../../examples/", $name, "/policy.yaml")))),*
        ];
    };
}

templates![
    "agent-loops",
    "ai-saas",
    "budget",
    "data-exfiltration",
    "deployments",
    "internal-tools",
    "payments",
    "pii",
    "standard",
];

/// Every template's name.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(name, _)| *name)
}

/// A template's text; the starter's for a name that no template has.
pub(crate) fn text(name: &str) -> &'static str {
    let found = TEMPLATES.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, text)| text)
}

/// The templates, each with what it is about.
pub(crate) fn listed() -> String {
    let rows: Vec<Vec<String>> = TEMPLATES
        .iter()
        .map(|(name, text)| vec![paint(NAME, name), description(text).to_owned()])
        .collect();
    let mut out = String::new();
    write_rows(&mut out, 0, &rows);
    out
}

/// What a policy says that it is about, in its first line of `description`.
pub(crate) fn description(policy: &str) -> &str {
    let mut lines = policy.lines();
    let first = lines.find_map(|line| line.strip_prefix("description:"));
    match first.map(str::trim) {
        Some(">-") => lines.next().unwrap_or_default().trim(),
        found => found.unwrap_or_default(),
    }
}
