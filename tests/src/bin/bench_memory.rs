//! The other half of `cargo xtask bench`: allocations per decision, and what a compiled policy holds.
//!
//! Every allocation is counted, which costs time; that is why no times are taken here.

#![expect(clippy::print_stdout, reason = "its report is what it is run for")]

use std::alloc::System;
use std::hint::black_box;
use std::process::ExitCode;

use stage0_engine::host::Host;
use stage0_engine::state::RunState;
use stage0_tests::bench::task;
use stage0_wire::{Policy, decision_to_json, parse_request};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a compiled policy of 12,000 rules may hold.
const POLICY_BYTES: usize = 64 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("bench_memory: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let refused = |problems| format!("refused: {problems:?}");
    let policy = Policy::parse(task::POLICY).map_err(refused)?;
    let (host, state, now) = (Host::default(), RunState::begin(), task::now());
    println!(
        "| part | allocations, allow | bytes, allow | allocations, deny | bytes, deny |\n|---|---:|---:|---:|---:|"
    );
    let (allowed, denied) = (task::allowed(), task::denied());
    let requests = [allowed.as_bytes(), denied.as_bytes()];
    print_pair(
        "text to text",
        requests.map(|text| counted(|| policy.check(text, &host, &state, now)).1),
    );
    print_pair(
        "parse",
        requests.map(|text| counted(|| parse_request(text)).1),
    );
    let mut parts = Vec::new();
    for text in requests {
        let request = parse_request(text).map_err(refused)?;
        let (decision, deciding) = counted(|| policy.peek(&request, &host, &state, now));
        let (_, rendering) = counted(|| decision_to_json(&decision));
        parts.push((deciding, rendering));
    }
    if let [(deciding, rendering), (deciding_denied, rendering_denied)] = *parts.as_slice() {
        print_pair("decide", [deciding, deciding_denied]);
        print_pair("render", [rendering, rendering_denied]);
    }

    let text = task::policy_with(12_000);
    let resident = resident_bytes();
    let (policy, stats) = counted(|| Policy::parse(&text));
    let policy = policy.map_err(refused)?;
    let held = stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated);
    let verdict = if held < POLICY_BYTES { "met" } else { "missed" };
    println!("\n| compiled policy of 12,000 rules | MB |\n|---|---:|");
    println!(
        "| held, target {} ({verdict}) | {} |",
        megabytes(POLICY_BYTES),
        megabytes(held)
    );
    println!(
        "| allocated in all while loading | {} |",
        megabytes(stats.bytes_allocated)
    );
    if let (Some(before), Some(after)) = (resident, resident_bytes()) {
        println!(
            "| growth of the process while loading | {} |",
            megabytes(after.saturating_sub(before))
        );
    }
    drop(black_box(policy));
    Ok(())
}

fn counted<T>(work: impl FnOnce() -> T) -> (T, Stats) {
    let region = Region::new(ALLOCATOR);
    let result = black_box(work());
    (result, region.change())
}

fn print_pair(part: &str, [allow, deny]: [Stats; 2]) {
    println!(
        "| {part} | {} | {} | {} | {} |",
        calls(&allow),
        allow.bytes_allocated,
        calls(&deny),
        deny.bytes_allocated
    );
}

fn calls(stats: &Stats) -> usize {
    stats.allocations.saturating_add(stats.reallocations)
}

fn megabytes(bytes: usize) -> usize {
    bytes >> 20
}

/// What the process holds in memory, where the system tells.
fn resident_bytes() -> Option<usize> {
    /// Of Linux on the machines that it is mostly run on.
    const PAGE_BYTES: usize = 4_096;
    let told = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = told.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(PAGE_BYTES))
}
