//! `cargo xtask bench runs`: what keeping a run costs, beside deciding alone.
//!
//! Each call is another payout of one run under one cap that runs share, parsed, decided and kept. Its
//! argument is a new file; where it lies says how long its disk takes.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "its report is what it is run for, and nothing here may go wrong"
)]

use std::cell::{Cell, RefCell};
use std::path::Path;

use stage0_engine::host::Host;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_store::{Asking, Keeper, MemoryStore, RunId, SqliteStore, StateStore};
use stage0_tests::bench::measure::{Effort, Lane, race};
use stage0_tests::store::{NOW, payout, policy};
use stage0_wire::parse_request;

/// Never reached.
const CAP: i64 = 1_000_000_000;

fn main() {
    let file = std::env::args().nth(1).unwrap();
    let (policy, now) = (policy(CAP), Timestamp::parse(NOW).unwrap());
    let host = Host::default();
    let run = RunId::new("bench").unwrap();
    let count = Cell::new(0_u64);
    let next = || {
        count.set(count.get().wrapping_add(1));
        payout(&format!("c{}", count.get()), 1)
    };
    let state = RefCell::new(RunState::begin());
    let alone = || {
        let text = next();
        let request = parse_request(text.as_bytes()).unwrap();
        let (decision, after) = policy.decide(&request, &host, &state.borrow(), now);
        assert!(decision.allowed());
        state.replace(after);
    };
    let kept = |keeper: &Keeper<Box<dyn StateStore>>| {
        let text = next();
        let request = parse_request(text.as_bytes()).unwrap();
        let asking = Asking {
            policy: &policy,
            request: &request,
            host: &host,
            run: Some(&run),
        };
        let decided = keeper.decide(&asking, &|| Some(now)).unwrap();
        assert!(decided.decision.allowed());
    };
    let memory: Keeper<Box<dyn StateStore>> = Keeper::new(Box::new(MemoryStore::new()));
    let sqlite: Keeper<Box<dyn StateStore>> =
        Keeper::new(Box::new(SqliteStore::open(Path::new(&file)).unwrap()));
    let lanes = vec![
        Lane::new("decided, the state in hand", alone),
        Lane::new("in memory", || kept(&memory)),
        Lane::new("in a SQLite file", || kept(&sqlite)),
    ];
    println!("| lane | single p50, us | single p99, us |\n|---|---:|---:|");
    for figures in race(lanes, Effort::QUICK) {
        let (p50, p99) = (figures.p50_ns / 1e3, figures.p99_ns / 1e3);
        println!("| {} | {p50:.1} | {p99:.1} |", figures.name);
    }
}
