//! Holding a tree of values against the description of a format, with every problem reported.
//!
//! [`Decoder::check`] walks a file and a [`Form`] side by side and reports whatever does not fit;
//! after it, reading the values (`fields`) is silent, because what is missing or of the wrong type
//! was told already. Decoders of single sections report through [`Decoder::error`] what no
//! description can say. What is [`NodeValue::Invalid`] was reported by a parser: it is passed over.

mod map;
mod mismatch;
#[cfg(test)]
mod tests;

use stage0_engine::number::Number;
use stage0_engine::span::Span;
use stage0_engine::time::{Duration, TimeError, Timestamp};

use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::{Problem, Problems};
use crate::shape::{Form, Kind, NameRule, Words};
use crate::sources::Sources;
use crate::suggest::nearest;
use crate::tree::{Node, NodeValue};

/// Checks values and collects what is wrong.
#[derive(Debug)]
pub(crate) struct Decoder<'s> {
    sources: &'s Sources,
    problems: &'s mut Problems,
}

/// A value that waits to be checked.
#[derive(Debug, Clone, Copy)]
struct Task<'n> {
    node: &'n Node,
    form: &'static Form,
    subject: Subject,
}

impl<'n> Task<'n> {
    /// Another value instead, which messages name in the same way.
    fn of(self, node: &'n Node, form: &'static Form) -> Self {
        Self { node, form, ..self }
    }
}

