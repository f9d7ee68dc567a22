//! What can be wrong with a condition's text, and where in it.
//!
//! Offsets count bytes from the start of the condition; the policy's checker turns them into a place
//! in the file. A condition that has an error is never evaluated.

use core::ops::Range;

use crate::legible::push_legible;

/// The kinds of problems of a condition; each has a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConditionErrorKind {
    /// The text is not an expression.
    Syntax,
    /// The text uses a part of CEL that the language leaves out.
    Unsupported,
    /// A name that nothing defines.
    UnknownName,
    /// A function that does not exist.
    UnknownFunction,
    /// Operands or arguments of types that can never work.
    Type,
    /// A regular expression, time, zone or pattern that can never work.
    Literal,
    /// Larger, deeper or dearer than a limit allows.
    TooComplex,
    /// A fact that this kind of rule may not read.
    NotReadable,
}

impl ConditionErrorKind {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Syntax => "CONDITION_SYNTAX",
            Self::Unsupported => "CONDITION_UNSUPPORTED",
            Self::UnknownName => "CONDITION_UNKNOWN_NAME",
            Self::UnknownFunction => "CONDITION_UNKNOWN_FUNCTION",
            Self::Type => "CONDITION_TYPE",
            Self::Literal => "CONDITION_LITERAL",
            Self::TooComplex => "CONDITION_TOO_COMPLEX",
            Self::NotReadable => "CONDITION_NOT_READABLE",
        }
    }
}

/// One problem of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionError {
    kind: ConditionErrorKind,
    range: Range<u32>,
    message: String,
    help: Option<String>,
}

impl ConditionError {
    pub(crate) fn new(
        kind: ConditionErrorKind,
        range: Range<u32>,
        message: impl AsRef<str>,
    ) -> Self {
        // The message may quote what the policy's author wrote, which may be anything.
        let mut legible = String::new();
        for character in message.as_ref().chars() {
            push_legible(&mut legible, character);
        }
        Self {
            kind,
            range,
            message: legible,
            help: None,
        }
    }

    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> ConditionErrorKind {
        self.kind
    }

    /// The bytes of the condition that it is about.
    pub fn range(&self) -> Range<u32> {
        self.range.clone()
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }
}
