//! Names: the catalog is what makes a tool known, and nothing may look like it.

use crate::{ask, policy, refusals};

const SHOP: &str = "
tools:
  shop.refund: { aka: [refund, mcp__shop__refund], effects: [] }
  shop.look: { effects: [] }
  'crm.*': { effects: [destructive], args: { id: { type: string } } }
  crm.read: { aka: [lookup], effects: [data_read], args: { id: { type: string }, page: { type: integer, optional: true } }, extra_args: allow }
rules:
  - { id: no-refund, tools: [shop.refund], deny: true }
  - { id: all, allow: true }
";

fn call(name: &str) -> String {
    ask(
        &policy(SHOP),
        &format!(r#"{{"tool_call": {{"name": "{name}", "arguments": {{"id": "7"}}}}}}"#),
    )
}

#[test]
fn a_denied_tool_is_denied_by_each_of_its_names() {
    for name in ["shop.refund", "refund", "mcp__shop__refund"] {
        assert_eq!(call(name), "DENY NO_REFUND", "{name}");
    }
}

#[test]
fn an_imitation_is_denied() {
    for name in [
        "Shop.Refund",
        "shop_refund",
        "shop-refund",
        "shoprefund",
        "shop.refund.",
        "_refund",
        "REFUND",
        "mcp_shop_refund",
        "mcp.shop.refund",
        "crm_read",
        "Lookup",
        "s.h.o.p.l.o.o.k",
    ] {
        assert_eq!(call(name), "DENY TOOL_NAME_CONFUSABLE", "{name}");
    }
}

#[test]
fn a_name_that_is_not_plain_ascii_is_denied() {
    for name in [
        "sh\u{43e}p.refund",
        "shop.refund\u{200b}",
        "shop.refund ",
        " shop.refund",
        "shop\\nrefund",
        "",
        "shop.refund\\u0000",
        "\u{ff53}hop.look",
        "shop.look?x=1",
        "shop.look;rm",
        "*",
        "shop.*",
    ] {
        assert_eq!(call(name), "DENY TOOL_NAME_INVALID", "{name:?}");
    }
    assert_eq!(call(&"a".repeat(129)), "DENY TOOL_NAME_INVALID");
}

#[test]
fn a_tool_that_only_a_pattern_describes_stays_unknown() {
    assert_eq!(call("crm.purge"), "DEFER TOOL_UNCATALOGUED");
    assert_eq!(call("shop/refund"), "DEFER TOOL_UNCATALOGUED");
    assert_eq!(call("shop:refund"), "DEFER TOOL_UNCATALOGUED");
    assert_eq!(call("other.refund"), "DEFER TOOL_UNCATALOGUED");
}

#[test]
fn a_pattern_binds_a_tool_by_its_other_name_too() {
    let request = r#"{"tool_call": {"name": "lookup", "arguments": {"id": "7", "page": 1}}}"#;
    // The exact entry lets more arguments in; the pattern's does not.
    assert_eq!(ask(&policy(SHOP), request), "DENY ARGUMENT_NOT_ALLOWED");
    let writes = r#"{"tool_call": {"name": "lookup", "arguments": {"id": "7"}}}"#;
    let read_only = policy(&format!("mode: read_only{SHOP}"));
    assert_eq!(ask(&read_only, writes), "DENY READ_ONLY_MODE");
}

#[test]
fn an_unknown_tool_is_never_allowed_whatever_the_rules_say() {
    for (unknown, expected) in [
        ("defer", "DEFER TOOL_UNCATALOGUED"),
        ("deny", "DENY TOOL_UNKNOWN"),
    ] {
        let policy = policy(&format!(
            "default: allow\nunknown_tools: {unknown}\nrules: [{{ id: all, allow: true }}, {{ id: any, tools: ['**'], allow: true }}]\n"
        ));
        assert_eq!(
            ask(&policy, r#"{"tool_call": {"name": "bing_search"}}"#),
            expected
        );
        assert_eq!(
            ask(&policy, r#"{"goal": "g", "tools": ["bing_search"]}"#),
            expected
        );
    }
}

#[test]
fn one_name_means_one_tool() {
    for tools in [
        "{ a.x: { aka: [yy], effects: [] }, b.x: { aka: [yy], effects: [] } }",
        "{ a.x: { aka: [b.x], effects: [] }, b.x: { effects: [] } }",
        "{ a.x: { aka: [a.x, yy, yy], effects: [] }, yy: { effects: [] } }",
    ] {
        let text = format!("tools: {tools}\nrules: [{{ id: all, allow: true }}]\n");
        assert!(
            refusals(&text).contains(&"POLICY_DUPLICATE_NAME"),
            "{tools}: {:?}",
            refusals(&text)
        );
    }
}

#[test]
fn rules_use_catalogued_names_or_do_not_load() {
    for tools in ["refund", "shop.refnd", "mcp__shop__refund", "Shop.refund"] {
        let text = format!("{SHOP}  - {{ id: another, tools: [{tools}], deny: true }}\n");
        assert_eq!(refusals(&text), ["POLICY_UNKNOWN_TOOL"], "{tools}");
    }
}

#[test]
fn a_scope_that_is_written_and_empty_is_refused() {
    for scope in ["tools: []", "effects: []"] {
        let text = format!(
            "tools: {{ a.x: {{ effects: [] }} }}\nrules: [{{ id: r, {scope}, allow: true }}]\n"
        );
        assert!(
            !refusals(&text).is_empty(),
            "{scope} is as if it were not there"
        );
    }
}

#[test]
fn a_call_does_not_hide_behind_the_harmless_tools_of_its_plan() {
    let request = r#"{"goal": "g", "tools": ["shop.look"], "tool_call": {"name": "refund", "arguments": {}}}"#;
    assert_eq!(ask(&policy(SHOP), request), "DENY NO_REFUND");
}

#[test]
fn one_bad_name_among_good_ones_spoils_the_plan() {
    let ask = |tools: &str| {
        ask(
            &policy(SHOP),
            &format!(r#"{{"goal": "g", "tools": {tools}}}"#),
        )
    };
    assert_eq!(ask(r#"["shop.look"]"#), "ALLOW");
    assert_eq!(ask(r#"["shop.look", "shop.look"]"#), "ALLOW");
    assert_eq!(ask(r#"["shop.look", ""]"#), "DENY TOOL_NAME_INVALID");
    assert_eq!(ask(r#"["", "shop.look"]"#), "DENY TOOL_NAME_INVALID");
    assert_eq!(
        ask(r#"["shop.look", "shop.l\u00f6\u00f6k", "refund"]"#),
        "DENY TOOL_NAME_INVALID NO_REFUND"
    );
    assert_eq!(
        ask(r#"["shop.look", "nobody.knows"]"#),
        "DEFER TOOL_UNCATALOGUED"
    );
}

#[test]
fn each_tool_is_named_once_in_an_issue_about_several() {
    let policy = policy(
        "layers: []\ntools: { a.x: { effects: [] } }\nrules: [{ id: all, allow: true }, { id: also, tools: ['**'], deny: true }]\n",
    );
    let answer = crate::answer(
        &policy,
        r#"{"goal": "g", "tools": ["z.one", "z.two", "z.one", "a.x"]}"#,
    );
    assert!(answer.contains(r#""tool":"a.x, z.one, z.two""#), "{answer}");
}
