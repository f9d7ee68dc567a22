//! Connections: many, slow, idle and broken ones.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::client::{Folder, POLICY, Running, Text, config, look};

#[test]
fn idle_and_slow_connections_keep_nobody_waiting_and_are_ended() {
    let folder = Folder::new("idle");
    let mut quick = config(&folder.db(), &Text::new(POLICY));
    quick.bounds.head_wait = Duration::from_secs(2);
    let server = Running::start(quick);
    let idle: Vec<TcpStream> = (0..500)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            if number % 2 == 0 {
                stream
                    .write_all(b"POST /check HTTP/1.1\r\nhost: local")
                    .unwrap();
            }
            stream
        })
        .collect();
    assert_eq!(server.client().check(&look("c", "r")).verdict(), "ALLOW");
    for mut stream in idle {
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut rest = Vec::new();
        // It ends, with or without a word about why.
        let _ = stream.read_to_end(&mut rest);
    }
    assert_eq!(server.client().check(&look("d", "r")).verdict(), "ALLOW");
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let folder = Folder::new("deadline");
    let mut quick = config(&folder.db(), &Text::new(POLICY));
    quick.bounds.deadline = Duration::from_millis(300);
    let server = Running::start(quick);
    let head = b"POST /check HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let answer = server.client().send(head);
    assert_eq!(answer.status, 503);
    assert!(answer.at("message").contains("nothing was decided"));
}

#[test]
fn more_than_there_is_room_for_are_told_to_come_again() {
    let folder = Folder::new("busy");
    let mut small = config(&folder.db(), &Text::new(POLICY));
    small.bounds.concurrency = 1;
    let server = Running::start(small);
    // This one has the place until its body has come.
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.write_all(b"POST /check HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{").unwrap();
    let mut statuses = (0..100).map(|_| {
        thread::sleep(Duration::from_millis(20));
        server.client().check(&look("c", "r")).status
    });
    assert!(statuses.any(|status| status == 503));
    drop(slow);
    let mut statuses = (0..100).map(|_| {
        thread::sleep(Duration::from_millis(20));
        server.client().check(&look("c", "r")).status
    });
    assert!(statuses.any(|status| status == 200));
}

#[test]
fn what_is_no_http_harms_nobody() {
    let folder = Folder::new("garbage");
    let server = Running::plain(&folder);
    let long = [
        b"GET /".as_slice(),
        &b"a".repeat(40_000),
        b" HTTP/1.1\r\n\r\n",
    ]
    .concat();
    let many = [
        b"GET / HTTP/1.1\r\n".as_slice(),
        &b"a: b\r\n".repeat(200),
        b"\r\n",
    ]
    .concat();
    let garbage: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /check HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /check HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /check HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\nffffffffffffffffff\r\n",
        &long,
        &many,
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let _ = stream.write_all(bytes);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!String::from_utf8_lossy(&rest).contains("ALLOW"));
        assert_eq!(server.client().get("/healthz").status, 200);
    }
}

#[test]
fn what_was_begun_is_finished_when_the_server_is_told_to_end() {
    let folder = Folder::new("end");
    let server = Running::plain(&folder);
    let body = look("c", "r");
    let head = format!(
        "POST /check HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    // The server has begun to read when it is told.
    thread::sleep(Duration::from_millis(100));
    let control = server.control.clone();
    control.end();
    thread::sleep(Duration::from_millis(100));
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("\"ALLOW\""),
        "{answer}"
    );
    let address = server.address;
    server.end();
    assert!(TcpStream::connect(address).is_err());
}
