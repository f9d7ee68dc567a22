//! Where the YAML scanner stood when it gave up, and what can be told from the characters there.
//!
//! The scanner's own state is out of reach, and its position is often behind what went wrong. Lines,
//! keys, values and brackets are found again here by looking at the text, which is only ever used to
//! explain a problem: what is accepted does not depend on it.

use std::ops::Range;

use crate::codes::ProblemCode;
use crate::problem::Problem;
use crate::sources::Sources;
use crate::tree::TreeBuilder;

/// Bytes of a value that advice repeats in quotes.
const ADVICE_BYTES_MAX: usize = 100;

/// The end of reading.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) problem: Box<Problem>,
    /// The value that could not be read, if the text behind it can be.
    pub(super) value: Option<Range<usize>>,
}

impl Stop {
    /// Nothing behind the problem can be read.
    pub(super) fn last(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            value: None,
        }
    }
}

/// What is known where the scanner gave up.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) sources: &'a Sources,
    pub(super) tree: &'a TreeBuilder<'a>,
    pub(super) text: &'a str,
    /// The last scalar that was read, and whether it stands under `|` or `>`.
    pub(super) last_scalar: Range<usize>,
    pub(super) last_is_block: bool,
    /// The innermost bracket that is open.
    pub(super) open_bracket: Option<usize>,
    /// Where the key ends whose value is missing.
    pub(super) last_key_end: Option<usize>,
}

impl Scene<'_> {
    pub(super) fn problem(
        &self,
        at: Range<usize>,
        code: ProblemCode,
        message: impl AsRef<str>,
    ) -> Problem {
        Problem::at(self.sources, self.tree.span(at), code, message)
    }

    pub(super) fn slice(&self, at: Range<usize>) -> &str {
        self.text.get(at).unwrap_or_default()
    }

    pub(super) fn rest(&self, at: usize) -> &str {
        self.text.get(at..).unwrap_or_default()
    }

    /// One character, or the place behind the text.
    pub(super) fn character(&self, at: usize) -> Range<usize> {
        let length = self.rest(at).chars().next().map_or(0, char::len_utf8);
        at..at.saturating_add(length)
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        memchr::memrchr(b'\n', before.as_bytes()).map_or(0, |found| found.saturating_add(1))
    }

    /// The end of the line, without the blanks before it.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = self.rest(at);
        let line = rest.split('\n').next().unwrap_or_default();
        at.saturating_add(line.trim_end().len())
    }

    /// Where the line that holds `at` begins behind its indentation.
    pub(super) fn first_word(&self, at: usize) -> usize {
        let line = self.line_start(at);
        let indent = self.rest(line).bytes().take_while(|byte| *byte == b' ');
        line.saturating_add(indent.count())
    }

    /// Where the value begins on the line that holds `at`: behind indentation, dashes and a key.
    pub(super) fn value_start(&self, at: usize) -> usize {
        let start = self.line_start(at);
        let line = self.slice(start..self.line_end(start));
        let mut rest = line.trim_start();
        while let Some(entry) = rest.strip_prefix("- ") {
            rest = entry.trim_start();
        }
        if let Some(value) = behind_key(rest) {
            rest = value.trim_start();
        }
        start.saturating_add(line.len().saturating_sub(rest.len()))
    }

    /// The value on the line that holds `at`, if the lines that follow do not depend on it.
    fn value_on_line(&self, at: usize) -> Option<Range<usize>> {
        let value = self.value_start(at)..self.line_end(at);
        let text = self.text.get(value.clone())?;
        let is_inside_brackets = self.open_bracket.is_some_and(|open| open < value.start);
        let is_here = value.contains(&at) || value.end == at;
        (is_here && !is_inside_brackets && brackets_balance(text)).then_some(value)
    }

    pub(super) fn stop_at_value(&self, at: usize, problem: Problem) -> Stop {
        Stop {
            problem: Box::new(problem),
            value: self.value_on_line(at),
        }
    }

    /// The end of the value at `at`: of its line or, in brackets, of its entry.
    pub(super) fn entry_end(&self, at: usize) -> usize {
        let end = self.line_end(at);
        if !self.is_bracketed(at) {
            return end;
        }
        let mut depth: usize = 0;
        for (offset, character) in self.slice(at..end).char_indices() {
            let ends = match character {
                '(' | '[' | '{' => {
                    depth = depth.saturating_add(1);
                    false
                }
                ')' | ']' | '}' => match depth.checked_sub(1) {
                    Some(outer) => {
                        depth = outer;
                        false
                    }
                    None => true,
                },
                ',' => depth == 0,
                _ => false,
            };
            if ends {
                let entry = self.slice(at..at.saturating_add(offset)).trim_end();
                return at.saturating_add(entry.len());
            }
        }
        end
    }

    /// The quote or bracket that opens what goes wrong at `at`: the first one behind what the
    /// scanner handed out last.
    pub(super) fn opening_before(&self, at: usize, openings: [char; 2]) -> usize {
        let from = self.last_key_end.unwrap_or(self.last_scalar.end).min(at);
        let line = self.value_start(at).min(at);
        match self.slice(from..at).find(openings) {
            Some(found) => from.saturating_add(found),
            None => line,
        }
    }

    /// How to write the value that begins at `start`, as it would stand there if it is short.
    pub(super) fn quote_advice(&self, start: usize) -> String {
        let text = self.slice(start..self.entry_end(start));
        let quotes = text.bytes().filter(|byte| *byte == b'"').count();
        let is_plain = text.len() <= ADVICE_BYTES_MAX
            // What these mean in other quotes, or where the value ends, would be a guess.
            && !text.contains(['\'', '\\', '#'])
            && !text.starts_with('{')
            && brackets_balance(text)
            && quotes.checked_rem(2) == Some(0);
        if is_plain {
            format!("put the whole value in single quotes: `'{text}'`")
        } else if self.is_bracketed(start) {
            String::from("put the whole value in single quotes")
        } else {
            String::from(
                "put the whole value in single quotes, or write it on the next line under `|`",
            )
        }
    }

    /// Whether `at` stands inside brackets, as far as its line tells.
    pub(super) fn is_bracketed(&self, at: usize) -> bool {
        let value = self.value_start(at);
        self.open_bracket.is_some() || (value < at && self.rest(value).starts_with(['[', '{']))
    }
}

/// What follows the key on a line, if the line begins with one.
fn behind_key(line: &str) -> Option<&str> {
    let behind = match line.bytes().next()? {
        quote @ (b'"' | b'\'') => {
            let inner = line.get(1..)?;
            let end = inner.find(char::from(quote))?;
            inner.get(end.saturating_add(1)..)?.trim_start()
        }
        b'{' | b'[' | b'!' | b'*' | b'&' => return None,
        _ => {
            let (colon, _) = line.match_indices(':').find(|(at, _)| {
                let next = line.as_bytes().get(at.saturating_add(1));
                next.is_none_or(u8::is_ascii_whitespace)
            })?;
            line.get(colon..)?
        }
    };
    let value = behind.strip_prefix(':')?;
    (value.is_empty() || value.starts_with([' ', '\t'])).then_some(value)
}

/// Whether every bracket has its other half, as far as can be told without knowing quotes.
pub(super) fn brackets_balance(text: &str) -> bool {
    let mut open = Vec::new();
    for byte in text.bytes() {
        match byte {
            b'(' => open.push(b')'),
            b'[' => open.push(b']'),
            b'{' => open.push(b'}'),
            b')' | b']' | b'}' if open.pop() != Some(byte) => return false,
            _ => {}
        }
    }
    open.is_empty()
}
