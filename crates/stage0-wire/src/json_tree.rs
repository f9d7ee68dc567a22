//! JSON policies as a tree with places.
//!
//! Not the parser of requests: this one keeps where everything was written, explains mistakes, and
//! goes on after those that leave no doubt about what follows. It is strict JSON as of RFC 8259,
//! without duplicate keys, comments or trailing commas, and does not recurse.

use std::ops::Range;

use stage0_engine::span::{Pieces, Spanned};

use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::{Problem, Problems};
use crate::sources::Sources;
use crate::tree::{Node, NodeValue, Text, TooDeep, TreeBuilder, is_json_number, too_deep};

/// Reads a JSON file. There is no tree if it cannot be known what was meant.
pub(crate) fn parse(sources: &Sources, file: u16, problems: &mut Problems) -> Option<Node> {
    let mut parser = Parser {
        sources,
        text: sources.text(file),
        at: 0,
        tree: TreeBuilder::new(sources, file),
        brackets: Vec::new(),
        problems,
    };
    match parser.document() {
        Ok(()) => parser.tree.finish(),
        Err(problem) => {
            parser.problems.push(problem);
            None
        }
    }
}

struct Parser<'a> {
    sources: &'a Sources,
    text: &'a str,
    at: usize,
    tree: TreeBuilder<'a>,
    /// The open brackets and where they stand.
    brackets: Vec<(u8, usize)>,
    problems: &'a mut Problems,
}

/// A problem after which it is unclear how the text goes on.
type Stop = Problem;

