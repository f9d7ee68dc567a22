//! Law 2: one canonical text, whatever the layout of the request.

use proptest::prelude::*;
use stage0_tests::random::Random;
use stage0_wire::{decision_to_json, parse_request};

use crate::engine::{REQUEST_ID, answer_text, load};
use crate::run::check;
use stage0_tests::generate::policy::ANY;
use stage0_tests::generate::{sample, timestamp};

/// White space between the parts of a JSON text, never inside a string.
fn spaced(text: &str, random: &mut Random) -> String {
    let mut out = String::new();
    let (mut is_inside, mut is_escaped) = (false, false);
    for character in text.chars() {
        let is_part = !is_inside && "{}[],:".contains(character);
        for _ in 0..if is_part { random.below(2) } else { 0 } {
            out.push_str(random.pick(&[" ", "\n", "\t", "\r\n"]).unwrap_or(" "));
        }
        out.push(character);
        if is_part && random.one_in(2) {
            out.push(' ');
        }
        is_inside ^= character == '"' && !is_escaped;
        is_escaped = is_inside && character == '\\' && !is_escaped;
    }
    out
}

/// Law 2 (same bytes everywhere): the order of members, white space and escapes of a request's text
/// change no byte of the answer.
#[test]
fn the_layout_of_a_request_changes_nothing() {
    let cases = (sample(ANY, true), any::<u64>());
    check("layout", 250, cases, |(sample, seed)| {
        let mut random = Random::new(seed);
        let policy = load(&sample.policy);
        let request = sample.request.to_value();
        let plain = answer_text(&policy, &request.to_json(), &sample);
        let salt = random.bits();
        let rank = |key: &str| {
            let mixed = key.bytes().fold(salt, |all, byte| {
                (all ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            });
            Random::new(mixed).bits()
        };
        let other = spaced(&request.to_json_ordered(&rank), &mut random);
        let escaped = other.replace('é', "\\u00e9").replace("pay", "\\u0070ay");
        for text in [other, escaped] {
            let answer = answer_text(&policy, &text, &sample);
            prop_assert!(answer == plain, "{plain}\n{answer}\nfor {text}");
        }
        Ok(())
    });
}

/// Law 2 (same bytes everywhere): an answer has no insignificant space, no exponent and no key twice,
/// and its keys stand in one order.
#[test]
fn an_answer_is_canonical() {
    let keys = |text: &str| -> Vec<String> {
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let serde_json::Value::Object(members) = value else {
            return Vec::new();
        };
        let mut keys: Vec<(usize, String)> = members
            .into_iter()
            .filter_map(|(key, _)| Some((text.find(&format!("\"{key}\":"))?, key)))
            .collect();
        keys.sort();
        keys.into_iter().map(|(_, key)| key).collect()
    };
    let mut order: Option<Vec<String>> = None;
    let known = std::cell::RefCell::new(&mut order);
    check("canonical", 300, sample(ANY, true), |sample| {
        let policy = load(&sample.policy);
        let request = sample.request.to_value().to_json();
        let text = answer_text(&policy, &request, &sample);
        let value: serde_json::Value = serde_json::from_str(&text).expect("an answer is JSON");
        prop_assert_eq!(value.to_string().len(), text.len(), "{}", text);
        let here = keys(&text);
        let mut known = known.borrow_mut();
        let first = known.get_or_insert_with(|| here.clone());
        prop_assert!(
            here.iter()
                .filter(|key| first.contains(key))
                .eq(first.iter().filter(|key| here.contains(key)))
        );
        // The typed door gives the text that the text door gives.
        let parsed = parse_request(request.as_bytes()).expect("a request");
        let host = stage0_engine::host::Host {
            request_id: REQUEST_ID,
            mode: sample.host.mode,
            approvals: &sample.host.approvals,
            ..stage0_engine::host::Host::default()
        };
        let decision = policy.peek(&parsed, &host, &sample.host.state, timestamp(sample.now));
        prop_assert_eq!(decision_to_json(&decision), text);
        Ok(())
    });
}
