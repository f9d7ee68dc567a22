//! Another policy takes its place, or does not.

use std::thread::sleep;
use std::time::Duration;

use crate::client::{Folder, POLICY, Running, Text, config, pay};

#[test]
fn a_policy_that_changes_decides_and_one_that_must_not_does_not() {
    let folder = Folder::new("reload");
    let text = Text::new(POLICY);
    let server = Running::start(config(&folder.db(), &text));
    let mut client = server.client();
    assert_eq!(client.check(&pay("c", "ada", 400)).verdict(), "ALLOW");
    text.set(
        &POLICY
            .replace("1.0.0", "1.1.0")
            .replace("amount > 500", "amount > 300"),
    );
    let mut seen = (0..100).map(|_| {
        sleep(Duration::from_millis(50));
        client.get("/readyz").at("policy_version")
    });
    assert!(
        seen.any(|version| version == "bank@1.1.0"),
        "it is looked at every second"
    );
    assert_eq!(client.check(&pay("d", "ada", 400)).verdict(), "DEFER");

    for (broken, code) in [
        (
            "stage0: v1\nname: bank\nversion: 2.0.0\nrules: [{ id: a, alow: true }]\n".to_owned(),
            "POLICY_UNKNOWN_KEY",
        ),
        (
            format!(
                "{POLICY}tests:\n  - {{ name: fails, call: {{ name: erase }}, expect: ALLOW }}\n"
            ),
            "POLICY_TEST_FAILED",
        ),
    ] {
        text.set(&broken);
        let refused = client.post("/policy/reload", "{}");
        assert_eq!(
            (refused.status, refused.at("problems.0.code")),
            (422, code.to_owned())
        );
        let ready = client.get("/readyz");
        assert_eq!(
            (ready.status, ready.at("policy")),
            (200, "refused a newer one".to_owned())
        );
        assert_eq!(ready.at("policy_version"), "bank@1.1.0");
        let policy = client.get("/policy");
        assert_eq!(
            (policy.at("is_current"), policy.at("problems.0.code")),
            ("false".to_owned(), code.to_owned())
        );
        assert_eq!(client.check(&pay("e", "ada", 400)).verdict(), "DEFER");
    }
    text.set(POLICY);
    assert_eq!(
        client.post("/policy/reload", "{}").at("policy_version"),
        "bank@1.0.0"
    );
    assert_eq!(client.get("/readyz").at("policy"), "current");
}
