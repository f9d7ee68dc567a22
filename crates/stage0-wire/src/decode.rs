//! From a tree of values to typed data, with every problem reported.
//!
//! A [`Decoder`] offers readers for the shapes that a policy is made of: text, numbers, words of a
//! fixed set, lists, maps with known keys and maps with keys of the author's. A reader returns
//! `None` after reporting why, so a caller reads all the fields first and gives up with `?` last.
//! What is [`NodeValue::Invalid`] was reported before: readers stay silent about it. The format of
//! policies is not known here.
//!
//! ```
//! use stage0_wire::decode::Decoder;
//! use stage0_wire::problem::Problems;
//! use stage0_wire::sources::Sources;
//! use stage0_wire::tree::{Node, Tree};
//!
//! struct Quota {
//!     name: String,
//!     max: u64,
//!     per: Vec<String>,
//! }
//!
//! fn quota(decoder: &mut Decoder<'_>, node: &Node) -> Option<Quota> {
//!     let fields = decoder.map(node, "a quota", &["name", "max", "per"])?;
//!     let name = decoder.required(&fields, "name", Decoder::string);
//!     let max = decoder.required(&fields, "max", |decoder, node| decoder.integer(node, 1..=1000));
//!     let per = decoder.optional(&fields, "per", Decoder::string_or_strings);
//!     Some(Quota {
//!         name: name?.value,
//!         max: max?.value,
//!         per: per.unwrap_or_default().into_iter().map(|fact| fact.value).collect(),
//!     })
//! }
//!
//! let mut sources = Sources::new();
//! let file = sources.add("quota.yaml", "name: mails\nmax: 0\npre: actor\n").unwrap();
//! let mut decoder = Decoder::new(&sources, Problems::new());
//! let tree = Tree::parse(&sources, file, decoder.problems()).unwrap();
//! assert!(quota(&mut decoder, &tree.root).is_none());
//! let problems = decoder.finish().finish();
//! let messages: Vec<_> = problems.iter().map(|problem| problem.message()).collect();
//! assert_eq!(
//!     messages,
//!     [
//!         "`max` must be a whole number from 1 to 1000, found the number `0`",
//!         "unknown key `pre` in a quota",
//!     ]
//! );
//! ```

use std::ops::RangeInclusive;

use stage0_engine::span::{Span, Spanned};

use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::{Problem, Problems};
use crate::sources::Sources;
use crate::suggest::nearest;
use crate::tree::{Node, NodeValue, Text, is_json_number};

/// Reads typed data out of nodes and collects what is wrong.
#[derive(Debug)]
pub struct Decoder<'s> {
    sources: &'s Sources,
    problems: Problems,
    subject: Subject,
}

/// What is being read, for messages.
#[derive(Debug, Clone, Copy)]
enum Subject {
    Unnamed,
    /// The value of a key.
    Key(&'static str),
    /// An entry of the list that is the value of a key.
    EntryOf(&'static str),
    /// A value in a map whose keys are the author's.
    ValueIn(&'static str),
}

/// A map whose keys were checked against those that have a meaning.
#[derive(Debug, Clone)]
pub struct Fields<'n> {
    what: &'static str,
    span: Span,
    keys: &'static [&'static str],
    entries: &'n [(Spanned<String>, Node)],
    /// Keys that an unknown key was taken for: whoever misses them is told already.
    misspelled: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Where the map stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// Where a key is written.
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.entry(key).map(|(key, _)| key.span)
    }

    /// Whether a key is there, with whatever value.
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    fn entry(&self, key: &str) -> Option<&'n (Spanned<String>, Node)> {
        debug_assert!(
            self.keys.contains(&key),
            "`{key}` is none of the keys of {}",
            self.what
        );
        self.entries.iter().find(|(name, _)| name.value == key)
    }
}

impl<'s> Decoder<'s> {
    /// A decoder that adds to what was found so far.
    pub fn new(sources: &'s Sources, problems: Problems) -> Self {
        Self {
            sources,
            problems,
            subject: Subject::Unnamed,
        }
    }

