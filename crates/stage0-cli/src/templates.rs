//! The policies that `stage0 init` writes.
//!
//! But for the starter, each is the policy of the example of the same name: there is one text of it,
//! and the example's README is run by the tests. What a template is about is its own `description`.

use crate::paint::{NAME, paint};
use crate::table::write_rows;

/// The template that is written if none is named.
pub(crate) const STARTER: &str = "starter";

/// A policy to begin with.
struct Template {
    name: &'static str,
    text: &'static str,
    /// A request to try it with, short enough for a command line.
    request: &'static str,
}

macro_rules! templates {
    ($($name:literal: $request:literal,)*) => {
        /// Every template.
        const TEMPLATES: &[Template] = &[
            Template {
                name: STARTER,
                text: include_str!("starter.yaml"),
                request: r#"{"tool_call": {"name": "search.query", "arguments": {"text": "weather"}}}"#,
            },
            $(Template {
                name: $name,
                text: include_str!(concat!("../templates/", $name, ".yaml")),
                request: $request,
            }),*
        ];
    };
}

templates! {
    "agent-loops": r#"{"tool_call": {"name": "tests.run", "arguments": {"suite": "unit"}}, "context": {"current_iteration": 26}}"#,
    "ai-saas": r#"{"tool_call": {"name": "records.search", "arguments": {"tenant": "t-2", "text": "invoice", "limit": 10}}, "context": {"tenant_id": "t-1"}}"#,
    "budget": r#"{"tool_call": {"name": "llm", "arguments": {"model": "large", "input_tokens": 20000, "max_tokens": 4000}}, "context": {"cumulative_cost_usd": 1.92}}"#,
    "data-exfiltration": r#"{"tool_call": {"name": "WebFetch", "arguments": {"url": "https://blog.partner.org/post"}}}"#,
    "deployments": r#"{"tool_call": {"name": "deploy", "arguments": {"service": "shop", "environment": "production", "image": "shop@sha256:5ca1ab1e5ca1"}}}"#,
    "internal-tools": r#"{"tool_call": {"name": "Bash", "arguments": {"command": "grep -n import main.py | wc -l"}}, "context": {"active_mcp_servers": ["terminal"]}}"#,
    "payments": r#"{"tool_call": {"name": "payout", "arguments": {"invoice": "R-17", "iban": "DE02120300000000202051", "amount": 750, "currency": "EUR"}}, "context": {"actor_role": "finance_ops"}}"#,
    "pii": r#"{"tool_call": {"name": "get_customer", "arguments": {"customer": "C-7", "fields": ["name", "health"]}}, "context": {"actor_role": "care", "case_customer": "C-7", "purpose": "consent"}}"#,
    "spending": r#"{"tool_call": {"name": "payout", "arguments": {"amount": 2000, "currency": "EUR", "to": "acme"}}, "context": {"actor_id": "ana"}}"#,
    "standard": r#"{"tool_call": {"name": "refund", "arguments": {"order": "O-4", "amount": 20, "currency": "EUR"}}, "context": {"actor_role": "support"}}"#,
}

fn template(name: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|template| template.name == name)
}

/// Every template's name.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|template| template.name)
}

/// A template's text; nothing for a name that no template has.
pub(crate) fn text(name: &str) -> &'static str {
    template(name).map_or("", |template| template.text)
}

/// A request to try a template with, on one line; nothing for a name that no template has.
pub(crate) fn request(name: &str) -> &'static str {
    template(name).map_or("", |template| template.request)
}

/// The templates, each with what it is about.
pub(crate) fn listed() -> String {
    let rows: Vec<Vec<String>> = TEMPLATES
        .iter()
        .map(|one| vec![paint(NAME, one.name), description(one.text).to_owned()])
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
