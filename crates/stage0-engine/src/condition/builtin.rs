//! The functions of the language: one table with their types and costs, and what they compute.
//!
//! Domain functions over text live in [`crate::function`]; here is only how values reach them. A
//! function of an unknown argument is unknown; what a function refuses is an error, hence DENY.

use std::borrow::Cow;

use bumpalo::collections::Vec as ArenaVec;

use super::operation::{equal, has_member};
use super::scratch::{ENTRY_BYTES, Scratch, ZONE_STEPS};
use super::typing::Type;
use super::value::{EvalError, Value};
use crate::function;
use crate::legible::is_hidden;
use crate::number::Number;
use crate::reference::for_reference;
use crate::time::window::Window;
use crate::time::{Duration, Timestamp, Zone};
use crate::vocabulary::fold;

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builtin {
    Size,
    StartsWith,
    EndsWith,
    Contains,
    LowerAscii,
    UpperAscii,
    Fold,
    Blank,
    Trailing,
    Glob,
    Timestamp,
    Duration,
    Clock(ClockField),
    PathWithin,
    Host,
    HostWithin,
    EmailDomain,
    IpInCidr,
    Argv,
    Commands,
    Grounded,
    InWindow,
}

/// A part of a timestamp or duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClockField {
    FullYear,
    Month,
    DayOfYear,
    DayOfMonth,
    Date,
    DayOfWeek,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// How a function may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Function,
    Method,
    Either,
}

/// One line of the table of functions.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) builtin: Builtin,
    pub(crate) form: Form,
    /// The arguments, the receiver first.
    pub(crate) parameters: &'static [Parameter],
    /// How many of the last parameters may be left out.
    pub(crate) optional: usize,
    pub(crate) result: Type,
    /// Steps in the static cost model.
    pub(crate) cost: u64,
    /// What it does, for the reference and for completion.
    pub(crate) summary: &'static str,
}

/// An argument of a function.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// What it is, for help texts and the reference.
    pub(crate) name: &'static str,
    /// The types that it may have.
    pub(crate) types: &'static [Type],
}

const TEXT: &[Type] = &[Type::String];
const SIZED: &[Type] = &[Type::String, Type::LIST, Type::MAP];
const INSTANT: &[Type] = &[Type::String, Type::Timestamp];
const SPAN: &[Type] = &[Type::String, Type::Duration];
const VALUE: &[Type] = &[Type::String, Type::Number];
const LIST: &[Type] = &[Type::LIST];
const ANY: &[Type] = &[Type::Dyn];
const TIME: &[Type] = &[Type::Timestamp];
const CLOCK: &[Type] = &[Type::Timestamp, Type::Duration];

macro_rules! functions {
    ($($name:literal $builtin:expr, $form:ident ($($parameter:ident: $types:expr),*) $(? $optional:literal)? -> $result:expr, $cost:literal, $summary:literal;)*) => {
        /// Every function of the language, by name.
        pub(crate) const FUNCTIONS: &[Signature] = &[$(Signature {
            name: $name,
            builtin: $builtin,
            form: Form::$form,
            parameters: &[$(Parameter { name: stringify!($parameter), types: $types }),*],
            optional: 0 $(+ $optional)?,
            result: $result,
            cost: $cost,
            summary: for_reference($summary),
        }),*];
    };
}

