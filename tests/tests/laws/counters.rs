//! Counters that fill up, and counters that workers share.

use proptest::prelude::*;
use stage0_engine::host::Host;
use stage0_engine::limits::{COUNTER_ENTRIES_MAX, STATE_BYTES_MAX};
use stage0_engine::state::{Outcome, Report, RunState};
use stage0_wire::{parse_request, state_to_json};

use crate::limits::{HOUR_MS, Limit, Measure, Window, at, policy, request};
use crate::run::check;
use stage0_tests::oracle::value::JANUARY_2026_MS;

const SECOND_MS: i64 = 1_000;

/// Law 10 (bounded): however many calls there are, a state keeps its size, and what it joins is counted
/// longer and never shorter than by a model that forgets nothing.
#[test]
fn what_is_joined_counts_no_less() {
    let gaps = prop::collection::vec(0_i64..2_000, 300);
    check("joined", 12, (gaps, 10_i64..200), |(gaps, max)| {
        let limits = [Limit {
            measure: Measure::Sum,
            window: Window::Sliding(40 * HOUR_MS),
            per_actor: false,
            max,
            hold_s: 600,
        }];
        let policy = policy(&limits);
        let (mut state, mut history) = (RunState::begin(), Vec::<(i64, i64)>::new());
        let mut now = JANUARY_2026_MS;
        for (place, gap_s) in gaps.into_iter().enumerate() {
            now += gap_s * SECOND_MS;
            let amount = i64::try_from(place % 3).expect("a small number");
            let text = request(None, "pay.out", amount, 0);
            let parsed = parse_request(text.as_bytes()).expect("a request");
            let request_id = format!("r{place}");
            let host = Host {
                request_id: &request_id,
                ..Host::default()
            };
            let (decision, next) = policy.decide(&parsed, &host, &state, at(now));
            let in_window = history.iter().filter(|(then, _)| now - then < 40 * HOUR_MS);
            let sum: i64 = in_window.map(|(_, amount)| amount).sum();
            if decision.allowed() {
                prop_assert!(
                    sum + amount <= max,
                    "{sum} and {amount} are more than {max}"
                );
                history.push((now, amount));
            }
            state = next;
            let counter = state.counters.values().next();
            let entries = counter.map_or(0, |counter| counter.entries.len());
            prop_assert!(entries <= COUNTER_ENTRIES_MAX);
            prop_assert!(state_to_json(&state).len() < STATE_BYTES_MAX / 10);
        }
        Ok(())
    });
}

/// Law 14 (nothing is lost): several workers that share a counter, and keep a state only where it is still
/// the one that they began with, never spend more than there is, whatever the order of their steps.
#[test]
fn no_interleaving_overspends() {
    const WORKERS: usize = 3;
    let steps = prop::collection::vec((0..WORKERS, any::<bool>()), 1..60);
    let amounts = prop::collection::vec(1_i64..5, WORKERS);
    check(
        "interleaving",
        200,
        (steps, amounts, 3_i64..12),
        |(steps, amounts, max)| {
            let limits = [Limit {
                measure: Measure::Sum,
                window: Window::Sliding(24 * HOUR_MS),
                per_actor: false,
                max,
                hold_s: 3_600,
            }];
            let policy = policy(&limits);
            let mut stored = (0_u32, RunState::begin());
            let mut loaded: [Option<(u32, RunState)>; WORKERS] = [None, None, None];
            let mut spent = 0;
            for (turn, (worker, fails)) in steps.into_iter().enumerate() {
                // First a worker loads, in its next turn it decides and swaps.
                let Some((version, state)) = loaded[worker].take() else {
                    loaded[worker] = Some(stored.clone());
                    continue;
                };
                let amount = amounts[worker];
                let text = request(None, "pay.out", amount, 0);
                let parsed = parse_request(text.as_bytes()).expect("a request");
                let request_id = format!("{worker}-{turn}");
                let host = Host {
                    request_id: &request_id,
                    ..Host::default()
                };
                let now = at(JANUARY_2026_MS + i64::try_from(turn).expect("a small number"));
                let (decision, next) = policy.decide(&parsed, &host, &state, now);
                if version != stored.0 {
                    // Another one was faster: what was decided never happened.
                    continue;
                }
                stored = (version + 1, next);
                if !decision.allowed() {
                    continue;
                }
                if fails {
                    let report = Report {
                        id: &request_id,
                        action: decision.action_digest(),
                        outcome: Outcome::Failed,
                        cost: None,
                    };
                    stored = (stored.0 + 1, stored.1.report(&report, now));
                } else {
                    spent += amount;
                }
                prop_assert!(spent <= max, "{spent} of {max} are spent");
            }
            Ok(())
        },
    );
}
