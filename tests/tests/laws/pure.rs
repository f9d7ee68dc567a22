//! Laws 1 and 14: a decision is a function of what it is given, and a run of its requests.

use std::thread;

use proptest::prelude::*;
use stage0_engine::host::Host;
use stage0_engine::state::RunState;
use stage0_tests::oracle::decimal::Decimal;
use stage0_tests::random::Random;
use stage0_wire::{parse_approvals, parse_request, parse_state, state_to_json};

use crate::engine::{REQUEST_ID, answer_text, load};
use crate::run::check;
use stage0_tests::generate::policy::ANY;
use stage0_tests::generate::{Sample, sample, timestamp};

/// Law 1 (total and pure): the same policy, request, host, state and time have the same answer, byte
/// for byte: again, in another thread, and from the policy read again.
#[test]
fn the_same_question_has_the_same_answer() {
    check("pure", 250, sample(ANY, true), |sample| {
        let policy = load(&sample.policy);
        let request = sample.request.to_value().to_json();
        let first = answer_text(&policy, &request, &sample);
        let elsewhere = thread::scope(|scope| {
            scope
                .spawn(|| answer_text(&policy, &request, &sample))
                .join()
        });
        prop_assert_eq!(&elsewhere.expect("an answer"), &first);
        prop_assert_eq!(&answer_text(&policy, &request, &sample), &first);
        prop_assert_eq!(
            &answer_text(&load(&sample.policy), &request, &sample),
            &first
        );
        Ok(())
    });
}

/// Law 1 (total and pure): a decision records the time and the request id that it was made with, and
/// nothing else of it depends on the id.
#[test]
fn a_decision_records_what_it_was_made_with() {
    check("recorded", 200, sample(ANY, true), |sample| {
        let policy = load(&sample.policy);
        let request = sample.request.to_value().to_json();
        let text = answer_text(&policy, &request, &sample);
        let now = Decimal::new(i128::from(sample.now), 3).expect("seconds");
        let now = format!("\"evaluated_at\":{now},");
        prop_assert!(
            text.contains(&format!("\"request_id\":\"{REQUEST_ID}\"")),
            "{text}"
        );
        prop_assert!(text.contains(&now), "{now} in {text}");
        let host = Host {
            request_id: "another",
            mode: sample.host.mode,
            approvals: &sample.host.approvals,
            ..Host::default()
        };
        let (other, _) = policy
            .check(
                request.as_bytes(),
                &host,
                &sample.host.state,
                timestamp(sample.now),
            )
            .expect("a request that was read");
        prop_assert_eq!(
            other.replace("\"another\"", &format!("\"{REQUEST_ID}\"")),
            text
        );
        Ok(())
    });
}

/// What is left of a text after a few bytes of it were changed, lost or doubled.
fn damaged(text: &str, random: &mut Random) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(3) {
        let at = random.index(bytes.len());
        let stray = *b"{}[]\",:\\0-eE+.\x00\xff u"
            .get(random.index(18))
            .unwrap_or(&b' ');
        match random.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, stray),
            2 => bytes
                .splice(at..at, text.bytes().skip(at).take(9))
                .for_each(drop),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = stray;
                }
            }
        }
    }
    bytes
}

/// Law 1 (total and pure): whatever bytes stand for the policy, the request, the answers and the
/// state, there is an answer or a problem.
#[test]
fn damaged_texts_have_answers_or_problems() {
    let cases = (sample(ANY, true), any::<u64>());
    check("total", 400, cases, |(sample, seed)| {
        let mut random = Random::new(seed);
        let policy = load(&sample.policy);
        let text = sample.request.to_value().to_json();
        let host = Host {
            approvals: &sample.host.approvals,
            ..Host::default()
        };
        let now = timestamp(sample.now);
        for _ in 0..4 {
            let request = damaged(&text, &mut random);
            if let Ok((answer, _)) = policy.check(&request, &host, &RunState::default(), now) {
                prop_assert!(answer.starts_with("{\"decision\":"), "{answer}");
            }
        }
        let file = damaged(&sample.policy.to_value().to_json(), &mut random);
        let _ = stage0_wire::Policy::load("root.json", file, &stage0_wire::imports::NoImports);
        let approvals = stage0_wire::approvals_to_json(&sample.host.approvals);
        let _ = parse_approvals("approvals.json", &damaged(&approvals, &mut random));
        let state = state_to_json(&sample.host.state);
        let _ = parse_state("state.json", &damaged(&state, &mut random));
        Ok(())
    });
}

/// Decides several requests one after the other; the states between them, as texts.
fn replayed(samples: &[Sample]) -> Vec<String> {
    let mut state = RunState::begin();
    let mut states = Vec::new();
    for sample in samples {
        let policy = load(&sample.policy);
        let text = sample.request.to_value().to_json();
        let request = parse_request(text.as_bytes()).expect("a request");
        let host = Host {
            request_id: REQUEST_ID,
            mode: sample.host.mode,
            approvals: &sample.host.approvals,
            ..Host::default()
        };
        let (_, next) = policy.decide(&request, &host, &state, timestamp(sample.now));
        // What is stored between two decisions is the text.
        let stored = state_to_json(&next);
        state = parse_state("state.json", stored.as_bytes()).expect("a state that was written");
        states.push(stored);
    }
    states
}

/// Law 14 (nothing is lost): replaying a run's requests replays its states byte for byte, each decision
/// is counted, and each state is read as it was written.
#[test]
fn replaying_requests_replays_states() {
    let samples = prop::collection::vec(sample(ANY, true), 1..4);
    check("replay", 200, samples, |samples| {
        let states = replayed(&samples);
        prop_assert_eq!(&states, &replayed(&samples));
        for (position, text) in states.iter().enumerate() {
            let state = parse_state("state.json", text.as_bytes()).expect("a state");
            prop_assert_eq!(&state_to_json(&state), text);
            let run = state.run.expect("a run");
            prop_assert!(run.attempts >= 1 && run.attempts <= position as u64 + 1);
            prop_assert!(run.allowed <= run.attempts && run.first_at <= run.last_at);
        }
        Ok(())
    });
}

/// Law 14 (nothing is lost): a call that is asked about twice is counted once, and the same id for
/// another action is another call.
#[test]
fn a_call_is_counted_once() {
    check("once", 250, sample(ANY, false), |mut sample| {
        sample.request.call_id = Some("call-1");
        sample.host.state = RunState::begin();
        let first = crate::engine::ask(&sample).next;
        sample.host.state = first.clone();
        let again = crate::engine::ask(&sample).next;
        let (first, again) = (first.run.expect("a run"), again.run.expect("a run"));
        prop_assert_eq!(first.attempts, 1);
        prop_assert_eq!((again.attempts, again.allowed), (1, first.allowed));
        sample
            .request
            .context
            .retain(|(name, _)| *name != "tenant_id");
        sample
            .request
            .context
            .push(("tenant_id", stage0_tests::oracle::value::text("t-other")));
        let other = crate::engine::ask(&sample).next.run.expect("a run");
        prop_assert_eq!(other.attempts, 2);
        Ok(())
    });
}