    /// The files that the nodes come from.
    pub fn sources(&self) -> &'s Sources {
        self.sources
    }

    /// What was found so far, to add to it.
    pub fn problems(&mut self) -> &mut Problems {
        &mut self.problems
    }

    /// What was found.
    pub fn finish(self) -> Problems {
        self.problems
    }

    /// Reports an error at a place. `complete` adds help and related places, if any.
    pub fn error(
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

    /// A map with known keys; others are reported. `what` is what it describes, as in `a rule`.
    pub fn map<'n>(
        &mut self,
        node: &'n Node,
        what: &'static str,
        keys: &'static [&'static str],
    ) -> Option<Fields<'n>> {
        let entries = self.entries_of(node, what)?;
        let mut misspelled = Vec::new();
        for (key, _) in entries {
            if keys.contains(&key.value.as_str()) {
                continue;
            }
            let meant = nearest(&key.value, keys.iter().copied())
                // A key that is there as well was not misspelled here.
                .filter(|meant| !entries.iter().any(|(other, _)| other.value == *meant));
            let message = format!("unknown key {} in {what}", quoted(&key.value));
            self.error(
                key.span,
                ProblemCode::PolicyUnknownKey,
                message,
                |problem| match meant {
                    Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                    None => problem.help(format!("the keys of {what} are {}", words(keys, "and"))),
                },
            );
            misspelled.extend(meant);
        }
        Some(Fields {
            what,
            span: node.span,
            keys,
            entries,
            misspelled,
        })
    }

    /// A map whose keys are the author's, in the order in which they are written. Entries that
    /// `read` refuses are left out.
    pub fn entries<'n, T>(
        &mut self,
        node: &'n Node,
        what: &'static str,
        mut read: impl FnMut(&mut Self, &'n Spanned<String>, &'n Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let entries = self.entries_of(node, what)?;
        let values = self.about(Subject::ValueIn(what), |decoder| {
            let mut values = Vec::with_capacity(entries.len());
            for (key, node) in entries {
                values.extend(read(decoder, key, node));
            }
            values
        });
        Some(values)
    }

    /// The value of a key that must be there.
    pub fn required<'n, T>(
        &mut self,
        fields: &Fields<'n>,
        key: &'static str,
        read: impl FnOnce(&mut Self, &'n Node) -> Option<T>,
    ) -> Option<T> {
        if !fields.has(key) && !fields.misspelled.contains(&key) {
            let message = format!("{} needs `{key}`", fields.what);
            self.error(
                fields.span,
                ProblemCode::PolicyMissingKey,
                message,
                |problem| problem,
            );
        }
        self.optional(fields, key, read)
    }

    /// The value of a key, if it is there.
    pub fn optional<'n, T>(
        &mut self,
        fields: &Fields<'n>,
        key: &'static str,
        read: impl FnOnce(&mut Self, &'n Node) -> Option<T>,
    ) -> Option<T> {
        let node = fields.get(key)?;
        self.about(Subject::Key(key), |decoder| read(decoder, node))
    }

    /// The one of several keys that is there; none or more than one is reported.
    pub fn exactly_one<'n>(
        &mut self,
        fields: &Fields<'n>,
        keys: &'static [&'static str],
    ) -> Option<(&'static str, &'n Node)> {
        let found = self.at_most_one(fields, keys);
        let is_told = keys
            .iter()
            .any(|key| fields.has(key) || fields.misspelled.contains(key));
        if !is_told {
            let message = format!("{} needs one of {}", fields.what, words(keys, "or"));
            self.error(
                fields.span,
                ProblemCode::PolicyMissingKey,
                message,
                |problem| problem,
            );
        }
        found
    }

    /// The one of several keys that is there, if any; more than one is reported.
    pub fn at_most_one<'n>(
        &mut self,
        fields: &Fields<'n>,
        keys: &'static [&'static str],
    ) -> Option<(&'static str, &'n Node)> {
        let mut found = keys
            .iter()
            .filter_map(|key| Some((*key, fields.get(key)?, fields.key_span(key)?)));
        let (first, node, first_span) = found.next()?;
        if let Some((second, _, second_span)) = found.next() {
            let (earlier, later) = if first_span < second_span {
                ((first, first_span), (second, second_span))
            } else {
                ((second, second_span), (first, first_span))
            };
            let message = format!(
                "`{}` and `{}` in one: {} takes one of them",
                earlier.0, later.0, fields.what
            );
            let sources = self.sources;
            self.error(
                later.1,
                ProblemCode::PolicyConflictingKeys,
                message,
                |problem| {
                    problem
                        .related(sources, earlier.1, "the other one")
                        .help(format!("keep one of {}", words(keys, "or")))
                },
            );
            return None;
        }
        Some((first, node))
    }

    /// Text, which knows where each part of it stands.
    pub fn text<'n>(&mut self, node: &'n Node) -> Option<&'n Text> {
        match &node.value {
            NodeValue::String(text) => Some(text),
            _ => self.mismatch(node, "text"),
        }
    }

    /// Text, as a string of its own.
    pub fn string(&mut self, node: &Node) -> Option<Spanned<String>> {
        let text = self.text(node)?;
        Some(Spanned::new(text.value.clone(), text.span()))
    }

    /// `true` or `false`.
    pub fn bool(&mut self, node: &Node) -> Option<Spanned<bool>> {
        match &node.value {
            NodeValue::Bool(value) => Some(Spanned::new(*value, node.span)),
            _ => self.mismatch(node, "`true` or `false`"),
        }
    }

    /// A number, as it was written.
    pub fn number<'n>(&mut self, node: &'n Node) -> Option<Spanned<&'n str>> {
        match &node.value {
            NodeValue::Number(number) => Some(Spanned::new(number, node.span)),
            _ => self.mismatch(node, "a number"),
        }
    }

    /// A whole number within a range.
    pub fn integer(&mut self, node: &Node, range: RangeInclusive<u64>) -> Option<Spanned<u64>> {
        let (least, most) = (range.start(), range.end());
        let expected = match *most {
            u64::MAX => format!("a whole number of at least {least}"),
            _ => format!("a whole number from {least} to {most}"),
        };
        let NodeValue::Number(number) = &node.value else {
            return self.mismatch(node, &expected);
        };
        let value = number.parse().ok().filter(|value| range.contains(value));
        if value.is_none() {
            let message = format!(
                "{}, found the number {}",
                self.must_be(&expected),
                quoted(number)
            );
            self.error(
                node.span,
                ProblemCode::PolicyOutOfRange,
                message,
                |problem| problem,
            );
        }
        Some(Spanned::new(value?, node.span))
    }

    /// One of some words, and what it stands for.
    pub fn choice<T: Copy>(&mut self, node: &Node, choices: &[(&str, T)]) -> Option<Spanned<T>> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let expected = words(&names, "or");
        let NodeValue::String(text) = &node.value else {
            return self.mismatch(node, &expected);
        };
        let chosen = choices.iter().find(|(name, _)| *name == text.value);
        if chosen.is_none() {
            let message = format!("{}, found {}", self.must_be(&expected), quoted(&text.value));
            let meant = nearest(&text.value, names);
            self.error(
                node.span,
                ProblemCode::PolicyUnknownValue,
                message,
                |problem| match meant {
                    Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                    None => problem,
                },
            );
        }
        Some(Spanned::new(chosen?.1, node.span))
    }

    /// A list. Entries that `read` refuses are left out.
    pub fn list<'n, T>(
        &mut self,
        node: &'n Node,
        read: impl FnMut(&mut Self, &'n Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        match &node.value {
            NodeValue::List(items) => Some(self.each(items, read)),
            _ => self.mismatch(node, "a list"),
        }
    }

    /// A list of texts.
    pub fn strings(&mut self, node: &Node) -> Option<Vec<Spanned<String>>> {
        self.list(node, Self::string)
    }

    /// A list, or a single entry without brackets.
    pub fn one_or_list<'n, T>(
        &mut self,
        node: &'n Node,
        mut read: impl FnMut(&mut Self, &'n Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        match &node.value {
            NodeValue::List(items) => Some(self.each(items, read)),
            _ => Some(vec![read(self, node)?]),
        }
    }

    /// A text, or a list of texts.
    pub fn string_or_strings(&mut self, node: &Node) -> Option<Vec<Spanned<String>>> {
        match &node.value {
            NodeValue::List(items) => Some(self.each(items, Self::string)),
            NodeValue::String(_) => Some(vec![self.string(node)?]),
            _ => self.mismatch(node, "text or a list of texts"),
        }
    }

    /// Reports that a node is of another type than expected, with help where the remedy is plain.
    /// Always `None`, so that readers of other shapes can end with it.
    pub fn mismatch<T>(&mut self, node: &Node, expected: &str) -> Option<T> {
        let wanted = self.must_be(expected);
        self.unfit(node, &wanted, expected)
    }

    /// Reports a node that is not what is `wanted`, unless that was done before.
    fn unfit<T>(&mut self, node: &Node, wanted: &str, expected: &str) -> Option<T> {
        let is_written =
            !matches!(node.value, NodeValue::Null) || self.sources.slice(node.span) == "null";
        let found = match &node.value {
            NodeValue::Invalid => return None,
            NodeValue::Null if is_written => String::from("`null`"),
            NodeValue::Null => String::from("nothing"),
            NodeValue::Bool(value) => format!("`{value}`"),
            NodeValue::Number(number) => format!("the number {}", quoted(number)),
            NodeValue::String(text) => format!("the text {}", quoted(&text.value)),
            NodeValue::List(_) => String::from("a list"),
            NodeValue::Map(_) => String::from("a map"),
        };
        let message = format!("{wanted}, found {found}");
        let help = if is_written {
            remedy(node, expected)
        } else {
            Some(String::from(match self.subject {
                Subject::EntryOf(_) => "write the entry behind the `-`, or remove the line",
                _ => "write the value behind the `:`",
            }))
        };
        self.error(
            node.span,
            ProblemCode::PolicyWrongType,
            message,
            |problem| match help {
                Some(help) => problem.help(help),
                None => problem,
            },
        );
        None
    }

    fn entries_of<'n>(
        &mut self,
        node: &'n Node,
        what: &'static str,
    ) -> Option<&'n [(Spanned<String>, Node)]> {
        match (&node.value, self.subject) {
            (NodeValue::Map(entries), _) => Some(entries),
            (_, Subject::Key(_) | Subject::ValueIn(_)) => self.mismatch(node, "a map"),
            // What an entry of a list is says more than the list's name.
            (_, Subject::Unnamed | Subject::EntryOf(_)) => {
                self.unfit(node, &format!("{what} must be a map"), "a map")
            }
        }
    }

    fn each<'n, T>(
        &mut self,
        items: &'n [Node],
        mut read: impl FnMut(&mut Self, &'n Node) -> Option<T>,
    ) -> Vec<T> {
        let subject = match self.subject {
            Subject::Key(key) => Subject::EntryOf(key),
            other => other,
        };
        self.about(subject, |decoder| {
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                values.extend(read(decoder, item));
            }
            values
        })
    }

    /// Reads with another subject for messages.
    fn about<T>(&mut self, subject: Subject, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.subject, subject);
        let value = read(self);
        self.subject = outer;
        value
    }

    fn must_be(&self, expected: &str) -> String {
        match self.subject {
            Subject::Unnamed => format!("expected {expected}"),
            Subject::Key(key) => format!("`{key}` must be {expected}"),
            Subject::EntryOf(key) => format!("each entry of `{key}` must be {expected}"),
            Subject::ValueIn(what) => format!("each value in {what} must be {expected}"),
        }
    }
}

/// What to do about a value of the wrong type, where that can be told.
fn remedy(node: &Node, expected: &str) -> Option<String> {
    let wants_text = expected.starts_with("text");
    match &node.value {
        NodeValue::Number(written) if wants_text => {
            Some(format!("put it in quotes: `\"{written}\"`"))
        }
        NodeValue::Bool(written) if wants_text => {
            Some(format!("put it in quotes: `\"{written}\"`"))
        }
        NodeValue::List(_) | NodeValue::Map(_) if wants_text => Some(String::from(
            "put text that begins with `[` or `{`, or contains `: `, in single quotes",
        )),
        NodeValue::String(text) => {
            let is_number = expected.contains("number") && is_json_number(&text.value);
            let is_bool =
                expected.contains("`true`") && matches!(text.value.as_str(), "true" | "false");
            if is_number || is_bool {
                Some(format!("remove the quotes: `{}`", text.value))
            } else if expected == "a list" {
                Some(String::from(
                    "write each entry on a line of its own behind `- `, or all in `[]`",
                ))
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Words in backticks with commas, and a last one.
fn words(words: &[&str], last: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::from("nothing"),
        Some((only, [])) => only.clone(),
        Some((end, head)) => format!("{} {last} {end}", head.join(", ")),
    }
}
