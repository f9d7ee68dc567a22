//! Law 13: what cannot be read is not decided.

use proptest::prelude::*;
use stage0_engine::host::Host;
use stage0_engine::policy::{Mode, Verdict};
use std::collections::BTreeMap;

use stage0_engine::digest::Digest;
use stage0_engine::number::Number;
use stage0_engine::state::counter::{Counter, Entry};
use stage0_engine::state::{Asked, Run, RunState};
use stage0_engine::time::Timestamp;
use stage0_wire::{parse_approvals, parse_state, state_to_json};

use crate::engine::{ask, load};
use crate::run::check;
use stage0_tests::generate::policy::ANY;
use stage0_tests::generate::{sample, timestamp};

/// A state with any numbers, times and texts.
fn state() -> impl Strategy<Value = RunState> {
    let text = "[ -~\u{e9}\u{1f600}\n\"]{0,12}";
    (
        any::<u64>(),
        any::<u64>(),
        0_i64..4_000_000_000_000,
        0_i64..4_000_000_000,
        prop::option::of(text),
    )
        .prop_map(|(attempts, allowed, first, later, call)| {
            let has_begun = attempts > 0;
            let at = |ms| Timestamp::from_ms(ms).filter(|_| has_begun);
            let texts = call.iter().map(String::as_str);
            let labels = texts
                .clone()
                .filter_map(|name| Some((name.into(), at(first)?)));
            let amount = Number::from_u64(allowed);
            let entries = at(first).map(|at| Entry {
                at,
                amount,
                hold: None,
            });
            let counter = Counter {
                entries: entries.into_iter().collect(),
            };
            let counters: BTreeMap<_, _> = texts
                .clone()
                .map(|name| (name.into(), counter.clone()))
                .collect();
            let asked = texts.map(|name| Asked {
                call: Digest::of(name.as_bytes()),
                allowed: has_begun,
            });
            let run = Run {
                attempts,
                allowed: allowed.min(attempts),
                first_at: at(first),
                last_at: at(first + later),
                asked: asked.collect(),
                labels: labels.collect(),
                counters: counters.clone(),
                cost: counter,
                ..Run::default()
            };
            RunState {
                run: Some(run),
                counters,
                is_whole: has_begun,
            }
        })
}

/// Law 13 (fail closed at the gate): every state is read as it was written, and none that was cut
/// short or says something else than a state can.
#[test]
fn an_unreadable_state_is_refused() {
    check(
        "state",
        250,
        (state(), any::<prop::sample::Index>()),
        |(state, cut)| {
            let text = state_to_json(&state);
            prop_assert_eq!(
                parse_state("run.json", text.as_bytes()),
                Ok(state.clone()),
                "{}",
                text
            );
            let cut = cut.index(text.len());
            let short: String = text.chars().take(cut).collect();
            if short.len() < text.len() {
                let problems = parse_state("run.json", short.as_bytes());
                prop_assert!(
                    problems.is_err_and(|problems| !problems.is_empty()),
                    "{short}"
                );
            }
            let run = state.run.clone().expect("a run");
            let allowed = format!("\"allowed\":{}", run.allowed);
            for wrong in ["\"allowed\":null", "\"allowed\":\"1\"", "\"allowed\":0.5"] {
                let other = text.replacen(&allowed, wrong, 1);
                prop_assert!(
                    parse_state("run.json", other.as_bytes()).is_err(),
                    "{other}"
                );
            }
            for (from, to) in [
                ("\"v\":2", "\"v\":3"),
                ("\"attempts\":", "\"attempt\":"),
                ("\"attempts\":", "\"attempts\":-"),
                ("\"attempts\":", "\"attempts\":0.5,\"x\":"),
                ("\"last_at\":", "\"last_at\":7,\"x\":"),
                ("\"first_at\":", "\"last_at\":"),
            ] {
                let other = text.replacen(from, to, 1);
                let is_zero = from == "\"attempts\":" && to.ends_with('-') && run.attempts == 0;
                prop_assert!(
                    is_zero || parse_state("run.json", other.as_bytes()).is_err(),
                    "{other}"
                );
            }
            Ok(())
        },
    );
}

/// Law 13 (fail closed at the gate): a request or a record that cannot be read gives no decision, only
/// problems, never an answer that a gate could take for a yes.
#[test]
fn what_cannot_be_read_is_not_decided() {
    check(
        "unreadable",
        300,
        (sample(ANY, true), any::<prop::sample::Index>()),
        |(sample, cut)| {
            let policy = load(&sample.policy);
            let text = sample.request.to_value().to_json();
            let cut = cut.index(text.len());
            let short = text.as_bytes().get(..cut).unwrap_or_default();
            let now = timestamp(sample.now);
            let answer = policy.check(short, &Host::default(), &RunState::default(), now);
            prop_assert!(answer.is_err_and(|problems| !problems.is_empty()));
            let records = stage0_wire::approvals_to_json(&sample.host.approvals);
            let short = records
                .as_bytes()
                .get(..cut.min(records.len() - 1))
                .unwrap_or_default();
            prop_assert!(parse_approvals("approvals.json", short).is_err());
            let other = format!(
                "{},\"policy_pack_version\":\"other@9.9.9\"}}",
                text.trim_end_matches('}')
            );
            let other = if text.ends_with("}}") || text == "{}" {
                None
            } else {
                Some(other)
            };
            if let Some(other) = other {
                prop_assert!(
                    policy
                        .check(
                            other.as_bytes(),
                            &Host::default(),
                            &RunState::default(),
                            now
                        )
                        .is_err(),
                    "{other}"
                );
            }
            Ok(())
        },
    );
}

/// Law 13 (fail closed at the gate): what is halted is denied, by the policy or by the host; read-only
/// allows nothing that may write; a clock that went backwards is DENY.
#[test]
fn the_stricter_mode_counts() {
    check("mode", 400, sample(ANY, true), |mut sample| {
        let before = ask(&sample);
        let modes = [Mode::Observe, Mode::Enforce, Mode::ReadOnly, Mode::Halted];
        let mut strictest = Verdict::Allow;
        let own = sample.host.mode;
        for mode in modes.into_iter().filter(|mode| *mode >= own) {
            sample.host.mode = mode;
            let answer = ask(&sample);
            prop_assert!(
                answer.verdict >= strictest && answer.verdict >= before.verdict,
                "{}: {answer}",
                mode.as_str()
            );
            strictest = answer.verdict;
        }
        prop_assert_eq!(strictest, Verdict::Deny);
        sample.host.mode = Mode::Enforce;
        let run = sample.host.state.run.get_or_insert_default();
        run.last_at = Some(timestamp(sample.now + 1));
        prop_assert_eq!(ask(&sample).verdict, Verdict::Deny);
        Ok(())
    });
}