functions! {
    "size" Builtin::Size, Either(value: SIZED) -> Type::Number, 10, "code points of a text, elements of a list, members of an object";
    "startsWith" Builtin::StartsWith, Method(text: TEXT, beginning: TEXT) -> Type::Bool, 10, "whether the text begins with another";
    "endsWith" Builtin::EndsWith, Method(text: TEXT, end: TEXT) -> Type::Bool, 10, "whether the text ends with another";
    "contains" Builtin::Contains, Method(text: TEXT, part: TEXT) -> Type::Bool, 100, "whether another text occurs in the text";
    "lowerAscii" Builtin::LowerAscii, Method(text: TEXT) -> Type::String, 20, "the text with A-Z as a-z";
    "upperAscii" Builtin::UpperAscii, Method(text: TEXT) -> Type::String, 20, "the text with a-z as A-Z";
    "fold" Builtin::Fold, Either(text: TEXT) -> Type::String, 20, "the text as phrases are compared: A-Z as a-z, each run of spaces, _ and - as one _, none at the ends";
    "blank" Builtin::Blank, Either(value: ANY) -> Type::Bool, 10, "whether a value says nothing: false, null, text that shows nothing, an empty list or object";
    "trailing" Builtin::Trailing, Either(list: LIST, value: ANY) -> Type::Number, 100, "how many elements at the end of a list are equal to a value, without a gap";
    "glob" Builtin::Glob, Either(text: TEXT, pattern: TEXT) -> Type::Bool, 200, "whether the whole text fits a pattern: * within a segment, ** across /, ? one character";
    "timestamp" Builtin::Timestamp, Function(text: INSTANT) -> Type::Timestamp, 10, "an instant from RFC 3339 text with an offset";
    "duration" Builtin::Duration, Function(text: SPAN) -> Type::Duration, 10, "a span of time from text such as 1h30m";
    "getFullYear" Builtin::Clock(ClockField::FullYear), Method(time: TIME, zone: TEXT) ? 1 -> Type::Number, 20, "the year";
    "getMonth" Builtin::Clock(ClockField::Month), Method(time: TIME, zone: TEXT) ? 1 -> Type::Number, 20, "the month, 0 to 11";
    "getDayOfYear" Builtin::Clock(ClockField::DayOfYear), Method(time: TIME, zone: TEXT) ? 1 -> Type::Number, 20, "the day of the year, from 0";
    "getDayOfMonth" Builtin::Clock(ClockField::DayOfMonth), Method(time: TIME, zone: TEXT) ? 1 -> Type::Number, 20, "the day of the month, from 0";
    "getDate" Builtin::Clock(ClockField::Date), Method(time: TIME, zone: TEXT) ? 1 -> Type::Number, 20, "the day of the month, from 1";
    "getDayOfWeek" Builtin::Clock(ClockField::DayOfWeek), Method(time: TIME, zone: TEXT) ? 1 -> Type::Number, 20, "the day of the week, 0 is Sunday";
    "getHours" Builtin::Clock(ClockField::Hours), Method(time: CLOCK, zone: TEXT) ? 1 -> Type::Number, 20, "the hour of the day, or the whole hours of a duration";
    "getMinutes" Builtin::Clock(ClockField::Minutes), Method(time: CLOCK, zone: TEXT) ? 1 -> Type::Number, 20, "the minute of the hour, or the whole minutes of a duration";
    "getSeconds" Builtin::Clock(ClockField::Seconds), Method(time: CLOCK, zone: TEXT) ? 1 -> Type::Number, 20, "the second of the minute, or the whole seconds of a duration";
    "getMilliseconds" Builtin::Clock(ClockField::Milliseconds), Method(time: CLOCK, zone: TEXT) ? 1 -> Type::Number, 20, "the millisecond of the second";
    "path_within" Builtin::PathWithin, Function(path: TEXT, folder: TEXT) -> Type::Bool, 200, "whether an absolute path stays inside a folder";
    "host" Builtin::Host, Function(url: TEXT) -> Type::String, 200, "the host of a URL, in one canonical form";
    "host_within" Builtin::HostWithin, Function(url: TEXT, domain: TEXT) -> Type::Bool, 200, "whether a URL's host is a domain or one of its subdomains";
    "email_domain" Builtin::EmailDomain, Function(address: TEXT) -> Type::String, 200, "the domain of a plain e-mail address, in lower case";
    "ip_in_cidr" Builtin::IpInCidr, Function(address: TEXT, network: TEXT) -> Type::Bool, 200, "whether an IP address belongs to a network";
    "argv" Builtin::Argv, Function(command: TEXT) -> Type::LIST_OF_TEXT, 500, "the words of one plain shell command";
    "commands" Builtin::Commands, Function(line: TEXT) -> Type::LIST, 500, "each command of a shell line: {argv, redirections}";
    "grounded" Builtin::Grounded, Function(value: VALUE, texts: LIST) -> Type::Bool, 10_000, "whether a value occurs, as a whole token, in trusted text";
    "in_window" Builtin::InWindow, Function(time: TIME, window: TEXT) -> Type::Bool, 50, "whether an instant lies in a weekly window such as Mon-Fri 09:00-17:00 Europe/Berlin";
}

