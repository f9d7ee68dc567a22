//! Where something stands in a policy's text: a file and a byte range.
//!
//! Spans are what the checker attaches to its findings; lines and columns are worked out only when
//! a finding is shown, because most policies load without one.

/// A byte range in one of the files that a policy was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Index of the file in the list of sources, in the order in which they were read.
    pub file: u16,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A range of bytes of one file.
    pub const fn new(file: u16, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The smallest range that covers both; they must be of the same file.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The range of `len` bytes that begins `offset` bytes into this one, cut to fit.
    #[must_use]
    pub fn part(self, offset: u32, len: u32) -> Self {
        let start = self.start.saturating_add(offset).min(self.end);
        Self {
            file: self.file,
            start,
            end: start.saturating_add(len).min(self.end),
        }
    }
}

/// A value together with the place where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where it was written.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: change(self.value),
            span: self.span,
        }
    }
}
