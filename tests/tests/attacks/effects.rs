//! Effects: the catalog's word joined with the agent's, which may only tighten.

use crate::{ask, policy, refusals};

#[test]
fn declaring_an_effect_unlocks_no_allow() {
    let policy = policy(
        "
tools: { admin.run: { effects: [data_write] }, admin.look: { effects: [] }, docs.read: { effects: [data_read] } }
rules: [{ id: reading-is-fine, effects: [data_read], allow: true }]
",
    );
    for name in ["admin.run", "admin.look", "docs.read", "nobody.knows"] {
        let plain = ask(
            &policy,
            &format!(r#"{{"tool_call": {{"name": "{name}"}}}}"#),
        );
        let request = format!(r#"{{"tool_call": {{"name": "{name}"}}, "side_effects": ["read"]}}"#);
        assert_eq!(ask(&policy, &request), plain, "{name}");
    }
    assert_eq!(
        ask(&policy, r#"{"tool_call": {"name": "admin.run"}}"#),
        "DENY NO_RULE_ALLOWS"
    );
}

#[test]
fn an_allow_covers_every_effect_or_none() {
    let policy = policy(
        "
tools: { docs.read: { effects: [data_read] }, docs.sync: { effects: [data_read, data_write] } }
rules: [{ id: reading-is-fine, effects: [data_read], allow: true }]
",
    );
    assert_eq!(
        ask(&policy, r#"{"tool_call": {"name": "docs.sync"}}"#),
        "DENY NO_RULE_ALLOWS"
    );
    for declared in ["delete", "Deletes", "telepathy", "", "data_read\u{200b}"] {
        let request =
            format!(r#"{{"tool_call": {{"name": "docs.read"}}, "side_effects": ["{declared}"]}}"#);
        assert_eq!(ask(&policy, &request), "DENY NO_RULE_ALLOWS", "{declared}");
    }
}

#[test]
fn leaving_an_effect_out_hides_nothing() {
    let policy = policy(
        "
tools: { db.wipe: { effects: [destructive] } }
rules: [{ id: no-wiping, effects: [destructive], deny: true }, { id: all, allow: true }]
",
    );
    for declared in ["[]", r#"["data_read"]"#, r#"["no side effects"]"#, "null"] {
        let request =
            format!(r#"{{"tool_call": {{"name": "db.wipe"}}, "side_effects": {declared}}}"#);
        assert_eq!(ask(&policy, &request), "DENY NO_WIPING", "{declared}");
    }
}

#[test]
fn a_declared_effect_is_found_in_every_spelling() {
    let policy = policy(
        "
tools: { db.run: { effects: [] } }
rules: [{ id: no-wiping, effects: [destructive], deny: true }, { id: all, allow: true }]
",
    );
    for declared in [
        "delete",
        "DELETE",
        "Deletes",
        "drop",
        "data-deletion",
        "Data  Deletion",
        "_truncate_",
        "bulk delete",
    ] {
        let request =
            format!(r#"{{"tool_call": {{"name": "db.run"}}, "side_effects": ["{declared}"]}}"#);
        assert_eq!(ask(&policy, &request), "DENY NO_WIPING", "{declared}");
    }
}

#[test]
fn a_policy_cannot_give_the_plural_of_a_known_effect_another_meaning() {
    for class in ["payouts", "payout", "money_movements"] {
        let text = format!(
            "effects: {{ {class}: {{ writes: false }} }}\nrules: [{{ id: all, allow: true }}]\n"
        );
        assert_eq!(refusals(&text), ["POLICY_DUPLICATE_NAME"], "{class}");
    }
    let text =
        "effects: { wires: {}, wire: { writes: false } }\nrules: [{ id: all, allow: true }]\n";
    assert_eq!(refusals(text), ["POLICY_DUPLICATE_NAME"]);
}

#[test]
fn an_allow_that_rests_on_what_the_agent_says_does_not_load() {
    for condition in [
        "size(side_effects) == 0",
        "'delete' in effects",
        "goal == 'x'",
        "size(success_criteria) > 0",
        "constraint.sandbox",
        "size(constraints) > 0",
        "'a.x' in tools",
        "pro",
        "let.claim",
        "let.deep",
        "has(constraint.sandbox)",
        "[1].exists(x, size(goal) > x)",
    ] {
        let text = format!(
            "tools: {{ a.x: {{ effects: [] }} }}\nlet: {{ claim: 'size(side_effects) == 0', deep: 'let.claim || true' }}\nrules: [{{ id: r, allow: \"{condition}\" }}, {{ id: s, when: \"{condition}\", allow: true }}]\n"
        );
        assert!(
            refusals(&text).contains(&"CONDITION_NOT_READABLE"),
            "{condition}: {:?}",
            refusals(&text)
        );
    }
}
