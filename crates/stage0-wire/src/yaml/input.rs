//! What stands between a policy's text and the YAML scanner: a meter, and places in bytes.
//!
//! The scanner keeps a whole `[...]` or `{...}` in memory before it hands out the first event,
//! because all of it might turn out to be a key, and counts characters where we count bytes.

use std::cell::Cell;

use saphyr_parser::input::SkipTabs;
use saphyr_parser::{Input, StrInput};

/// Characters that the scanner may read until it hands out an event: a bracketed value longer than
/// this would be kept in memory at a hundred times its size.
pub(super) const EVENT_CHARACTERS_MAX: usize = 1_000_000;

/// Characters that the scanner is told it can look at together. It makes room for as many behind each
/// word of a text, so what `StrInput` would say, 128, makes every name take 128 bytes and more.
const SCANNER_BUFFER: usize = 16;

/// The text as the scanner reads it. Where the meter runs out, the text ends.
pub(super) struct Metered<'a> {
    inner: StrInput<'a>,
    left: &'a Cell<usize>,
}

impl<'a> Metered<'a> {
    pub(super) fn new(text: &'a str, left: &'a Cell<usize>) -> Self {
        Self {
            inner: StrInput::new(text),
            left,
        }
    }

    fn charge(&mut self, characters: usize) {
        let left = self.left.get().saturating_sub(characters);
        self.left.set(left);
        if left == 0 {
            self.inner = StrInput::new("");
        }
    }
}

// Every method of the trait is passed on, because the provided ones assert what `StrInput` does not
// need. Comments and blanks are not charged: nothing of them is kept.
impl Input for Metered<'_> {
    fn lookahead(&mut self, count: usize) {
        self.inner.lookahead(count);
    }

    fn buflen(&self) -> usize {
        self.inner.buflen()
    }

    fn bufmaxlen(&self) -> usize {
        SCANNER_BUFFER
    }

    fn buf_is_empty(&self) -> bool {
        self.inner.buf_is_empty()
    }

    fn raw_read_ch(&mut self) -> char {
        let character = self.inner.raw_read_ch();
        self.charge(1);
        character
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        let character = self.inner.raw_read_non_breakz_ch();
        self.charge(1);
        character
    }

    fn skip(&mut self) {
        self.inner.skip();
        self.charge(1);
    }

    fn skip_n(&mut self, count: usize) {
        self.inner.skip_n(count);
        self.charge(count);
    }

    fn peek(&self) -> char {
        self.inner.peek()
    }

    fn peek_nth(&self, n: usize) -> char {
        self.inner.peek_nth(n)
    }

    fn peek_opt(&self) -> Option<char> {
        self.inner.peek_opt()
    }

    fn look_ch(&mut self) -> char {
        self.inner.look_ch()
    }

    fn next_char_is(&self, c: char) -> bool {
        self.inner.next_char_is(c)
    }

    fn nth_char_is(&self, n: usize, c: char) -> bool {
        self.inner.nth_char_is(n, c)
    }

    fn next_2_are(&self, c1: char, c2: char) -> bool {
        self.inner.next_2_are(c1, c2)
    }

    fn next_3_are(&self, c1: char, c2: char, c3: char) -> bool {
        self.inner.next_3_are(c1, c2, c3)
    }

    fn next_is_document_indicator(&self) -> bool {
        self.inner.next_is_document_indicator()
    }

    fn next_is_document_start(&self) -> bool {
        self.inner.next_is_document_start()
    }

    fn next_is_document_end(&self) -> bool {
        self.inner.next_is_document_end()
    }

    fn skip_ws_to_eol(&mut self, skip_tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        self.inner.skip_ws_to_eol(skip_tabs)
    }

    fn next_can_be_plain_scalar(&self, in_flow: bool) -> bool {
        self.inner.next_can_be_plain_scalar(in_flow)
    }

    fn next_is_blank_or_break(&self) -> bool {
        self.inner.next_is_blank_or_break()
    }

    fn next_is_blank_or_breakz(&self) -> bool {
        self.inner.next_is_blank_or_breakz()
    }

    fn next_is_blank(&self) -> bool {
        self.inner.next_is_blank()
    }

    fn next_is_break(&self) -> bool {
        self.inner.next_is_break()
    }

    fn next_is_breakz(&self) -> bool {
        self.inner.next_is_breakz()
    }

    fn next_is_z(&self) -> bool {
        self.inner.next_is_z()
    }

    fn next_is_flow(&self) -> bool {
        self.inner.next_is_flow()
    }

    fn next_is_digit(&self) -> bool {
        self.inner.next_is_digit()
    }

    fn next_is_alpha(&self) -> bool {
        self.inner.next_is_alpha()
    }

    fn skip_while_non_breakz(&mut self) -> usize {
        self.inner.skip_while_non_breakz()
    }

    fn skip_while_blank(&mut self) -> usize {
        self.inner.skip_while_blank()
    }

    fn fetch_while_is_alpha(&mut self, out: &mut String) -> usize {
        self.inner.fetch_while_is_alpha(out)
    }

    fn fetch_while_is_yaml_non_space(&mut self, out: &mut String) -> usize {
        // NOTE: `StrInput` counts bytes here where the scanner wants characters, so every place
        // behind a directive with `é` in it would be wrong.
        let before = out.len();
        let _bytes = self.inner.fetch_while_is_yaml_non_space(out);
        out.get(before..).unwrap_or_default().chars().count()
    }
}

