//! Maps with known keys: which are unknown, missing, too many or too early.

use stage0_engine::span::{Span, Spanned};

use super::{Decoder, Subject, Task};
use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::shape::{Key, Presence, Shape, words};
use crate::suggest::nearest;
use crate::tree::{Entry, Node, NodeValue};

/// What JSON Schema and the policy languages that people come from call a key, and what it is here. It
/// is only said where our key has a meaning.
const WORDS_OF_OTHERS: [(&str, &str); 42] = [
    ("actions", "tools"),
    ("additionalProperties", "extra"),
    ("aliases", "aka"),
    ("apiVersion", "stage0"),
    ("approvers", "roles"),
    ("arguments", "args"),
    ("block", "deny"),
    ("code", "issue"),
    ("condition", "when"),
    ("constants", "params"),
    ("decision", "expect"),
    ("expected", "expect"),
    ("expires", "ttl"),
    ("forbid", "deny"),
    ("if", "when"),
    ("import", "extends"),
    ("imports", "extends"),
    ("include", "extends"),
    ("input", "call"),
    ("inputSchema", "args"),
    ("input_schema", "args"),
    ("locals", "let"),
    ("maxItems", "length"),
    ("maxLength", "length"),
    ("maximum", "max"),
    ("minItems", "length"),
    ("minLength", "length"),
    ("minimum", "min"),
    ("name", "id"),
    ("parameters", "args"),
    ("permit", "allow"),
    ("policies", "rules"),
    ("question", "ask"),
    ("reason", "message"),
    ("result", "expect"),
    ("statements", "rules"),
    ("timeout", "ttl"),
    ("tool", "tools"),
    ("tool_call", "call"),
    ("variables", "let"),
    ("want", "expect"),
    ("where", "when"),
];

impl Decoder<'_> {
    pub(super) fn check_map<'n>(
        &mut self,
        node: &'n Node,
        entries: &'n [Entry],
        shape: &'static Shape,
        waiting: &mut Vec<Task<'n>>,
    ) {
        let mut keys = Keys::default();
        for (name, value) in entries {
            let Some(key) = shape.key(&name.value) else {
                let meant = self.unknown_key(name, value, entries, shape);
                keys.misspelled.extend(meant);
                continue;
            };
            keys.found.push((key, name.span));
            waiting.push(Task {
                node: value,
                form: &key.form,
                subject: Subject::Key(key.name),
            });
        }
        // A problem of the map as a whole is shown at its first key, because its span may have
        // hundreds of lines.
        let beginning = entries.first().map_or(node.span, |(key, _)| key.span);
        self.check_presence(beginning, shape, &keys);
        self.check_choice(beginning, shape, &keys);
    }

    /// Reports keys that are missing, or that miss another one.
    fn check_presence(&mut self, beginning: Span, shape: &'static Shape, keys: &Keys) {
        for key in shape.keys() {
            match key.presence {
                Presence::Required(help) if !keys.is_told(key.name) => {
                    let message = format!("{} needs `{}`", shape.what, key.name);
                    let code = ProblemCode::PolicyMissingKey;
                    self.error_with_help(beginning, code, message, help);
                }
                Presence::With(other) if !keys.is_told(other) => {
                    if let Some(span) = keys.span(key.name) {
                        let message =
                            format!("`{}` means something only beside `{other}`", key.name);
                        self.error_with_help(span, ProblemCode::PolicyMissingKey, message, "");
                    }
                }
                _ => {}
            }
        }
    }

    /// Reports that none, or more than one, of the keys is there of which there has to be one.
    fn check_choice(&mut self, beginning: Span, shape: &'static Shape, keys: &Keys) {
        let choice = &shape.one_of;
        let mut chosen = keys
            .found
            .iter()
            .filter(|(key, _)| choice.keys.contains(&key.name));
        match (chosen.next(), chosen.next()) {
            (None, _) => {
                let is_told = choice.keys.iter().any(|key| keys.is_told(key));
                if !is_told && !choice.keys.is_empty() {
                    let message =
                        format!("{} needs one of {}", shape.what, words(choice.keys, "or"));
                    let code = ProblemCode::PolicyMissingKey;
                    self.error_with_help(beginning, code, message, choice.help);
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
                    format!("keep one of {}", words(choice.keys, "or")),
                );
            }
            (Some(_), None) => {}
        }
    }

    /// Reports a key that has no meaning; the key that was probably meant.
    #[inline(never)]
    fn unknown_key(
        &mut self,
        name: &Spanned<String>,
        value: &Node,
        entries: &[Entry],
        shape: &'static Shape,
    ) -> Option<&'static str> {
        let known: Vec<&'static str> = shape.keys().map(|key| key.name).collect();
        // A key that is there as well was not meant here.
        let is_free = |meant: &&str| !entries.iter().any(|(other, _)| other.value == **meant);
        let meant = nearest(&name.value, known.iter().copied()).filter(is_free);
        let listed: Vec<&str> = known
            .iter()
            .copied()
            .filter(|key| !key.starts_with('$'))
            .collect();
        // In braces a comma ends an unquoted value, and what follows it becomes a key alone.
        let is_alone = value.value == NodeValue::Null && value.span == name.span;
        let is_expression = name
            .value
            .contains([' ', '(', ')', '.', '"', '\'', '[', ']']);
        let elsewhere = WORDS_OF_OTHERS
            .iter()
            .find(|(other, ours)| *other == name.value && known.contains(ours))
            .map(|(_, ours)| *ours)
            .filter(is_free);
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if is_alone && is_expression => String::from(
                "in `{}` a comma ends an unquoted value: put the value before it in single quotes",
            ),
            None => match elsewhere {
                Some(ours) => format!("here this is `{ours}`"),
                None => format!("the keys of {} are {}", shape.what, words(&listed, "and")),
            },
        };
        let message = format!("unknown key {} in {}", quoted(&name.value), shape.what);
        self.error_with_help(name.span, ProblemCode::PolicyUnknownKey, message, help);
        let meant = meant.or(elsewhere);
        known.into_iter().find(|key| Some(*key) == meant)
    }
}

/// The keys of a map that have a meaning.
#[derive(Debug, Default)]
struct Keys {
    found: Vec<(&'static Key, Span)>,
    /// Keys that an unknown key was taken for: whoever misses them is told already.
    misspelled: Vec<&'static str>,
}

impl Keys {
    fn span(&self, name: &str) -> Option<Span> {
        let found = self.found.iter().find(|(key, _)| key.name == name);
        found.map(|(_, span)| *span)
    }

    /// Whether a key is there, or was told to be misspelled.
    fn is_told(&self, name: &str) -> bool {
        self.span(name).is_some() || self.misspelled.contains(&name)
    }
}
