//! Times the decision API beside a bare handler, over the loopback, in one run: `cargo xtask bench server`.
//!
//! Both are axum on the same runtime, asked by the same client with the same body of a kilobyte over connections
//! that are kept. The bare handler parses the body with `serde_json` and answers 30 bytes; the API decides, and
//! keeps a receipt before it answers.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use stage0_server::{Audit, Bounds, Config, Fsync, Plans, PolicySource, Record, Server};
use stage0_store::system_clock;
use stage0_tests::bench::task::{POLICY, allowed};
use stage0_wire::Policy;
use stage0_wire::problem::Problem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// As in the command.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: [usize; 2] = [1, 64];
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_millis(1_500);

#[derive(Debug)]
struct Text;

impl PolicySource for Text {
    fn load(&self) -> Result<Policy, Vec<Problem>> {
        Policy::parse(POLICY)
    }

    fn mark(&self) -> u64 {
        0
    }
}

struct Lane {
    name: &'static str,
    address: SocketAddr,
    path: &'static str,
    /// By the number of connections: answers per second of each round, and times of single requests.
    found: Vec<(Vec<f64>, Vec<Duration>)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .ok_or("the folder for files is missing")?,
    );
    std::fs::create_dir_all(&folder)?;
    let mut lanes = vec![
        lane("bare handler", bare()?, "/bare"),
        lane(
            "stage0, on the disk",
            stage0(&folder.join("always.db"), Fsync::Always)?,
            "/check",
        ),
        lane(
            "stage0, with the system",
            stage0(&folder.join("never.db"), Fsync::Never)?,
            "/check",
        ),
    ];
    let body = allowed();
    let client = runtime()?;
    // One lane and number of connections alone, for a profiler.
    let only = std::env::args().nth(2);
    for round in 0..=ROUNDS {
        for (position, connections) in CONNECTIONS.into_iter().enumerate() {
            for lane in &mut lanes {
                let name = format!("{},{connections}", lane.name);
                if only.as_ref().is_some_and(|only| *only != name) {
                    continue;
                }
                let asked = ask(lane.address, lane.path, &body, connections);
                let (rate, times) = client.block_on(asked)?;
                // The first one warms up.
                if round > 0 {
                    let found = &mut lane.found[position];
                    found.0.push(rate);
                    found.1.extend(times);
                }
            }
        }
    }
    print(&mut lanes);
    Ok(())
}

fn print(lanes: &mut [Lane]) {
    println!("| lane | connections | answers/s | of bare | p50 us | p99 us |");
    println!("|---|---:|---:|---:|---:|---:|");
    let mut bare = Vec::new();
    for (position, connections) in CONNECTIONS.into_iter().enumerate() {
        for lane in &mut *lanes {
            let (rates, times) = &mut lane.found[position];
            if rates.is_empty() {
                continue;
            }
            rates.sort_by(f64::total_cmp);
            times.sort_unstable();
            let rate = rates[rates.len() / 2];
            if lane.path == "/bare" {
                bare.push(rate);
            }
            let at = |share: usize| times[times.len() * share / 100].as_micros();
            println!(
                "| {} | {connections} | {rate:.0} | {:.2} | {} | {} |",
                lane.name,
                rate / bare.get(position).unwrap_or(&rate),
                at(50),
                at(99)
            );
        }
    }
}

fn lane(name: &'static str, address: SocketAddr, path: &'static str) -> Lane {
    let found = vec![(Vec::new(), Vec::new()); CONNECTIONS.len()];
    Lane {
        name,
        address,
        path,
        found,
    }
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

fn bare() -> Result<SocketAddr, Box<dyn Error>> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = runtime()?;
    thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let parse = |body: Bytes| async move {
                let parsed = serde_json::from_slice::<serde_json::Value>(&body);
                parsed.map_or("{}", |_| r#"{"verdict":"ALLOW","issues":[]}"#)
            };
            axum::serve(listener, Router::new().route("/bare", post(parse))).await
        })
    });
    Ok(address)
}

fn stage0(db: &Path, fsync: Fsync) -> Result<SocketAddr, Box<dyn Error>> {
    for end in ["", "-wal", "-shm", ".lock"] {
        let mut name = db.as_os_str().to_owned();
        name.push(end);
        let _ = std::fs::remove_file(name);
    }
    let server = Server::open(Config {
        listen: "127.0.0.1:0".parse()?,
        db: db.to_owned(),
        policy: Box::new(Text),
        plans: Plans::default(),
        audit: Audit::Required,
        record: Record::Facts,
        fsync,
        audit_key: None,
        retention: None,
        is_open: true,
        tls: None,
        public_url: None,
        secret: [7; 32],
        bounds: Bounds::default(),
        clock: system_clock,
    })?;
    let address = server.address()?;
    thread::spawn(move || {
        let (_control, told) = Server::control();
        server.run(told)
    });
    Ok(address)
}

/// Asks over so many connections for a while: answers per second, and the time of each.
async fn ask(
    address: SocketAddr,
    path: &str,
    body: &str,
    connections: usize,
) -> Result<(f64, Vec<Duration>), Box<dyn Error>> {
    let text = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let began = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(converse(address, text.clone(), began + ROUND)))
        .collect();
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker.await??);
    }
    Ok((times.len() as f64 / began.elapsed().as_secs_f64(), times))
}

async fn converse(
    address: SocketAddr,
    text: String,
    until: Instant,
) -> Result<Vec<Duration>, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).await.map_err(told)?;
    stream.set_nodelay(true).map_err(told)?;
    let mut times = Vec::new();
    let mut answer = vec![0; 16_384];
    while Instant::now() < until {
        let began = Instant::now();
        stream.write_all(text.as_bytes()).await.map_err(told)?;
        let mut length = 0;
        loop {
            let read = stream.read(&mut answer[length..]).await.map_err(told)?;
            length += read;
            if read == 0 {
                return Err("the server hung up".to_owned());
            }
            if is_whole(&answer[..length])? {
                break;
            }
        }
        times.push(began.elapsed());
    }
    Ok(times)
}

/// Whether an answer has come whole; what it is instead of one that is good.
fn is_whole(answer: &[u8]) -> Result<bool, String> {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(false);
    };
    if !head.starts_with("HTTP/1.1 200") {
        return Err(head.to_owned());
    }
    let length = head.to_ascii_lowercase();
    let length = length
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let length: usize = length
        .and_then(|length| length.parse().ok())
        .ok_or("no length")?;
    Ok(body.len() >= length)
}
