//! Lines to records. What was not written by a recorder is refused.

use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::number::Number;
use stage0_engine::time::Timestamp;

use super::members::members;
use super::{RECORD_LIMITS, RECORD_VERSION};
use crate::codes::ProblemCode;
use crate::problem::Problem;
use crate::question::{Question, parse_now};
use crate::report::ReportText;
use crate::request_text::json_problem;
use crate::strict_json::parse;

/// A line that was read: the texts that it is made of.
#[derive(Debug, Clone)]
pub struct Record<'t> {
    /// What was recorded.
    pub deed: Deed<'t>,
    /// What the host calls the run.
    pub run: Option<String>,
    /// The state before it, where a run is kept.
    pub state: Option<&'t str>,
    /// The state after it.
    pub state_after: Option<&'t str>,
    /// When it was.
    pub now: Timestamp,
}

/// What was recorded.
#[derive(Debug, Clone)]
pub enum Deed<'t> {
    /// A decision.
    Decision {
        /// The request's text.
        request: &'t str,
        /// The id that it was decided under.
        request_id: String,
        /// The mode that the host set.
        mode: Option<String>,
        /// The text of people's answers.
        approvals: Option<&'t str>,
        /// The decision's text.
        decision: &'t str,
    },
    /// A decision of which only the facts are kept that it read.
    Facts {
        /// The facts' text.
        facts: &'t str,
        /// The id of the call.
        call: Option<String>,
        /// The id that it was decided under.
        request_id: String,
        /// The decision's text.
        decision: &'t str,
    },
    /// What became of a call.
    Report {
        /// The call's id, or the request's where the call had none.
        id: String,
        /// The digest of the action.
        action: String,
        /// `executed`, `failed` or `stopped`.
        outcome: String,
        /// What it did cost, in US dollars.
        cost: Option<String>,
    },
}

impl Record<'_> {
    /// The question as it was asked; nothing where it records what became of a call.
    pub fn question(&self) -> Option<Question<'_>> {
        let Deed::Decision {
            request,
            request_id,
            mode,
            approvals,
            ..
        } = &self.deed
        else {
            return None;
        };
        Some(Question {
            request: request.as_bytes(),
            request_id: Some(request_id),
            mode: mode.as_deref(),
            approvals: *approvals,
            state: self.state,
            now: self.now,
        })
    }

    /// What a host told of a call; nothing where it records a decision.
    pub fn report(&self) -> Option<ReportText<'_>> {
        let Deed::Report {
            id,
            action,
            outcome,
            cost,
        } = &self.deed
        else {
            return None;
        };
        Some(ReportText {
            id,
            action,
            outcome,
            cost: cost.as_deref(),
        })
    }
}

/// Reads a line that [`record_decision`](super::record_decision) or
/// [`record_report`](super::record_report) wrote. `name` is what problems call it.
///
/// # Errors
/// The line is not JSON, of another version, or no record. What is in it is looked at when it is used.
pub fn parse_record<'t>(name: &str, line: &'t str) -> Result<Record<'t>, Vec<Problem>> {
    let document = parse(line.as_bytes(), &RECORD_LIMITS)
        .map_err(|error| vec![json_problem(name, line.as_bytes(), &error)])?;
    read(document.root(), line).map_err(|(code, message)| {
        let help = match code {
            ProblemCode::RecordVersion => "use the version of Stage0 that wrote it",
            _ => "records are lines that Stage0 wrote, one decision each",
        };
        vec![Problem::in_file(name, 1, code, message).help(help)]
    })
}

type Refused = (ProblemCode, String);

fn invalid<T>(message: impl Into<String>) -> Result<T, Refused> {
    Err((ProblemCode::RecordInvalid, message.into()))
}

const DECISION: [&str; 9] = [
    "v",
    "run",
    "request",
    "request_id",
    "mode",
    "approvals",
    "state",
    "now",
    "decision",
];
const FACTS: [&str; 9] = [
    "v",
    "run",
    "facts",
    "call",
    "request_id",
    "mode",
    "now",
    "decision",
    "digests",
];
const REPORT: [&str; 5] = ["v", "run", "report", "state", "now"];
const AFTER: &str = "state_after";

