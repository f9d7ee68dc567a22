//! The one form of everything that is wrong with a policy, a request or a test file.
//!
//! Every reader and checker reports [`Problem`]s: a code for programs, a sentence for people, the
//! places, and what to do about it. They are rendered as text for a person or as JSON for a host,
//! and the words are final where a problem is made: whatever the user wrote is already spelled out
//! so that it cannot write to a terminal. This module neither finds problems nor prints them.

use std::fmt::Write as _;

use stage0_engine::canonical::write_string;
use stage0_engine::limits::{POLICY_BYTES_MAX, POLICY_FILES_MAX, PROBLEMS_MAX};
use stage0_engine::span::Span;

use crate::codes::ProblemCode;
use crate::escape::{shown, shown_columns, write_shown};
use crate::sources::{SourceError, SourceErrorKind, Sources, index};

/// Columns of a source line that an excerpt shows; a longer line is cut around the place.
const EXCERPT_COLUMNS_MAX: usize = 160;
/// Columns that are kept before the place when a line is cut: enough to see what it belongs to.
const EXCERPT_LEAD_COLUMNS: usize = 60;
/// Problems that are kept until they are sorted: enough for a good choice of [`PROBLEMS_MAX`].
const PROBLEMS_KEPT_MAX: usize = PROBLEMS_MAX.saturating_mul(4);

/// Characters of a message, a help or a label: whatever the user wrote, none is longer.
const WORDS_CHARS_MAX: usize = 1_000;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but probably does not say what was meant.
    Warning,
}

impl Severity {
    /// The word as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place in a file, with the line shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file's name as the host gave it.
    pub file: String,
    /// First line, from 1.
    pub line: u32,
    /// First character within that line, from 1.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// One past the last character, within its line, from 1.
    pub end_column: u32,
    /// The first line as a person may see it, a line break, and the marks below the place; empty
    /// where the problem is the file as a whole.
    pub excerpt: String,
}

impl Location {
    fn new(sources: &Sources, span: Span, mark: char) -> Self {
        let start = sources.position(span.file, span.start);
        let end = sources.position(span.file, span.end.max(span.start));
        let (line, line_start) = sources.line_at(span.file, span.start);
        let relative = |offset: u32| index(offset.saturating_sub(line_start));
        Self {
            file: shown(sources.name(span.file)),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            excerpt: excerpt(line, relative(span.start), relative(span.end), mark),
        }
    }

    fn write_json(&self, out: &mut String) {
        out.push_str("{\"file\":");
        write_string(out, &self.file);
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            ",\"line\":{},\"column\":{},\"end_line\":{},\"end_column\":{},\"excerpt\":",
            self.line, self.column, self.end_line, self.end_column
        );
        write_string(out, &self.excerpt);
        out.push('}');
    }
}

/// Another place that a problem has to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// What is there, in a few words.
    pub label: String,
    /// Where it is.
    pub location: Location,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    severity: Severity,
    code: ProblemCode,
    message: String,
    help: Option<String>,
    locations: Vec<Location>,
    related: Vec<Related>,
    /// Where it stands in the sorted list; without a place it comes first.
    place: Option<Span>,
}

