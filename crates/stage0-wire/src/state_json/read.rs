//! Texts to states. What no host could have been given is refused.

use std::collections::BTreeMap;

use stage0_engine::digest::Digest;
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::limits::{
    ASKED_MAX, CALLED_MAX, COUNTER_ENTRIES_MAX, LABELS_MAX, RUN_COUNTERS_MAX, RUN_TOOLS_MAX,
};
use stage0_engine::number::Number;
use stage0_engine::state::counter::{Counter, Entry, Hold};
use stage0_engine::state::{Asked, Called, Run, RunState, STATE_VERSION, Streak};
use stage0_engine::time::Timestamp;

use super::STATE_LIMITS;
use crate::codes::ProblemCode;
use crate::problem::Problem;
use crate::request_text::json_problem;
use crate::strict_json::parse;

/// Reads what [`state_to_json`](super::state_to_json) wrote. `name` is what problems call the text.
///
/// ```
/// use stage0_engine::state::RunState;
/// use stage0_wire::{parse_state, state_to_json};
///
/// let text = state_to_json(&RunState::begin());
/// assert_eq!(parse_state("run.json", text.as_bytes()), Ok(RunState::begin()));
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

type Refused = (ProblemCode, String);

fn invalid<T>(message: impl Into<String>) -> Result<T, Refused> {
    Err((ProblemCode::StateInvalid, message.into()))
}

/// A value with the name of the member that it is, or is in.
#[derive(Clone, Copy)]
struct Part<'d> {
    value: ValueRef<'d>,
    name: &'static str,
}

#[inline(never)]
fn read(root: ValueRef<'_>) -> Result<RunState, Refused> {
    if root.kind() != Kind::Object {
        return invalid("the state of a run is an object");
    }
    // Another version may have other members, so it is looked at first.
    let version = root.get("v").and_then(ValueRef::as_number);
    match version {
        Some(version) if version == Number::from_u64(u64::from(STATE_VERSION)) => {}
        Some(version) => {
            let message = format!("the state is of version {version}, and this is {STATE_VERSION}");
            return Err((ProblemCode::StateVersion, message));
        }
        None => return invalid("the state has no version"),
    }
    let whole = Part {
        value: root,
        name: "",
    };
    whole.has_only(&["v", "whole", "run", "counters"])?;
    let counters = |part: Part<'_>| part.map(usize::MAX, Part::counter);
    Ok(RunState {
        is_whole: whole.may("whole", Part::truth)?.unwrap_or_default(),
        run: whole.may("run", Part::run)?,
        counters: whole.may("counters", counters)?.unwrap_or_default(),
    })
}

impl<'d> Part<'d> {
    /// A member that has to be there.
    fn member<T>(
        self,
        name: &'static str,
        read: impl FnOnce(Part<'d>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        match self.value.get(name) {
            Some(value) => read(Part { value, name }),
            None => invalid(format!("the state has no `{name}`")),
        }
    }

