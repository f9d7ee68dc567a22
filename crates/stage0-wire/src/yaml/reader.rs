//! From the events of the YAML scanner to a tree: what is taken, and what is refused on the way.
//!
//! Nothing stops here but nesting that is too deep: whatever else is refused is reported, left out
//! of the tree, and reading goes on.

use std::cell::Cell;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};
use stage0_engine::span::{Span, Spanned};

use super::COVER;
use super::diagnose::{self, diagnose};
use super::input::{ByteOffsets, EVENT_CHARACTERS_MAX, Metered};
use super::pieces::pieces;
use super::plain::{Plain, plain};
use super::scene::{Scene, Stop};
use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::{Problem, Problems};
use crate::sources::{Sources, index};
use crate::tree::{Node, NodeValue, Text, TooDeep, TreeBuilder, too_deep};

/// Reads the text once, up to its end or to where the scanner gives up.
pub(super) fn read(
    sources: &Sources,
    file: u16,
    text: &str,
    problems: &mut Problems,
) -> Result<Option<Node>, Stop> {
    let left = Cell::new(EVENT_CHARACTERS_MAX);
    let mut parser = Parser::new(Metered::new(text, &left));
    let mut reader = Reader {
        sources,
        text,
        offsets: ByteOffsets::new(text, sources.text(file).len()),
        tree: TreeBuilder::new(sources, file),
        open: Vec::new(),
        last_scalar: 0..0,
        last_is_block: false,
        key_is_plain: false,
        has_document: false,
        problems,
    };
    loop {
        left.set(EVENT_CHARACTERS_MAX);
        let event = parser.next_event();
        if left.get() == 0 {
            return Err(reader.too_long());
        }
        match event {
            None => break,
            Some(Err(error)) => {
                let at = reader.offsets.of(error.marker().index());
                return Err(diagnose(&reader.scene(), at, error.info()));
            }
            Some(Ok((event, span))) => {
                let start = reader.offsets.of(span.start.index());
                let end = reader.offsets.of(span.end.index()).max(start);
                if !reader.event(event, start..end)? {
                    break;
                }
            }
        }
    }
    let has_document = reader.has_document;
    let root = reader.tree.finish();
    let is_written = root
        .as_ref()
        .is_some_and(|root| root.value != NodeValue::Null || root.span.end > root.span.start);
    if !has_document || !is_written {
        problems.error(|| {
            Problem::at(
                sources,
                Span::new(file, 0, 0),
                ProblemCode::PolicyEmpty,
                "the file says nothing: it has only comments or blank lines",
            )
        });
        return Ok(None);
    }
    Ok(root)
}

/// A list or map that is open.
#[derive(Debug, Clone, Copy)]
struct Open {
    start: usize,
    /// Written with brackets.
    is_flow: bool,
    /// A `key: value` that stands in a bracketed list without braces of its own.
    is_pair: bool,
    /// Not the list or map that was meant, as was reported.
    is_refused: bool,
}