impl Problem {
    /// An error without a place.
    pub fn new(code: ProblemCode, message: impl AsRef<str>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: words(message.as_ref()),
            help: None,
            locations: Vec::new(),
            related: Vec::new(),
            place: None,
        }
    }

    /// An error at a place.
    pub fn at(sources: &Sources, span: Span, code: ProblemCode, message: impl AsRef<str>) -> Self {
        Self {
            locations: vec![Location::new(sources, span, '^')],
            place: Some(span),
            ..Self::new(code, message)
        }
    }

    /// An error of a file whose text is not among the sources.
    pub fn in_file(name: &str, line: u32, code: ProblemCode, message: impl AsRef<str>) -> Self {
        let location = Location {
            file: shown(name),
            line,
            column: 1,
            end_line: line,
            end_column: 1,
            excerpt: String::new(),
        };
        Self {
            locations: vec![location],
            ..Self::new(code, message)
        }
    }

    /// Says in which line of a file the text stands that it is about, where that text is one line.
    #[must_use]
    pub fn in_line(mut self, line: u32) -> Self {
        for location in &mut self.locations {
            (location.line, location.end_line) = (line, line);
        }
        self
    }

    /// Says what to do about it. A later help replaces an earlier one.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(words(help.as_ref()));
        self
    }

    /// Points at another place, and says what is there.
    #[must_use]
    pub fn related(mut self, sources: &Sources, span: Span, label: impl AsRef<str>) -> Self {
        self.related.push(Related {
            label: words(label.as_ref()),
            location: Location::new(sources, span, '-'),
        });
        self
    }

    /// The same, as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What kind of problem it is.
    pub fn code(&self) -> ProblemCode {
        self.code
    }

    /// What is wrong, as one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Where it is.
    pub fn locations(&self) -> &[Location] {
        &self.locations
    }

    /// Other places that it has to do with.
    pub fn related_places(&self) -> &[Related] {
        &self.related
    }

    /// The problem as a person reads it, without colours, ending in a line break.
    pub fn render(&self) -> String {
        self.render_with(&Plain)
    }

    /// The problem as a person reads it, each part painted.
    pub fn render_with(&self, paint: &dyn Paint) -> String {
        let mut out = String::new();
        let heading = match self.severity {
            Severity::Error => Part::Error,
            Severity::Warning => Part::Warning,
        };
        let label = format!("{}[{}]", self.severity.as_str(), self.code);
        paint.paint(heading, &label, &mut out);
        paint.paint(Part::Message, &format!(": {}", self.message), &mut out);
        out.push('\n');

        let related = self.related.iter().map(|related| &related.location);
        let last_line = self.locations.iter().chain(related).map(|place| place.line);
        let gutter = digits(last_line.max().unwrap_or(0));
        for location in &self.locations {
            render_location(&mut out, paint, location, gutter, "-->", heading, "");
        }
        for related in &self.related {
            render_location(
                &mut out,
                paint,
                &related.location,
                gutter,
                ":::",
                Part::Related,
                &related.label,
            );
        }
        if let Some(help) = &self.help {
            paint.paint(Part::Gutter, &format!("{:gutter$} = ", ""), &mut out);
            paint.paint(Part::Help, "help", &mut out);
            out.push_str(": ");
            out.push_str(help);
            out.push('\n');
        }
        out
    }

    /// The problem as canonical JSON: always the same members in the same order.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        out.push_str("{\"code\":");
        write_string(out, self.code.as_str());
        out.push_str(",\"severity\":");
        write_string(out, self.severity.as_str());
        out.push_str(",\"message\":");
        write_string(out, &self.message);
        out.push_str(",\"help\":");
        match &self.help {
            Some(help) => write_string(out, help),
            None => out.push_str("null"),
        }
        out.push_str(",\"locations\":[");
        for (position, location) in self.locations.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            location.write_json(out);
        }
        out.push_str("],\"related\":[");
        for (position, related) in self.related.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            out.push_str("{\"label\":");
            write_string(out, &related.label);
            out.push_str(",\"location\":");
            related.location.write_json(out);
            out.push('}');
        }
        out.push_str("]}");
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.render().trim_end())
    }
}

impl std::error::Error for Problem {}

/// A list of problems as a JSON array, each as [`Problem::to_json`] writes it.
pub fn problems_to_json(problems: &[Problem]) -> String {
    let mut out = String::from("[");
    for (position, problem) in problems.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        problem.write_json(&mut out);
    }
    out.push(']');
    out
}

/// What a piece of a rendered problem is, so that a terminal can colour it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// `error[CODE]`, and the marks below the place of an error.
    Error,
    /// `warning[CODE]`, and the marks below the place of a warning.
    Warning,
    /// The message.
    Message,
    /// Arrows, line numbers and the bar beside the source.
    Gutter,
    /// The marks below a related place, and their label.
    Related,
    /// The word `help`.
    Help,
}

/// How the parts of a rendered problem are coloured.
pub trait Paint {
    /// Appends `text` to `out`, with whatever makes it look like its part.
    fn paint(&self, part: Part, text: &str, out: &mut String);
}