/// What is written like a function and is none: its arguments are a literal, a call, a path or a name.
#[derive(Debug)]
pub(crate) struct SpecialForm {
    pub(crate) name: &'static str,
    /// How it is written.
    pub(crate) usage: &'static str,
    pub(crate) result: Type,
    /// What it does, for the reference and for completion.
    pub(crate) summary: &'static str,
}

const fn form(
    name: &'static str,
    usage: &'static str,
    result: Type,
    summary: &'static str,
) -> SpecialForm {
    SpecialForm {
        name,
        usage,
        result,
        summary: for_reference(summary),
    }
}

/// Every special form, by name.
pub(crate) const FORMS: &[SpecialForm] = &[
    form(
        "matches",
        "text.matches(\"pattern\")",
        Type::Bool,
        "whether a regular expression occurs in the text; the pattern is a literal",
    ),
    form(
        "parses",
        "parses(call)",
        Type::Bool,
        "whether a function can answer: false where it is refused or its argument is absent",
    ),
    form(
        "has",
        "has(path)",
        Type::Bool,
        "whether the path's last member is there",
    ),
    form(
        "exists",
        "list.exists(name, condition)",
        Type::Bool,
        "whether the condition is true of an element, or of a key of an object",
    ),
    form(
        "all",
        "list.all(name, condition)",
        Type::Bool,
        "whether the condition is true of every element, or of every key of an object",
    ),
    form(
        "exists_one",
        "list.exists_one(name, condition)",
        Type::Bool,
        "whether the condition is true of exactly one element; also existsOne",
    ),
    form(
        "filter",
        "list.filter(name, condition)",
        Type::LIST,
        "the elements of which the condition is true",
    ),
    form(
        "map",
        "list.map(name, condition?, value)",
        Type::LIST,
        "the value for each element, or for those of which the condition is true",
    ),
];

