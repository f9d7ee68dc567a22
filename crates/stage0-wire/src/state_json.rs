//! The state of a run as canonical JSON: what a host stores between two decisions.
//!
//! Reading is strict: a state that Stage0 did not write is refused, never guessed at, because a
//! counter that is lost is a limit that no longer holds. The engine keeps no state; files and
//! databases are the host's.

use stage0_engine::canonical::write_string;
use stage0_engine::digest::Digest;
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::number::Number;
use stage0_engine::state::{RunState, STATE_VERSION};
use stage0_engine::time::Timestamp;

use crate::codes::ProblemCode;
use crate::problem::Problem;
use crate::request_text::json_problem;
use crate::strict_json::{JsonLimits, parse};

/// The limits of a stored state: far above what the engine keeps of one run.
pub const STATE_LIMITS: JsonLimits = JsonLimits {
    bytes_max: 65_536,
    depth_max: 4,
    nodes_max: 256,
};

/// The members of a state, in the order in which they are written.
const MEMBERS: [&str; 7] = [
    "v",
    "attempts",
    "allowed",
    "first_at",
    "last_at",
    "last_call",
    "last_action",
];

/// A state's canonical text.
pub fn state_to_json(state: &RunState) -> String {
    let mut out = String::from("{\"v\":");
    Number::from_u64(u64::from(STATE_VERSION)).write_to(&mut out);
    out.push_str(",\"attempts\":");
    Number::from_u64(state.attempts).write_to(&mut out);
    out.push_str(",\"allowed\":");
    Number::from_u64(state.allowed).write_to(&mut out);
    for (name, at) in [("first_at", state.first_at), ("last_at", state.last_at)] {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":");
        match at {
            Some(at) => write_string(&mut out, &at.to_string()),
            None => out.push_str("null"),
        }
    }
    out.push_str(",\"last_call\":");
    match &state.last_call {
        Some(call) => write_string(&mut out, call),
        None => out.push_str("null"),
    }
    out.push_str(",\"last_action\":");
    match &state.last_action {
        Some(action) => write_string(&mut out, &action.to_string()),
        None => out.push_str("null"),
    }
    out.push('}');
    out
}

/// Reads what [`state_to_json`] wrote. `name` is what problems call the text.
///
/// ```
/// use stage0_engine::state::RunState;
/// use stage0_wire::{parse_state, state_to_json};
///
/// let text = state_to_json(&RunState::default());
/// assert_eq!(parse_state("run.json", text.as_bytes()), Ok(RunState::default()));
/// assert!(parse_state("run.json", b"{}").is_err());
/// ```
///
/// # Errors
/// The text is not JSON, of another version, or not a state that Stage0 could have written.
pub fn parse_state(name: &str, text: &[u8]) -> Result<RunState, Vec<Problem>> {
    let document =
        parse(text, &STATE_LIMITS).map_err(|error| vec![json_problem(name, text, &error)])?;
    read(document.root()).map_err(|(code, message)| {
        let problem = Problem::in_file(name, 1, code, message);
        vec![match code {
            ProblemCode::StateVersion => {
                problem.help("finish the run with the version of Stage0 that began it")
            }
            _ => problem.help("a run whose state is lost has to be begun anew, without the file"),
        }]
    })
}

fn read(root: ValueRef<'_>) -> Result<RunState, (ProblemCode, String)> {
    let invalid = |message: &str| (ProblemCode::StateInvalid, message.to_owned());
    if root.kind() != Kind::Object {
        return Err(invalid("the state of a run is an object"));
    }
    // Another version may have other members, so it is looked at first.
    let version = root.get("v").and_then(ValueRef::as_number);
    match version {
        Some(version) if version == Number::from_u64(u64::from(STATE_VERSION)) => {}
        Some(version) => {
            let message = format!("the state is of version {version}, and this is {STATE_VERSION}");
            return Err((ProblemCode::StateVersion, message));
        }
        None => return Err(invalid("the state has no version")),
    }
    if let Some((member, _)) = root.members().find(|(key, _)| !MEMBERS.contains(key)) {
        return Err((
            ProblemCode::StateInvalid,
            format!("a state has no member `{member}`"),
        ));
    }
    let state = RunState {
        attempts: count(root, "attempts")?,
        allowed: count(root, "allowed")?,
        first_at: instant(root, "first_at")?,
        last_at: instant(root, "last_at")?,
        last_call: nullable(root, "last_call")?.map(str::to_owned),
        last_action: nullable(root, "last_action")?
            .map(Digest::parse)
            .transpose()
            .map_err(|_| invalid("`last_action` is no digest"))?,
    };
    if state.allowed > state.attempts {
        return Err(invalid("more calls were allowed than were decided"));
    }
    if state.first_at > state.last_at {
        return Err(invalid("the last decision was before the first"));
    }
    if (state.attempts > 0) != state.last_at.is_some() {
        return Err(invalid(
            "the number of decisions and their times contradict each other",
        ));
    }
    Ok(state)
}