/// No colours.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Paint for Plain {
    fn paint(&self, _part: Part, text: &str, out: &mut String) {
        out.push_str(text);
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        let SourceError { name, kind } = error;
        match kind {
            SourceErrorKind::TooLarge(bytes) => Self::in_file(
                &name,
                1,
                ProblemCode::PolicyFileTooLarge,
                format!("the file has {bytes} bytes, more than {POLICY_BYTES_MAX}"),
            ),
            SourceErrorKind::TooMany => Self::in_file(
                &name,
                1,
                ProblemCode::PolicyTooManyFiles,
                format!("a policy is made of at most {POLICY_FILES_MAX} files"),
            ),
            SourceErrorKind::NotUtf8 { at, line, is_utf16 } => Self::in_file(
                &name,
                line,
                ProblemCode::PolicyNotUtf8,
                format!("byte {at} of the file is not UTF-8 text"),
            )
            .help(if is_utf16 {
                "the file looks like UTF-16: save it as UTF-8"
            } else {
                "save the file as UTF-8"
            }),
        }
    }
}

/// Collects problems, in any order and number.
///
/// Memory stays bounded however many there are: beyond a few times [`PROBLEMS_MAX`] they are only
/// counted, and not even made.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    errors: usize,
    uncounted: usize,
}

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        if problem.severity == Severity::Error {
            self.errors = self.errors.saturating_add(1);
        }
        self.keep(|| problem);
    }

    /// Adds an error, which is made only if there is still room for it.
    pub fn error(&mut self, make: impl FnOnce() -> Problem) {
        self.errors = self.errors.saturating_add(1);
        self.keep(make);
    }

    /// Adds a warning, which is made only if there is still room for it.
    pub fn warning(&mut self, make: impl FnOnce() -> Problem) {
        self.keep(|| make().warning());
    }

    /// Adds all that another collector holds.
    pub fn append(&mut self, other: Self) {
        let Self {
            list,
            errors,
            uncounted,
        } = other;
        self.errors = self.errors.saturating_add(errors);
        self.uncounted = self.uncounted.saturating_add(uncounted);
        for problem in list {
            self.keep(|| problem);
        }
    }

    /// Whether anything was reported that forbids using the file.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors were reported.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// Where the errors are that have a place, of those that were kept.
    pub(crate) fn places(&self) -> impl Iterator<Item = Span> {
        let errors = self.list.iter();
        let errors = errors.filter(|problem| problem.severity == Severity::Error);
        errors.filter_map(|problem| problem.place)
    }

    /// Whether nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The problems by file, place and code, each once, and at most [`PROBLEMS_MAX`] of them with a
    /// last one that says how many are left out.
    pub fn finish(self) -> Vec<Problem> {
        let Self {
            mut list,
            errors,
            uncounted,
        } = self;
        list.sort_by(|left, right| {
            (left.place, left.code, &left.message).cmp(&(right.place, right.code, &right.message))
        });
        list.dedup_by(|later, earlier| {
            // Files that could not be read have no place, only a name.
            (later.place, later.code, &later.message, &later.locations)
                == (
                    earlier.place,
                    earlier.code,
                    &earlier.message,
                    &earlier.locations,
                )
        });
        let left_out = list
            .len()
            .saturating_sub(PROBLEMS_MAX)
            .saturating_add(uncounted);
        if left_out > 0 {
            list.truncate(PROBLEMS_MAX);
            let problem = Problem::new(
                ProblemCode::ProblemsTruncated,
                format!("{left_out} more problems are not shown"),
            )
            .help("solve the first ones: later problems often follow from them");
            list.push(if errors > 0 {
                problem
            } else {
                problem.warning()
            });
        }
        list
    }

    fn keep(&mut self, make: impl FnOnce() -> Problem) {
        if self.list.len() < PROBLEMS_KEPT_MAX {
            self.list.push(make());
        } else {
            self.uncounted = self.uncounted.saturating_add(1);
        }
    }
}

/// Words as a person may see them, on one line and of a length that can be read.
fn words(text: &str) -> String {
    match text.char_indices().nth(WORDS_CHARS_MAX) {
        Some((end, _)) => format!("{}...", shown(text.get(..end).unwrap_or_default())),
        None => shown(text),
    }
}

