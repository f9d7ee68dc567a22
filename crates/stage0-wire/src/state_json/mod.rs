//! The state of a run as canonical JSON: what a host stores between two decisions.
//!
//! Reading is strict: a state that Stage0 did not write is refused, never guessed at, because a
//! counter that is lost is a limit that no longer holds. The engine keeps no state; files and
//! databases are the host's.

mod read;
mod write;

use stage0_engine::limits::STATE_BYTES_MAX;

pub use self::read::parse_state;
pub use self::write::state_to_json;
use crate::strict_json::JsonLimits;

/// The limits of a stored state: above what the engine keeps.
pub const STATE_LIMITS: JsonLimits = JsonLimits {
    bytes_max: STATE_BYTES_MAX,
    depth_max: 8,
    nodes_max: 100_000,
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stage0_engine::digest::Digest;
    use stage0_engine::limits::{ASKED_MAX, RUN_TOOLS_MAX};
    use stage0_engine::number::Number;
    use stage0_engine::state::counter::{Counter, Entry, Hold};
    use stage0_engine::state::{Asked, Called, Run, RunState, Streak};
    use stage0_engine::time::Timestamp;

    use super::*;

    fn code(text: &str) -> &'static str {
        match parse_state("state", text.as_bytes()) {
            Ok(_) => "",
            Err(problems) => problems[0].code().as_str(),
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// A state in which every member has something.
    fn full() -> RunState {
        let entry = |seconds: &str, amount: &str, hold| Entry {
            at: at(&format!("2026-01-05T10:00:{seconds}Z")),
            amount: Number::parse(amount).unwrap(),
            hold,
        };
        let call = Digest::of(b"call");
        let hold = Hold {
            call,
            until: at("2026-01-05T11:00:00Z"),
            is_cost: true,
        };
        let counter = Counter {
            entries: vec![entry("00", "0.1", None), entry("01.250", "20", Some(hold))],
        };
        let run = Run {
            attempts: 3,
            allowed: 2,
            first_at: Some(at("2026-01-05T10:00:00Z")),
            last_at: Some(at("2026-01-05T10:00:00.250Z")),
            asked: vec![Asked {
                call,
                allowed: true,
            }],
            called: vec![Called {
                call,
                action: Digest::of(b"action"),
                failed: true,
            }],
            streak: Some(Streak {
                tool: "mail.send".into(),
                count: 2,
            }),
            tools: BTreeMap::from([("mail.send".into(), 2)]),
            labels: BTreeMap::from([("caf\u{e9} \"1\"".into(), at("2026-01-05T10:00:00Z"))]),
            cost: counter.clone(),
            counters: BTreeMap::from([("p/l".into(), counter.clone())]),
        };
        RunState {
            run: Some(run),
            counters: BTreeMap::from([("p/d#0a".into(), counter)]),
            is_whole: false,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(
            state_to_json(&RunState::begin()),
            r#"{"v":2,"whole":true,"run":{"attempts":0,"allowed":0}}"#
        );
        assert_eq!(state_to_json(&RunState::default()), r#"{"v":2}"#);
        for state in [RunState::begin(), RunState::default(), full()] {
            let text = state_to_json(&state);
            assert_eq!(parse_state("state", text.as_bytes()), Ok(state));
        }
    }

    #[test]
    fn what_nobody_wrote_is_refused() {
        let good = state_to_json(&full());
        assert_eq!(code(&good), "");
        for (from, to, expected) in [
            ("\"v\":2", "\"v\":1", "STATE_VERSION"),
            ("\"v\":2", "\"v\":\"2\"", "STATE_INVALID"),
            ("\"v\":2,", "", "STATE_INVALID"),
            ("\"v\":2", "\"v\":2,\"whole\":0", "STATE_INVALID"),
            ("\"run\":{", "\"run\":{\"more\":1,", "STATE_INVALID"),
            ("\"attempts\":3,", "", "STATE_INVALID"),
            ("\"attempts\":3", "\"attempts\":0", "STATE_INVALID"),
            ("\"attempts\":3", "\"attempts\":1.5", "STATE_INVALID"),
            ("\"attempts\":3", "\"attempts\":-1", "STATE_INVALID"),
            ("\"attempts\":3", "\"attempts\":\"1\"", "STATE_INVALID"),
            ("\"allowed\":2", "\"allowed\":null", "STATE_INVALID"),
            ("\"last_at\":\"2026", "\"last_at\":\"2025", "STATE_INVALID"),
            (
                "\"last_at\":\"2026-01-05T10",
                "\"last_at\":\"yesterday",
                "STATE_INVALID",
            ),
            ("\"amount\":0.1", "\"amount\":-0.1", "STATE_INVALID"),
            ("\"amount\":0.1", "\"amount\":null", "STATE_INVALID"),
            (
                "10:00:00Z\",\"amount\"",
                "10:00:09Z\",\"amount\"",
                "STATE_INVALID",
            ),
            ("\"hold\":{", "\"hold\":null,\"x\":{", "STATE_INVALID"),
            ("\"hold\"", "\"held\"", "STATE_INVALID"),
            ("\"cost\":true", "\"cost\":1", "STATE_INVALID"),
            ("\"mail.send\":2", "\"mail.send\":\"2\"", "STATE_INVALID"),
            (
                "\"failed\":true",
                "\"failed\":true,\"failed\":true",
                "JSON_DUPLICATE_KEY",
            ),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{from}");
            assert_eq!(code(&text), expected, "{text}");
        }
        let cut = good.strip_suffix("}").unwrap();
        assert_eq!(code(cut), "JSON_UNEXPECTED_END");
        assert_eq!(code("[]"), "STATE_INVALID");
        assert_eq!(code(""), "JSON_UNEXPECTED_END");
        assert_eq!(code(&" ".repeat(STATE_BYTES_MAX + 1)), "JSON_TOO_LARGE");
    }

    #[test]
    fn lists_that_the_engine_does_not_keep_are_refused() {
        let mut state = full();
        let run = state.run.as_mut().unwrap();
        run.asked = vec![run.asked[0]; ASKED_MAX + 1];
        assert_eq!(code(&state_to_json(&state)), "STATE_INVALID");
        let mut state = full();
        let run = state.run.as_mut().unwrap();
        run.tools = (0..=RUN_TOOLS_MAX)
            .map(|n| (n.to_string().into(), 1))
            .collect();
        assert_eq!(code(&state_to_json(&state)), "STATE_INVALID");
    }
}
