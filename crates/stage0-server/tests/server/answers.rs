//! What is answered, to the byte, and how what is wrong is told.

use std::collections::BTreeSet;

use stage0_engine::host::Host;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_wire::Policy;

use crate::client::{Folder, POLICY, Running, Text, config, look, pay};

const ASKED: [&str; 6] = [
    r#"{"goal": "tidy the wiki pages", "success_criteria": ["they are tidy"]}"#,
    r#"{"goal":"Trigger the payout webhook","success_criteria":["it is accepted"],"tools":["payments.webhook"],"side_effects":["money_movement"],"constraints":["approval required"],"context":{"actor_role":"finance_ops","environment":"production"}}"#,
    r#"{"goal":"Delete accounts","tools":["admin.accounts.delete"],"side_effects":["delete"],"constraints":["required_role:data_admin"],"context":{"actor_role":"support","environment":"production"}}"#,
    r#"{"goal":"x","context":null,"pro":null,"side_efects":[]}"#,
    r#"{"tool_call":{"id":"c","name":"shell","arguments":{"command":"ls"}},"pro":true}"#,
    "{\"goal\": \"grüße schreiben\",\n \"trusted\": [{\"source\": \"user\", \"text\": \"\u{1f642}\"}]}",
];

#[test]
fn the_answer_is_the_engines_to_the_byte() {
    let folder = Folder::new("bytes");
    let text = Text::new("{stage0: v1, name: std, version: 1.0.0, extends: [stage0/standard]}");
    let server = Running::start(config(&folder.db(), &text));
    let policy =
        Policy::parse("{stage0: v1, name: std, version: 1.0.0, extends: [stage0/standard]}")
            .unwrap();
    for (number, body) in ASKED.into_iter().enumerate() {
        let id = format!("asked {number} \u{fc}");
        let mut client = server.client().with("x-request-id", &id);
        let answer = client.check(body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("x-request-id"), Some(&*id));
        let (seconds, ms) = {
            let time = answer.at("timestamp");
            let (seconds, rest) = time.split_once('.').unwrap_or((&time, "0"));
            let ms: i64 = format!("{rest:0<3}").parse().unwrap();
            (seconds.parse::<i64>().unwrap(), ms)
        };
        let now = Timestamp::from_ms(seconds * 1_000 + ms).unwrap();
        let host = Host {
            request_id: &id,
            ..Host::default()
        };
        let (expected, _) = policy
            .check(body.as_bytes(), &host, &RunState::default(), now)
            .unwrap();
        assert_eq!(answer.body, expected);
    }
}