    /// A member that is there unless it is empty.
    fn may<T>(
        self,
        name: &'static str,
        read: impl FnOnce(Part<'d>) -> Result<T, Refused>,
    ) -> Result<Option<T>, Refused> {
        let value = self.value.get(name);
        value.map(|value| read(Part { value, name })).transpose()
    }

    /// What is empty where it is not there.
    fn many<T: Default>(
        self,
        name: &'static str,
        read: impl FnOnce(Part<'d>) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        Ok(self.may(name, read)?.unwrap_or_default())
    }

    fn has_only(self, known: &[&str]) -> Result<(), Refused> {
        if self.value.kind() != Kind::Object {
            return self.wrong("an object");
        }
        match self.value.members().find(|(key, _)| !known.contains(key)) {
            Some((member, _)) if self.name.is_empty() => {
                invalid(format!("a state has no member `{member}`"))
            }
            Some((member, _)) => invalid(format!("`{}` of a state has no `{member}`", self.name)),
            None => Ok(()),
        }
    }

    fn wrong<T>(self, expected: &str) -> Result<T, Refused> {
        invalid(format!("`{}` of the state must be {expected}", self.name))
    }

    fn truth(self) -> Result<bool, Refused> {
        self.value
            .as_bool()
            .map_or_else(|| self.wrong("true or false"), Ok)
    }

    fn count(self) -> Result<u64, Refused> {
        // As it was written, so that every count there can be is read back.
        let count = self.value.number_text();
        let count = count.and_then(|count| count.parse().ok());
        count.map_or_else(|| self.wrong("a whole number from 0"), Ok)
    }

    fn time(self) -> Result<Timestamp, Refused> {
        let time = self.value.as_str().map(Timestamp::parse);
        match time {
            Some(Ok(time)) => Ok(time),
            _ => self.wrong("a time as in 2026-01-05T10:00:00Z"),
        }
    }

    fn digest(self) -> Result<Digest, Refused> {
        let digest = self.value.as_str().map(Digest::parse);
        match digest {
            Some(Ok(digest)) => Ok(digest),
            _ => self.wrong("a digest of 64 hexadecimal digits"),
        }
    }

    fn list<T>(
        self,
        most: usize,
        read: impl Fn(Part<'d>) -> Result<T, Refused>,
    ) -> Result<Vec<T>, Refused> {
        if self.value.kind() != Kind::List {
            return self.wrong("a list");
        }
        let items = self.value.elements();
        let items: Result<Vec<T>, _> = items.map(|value| read(Part { value, ..self })).collect();
        match items {
            Ok(items) if items.len() > most => self.wrong("shorter than it is"),
            items => items,
        }
    }

    fn map<T>(
        self,
        most: usize,
        read: impl Fn(Part<'d>) -> Result<T, Refused>,
    ) -> Result<BTreeMap<Box<str>, T>, Refused> {
        if self.value.kind() != Kind::Object {
            return self.wrong("an object");
        }
        let members = self.value.members();
        let members: Result<BTreeMap<Box<str>, T>, _> = members
            .map(|(name, value)| Ok((name.into(), read(Part { value, ..self })?)))
            .collect();
        match members {
            Ok(members) if members.len() > most => self.wrong("smaller than it is"),
            members => members,
        }
    }

    fn counter(self) -> Result<Counter, Refused> {
        let entries = self.list(COUNTER_ENTRIES_MAX, Part::entry)?;
        if !entries.is_sorted_by_key(|entry| entry.at) {
            return self.wrong("in the order of time");
        }
        Ok(Counter { entries })
    }

    fn entry(self) -> Result<Entry, Refused> {
        self.has_only(&["at", "amount", "hold"])?;
        let amount = self.member("amount", |part| {
            let amount = part.value.as_number();
            let amount = amount.filter(|amount| !amount.is_negative());
            amount.map_or_else(|| part.wrong("a number from 0"), Ok)
        })?;
        let hold = |part: Part<'d>| {
            part.has_only(&["call", "until", "cost"])?;
            Ok(Hold {
                call: part.member("call", Part::digest)?,
                until: part.member("until", Part::time)?,
                is_cost: part.member("cost", Part::truth)?,
            })
        };
        Ok(Entry {
            at: self.member("at", Part::time)?,
            amount,
            hold: self.may("hold", hold)?,
        })
    }

    fn asked(self) -> Result<Asked, Refused> {
        self.has_only(&["call", "allowed"])?;
        Ok(Asked {
            call: self.member("call", Part::digest)?,
            allowed: self.member("allowed", Part::truth)?,
        })
    }

    fn called(self) -> Result<Called, Refused> {
        self.has_only(&["call", "action", "failed"])?;
        Ok(Called {
            call: self.member("call", Part::digest)?,
            action: self.member("action", Part::digest)?,
            failed: self.member("failed", Part::truth)?,
        })
    }

    fn streak(self) -> Result<Streak, Refused> {
        self.has_only(&["tool", "count"])?;
        let tool = self.member("tool", |part| match part.value.as_str() {
            Some(tool) => Ok(tool.into()),
            None => part.wrong("text"),
        })?;
        Ok(Streak {
            tool,
            count: self.member("count", Part::count)?,
        })
    }

    #[inline(never)]
    fn run(self) -> Result<Run, Refused> {
        self.has_only(&[
            "attempts", "allowed", "first_at", "last_at", "asked", "called", "streak", "tools",
            "labels", "cost", "counters",
        ])?;
        let counters = |part: Part<'d>| part.map(RUN_COUNTERS_MAX, Part::counter);
        let run = Run {
            attempts: self.member("attempts", Part::count)?,
            allowed: self.member("allowed", Part::count)?,
            first_at: self.may("first_at", Part::time)?,
            last_at: self.may("last_at", Part::time)?,
            asked: self.many("asked", |part| part.list(ASKED_MAX, Part::asked))?,
            called: self.many("called", |part| part.list(CALLED_MAX, Part::called))?,
            streak: self.may("streak", Part::streak)?,
            tools: self.many("tools", |part| part.map(RUN_TOOLS_MAX, Part::count))?,
            labels: self.many("labels", |part| part.map(LABELS_MAX, Part::time))?,
            cost: self.many("cost", Part::counter)?,
            counters: self.many("counters", counters)?,
        };
        if run.allowed > run.attempts {
            return invalid("more calls were allowed than were decided");
        }
        if run.first_at > run.last_at {
            return invalid("the last decision was before the first");
        }
        if (run.attempts > 0) != run.last_at.is_some() {
            return invalid("the number of decisions and their times contradict each other");
        }
        Ok(run)
    }
}
