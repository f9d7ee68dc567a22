//! Holding a tree of values against the description of a format, with every problem reported.
//!
//! [`Decoder::check`] walks a file and a [`Form`] side by side and reports whatever does not fit;
//! after it, reading the values (`fields`) is silent, because what is missing or of the wrong type
//! was told already. Decoders of single sections report through [`Decoder::error`] what no
//! description can say. What is [`NodeValue::Invalid`] was reported by a parser: it is passed over.

use stage0_engine::number::Number;
use stage0_engine::span::{Span, Spanned};
use stage0_engine::time::{Duration, Timestamp};

use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::{Problem, Problems};
use crate::shape::{Form, Key, Kind, NameRule, Presence, Shape, Words, words};
use crate::sources::Sources;
use crate::suggest::nearest;
use crate::tree::{Node, NodeValue, is_json_number};

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

    /// Reports an error with help.
    pub(crate) fn error_with_help(
        &mut self,
        span: Span,
        code: ProblemCode,
        message: impl AsRef<str>,
        help: impl AsRef<str>,
    ) {
        self.error(span, code, message, |problem| problem.help(help));
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
            (Form::List(entry) | Form::OneOrMany(entry), NodeValue::List(items)) => {
                waiting.extend(items.iter().map(|item| Task {
                    node: item,
                    form: entry,
                    subject: task.subject.entry(),
                }));
            }
            (Form::OneOrMany(one), _) => waiting.push(task.of(node, one)),
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
                let error = match Duration::parse_with_days(text) {
                    Ok(duration) if duration <= Duration::ZERO => {
                        String::from("a time to last is longer than none")
                    }
                    Ok(_) => return,
                    Err(error) => error.to_string(),
                };
                self.error_with_help(
                    span,
                    ProblemCode::PolicyTime,
                    format!("{} is no duration: {error}", quoted(text)),
                    "write for example `15m`, `4h` or `1d`",
                );
            }
            Form::Timestamp => {
                if let Err(error) = Timestamp::parse(text) {
                    self.error_with_help(
                        span,
                        ProblemCode::PolicyTime,
                        format!("{} is no time: {error}", quoted(text)),
                        "write for example `2026-01-05T10:00:00Z` or `2026-01-05T10:00:00+01:00`",
                    );
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
        let expected = words(known.names, "or");
        let message = format!(
            "{}, found {}",
            task.subject.must_be(&expected),
            quoted(word)
        );
        let meant = nearest(word, known.names.iter().copied());
        self.error(
            span,
            ProblemCode::PolicyUnknownValue,
            message,
            |problem| match (meant, known.help) {
                (Some(meant), _) => problem.help(format!("did you mean `{meant}`?")),
                (None, "") => problem,
                (None, help) => problem.help(help),
            },
        );
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
            let message = format!(
                "{}, found none",
                task.subject.must_be("a list of at least one")
            );
            self.error(
                task.node.span,
                ProblemCode::PolicyOutOfRange,
                message,
                |problem| problem,
            );
            return;
        };
        let subject = task.subject.entry();
        waiting.push(Task {
            node: head,
            form: first,
            subject,
        });
        waiting.extend(rest.iter().map(|node| Task {
            node,
            form: others,
            subject,
        }));
    }

    fn check_map<'n>(
        &mut self,
        node: &'n Node,
        entries: &'n [(Spanned<String>, Node)],
        shape: &'static Shape,
        waiting: &mut Vec<Task<'n>>,
    ) {
        // Keys that an unknown key was taken for: whoever misses them is told already.
        let mut misspelled = Vec::new();
        let mut found: Vec<(&'static Key, Span)> = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            match shape.key(&name.value) {
                Some(key) => {
                    found.push((key, name.span));
                    if let Presence::Later(help) = key.presence {
                        let message = format!("this version does not have `{}`", key.name);
                        self.error_with_help(
                            name.span,
                            ProblemCode::PolicyNotAvailable,
                            message,
                            help,
                        );
                    } else {
                        waiting.push(Task {
                            node: value,
                            form: &key.form,
                            subject: Subject::Key(key.name),
                        });
                    }
                }
                None => misspelled.extend(self.unknown_key(name, entries, shape)),
            }
        }
        for key in shape.keys() {
            let place = |name: &str| {
                let found = found.iter().find(|(key, _)| key.name == name);
                found.map(|(_, span)| *span)
            };
            match (key.presence, place(key.name)) {
                (Presence::Required(help), None) if !misspelled.contains(&key.name) => {
                    let message = format!("{} needs `{}`", shape.what, key.name);
                    self.error(
                        beginning(node, entries),
                        ProblemCode::PolicyMissingKey,
                        message,
                        |problem| match help {
                            "" => problem,
                            help => problem.help(help),
                        },
                    );
                }
                (Presence::With(other), Some(span))
                    if place(other).is_none() && !misspelled.contains(&other) =>
                {
                    let message = format!("`{}` means something only beside `{other}`", key.name);
                    self.error(span, ProblemCode::PolicyMissingKey, message, |problem| {
                        problem
                    });
                }
                _ => {}
            }
        }
        self.check_choice(node, entries, shape, &found, &misspelled);
    }

    /// Reports that none, or more than one, of the keys is there of which there has to be one.
    fn check_choice(
        &mut self,
        node: &Node,
        entries: &[(Spanned<String>, Node)],
        shape: &Shape,
        found: &[(&'static Key, Span)],
        misspelled: &[&str],
    ) {
        let mut chosen = found
            .iter()
            .filter(|(key, _)| shape.one_of.contains(&key.name));
        match (chosen.next(), chosen.next()) {
            (None, _) => {
                let is_told = shape.one_of.iter().any(|key| misspelled.contains(key));
                if !is_told && !shape.one_of.is_empty() {
                    let message =
                        format!("{} needs one of {}", shape.what, words(shape.one_of, "or"));
                    self.error(
                        beginning(node, entries),
                        ProblemCode::PolicyMissingKey,
                        message,
                        |problem| problem,
                    );
                }
            }
            (Some((first, first_span)), Some((second, span))) => {
                let message = format!(
                    "`{}` and `{}` in one: {} takes one of them",
                    first.name, second.name, shape.what
                );
                self.error_and_first(
                    *span,
                    ProblemCode::PolicyConflictingKeys,
                    message,
                    (*first_span, "the other one"),
                    format!("keep one of {}", words(shape.one_of, "or")),
                );
            }
            (Some(_), None) => {}
        }
    }

    /// Reports a key that has no meaning; the key that was probably meant.
    fn unknown_key(
        &mut self,
        name: &Spanned<String>,
        entries: &[(Spanned<String>, Node)],
        shape: &'static Shape,
    ) -> Option<&'static str> {
        let known: Vec<&str> = shape
            .keys()
            .filter(|key| key.is_known())
            .map(|key| key.name)
            .collect();
        let meant = nearest(&name.value, known.iter().copied())
            // A key that is there as well was not misspelled here.
            .filter(|meant| !entries.iter().any(|(other, _)| other.value == *meant));
        let message = format!("unknown key {} in {}", quoted(&name.value), shape.what);
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the keys of {} are {}", shape.what, words(&known, "and")),
        };
        self.error_with_help(name.span, ProblemCode::PolicyUnknownKey, message, help);
        meant.and_then(|meant| shape.key(meant)).map(|key| key.name)
    }

    /// Reports that a value is of another kind than its form takes, with help where the remedy is
    /// plain.
    fn mismatch(&mut self, task: Task<'_>, kind: Kind) {
        let Task {
            node,
            form,
            subject,
        } = task;
        let found = match &node.value {
            NodeValue::Null | NodeValue::Invalid => String::from("nothing"),
            NodeValue::Bool(value) => format!("`{value}`"),
            NodeValue::Number(number) => format!("the number {}", quoted(number)),
            NodeValue::String(text) => format!("the text {}", quoted(&text.value)),
            NodeValue::List(_) => String::from("a list"),
            NodeValue::Map(_) => String::from("a map"),
        };
        let expected = match (form, subject) {
            // The list's name says less than what its entries are.
            (Form::Map(shape), Subject::Unnamed | Subject::EntryOf(_)) => {
                format!("{}, as a map", shape.what)
            }
            _ => form.expected(),
        };
        let message = format!("{}, found {found}", subject.must_be(&expected));
        let help = remedy(&node.value, kind, form, subject);
        self.error(
            node.span,
            ProblemCode::PolicyWrongType,
            message,
            |problem| match help {
                Some(help) => problem.help(help),
                None => problem,
            },
        );
    }
}