struct Reader<'a> {
    sources: &'a Sources,
    /// The text that is read: the file's, with unreadable values covered.
    text: &'a str,
    offsets: ByteOffsets<'a>,
    tree: TreeBuilder<'a>,
    open: Vec<Open>,
    last_scalar: Range<usize>,
    last_is_block: bool,
    key_is_plain: bool,
    has_document: bool,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    /// Takes one event; false once nothing more is of interest.
    fn event(&mut self, event: Event<'_>, at: Range<usize>) -> Result<bool, Stop> {
        match event {
            Event::DocumentStart(_) => return Ok(self.document(at)),
            Event::Scalar(value, style, anchor, tag) => {
                self.last_scalar = at.clone();
                self.last_is_block = is_block(style);
                if tag.is_some() || anchor > 0 {
                    self.refuse_property(at.start);
                    self.refuse(at);
                } else if self.tree.expects_key() {
                    self.key(value.into_owned(), style, at);
                } else {
                    self.scalar(value.into_owned(), style, at);
                }
            }
            Event::Alias(_) => {
                self.refuse_property(at.start);
                self.refuse(at);
            }
            Event::SequenceStart(anchor, tag) => {
                if tag.is_some() || anchor > 0 {
                    self.refuse_property(at.start);
                }
                self.open(at, true)?;
            }
            Event::MappingStart(anchor, tag) => {
                if tag.is_some() || anchor > 0 {
                    self.refuse_property(at.start);
                }
                self.open(at, false)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at.start),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(true)
    }

    fn document(&mut self, at: Range<usize>) -> bool {
        if self.has_document {
            self.problem(
                at,
                ProblemCode::YamlDocuments,
                "a second document begins here",
                |problem| {
                    problem.help("a policy is one document: move the rest to a file of its own")
                },
            );
            return false;
        }
        self.has_document = true;
        let mut line_start: usize = 0;
        for line in self
            .text
            .get(..at.start)
            .unwrap_or_default()
            .split_inclusive('\n')
        {
            if line.starts_with('%') {
                let end = line_start.saturating_add(line.trim_end().len());
                self.problem(
                    line_start..end,
                    ProblemCode::YamlDirective,
                    "a YAML directive has no place in a policy",
                    |problem| {
                        problem.help(
                            "remove the line: policies are read as YAML 1.2, and have no tags",
                        )
                    },
                );
            }
            line_start = line_start.saturating_add(line.len());
        }
        true
    }

    fn open(&mut self, at: Range<usize>, is_list: bool) -> Result<(), Stop> {
        let token = self.text.get(at.clone()).unwrap_or_default().trim_end();
        // A block list or map has no token of its own; before brackets a tag or an anchor may stand.
        let is_flow = token.starts_with(['[', '{']) || token.ends_with(['[', '{']);
        let is_inside_flow = self.is_in_flow();
        let start = if is_list && !is_flow {
            self.dash_before(at.start)
        } else {
            at.start
        };
        let is_key = self.tree.expects_key();
        if is_key {
            self.refuse_container_key(start);
        } else if !is_inside_flow {
            self.check_indentation(start);
        }
        let opened = if is_list {
            self.tree.open_list(start)
        } else {
            self.tree.open_map(start)
        };
        if opened == Err(TooDeep) {
            let span = self.tree.span(start..start.saturating_add(1));
            return Err(Stop::last(too_deep(self.sources, span)));
        }
        self.open.push(Open {
            start,
            is_flow,
            is_pair: !is_list && !is_flow && is_inside_flow,
            is_refused: is_key,
        });
        Ok(())
    }

    fn close(&mut self, at: usize) {
        let Some(open) = self.open.pop() else {
            return;
        };
        let end = open.is_flow.then(|| at.saturating_add(1));
        self.tree
            .close(end, open.is_refused || open.is_pair, self.problems);
        if open.is_pair {
            let pair = self.text.get(open.start..at).unwrap_or_default().trim_end();
            let help = format!(
                "write {} if it is text, or `{{ {pair} }}` if it is a map",
                single_quoted(pair)
            );
            self.problem(
                open.start..open.start.saturating_add(pair.len()),
                ProblemCode::YamlPair,
                "a `key: value` in a list needs braces of its own",
                |problem| problem.help(help),
            );
        }
    }

    fn key(&mut self, name: String, style: ScalarStyle, at: Range<usize>) {
        let is_plain = style == ScalarStyle::Plain;
        self.key_is_plain = is_plain;
        let at = match quotes(self.text, at.start, style) {
            Some((whole, _)) => whole,
            None => at,
        };
        if !self.is_in_flow() {
            self.check_indentation(at.start);
        }
        if is_plain && name.starts_with(COVER) {
            self.tree.refuse_key();
            return;
        }
        let written = self.text.get(at.clone()).unwrap_or_default();
        if memchr::memchr(b'\n', written.as_bytes()).is_some() {
            self.refuse_key(at, "a key of several lines", "write the key on one line");
            return;
        }
        if is_plain && name.is_empty() {
            let colon = at.start..at.start.saturating_add(1);
            self.refuse_key(
                colon,
                "there is no key before this `:`",
                "write the key before it, or put text that begins with `:` in quotes",
            );
            return;
        }
        let before = self.text.get(..at.start).unwrap_or_default();
        if is_block(style) || before.trim_end_matches([' ', '\t']).ends_with('?') {
            self.refuse_key(at, "a key that is introduced by `?`", "write `key: value`");
            return;
        }
        if !is_plain {
            self.accept_key(name, at);
            return;
        }
        if name == "<<" {
            self.problem(
                at,
                ProblemCode::YamlMergeKey,
                "the merge key `<<` has no meaning in a policy",
                |problem| problem.help("write the keys out, or share rules with `extends`"),
            );
            self.tree.refuse_key();
            return;
        }
        match plain(&name) {
            Plain::Text if self.is_reserved(&name) => {
                self.refuse_indicator(at.start);
                self.tree.refuse_key();
            }
            // Coordinates are called `y` and counts `n`; as a key nobody means the boolean.
            Plain::LikeBool(_) if name.len() == 1 => self.accept_key(name, at),
            Plain::Text if holds_choice(&name) => {
                let message = "YAML takes the `: ` of this condition for the end of a key";
                self.problem(at, ProblemCode::YamlColon, message, |problem| {
                    problem.help("put the whole condition in single quotes, or write it under `|`")
                });
                self.tree.refuse_key();
                self.refuse_open();
            }
            Plain::Text => self.accept_key(name, at),
            meaning => {
                let kind = match meaning {
                    Plain::Null => "null",
                    Plain::LikeNull => "null to some versions of YAML",
                    Plain::Bool(_) => "a boolean",
                    Plain::LikeBool(_) => "a boolean to some versions of YAML",
                    Plain::Number | Plain::LikeNumber | Plain::Text => "a number",
                };
                let message = format!("the key {} is {kind}, not text", quoted(&name));
                self.refuse_key(at, &message, &format!("put it in quotes: `\"{name}\"`"));
            }
        }
    }

    fn accept_key(&mut self, name: String, at: Range<usize>) {
        let span = self.tree.span(at);
        self.tree.key(Spanned::new(name, span));
    }

    fn refuse_key(&mut self, at: Range<usize>, message: &str, help: &str) {
        self.problem(at, ProblemCode::YamlKey, message, |problem| {
            problem.help(help)
        });
        self.tree.refuse_key();
    }

    fn refuse_container_key(&mut self, start: usize) {
        let before = self.text.get(..start).unwrap_or_default();
        let is_template = before.ends_with('{');
        let help = match self.text.as_bytes().get(start) {
            Some(b'{') if is_template => {
                "templates such as `{{ name }}` are not filled in; put it in single quotes if it is text"
            }
            Some(b'{') => "a value that begins with `{` is a map: put text in single quotes",
            Some(b'[') => "a value that begins with `[` is a list: put text in single quotes",
            _ => "write `key: value`",
        };
        if is_template {
            self.refuse_open();
        }
        let first = self.text.get(start..).unwrap_or_default().chars().next();
        self.problem(
            start..start.saturating_add(first.map_or(0, char::len_utf8)),
            ProblemCode::YamlKey,
            "a list or map cannot be a key",
            |problem| problem.help(help),
        );
    }

    /// Leaves out the innermost list or map as a whole, once it ends.
    fn refuse_open(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.is_refused = true;
        }
    }

    fn scalar(&mut self, value: String, style: ScalarStyle, at: Range<usize>) {
        if !self.is_in_flow() && self.tree.is_in_list() {
            self.check_indentation(at.start);
        }
        if style != ScalarStyle::Plain {
            let (whole, text) = self.text_of(value, style, at);
            self.add(whole, NodeValue::String(text));
            return;
        }
        if value.is_empty() {
            self.nothing(at.start);
            return;
        }
        if value.starts_with(COVER) {
            self.add(at, NodeValue::Invalid);
            return;
        }
        let meant = match plain(&value) {
            Plain::Null => NodeValue::Null,
            Plain::Bool(value) => NodeValue::Bool(value),
            Plain::Number => NodeValue::Number(value),
            Plain::Text if self.is_reserved(&value) => {
                self.refuse_indicator(at.start);
                NodeValue::Invalid
            }
            Plain::Text => {
                self.check_comment(&value, at.end);
                let (whole, text) = self.text_of(value, style, at);
                self.add(whole, NodeValue::String(text));
                return;
            }
            meaning => {
                self.refuse_word(&value, meaning, at.clone());
                NodeValue::Invalid
            }
        };
        self.add(at, meant);
    }

    /// Whether an unquoted text in brackets begins with a character that some readers give a
    /// meaning there; outside brackets the scanner does so itself.
    fn is_reserved(&self, text: &str) -> bool {
        self.is_in_flow() && text.starts_with(['|', '>', '?'])
    }

    /// Reports the reserved character at `start`.
    fn refuse_indicator(&mut self, start: usize) {
        let mut problems = std::mem::take(self.problems);
        problems.error(|| diagnose::indicator(&self.scene(), start));
        *self.problems = problems;
    }

    /// Reports an unquoted value that is not read alike everywhere.
    fn refuse_word(&mut self, value: &str, meaning: Plain, at: Range<usize>) {
        let word = quoted(value);
        let (code, message, instead) = match meaning {
            Plain::LikeNumber => (
                ProblemCode::YamlNumber,
                format!("versions of YAML do not agree on what {word} is"),
                String::from("a number like `10`, `-0.5` or `1e6`"),
            ),
            Plain::LikeBool(meaning) => (
                ProblemCode::YamlAmbiguous,
                format!("{word} is a boolean to some versions of YAML and text to others"),
                format!("`{meaning}`"),
            ),
            _ => (
                ProblemCode::YamlAmbiguous,
                format!("{word} is null to some versions of YAML and text to others"),
                String::from("`null`"),
            ),
        };
        self.problem(at, code, message, |problem| {
            problem.help(format!("write {instead}, or `\"{value}\"` if it is text"))
        });
    }

    /// A value that is not written: `key:` and nothing else.
    #[inline(never)]
    fn nothing(&mut self, at: usize) {
        let in_flow = self.is_in_flow();
        let Some(key) = self.tree.pending_key().cloned() else {
            let place = if self.tree.is_in_list() {
                let dash = self.dash_before(at);
                let behind_dash = dash.saturating_add(1);
                self.check_comment("", behind_dash);
                dash..behind_dash
            } else {
                at..at
            };
            self.add(place, NodeValue::Null);
            return;
        };
        if in_flow && self.key_is_plain && key.value.contains(':') {
            let message = format!(
                "{} is a key without a value: a `:` needs a space behind it",
                quoted(&key.value)
            );
            let spaced = key.value.replacen(':', ": ", 1);
            self.problems.error(|| {
                Problem::at(self.sources, key.span, ProblemCode::YamlColon, message).help(format!(
                    "write `{spaced}`, or put it in quotes if it is text"
                ))
            });
            self.tree.value(Node {
                span: key.span,
                value: NodeValue::Invalid,
            });
            return;
        }
        let behind_key = self.text.get(index(key.span.end)..).unwrap_or_default();
        let blanks = behind_key.trim_start_matches([' ', '\t']);
        if let Some(behind_colon) = blanks.strip_prefix(':') {
            self.check_comment("", self.text.len().saturating_sub(behind_colon.len()));
        }
        self.tree.value(Node {
            span: key.span,
            value: NodeValue::Null,
        });
    }

    fn add(&mut self, at: Range<usize>, value: NodeValue) {
        let span = self.tree.span(at);
        self.tree.value(Node { span, value });
    }

    /// Leaves out what stands where a key or a value is expected.
    fn refuse(&mut self, at: Range<usize>) {
        if self.tree.expects_key() {
            self.tree.refuse_key();
        } else {
            self.add(at, NodeValue::Invalid);
        }
    }

    /// Reports the tag, anchor or alias that stands at `start`.
    fn refuse_property(&mut self, start: usize) {
        let mut problems = std::mem::take(self.problems);
        problems.error(|| diagnose::property(&self.scene(), start));
        *self.problems = problems;
    }

    /// The text of a scalar and where all of it stands, quotes included.
    fn text_of(&self, value: String, style: ScalarStyle, at: Range<usize>) -> (Range<usize>, Text) {
        let (whole, content) = match quotes(self.text, at.start, style) {
            Some(places) => places,
            None if is_block(style) => {
                let raw = self.text.get(at.clone()).unwrap_or_default();
                let trimmed = at.start..at.start.saturating_add(raw.trim_end().len());
                // The scanner counts the last line break as content; as a place it is of no use.
                (trimmed, at)
            }
            None => (at.clone(), at),
        };
        let raw = self.text.get(content.clone()).unwrap_or_default();
        let span = self.tree.span(content.start..content.end.min(whole.end));
        let text = if raw == value {
            Text::verbatim(value, span)
        } else {
            let pieces = pieces(raw, content.start, &value, style).unwrap_or_default();
            Text::in_pieces(value, span, pieces)
        };
        (whole, text)
    }

    /// Warns where ` #` has probably cut an unquoted value short, or off.
    fn check_comment(&mut self, value: &str, end: usize) {
        // No further than needed: the line may be as long as the file, and hold as many values.
        let rest = self.text.get(end..).unwrap_or_default();
        let comment = rest.trim_start_matches([' ', '\t']);
        if !comment.starts_with('#') {
            return;
        }
        let start = end.saturating_add(rest.len().saturating_sub(comment.len()));
        let comment = comment.lines().next().unwrap_or_default().trim_end();
        let words = comment.trim_start_matches('#');
        let is_spaced = words.is_empty() || words.starts_with([' ', '\t', '#', '!', '-', '=']);
        if is_spaced && !diagnose::is_cut_short(value) {
            return;
        }
        let at = start..start.saturating_add(comment.len());
        let span = self.tree.span(at);
        self.problems.warning(|| {
            Problem::at(
                self.sources,
                span,
                ProblemCode::YamlComment,
                "a `#` behind a space begins a comment: this is not part of the value",
            )
            .help("if it should be, put the whole value in quotes; if not, write a space behind the `#`")
        });
    }

    /// Reports a tab before the first word of a line.
    fn check_indentation(&mut self, start: usize) {
        let before = self.line_before(start);
        let Some(tab) = before.find('\t') else {
            return;
        };
        if !before
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'\t' | b'-'))
        {
            return;
        }
        let at = start.saturating_sub(before.len()).saturating_add(tab);
        let mut problems = std::mem::take(self.problems);
        problems.error(|| diagnose::tab(&self.scene(), at));
        *self.problems = problems;
    }

    /// Where the `-` of the list entry stands that begins at or before `at`.
    fn dash_before(&self, at: usize) -> usize {
        let before = self.line_before(at);
        let line_start = at.saturating_sub(before.len());
        match before.trim_end_matches([' ', '\t']).strip_suffix('-') {
            Some(head) => line_start.saturating_add(head.len()),
            // A comment may stand between.
            None if before.trim_start_matches(' ').starts_with("- ") => {
                line_start.saturating_add(before.find('-').unwrap_or(0))
            }
            None => at,
        }
    }

    /// The text between the beginning of the line and `at`.
    fn line_before(&self, at: usize) -> &str {
        let before = self.text.get(..at).unwrap_or_default();
        match memchr::memrchr(b'\n', before.as_bytes()) {
            Some(line_break) => before
                .get(line_break.saturating_add(1)..)
                .unwrap_or_default(),
            None => before,
        }
    }

    fn is_in_flow(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| open.is_flow || open.is_pair)
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            sources: self.sources,
            tree: &self.tree,
            text: self.text,
            last_scalar: self.last_scalar.clone(),
            last_is_block: self.last_is_block,
            open_bracket: self
                .open
                .iter()
                .rev()
                .find(|open| open.is_flow)
                .map(|open| open.start),
            last_key_end: self.tree.pending_key().map(|key| index(key.span.end)),
        }
    }

    fn too_long(&self) -> Stop {
        let span = match (self.tree.pending_key(), self.tree.open_start()) {
            (Some(key), _) => key.span,
            (None, start) => {
                let start = start.unwrap_or(0);
                self.tree.span(start..start.saturating_add(1))
            }
        };
        Stop::last(
            Problem::at(
                self.sources,
                span,
                ProblemCode::PolicyValueTooLong,
                format!("one text, or one value in brackets, is longer than {EVENT_CHARACTERS_MAX} characters"),
            )
            .help("write long lists and maps in block style, one entry a line"),
        )
    }

    fn problem(
        &mut self,
        at: Range<usize>,
        code: ProblemCode,
        message: impl AsRef<str>,
        complete: impl FnOnce(Problem) -> Problem,
    ) {
        let (sources, span) = (self.sources, self.tree.span(at));
        self.problems
            .error(|| complete(Problem::at(sources, span, code, message)));
    }
}