#[test]
fn whatever_is_wrong_has_one_shape_and_is_no_decision() {
    let folder = Folder::new("wrong");
    let server = Running::plain(&folder);
    let mut client = server.client().with("x-request-id", "r-1");
    let good = look("c", "r");
    let large = format!("{{\"goal\":\"{}\"}}", "x".repeat(1_000_000));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let long = "x".repeat(300);
    let long = [("x-request-id", &*long)];
    let wrong = [
        ("POST", "/check", &[][..], "{", 422),
        ("POST", "/check", &[], "[]", 422),
        ("POST", "/check", &[], "{\"goal\": 3}", 422),
        (
            "POST",
            "/check",
            &[],
            "{\"goal\": \"a\", \"goal\": \"b\"}",
            422,
        ),
        ("POST", "/check", &[], "{\"goal\": \"\\ud800\"}", 422),
        (
            "POST",
            "/check",
            &[],
            r#"{"goal":"a","policy_pack_version":"other@1"}"#,
            422,
        ),
        ("POST", "/check", &[], &large, 413),
        ("POST", "/check", &form, &good, 415),
        ("POST", "/check/batch", &[], r#"{"requests":[]}"#, 422),
        (
            "POST",
            "/check/batch",
            &[],
            r#"{"requests":[{"goal":"a"},{"goal":7}]}"#,
            422,
        ),
        (
            "POST",
            "/check/batch",
            &[],
            r#"{"requests":[{"goal":"a"}],"atomik":true}"#,
            422,
        ),
        ("POST", "/outcome", &[], "{}", 422),
        (
            "POST",
            "/outcome",
            &[],
            r#"{"request_id":"no","final_runtime_action":"executed"}"#,
            404,
        ),
        (
            "POST",
            "/outcome",
            &[],
            r#"{"request_id":"no","final_runtime_action":"done"}"#,
            422,
        ),
        ("POST", "/approvals/xyz/grant", &[], r#"{"by":"ana"}"#, 404),
        ("GET", "/decisions?limit=many", &[], "", 422),
        ("GET", "/decisions?verdict=GO", &[], "", 422),
        ("GET", "/decisions?what=1", &[], "", 422),
        ("GET", "/decisions/none", &[], "", 404),
        ("GET", "/check", &[], "", 405),
        ("GET", "/elsewhere", &[], "", 404),
    ];
    let mut codes = BTreeSet::new();
    for (method, path, headers, body, status) in wrong {
        let body = (method == "POST").then_some(body);
        let answer = client.ask(method, path, headers, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.at("request_id"), "r-1");
        assert_eq!(answer.at("detail.request_id"), "r-1");
        assert_eq!(answer.at("detail.detail"), answer.at("message"));
        assert!(!answer.body.contains("\"verdict\":\""), "{}", answer.body);
        if status == 422 {
            codes.insert(answer.at("problems.0.code"));
        }
    }
    for code in [
        "BODY_INVALID",
        "HOST_INVALID",
        "JSON_DUPLICATE_KEY",
        "JSON_LONE_SURROGATE",
        "JSON_UNEXPECTED_END",
        "POLICY_VERSION_MISMATCH",
        "QUERY_INVALID",
        "REQUEST_TYPE",
    ] {
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
    let unnamed = server.client().ask("POST", "/check", &long, Some(&good));
    assert_eq!(
        (unnamed.status, unnamed.at("problems.0.code")),
        (422, "HOST_INVALID".to_owned())
    );
    // The connection and the server go on.
    assert_eq!(client.check(&good).verdict(), "ALLOW");
    let step = client.post("/check/batch", r#"{"requests":[{"goal":"a"},{"goal":7}]}"#);
    assert!(
        step.at("message").starts_with("requests[1]: "),
        "{}",
        step.body
    );
}

#[test]
fn a_question_that_is_asked_again_under_its_id_is_answered_as_before() {
    let folder = Folder::new("again");
    let server = Running::plain(&folder);
    let mut client = server.client().with("x-request-id", "r-1");
    let first = client.check(&pay("c", "u", 400));
    let second = client.check(&pay("c", "u", 400));
    assert_eq!(first.body, second.body);
    assert_eq!(
        (
            first.header("stage0-repeated"),
            second.header("stage0-repeated")
        ),
        (None, Some("true"))
    );
    // Another question under the same id is another one.
    let other = client.check(&pay("c", "u", 401));
    assert_eq!(other.header("stage0-repeated"), None);
    assert_eq!(client.get("/usage").at("daily_used"), "2");
    // Without a name each is one of its own.
    let mut client = server.client();
    let ids: Vec<String> = (0..3)
        .map(|_| client.check(&pay("c", "u", 400)).at("request_id"))
        .collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    let batch = format!(
        r#"{{"requests":[{},{}],"atomic":true}}"#,
        look("a", "x"),
        look("b", "x")
    );
    let mut client = client.with("x-request-id", "b-1");
    let (first, second) = (
        client.post("/check/batch", &batch),
        client.post("/check/batch", &batch),
    );
    assert_eq!(first.body, second.body);
    assert_eq!(second.header("stage0-repeated"), Some("true"));
}

#[test]
fn old_clients_are_served() {
    let folder = Folder::new("old");
    let text = Text::new(POLICY);
    let server = Running::start(config(&folder.db(), &text));
    // Nulls, unknown fields, a connection that ends, a charset, and a body of exactly the limit.
    let bytes = 1_000_000;
    let around = r#"{"goal":"","pro":null,"old_field":1,"tool_call":{"name":"look","arguments":{}},"context":{"run_id":"r"}}"#;
    let filled = around.replace(
        "\"goal\":\"\"",
        &format!("\"ignored\":\"{}\"", "x".repeat(bytes - around.len() - 3)),
    );
    assert_eq!(filled.len(), bytes);
    for body in [around.replace("\"goal\":\"\"", "\"goal\":null"), filled] {
        let headers = [
            ("connection", "close"),
            ("content-type", "application/json; charset=utf-8"),
            ("x-request-id", ""),
        ];
        let answer = server.client().ask("POST", "/check", &headers, Some(&body));
        assert_eq!(answer.verdict(), "ALLOW");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(answer.body.contains("UNKNOWN_FIELD"));
    }
}
