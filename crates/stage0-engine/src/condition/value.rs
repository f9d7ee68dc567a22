//! The values that conditions compute with.
//!
//! Values are small and `Copy`: texts and lists borrow from the request, the policy or the decision's
//! scratch arena, so evaluating drops nothing and never recurses. Two of the variants are not values
//! of the language but outcomes: a fact that is absent, and an error.

use core::fmt;

use crate::document::{Member, Scalar, ValueRef};
use crate::limits::{CONDITION_STEPS_MAX, LOOP_STEPS_MAX};
use crate::number::{Number, NumberError};
use crate::time::{Duration, TimeError, Timestamp};

/// One value, or what stands where a value could not be had.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    /// A fact it depends on is absent.
    Unknown,
    Error(EvalError),
    Null,
    Bool(bool),
    Number(Number),
    String(&'a str),
    Timestamp(Timestamp),
    Duration(Duration),
    /// A list that stands in the request or in the policy's data.
    DocumentList(ValueRef<'a>),
    /// A list that the condition made.
    List(&'a [Value<'a>]),
    DocumentMap(ValueRef<'a>),
    Map(&'a [(&'a str, Value<'a>)]),
}

// Values are copied all the time. An error, which is rare, must not make all of them larger; that is
// why what it expected is a thin pointer and what it found is a kind.
const _: () = assert!(size_of::<Value<'_>>() <= 3 * size_of::<u64>());

/// The kinds of values, as the messages call them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// Only arguments have it: in the context null is absent.
    Null,
    /// True or false.
    Bool,
    /// An exact decimal.
    Number,
    /// Text.
    String,
    /// An instant.
    Timestamp,
    /// A span of time.
    Duration,
    /// A list.
    List,
    /// An object.
    Map,
}

impl ValueKind {
    /// With its article, for messages.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a truth value",
            Self::Number => "a number",
            Self::String => "text",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::List => "a list",
            Self::Map => "an object",
        }
    }
}

/// Why an expression has no value. It reaches a rule's result as `CONDITION_ERROR`, hence DENY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvalError {
    /// A value of the wrong kind.
    WrongKind {
        /// What the operation takes, in words.
        expected: &'static &'static str,
        /// What it was given.
        found: ValueKind,
    },
    /// Two values of different kinds were compared.
    Incomparable {
        /// Kind of the left one.
        left: ValueKind,
        /// Kind of the right one.
        right: ValueKind,
    },
    /// A path goes through something that has no members.
    NoMembers(ValueKind),
    /// A list index outside the list, or not an integral number.
    Index,
    /// Arithmetic without an exact result.
    Number(NumberError),
    /// Text that is no timestamp or duration, or time outside the range.
    Time(TimeError),
    /// A zone's name that is not known.
    Zone(crate::time::ZoneError),
    /// Text that is no weekly window.
    Window(crate::time::window::WindowError),
    /// A domain function refused its input.
    Function(crate::function::FunctionError),
    /// A list or text is larger than a loop or a function may visit.
    TooLarge,
    /// A loop, or the whole condition, takes more steps than it may.
    TooManySteps,
    /// A key stands twice in an object that the condition makes.
    DuplicateKey,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongKind { expected, found } => {
                write!(f, "expected {expected}, found {}", found.text())
            }
            Self::Incomparable { left, right } => {
                write!(
                    f,
                    "{} cannot be compared with {}",
                    left.text(),
                    right.text()
                )
            }
            Self::NoMembers(found) => write!(f, "{} has no members", found.text()),
            Self::Index => f.write_str("the index is outside the list"),
            Self::Number(error) => error.fmt(f),
            Self::Time(error) => error.fmt(f),
            Self::Zone(error) => error.fmt(f),
            Self::Window(error) => error.fmt(f),
            Self::Function(error) => error.fmt(f),
            Self::TooLarge => f.write_str("the value is larger than a condition may visit"),
            Self::TooManySteps => write!(
                f,
                "a loop takes more than {LOOP_STEPS_MAX} steps, or the condition more than {CONDITION_STEPS_MAX}"
            ),
            Self::DuplicateKey => f.write_str("a key stands twice in the object"),
        }
    }
}

impl<'a> Value<'a> {
    /// A value of the request or of the policy's data.
    #[inline]
    pub(crate) fn from_document(value: ValueRef<'a>) -> Self {
        Self::of(value.scalar(), || value)
    }

    /// The value of a member of the request.
    #[inline]
    pub(crate) fn of_member(member: Member<'a>) -> Self {
        Self::of(member.scalar(), || member.value())
    }