/// The line as a person may see it and, on a second line, marks below the bytes from `start` to
/// `end`; always at least one mark, also at the line's end.
fn excerpt(line: &str, start: usize, end: usize, mark: char) -> String {
    let start = start.min(line.len());
    let end = end.clamp(start, line.len());
    let head = line.get(..start).unwrap_or_default();
    let cut = width_exceeds(line, EXCERPT_COLUMNS_MAX);

    // Walk back from the place to where the excerpt begins.
    let mut begin = start;
    if cut {
        let mut lead: usize = 0;
        for (at, character) in head.char_indices().rev() {
            lead = lead.saturating_add(shown_columns(character));
            if lead > EXCERPT_LEAD_COLUMNS {
                break;
            }
            begin = at;
        }
    } else {
        begin = 0;
    }

    let mut text = String::new();
    let mut columns: usize = 0;
    if begin > 0 {
        text.push_str("...");
        columns = 3;
    }
    let mut mark_from = None;
    let mut mark_to = 0;
    for (relative, character) in line.get(begin..).unwrap_or_default().char_indices() {
        let at = begin.saturating_add(relative);
        if cut && columns.saturating_add(shown_columns(character)) > EXCERPT_COLUMNS_MAX {
            text.push_str("...");
            break;
        }
        if at >= start && mark_from.is_none() {
            mark_from = Some(columns);
        }
        write_shown(&mut text, character);
        columns = columns.saturating_add(shown_columns(character));
        if at < end {
            mark_to = columns;
        }
    }
    let mark_from = mark_from.unwrap_or(columns);
    let marks = mark_to.saturating_sub(mark_from).max(1);

    let mut out = text.trim_end().to_owned();
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', mark_from));
    out.extend(std::iter::repeat_n(mark, marks));
    out
}

fn width_exceeds(line: &str, columns_max: usize) -> bool {
    let mut columns: usize = 0;
    line.chars().any(|character| {
        columns = columns.saturating_add(shown_columns(character));
        columns > columns_max
    })
}

fn render_location(
    out: &mut String,
    paint: &dyn Paint,
    location: &Location,
    gutter: usize,
    arrow: &str,
    part: Part,
    label: &str,
) {
    let Location {
        file, line, column, ..
    } = location;
    paint.paint(Part::Gutter, &format!("{:gutter$}{arrow} ", ""), out);
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{file}:{line}:{column}");
    if let Some((source, marks)) = location.excerpt.split_once('\n') {
        paint.paint(Part::Gutter, &format!("{:gutter$} |", ""), out);
        out.push('\n');
        paint.paint(Part::Gutter, &format!("{line:gutter$} |"), out);
        if !source.is_empty() {
            out.push(' ');
            out.push_str(source);
        }
        out.push('\n');
        paint.paint(Part::Gutter, &format!("{:gutter$} |", ""), out);
        out.push(' ');
        paint.paint(part, marks, out);
        if !label.is_empty() {
            out.push(' ');
            paint.paint(part, label, out);
        }
        out.push('\n');
    }
}

