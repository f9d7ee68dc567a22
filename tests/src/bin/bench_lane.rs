//! One lane of the benchmark over and over, for a profiler:
//! `valgrind --tool=callgrind target/release/bench_lane allow decide 2000`.
//!
//! Prints nothing: what counts is what the profiler counts.

use std::hint::black_box;
use std::process::ExitCode;

use stage0_engine::host::Host;
use stage0_engine::state::RunState;
use stage0_tests::bench::task::{self, REQUEST_ID};
use stage0_wire::{Policy, decision_to_json, parse_request};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [variant, lane, times] = words.as_slice() else {
        return ExitCode::from(2);
    };
    let Ok(times) = times.parse() else {
        return ExitCode::from(2);
    };
    run(variant, lane, times).map_or(ExitCode::from(2), |()| ExitCode::SUCCESS)
}

fn run(variant: &str, lane: &str, times: u32) -> Option<()> {
    let asks = task::policy_that_asks();
    let silent = task::policy_without_match();
    let (policy, request) = match variant {
        "allow" => (task::POLICY, task::allowed()),
        "deny" => (task::POLICY, task::denied()),
        "defer" => (asks.as_str(), task::pending()),
        "none" => (silent.as_str(), task::allowed()),
        _ => return None,
    };
    let policy = Policy::parse(policy).ok()?;
    let text = request.as_bytes();
    let host = Host {
        request_id: REQUEST_ID,
        ..Host::default()
    };
    let (state, now) = (RunState::default(), task::now());
    let parsed = parse_request(text).ok()?;
    let decision = policy.peek(&parsed, &host, &state, now);
    for _ in 0..times {
        match lane {
            "parse" => drop(black_box(parse_request(black_box(text)))),
            "decide" => drop(black_box(policy.peek(
                black_box(&parsed),
                &host,
                &state,
                now,
            ))),
            "render" => drop(black_box(decision_to_json(black_box(&decision)))),
            "text" => {
                let parsed = parse_request(black_box(text)).ok()?;
                let (decision, next) = policy.decide(&parsed, &host, &state, now);
                black_box((decision_to_json(&decision), next));
            }
            _ => return None,
        }
    }
    Some(())
}
