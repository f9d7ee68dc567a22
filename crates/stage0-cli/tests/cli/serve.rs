//! The server as a process: what was answered outlives `kill -9`, and a full disk allows nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::support::Folder;

const POLICY: &str = "
stage0: v1
name: bank
version: 1.0.0
tools: { pay: { effects: [], args: { amount: { type: number } } } }
rules: [{ id: all, allow: true }]
limits: [{ id: daily, tools: [pay], sum: args.amount, window: 24h, max: 100000 }]
";

/// A server process, which ends with this.
struct Process {
    child: Child,
    port: u16,
}

impl Process {
    /// Begins one; `before` is what the shell does first.
    fn start(folder: &Path, before: &str) -> Self {
        let command = format!(
            "{before} exec {} serve --dev --listen 127.0.0.1:0 --db kill.db --policy policy.yaml --fsync never",
            env!("CARGO_BIN_EXE_stage0")
        );
        let mut child = Command::new("sh")
            .args(["-c", &command])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = lines.find_map(|line| {
            let line = line.unwrap();
            let rest = line.strip_prefix("listening on http://127.0.0.1:")?;
            rest.split(',').next()?.parse().ok()
        });
        // Whatever else it says is read, so that it never waits for somebody to listen.
        thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            port: listening.unwrap(),
        }
    }

    /// The status and the body of an answer; nothing where there is none.
    fn ask(&self, method: &str, path: &str, id: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .ok()?;
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-request-id: {id}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(text.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some((status, body.to_owned()))
    }

    fn pay(&self, id: &str, amount: u32) -> Option<(u16, String)> {
        let call = format!(
            r#"{{"tool_call":{{"id":"{id}","name":"pay","arguments":{{"amount":{amount}}}}}}}"#
        );
        self.ask("POST", "/check", id, &call)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number_after(text: &str, key: &str) -> u64 {
    let rest = text.split(key).nth(1).unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn no_answered_decision_and_no_count_is_lost_by_kill() {
    let folder = Folder::new("serve-kill");
    std::fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    let answered = Mutex::new(Vec::new());
    let rounds = 3;
    for round in 0..rounds {
        let mut server = Process::start(folder.path(), "");
        thread::scope(|scope| {
            for worker in 0..4 {
                let (server, answered) = (&server, &answered);
                scope.spawn(move || {
                    for number in 0..10_000 {
                        let id = format!("{round}-{worker}-{number}");
                        let Some((200, body)) = server.pay(&id, 1) else {
                            return;
                        };
                        assert!(body.contains("\"verdict\":\"ALLOW\""), "{body}");
                        answered.lock().unwrap().push(id);
                    }
                });
            }
            thread::sleep(Duration::from_millis(400));
            // By its id, without a chance to do anything else.
            let killed = Command::new("kill")
                .args(["-9", &server.child.id().to_string()])
                .status();
            assert!(killed.unwrap().success());
        });
        server.child.wait().unwrap();
    }
    let answered = answered.into_inner().unwrap();
    assert!(answered.len() > 100, "{}", answered.len());
    let server = Process::start(folder.path(), "");
    for id in answered.iter().step_by(answered.len() / 50 + 1) {
        let (status, body) = server
            .ask("GET", &format!("/decisions/{id}"), "look", "")
            .unwrap();
        assert_eq!(status, 200, "{id}: {body}");
    }
    let (_, usage) = server.ask("GET", "/usage", "look", "").unwrap();
    let counted = number_after(&usage, "\"monthly_used\":");
    let answered = u64::try_from(answered.len()).unwrap();
    // What was decided and not answered any more counts too: at most one for each worker and round.
    assert!(
        (answered..=answered + 4 * rounds).contains(&counted),
        "{answered} {counted}"
    );
    // Neither was money spent twice or forgotten.
    let left = 100_000 - u32::try_from(counted).unwrap();
    let (_, over) = server.pay("over", left + 1).unwrap();
    assert!(over.contains("\"verdict\":\"DEFER\""), "{over}");
    let (_, rest) = server.pay("rest", left).unwrap();
    assert!(rest.contains("\"verdict\":\"ALLOW\""), "{rest}");
}

#[test]
fn a_full_disk_allows_nothing_and_loses_nothing() {
    let folder = Folder::new("serve-full");
    std::fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    // No file grows beyond a megabyte: in blocks of 512 bytes.
    let server = Process::start(folder.path(), "trap '' XFSZ; ulimit -f 2048;");
    let mut allowed = 0;
    let refused = loop {
        match server.pay(&format!("p-{allowed}"), 1).unwrap() {
            (200, body) => {
                assert!(body.contains("\"verdict\":\"ALLOW\""), "{body}");
                allowed += 1;
            }
            refused => break refused,
        }
        assert!(allowed < 10_000, "it never was full");
    };
    assert_eq!(refused.0, 503, "{}", refused.1);
    assert!(!refused.1.contains("\"verdict\""), "{}", refused.1);
    assert_eq!(server.ask("GET", "/readyz", "look", "").unwrap().0, 503);
    assert_eq!(server.ask("GET", "/healthz", "look", "").unwrap().0, 200);
    drop(server);
    // With room again it goes on where it was.
    let server = Process::start(folder.path(), "");
    let (status, _) = server
        .ask("GET", &format!("/decisions/p-{}", allowed - 1), "look", "")
        .unwrap();
    assert_eq!(status, 200);
    let (_, usage) = server.ask("GET", "/usage", "look", "").unwrap();
    assert_eq!(number_after(&usage, "\"monthly_used\":"), allowed);
    assert_eq!(server.pay("after", 1).unwrap().0, 200);
}
