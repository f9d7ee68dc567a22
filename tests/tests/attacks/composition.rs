//! Imports and layers: what somebody else wrote may tighten, and loosen only where it was asked to.

use crate::{ask, errors, files, load};

const ROOT: &str = "stage0: v1\nname: root\nversion: 1.0.0\n";
const LIB: &str = "stage0: v1\nname: lib\nversion: 1.0.0\n";
const DEEP: &str = "stage0: v1\nname: deep\nversion: 1.0.0\n";
const CALL: &str = r#"{"tool_call": {"name": "a.x"}}"#;

fn root_and_lib(root: &str, lib: &str) -> crate::Policy {
    let (root, lib) = (format!("{ROOT}{root}"), format!("{LIB}{lib}"));
    files(&[("root.yaml", &root), ("lib.yaml", &lib)])
}

#[test]
fn an_import_cannot_make_allow_the_default() {
    for allows in ["false", "true"] {
        let root = format!(
            "extends: [{{ file: ./lib.yaml, allows: {allows} }}]\ntools: {{ a.x: {{ effects: [] }} }}\n"
        );
        let policy = root_and_lib(
            &root,
            "default: allow\nrules: [{ id: never, tools: ['z.*'], deny: true }]\n",
        );
        assert_eq!(
            ask(&policy, CALL),
            "DENY NO_RULE_ALLOWS",
            "allows: {allows}"
        );
    }
}

#[test]
fn an_import_cannot_make_a_policy_observe() {
    let root = "extends: [{ file: ./lib.yaml, allows: true }]\ntools: { a.x: { effects: [] } }\nrules: [{ id: never, deny: true }]\n";
    let policy = root_and_lib(
        root,
        "mode: observe\nrules: [{ id: never, tools: ['z.*'], deny: true }]\n",
    );
    assert_eq!(ask(&policy, CALL), "DENY NO_RULE_ALLOWS NEVER");
}

#[test]
fn an_import_cannot_take_unknown_tools_at_their_word() {
    let root = "extends: [{ file: ./lib.yaml }]\ndefault: allow\n";
    let policy = root_and_lib(
        root,
        "unknown_tools: declared\nrules: [{ id: never, tools: ['z.*'], deny: true }]\n",
    );
    assert_eq!(ask(&policy, CALL), "DEFER TOOL_UNCATALOGUED");
}

#[test]
fn an_import_can_tighten_every_setting() {
    let root = "extends: [{ file: ./lib.yaml }]\ndefault: allow\nmode: enforce\nunknown_tools: declared\ntools: { a.x: { effects: [data_write] } }\n";
    for (lib, request, expected) in [
        ("default: deny", CALL, "DENY NO_RULE_ALLOWS"),
        ("default: defer", CALL, "DEFER NO_RULE_ALLOWS"),
        ("mode: read_only", CALL, "DENY READ_ONLY_MODE"),
        ("mode: halted", CALL, "DENY HALTED"),
        (
            "unknown_tools: deny",
            r#"{"tool_call": {"name": "b.x"}}"#,
            "DENY TOOL_UNKNOWN",
        ),
        ("rules: [{ id: never, deny: true }]", CALL, "DENY NEVER"),
    ] {
        let policy = root_and_lib(root, &format!("{lib}\n"));
        assert_eq!(ask(&policy, request), expected, "{lib}");
    }
}

#[test]
fn allow_rules_and_tools_are_not_smuggled_in_by_an_import_of_an_import() {
    let deep = format!(
        "{DEEP}tools: {{ a.x: {{ effects: [] }} }}\nrules: [{{ id: all, allow: true }}, {{ id: never, tools: ['z.*'], deny: true }}]\n"
    );
    for (outer, inner, expected) in [
        ("true", "true", "ALLOW"),
        ("true", "false", "DENY NO_RULE_ALLOWS TOOL_UNCATALOGUED"),
        ("false", "true", "DENY NO_RULE_ALLOWS TOOL_UNCATALOGUED"),
        ("false", "false", "DENY NO_RULE_ALLOWS TOOL_UNCATALOGUED"),
    ] {
        let root = format!("{ROOT}extends: [{{ file: ./lib.yaml, allows: {outer} }}]\n");
        let lib = format!("{LIB}extends: [{{ file: ./deep.yaml, allows: {inner} }}]\n");
        let policy = files(&[
            ("root.yaml", &root),
            ("lib.yaml", &lib),
            ("deep.yaml", &deep),
        ]);
        assert_eq!(ask(&policy, CALL), expected, "{outer} {inner}");
    }
}

