//! Plans: what is counted, and what happens where it is used up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use stage0_server::Plans;
use stage0_store::Scope;

use crate::client::{Folder, POLICY, Running, Text, config, look, make_key};

fn plans() -> Plans {
    let text = br#"{"small": {"monthly": 120, "daily": 100, "per_minute": 1000},
        "month": {"monthly": 3}, "slow": {"per_minute": 2}, "team": {"features": ["pro"]}}"#;
    Plans::parse("plans", text).unwrap()
}

fn closed(folder: &Folder) -> stage0_server::Config {
    let mut closed = config(&folder.db(), &Text::new(POLICY));
    closed.is_open = false;
    closed.plans = plans();
    closed
}

#[test]
fn counts_are_exact_whoever_asks_at_once_and_outlive_the_server() {
    let folder = Folder::new("exact");
    let (_, shown) = make_key(&folder.db(), 1, &[Scope::Check], "small");
    let server = Running::start(closed(&folder));
    let allowed = AtomicU64::new(0);
    let refused = AtomicU64::new(0);
    thread::scope(|scope| {
        for worker in 0..8 {
            let (allowed, refused) = (&allowed, &refused);
            let mut client = server.client().with("x-api-key", &shown);
            scope.spawn(move || {
                for number in 0..20 {
                    let answer = client.check(&look(&format!("{worker}-{number}"), "r"));
                    match answer.status {
                        200 => allowed.fetch_add(1, Ordering::SeqCst),
                        402 => {
                            assert_eq!(answer.at("message"), "Daily quota exceeded");
                            assert!(answer.header("retry-after").is_some());
                            refused.fetch_add(1, Ordering::SeqCst)
                        }
                        other => panic!("{other}: {}", answer.body),
                    };
                }
            });
        }
    });
    assert_eq!((allowed.into_inner(), refused.into_inner()), (100, 60));
    server.end();
    let server = Running::start(closed(&folder));
    let mut client = server.client().with("x-api-key", &shown);
    let usage = client.get("/usage");
    assert_eq!(usage.at("daily_used"), "100");
    assert_eq!(usage.at("daily_remaining"), "0");
    assert_eq!(usage.at("monthly_remaining"), "20");
    assert_eq!(usage.at("plan"), "small");
    assert_eq!(client.check(&look("late", "r")).status, 402);
}

#[test]
fn each_span_is_refused_in_its_own_words() {
    let folder = Folder::new("spans");
    let (_, month) = make_key(&folder.db(), 1, &[Scope::Check], "month");
    let (_, slow) = make_key(&folder.db(), 2, &[Scope::Check], "slow");
    let (_, team) = make_key(&folder.db(), 3, &[Scope::Check], "team");
    let (_, gone) = make_key(&folder.db(), 4, &[Scope::Check], "removed-plan");
    let server = Running::start(closed(&folder));
    let as_key = |shown: &str| server.client().with("x-api-key", shown);

    let mut client = as_key(&month);
    // A batch counts for as many as it has, and is refused whole.
    let batch = format!(r#"{{"requests":[{},{}]}}"#, look("a", "r"), look("b", "r"));
    assert_eq!(client.post("/check/batch", &batch).status, 200);
    let refused = client.post("/check/batch", &batch);
    assert_eq!(
        (refused.status, refused.at("message")),
        (402, "Monthly quota exceeded".to_owned())
    );
    assert_eq!(client.check(&look("c", "r")).status, 200);
    assert_eq!(client.check(&look("d", "r")).status, 402);

    let mut client = as_key(&slow);
    // What is no decision is not counted.
    assert_eq!(client.check("{").status, 422);
    // A minute may begin anew between two of them.
    let statuses: Vec<u16> = (0..5)
        .map(|_| client.check(&look("c", "r")).status)
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = client.check(&look("c", "r"));
    if refused.status == 429 {
        let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds));
        assert_eq!(refused.at("retry_after_seconds"), seconds.to_string());
        assert_eq!(
            refused.at("detail.retry_after_seconds"),
            seconds.to_string()
        );
    }

    let pro = r#"{"goal":"look at things","tool_call":{"name":"look","arguments":{}},"pro":true}"#;
    let refused = as_key(&month).check(pro);
    assert_eq!(
        (refused.status, refused.at("message")),
        (402, "Pro checks require a paid plan".to_owned())
    );
    assert_eq!(as_key(&team).check(pro).status, 200);
    assert_eq!(as_key(&gone).check(&look("c", "r")).status, 401);
}
