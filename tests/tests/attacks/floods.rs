//! Floods: requests at every limit are answered soon, and with an answer of reasonable size.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use stage0_engine::limits::REQUEST_BYTES_MAX;

use crate::{Policy, answer, policy};

/// Far above what a decision takes, and far below what an attack needs: tests run unoptimised and
/// beside one another.
const SOON: Duration = Duration::from_secs(5);

fn soon(policy: &Policy, request: &str) -> String {
    assert!(
        request.len() <= REQUEST_BYTES_MAX,
        "{} bytes",
        request.len()
    );
    let start = Instant::now();
    let text = answer(policy, request);
    let took = start.elapsed();
    assert!(took < SOON, "{took:?}");
    assert!(text.len() <= 5 * REQUEST_BYTES_MAX, "{} bytes", text.len());
    text
}

const SMALL: &str = "tools: { a.x: { effects: [], args: { n: { type: number, optional: true } } }, a.y: { effects: [] } }\nrules: [{ id: all, allow: true }, { id: q, defer: context.q }]\n";

#[test]
fn of_unknown_fields() {
    let mut fields = String::new();
    for n in 0..90_000 {
        let _ = write!(fields, "\"{n:x}\":0,");
    }
    let request = format!(r#"{{{fields}"tool_call": {{"name": "a.y"}}}}"#);
    let text = soon(&policy(SMALL), &request);
    assert!(text.contains("UNKNOWN_FIELD"));
}

#[test]
fn of_unknown_arguments() {
    let mut fields = String::new();
    for n in 0..90_000 {
        let _ = write!(fields, "\"{n:x}\":0,");
    }
    let request = format!(r#"{{"tool_call": {{"name": "a.x", "arguments": {{{fields}"n": 1}}}}}}"#);
    let text = soon(&policy(SMALL), &request);
    assert!(text.contains("ARGUMENT_NOT_ALLOWED"));
}

#[test]
fn of_unknown_tools_beside_a_large_catalog() {
    let mut tools = String::from("tools:\n");
    for n in 0..10_000 {
        let _ = writeln!(
            tools,
            "  service-{:03}.operation-number-{n:05}: {{ effects: [] }}",
            n % 100
        );
    }
    let policy = policy(&format!("{tools}rules: [{{ id: all, allow: true }}]\n"));
    let names: Vec<String> = (0..200)
        .map(|n| format!("\"service-{n:03}.operetion-numbre-x{n:05}\""))
        .collect();
    soon(
        &policy,
        &format!(r#"{{"goal": "g", "tools": [{}]}}"#, names.join(",")),
    );
}

#[test]
fn of_rules_that_cannot_be_told_for_many_tools() {
    let mut text = String::from("tools:\n");
    for n in 0..200 {
        let _ = writeln!(text, "  a.t{n}: {{ effects: [] }}");
    }
    text.push_str("rules:\n  - { id: all, allow: true }\n");
    for n in 0..300 {
        let _ = writeln!(
            text,
            "  - {{ id: r{n}, tools: ['a.*', 'a.t*', '**'], deny: context.f{n} == 1 }}"
        );
    }
    let names: Vec<String> = (0..200).map(|n| format!("\"a.t{n}\"")).collect();
    soon(
        &policy(&text),
        &format!(r#"{{"goal": "g", "tools": [{}]}}"#, names.join(",")),
    );
}

#[test]
fn of_one_long_text_in_each_place() {
    let long = "x".repeat(900_000);
    for request in [
        format!(r#"{{"tool_call": {{"name": "{long}"}}}}"#),
        format!(r#"{{"{long}": 1, "tool_call": {{"name": "a.y"}}}}"#),
        format!(r#"{{"tool_call": {{"name": "a.y"}}, "side_effects": ["{long}"]}}"#),
        format!(r#"{{"tool_call": {{"name": "a.y"}}, "constraints": ["{long}"]}}"#),
        format!(r#"{{"tool_call": {{"name": "a.y"}}, "constraints": ["max_iterations: {long}"]}}"#),
        format!(r#"{{"tool_call": {{"name": "a.y"}}, "context": {{"environment": "{long}"}}}}"#),
        format!(r#"{{"tool_call": {{"name": "a.x", "arguments": {{"{long}": 1}}}}}}"#),
    ] {
        let text = soon(&policy(SMALL), &request);
        assert!(
            text.len() < 3 * REQUEST_BYTES_MAX,
            "{} bytes: {}",
            text.len(),
            &text[..300]
        );
    }
}

#[test]
fn of_long_tool_names() {
    let names: Vec<String> = (0..200)
        .map(|n| format!("\"{}{n:03}\"", "x".repeat(4_900)))
        .collect();
    let text = soon(
        &policy(SMALL),
        &format!(r#"{{"goal": "g", "tools": [{}]}}"#, names.join(",")),
    );
    assert!(text.contains("TOOL_NAME_INVALID"));
}

#[test]
fn of_nested_arguments_at_the_limit_of_depth() {
    let deep = format!("{}1{}", "{\"a\":".repeat(61), "}".repeat(61));
    soon(
        &policy(SMALL),
        &format!(r#"{{"tool_call": {{"name": "a.y", "arguments": {deep}}}}}"#),
    );
    let wide = vec!["0"; 190_000].join(",");
    soon(
        &policy(SMALL),
        &format!(r#"{{"tool_call": {{"name": "a.y", "arguments": {{"l": [{wide}]}}}}}}"#),
    );
}

#[test]
fn of_constraints() {
    let list: Vec<String> = (0..2_000).map(|n| format!("role{n}")).collect();
    let constraints = vec![format!("\"required_role: {}\"", list.join(",")); 50].join(",");
    let text = format!("{SMALL}  - {{ id: roles, when: has(constraint.required_role), require: context.actor_role in constraint.required_role }}\n")
        .replace("rules: [{ id: all, allow: true }, { id: q, defer: context.q }]\n", "rules:\n  - { id: all, allow: true }\n");
    soon(
        &policy(&text),
        &format!(
            r#"{{"tool_call": {{"name": "a.y"}}, "constraints": [{constraints}], "context": {{"actor_role": "x"}}}}"#
        ),
    );
}