    #[inline]
    fn of(scalar: Scalar<'a>, whole: impl Fn() -> ValueRef<'a>) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Bool(truth) => Self::Bool(truth),
            Scalar::Number(text) => match Number::parse(text) {
                Ok(number) => Self::Number(number),
                Err(error) => Self::Error(EvalError::Number(error)),
            },
            Scalar::String(text) => Self::String(text),
            Scalar::List => Self::DocumentList(whole()),
            Scalar::Object => Self::DocumentMap(whole()),
        }
    }

    /// What kind of value it is; nothing for an outcome that is no value.
    pub(crate) fn kind(self) -> Option<ValueKind> {
        Some(match self {
            Self::Unknown | Self::Error(_) => return None,
            Self::Null => ValueKind::Null,
            Self::Bool(_) => ValueKind::Bool,
            Self::Number(_) => ValueKind::Number,
            Self::String(_) => ValueKind::String,
            Self::Timestamp(_) => ValueKind::Timestamp,
            Self::Duration(_) => ValueKind::Duration,
            Self::DocumentList(_) | Self::List(_) => ValueKind::List,
            Self::DocumentMap(_) | Self::Map(_) => ValueKind::Map,
        })
    }

    /// The error of having found this where `expected` is needed; an outcome stays what it is.
    pub(crate) fn expected(self, expected: &'static &'static str) -> Self {
        match self.kind() {
            None => self,
            Some(found) => Self::Error(EvalError::WrongKind { expected, found }),
        }
    }

    pub(crate) fn is_unknown(self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// How many elements a list, or members an object, has.
    pub(crate) fn len(self) -> Option<usize> {
        match self {
            Self::DocumentList(value) => Some(value.len()),
            Self::DocumentMap(value) => Some(value.members().count()),
            Self::List(values) => Some(values.len()),
            Self::Map(entries) => Some(entries.len()),
            _ => None,
        }
    }

    /// What finding a member or an element by position costs: it is found by walking.
    pub(crate) fn search_steps(self) -> usize {
        match self {
            Self::DocumentList(value) | Self::DocumentMap(value) => value.len() / 8,
            Self::Map(entries) => entries.len() / 8,
            _ => 0,
        }
    }

    /// The elements of a list, or the keys of an object, which is what loops visit.
    pub(crate) fn visit(self) -> Option<Visit<'a>> {
        match self {
            Self::DocumentList(value) => Some(Visit::Elements(value.elements())),
            Self::List(values) => Some(Visit::Values(values.iter())),
            Self::DocumentMap(value) => Some(Visit::Keys(value.members())),
            Self::Map(entries) => Some(Visit::Entries(entries.iter())),
            _ => None,
        }
    }

    /// The member with this key. Missing is unknown, a value without members is an error.
    pub(crate) fn member(self, key: &str) -> Self {
        match self {
            Self::DocumentMap(value) => value.get(key).map_or(Self::Unknown, Self::from_document),
            Self::Map(entries) => entries
                .iter()
                .find(|(name, _)| *name == key)
                .map_or(Self::Unknown, |(_, value)| *value),
            Self::Unknown | Self::Error(_) => self,
            other => match other.kind() {
                Some(kind) => Self::Error(EvalError::NoMembers(kind)),
                None => other,
            },
        }
    }

    /// The element at this position of a list, or the member with this key of an object.
    pub(crate) fn index(self, index: Self) -> Self {
        match (self, index) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Error(_), _) => self,
            (_, Self::Error(_)) => index,
            (Self::DocumentList(_) | Self::List(_), Self::Number(number)) => {
                let position = number.to_i64().and_then(|n| usize::try_from(n).ok());
                let element = position.and_then(|position| match self {
                    Self::DocumentList(list) => list.element(position).map(Self::from_document),
                    Self::List(values) => values.get(position).copied(),
                    _ => None,
                });
                element.unwrap_or(Self::Error(EvalError::Index))
            }
            (Self::DocumentList(_) | Self::List(_), other) => {
                other.expected(&"a number as list index")
            }
            (Self::DocumentMap(_) | Self::Map(_), Self::String(key)) => self.member(key),
            (Self::DocumentMap(_) | Self::Map(_), other) => other.expected(&"text as key"),
            (other, _) => other.member(""),
        }
    }
}

/// What a loop visits.
#[derive(Debug, Clone)]
pub(crate) enum Visit<'a> {
    Elements(crate::document::Elements<'a>),
    Values(core::slice::Iter<'a, Value<'a>>),
    Keys(crate::document::Members<'a>),
    Entries(core::slice::Iter<'a, (&'a str, Value<'a>)>),
}

impl<'a> Iterator for Visit<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        match self {
            Self::Elements(elements) => elements.next().map(Value::from_document),
            Self::Values(values) => values.next().copied(),
            Self::Keys(members) => members.next().map(|(key, _)| Value::String(key)),
            Self::Entries(entries) => entries.next().map(|(key, _)| Value::String(key)),
        }
    }
}
