//! Who may ask for what.

use stage0_engine::time::Timestamp;
use stage0_server::{ServeError, Server};
use stage0_store::{Scope, SqliteStore};

use crate::client::{Folder, POLICY, Running, Text, config, look, make_key};

#[test]
fn only_a_key_that_counts_and_is_for_it_opens_a_route() {
    let folder = Folder::new("keys");
    let db = folder.db();
    let mut closed = config(&db, &Text::new(POLICY));
    closed.is_open = false;
    let (_, check) = make_key(&db, 1, &[Scope::Check], "unlimited");
    let (_, all) = make_key(&db, 2, &Scope::ALL, "unlimited");
    let server = Running::start(closed);
    let body = look("c", "r");
    let routes = [
        ("POST", "/check", Scope::Check),
        ("GET", "/usage", Scope::Check),
        ("GET", "/decisions", Scope::Read),
        ("GET", "/metrics", Scope::Read),
        ("GET", "/policy", Scope::Read),
        ("GET", "/approvals", Scope::Read),
        (
            "POST",
            "/approvals/000000000000000000000000/grant",
            Scope::Approve,
        ),
        ("POST", "/policy/reload", Scope::Admin),
    ];
    for (method, path, scope) in routes {
        let body = (method == "POST").then_some(&*body);
        let status =
            |headers: &[(&str, &str)]| server.client().ask(method, path, headers, body).status;
        assert_eq!(status(&[]), 401, "{path}");
        let changed = [&check[..check.len() - 1], "_"].concat();
        assert_eq!(status(&[("x-api-key", &changed)]), 401, "{path}");
        assert_eq!(status(&[("x-api-key", "sk-1")]), 401, "{path}");
        assert_eq!(
            status(&[("x-api-key", &all), ("x-api-key", &check)]),
            401,
            "{path}"
        );
        let both = [
            ("x-api-key", &*check),
            ("authorization", &*format!("Bearer {all}")),
        ];
        assert_eq!(status(&both), 401, "{path}");
        let expected = if scope == Scope::Check { 200 } else { 403 };
        assert_eq!(status(&[("x-api-key", &check)]), expected, "{path}");
        let granted = status(&[("authorization", &format!("bearer {all}"))]);
        assert!(!matches!(granted, 401 | 403), "{path}: {granted}");
    }
    for open in [
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/.well-known/authzen-configuration",
    ] {
        assert_eq!(server.client().get(open).status, 200, "{open}");
    }
    let refused = server.client().check(&body);
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
}

#[test]
fn a_key_counts_as_soon_as_it_is_made_and_no_longer_than_it_is_not_revoked() {
    let folder = Folder::new("revoked");
    let db = folder.db();
    let mut closed = config(&db, &Text::new(POLICY));
    closed.is_open = false;
    let server = Running::start(closed);
    let (key, shown) = make_key(&db, 3, &[Scope::Check], "unlimited");
    let mut client = server.client().with("x-api-key", &shown);
    assert_eq!(client.check(&look("c", "r")).status, 200);
    let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
    assert!(
        SqliteStore::open(&db)
            .unwrap()
            .revoke_key(&key.id, now)
            .unwrap()
    );
    let mut statuses = (0..200).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        client.check(&look("c", "r")).status
    });
    assert!(statuses.any(|status| status == 401));
    assert_eq!(client.check(&look("c", "r")).status, 401);
}

#[test]
fn without_keys_nobody_from_elsewhere_is_served() {
    let folder = Folder::new("open");
    let mut everywhere = config(&folder.db(), &Text::new(POLICY));
    everywhere.listen = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(Server::open(everywhere), Err(ServeError::Open(_))));
    let server = Running::plain(&folder);
    // A page whose name was pointed at this machine.
    let bytes = b"POST /check HTTP/1.1\r\nhost: evil.example:8787\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(server.client().send(bytes).status, 401);
    // A page that sends a body without saying what it is.
    let bytes = b"POST /check HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(server.client().send(bytes).status, 415);
}
