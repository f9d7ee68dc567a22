//! The text of the draft.

use core::fmt::Write as _;

use stage0_engine::legible::one_line;

use super::arguments::{Schemas, key, quoted};
use super::definition::{Definition, left_out};

/// Characters of a tool's description.
const DESCRIPTION_SHOWN_MAX: usize = 200;

/// What a tool may say of itself, and how a person reads it.
const HINTS: [(&str, bool, &str); 8] = [
    ("readOnlyHint", true, "only reads"),
    ("readOnlyHint", false, "changes things"),
    ("destructiveHint", true, "may destroy"),
    ("destructiveHint", false, "destroys nothing"),
    ("idempotentHint", true, "can be repeated"),
    ("idempotentHint", false, "cannot be repeated"),
    ("openWorldHint", true, "reaches outside"),
    ("openWorldHint", false, "stays inside"),
];

/// The policy. Writing to a string cannot fail.
pub(super) fn draft(name: &str, tools: &[Definition<'_>]) -> String {
    let mut out = format!(
        "# What tools say of themselves, as the beginning of a policy. Nothing is allowed yet.
#
# 1. Say what each tool does: `effects: []` if nothing, or classes such as [money_movement]. Until then no
#    rule about effects covers it. What it says of itself is a comment, because nobody vouches for that.
# 2. Add the rules that allow calls, and tests: `stage0 init -` shows how.
# 3. When a tool changes, read what it says now, and make its entries anew.
stage0: v1
name: {}
version: 0.1.0

tools:
",
        key(name)
    );
    for tool in tools {
        entry(&mut out, tool);
    }
    let usable = || tools.iter().filter(|tool| tool.has_usable_name());
    if usable().next().is_none() {
        out.truncate(out.trim_end().len());
        out.push_str(" {}\n");
    }
    out.push_str(
        "
rules:
  # A tool that is not what somebody read when this was written waits until somebody reads it again. The gate
  # tells the digest of what the tool says now as `context.tool_definition`.
  - id: tool-definitions
    defer: context.tool_definition != data.definitions[tool]
    issue: TOOL_SCHEMA_CHANGED
    message: this tool has changed since it was catalogued
",
    );
    let destructive: Vec<String> = usable()
        .filter(|tool| tool.hint("destructiveHint") == Some(true))
        .map(|tool| key(tool.name))
        .collect();
    if !destructive.is_empty() {
        let _ = write!(
            out,
            "
  # These say that they may destroy something.
  - id: destructive-tools
    tools: [{}]
    approval: {{ min: 1 }}
",
            destructive.join(", ")
        );
    }
    out.push_str("\ndata:\n  # SHA-256 of what each tool says of itself.\n  definitions:\n");
    for tool in usable() {
        let _ = writeln!(
            out,
            "    {}: {}",
            key(tool.name),
            quoted(&tool.digest().to_hex())
        );
    }
    if usable().next().is_none() {
        out.truncate(out.trim_end().len());
        out.push_str(" {}\n");
    }
    out
}

/// One tool of the catalog.
fn entry(out: &mut String, tool: &Definition<'_>) {
    if !tool.has_usable_name() {
        let _ = writeln!(out, "  # {}", left_out(tool.name));
        return;
    }
    let described = tool.description();
    let arguments = tool.schema().and_then(|root| Schemas::of(root).arguments());
    let is_empty = described.is_none() && arguments.is_none();
    let members = if is_empty { " {}" } else { "" };
    let _ = writeln!(out, "  {}:{members}", key(tool.name));
    if let Some(said) = described {
        let said = one_line(said, DESCRIPTION_SHOWN_MAX);
        let _ = writeln!(out, "    description: {}", quoted(&said));
    }
    let hints: Vec<&str> = HINTS
        .iter()
        .filter(|(name, value, _)| tool.hint(name) == Some(*value))
        .map(|(_, _, words)| *words)
        .collect();
    out.push_str("    # effects: []");
    if !hints.is_empty() {
        let _ = write!(out, "    # it says that it {}", hints.join(", "));
    }
    out.push('\n');
    let Some((lines, takes_others)) = arguments else {
        return;
    };
    if lines.is_empty() {
        out.push_str("    args: {}\n");
    } else {
        out.push_str("    args:\n");
        for line in lines {
            let _ = writeln!(out, "      {line}");
        }
    }
    if takes_others {
        out.push_str("    extra_args: allow\n");
    }
}