/// Why an escape stands for no character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EscapeError {
    Unknown,
    Digits,
    Half,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// Behind `[`.
    ValueOrEnd,
    Key,
    /// Behind `{`.
    KeyOrEnd,
    CommaOrEnd,
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Result<(), Stop> {
        let mut next = Next::Value;
        loop {
            self.skip_space();
            if self.tree.is_complete() {
                return match self.peek() {
                    None => Ok(()),
                    Some(_) => Err(self.unexpected("the end of the file")),
                };
            }
            let Some(byte) = self.peek() else {
                return Err(self.unclosed());
            };
            next = match (next, byte) {
                (Next::ValueOrEnd, b']') | (Next::KeyOrEnd, b'}') => self.close(),
                (Next::CommaOrEnd, b']' | b'}') => self.close_matching(byte)?,
                (Next::CommaOrEnd, b',') => self.comma(),
                (Next::CommaOrEnd, _) => self.missing_comma(byte)?,
                (Next::Key | Next::KeyOrEnd, b'"') => self.key()?,
                (Next::Key | Next::KeyOrEnd, _) => return Err(self.not_a_key(byte)),
                (Next::Value | Next::ValueOrEnd, _) => self.value(byte)?,
            };
        }
    }

    fn value(&mut self, byte: u8) -> Result<Next, Stop> {
        let start = self.at;
        match byte {
            b'{' | b'[' => {
                let opened = if byte == b'{' {
                    self.tree.open_map(start)
                } else {
                    self.tree.open_list(start)
                };
                if opened == Err(TooDeep) {
                    return Err(too_deep(
                        self.sources,
                        self.tree.span(start..start.saturating_add(1)),
                    ));
                }
                self.brackets.push((byte, start));
                self.at = self.at.saturating_add(1);
                return Ok(if byte == b'{' {
                    Next::KeyOrEnd
                } else {
                    Next::ValueOrEnd
                });
            }
            b'"' => {
                let value = match self.string()? {
                    Some(text) => NodeValue::String(text),
                    None => NodeValue::Invalid,
                };
                self.add(start, value);
            }
            _ => {
                let value = self.word()?;
                self.add(start, value);
            }
        }
        Ok(Next::CommaOrEnd)
    }

    fn add(&mut self, start: usize, value: NodeValue) {
        let span = self.tree.span(start..self.at);
        self.tree.value(Node { span, value });
    }

    fn key(&mut self) -> Result<Next, Stop> {
        let start = self.at;
        let text = self.string()?;
        let span = self.tree.span(start..self.at);
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:` after the key").related(
                self.sources,
                span,
                "the key",
            ));
        }
        self.at = self.at.saturating_add(1);
        match text {
            Some(text) => self.tree.key(Spanned::new(text.value, span)),
            None => self.tree.refuse_key(),
        }
        Ok(Next::Value)
    }

    /// A number, `true`, `false`, `null`, or what somebody took for a value.
    fn word(&mut self) -> Result<NodeValue, Stop> {
        let rest = self.rest();
        let length = rest
            .bytes()
            .take_while(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_')
            })
            .count();
        let word = rest.get(..length).unwrap_or_default();
        if word.is_empty() {
            return Err(self.unexpected("a value"));
        }
        let span = self.here(length);
        self.at = self.at.saturating_add(length);
        let value = match word {
            "null" => NodeValue::Null,
            "true" => NodeValue::Bool(true),
            "false" => NodeValue::Bool(false),
            _ if is_json_number(word) => NodeValue::Number(word.to_owned()),
            _ => {
                let numeric = word
                    .starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
                    || matches!(word, "NaN" | "Infinity");
                let sources = self.sources;
                self.problems.error(|| {
                    if numeric {
                        Problem::at(
                            sources,
                            span,
                            ProblemCode::JsonNumber,
                            format!("{} is not a number of JSON", quoted(word)),
                        )
                        .help("write numbers like `5`, `-0.5` or `1e6`; put text in double quotes")
                    } else {
                        Problem::at(
                            sources,
                            span,
                            ProblemCode::JsonSyntax,
                            format!("{} is not a value of JSON", quoted(word)),
                        )
                        .help("put text in double quotes; only `true`, `false` and `null` stand without")
                    }
                });
                NodeValue::Invalid
            }
        };
        Ok(value)
    }

    /// A string; `None` if it was refused but its end is known.
    fn string(&mut self) -> Result<Option<Text>, Stop> {
        let quote = self.at;
        let start = quote.saturating_add(1);
        self.at = start;
        let mut value = String::new();
        let mut pieces = Pieces::default();
        let mut verbatim = true;
        let mut sound = true;
        loop {
            let rest = self.rest();
            let run = memchr::memchr3(b'"', b'\\', b'\n', rest.as_bytes()).unwrap_or(rest.len());
            let characters = rest.get(..run).unwrap_or_default();
            if !characters.is_empty() {
                sound &= self.has_no_tab(characters);
                value.push_str(characters);
                pieces.same(self.at, run);
                self.at = self.at.saturating_add(run);
            }
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    verbatim = false;
                    let from = self.at;
                    match self.escape() {
                        Ok(character) => {
                            value.push(character);
                            pieces.other(from..self.at, character.len_utf8());
                        }
                        Err(error) => {
                            sound = false;
                            self.report_escape(from..self.at, error);
                        }
                    }
                }
                _ => {
                    return Err(Problem::at(
                        self.sources,
                        self.tree.span(quote..start),
                        ProblemCode::JsonSyntax,
                        "this string is not closed at the end of its line",
                    )
                    .help("close it with `\"`; a line break inside a string is written `\\n`"));
                }
            }
        }
        let content = self.tree.span(start..self.at);
        self.at = self.at.saturating_add(1);
        Ok(sound.then(|| {
            if verbatim {
                Text::verbatim(value, content)
            } else {
                Text::in_pieces(value, content, pieces)
            }
        }))
    }

    fn has_no_tab(&mut self, characters: &str) -> bool {
        let Some(at) = memchr::memchr(b'\t', characters.as_bytes()) else {
            return true;
        };
        let at = self.at.saturating_add(at);
        let (sources, span) = (self.sources, self.tree.span(at..at.saturating_add(1)));
        self.problems.error(|| {
            Problem::at(
                sources,
                span,
                ProblemCode::JsonEscape,
                "a tab inside a string",
            )
            .help("write it as `\\t`")
        });
        false
    }

    /// The character that an escape stands for; what is no escape is stepped over.
    fn escape(&mut self) -> Result<char, EscapeError> {
        let character = self.rest().chars().nth(1);
        let simple = match character {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.at = self.at.saturating_add(2);
                return self.unicode_escape();
            }
            // The end of the line is the string's problem.
            None | Some('\n') => {
                self.at = self.at.saturating_add(1);
                return Err(EscapeError::Unknown);
            }
            Some(other) => {
                self.at = self.at.saturating_add(1).saturating_add(other.len_utf8());
                return Err(EscapeError::Unknown);
            }
        };
        self.at = self.at.saturating_add(2);
        Ok(simple)
    }

    fn unicode_escape(&mut self) -> Result<char, EscapeError> {
        let first = self.four_digits().ok_or(EscapeError::Digits)?;
        if let Some(character) = char::from_u32(first.into()) {
            return Ok(character);
        }
        let behind_first = self.at;
        let both = self.rest().starts_with("\\u").then(|| {
            self.at = self.at.saturating_add(2);
            let second = self.four_digits()?;
            char::decode_utf16([first, second]).next()?.ok()
        });
        both.flatten().ok_or_else(|| {
            self.at = behind_first;
            EscapeError::Half
        })
    }

    fn four_digits(&mut self) -> Option<u16> {
        let digits = self.rest().get(..4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at = self.at.saturating_add(4);
        u16::from_str_radix(digits, 16).ok()
    }

    fn report_escape(&mut self, range: Range<usize>, error: EscapeError) {
        let escape = quoted(self.text.get(range.clone()).unwrap_or_default().trim_end());
        let (message, help) = match error {
            EscapeError::Unknown => (
                format!("{escape} is no escape of JSON"),
                "write a backslash as `\\\\`",
            ),
            EscapeError::Digits => (
                format!("{escape} is no escape of JSON"),
                "`\\u` takes four hexadecimal digits, as in `\\u00e9`",
            ),
            EscapeError::Half => (
                format!("{escape} is half of a character"),
                "a surrogate must be followed by its other half, as in `\\ud83d\\ude00`",
            ),
        };
        let (sources, span) = (self.sources, self.tree.span(range));
        self.problems
            .error(|| Problem::at(sources, span, ProblemCode::JsonEscape, message).help(help));
    }

    fn close(&mut self) -> Next {
        self.at = self.at.saturating_add(1);
        self.brackets.pop();
        self.tree.close(Some(self.at), false, self.problems);
        Next::CommaOrEnd
    }

    fn close_matching(&mut self, byte: u8) -> Result<Next, Stop> {
        match self.brackets.last() {
            Some((b'{', _)) if byte == b'}' => Ok(self.close()),
            Some((b'[', _)) if byte == b']' => Ok(self.close()),
            Some((open, start)) => {
                let (open, wanted) = match open {
                    b'{' => ("{", "`,` or `}`"),
                    _ => ("[", "`,` or `]`"),
                };
                let span = self.tree.span(*start..start.saturating_add(1));
                Err(self.unexpected(wanted).related(
                    self.sources,
                    span,
                    format!("this `{open}` is open"),
                ))
            }
            None => Err(self.unexpected("the end of the file")),
        }
    }

    fn comma(&mut self) -> Next {
        let comma = self.here(1);
        self.at = self.at.saturating_add(1);
        self.skip_space();
        let in_map = matches!(self.brackets.last(), Some((b'{', _)));
        if !matches!(self.peek(), Some(b'}' | b']')) {
            return if in_map { Next::Key } else { Next::Value };
        }
        let sources = self.sources;
        self.problems.error(|| {
            Problem::at(
                sources,
                comma,
                ProblemCode::JsonSyntax,
                "a comma after the last entry",
            )
            .help("remove the comma: JSON allows none before a closing bracket")
        });
        Next::CommaOrEnd
    }

    fn missing_comma(&mut self, byte: u8) -> Result<Next, Stop> {
        let in_map = matches!(self.brackets.last(), Some((b'{', _)));
        let goes_on = match byte {
            b'"' => true,
            b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => !in_map,
            _ => false,
        };
        let expected = if in_map { "`,` or `}`" } else { "`,` or `]`" };
        if !goes_on {
            return Err(self.unexpected(expected));
        }
        let mut problems = std::mem::take(self.problems);
        problems.error(|| {
            self.unexpected(expected)
                .help("put a comma between the entries")
        });
        *self.problems = problems;
        Ok(if in_map { Next::Key } else { Next::Value })
    }

    fn not_a_key(&self, byte: u8) -> Stop {
        let problem = self.unexpected("a key in double quotes");
        match byte {
            b'\'' => problem.help("JSON has no single quotes: write `\"`"),
            _ if byte.is_ascii_alphabetic() => problem.help("put the key in double quotes"),
            _ => problem,
        }
    }

    fn unexpected(&self, expected: &str) -> Problem {
        let rest = self.rest();
        let word = rest
            .find(|character: char| !character.is_alphanumeric() && character != '_')
            .unwrap_or(rest.len());
        let length = match word {
            // A string up to its end, so that it can be recognised.
            0 if rest.starts_with('"') => rest
                .match_indices(['"', '\n'])
                .nth(1)
                .filter(|(_, last)| *last == "\"")
                .map_or(1, |(end, _)| end.saturating_add(1)),
            0 => rest.chars().next().map_or(0, char::len_utf8),
            length => length,
        };
        let found = rest.get(..length).unwrap_or_default();
        let problem = Problem::at(
            self.sources,
            self.here(length),
            ProblemCode::JsonSyntax,
            format!("expected {expected}, found {}", quoted(found)),
        );
        match found {
            "'" => problem.help("JSON has no single quotes: write `\"`"),
            "/" | "#" => problem
                .help("JSON has no comments: use a `description`, or write the policy in YAML"),
            _ => problem,
        }
    }

    fn unclosed(&self) -> Stop {
        match self.brackets.last() {
            Some((bracket, start)) => {
                let (open, close) = match bracket {
                    b'{' => ('{', '}'),
                    _ => ('[', ']'),
                };
                Problem::at(
                    self.sources,
                    self.tree.span(*start..start.saturating_add(1)),
                    ProblemCode::JsonSyntax,
                    format!("this `{open}` is never closed"),
                )
                .help(format!("write `{close}` where it ends"))
            }
            None => Problem::at(
                self.sources,
                self.here(0),
                ProblemCode::PolicyEmpty,
                "the file is empty",
            ),
        }
    }

    fn skip_space(&mut self) {
        let space = self
            .rest()
            .bytes()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.at = self.at.saturating_add(space);
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn here(&self, length: usize) -> stage0_engine::span::Span {
        let range: Range<usize> = self.at..self.at.saturating_add(length);
        self.tree.span(range)
    }
}
