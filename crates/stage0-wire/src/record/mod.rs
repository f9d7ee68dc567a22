//! What a host writes down of a decision, so that it can be made again: one line of JSON.
//!
//! A record has everything that the decision was made from, word for word, and what came out:
//!
//! ```json
//! {"v":1,"run":"...","request":{...},"request_id":"...","mode":"enforce","approvals":[...],
//!  "state":{...},"now":"...","decision":{...},"state_after":{...}}
//! ```
//!
//! `run` is what the host calls the run, and left out where it has no name; `mode` and `approvals` where the
//! host added none, `state` and `state_after` where nobody keeps a run. What became of a call has a line of
//! its own, with `report` in place of the decision.
//!
//! Where the whole request may not be kept, only the facts are that the decision read ([`record_facts`]):
//!
//! ```json
//! {"v":1,"run":"...","facts":{...},"call":"...","request_id":"...","mode":"enforce","now":"...","decision":{...},
//!  "digests":{"request":"...","approvals":"...","state":"...","state_after":"..."}}
//! ```
//!
//! It cannot be made again; the digests (SHA-256 of the texts without the space between their parts) tell
//! what it was made from, for whoever has it.

mod kept;
mod members;
mod read;

use std::borrow::Cow;

use stage0_engine::canonical::write_string;
use stage0_engine::limits::{REQUEST_BYTES_MAX, STATE_BYTES_MAX};

pub use self::kept::Kept;
use self::members::{compact_digest, push_compact};
pub use self::read::{Deed, Record, parse_record};
use crate::question::{Answer, Question, derived_request_id};
use crate::report::ReportText;
use crate::strict_json::JsonLimits;

/// Version of a record's form; another version is refused.
pub const RECORD_VERSION: u32 = 1;

/// The limits of one line: a request, two states, and a decision that tells of both.
pub const RECORD_LIMITS: JsonLimits = JsonLimits {
    bytes_max: REQUEST_BYTES_MAX * 2 + STATE_BYTES_MAX * 2,
    depth_max: 128,
    nodes_max: 1_000_000,
};

/// The line of a decision of this run, without the line break behind it.
///
/// ```
/// use stage0_engine::time::Timestamp;
/// use stage0_wire::{Policy, question::{NEW_RUN, Question}, record::{parse_record, record_decision}};
///
/// let policy = Policy::builtin("standard").unwrap();
/// let now = Timestamp::parse("2026-01-05T10:00:00Z").unwrap();
/// let question = Question { state: Some(NEW_RUN), ..Question::new(br#"{"goal": "tidy up"}"#, now) };
/// let answer = question.check(&policy).unwrap();
/// let line = record_decision(Some("wiki-7"), &question, &answer);
/// let record = parse_record("log:1", &line).unwrap();
/// assert_eq!(record.question().unwrap().check(&policy).unwrap(), answer);
/// ```
pub fn record_decision(run: Option<&str>, question: &Question<'_>, answer: &Answer) -> String {
    record(run, question, answer, None)
}

/// The line of a decision of which only the facts are kept that it read: the text of one JSON object, as
/// [`facts_to_json`](crate::facts_to_json) writes it. `call` is the id of the call, where it has one.
pub fn record_facts(
    run: Option<&str>,
    question: &Question<'_>,
    answer: &Answer,
    facts: &str,
    call: Option<&str>,
) -> String {
    record(run, question, answer, Some((facts, call)))
}

/// A decision with the request, or with the facts of it and the call's id.
fn record(
    run: Option<&str>,
    question: &Question<'_>,
    answer: &Answer,
    facts: Option<(&str, Option<&str>)>,
) -> String {
    // It was decided, so it is UTF-8.
    let request = str::from_utf8(question.request).unwrap_or("null");
    let mut line = String::with_capacity(answer.decision.len().saturating_mul(2));
    begin(&mut line, run);
    match facts {
        None => compact_member(&mut line, "request", Some(request)),
        Some((facts, call)) => {
            // It is ours, and has no space to lose.
            member(&mut line, "facts");
            line.push_str(facts);
            text_member(&mut line, "call", call);
        }
    }
    let id = question.request_id.map_or_else(
        || Cow::Owned(derived_request_id("req", question.request, question.now)),
        Cow::Borrowed,
    );
    text_member(&mut line, "request_id", Some(&id));
    text_member(&mut line, "mode", question.mode);
    if facts.is_none() {
        compact_member(&mut line, "approvals", question.approvals);
        compact_member(&mut line, "state", question.state);
    }
    text_member(&mut line, "now", Some(&question.now.to_string()));
    member(&mut line, "decision");
    line.push_str(&answer.decision);
    let after = question.state.map(|_| &*answer.state);
    if facts.is_none() {
        compact_member(&mut line, "state_after", after);
    } else {
        member(&mut line, "digests");
        line.push('{');
        let texts = [
            ("request", Some(request)),
            ("approvals", question.approvals),
            ("state", question.state),
            ("state_after", after),
        ];
        for (name, text) in texts {
            let Some(text) = text else { continue };
            member(&mut line, name);
            line.push('"');
            compact_digest(text).write_hex(&mut line);
            line.push('"');
        }
        line.push('}');
    }
    line.push('}');
    line
}

/// The line of what became of a call: what was told, and the states before and after it, where the host
/// has them. Where it has not, the run's name says whose call it is.
pub fn record_report(
    run: Option<&str>,
    report: &ReportText<'_>,
    now: stage0_engine::time::Timestamp,
    states: Option<(&str, &str)>,
) -> String {
    let mut line = String::new();
    begin(&mut line, run);
    member(&mut line, "report");
    line.push('{');
    let told = [
        ("id", Some(report.id)),
        ("action", Some(report.action)),
        ("outcome", Some(report.outcome)),
        ("cost", report.cost),
    ];
    for (name, text) in told {
        text_member(&mut line, name, text);
    }
    line.push('}');
    compact_member(&mut line, "state", states.map(|(before, _)| before));
    text_member(&mut line, "now", Some(&now.to_string()));
    compact_member(&mut line, "state_after", states.map(|(_, after)| after));
    line.push('}');
    line
}

fn begin(line: &mut String, run: Option<&str>) {
    line.push_str("{\"v\":");
    line.push_str(&RECORD_VERSION.to_string());
    text_member(line, "run", run);
}

/// A member that is text, where there is one.
fn text_member(line: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        member(line, name);
        write_string(line, text);
    }
}

/// A member that is the JSON text of a value, where there is one.
fn compact_member(line: &mut String, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        member(line, name);
        push_compact(line, text);
    }
}

fn member(line: &mut String, name: &str) {
    if !line.ends_with('{') {
        line.push(',');
    }
    write_string(line, name);
    line.push(':');
}
