//! Runs: what is counted over many requests, and by whom.

use std::thread;

use crate::client::{Folder, Running, look, pay};

#[test]
fn a_run_is_counted_over_requests_and_restarts() {
    let folder = Folder::new("run");
    let server = Running::plain(&folder);
    let mut client = server.client();
    for number in 0..2 {
        assert_eq!(
            client.check(&look(&number.to_string(), "r")).verdict(),
            "ALLOW"
        );
    }
    server.end();
    let server = Running::plain(&folder);
    let mut client = server.client();
    assert_eq!(client.check(&look("2", "r")).verdict(), "ALLOW");
    let over = client.check(&look("3", "r"));
    assert_eq!(
        (over.verdict(), over.at("issues.0.rule")),
        ("DEFER".to_owned(), "bank/loops".to_owned())
    );
    assert_eq!(client.check(&look("3", "another")).verdict(), "ALLOW");
}

#[test]
fn no_order_of_requests_spends_more_than_there_is() {
    let folder = Folder::new("spend");
    let server = Running::plain(&folder);
    let verdicts: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let mut client = server.client();
                scope.spawn(move || {
                    let asked = (0..5).map(|number| pay(&format!("{worker}-{number}"), "ada", 300));
                    asked
                        .map(|body| client.check(&body).verdict())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    let allowed = verdicts
        .iter()
        .filter(|verdict| *verdict == "ALLOW")
        .count();
    // 5000 by 300.
    assert_eq!((allowed, verdicts.len()), (16, 40));
}

#[test]
fn a_batch_is_steps_or_runs_together() {
    let folder = Folder::new("batch");
    let server = Running::plain(&folder);
    let mut client = server.client();
    let calls: Vec<String> = (0..5)
        .map(|number| look(&number.to_string(), "r"))
        .collect();
    let batch = format!(r#"{{"requests":[{}]}}"#, calls.join(","));
    let answer = client.post("/check/batch", &batch);
    let verdicts: Vec<String> = (0..5)
        .map(|number| answer.at(&format!("decisions.{number}.verdict")))
        .collect();
    assert_eq!(verdicts, ["ALLOW", "ALLOW", "ALLOW", "DEFER", "DEFER"]);
    assert_eq!(answer.at("verdict"), "DEFER");
    let calls: Vec<String> = (0..5)
        .map(|number| look(&number.to_string(), "s"))
        .collect();
    let together = format!(r#"{{"requests":[{}],"atomic":true}}"#, calls.join(","));
    let answer = client.post("/check/batch", &together);
    for number in 0..5 {
        assert_eq!(answer.at(&format!("decisions.{number}.verdict")), "DEFER");
    }
    let mixed = format!(
        r#"{{"requests":[{},{}],"atomic":true}}"#,
        look("a", "s"),
        look("b", "t")
    );
    assert_eq!(client.post("/check/batch", &mixed).status, 422);
}
