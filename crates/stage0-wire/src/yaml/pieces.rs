//! Where each part of a YAML text stands in the file.
//!
//! The YAML reader hands out the text that folding and escapes leave; here it is laid beside the
//! file once more, so that a mistake inside a condition of several lines is pointed at where it is.
//! Should the two not fit each other, the text keeps its place as a whole.

use saphyr_parser::ScalarStyle;
use stage0_engine::span::Pieces;

/// Lays `value` beside `raw`, its characters in the file from byte `base` on, without quotes.
/// `None` where they do not fit.
pub(super) fn pieces(raw: &str, base: usize, value: &str, style: ScalarStyle) -> Option<Pieces> {
    let mut walk = Walk {
        raw,
        value,
        base,
        raw_at: 0,
        value_at: 0,
        pieces: Pieces::default(),
    };
    let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    if is_block {
        // Empty lines before the first content are not part of what the scanner says stands there.
        let blank = space_run(value);
        walk.skip_value(blank.saturating_sub(space_run(raw)));
    }
    while walk.value_at < value.len() {
        let rest = walk.raw_rest();
        match rest.as_bytes() {
            [] if is_block => {
                let blank = space_run(walk.value_rest());
                if blank == 0 {
                    return None;
                }
                walk.skip_value(blank);
            }
            [] => return None,
            [b'\\', ..] if style == ScalarStyle::DoubleQuoted => walk.escape()?,
            [b'\'', b'\'', ..] if style == ScalarStyle::SingleQuoted => walk.other(2, 1)?,
            [b' ' | b'\t' | b'\r' | b'\n', ..] => walk.space(is_block)?,
            _ => {
                let run = rest
                    .bytes()
                    .take_while(|byte| {
                        !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'\\' | b'\'')
                    })
                    .count()
                    // A backslash or quote that is nothing special here.
                    .max(1);
                walk.same(run)?;
            }
        }
    }
    Some(walk.pieces)
}

struct Walk<'a> {
    raw: &'a str,
    value: &'a str,
    base: usize,
    raw_at: usize,
    value_at: usize,
    pieces: Pieces,
}

impl Walk<'_> {
    fn raw_rest(&self) -> &str {
        self.raw.get(self.raw_at..).unwrap_or_default()
    }

    fn value_rest(&self) -> &str {
        self.value.get(self.value_at..).unwrap_or_default()
    }

    fn same(&mut self, length: usize) -> Option<()> {
        let raw = self.raw_rest().as_bytes().get(..length)?;
        if self.value_rest().as_bytes().get(..length)? != raw {
            return None;
        }
        self.pieces
            .same(self.base.saturating_add(self.raw_at), length);
        self.raw_at = self.raw_at.saturating_add(length);
        self.value_at = self.value_at.saturating_add(length);
        Some(())
    }

    fn other(&mut self, raw_length: usize, value_length: usize) -> Option<()> {
        self.value
            .get(self.value_at..self.value_at.saturating_add(value_length))?;
        let start = self.base.saturating_add(self.raw_at);
        self.pieces
            .other(start..start.saturating_add(raw_length), value_length);
        self.raw_at = self.raw_at.saturating_add(raw_length);
        self.value_at = self.value_at.saturating_add(value_length);
        Some(())
    }

    fn skip_value(&mut self, length: usize) {
        let at = self.base.saturating_add(self.raw_at);
        if length > 0 {
            self.pieces.other(at..at, length);
            self.value_at = self.value_at.saturating_add(length);
        }
    }

    /// Blanks within a line stand for themselves; a line break and what surrounds it stand for what
    /// folding made of them.
    fn space(&mut self, is_block: bool) -> Option<()> {
        let run = space_run(self.raw_rest());
        let space = self.raw_rest().get(..run)?;
        let breaks = space.bytes().filter(|byte| *byte == b'\n').count();
        if breaks == 0 {
            return self.same(run);
        }
        let value_run = if is_block {
            space_run(self.value_rest())
        } else {
            // One break is a space, and each further one is itself.
            breaks.saturating_sub(1).max(1)
        };
        self.other(run, value_run)
    }

    fn escape(&mut self) -> Option<()> {
        let rest = self.raw_rest();
        let kind = *rest.as_bytes().get(1)?;
        if matches!(kind, b'\n' | b'\r') {
            // An escaped line break vanishes together with the next line's indentation.
            let blank = space_run(rest.get(1..)?);
            return self.other(blank.saturating_add(1), 0);
        }
        let raw_length = match kind {
            b'x' => 4,
            b'u' => 6,
            b'U' => 10,
            _ => 2,
        };
        let character = self.value_rest().chars().next()?;
        self.other(raw_length, character.len_utf8())
    }
}

fn space_run(text: &str) -> usize {
    text.bytes()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .count()
}
