//! Asks a policy from Rust: text in, the decision's text out.

use stage0_engine::{host::Host, state::RunState, time::Timestamp};
use stage0_wire::{Policy, problem::Problem};

fn main() -> Result<(), Vec<Problem>> {
    let policy = Policy::parse(include_str!("policy.yaml"))?; // once; threads share it
    let request = include_bytes!("request.json"); // what the agent wants, and what your code knows
    let host = Host {
        request_id: "r-1",
        ..Host::default()
    };
    let now = Timestamp::parse("2026-01-05T10:00:00Z").expect("a time with its offset");

    let (decision, _next_state) = policy.check(request, &host, &RunState::default(), now)?;
    println!("{decision}"); // run the tool if its `verdict` is ALLOW, and only then
    Ok(())
}
