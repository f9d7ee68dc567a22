//! What a file may say, as data: its maps, their keys and the form of each value.
//!
//! One description serves everybody: [`check`] holds a file against it and reports all that does not
//! fit, the decoders read what fitted, and `json_schema` writes it out for editors. A key, a word or
//! a range is therefore added in one place, together with its documentation. Descriptions are
//! statics that refer to each other, so they may be recursive, as schemas of arguments are.
//!
//! [`check`]: crate::decode::Decoder::check

use stage0_engine::reference::for_reference;

use crate::tree::NodeValue;

/// A map with known keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Its name among the definitions of the JSON Schema.
    pub(crate) name: &'static str,
    /// What it describes, with an article, for messages.
    pub(crate) what: &'static str,
    /// What it is, for the documentation.
    pub(crate) doc: &'static str,
    /// Its keys, in groups that several shapes may share.
    pub(crate) groups: &'static [&'static [Key]],
    /// Keys of which exactly one is there.
    pub(crate) one_of: OneOf,
}

/// Keys of which exactly one is there.
#[derive(Debug)]
pub(crate) struct OneOf {
    pub(crate) keys: &'static [&'static str],
    /// For those who gave none of them.
    pub(crate) help: &'static str,
}

impl OneOf {
    /// No such choice.
    pub(crate) const NONE: Self = Self {
        keys: &[],
        help: "",
    };
}

impl Shape {
    /// All keys, in the order of the documentation.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.groups.iter().flat_map(|group| group.iter())
    }

    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) doc: &'static str,
    pub(crate) presence: Presence,
}

/// When a key is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It may be left out.
    Optional,
    /// It may not be left out; with help for those who did, or an empty text.
    Required(&'static str),
    /// It means something only beside this other key.
    With(&'static str),
}

impl Key {
    /// A key that may be left out.
    pub(crate) const fn new(name: &'static str, form: Form, doc: &'static str) -> Self {
        Self {
            name,
            form,
            doc: for_reference(doc),
            presence: Presence::Optional,
        }
    }

    /// A key that may not be left out.
    pub(crate) const fn required(name: &'static str, form: Form, doc: &'static str) -> Self {
        Self {
            presence: Presence::Required(""),
            ..Self::new(name, form, doc)
        }
    }

    /// The same, with help for those who left it out.
    pub(crate) const fn or_help(self, help: &'static str) -> Self {
        Self {
            presence: Presence::Required(help),
            ..self
        }
    }

    /// The same, but only beside another key.
    pub(crate) const fn with(self, other: &'static str) -> Self {
        Self {
            presence: Presence::With(other),
            ..self
        }
    }
}

/// The kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Map,
}

impl Kind {
    /// The kind of a value; `None` for what was refused before.
    pub(crate) fn of(value: &NodeValue) -> Option<Self> {
        Some(match value {
            NodeValue::Null => Self::Null,
            NodeValue::Bool(_) => Self::Bool,
            NodeValue::Number(_) => Self::Number,
            NodeValue::String(_) => Self::Text,
            NodeValue::List(_) => Self::List,
            NodeValue::Map(_) => Self::Map,
            NodeValue::Invalid => return None,
        })
    }
}