/// Applies a function to arguments that the checker counted.
pub(crate) fn apply<'a>(
    builtin: Builtin,
    arguments: &[Value<'a>],
    scratch: &mut Scratch<'a>,
) -> Value<'a> {
    // Unknown wins over error, so all arguments are looked at before one is refused.
    if arguments.iter().any(|argument| argument.is_unknown()) {
        return Value::Unknown;
    }
    if let Some(error) = arguments.iter().find(|argument| argument.kind().is_none()) {
        return *error;
    }
    let argument = |position: usize| arguments.get(position).copied().unwrap_or(Value::Null);
    for argument in arguments {
        if let Value::String(text) = argument {
            scratch.read(text);
        }
    }
    match builtin {
        Builtin::Size => size(argument(0)),
        Builtin::StartsWith => texts(argument(0), argument(1), |text, other| {
            text.starts_with(other)
        }),
        Builtin::EndsWith => texts(argument(0), argument(1), |text, other| {
            text.ends_with(other)
        }),
        Builtin::Contains => texts(argument(0), argument(1), |text, other| text.contains(other)),
        Builtin::LowerAscii => change(argument(0), scratch, str::make_ascii_lowercase),
        Builtin::UpperAscii => change(argument(0), scratch, str::make_ascii_uppercase),
        Builtin::Fold => match argument(0) {
            Value::String(text) => made(Ok(fold(text)), scratch),
            other => other.expected(&"text"),
        },
        Builtin::Blank => Value::Bool(is_blank(argument(0))),
        Builtin::Trailing => trailing(argument(0), argument(1), scratch),
        Builtin::Glob => match (argument(0), argument(1)) {
            (Value::String(text), Value::String(pattern)) => {
                scratch.work(text.len().saturating_mul(pattern.len()) / GLOB_BYTES_PER_STEP);
                outcome(function::glob(text, pattern))
            }
            (left, right) => not_text(left, right),
        },
        Builtin::Timestamp => match argument(0) {
            Value::String(text) => Timestamp::parse(text).map_or_else(
                |error| Value::Error(EvalError::Time(error)),
                Value::Timestamp,
            ),
            Value::Timestamp(_) => argument(0),
            other => other.expected(&"text or a timestamp"),
        },
        Builtin::Duration => match argument(0) {
            Value::String(text) => Duration::parse(text).map_or_else(
                |error| Value::Error(EvalError::Time(error)),
                Value::Duration,
            ),
            Value::Duration(_) => argument(0),
            other => other.expected(&"text or a duration"),
        },
        Builtin::Clock(field) => {
            if arguments.len() > 1 {
                scratch.work(ZONE_STEPS);
            }
            clock(field, argument(0), arguments.get(1).copied())
        }
        Builtin::PathWithin => domain2(argument(0), argument(1), function::path_within),
        Builtin::HostWithin => domain2(argument(0), argument(1), function::host_within),
        Builtin::IpInCidr => domain2(argument(0), argument(1), function::ip_in_cidr),
        Builtin::Host => match argument(0) {
            Value::String(url) => made(function::host(url), scratch),
            other => other.expected(&"text"),
        },
        Builtin::EmailDomain => match argument(0) {
            Value::String(address) => made(function::email_domain(address), scratch),
            other => other.expected(&"text"),
        },
        Builtin::Argv => match argument(0) {
            Value::String(command) => match function::argv(command) {
                Ok(words) => text_list(&words, scratch),
                Err(error) => Value::Error(EvalError::Function(error)),
            },
            other => other.expected(&"text"),
        },
        Builtin::Commands => match argument(0) {
            Value::String(command) => commands(command, scratch),
            other => other.expected(&"text"),
        },
        Builtin::Grounded => grounded(argument(0), argument(1), scratch),
        // Compiled into an instruction that knows the policy's zone; without one it is UTC.
        Builtin::InWindow => in_window(argument(0), argument(1), Zone::UTC),
    }
}

/// Whether an instant lies in a window written as text; one without a zone is in this one.
pub(crate) fn in_window<'a>(at: Value<'a>, window: Value<'a>, zone: Zone) -> Value<'a> {
    match (at, window) {
        (Value::Unknown, _) | (_, Value::Unknown) => Value::Unknown,
        (Value::Timestamp(at), Value::String(window)) => match Window::parse(window, zone) {
            Ok(window) => Value::Bool(window.contains(at)),
            Err(error) => Value::Error(EvalError::Window(error)),
        },
        (Value::Timestamp(_), other) => other.expected(&"text"),
        (other, _) => other.expected(&"a timestamp"),
    }
}

fn size(of: Value<'_>) -> Value<'_> {
    let count = match of {
        Value::String(text) => Some(text.chars().count()),
        other => other.len(),
    };
    match count {
        Some(count) => Value::Number(Number::from_u64(count as u64)),
        None => of.expected(&"text, a list or an object"),
    }
}

/// A record is not kept by writing an empty text into it, nor one that only looks empty.
fn is_blank(value: Value<'_>) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.chars().all(|c| c.is_whitespace() || is_hidden(c)),
        other => other.len() == Some(0),
    }
}

fn trailing<'a>(list: Value<'a>, value: Value<'a>, scratch: &mut Scratch<'a>) -> Value<'a> {
    let (Value::List(_) | Value::DocumentList(_), Some(elements)) = (list, list.visit()) else {
        return list.expected(&"a list");
    };
    let mut run = 0_u64;
    let mut outcome = Value::Null;
    for element in elements {
        match equal(element, value, scratch) {
            Value::Bool(true) => {
                run = run.saturating_add(1);
                outcome = Value::Null;
            }
            Value::Bool(false) => {
                run = 0;
                outcome = Value::Null;
            }
            // What cannot be compared matters only if it is among the last ones.
            other => outcome = other,
        }
    }
    match outcome {
        Value::Null => Value::Number(Number::from_u64(run)),
        other => other,
    }
}