#[test]
fn an_import_reached_by_two_ways_allows_if_either_says_so() {
    let deep =
        format!("{DEEP}tools: {{ a.x: {{ effects: [] }} }}\nrules: [{{ id: all, allow: true }}]\n");
    for order in [
        "[{ file: ./lib.yaml }, { file: ./deep.yaml, allows: true }]",
        "[{ file: ./deep.yaml, allows: true }, { file: ./lib.yaml }]",
    ] {
        let root = format!("{ROOT}extends: {order}\n");
        let lib = format!("{LIB}extends: [{{ file: ./deep.yaml }}]\n");
        let policy = files(&[
            ("root.yaml", &root),
            ("lib.yaml", &lib),
            ("deep.yaml", &deep),
        ]);
        assert_eq!(ask(&policy, CALL), "ALLOW", "{order}");
    }
}

#[test]
fn a_locked_rule_cannot_be_disabled() {
    let lib = format!(
        "{LIB}rules: [{{ id: never, deny: true, locked: true }}, {{ id: soft, deny: true }}]\n"
    );
    let root = |disable: &str| {
        format!(
            "{ROOT}extends: [./lib.yaml]\ndefault: allow\ndisable: {disable}\ntools: {{ a.x: {{ effects: [] }} }}\n"
        )
    };
    let locked = root("[lib/never]");
    assert_eq!(
        errors(load(&[("root.yaml", &locked), ("lib.yaml", &lib)])),
        ["POLICY_LOCKED_RULE"]
    );
    let soft = root("[lib/soft]");
    let policy = files(&[("root.yaml", &soft), ("lib.yaml", &lib)]);
    assert_eq!(ask(&policy, CALL), "DENY NEVER");
    assert!(crate::answer(&policy, CALL).contains(r#""disabled":["lib/soft"]"#));
}

#[test]
fn a_rule_is_disabled_by_its_whole_name_and_nearly_is_not_enough() {
    let lib = format!(
        "{LIB}rules: [{{ id: soft, deny: true, issue: TOO_SOFT }}, {{ id: hard, deny: true }}]\n"
    );
    let root = |disable: &str| {
        format!(
            "{ROOT}extends: [./lib.yaml]\ndefault: allow\ndisable: {disable}\ntools: {{ a.x: {{ effects: [] }} }}\n"
        )
    };
    for wanted in ["soft", "TOO_SOFT", "lib/sotf", "sotf", "lib/*"] {
        let root = root(&format!("['{wanted}']"));
        let problems = load(&[("root.yaml", &root), ("lib.yaml", &lib)]).unwrap_err();
        let told: String = problems.iter().map(|problem| problem.render()).collect();
        assert!(told.contains("POLICY_UNKNOWN_RULE"), "{wanted}: {told}");
        let is_meant = told.contains("did you mean `lib/soft`?");
        assert_eq!(is_meant, wanted != "lib/*", "{wanted}: {told}");
    }
    // In which order rules are switched off means nothing.
    for order in ["[lib/soft, lib/hard]", "[lib/hard, lib/soft]"] {
        let root = root(order);
        let policy = files(&[("root.yaml", &root), ("lib.yaml", &lib)]);
        let answer = crate::answer(&policy, CALL);
        assert!(
            answer.contains(r#""disabled":["lib/hard","lib/soft"]"#),
            "{order}: {answer}"
        );
    }
}

#[test]
fn only_the_outermost_policy_disables() {
    let root = format!("{ROOT}extends: [./lib.yaml]\nrules: [{{ id: never, deny: true }}]\n");
    let lib = format!("{LIB}disable: [root/never]\n");
    assert_eq!(
        errors(load(&[("root.yaml", &root), ("lib.yaml", &lib)])),
        ["POLICY_ROOT_ONLY"]
    );
}

#[test]
fn two_files_cannot_share_a_name() {
    let root = format!("{ROOT}extends: [./lib.yaml]\nrules: [{{ id: never, deny: true }}]\n");
    assert_eq!(
        errors(load(&[("root.yaml", &root), ("lib.yaml", ROOT)])),
        ["POLICY_DUPLICATE_NAME"]
    );
}

#[test]
fn a_tool_described_twice_has_the_effects_and_schemas_of_both() {
    let root = "extends: [{ file: ./lib.yaml, allows: true }]\ndefault: allow\ntools: { a.x: { effects: [data_read], args: { n: { type: number, max: 10 } }, extra_args: allow } }\n";
    let lib = "tools: { a.x: { effects: [destructive], args: { n: { type: number } } } }\nrules: [{ id: never, effects: [destructive], deny: true }]\n";
    let policy = root_and_lib(root, lib);
    let call = |n: &str| format!(r#"{{"tool_call": {{"name": "a.x", "arguments": {n}}}}}"#);
    assert_eq!(ask(&policy, &call(r#"{"n": 5}"#)), "DENY NEVER");
    assert_eq!(ask(&policy, &call(r#"{"n": 50}"#)), "DENY ARGUMENT_RANGE");
    assert_eq!(
        ask(&policy, &call(r#"{"n": 5, "m": 1}"#)),
        "DENY ARGUMENT_NOT_ALLOWED"
    );
}

fn layers(root: &str, org: &str, team: &str) -> crate::Policy {
    let root = format!("{ROOT}layers: [{{ file: ./org.yaml }}, {{ file: ./team.yaml }}]\n{root}");
    let org = format!("stage0: v1\nname: org\nversion: 1.0.0\n{org}");
    let team = format!("stage0: v1\nname: team\nversion: 1.0.0\n{team}");
    files(&[
        ("root.yaml", &root),
        ("org.yaml", &org),
        ("team.yaml", &team),
    ])
}

const OPEN: &str = "default: allow\ntools: { a.x: { aka: [x], effects: [] } }\n";

#[test]
fn a_layer_never_widens_another() {
    let shut =
        "tools: { a.x: { effects: [] } }\nrules: [{ id: z, tools: ['a.*'], deny: context.bad }]\n";
    assert_eq!(ask(&layers("", OPEN, OPEN), CALL), "ALLOW");
    for policy in [layers("", OPEN, shut), layers("", shut, OPEN)] {
        assert_eq!(ask(&policy, CALL), "DENY NO_RULE_ALLOWS FACT_MISSING");
    }
    let without = "default: allow\ntools: { b.x: { effects: [] } }\n";
    assert_eq!(
        ask(&layers("", OPEN, without), CALL),
        "DEFER TOOL_UNCATALOGUED"
    );
}

#[test]
fn a_layer_that_observes_leaves_the_other_in_force() {
    let shut = "tools: { a.x: { effects: [] } }\nrules: [{ id: never, deny: true }]\n";
    let watching =
        "mode: observe\ntools: { a.x: { effects: [] } }\nrules: [{ id: watched, deny: true }]\n";
    assert_eq!(ask(&layers("", OPEN, watching), CALL), "ALLOW");
    assert_eq!(
        ask(&layers("", shut, watching), CALL),
        "DENY NO_RULE_ALLOWS NEVER"
    );
}

#[test]
fn what_a_policy_with_layers_says_for_itself_is_not_lost() {
    for (root, request, expected) in [
        ("mode: halted", CALL, "DENY HALTED"),
        (
            "mode: read_only",
            r#"{"tool_call": {"name": "a.w"}}"#,
            "DENY READ_ONLY_MODE",
        ),
        ("default: deny", CALL, "DENY NO_RULE_ALLOWS"),
        (
            "unknown_tools: deny",
            r#"{"tool_call": {"name": "b.x"}}"#,
            "DENY TOOL_UNKNOWN",
        ),
    ] {
        let open =
            "default: allow\ntools: { a.x: { effects: [] }, a.w: { effects: [data_write] } }\n";
        assert_eq!(
            ask(&layers(&format!("{root}\n"), open, open), request),
            expected,
            "{root}"
        );
    }
    for lost in [
        "facts: { context.ticket_id: { type: string } }",
        "let: { a: 'context.x' }",
        "params: { a: { type: number, default: 1 } }",
        "effects: { telepathy: {} }",
        "data: { a: [1] }",
        "risk: { base: 5 }",
        "timezone: Europe/Berlin",
        "rules: [{ id: never, deny: true }]",
        "tools: { a.x: { effects: [] } }",
    ] {
        let root = format!("{ROOT}layers: [{{ file: ./org.yaml }}]\n{lost}\n");
        let org = format!("stage0: v1\nname: org\nversion: 1.0.0\n{OPEN}");
        let found = errors(load(&[("root.yaml", &root), ("org.yaml", &org)]));
        assert_eq!(found, ["POLICY_LAYERS"], "{lost}");
    }
}

#[test]
fn a_name_that_means_one_tool_here_and_two_there_is_approved_for_one() {
    let org = "default: allow\ntools: { pay.any: { aka: [pay, payout], effects: [] } }\n";
    let team = "tools: { x.pay: { aka: [pay], effects: [] }, y.payout: { aka: [payout], effects: [] } }\nrules:\n  - { id: yes-first, approval: { ttl: 1h } }\n  - { id: all, allow: true }\n";
    let policy = layers("", org, team);
    let (pay, payout) = (
        r#"{"tool_call": {"name": "pay"}}"#,
        r#"{"tool_call": {"name": "payout"}}"#,
    );
    let yes = [crate::approval(&policy, pay, "ana", &[])];
    assert_eq!(crate::with_approvals(&policy, pay, &yes), "ALLOW");
    assert_eq!(
        crate::with_approvals(&policy, payout, &yes),
        "DEFER APPROVAL_WRONG_ACTION"
    );
}

#[test]
fn each_layer_names_a_tool_once_in_a_shared_issue() {
    let policy = layers("", OPEN, OPEN);
    let text = crate::answer(&policy, r#"{"goal": "g", "tools": ["b.one", "b.two"]}"#);
    assert!(text.contains(r#""tool":"b.one, b.two","#), "{text}");
}

#[test]
fn policies_that_say_different_things_have_different_digests() {
    let digest =
        |text: &str| crate::Policy::parse(text).map(|policy| policy.index().digest().to_string());
    let base = "stage0: v1\nname: a\nversion: 1.0.0\ntools: { a.x: { effects: [] } }\nrules: [{ id: r, tools: [a.x], allow: args.n <= 5 }]\n";
    let first = digest(base).unwrap();
    for (from, to) in [
        ("version: 1.0.0", "version: 1.0.1"),
        ("name: a", "name: b"),
        ("<= 5", "<= 50"),
        ("<= 5", "<= 5.5"),
        ("<= 5", "< 5"),
        ("[a.x]", "['a.*']"),
        ("allow:", "deny:"),
        ("effects: []", "effects: [read]"),
        ("id: r", "id: s"),
        ("rules:", "default: allow\nrules:"),
        ("id: r,", "id: r, mode: observe,"),
    ] {
        assert_ne!(digest(&base.replacen(from, to, 1)).unwrap(), first, "{to}");
    }
    for (from, to) in [
        ("name: a\nversion: 1.0.0", "version: '1.0.0'\nname: \"a\""),
        ("rules:", "description: words\nrules:"),
        (
            "{ id: r, tools: [a.x], allow: args.n <= 5 }",
            "{ allow: 'args.n <= 5', tools: [a.x], id: r }",
        ),
    ] {
        assert_eq!(digest(&base.replacen(from, to, 1)).unwrap(), first, "{to}");
    }
}

#[test]
fn an_asserted_version_is_compared_exactly() {
    let policy = crate::policy(OPEN);
    let admits = |version: &str| {
        let text = format!(r#"{{"goal": "g", "policy_pack_version": "{version}"}}"#);
        let request = stage0_wire::parse_request(text.as_bytes()).unwrap();
        policy.admit(&request).is_ok()
    };
    assert!(admits("") && admits("p@1.0.0"));
    for other in [
        "p", "p@1.0", "p@1.0.1", "P@1.0.0", " p@1.0.0", "p@1.0.0 ", "1.0.0", " ",
    ] {
        assert!(!admits(other), "{other:?}");
    }
}

#[test]
fn a_param_fits_its_pattern_or_does_not_load() {
    let text = |value: &str| {
        format!(
            "params: {{ host: {{ type: string, pattern: '^[a-z]+$', default: {value} }} }}\nrules: [{{ id: r, deny: context.x == params.host }}]\n"
        )
    };
    assert_eq!(crate::refusals(&text("abc")), [""; 0]);
    assert_eq!(crate::refusals(&text("a.b")), ["POLICY_PARAM_VALUE"]);
}
