//! The operator's stop: everything is denied until it is lifted, also by a server that has begun anew.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use stage0_store::Scope;

use crate::client::{Folder, POLICY, Running, Text, config, look, make_key, pay};

#[test]
fn what_is_halted_is_denied_whatever_was_said_before() {
    let folder = Folder::new("halt");
    let server = Running::plain(&folder);
    let mut client = server.client();
    let mut named = server.client().with("x-request-id", "again");
    let asked = &*pay("c0", "zoe", 1);
    assert_eq!(named.check(asked).verdict(), "ALLOW");
    assert_eq!(client.get("/policy").at("halted"), "null");
    let told = client.post("/halt", r#"{"by":"ops","reason":"a leaked key"}"#);
    assert_eq!(
        (told.status, &*told.at("halted.by")),
        (200, "ops"),
        "{}",
        told.body
    );
    let again = client.post("/halt", "{}");
    assert_eq!(
        again.at("halted.reason"),
        "a leaked key",
        "it is the same stop"
    );
    let denied = |answer: &crate::client::Answer| {
        assert_eq!(
            (&*answer.verdict(), &*answer.at("issues.0.code")),
            ("DENY", "HALTED")
        );
    };
    let answer = named.check(asked);
    denied(&answer);
    assert_eq!(answer.header("stage0-repeated"), None);
    denied(&client.check(&look("c1", "r")));
    denied(&client.check(&pay("c1", "ada", 1)));
    let batch = format!(r#"{{"requests":[{asked},{}]}}"#, look("c2", "r"));
    assert_eq!(client.post("/check/batch", &batch).at("verdict"), "DENY");
    let evaluation = r#"{"subject":{"type":"user","id":"ada"},"action":{"name":"look"},"resource":{"type":"page","id":"1"}}"#;
    let evaluated = client.post("/access/v1/evaluation", evaluation);
    assert_eq!(evaluated.at("decision"), "false");
    assert_eq!(client.get("/policy").at("halted.by"), "ops");
    assert!(client.get("/metrics").body.contains("stage0_halted 1"));
    let id = answer.at("request_id");
    let entry = client.get(&format!("/decisions/{id}"));
    assert!(entry.body.contains(r#""mode":"halted""#), "{}", entry.body);
    server.end();

    let server = Running::plain(&folder);
    let mut client = server.client();
    denied(&client.check(asked));
    assert_eq!(client.post("/resume", r#"{"by":"ops"}"#).status, 422);
    assert_eq!(client.post("/resume", "{}").at("halted"), "null");
    assert_eq!(client.check(asked).verdict(), "ALLOW");
    // What was denied meanwhile is no answer that is given again.
    let mut named = server.client().with("x-request-id", "again");
    assert_eq!(named.check(asked).verdict(), "ALLOW");
    server.end();
    let server = Running::plain(&folder);
    assert_eq!(server.client().check(asked).verdict(), "ALLOW");
}

#[test]
fn nobody_who_asks_after_the_stop_is_allowed_anything() {
    let folder = Folder::new("halt-race");
    let server = Running::plain(&folder);
    // Odd while everything is denied, by what the server has answered.
    let (era, ends) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for worker in 0..4 {
            let (era, ends) = (&era, &ends);
            let mut client = server.client();
            scope.spawn(move || {
                let mut number = 0;
                while !ends.load(Ordering::SeqCst) {
                    number += 1;
                    let before = era.load(Ordering::SeqCst);
                    let actor = format!("u{worker}-{number}");
                    let verdict = client.check(&pay(&actor, &actor, 1)).verdict();
                    let is_halted = before == era.load(Ordering::SeqCst) && before % 2 == 1;
                    assert!(!is_halted || verdict == "DENY", "{verdict}");
                }
            });
        }
        let mut operator = server.client();
        for _ in 0..20 {
            assert_eq!(operator.post("/halt", "{}").status, 200);
            era.fetch_add(1, Ordering::SeqCst);
            for _ in 0..10 {
                assert_eq!(operator.check(&look("c", "r")).verdict(), "DENY");
            }
            era.fetch_add(1, Ordering::SeqCst);
            assert_eq!(operator.post("/resume", "{}").status, 200);
            assert_eq!(operator.check(&pay("c", "operator", 1)).verdict(), "ALLOW");
        }
        ends.store(true, Ordering::SeqCst);
    });
}

#[test]
fn only_an_operator_stops_a_server() {
    let folder = Folder::new("halt-keys");
    let mut closed = config(&folder.db(), &Text::new(POLICY));
    closed.is_open = false;
    let scopes = [Scope::Check, Scope::Read, Scope::Approve];
    let (_, other) = make_key(&folder.db(), 1, &scopes, "unlimited");
    let (_, admin) = make_key(&folder.db(), 2, &[Scope::Admin], "unlimited");
    let server = Running::start(closed);
    let mut other = server.client().with("x-api-key", &other);
    for path in ["/halt", "/resume"] {
        assert_eq!(other.post(path, "{}").status, 403);
        assert_eq!(server.client().post(path, "{}").status, 401);
    }
    assert_eq!(other.check(&look("c", "r")).verdict(), "ALLOW");
    let mut admin = server.client().with("x-api-key", &admin);
    assert_eq!(admin.post("/halt", "{}").status, 200);
    assert_eq!(other.check(&look("c", "r")).verdict(), "DENY");
}