fn not_text<'a>(left: Value<'a>, right: Value<'a>) -> Value<'a> {
    match left {
        Value::String(_) => right.expected(&"text"),
        _ => left.expected(&"text"),
    }
}

fn texts<'a>(left: Value<'a>, right: Value<'a>, test: impl Fn(&str, &str) -> bool) -> Value<'a> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Value::Bool(test(left, right)),
        (left, right) => not_text(left, right),
    }
}

fn change<'a>(text: Value<'a>, scratch: &mut Scratch<'a>, change: impl Fn(&mut str)) -> Value<'a> {
    match text {
        Value::String(text) if scratch.build(text.len()) => {
            let changed = scratch.arena.alloc_str(text);
            change(changed);
            Value::String(changed)
        }
        Value::String(_) => Value::Error(EvalError::TooLarge),
        other => other.expected(&"text"),
    }
}

fn domain2<'a>(
    left: Value<'a>,
    right: Value<'a>,
    apply: impl Fn(&str, &str) -> Result<bool, function::FunctionError>,
) -> Value<'a> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => outcome(apply(left, right)),
        (left, right) => not_text(left, right),
    }
}

fn outcome<'a>(result: Result<bool, function::FunctionError>) -> Value<'a> {
    result.map_or_else(
        |error| Value::Error(EvalError::Function(error)),
        Value::Bool,
    )
}

fn made<'a>(
    result: Result<Cow<'a, str>, function::FunctionError>,
    scratch: &mut Scratch<'a>,
) -> Value<'a> {
    match result {
        Ok(Cow::Borrowed(text)) => Value::String(text),
        Ok(Cow::Owned(text)) => match copy(&text, scratch) {
            Some(text) => Value::String(text),
            None => Value::Error(EvalError::TooLarge),
        },
        Err(error) => Value::Error(EvalError::Function(error)),
    }
}

fn copy<'a>(text: &str, scratch: &mut Scratch<'a>) -> Option<&'a str> {
    scratch
        .build(text.len())
        .then(|| &*scratch.arena.alloc_str(text))
}

fn text_list<'a>(texts: &[Cow<'_, str>], scratch: &mut Scratch<'a>) -> Value<'a> {
    if !scratch.build(texts.len().saturating_mul(ENTRY_BYTES)) {
        return Value::Error(EvalError::TooLarge);
    }
    let mut values = ArenaVec::with_capacity_in(texts.len(), scratch.arena);
    for text in texts {
        let Some(text) = copy(text, scratch) else {
            return Value::Error(EvalError::TooLarge);
        };
        values.push(Value::String(text));
    }
    Value::List(values.into_bump_slice())
}

fn commands<'a>(line: &str, scratch: &mut Scratch<'a>) -> Value<'a> {
    match function::commands(line) {
        Ok(commands) => {
            command_list(&commands, scratch).unwrap_or(Value::Error(EvalError::TooLarge))
        }
        Err(error) => Value::Error(EvalError::Function(error)),
    }
}

