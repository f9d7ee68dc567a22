//! What is kept of decisions, and how it is found again.

use stage0_audit::chain::{Place, Verifier};
use stage0_store::SqliteStore;

use crate::client::{Folder, Running, look, pay};

#[test]
fn every_decision_is_found_with_what_became_of_it() {
    let folder = Folder::new("back");
    let server = Running::plain(&folder);
    let mut client = server.client();
    for (number, amount) in [10, 20, 600].into_iter().enumerate() {
        let id = format!("r-{number}");
        let body = pay(&id, "ada", amount);
        let answer = client.ask("POST", "/check", &[("x-request-id", &id)], Some(&body));
        assert_eq!(answer.status, 200);
    }
    let told = client.post(
        "/outcome",
        r#"{"request_id":"r-0","final_runtime_action":"executed","cost_usd":0.02}"#,
    );
    assert_eq!(
        (told.at("final_runtime_action"), told.at("repeated")),
        ("executed".to_owned(), "false".to_owned())
    );
    let page = client.get("/decisions?limit=2");
    assert_eq!(
        (
            page.at("decisions.0.request_id"),
            page.at("decisions.1.request_id")
        ),
        ("r-2".to_owned(), "r-1".to_owned())
    );
    let next = client.get(&format!(
        "/decisions?limit=2&before={}",
        page.at("next_before")
    ));
    assert_eq!(next.at("decisions.0.request_id"), "r-0");
    assert_eq!(next.at("next_before"), "null");
    let entry = client.get("/decisions/r-0");
    let chain = [
        ("request_id", "r-0"),
        ("policy_version", "bank@1.0.0"),
        ("environment", ""),
        ("approved_by", ""),
        ("final_runtime_action", "executed"),
        ("verdict", "ALLOW"),
        ("tools.0", "pay"),
        ("call_id", "r-0"),
        ("api_key_id", "dev"),
        ("receipt.record.facts.args.amount", ""),
    ];
    for (path, expected) in &chain[..chain.len() - 1] {
        assert_eq!(entry.at(path), *expected, "{path}");
    }
    // Only what was read is kept.
    assert!(entry.body.contains(r#""args.amount":10"#) && !entry.body.contains("\"request\":{"));
    assert_eq!(
        client
            .get("/decisions?verdict=DEFER")
            .at("decisions.0.request_id"),
        "r-2"
    );
    assert_eq!(client.get("/decisions?run_id=none").at("decisions"), "[]");
}

#[test]
fn an_outcome_gives_back_what_was_not_spent_and_is_told_once() {
    let folder = Folder::new("outcome");
    let server = Running::plain(&folder);
    let mut client = server.client();
    // Ten times five hundred is all there is of a day.
    for number in 0..10 {
        let id = format!("r-{number}");
        let body = pay(&id, "ada", 500);
        let answer = client.ask("POST", "/check", &[("x-request-id", &id)], Some(&body));
        assert_eq!(answer.verdict(), "ALLOW", "{number}");
    }
    assert_eq!(client.check(&pay("more", "ada", 1)).verdict(), "DEFER");
    let tell = |client: &mut crate::client::Client, id: &str, action: &str| {
        let body = format!(r#"{{"request_id":"{id}","final_runtime_action":"{action}"}}"#);
        client.post("/outcome", &body)
    };
    assert_eq!(tell(&mut client, "r-3", "failed").status, 200);
    assert_eq!(client.check(&pay("more", "ada", 500)).verdict(), "ALLOW");
    assert_eq!(tell(&mut client, "r-3", "failed").at("repeated"), "true");
    assert_eq!(tell(&mut client, "r-3", "executed").status, 409);
    assert_eq!(client.check(&pay("again", "ada", 1)).verdict(), "DEFER");
    // What was not allowed was not executed.
    let denied = client.ask(
        "POST",
        "/check",
        &[("x-request-id", "d")],
        Some(r#"{"tool_call":{"name":"erase","arguments":{}}}"#),
    );
    assert_eq!(denied.verdict(), "DENY");
    assert_eq!(tell(&mut client, "d", "executed").status, 409);
    assert_eq!(tell(&mut client, "d", "stopped").status, 200);
}

#[test]
fn the_lines_are_a_chain() {
    let folder = Folder::new("chain");
    let server = Running::plain(&folder);
    let mut client = server.client();
    for number in 0..20 {
        let _ = client.check(&look(&number.to_string(), "r"));
    }
    server.end();
    // It goes on where it was.
    let server = Running::plain(&folder);
    let _ = server.client().check(&look("last", "r"));
    server.end();
    let store = SqliteStore::open(&folder.db()).unwrap();
    let lines = store.lines_after(0, 1_000).unwrap();
    assert_eq!(lines.len(), 21);
    let mut verifier = Verifier::new(None, false);
    for (number, line) in &lines {
        let place = Place {
            file: "stage0.db".to_owned(),
            line: *number,
        };
        assert!(verifier.line(&place, line, true).is_some());
    }
    let (findings, summary) = verifier.finish();
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(summary.lines, 21);
}

#[test]
fn the_whole_request_is_kept_where_somebody_wants_it() {
    let folder = Folder::new("whole");
    let server = Running::plain(&folder);
    let body = r#"{"goal":"look at things","tool_call":{"name":"look","arguments":{}},"debug_store_input":true}"#;
    let mut client = server.client().with("x-request-id", "w");
    assert_eq!(client.check(body).status, 200);
    let entry = client.get("/decisions/w");
    assert_eq!(entry.at("receipt.record.request.goal"), "look at things");
}
