//! Temporary.
use stage0_engine::host::Host;
use stage0_engine::state::RunState;

use stage0_tests::bench::task;
use stage0_wire::{Policy, decision_to_json, parse_request};
use std::hint::black_box;
fn main() {
    let what = std::env::args().nth(1).unwrap();
    let n: u32 = std::env::args().nth(2).unwrap().parse().unwrap();
    let variant = std::env::args().nth(3).unwrap_or_default();
    let (policy, request) = match variant.as_str() {
        "deny" => (task::POLICY.to_owned(), task::denied()),
        "defer" => (task::policy_that_asks(), task::pending()),
        "none" => (task::policy_without_match(), task::allowed()),
        _ => (task::POLICY.to_owned(), task::allowed()),
    };
    if what == "load" {
        let text = task::policy_with(12_000);
        for _ in 0..n {
            black_box(Policy::parse(&text).unwrap());
        }
        return;
    }
    let policy = Policy::parse(&policy).unwrap();
    let (host, state, now) = (Host::default(), RunState::default(), task::now());
    let parsed = parse_request(request.as_bytes()).unwrap();
    let decision = policy.decide(&parsed, &host, &state, now);
    if what == "show" {
        println!("{}", decision_to_json(&decision));
        return;
    }
    for _ in 0..n {
        match what.as_str() {
            "decide" => {
                black_box(policy.decide(black_box(&parsed), &host, &state, now));
            }
            "parse" => {
                black_box(parse_request(black_box(request.as_bytes())).unwrap());
            }
            "render" => {
                black_box(decision_to_json(black_box(&decision)));
            }
            _ => {
                black_box(
                    policy
                        .check(black_box(request.as_bytes()), &host, &state, now)
                        .unwrap(),
                );
            }
        }
    }
}