/// The form of a value.
#[derive(Debug)]
pub(crate) enum Form {
    /// Text.
    Text,
    /// Text that is a name of some kind.
    Name(&'static NameRule),
    /// A condition, as text.
    Condition,
    /// `true`, or a condition.
    TrueOrCondition,
    /// `true` or `false`.
    Bool,
    /// A number that is kept exactly.
    Number,
    /// A whole number within a range.
    Whole(u32, u32),
    /// One of some words.
    Words(&'static Words),
    /// A span of time.
    Duration,
    /// A point in time.
    Timestamp,
    /// A list.
    List(&'static Form),
    /// One value, or a list of them.
    OneOrMany(&'static Form),
    /// One value, or a list of them that is not empty: where leaving the key out means all or any, an
    /// empty list would mean the opposite of what it says.
    OneOrMore(&'static Form),
    /// A list whose first entry differs from the others.
    Headed(&'static Form, &'static Form),
    /// A map with known keys.
    Map(&'static Shape),
    /// A map whose keys are the author's, perhaps names of some kind.
    MapOf(Option<&'static NameRule>, &'static Form),
    /// Any map.
    Object,
    /// Anything.
    Any,
    /// One of these, which differ in the kind of value.
    Either(&'static [Form]),
}

impl Form {
    /// Whether it takes values of a kind, whatever is inside.
    pub(crate) fn takes(&self, kind: Kind) -> bool {
        match self {
            Self::Text
            | Self::Name(_)
            | Self::Condition
            | Self::Words(_)
            | Self::Duration
            | Self::Timestamp => kind == Kind::Text,
            Self::TrueOrCondition => matches!(kind, Kind::Text | Kind::Bool),
            Self::Bool => kind == Kind::Bool,
            Self::Number | Self::Whole(..) => kind == Kind::Number,
            Self::List(_) | Self::Headed(..) => kind == Kind::List,
            Self::OneOrMany(one) | Self::OneOrMore(one) => kind == Kind::List || one.takes(kind),
            Self::Map(_) | Self::MapOf(..) | Self::Object => kind == Kind::Map,
            Self::Any => true,
            Self::Either(forms) => forms.iter().any(|form| form.takes(kind)),
        }
    }

    /// Whether it takes any text, whatever it says.
    pub(crate) fn takes_any_text(&self) -> bool {
        match self {
            Self::Text | Self::Name(_) | Self::Any => true,
            Self::OneOrMany(one) | Self::OneOrMore(one) => one.takes_any_text(),
            Self::Either(forms) => forms.iter().any(Self::takes_any_text),
            _ => false,
        }
    }

    /// What is expected, for messages.
    pub(crate) fn expected(&self) -> String {
        String::from(match self {
            Self::Text | Self::Name(_) => "text",
            Self::Condition => "a condition, as text",
            Self::TrueOrCondition => "`true` or a condition",
            Self::Bool => "`true` or `false`",
            Self::Number => "a number",
            Self::Whole(least, most) => {
                return format!("a whole number from {least} to {most}");
            }
            Self::Words(known) => return known.expected(),
            Self::Duration => "a duration such as `4h`",
            Self::Timestamp => "a time such as `2026-01-05T10:00:00Z`",
            Self::List(_) | Self::Headed(..) => "a list",
            Self::OneOrMany(one) | Self::OneOrMore(one) => {
                let one = one.expected();
                return match one.as_str() {
                    "text" => String::from("text or a list of texts"),
                    _ => format!("{one}, or a list"),
                };
            }
            Self::Map(_) | Self::MapOf(..) | Self::Object => "a map",
            Self::Any => "any value",
            Self::Either(forms) => {
                let forms: Vec<String> = forms.iter().map(Self::expected).collect();
                return enumeration(&forms, "or");
            }
        })
    }
}

/// Some words, and those that a later version will know.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) names: &'static [&'static str],
    /// How many of the names messages list; the others are synonyms.
    pub(crate) listed: usize,
    /// Refused, with help.
    pub(crate) later: &'static [(&'static str, &'static str)],
    /// What to tell those who wrote something else altogether, or an empty text.
    pub(crate) help: &'static str,
}

impl Words {
    pub(crate) const fn new(names: &'static [&'static str]) -> Self {
        Self {
            names,
            listed: names.len(),
            later: &[],
            help: "",
        }
    }

    /// The words in backticks, for messages.
    pub(crate) fn expected(&self) -> String {
        words(self.names.get(..self.listed).unwrap_or(self.names), "or")
    }
}

/// The first parts of some pairs: the words of a table of choices.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated by the compiler, which refuses an index out of bounds"
)]
pub(crate) const fn names<T: Copy, const N: usize>(
    choices: &[(&'static str, T); N],
) -> [&'static str; N] {
    let mut names = [""; N];
    let mut at = 0;
    while at < N {
        names[at] = choices[at].0;
        at += 1;
    }
    names
}

/// How names of one kind are spelled.
#[derive(Debug)]
pub(crate) struct NameRule {
    /// What such a name is, with an article, for messages.
    pub(crate) what: &'static str,
    /// The characters that it may begin with, as ranges: `a-z0-9`.
    pub(crate) first: &'static str,
    /// The characters that may follow; a `-` of its own stands last.
    pub(crate) rest: &'static str,
    /// How many characters it may have.
    pub(crate) chars_max: usize,
    /// The spelling in words.
    pub(crate) help: &'static str,
    /// What an advice puts in place of characters that the name may not have.
    pub(crate) filler: char,
}

impl NameRule {
    /// Whether a text is such a name.
    pub(crate) fn accepts(&self, text: &str) -> bool {
        let mut characters = text.chars();
        characters
            .next()
            .is_some_and(|first| is_one_of(self.first, first))
            && characters.all(|character| is_one_of(self.rest, character))
            && text.chars().count() <= self.chars_max
    }

    /// The name that was probably meant.
    pub(crate) fn nearest(&self, text: &str) -> Option<String> {
        let fit = |character: char| {
            [
                character,
                character.to_ascii_lowercase(),
                character.to_ascii_uppercase(),
            ]
            .into_iter()
            .find(|candidate| is_one_of(self.rest, *candidate))
            .unwrap_or(self.filler)
        };
        let name: String = text.chars().map(fit).collect();
        let parts = name.split(self.filler).filter(|part| !part.is_empty());
        let name = parts.collect::<Vec<_>>().join(&self.filler.to_string());
        self.accepts(&name).then_some(name)
    }

    /// The same rule as a regular expression.
    pub(crate) fn pattern(&self) -> String {
        let more = self.chars_max.saturating_sub(1);
        format!("^[{}][{}]{{0,{more}}}$", self.first, self.rest)
    }
}

/// Whether a character is in a set that is written as in a regular expression: `a-z0-9_-`.
fn is_one_of(set: &str, character: char) -> bool {
    let mut rest = set.chars();
    while let Some(first) = rest.next() {
        let mut ahead = rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(last)) => {
                if (first..=last).contains(&character) {
                    return true;
                }
                rest = ahead;
            }
            _ if first == character => return true,
            _ => {}
        }
    }
    false
}

/// Words in backticks with commas, and a last one.
pub(crate) fn words(words: &[&str], last: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    enumeration(&quoted, last)
}

/// Phrases with commas, and a last one.
fn enumeration(phrases: &[String], last: &str) -> String {
    match phrases.split_last() {
        None => String::from("nothing"),
        Some((only, [])) => only.clone(),
        Some((end, head)) => format!("{} {last} {end}", head.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static ID: NameRule = NameRule {
        what: "an id",
        first: "a-z0-9",
        rest: "a-z0-9._/-",
        chars_max: 8,
        help: "",
        filler: '-',
    };

    #[test]
    fn names_are_judged_by_their_sets() {
        for good in ["a", "0", "a-b", "a.b/c_9", "abcdefgh"] {
            assert!(ID.accepts(good), "{good}");
        }
        for bad in ["", "-a", ".a", "A", "aB", "a b", "ä", "abcdefghi", "a\n"] {
            assert!(!ID.accepts(bad), "{bad}");
        }
        assert_eq!(ID.pattern(), "^[a-z0-9][a-z0-9._/-]{0,7}$");
    }

    #[test]
    fn a_name_that_was_probably_meant_is_a_good_one() {
        assert_eq!(ID.nearest("Ab Cd"), Some(String::from("ab-cd")));
        assert_eq!(ID.nearest(" x!"), Some(String::from("x")));
        assert_eq!(ID.nearest("-a--b"), Some(String::from("a-b")));
        assert_eq!(ID.nearest("..a"), None);
        assert_eq!(ID.nearest("abcdefghi"), None);
        assert_eq!(ID.nearest(""), None);
    }

    #[test]
    fn words_are_listed_as_people_list_them() {
        assert_eq!(words(&[], "or"), "nothing");
        assert_eq!(words(&["a"], "or"), "`a`");
        assert_eq!(words(&["a", "b", "c"], "and"), "`a`, `b` and `c`");
    }
}
