//! A worker that decides with a file of runs: for tests with several processes.
//!
//! `keep-runs FILE RUN CALLS`: so many payouts of 100, each a call of its own, all at one time. Each answer is a
//! line, written once it is kept.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program of the tests, which read what it prints"
)]

use std::io::Write as _;
use std::path::Path;

use stage0_engine::host::Host;
use stage0_engine::time::Timestamp;
use stage0_store::{Asking, Keeper, RunId, SqliteStore};
use stage0_tests::store::{CAP, NOW, payout, policy};
use stage0_wire::parse_request;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, run, calls] = arguments.as_slice() else {
        panic!("usage: keep-runs FILE RUN CALLS");
    };
    let keeper = Keeper::new(SqliteStore::open(Path::new(file)).unwrap());
    let (policy, run) = (policy(CAP), RunId::new(run).unwrap());
    let now = Timestamp::parse(NOW).unwrap();
    for call in 0..calls.parse::<u32>().unwrap() {
        let text = payout(&format!("c{call}"), 100);
        let request = parse_request(text.as_bytes()).unwrap();
        let asking = Asking {
            policy: &policy,
            request: &request,
            host: &Host::default(),
            run: Some(&run),
        };
        let decided = keeper.decide(&asking, &|| Some(now)).unwrap();
        println!("{}", decided.decision.verdict.as_str());
        std::io::stdout().flush().unwrap();
    }
}
