//! Law 5: what is not known, and what it asks for.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stage0_engine::decision::{Detail, Needs};
use stage0_engine::policy::{Severity, Verdict};
use stage0_tests::oracle::value::Value;
use stage0_wire::parse_request;

use crate::engine::{ask, ask_about, load};
use crate::run::check;
use stage0_tests::generate::policy::{ANY, ENFORCED, Wanted};
use stage0_tests::generate::{Sample, sample, sound_sample, timestamp};

/// Whether a request states a fact.
fn is_stated(sample: &Sample, fact: &str) -> bool {
    let request = sample.request.to_value();
    let context = request.member("context").cloned().map(Value::without_nulls);
    let arguments = request
        .member("tool_call")
        .and_then(|call| call.member("arguments"));
    let mut value = match fact.split_once('.') {
        Some(("context", _))
            if fact == "context.environment" && sample.request.environment.is_some() =>
        {
            return true;
        }
        Some(("context", _)) => context.as_ref(),
        Some(("args", _)) => arguments,
        _ => return sample.request.goal.is_some() && fact == "goal",
    };
    for step in fact.split('.').skip(1) {
        let (name, position) = match step.split_once('[') {
            Some((name, position)) => (name, position.trim_end_matches(']').parse::<usize>().ok()),
            None => (step, None),
        };
        value = value.and_then(|value| value.member(name));
        if let Some(position) = position {
            value = match value {
                Some(Value::List(items)) => items.get(position),
                _ => None,
            };
        }
    }
    value.is_some()
}

/// Law 5 (unknown is not false): where nothing tests for presence and all is well typed, further
/// evidence never changes an answer that was certain.
#[test]
fn more_evidence_never_changes_a_certain_answer() {
    let wanted = Wanted {
        presence: false,
        approvals: false,
        facts: false,
        claims: false,
        ..ENFORCED
    };
    let cases = (sound_sample(wanted, false), any::<u64>());
    check("evidence", 800, cases, |(sample, lost)| {
        // Advice is no restriction: it is silent where it is unknown, also where `pro` makes it deny.
        let mut sample = sample;
        sample.request.pro = false;
        let mut fewer = sample.clone();
        let mut position = 0_u32;
        let mut keep = |_: &str| {
            position += 1;
            lost & (1 << (position % 64)) != 0
        };
        fewer.request.context.retain(|(name, _)| keep(name));
        // A schema asks for its arguments by itself.
        let has_schema = |policy: &stage0_tests::oracle::model::Policy| {
            policy.tools.iter().any(|tool| tool.args.is_some())
        };
        let files = [&sample.policy].into_iter().chain(sample.policy.imports());
        if !files.into_iter().any(has_schema) {
            fewer
                .request
                .call
                .iter_mut()
                .for_each(|(_, arguments)| arguments.retain(|(name, _)| keep(name)));
        }
        let (before, after) = (ask(&fewer), ask(&sample));
        let is_broken = after
            .issues
            .iter()
            .any(|issue| issue.code == "CONDITION_ERROR");
        prop_assume!(!is_broken && before.verdict != Verdict::Defer);
        prop_assert!(
            before.verdict == after.verdict,
            "{before}became\n{after}without {:?}",
            fewer.request
        );
        Ok(())
    });
}

/// Law 5 (unknown is not false): the facts that an issue says are missing are absent, are read by the
/// policy, and are asked for.
#[test]
fn what_is_missing_is_absent_and_asked_for() {
    check("missing", 500, sample(ANY, true), |sample| {
        let answer = ask(&sample);
        for issue in &answer.issues {
            for fact in &issue.missing {
                // A blank name names nobody.
                let is_name = [
                    "context.actor_id",
                    "context.l",
                    "context.approved_by",
                    "context.approved_at",
                ]
                .contains(&fact.as_str());
                prop_assert!(
                    is_name || !is_stated(&sample, fact),
                    "{fact} is there: {answer}"
                );
                prop_assert!(
                    answer.depends_on.contains(fact),
                    "{fact} is not read: {answer}"
                );
            }
        }
        let missing: BTreeSet<&String> = answer
            .issues
            .iter()
            .filter(|issue| issue.code == "FACT_MISSING")
            .flat_map(|issue| &issue.missing)
            .collect();
        if answer.verdict == Verdict::Defer {
            prop_assert!(
                missing.is_empty() || !answer.questions.is_empty(),
                "{answer}"
            );
        } else {
            prop_assert!(answer.questions.is_empty(), "{answer}");
        }
        Ok(())
    });
}