fn count(root: ValueRef<'_>, name: &str) -> Result<u64, (ProblemCode, String)> {
    // As it was written, so that every count there can be is read back.
    root.get(name)
        .and_then(ValueRef::number_text)
        .and_then(|count| count.parse().ok())
        .ok_or_else(|| wrong(name, "a whole number from 0"))
}

fn instant(root: ValueRef<'_>, name: &str) -> Result<Option<Timestamp>, (ProblemCode, String)> {
    let Some(text) = nullable(root, name)? else {
        return Ok(None);
    };
    Timestamp::parse(text)
        .map(Some)
        .map_err(|_| wrong(name, "a time as in 2026-01-05T10:00:00Z, or null"))
}

/// The text of a member that has to be there, and may be null.
fn nullable<'d>(root: ValueRef<'d>, name: &str) -> Result<Option<&'d str>, (ProblemCode, String)> {
    match root.get(name) {
        Some(value) if value.is_null() => Ok(None),
        Some(value) if value.as_str().is_some() => Ok(value.as_str()),
        _ => Err(wrong(name, "text or null")),
    }
}

fn wrong(name: &str, expected: &str) -> (ProblemCode, String) {
    let message = format!("`{name}` of the state must be {expected}");
    (ProblemCode::StateInvalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        match parse_state("state", text.as_bytes()) {
            Ok(_) => "",
            Err(problems) => problems[0].code().as_str(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut state = RunState::default();
        assert_eq!(
            state_to_json(&state),
            r#"{"v":1,"attempts":0,"allowed":0,"first_at":null,"last_at":null,"last_call":null,"last_action":null}"#
        );
        for _ in 0..2 {
            let text = state_to_json(&state);
            assert_eq!(parse_state("state", text.as_bytes()), Ok(state));
            state = RunState {
                attempts: 3,
                allowed: 2,
                first_at: Timestamp::parse("2026-01-05T10:00:00Z").ok(),
                last_at: Timestamp::parse("2026-01-05T10:00:00.250Z").ok(),
                last_call: Some("call \"1\"\n\u{e9}".to_owned()),
                last_action: Some(Digest::of(b"action")),
            };
        }
    }

    #[test]
    fn what_nobody_wrote_is_refused() {
        let good = r#"{"v":1,"attempts":1,"allowed":1,"first_at":"2026-01-05T10:00:00Z","last_at":"2026-01-05T10:00:00Z","last_call":null,"last_action":null}"#;
        assert_eq!(code(good), "");
        for (from, to, expected) in [
            ("\"v\":1", "\"v\":2", "STATE_VERSION"),
            ("\"v\":1", "\"v\":\"1\"", "STATE_INVALID"),
            ("\"v\":1,", "", "STATE_INVALID"),
            ("\"attempts\":1,", "", "STATE_INVALID"),
            ("\"attempts\":1", "\"attempts\":0", "STATE_INVALID"),
            ("\"attempts\":1", "\"attempts\":1.5", "STATE_INVALID"),
            ("\"attempts\":1", "\"attempts\":-1", "STATE_INVALID"),
            ("\"attempts\":1", "\"attempts\":\"1\"", "STATE_INVALID"),
            ("\"allowed\":1", "\"allowed\":null", "STATE_INVALID"),
            (
                "\"last_at\":\"2026-01-05T10:00:00Z\"",
                "\"last_at\":null",
                "STATE_INVALID",
            ),
            ("\"last_at\":\"2026", "\"last_at\":\"2025", "STATE_INVALID"),
            (
                "\"last_at\":\"2026-01-05T10:00:00Z\"",
                "\"last_at\":\"yesterday\"",
                "STATE_INVALID",
            ),
            ("null}", "7}", "STATE_INVALID"),
            ("null}", "null,\"more\":1}", "STATE_INVALID"),
            ("null}", "null", "JSON_UNEXPECTED_END"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            assert_eq!(code(&text), expected, "{text}");
        }
        assert_eq!(code("[]"), "STATE_INVALID");
        assert_eq!(code(""), "JSON_UNEXPECTED_END");
        assert_eq!(code(&" ".repeat(70_000)), "JSON_TOO_LARGE");
    }
}
