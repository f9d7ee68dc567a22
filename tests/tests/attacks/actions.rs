//! Two actions that share a digest would share an approval and a permit.

use crate::{digest, policy};

const ANY: &str = "default: allow\ntools: { t.run: { aka: [run, t-run-alias], effects: [] }, t.other: { effects: [] } }\nrules: []\n";

fn all_differ(requests: &[&str]) {
    let policy = policy(ANY);
    let mut seen: Vec<(String, &str)> = Vec::new();
    for request in requests {
        let digest = digest(&policy, request);
        let same = seen.iter().find(|(known, _)| *known == digest);
        assert!(same.is_none(), "{request} and {same:?}");
        seen.push((digest, request));
    }
}

fn all_equal(requests: &[&str]) {
    let policy = policy(ANY);
    let mut digests = requests.iter().map(|request| digest(&policy, request));
    let first = digests.next();
    assert!(digests.all(|digest| Some(digest) == first), "{requests:?}");
}

#[test]
fn absent_empty_and_null_arguments_are_three_actions() {
    all_differ(&[
        r#"{"tool_call": {"name": "t.run", "arguments": {}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"to": ""}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"to": null}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"to": []}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"to": {}}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"to": [null]}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"to": false}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"to": 0}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"to": "0"}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"to": "null"}}}"#,
    ]);
}

#[test]
fn one_number_is_one_action_however_it_is_written() {
    all_equal(&[
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": 1}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": 1.0}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": 10e-1}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": 0.1e1}}}"#,
    ]);
    all_equal(&[
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": 0}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": -0}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": -0.0e5}}}"#,
    ]);
    all_differ(&[
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": 9007199254740992}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": 9007199254740993}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": "9007199254740992"}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": 0.1}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"n": 0.1000000000000000000000000001}}}"#,
    ]);
}

#[test]
fn the_order_of_keys_and_escapes_are_no_part_of_an_action() {
    all_equal(&[
        r#"{"tool_call": {"name": "t.run", "arguments": {"a": "x", "b": [{"c": 1, "d": 2}]}}}"#,
        r#"{"tool_call": {"arguments": {"b": [{"d": 2, "c": 1}], "a": "\u0078"}, "name": "t.run"}}"#,
    ]);
    all_differ(&[
        r#"{"tool_call": {"name": "t.run", "arguments": {"b": [1, 2]}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"b": [2, 1]}}}"#,
    ]);
}

#[test]
fn text_that_looks_like_structure_stays_text() {
    all_differ(&[
        r#"{"tool_call": {"name": "t.run", "arguments": {"a": "x\",\"b\":\"y"}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"a": "x", "b": "y"}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {"a\":\"x\",\"b": "y"}}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {}}, "context": {"actor_id": "u\",\"arguments\":{}"}}"#,
        r#"{"tool_call": {"name": "t.run", "arguments": {}}, "context": {"actor_id": "u"}}"#,
    ]);
}

#[test]
fn texts_that_look_alike_are_two_actions() {
    all_differ(&[
        "{\"tool_call\": {\"name\": \"t.run\", \"arguments\": {\"to\": \"\u{e9}\"}}}",
        "{\"tool_call\": {\"name\": \"t.run\", \"arguments\": {\"to\": \"e\u{301}\"}}}",
        "{\"tool_call\": {\"name\": \"t.run\", \"arguments\": {\"to\": \"e\"}}}",
        "{\"tool_call\": {\"name\": \"t.run\", \"arguments\": {\"to\": \"e\u{200b}\"}}}",
        "{\"tool_call\": {\"name\": \"t.run\", \"arguments\": {\"to\": \"e \"}}}",
    ]);
}

#[test]
fn who_and_where_are_part_of_an_action() {
    all_differ(&[
        r#"{"tool_call": {"name": "t.run"}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"actor_id": "a"}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"actor_id": "b"}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"actor_id": ""}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"tenant_id": "a"}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"environment": "a"}}"#,
        r#"{"tool_call": {"name": "t.other"}}"#,
    ]);
    all_equal(&[
        r#"{"tool_call": {"name": "t.run"}, "environment": "a"}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"environment": "a"}}"#,
        r#"{"tool_call": {"name": "t.run"}, "environment": "a", "context": {"environment": "a", "actor_id": null}}"#,
    ]);
}

#[test]
fn a_tenant_that_is_a_number_is_a_tenant() {
    all_differ(&[
        r#"{"tool_call": {"name": "t.run"}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"tenant_id": 5}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"tenant_id": 6}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"tenant_id": "5"}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"actor_id": 5}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"actor_id": ["a"]}}"#,
        r#"{"tool_call": {"name": "t.run"}, "context": {"environment": {"name": "a"}}}"#,
    ]);
}

#[test]
fn a_tool_by_another_of_its_names_is_the_same_action() {
    all_equal(&[
        r#"{"tool_call": {"name": "t.run", "arguments": {"a": 1}}}"#,
        r#"{"tool_call": {"name": "run", "arguments": {"a": 1}}}"#,
        r#"{"tool_call": {"name": "t-run-alias", "arguments": {"a": 1}, "id": "7"}, "goal": "x", "tools": ["t.other"]}"#,
    ]);
}

#[test]
fn a_plan_is_not_its_call() {
    all_differ(&[
        r#"{"goal": "g", "tools": ["t.run"]}"#,
        r#"{"tool_call": {"name": "t.run"}}"#,
        r#"{"goal": "g", "tools": ["t.run", "t.other"]}"#,
        r#"{"goal": "g", "tools": ["t.run"], "side_effects": ["delete"]}"#,
        r#"{"goal": "g", "tools": [], "side_effects": ["delete"]}"#,
        r#"{"goal": "g", "tools": ["t.run,t.other"]}"#,
    ]);
    all_equal(&[
        r#"{"goal": "g", "tools": ["t.run", "t.other"]}"#,
        r#"{"goal": "h", "tools": ["t.other", "t.run", "run", "t.run"]}"#,
    ]);
}
