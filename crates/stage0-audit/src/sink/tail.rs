//! The end of a file of lines: found from behind, and mended where a writer was stopped in the middle.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::{Repair, SinkError};
use crate::chain::{Head, LINE_BYTES_MAX, Line};

/// Bytes that are read at once, from behind.
const PIECE_BYTES: u64 = 65_536;

/// How a file ends.
pub(super) struct Tail {
    /// Where its chain ends; nothing where it has no line.
    pub(super) head: Option<Head>,
    /// Bytes of its whole lines.
    pub(super) bytes: u64,
    /// What has to be done before a line can follow.
    pub(super) repair: Option<Repair>,
}

/// Finds the last line.
///
/// A line is acknowledged when it is whole, so one that is not can go. One that lacks its line break only is
/// whole: it stays, and gets its break.
pub(super) fn read_tail(path: &str, file: &mut File) -> Result<Tail, SinkError> {
    let io = |error| SinkError::File {
        path: path.to_owned(),
        error,
    };
    let damaged = |why: String| SinkError::Damaged {
        path: path.to_owned(),
        why,
    };
    let end = file.metadata().map_err(io)?.len();
    let (begin, last) = line_before(file, end).map_err(io)?;
    if begin == 0 && last.is_empty() {
        return Ok(Tail {
            head: None,
            bytes: 0,
            repair: None,
        });
    }
    // Behind the last line break: nothing, or a line whose writer was stopped.
    if !last.is_empty() {
        let whole = std::str::from_utf8(&last).ok();
        if let Some(line) = whole.and_then(|text| Line::parse(text).ok()) {
            return Ok(Tail {
                head: Some(line.head()),
                bytes: end,
                repair: Some(Repair::Completed),
            });
        }
        let cut = Repair::Cut {
            bytes: end.saturating_sub(begin),
        };
        let before = whole_line(file, begin).map_err(io)?;
        return Ok(Tail {
            head: before
                .map(|text| head_of(&text))
                .transpose()
                .map_err(damaged)?,
            bytes: begin,
            repair: Some(cut),
        });
    }
    let text = whole_line(file, end).map_err(io)?;
    Ok(Tail {
        head: text
            .map(|text| head_of(&text))
            .transpose()
            .map_err(damaged)?,
        bytes: end,
        repair: None,
    })
}

fn head_of(text: &[u8]) -> Result<Head, String> {
    let text = std::str::from_utf8(text).map_err(|_| "its last line is no text".to_owned())?;
    Line::parse(text)
        .map(|line| line.head())
        .map_err(|error| error.to_string())
}

/// The line that ends with the break before `end`; nothing where there is none.
fn whole_line(file: &mut File, end: u64) -> io::Result<Option<Vec<u8>>> {
    match end.checked_sub(1) {
        None => Ok(None),
        Some(end) => line_before(file, end).map(|(_, line)| Some(line)),
    }
}

/// The bytes between the last line break before `end` and `end`, and where they begin.
fn line_before(file: &mut File, end: u64) -> io::Result<(u64, Vec<u8>)> {
    let mut line = Vec::new();
    let mut begin = end;
    while begin > 0 && line.len() <= LINE_BYTES_MAX {
        let from = begin.saturating_sub(PIECE_BYTES);
        let mut piece = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.by_ref()
            .take(begin.saturating_sub(from))
            .read_to_end(&mut piece)?;
        let found = piece.iter().rposition(|byte| *byte == b'\n');
        let kept = piece.split_off(found.map_or(0, |at| at.saturating_add(1)));
        let length = u64::try_from(kept.len()).unwrap_or(u64::MAX);
        begin = begin.saturating_sub(length);
        line.splice(0..0, kept);
        if found.is_some() {
            break;
        }
    }
    Ok((begin, line))
}
