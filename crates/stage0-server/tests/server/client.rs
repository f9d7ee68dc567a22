//! A client of few words, and servers to ask.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use stage0_engine::document::{Document, ValueRef};
use stage0_engine::time::Timestamp;
use stage0_server::{Audit, Bounds, Config, Control, Fsync, Plans, PolicySource, Record, Server};
use stage0_store::{ApiKey, KEY_RANDOM_BYTES, Scope, SqliteStore, system_clock};
use stage0_wire::Policy;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

/// A policy with a cap, a question for people, and a rule about loops.
pub(crate) const POLICY: &str = "
stage0: v1
name: bank
version: 1.0.0
tools:
  pay: { effects: [], args: { amount: { type: number } } }
  look: { effects: [] }
  erase: { effects: [] }
rules:
  - { id: never, tools: [erase], deny: true, message: nothing is erased here }
  - { id: large, tools: [pay], when: args.amount > 500, approval: { roles: [lead], min: 1, not: context.actor_id, ttl: 4h } }
  - { id: all, tools: [pay, look], allow: true }
limits:
  - { id: daily, tools: [pay], sum: args.amount, per: [context.actor_id], window: 24h, max: 5000 }
  - { id: loops, tools: [look], count: attempts, window: run, max: 3 }
";

/// A text that changes while it is served.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text(Arc<Mutex<(String, u64)>>);

impl Text {
    pub(crate) fn new(text: &str) -> Self {
        Self(Arc::new(Mutex::new((text.to_owned(), 0))))
    }

    pub(crate) fn set(&self, text: &str) {
        let mut kept = self.0.lock().unwrap();
        *kept = (text.to_owned(), kept.1 + 1);
    }
}

impl PolicySource for Text {
    fn load(&self) -> Result<Policy, Vec<Problem>> {
        Policy::parse(&self.0.lock().unwrap().0)
    }

    fn mark(&self) -> u64 {
        self.0.lock().unwrap().1
    }
}

/// A folder of its own, removed with everything in it.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("server-{name}"));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn db(&self) -> PathBuf {
        self.0.join("stage0.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a server without keys is told.
pub(crate) fn config(db: &Path, policy: &Text) -> Config {
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        db: db.to_owned(),
        policy: Box::new(policy.clone()),
        plans: Plans::default(),
        audit: Audit::Required,
        record: Record::Facts,
        fsync: Fsync::Never,
        audit_key: None,
        retention: None,
        is_open: true,
        tls: None,
        public_url: None,
        secret: [7; 32],
        bounds: Bounds {
            file_wait: Duration::from_millis(100),
            shutdown_wait: Duration::from_secs(5),
            ..Bounds::default()
        },
        clock: system_clock,
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) control: Control,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(config: Config) -> Self {
        let server = Server::open(config).unwrap();
        let address = server.address().unwrap();
        let (control, told) = Server::control();
        let thread = thread::spawn(move || server.run(told).unwrap());
        Self {
            address,
            control,
            thread: Some(thread),
        }
    }

    /// One by the policy above, without keys.
    pub(crate) fn plain(folder: &Folder) -> Self {
        Self::start(config(&folder.db(), &Text::new(POLICY)))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    pub(crate) fn end(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.control.end();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes a key in a file.
pub(crate) fn make_key(db: &Path, number: u8, scopes: &[Scope], plan: &str) -> (ApiKey, String) {
    let made = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
    let random = [number; KEY_RANDOM_BYTES];
    let (key, shown) = ApiKey::make(&random, "tests", scopes.to_vec(), plan, made, None);
    SqliteStore::open(db).unwrap().add_key(&key).unwrap();
    (key, shown)
}

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    headers: Vec<(String, String)>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            headers: Vec::new(),
        }
    }

    /// With a header on every request from here on.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], None)
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[], Some(body))
    }

    pub(crate) fn check(&mut self, body: &str) -> Answer {
        self.post("/check", body)
    }

    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        let own = self.headers.iter().map(|(name, value)| (&**name, &**value));
        let own: Vec<(&str, &str)> = own.chain(headers.iter().copied()).collect();
        for (name, value) in &own {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if let Some(body) = body {
            if !own.iter().any(|(name, _)| *name == "content-type") {
                head.push_str("content-type: application/json\r\n");
            }
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        self.send(&[head.as_bytes(), body.unwrap_or_default().as_bytes()].concat())
    }

    /// Sends bytes as they are, and reads one answer.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Answer {
        let address = self.address;
        let stream = self.stream.get_or_insert_with(|| {
            let stream = TcpStream::connect(address).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            stream.set_nodelay(true).unwrap();
            BufReader::new(stream)
        });
        stream.get_mut().write_all(bytes).unwrap();
        let (answer, closes) = read(stream);
        if closes {
            self.stream = None;
        }
        answer
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> (Answer, bool) {
    let mut line = String::new();
    let mut next = |stream: &mut BufReader<TcpStream>| {
        line.clear();
        stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let status = next(stream);
    let status: u16 = status.split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let line = next(stream);
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let find = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let length = find("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let closes = find("connection").is_some_and(|value| value == "close");
    let body = String::from_utf8(body).unwrap();
    let answer = Answer {
        status,
        headers,
        body,
    };
    (answer, closes)
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(key, _)| key == name);
        header.map(|(_, value)| value.as_str())
    }

    /// The value at a path of keys and positions, as text.
    pub(crate) fn at(&self, path: &str) -> String {
        let limits = JsonLimits {
            bytes_max: 10_000_000,
            depth_max: 100,
            nodes_max: 1_000_000,
        };
        let document: Document<'_> = parse(self.body.as_bytes(), &limits)
            .unwrap_or_else(|error| panic!("{error}: {}", self.body));
        let mut value: ValueRef<'_> = document.root();
        for step in path.split('.') {
            let next = match step.parse() {
                Ok(position) => value.element(position),
                Err(_) => value.get(step),
            };
            value = next.unwrap_or_else(|| panic!("no `{path}` in {}", self.body));
        }
        let mut text = String::new();
        stage0_engine::canonical::write_value(&mut text, value);
        match value.as_str() {
            Some(text) => text.to_owned(),
            None => text,
        }
    }

    pub(crate) fn verdict(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        self.at("verdict")
    }
}

/// The request of a payment.
pub(crate) fn pay(id: &str, actor: &str, amount: u32) -> String {
    format!(
        r#"{{"tool_call":{{"id":"{id}","name":"pay","arguments":{{"amount":{amount}}}}},"context":{{"actor_id":"{actor}"}}}}"#
    )
}

/// The request of a look in a run.
pub(crate) fn look(id: &str, run: &str) -> String {
    format!(
        r#"{{"tool_call":{{"id":"{id}","name":"look","arguments":{{}}}},"context":{{"run_id":"{run}"}}}}"#
    )
}