/// What a value is, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Unnamed,
    /// The value of a key.
    Key(&'static str),
    /// An entry of the list that is the value of a key.
    EntryOf(&'static str),
    /// The first entry of the list that is the value of a key.
    FirstOf(&'static str),
    /// A value of the author's own key, in the map that is the value of a key.
    ValueOf(&'static str),
}

impl Subject {
    fn entry(self) -> Self {
        match self {
            Self::Key(key) => Self::EntryOf(key),
            other => other,
        }
    }

    fn first(self) -> Self {
        match self {
            Self::Key(key) => Self::FirstOf(key),
            other => other,
        }
    }

    fn value(self) -> Self {
        match self {
            Self::Key(key) => Self::ValueOf(key),
            other => other,
        }
    }

    fn must_be(self, expected: &str) -> String {
        match self {
            Self::Unnamed => format!("expected {expected}"),
            Self::Key(key) => format!("`{key}` must be {expected}"),
            Self::EntryOf(key) => format!("each entry of `{key}` must be {expected}"),
            Self::FirstOf(key) => format!("the first entry of `{key}` must be {expected}"),
            Self::ValueOf(key) => format!("each value in `{key}` must be {expected}"),
        }
    }
}

impl<'s> Decoder<'s> {
    /// A decoder that adds to what was found so far.
    pub(crate) fn new(sources: &'s Sources, problems: &'s mut Problems) -> Self {
        Self { sources, problems }
    }

    /// Reports an error at a place. `complete` adds help and related places, if any.
    pub(crate) fn error(
        &mut self,
        span: Span,
        code: ProblemCode,
        message: impl AsRef<str>,
        complete: impl FnOnce(Problem) -> Problem,
    ) {
        let sources = self.sources;
        self.problems
            .error(|| complete(Problem::at(sources, span, code, message)));
    }

    /// Reports an error with help; an empty help is left out.
    pub(crate) fn error_with_help(
        &mut self,
        span: Span,
        code: ProblemCode,
        message: impl AsRef<str>,
        help: impl AsRef<str>,
    ) {
        self.error(span, code, message, |problem| match help.as_ref() {
            "" => problem,
            help => problem.help(help),
        });
    }

    /// Reports an error that has to do with an earlier place as well.
    pub(crate) fn error_and_first(
        &mut self,
        span: Span,
        code: ProblemCode,
        message: impl AsRef<str>,
        (first, label): (Span, &str),
        help: impl AsRef<str>,
    ) {
        let sources = self.sources;
        self.error(span, code, message, |problem| {
            problem.related(sources, first, label).help(help)
        });
    }

    /// Reports whatever in a value does not fit a form.
    pub(crate) fn check(&mut self, node: &Node, form: &'static Form) {
        let mut waiting = vec![Task {
            node,
            form,
            subject: Subject::Unnamed,
        }];
        while let Some(task) = waiting.pop() {
            self.check_one(task, &mut waiting);
        }
    }

    /// Checks a value, and leaves what is inside it for later.
    fn check_one<'n>(&mut self, task: Task<'n>, waiting: &mut Vec<Task<'n>>) {
        let Task { node, form, .. } = task;
        let Some(kind) = Kind::of(&node.value) else {
            return;
        };
        if !form.takes(kind) {
            self.mismatch(task, kind);
            return;
        }
        match (form, &node.value) {
            (Form::Either(forms), _) => {
                let fitting = forms.iter().find(|form| form.takes(kind));
                waiting.extend(fitting.map(|form| task.of(node, form)));
            }
            (Form::OneOrMore(_), NodeValue::List(items)) if items.is_empty() => {
                let message = task.subject.must_be("one or several, found an empty list");
                self.error_with_help(
                    node.span,
                    ProblemCode::PolicyWrongType,
                    message,
                    "leave the key out to name none",
                );
            }
            (
                Form::List(entry) | Form::OneOrMany(entry) | Form::OneOrMore(entry),
                NodeValue::List(items),
            ) => {
                waiting.extend(items.iter().map(|item| Task {
                    node: item,
                    form: entry,
                    subject: task.subject.entry(),
                }));
            }
            (Form::OneOrMany(one) | Form::OneOrMore(one), _) => waiting.push(task.of(node, one)),
            (Form::Headed(first, others), NodeValue::List(items)) => {
                self.check_headed(task, items, first, others, waiting);
            }
            (Form::Map(shape), NodeValue::Map(entries)) => {
                self.check_map(node, entries, shape, waiting);
            }
            (Form::MapOf(rule, form), NodeValue::Map(entries)) => {
                for (key, value) in entries {
                    if let Some(rule) = rule {
                        self.check_name(&key.value, key.span, rule);
                    }
                    waiting.push(Task {
                        node: value,
                        form,
                        subject: task.subject.value(),
                    });
                }
            }
            // Numbers are judged wherever they stand: none may be rounded later.
            (Form::Object | Form::Any, NodeValue::Map(entries)) => {
                waiting.extend(entries.iter().map(|(_, value)| task.of(value, &Form::Any)));
            }
            (Form::Any, NodeValue::List(items)) => {
                waiting.extend(items.iter().map(|item| task.of(item, &Form::Any)));
            }
            (_, NodeValue::Number(number)) => self.check_number(task, number),
            (_, NodeValue::Bool(false)) if matches!(form, Form::TrueOrCondition) => {
                let message = task.subject.must_be("`true` or a condition, found `false`");
                self.error_with_help(
                    node.span,
                    ProblemCode::PolicyUnknownValue,
                    message,
                    "a rule that never says anything is left out",
                );
            }
            (_, NodeValue::String(text)) => {
                self.check_text(task, &text.value, text.span());
            }
            _ => {}
        }
    }

    fn check_text(&mut self, task: Task<'_>, text: &str, span: Span) {
        match task.form {
            Form::Name(rule) => self.check_name(text, span, rule),
            Form::Words(known) => self.check_word(task, text, span, known),
            Form::Duration => {
                let message = match Duration::parse_with_days(text) {
                    Ok(duration) if duration > Duration::ZERO => return,
                    Ok(_) => format!("{} is not longer than nothing", quoted(text)),
                    Err(error) => unreadable(text, "duration", error),
                };
                let help = "write for example `15m`, `4h` or `1d`";
                self.error_with_help(span, ProblemCode::PolicyTime, message, help);
            }
            Form::Timestamp => {
                if let Err(error) = Timestamp::parse(text) {
                    let message = unreadable(text, "time", error);
                    let help =
                        "write for example `2026-01-05T10:00:00Z`, or `+01:00` instead of the `Z`";
                    self.error_with_help(span, ProblemCode::PolicyTime, message, help);
                }
            }
            _ => {}
        }
    }

    fn check_name(&mut self, name: &str, span: Span, rule: &NameRule) {
        if rule.accepts(name) {
            return;
        }
        let message = format!("{} cannot be {}", quoted(name), rule.what);
        let help = match rule.nearest(name) {
            Some(near) => format!("write `{near}`: {}", rule.help),
            None => String::from(rule.help),
        };
        self.error_with_help(span, ProblemCode::PolicyName, message, help);
    }

    fn check_word(&mut self, task: Task<'_>, word: &str, span: Span, known: &Words) {
        if known.names.contains(&word) {
            return;
        }
        if let Some((word, help)) = known.later.iter().find(|(later, _)| *later == word) {
            let message = format!("this version does not have `{word}`");
            self.error_with_help(span, ProblemCode::PolicyNotAvailable, message, help);
            return;
        }
        let wanted = task.subject.must_be(&known.expected());
        let message = format!("{wanted}, found {}", quoted(word));
        let meant = nearest(word, known.names.iter().copied());
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => String::from(known.help),
        };
        self.error_with_help(span, ProblemCode::PolicyUnknownValue, message, help);
    }

    fn check_number(&mut self, task: Task<'_>, number: &str) {
        let span = task.node.span;
        if let Form::Whole(least, most) = task.form {
            let value = number.parse::<u32>().ok();
            if value.is_none_or(|value| !(*least..=*most).contains(&value)) {
                let message = format!(
                    "{}, found the number {}",
                    task.subject.must_be(&task.form.expected()),
                    quoted(number)
                );
                self.error(span, ProblemCode::PolicyOutOfRange, message, |problem| {
                    problem
                });
            }
        } else if let Err(error) = Number::parse(number) {
            let message = format!("{} cannot be kept exactly: {error}", quoted(number));
            self.error_with_help(
                span,
                ProblemCode::PolicyNumber,
                message,
                "numbers are never rounded; put it in quotes if it is an identifier",
            );
        }
    }

    fn check_headed<'n>(
        &mut self,
        task: Task<'n>,
        items: &'n [Node],
        first: &'static Form,
        others: &'static Form,
        waiting: &mut Vec<Task<'n>>,
    ) {
        let Some((head, rest)) = items.split_first() else {
            let wanted = task.subject.first().must_be(&first.expected());
            let message = format!("the list is empty: {wanted}");
            self.error_with_help(task.node.span, ProblemCode::PolicyOutOfRange, message, "");
            return;
        };
        waiting.push(Task {
            node: head,
            form: first,
            subject: task.subject.first(),
        });
        waiting.extend(rest.iter().map(|node| Task {
            node,
            form: others,
            subject: task.subject.entry(),
        }));
    }
}

/// That a text is no time or duration, and why unless that says the same again.
fn unreadable(text: &str, what: &str, error: TimeError) -> String {
    match error {
        TimeError::TimestampSyntax | TimeError::DurationSyntax => {
            format!("{} is no {what}", quoted(text))
        }
        error => format!("{} is no {what}: {error}", quoted(text)),
    }
}
