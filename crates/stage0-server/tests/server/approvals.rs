//! People's answers, and what comes of them.

use crate::client::{Answer, Client, Folder, POLICY, Running, Text, config, pay};

fn wait(client: &mut Client, body: &str) -> String {
    let answer = client.check(body);
    assert_eq!(answer.verdict(), "DEFER");
    answer.header("stage0-approval-id").unwrap().to_owned()
}

fn grant(client: &mut Client, id: &str, by: &str) -> Answer {
    let body = format!(r#"{{"by":"{by}","roles":["lead"],"reason":"seen"}}"#);
    client.post(&format!("/approvals/{id}/grant"), &body)
}

#[test]
fn a_yes_is_good_for_the_action_that_was_asked_about_once() {
    let folder = Folder::new("yes");
    let server = Running::plain(&folder);
    let mut client = server.client();
    let asked = pay("c1", "ada", 600);
    let id = wait(&mut client, &asked);
    assert_eq!(wait(&mut client, &asked), id, "asking twice asks once");
    let listed = client.get("/approvals?status=pending");
    assert_eq!(listed.at("approvals.0.id"), id);
    assert!(listed.at("approvals.0.facts").contains("600"));
    // Roles are asked for, people are named, and nobody answers twice.
    let path = format!("/approvals/{id}/grant");
    let refused = client.post(&path, r#"{"by":"bo","roles":["support"]}"#);
    assert_eq!(refused.at("problems.0.code"), "ANSWER_REFUSED");
    assert_eq!(
        client
            .post(&path, r#"{"by":"bo","roles":["support"]}"#)
            .status,
        422
    );
    assert_eq!(client.post(&path, r#"{"roles":["lead"]}"#).status, 422);
    assert_eq!(grant(&mut client, &id, "bo").at("status"), "granted");
    assert_eq!(grant(&mut client, &id, "bo").status, 409);
    let refused = client.post(&format!("/approvals/{id}/grant"), r#"{"token":"a.b.c"}"#);
    assert_eq!(refused.at("problems.0.code"), "TOKEN_INVALID");
    // Another amount, another call and another person's are other actions.
    for other in [pay("c1", "ada", 601), pay("c2", "ada", 600)] {
        assert_eq!(client.check(&other).verdict(), "DEFER");
    }
    let allowed = client.check(&asked);
    assert_eq!(allowed.verdict(), "ALLOW");
    assert_eq!(allowed.at("approved_by"), "bo");
    assert_eq!(client.get(&format!("/approvals/{id}")).at("status"), "used");
    // It was for one call, and is asked for anew.
    assert_eq!(wait(&mut client, &asked), id);
    assert_eq!(
        client.get(&format!("/approvals/{id}")).at("status"),
        "pending"
    );
    assert_eq!(grant(&mut client, &id, "bo").at("status"), "granted");
    assert_eq!(client.check(&asked).verdict(), "ALLOW");
}

#[test]
fn nobody_approves_their_own() {
    let folder = Folder::new("own");
    let server = Running::plain(&folder);
    let mut client = server.client();
    let asked = pay("c1", "ada", 600);
    let id = wait(&mut client, &asked);
    assert_eq!(grant(&mut client, &id, "ADA").status, 200);
    let answer = client.check(&asked);
    assert_eq!(
        (answer.verdict(), answer.at("issues.0.code")),
        ("DEFER".to_owned(), "APPROVAL_SELF".to_owned())
    );
    // Somebody else is asked now.
    let id = answer.header("stage0-approval-id").unwrap().to_owned();
    assert_eq!(grant(&mut client, &id, "bo").at("status"), "granted");
    assert_eq!(client.check(&asked).verdict(), "ALLOW");
}

#[test]
fn a_no_stands_whatever_the_policy_says_later() {
    let folder = Folder::new("no");
    let text = Text::new(POLICY);
    let server = Running::start(config(&folder.db(), &text));
    let mut client = server.client();
    let asked = pay("c1", "ada", 600);
    let id = wait(&mut client, &asked);
    let path = format!("/approvals/{id}/reject");
    assert_eq!(
        client
            .post(&path, r#"{"by":"bo","reason":"not this month"}"#)
            .at("status"),
        "rejected"
    );
    assert_eq!(grant(&mut client, &id, "cy").status, 409);
    let denied = |client: &mut Client, asked: &str| {
        let answer = client.check(asked);
        (
            answer.verdict(),
            answer.at("issues.0.code"),
            answer.at("issues.0.message"),
        )
    };
    let no = (
        "DENY".to_owned(),
        "APPROVAL_REJECTED".to_owned(),
        "bo rejected this.".to_owned(),
    );
    assert_eq!(denied(&mut client, &asked), no);
    // Nobody is asked any more, and this was said no to.
    text.set(&POLICY.replace("args.amount > 500", "args.amount > 5000"));
    // Whoever looks at it each second may have been faster.
    assert_eq!(client.post("/policy/reload", "{}").status, 200);
    assert_eq!(client.check(&pay("c9", "ada", 600)).verdict(), "ALLOW");
    assert_eq!(denied(&mut client, &asked), no);
    let batch = format!(
        r#"{{"requests":[{asked},{}],"atomic":true}}"#,
        pay("c8", "ada", 1)
    );
    let answer = client.post("/check/batch", &batch);
    assert_eq!(answer.at("verdict"), "DENY");
    assert!(answer.body.contains("BATCH_DENIED") && answer.body.contains("APPROVAL_REJECTED"));
}

#[test]
fn calls_that_run_together_wait_for_people_together() {
    let folder = Folder::new("together");
    let server = Running::plain(&folder);
    let mut client = server.client();
    let batch = format!(
        r#"{{"requests":[{},{}],"atomic":true}}"#,
        pay("c1", "ada", 100),
        pay("c2", "ada", 900)
    );
    let answer = client.post("/check/batch", &batch);
    assert_eq!(answer.at("verdict"), "DEFER");
    assert_eq!(answer.at("approval_ids.0"), "null");
    let id = answer.at("approval_ids.1");
    assert_eq!(grant(&mut client, &id, "bo").at("status"), "granted");
    let answer = client.post("/check/batch", &batch);
    assert_eq!(answer.at("verdict"), "ALLOW");
    assert_eq!(client.post("/check/batch", &batch).at("verdict"), "DEFER");
}

#[test]
fn a_ticket_is_found_by_its_request_and_outlives_the_server() {
    let folder = Folder::new("found");
    let server = Running::plain(&folder);
    let mut client = server.client().with("x-request-id", "r-1");
    let id = wait(&mut client, &pay("c1", "ada", 600));
    let found = client.post("/approvals", r#"{"request_id":"r-1"}"#);
    assert_eq!(
        (found.at("id"), found.at("status")),
        (id.clone(), "pending".to_owned())
    );
    assert_eq!(
        client.post("/approvals", r#"{"request_id":"r-2"}"#).status,
        404
    );
    let mut other = server.client().with("x-request-id", "r-3");
    assert_eq!(other.check(&pay("c2", "ada", 6)).verdict(), "ALLOW");
    assert_eq!(
        other.post("/approvals", r#"{"request_id":"r-3"}"#).status,
        409
    );
    server.end();
    let server = Running::plain(&folder);
    let mut client = server.client();
    assert_eq!(grant(&mut client, &id, "bo").at("status"), "granted");
    assert_eq!(client.check(&pay("c1", "ada", 600)).verdict(), "ALLOW");
}