fn read<'t>(root: ValueRef<'_>, line: &'t str) -> Result<Record<'t>, Refused> {
    if root.kind() != Kind::Object {
        return invalid("a record is an object");
    }
    // Another version may have other members, so it is looked at first.
    let version = root.get("v").and_then(ValueRef::as_number);
    match version {
        Some(version) if version == Number::from_u64(u64::from(RECORD_VERSION)) => {}
        Some(version) => {
            let message =
                format!("the record is of version {version}, and this is {RECORD_VERSION}");
            return Err((ProblemCode::RecordVersion, message));
        }
        None => return invalid("the record has no version"),
    }
    let is_report = root.get("report").is_some();
    let is_facts = root.get("facts").is_some();
    let known = match (is_report, is_facts) {
        (true, _) => &REPORT[..],
        (_, true) => &FACTS[..],
        _ => &DECISION[..],
    };
    for (key, _) in root.members() {
        if (key != AFTER || is_facts) && !known.contains(&key) {
            return invalid(format!("a record has no member `{key}`"));
        }
    }
    // Keys that are known have no escapes, as long as the writer was one of ours.
    let texts = members(line);
    let text_of = |name: &str| {
        let found = texts.iter().find(|(key, _)| *key == name);
        found.map(|(_, text)| *text)
    };
    let now = parse_now(word(root, "now")?).or_else(|_| invalid("`now` is no time"))?;
    let deed = if let Some(told) = root.get("report") {
        Deed::Report {
            id: word(told, "id")?.to_owned(),
            action: word(told, "action")?.to_owned(),
            outcome: word(told, "outcome")?.to_owned(),
            cost: may(told, "cost")?,
        }
    } else if let Some(facts) = text_of("facts") {
        may(root, "mode")?;
        let is_object = |name| {
            root.get(name)
                .is_some_and(|value| value.kind() == Kind::Object)
        };
        let Some(decision) = text_of("decision").filter(|_| is_object("digests")) else {
            return invalid("the record has no decision, or no digests");
        };
        Deed::Facts {
            facts,
            call: may(root, "call")?,
            request_id: word(root, "request_id")?.to_owned(),
            decision,
        }
    } else {
        let (Some(request), Some(decision)) = (text_of("request"), text_of("decision")) else {
            return invalid("the record has no request, or no decision");
        };
        Deed::Decision {
            request,
            request_id: word(root, "request_id")?.to_owned(),
            mode: may(root, "mode")?,
            approvals: text_of("approvals"),
            decision,
        }
    };
    let (state, state_after) = (text_of("state"), text_of(AFTER));
    if state.is_some() != state_after.is_some() {
        return invalid("the record has one state, before or after, and needs both");
    }
    let run = may(root, "run")?;
    if is_report && state.is_none() && run.is_none() {
        return invalid("the record does not say in which run something became of a call");
    }
    Ok(Record {
        deed,
        run,
        state,
        state_after,
        now,
    })
}

fn word<'d>(value: ValueRef<'d>, name: &str) -> Result<&'d str, Refused> {
    let text = value.get(name).and_then(ValueRef::as_str);
    text.map_or_else(|| invalid(format!("the record has no text `{name}`")), Ok)
}

fn may(value: ValueRef<'_>, name: &str) -> Result<Option<String>, Refused> {
    let member = value.get(name);
    member
        .map(|_| word(value, name).map(str::to_owned))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &str) -> (&'static str, String) {
        let problems = parse_record("log", line).map(|_| ()).unwrap_err();
        (
            problems[0].code().as_str(),
            problems[0].message().to_owned(),
        )
    }

    #[test]
    fn what_no_recorder_wrote_is_refused() {
        let now = r#""now":"2026-01-05T10:00:00Z""#;
        for (line, code, message) in [
            ("", "JSON_UNEXPECTED_END", ""),
            ("[]", "RECORD_INVALID", "object"),
            ("{}", "RECORD_INVALID", "version"),
            (r#"{"v":2}"#, "RECORD_VERSION", "version 2"),
            (r#"{"v":1,"v":1}"#, "JSON_DUPLICATE_KEY", ""),
            (r#"{"v":1,"reqest":{}}"#, "RECORD_INVALID", "`reqest`"),
            (r#"{"v":1,"now":"today"}"#, "RECORD_INVALID", "no time"),
            (
                &format!(r#"{{"v":1,{now}}}"#),
                "RECORD_INVALID",
                "no request",
            ),
            (
                &format!(r#"{{"v":1,"request":{{}},"decision":{{}},{now}}}"#),
                "RECORD_INVALID",
                "`request_id`",
            ),
            (
                &format!(
                    r#"{{"v":1,"request":{{}},"request_id":"r","decision":{{}},"state":{{}},{now}}}"#
                ),
                "RECORD_INVALID",
                "one state",
            ),
            (
                &format!(
                    r#"{{"v":1,"report":{{"id":"c","action":"d","outcome":"executed"}},{now}}}"#
                ),
                "RECORD_INVALID",
                "in which run",
            ),
            (
                &format!(r#"{{"v":1,"report":{{"id":7}},{now}}}"#),
                "RECORD_INVALID",
                "`id`",
            ),
        ] {
            let (found, told) = refusal(line);
            assert_eq!(found, code, "{line}");
            assert!(told.contains(message), "{line}: {told}");
        }
    }

    #[test]
    fn a_key_that_is_written_with_escapes_is_not_found() {
        let line = r#"{"v":1,"request":{},"request_id":"r","\u0064ecision":{},"now":"2026-01-05T10:00:00Z"}"#;
        assert!(refusal(line).1.contains("no decision"));
    }
}
