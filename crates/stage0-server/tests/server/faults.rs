//! Disks and files that do not do what they should: nothing is decided then, and nothing is lost.

use std::fs;
use std::os::unix::fs::FileExt as _;

use stage0_server::{Audit, ServeError, Server};
use stage0_store::SqliteStore;

use crate::client::{Folder, POLICY, Running, Text, config, look, pay};

#[test]
fn a_file_that_somebody_else_holds_decides_nothing() {
    let folder = Folder::new("held");
    let server = Running::plain(&folder);
    let mut client = server.client();
    assert_eq!(client.check(&pay("a", "ada", 1)).verdict(), "ALLOW");
    let other = SqliteStore::open(&folder.db()).unwrap();
    let held = other.begin().unwrap();
    for body in [
        pay("b", "ada", 1),
        r#"{"goal":"look around","tool_call":{"name":"look","arguments":{}}}"#.to_owned(),
    ] {
        let refused = client.check(&body);
        assert_eq!(refused.status, 503, "{}", refused.body);
        assert!(refused.header("retry-after").is_some());
        assert!(
            !refused.body.contains("stage0.db"),
            "where it lies is nobody's business"
        );
    }
    assert_eq!(client.get("/readyz").status, 503);
    assert_eq!(client.get("/healthz").status, 200);
    drop(held);
    assert_eq!(client.check(&pay("b", "ada", 1)).verdict(), "ALLOW");
    assert_eq!(client.get("/readyz").status, 200);
    assert_eq!(
        client.get("/usage").at("daily_used"),
        "2",
        "what was refused was not counted"
    );
    let metrics = client.get("/metrics");
    assert!(
        metrics.body.contains("stage0_store_failures_total 2"),
        "{}",
        metrics.body
    );
}

#[test]
fn without_a_record_only_what_rests_on_nothing_is_decided_and_only_where_that_is_wanted() {
    let folder = Folder::new("best-effort");
    let mut loose = config(&folder.db(), &Text::new(POLICY));
    loose.audit = Audit::BestEffort;
    let server = Running::start(loose);
    let mut client = server.client();
    let other = SqliteStore::open(&folder.db()).unwrap();
    let held = other.begin().unwrap();
    let erase = r#"{"tool_call":{"name":"erase","arguments":{}}}"#;
    assert_eq!(client.check(erase).verdict(), "DENY");
    let alone =
        r#"{"tool_call":{"name":"pay","arguments":{"amount":1}},"context":{"actor_id":"ada"}}"#;
    assert_eq!(client.check(alone).status, 503, "a limit has to be counted");
    assert_eq!(
        client.check(&look("c", "r")).status,
        503,
        "and so has a run"
    );
    drop(held);
    let metrics = client.get("/metrics").body;
    assert!(
        metrics.contains("stage0_unrecorded_decisions_total 1"),
        "{metrics}"
    );
}

#[test]
fn two_servers_do_not_share_a_file() {
    let folder = Folder::new("two");
    let server = Running::plain(&folder);
    let second = Server::open(config(&folder.db(), &Text::new(POLICY)));
    assert!(matches!(second, Err(ServeError::Taken(_))));
    server.end();
    let third = Server::open(config(&folder.db(), &Text::new(POLICY)));
    assert!(third.is_ok(), "{third:?}");
}

#[test]
fn a_file_that_is_damaged_decides_nothing() {
    let folder = Folder::new("damaged");
    let server = Running::plain(&folder);
    let mut client = server.client();
    for number in 0..50 {
        let _ = client.check(&look(&number.to_string(), "r"));
    }
    drop(client);
    server.end();
    let file = fs::File::options().write(true).open(folder.db()).unwrap();
    let length = file.metadata().unwrap().len();
    // Everything but the head is overwritten.
    let junk = vec![0xa5; usize::try_from(length - 4_096).unwrap()];
    file.write_all_at(&junk, 4_096).unwrap();
    let Ok(server) = Server::open(config(&folder.db(), &Text::new(POLICY))) else {
        return;
    };
    drop(server);
    let server = Running::plain(&folder);
    let mut client = server.client();
    assert_eq!(client.check(&look("c", "r")).status, 503);
    assert_eq!(client.check(&pay("c", "ada", 1)).status, 503);
}

#[test]
fn a_policy_that_must_not_decide_begins_no_server() {
    let folder = Folder::new("no-policy");
    let failing =
        format!("{POLICY}tests:\n  - {{ name: fails, call: {{ name: erase }}, expect: ALLOW }}\n");
    let server = Server::open(config(&folder.db(), &Text::new(&failing)));
    assert!(matches!(server, Err(ServeError::Policy(_))));
}