fn digits(number: u32) -> usize {
    usize::try_from(number.checked_ilog10().unwrap_or(0))
        .unwrap_or(0)
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::new();
        sources.add("a.yaml", text).unwrap();
        sources
    }

    fn at(sources: &Sources, start: u32, end: u32) -> Problem {
        Problem::at(
            sources,
            Span::new(0, start, end),
            ProblemCode::YamlSyntax,
            "it is wrong",
        )
    }

    #[test]
    fn a_problem_is_shown_with_its_place_and_help() {
        let sources = sources("rules:\n  - id: a\n    descripton: x\n");
        let problem = at(&sources, 21, 31)
            .related(&sources, Span::new(0, 11, 13), "the rule")
            .help("do it right");
        assert_eq!(
            problem.render(),
            "error[YAML_SYNTAX]: it is wrong\n \
             --> a.yaml:3:5\n  \
             |\n\
             3 |     descripton: x\n  \
             |     ^^^^^^^^^^\n \
             ::: a.yaml:2:5\n  \
             |\n\
             2 |   - id: a\n  \
             |     -- the rule\n  \
             = help: do it right\n"
        );
        assert_eq!(
            problem.to_json(),
            "{\"code\":\"YAML_SYNTAX\",\"severity\":\"error\",\"message\":\"it is wrong\",\
             \"help\":\"do it right\",\"locations\":[{\"file\":\"a.yaml\",\"line\":3,\"column\":5,\
             \"end_line\":3,\"end_column\":15,\
             \"excerpt\":\"    descripton: x\\n    ^^^^^^^^^^\"}],\
             \"related\":[{\"label\":\"the rule\",\"location\":{\"file\":\"a.yaml\",\"line\":2,\
             \"column\":5,\"end_line\":2,\"end_column\":7,\
             \"excerpt\":\"  - id: a\\n    --\"}}]}"
        );
    }

    #[test]
    fn marks_stand_below_wide_hidden_and_tabbed_text() {
        assert_eq!(
            excerpt("\té\u{202e}漢字x", 6, 12, '^'),
            "    é\\u{202e}漢字x\n             ^^^^"
        );
        assert_eq!(excerpt("ab", 2, 2, '^'), "ab\n  ^");
        assert_eq!(excerpt("", 0, 0, '^'), "\n^");
        assert_eq!(excerpt("ab", 9, 12, '^'), "ab\n  ^");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("{}HERE{}", "a".repeat(500), "b".repeat(500));
        let shown = excerpt(&line, 500, 504, '^');
        let (text, marks) = shown.split_once('\n').unwrap();
        assert!(text.len() <= EXCERPT_COLUMNS_MAX + 6, "{text}");
        assert!(text.starts_with("...a") && text.ends_with("b..."));
        assert_eq!(text.find("HERE"), marks.find("^^^^"));
        assert_eq!(marks.trim(), "^^^^");

        let shown = excerpt(&line, 0, 1004, '^');
        let (text, marks) = shown.split_once('\n').unwrap();
        assert!(text.starts_with("aaa") && text.ends_with("..."));
        assert_eq!(marks, "^".repeat(EXCERPT_COLUMNS_MAX));
    }

    #[test]
    fn problems_are_sorted_deduplicated_and_bounded() {
        let sources = sources(&"x".repeat(10_000));
        let mut problems = Problems::new();
        for place in (0..5_000).rev() {
            problems.error(|| at(&sources, place, place + 1));
        }
        problems.push(at(&sources, 4_999, 5_000));
        assert!(problems.has_errors());
        let sorted = problems.finish();
        assert_eq!(sorted.len(), PROBLEMS_MAX + 1);
        let last = sorted.last().unwrap();
        assert_eq!(last.code(), ProblemCode::ProblemsTruncated);
        assert_eq!(last.severity(), Severity::Error);
        assert!(
            sorted
                .windows(2)
                .take(PROBLEMS_MAX - 1)
                .all(|pair| { pair[0].locations()[0].column < pair[1].locations()[0].column })
        );

        let mut problems = Problems::new();
        problems.push(at(&sources, 1, 2));
        problems.push(at(&sources, 1, 2));
        problems.push(Problem::new(ProblemCode::PolicyEmpty, "no place"));
        let both = problems.finish();
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].code(), ProblemCode::PolicyEmpty);
    }

    #[test]
    fn what_the_user_wrote_makes_no_message_endless() {
        let problem = Problem::new(ProblemCode::YamlSyntax, "é".repeat(100_000));
        assert_eq!(problem.message().chars().count(), WORDS_CHARS_MAX + 3);
    }

    #[test]
    fn only_warnings_stay_warnings_when_there_are_too_many() {
        let sources = sources(&"x".repeat(10_000));
        let mut problems = Problems::new();
        for place in 0..5_000 {
            problems.warning(|| at(&sources, place, place + 1));
        }
        assert!(!problems.has_errors());
        assert_eq!(
            problems.finish().last().unwrap().severity(),
            Severity::Warning
        );
    }

    #[test]
    fn what_the_user_wrote_cannot_write_to_a_terminal() {
        let sources = sources("a\u{1b}]0;x\u{7}: \u{202e}b");
        let problem = Problem::at(
            &sources,
            Span::new(0, 0, 3),
            ProblemCode::YamlSyntax,
            "`\u{1b}[2J`\nis wrong",
        )
        .help("\u{200b}")
        .related(&sources, Span::new(0, 0, 1), "\u{9b}");
        for text in [problem.render(), problem.to_json()] {
            assert!(
                !text
                    .chars()
                    .any(|c| c != '\n' && crate::escape::is_hidden(c)),
                "{text:?}"
            );
        }
    }
}