/// Where a map begins: its first key. A problem of the map as a whole is shown there, because its
/// span may have hundreds of lines.
fn beginning(node: &Node, entries: &[(Spanned<String>, Node)]) -> Span {
    entries.first().map_or(node.span, |(key, _)| key.span)
}

/// What to do about a value of the wrong kind, where that can be told.
fn remedy(value: &NodeValue, kind: Kind, form: &Form, subject: Subject) -> Option<String> {
    const AS_LIST: &str = "write each entry on a line of its own behind `- `, or all in `[]`";
    let takes = |kind| form.takes(kind);
    let help = match (kind, value) {
        (Kind::Null, _) => match subject {
            Subject::EntryOf(_) => "write the entry behind the `-`",
            _ if takes(Kind::Map) => "write its keys below it, or `{}` if there is nothing to say",
            _ => "write the value behind the `:`",
        },
        (_, NodeValue::Number(written)) if takes(Kind::Text) => {
            return Some(format!("put it in quotes: `\"{written}\"`"));
        }
        (_, NodeValue::Bool(written)) if takes(Kind::Text) => {
            return Some(format!("put it in quotes: `\"{written}\"`"));
        }
        (Kind::List | Kind::Map, _)
            if takes(Kind::Text) && !takes(Kind::List) && !takes(Kind::Map) =>
        {
            "put text that begins with `[` or `{`, or contains `: `, in single quotes"
        }
        (_, NodeValue::String(text))
            if takes(Kind::Number) && is_json_number(&text.value)
                || takes(Kind::Bool) && matches!(text.value.as_str(), "true" | "false") =>
        {
            return Some(format!("remove the quotes: `{}`", text.value));
        }
        (Kind::Text | Kind::Map, _) if takes(Kind::List) => AS_LIST,
        _ => return None,
    };
    Some(String::from(help))
}