/// Where a quoted scalar stands with its quotes and without; `None` for other styles.
fn quotes(text: &str, start: usize, style: ScalarStyle) -> Option<(Range<usize>, Range<usize>)> {
    let is_single = match style {
        ScalarStyle::SingleQuoted => true,
        ScalarStyle::DoubleQuoted => false,
        ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => return None,
    };
    let inner = start.saturating_add(1);
    let rest = text.get(inner..)?.as_bytes();
    let mut at: usize = 0;
    loop {
        let tail = rest.get(at..)?;
        let special = if is_single {
            memchr::memchr(b'\'', tail)
        } else {
            memchr::memchr2(b'"', b'\\', tail)
        }?;
        at = at.saturating_add(special);
        match rest.get(at..) {
            Some([b'\'', b'\'', ..] | [b'\\', ..]) => at = at.saturating_add(2),
            _ => break,
        }
    }
    let end = inner.saturating_add(at);
    Some((start..end.saturating_add(1), inner..end))
}

/// Whether a text holds the ` ? ` of a condition. Most have no question mark at all.
fn holds_choice(text: &str) -> bool {
    memchr::memchr(b'?', text.as_bytes()).is_some() && text.contains(" ? ")
}

fn is_block(style: ScalarStyle) -> bool {
    matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
}

/// A text as a person would put it in single quotes, for advice.
fn single_quoted(text: &str) -> String {
    format!("`'{}'`", text.replace('\'', "''"))
}