/// Nothing if there is no room.
fn command_list<'a>(
    commands: &[function::Command<'_>],
    scratch: &mut Scratch<'a>,
) -> Option<Value<'a>> {
    let arena = scratch.arena;
    let mut values = ArenaVec::with_capacity_in(commands.len(), arena);
    for command in commands {
        let entries = command
            .redirections
            .len()
            .saturating_mul(3)
            .saturating_add(3);
        if !scratch.build(entries.saturating_mul(ENTRY_BYTES)) {
            return None;
        }
        let mut redirections = ArenaVec::with_capacity_in(command.redirections.len(), arena);
        for redirection in &command.redirections {
            let entries: &'a [(&'a str, Value<'a>)] = arena.alloc_slice_copy(&[
                (
                    "operator",
                    Value::String(copy(redirection.operator, scratch)?),
                ),
                ("target", Value::String(copy(&redirection.target, scratch)?)),
            ]);
            redirections.push(Value::Map(entries));
        }
        let entries: &'a [(&'a str, Value<'a>)] = arena.alloc_slice_copy(&[
            ("argv", text_list(&command.argv, scratch)),
            ("redirections", Value::List(redirections.into_bump_slice())),
        ]);
        values.push(Value::Map(entries));
    }
    Some(Value::List(values.into_bump_slice()))
}

/// Each byte of the pattern goes once over the text, a few bytes at a time.
const GLOB_BYTES_PER_STEP: usize = 4;
/// The texts are brought to one form first, which is slower than finding one text in another.
const GROUNDED_BYTES_PER_STEP: usize = 2;

/// `trusted` is a list of texts or of `{source, text}`.
fn grounded<'a>(value: Value<'a>, trusted: Value<'a>, scratch: &mut Scratch<'a>) -> Value<'a> {
    let Some(entries) = trusted.visit() else {
        return trusted.expected(&"a list of texts");
    };
    let mut texts = Vec::new();
    for entry in entries {
        let text = if has_member(entry, "text") {
            entry.member("text")
        } else {
            entry
        };
        match text {
            Value::String(text) => {
                scratch.work(text.len() / GROUNDED_BYTES_PER_STEP);
                texts.push(text);
            }
            other => return other.expected(&"a list of texts"),
        }
    }
    match value {
        Value::String(value) => outcome(function::grounded(value, &texts)),
        Value::Number(number) => outcome(function::grounded_number(&number.to_string(), &texts)),
        other => other.expected(&"text or a number"),
    }
}

fn clock<'a>(field: ClockField, of: Value<'a>, zone: Option<Value<'a>>) -> Value<'a> {
    match (of, zone) {
        (Value::Timestamp(at), None) => clock_field(field, at, Zone::UTC),
        (Value::Timestamp(at), Some(Value::String(name))) => match Zone::find(name) {
            Ok(zone) => clock_field(field, at, zone),
            Err(error) => Value::Error(EvalError::Zone(error)),
        },
        (Value::Timestamp(_), Some(other)) => other.expected(&"a zone's name as text"),
        (Value::Duration(span), None) => {
            let whole = |unit: i64| span.to_ms().checked_div(unit).unwrap_or(0);
            let value = match field {
                ClockField::Hours => whole(3_600_000),
                ClockField::Minutes => whole(60_000),
                ClockField::Seconds => whole(1_000),
                ClockField::Milliseconds => span.to_ms().checked_rem(1_000).unwrap_or(0),
                _ => return of.expected(&"a timestamp"),
            };
            Value::Number(Number::from_i64(value))
        }
        (Value::Duration(_), Some(_)) => of.expected(&"a timestamp"),
        (other, _) => other.expected(&"a timestamp or a duration"),
    }
}

/// One field of an instant in a zone.
pub(crate) fn clock_field<'a>(field: ClockField, at: Timestamp, zone: Zone) -> Value<'a> {
    let civil = at.civil(zone.offset_at(at));
    Value::Number(Number::from_i64(match field {
        ClockField::FullYear => i64::from(civil.year),
        ClockField::Month => i64::from(civil.month),
        ClockField::DayOfYear => i64::from(civil.day_of_year),
        ClockField::DayOfMonth => i64::from(civil.day),
        ClockField::Date => i64::from(civil.date()),
        ClockField::DayOfWeek => i64::from(civil.day_of_week),
        ClockField::Hours => i64::from(civil.hours),
        ClockField::Minutes => i64::from(civil.minutes),
        ClockField::Seconds => i64::from(civil.seconds),
        ClockField::Milliseconds => i64::from(civil.milliseconds),
    }))
}