/// Law 5 (unknown is not false): an ALLOW needs `true`: a fact that is missing from the only allow is
/// DEFER, never ALLOW and never a silent DENY; every DEFER issue says what it needs.
#[test]
fn every_defer_says_what_it_needs() {
    check("needs", 400, sample(ENFORCED, true), |sample| {
        let policy = load(&sample.policy);
        let text = sample.request.to_value().to_json();
        let request = parse_request(text.as_bytes()).expect("a request");
        let host = stage0_engine::host::Host {
            approvals: &sample.host.approvals,
            ..Default::default()
        };
        let decision = policy.peek(&request, &host, &sample.host.state, timestamp(sample.now));
        prop_assume!(decision.verdict == Verdict::Defer);
        let asking = decision
            .issues
            .iter()
            .filter(|issue| issue.code == "FACT_MISSING" || issue.resolution.is_some());
        prop_assert!(
            asking.clone().next().is_some(),
            "nothing to do: {:?}",
            decision.issues
        );
        for issue in asking {
            let resolution = issue.resolution.as_ref();
            prop_assert!(resolution.is_some(), "{issue:?}");
            let Some(resolution) = resolution else {
                continue;
            };
            match resolution.needs {
                Needs::Fact => prop_assert!(!resolution.facts.is_empty(), "{issue:?}"),
                Needs::Wait => prop_assert!(resolution.retry_at.is_some(), "{issue:?}"),
                Needs::Approval => {
                    let has = |wanted: &str| {
                        issue.details.iter().any(|(name, detail)| {
                            *name == wanted && matches!(detail, Detail::Text(_))
                        })
                    };
                    prop_assert!(
                        resolution.approvals > 0 && has("action") && has("terms"),
                        "{issue:?}"
                    );
                }
                Needs::Fix => prop_assert!(issue.severity >= Severity::Low),
            }
        }
        Ok(())
    });
}

/// Law 5 (unknown is not false): a null in the context is the absence that it stands for.
#[test]
fn null_in_the_context_is_absence() {
    check(
        "null",
        300,
        (sample(ANY, true), any::<prop::sample::Index>()),
        |(sample, which)| {
            prop_assume!(!sample.request.context.is_empty());
            let at = which.index(sample.request.context.len());
            let (mut absent, mut null) = (sample.clone(), sample.clone());
            absent.request.context.remove(at);
            null.request.context[at].1 = Value::Null;
            let policy = load(&sample.policy);
            let of =
                |sample: &Sample| ask_about(&policy, &sample.request.to_value().to_json(), sample);
            let (absent, null) = (of(&absent), of(&null));
            prop_assert!(absent == null, "{absent}\nand null\n{null}");
            Ok(())
        },
    );
}

/// Law 5 (unknown is not false): until the instant that a decision names, with the same request and
/// state, the answer stands.
#[test]
fn an_answer_stands_until_it_says() {
    check(
        "until",
        500,
        (sample(ANY, true), 0_i64..1_000),
        |(sample, share)| {
            let policy = load(&sample.policy);
            let text = sample.request.to_value().to_json();
            let request = parse_request(text.as_bytes()).expect("a request");
            let host = stage0_engine::host::Host {
                request_id: "",
                mode: sample.host.mode,
                approvals: &sample.host.approvals,
                ..stage0_engine::host::Host::default()
            };
            let decision = policy.peek(&request, &host, &sample.host.state, timestamp(sample.now));
            let until = decision.valid_until.map_or(i64::MAX, |until| until.to_ms());
            let ahead = until.saturating_sub(sample.now).min(7_200_000);
            let later = [share * ahead / 1_000, ahead - 1];
            for ahead in later.into_iter().filter(|ahead| *ahead > 0) {
                let mut later = sample.clone();
                later.now += ahead;
                let (mut one, mut two) = (
                    ask_about(&policy, &text, &sample),
                    ask_about(&policy, &text, &later),
                );
                one.next = Default::default();
                two.next = Default::default();
                // A clock that went backwards is the run's matter, not a rule's.
                prop_assume!(
                    one.issues
                        .iter()
                        .all(|issue| issue.code != "CLOCK_BACKWARDS")
                );
                prop_assert!(
                    one.verdict == two.verdict,
                    "{one}and {ahead} ms later\n{two}"
                );
            }
            Ok(())
        },
    );
}