/// Turns the scanner's character counts into bytes of the text.
#[derive(Debug)]
pub(super) struct ByteOffsets<'a> {
    text: &'a str,
    /// No place is behind this byte.
    end: usize,
    /// The byte of every `STEP`th character; empty for plain ASCII, where both counts agree.
    steps: Vec<usize>,
}

impl<'a> ByteOffsets<'a> {
    const STEP: usize = 64;

    /// Places in `text` that lie before byte `end`, or are `end`.
    pub(super) fn new(text: &'a str, end: usize) -> Self {
        let steps = if text.is_ascii() {
            Vec::new()
        } else {
            let offsets = text.char_indices().map(|(offset, _)| offset);
            offsets.step_by(Self::STEP).collect()
        };
        Self { text, end, steps }
    }

    /// The byte where a character begins, or the text's end.
    pub(super) fn of(&self, character: usize) -> usize {
        self.unbounded(character).min(self.end)
    }

    fn unbounded(&self, character: usize) -> usize {
        if self.steps.is_empty() {
            return character;
        }
        let (step, rest) = (
            character.checked_div(Self::STEP).unwrap_or(0),
            character.checked_rem(Self::STEP).unwrap_or(0),
        );
        let Some(start) = self.steps.get(step) else {
            return self.text.len();
        };
        let tail = self.text.get(*start..).unwrap_or_default();
        match tail.char_indices().nth(rest) {
            Some((offset, _)) => start.saturating_add(offset),
            None => self.text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_become_bytes() {
        let text = "é漢x😀".repeat(100);
        let offsets = ByteOffsets::new(&text, text.len());
        for (count, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!(offsets.of(count), byte);
        }
        assert_eq!(offsets.of(400), text.len());
        assert_eq!(offsets.of(9_999), text.len());
        assert_eq!(ByteOffsets::new("abc", 3).of(2), 2);
        assert_eq!(ByteOffsets::new("abc", 3).of(7), 3);
    }

    #[test]
    fn the_text_ends_where_the_meter_runs_out() {
        let left = Cell::new(2);
        let mut input = Metered::new("abc", &left);
        input.skip();
        assert_eq!(input.peek(), 'b');
        input.skip();
        assert!(input.next_is_z());
        assert_eq!(input.peek_opt(), None);
        assert_eq!(left.get(), 0);
    }
}
