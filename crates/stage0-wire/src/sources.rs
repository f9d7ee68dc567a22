//! The files that a policy is read from: their names and texts, by the index that spans carry.
//!
//! Lines are looked for only when a place has to be shown, because most files are read without a
//! problem. Nothing here opens a file; texts come from the host.

use std::sync::OnceLock;

use stage0_engine::limits::{POLICY_BYTES_MAX, POLICY_FILES_MAX};
use stage0_engine::span::Span;

/// A place in a text as editors count: lines and characters from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The character within the line, from 1.
    pub column: u32,
}

/// A file that is not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// The name of the file as the host gave it.
    pub name: String,
    /// Why not.
    pub kind: SourceErrorKind,
}

/// Why a file is not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// Its text has so many bytes, more than [`POLICY_BYTES_MAX`].
    TooLarge(usize),
    /// There are [`POLICY_FILES_MAX`] files already.
    TooMany,
    /// It is not UTF-8.
    NotUtf8 {
        /// The first byte that belongs to no character.
        at: usize,
        /// The line of that byte, from 1.
        line: u32,
        /// Whether it begins as UTF-16 does.
        is_utf16: bool,
    },
}

#[derive(Debug, Clone)]
struct Source {
    name: String,
    text: String,
    /// First byte of each line, once somebody asked for a line.
    line_starts: OnceLock<Vec<u32>>,
}

/// The files of one policy, in the order in which they were read.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file and returns the index that spans into it carry.
    ///
    /// # Errors
    /// The text is longer than [`POLICY_BYTES_MAX`], or there are [`POLICY_FILES_MAX`] files.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<u16, SourceError> {
        let (name, text) = (name.into(), text.into());
        let bytes = text.len();
        if bytes > POLICY_BYTES_MAX {
            let kind = SourceErrorKind::TooLarge(bytes);
            return Err(SourceError { name, kind });
        }
        let index = match u16::try_from(self.files.len()) {
            Ok(index) if self.files.len() < POLICY_FILES_MAX => index,
            _ => {
                let kind = SourceErrorKind::TooMany;
                return Err(SourceError { name, kind });
            }
        };
        self.files.push(Source {
            name,
            text,
            line_starts: OnceLock::new(),
        });
        Ok(index)
    }

    /// Adds a file as it was read from a disk or a network.
    ///
    /// # Errors
    /// As for [`Sources::add`], or the bytes are not UTF-8.
    pub fn add_bytes(
        &mut self,
        name: impl Into<String>,
        bytes: Vec<u8>,
    ) -> Result<u16, SourceError> {
        let name = name.into();
        match String::from_utf8(bytes) {
            Ok(text) => self.add(name, text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let bytes = error.as_bytes();
                let breaks = bytes.iter().take(at).filter(|byte| **byte == b'\n');
                let kind = SourceErrorKind::NotUtf8 {
                    at,
                    line: offset(breaks.count().saturating_add(1)),
                    is_utf16: matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]),
                };
                Err(SourceError { name, kind })
            }
        }
    }

    /// The names of all files as the host gave them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|source| source.name.as_str())
    }

    /// The name of a file as the host gave it; empty where there is no such file.
    pub fn name(&self, file: u16) -> &str {
        self.file(file).map_or("", |source| source.name.as_str())
    }

    /// The text of a file; empty where there is no such file.
    pub fn text(&self, file: u16) -> &str {
        self.file(file).map_or("", |source| source.text.as_str())
    }

    /// The text of a span; empty where the span is none of these files'.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file)
            .get(index(span.start)..index(span.end))
            .unwrap_or_default()
    }

    /// The line and column where a span begins.
    pub fn line_column(&self, span: Span) -> Position {
        self.position(span.file, span.start)
    }

    /// The line and column of a byte of a file.
    pub fn position(&self, file: u16, offset: u32) -> Position {
        let (number, start) = self.line_before(file, offset);
        let column = self
            .text(file)
            .get(index(start)..floor_boundary(self.text(file), index(offset)))
            .map_or(0, |head| head.chars().count());
        Position {
            line: number,
            column: u32::try_from(column.saturating_add(1)).unwrap_or(u32::MAX),
        }
    }

    /// The text of the line that holds a byte, without its end, and the offset where it begins.
    pub(crate) fn line_at(&self, file: u16, offset: u32) -> (&str, u32) {
        let (_, start) = self.line_before(file, offset);
        let rest = self.text(file).get(index(start)..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        (line.strip_suffix('\r').unwrap_or(line), start)
    }

    /// The number of the line that holds a byte and the offset where that line begins.
    fn line_before(&self, file: u16, offset: u32) -> (u32, u32) {
        let Some(source) = self.file(file) else {
            return (1, 0);
        };
        let starts = source.line_starts.get_or_init(|| {
            let after_breaks = source
                .text
                .bytes()
                .zip(1_u32..)
                .filter_map(|(byte, next)| (byte == b'\n').then_some(next));
            std::iter::once(0).chain(after_breaks).collect()
        });
        let number = starts.partition_point(|start| *start <= offset);
        let start = starts.get(number.saturating_sub(1)).copied().unwrap_or(0);
        (u32::try_from(number).unwrap_or(u32::MAX), start)
    }

    fn file(&self, file: u16) -> Option<&Source> {
        self.files.get(usize::from(file))
    }
}

/// An offset as an index; files are far smaller than either type.
pub(crate) fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// An index as an offset; [`POLICY_BYTES_MAX`] is far smaller than either type.
pub(crate) fn offset(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The nearest place at or before `at` that is not inside a character.
pub(crate) fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str, offset: u32) -> (u32, u32) {
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", text).unwrap();
        let position = sources.position(file, offset);
        (position.line, position.column)
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let text = "é1\r\n\nx😀y";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 1), (1, 1), "inside a character");
        assert_eq!(position(text, 2), (1, 2));
        assert_eq!(position(text, 5), (2, 1));
        assert_eq!(position(text, 6), (3, 1));
        assert_eq!(position(text, 11), (3, 3));
        assert_eq!(position(text, 999), (3, 4));
        assert_eq!(position("", 0), (1, 1));
    }

    #[test]
    fn what_is_too_large_or_not_text_is_refused() {
        let mut sources = Sources::new();
        let kind = |added: Result<u16, SourceError>| added.unwrap_err().kind;
        let long = " ".repeat(POLICY_BYTES_MAX + 1);
        assert_eq!(
            kind(sources.add("big", long)),
            SourceErrorKind::TooLarge(POLICY_BYTES_MAX + 1)
        );
        assert_eq!(
            kind(sources.add_bytes("latin", vec![97, 10, 0xe9])),
            SourceErrorKind::NotUtf8 {
                at: 2,
                line: 2,
                is_utf16: false
            }
        );
        assert!(matches!(
            kind(sources.add_bytes("u16", vec![0xff, 0xfe, 97])),
            SourceErrorKind::NotUtf8 { is_utf16: true, .. }
        ));
        for _ in 0..POLICY_FILES_MAX {
            sources.add("a", "").unwrap();
        }
        assert_eq!(kind(sources.add("a", "")), SourceErrorKind::TooMany);
    }
}
