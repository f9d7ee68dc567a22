//! Where something stands in a policy's text: a file and a byte range.
//!
//! Spans are what the checker attaches to its findings; lines and columns are worked out only when
//! a finding is shown, because most policies load without one.

use core::ops::Range;

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

/// Where each part of a text stands in the file that it was written in.
///
/// Quotes, escapes and folded lines make a text differ from its characters in the file, yet a
/// mistake in the third line of a condition should be pointed at in the third line. Readers of files
/// make these with [`Pieces`]; whoever has found something in a text asks [`span_of`](Self::span_of).
///
/// ```
/// use stage0_engine::span::{Pieces, Span, TextPlaces};
///
/// // The file holds `"a\tb > c"`; the text is what the escape stands for.
/// let mut pieces = Pieces::default();
/// pieces.same(1, 1);
/// pieces.other(2..4, 1);
/// pieces.same(4, 5);
/// let places = TextPlaces::in_pieces(Span::new(0, 1, 9), pieces);
/// assert_eq!(places.span_of(2..3), Span::new(0, 4, 5));
/// assert_eq!(places.span_of(0..3), Span::new(0, 1, 5));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextPlaces {
    whole: Span,
    /// `None` where the text's characters stand in the file as they are.
    pieces: Option<Pieces>,
}

impl TextPlaces {
    /// The places of a text whose characters stand in the file as they are.
    pub const fn verbatim(whole: Span) -> Self {
        Self {
            whole,
            pieces: None,
        }
    }

    /// The places of a text that stands in the file in pieces. Without any piece only the whole is
    /// known.
    pub const fn in_pieces(whole: Span, pieces: Pieces) -> Self {
        Self {
            whole,
            pieces: Some(pieces),
        }
    }

    /// Where the text stands, without its quotes.
    pub const fn whole(&self) -> Span {
        self.whole
    }

    /// Whether the text's characters stand in the file as they are, without escape or line break.
    pub const fn is_verbatim(&self) -> bool {
        self.pieces.is_none()
    }

    /// Where these bytes of the text stand in the file: exactly, or the whole text where that is not
    /// known.
    pub fn span_of(&self, range: Range<u32>) -> Span {
        let (start, end) = (range.start, range.end.max(range.start));
        let Some(pieces) = &self.pieces else {
            return self.whole.part(start, end.saturating_sub(start));
        };
        // The end belongs to the piece of the last byte, not to the one that follows it.
        let last_byte = end.saturating_sub(1).max(start);
        let (Some((first, _)), Some((last, last_end))) =
            (pieces.piece_at(start), pieces.piece_at(last_byte))
        else {
            return self.whole;
        };
        let start = first.locate(start);
        let end = if end >= last_end {
            last.file_end
        } else {
            last.locate(end)
        };
        Span::new(self.whole.file, start, end.max(start))
    }
}

/// A part of a text and the part of the file that it comes from. If both have the same length they
/// are the same bytes, otherwise an escape or a line break lies between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    text_start: u32,
    file_start: u32,
    file_end: u32,
}

impl Piece {
    fn locate(self, text_offset: u32) -> u32 {
        self.file_start
            .saturating_add(text_offset.saturating_sub(self.text_start))
            .min(self.file_end)
    }
}

/// The map from a text to its file, built front to back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pieces {
    list: Vec<Piece>,
    text_end: u32,
}

impl Pieces {
    /// The next `length` bytes of the text are the bytes of the file from `file_start` on.
    pub fn same(&mut self, file_start: usize, length: usize) {
        let (file_start, length) = (low(file_start), low(length));
        let file_end = file_start.saturating_add(length);
        let text_start = self.text_end;
        self.text_end = text_start.saturating_add(length);
        if let Some(last) = self.list.last_mut() {
            let same_so_far = last.file_end.saturating_sub(last.file_start)
                == text_start.saturating_sub(last.text_start);
            if last.file_end == file_start && same_so_far {
                last.file_end = file_end;
                return;
            }
        }
        self.list.push(Piece {
            text_start,
            file_start,
            file_end,
        });
    }

    /// The next `length` bytes of the text are what the file's `file` bytes stand for.
    pub fn other(&mut self, file: Range<usize>, length: usize) {
        self.list.push(Piece {
            text_start: self.text_end,
            file_start: low(file.start),
            file_end: low(file.end),
        });
        self.text_end = self.text_end.saturating_add(low(length));
    }

    /// The piece that a byte of the text belongs to, and where that piece ends in the text.
    fn piece_at(&self, text_offset: u32) -> Option<(Piece, u32)> {
        let behind = self
            .list
            .partition_point(|piece| piece.text_start <= text_offset);
        let piece = self.list.get(behind.checked_sub(1)?)?;
        let text_end = self
            .list
            .get(behind)
            .map_or(self.text_end, |next| next.text_start);
        Some((*piece, text_end))
    }
}

/// Offsets fit into 32 bits because a policy file is bounded far below 4 GiB.
fn low(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
