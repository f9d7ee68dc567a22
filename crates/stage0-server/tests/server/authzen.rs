//! `AuthZEN` 1.0.

use crate::client::{Folder, Running};

#[test]
fn an_evaluation_is_a_decision_in_other_words() {
    let folder = Folder::new("authzen");
    let server = Running::plain(&folder);
    let mut client = server.client();
    let ask = |amount: u32| {
        format!(
            r#"{{"subject":{{"type":"user","id":"ada","properties":{{"role":"ops"}}}},"action":{{"name":"pay","properties":{{"amount":{amount}}}}},"resource":{{"type":"account","id":"a-1"}},"context":{{"actor_id":"mallory"}}}}"#
        )
    };
    let one = "/access/v1/evaluation";
    let allowed = client.post(one, &ask(5));
    assert_eq!(
        (allowed.status, allowed.at("decision")),
        (200, "true".to_owned())
    );
    let waiting = client.post(one, &ask(700));
    assert_eq!(
        (waiting.at("decision"), waiting.at("context.requestable")),
        ("false".to_owned(), "true".to_owned())
    );
    assert_eq!(
        waiting.at("context.reason_user.0.code"),
        "APPROVAL_REQUIRED"
    );
    let denied = client.post(
        one,
        &ask(5)
            .replace("\"pay\"", "\"erase\"")
            .replace("{\"amount\":5}", "{}"),
    );
    assert_eq!(
        (
            denied.status,
            denied.at("decision"),
            denied.at("context.requestable")
        ),
        (200, "false".to_owned(), "false".to_owned())
    );
    // The subject is who acts, whatever the context says of it.
    assert!(
        client
            .get("/approvals")
            .at("approvals.0.facts")
            .contains("ada")
    );

    let several = r#"{"subject":{"type":"user","id":"ada"},"resource":{"type":"account","id":"a"},"action":{"name":"look"},"context":{"run_id":"z"},
        "evaluations":[{"action":{"name":"erase"}},{},{"resource":{"type":"account","id":"b"}}],"options":{"evaluations_semantic":"SEMANTIC"}}"#;
    for (semantic, expected) in [
        ("execute_all", "false true true"),
        ("deny_on_first_deny", "false"),
        ("permit_on_first_permit", "false true"),
    ] {
        let answer = client.post(
            "/access/v1/evaluations",
            &several.replace("SEMANTIC", semantic),
        );
        let told: Vec<String> = (0..expected.split(' ').count())
            .map(|number| answer.at(&format!("evaluations.{number}.decision")))
            .collect();
        assert_eq!(told.join(" "), expected, "{}", answer.body);
    }
    for wrong in [
        "{}",
        r#"{"subject":{"id":"a"},"action":{"name":"look"},"resource":{"type":"t","id":"i"}}"#,
        "[]",
    ] {
        assert_eq!(client.post(one, wrong).status, 422, "{wrong}");
    }
    let known = client.get("/.well-known/authzen-configuration");
    assert!(
        known
            .at("access_evaluation_endpoint")
            .ends_with("/access/v1/evaluation")
    );
}
