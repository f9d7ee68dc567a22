//! Why the YAML scanner gave up, in the words of somebody who writes a policy.
//!
//! The scanner says what it expected; people want to know what to write instead. Most of its errors
//! are one of YAML's traps, which the characters around the place tell apart. What is recognised
//! nowhere here is reported in the scanner's own words.

use std::ops::Range;

use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::Problem;
use crate::sources::Sources;
use crate::tree::TreeBuilder;

/// Advice for a condition that YAML does not read as one text.
const QUOTE_THE_CONDITION: &str =
    "put the whole condition in single quotes, or write it on the next line under `|`";

/// The end of reading.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) problem: Problem,
    /// The value that could not be read, if the text behind it can be.
    pub(super) value: Option<Range<usize>>,
}

/// What is known where the scanner gave up.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) sources: &'a Sources,
    pub(super) tree: &'a TreeBuilder<'a>,
    pub(super) text: &'a str,
    /// The last scalar that was read.
    pub(super) last_scalar: Range<usize>,
    /// The innermost bracket that is open.
    pub(super) open_bracket: Option<usize>,
    /// Where the key ends whose value is missing.
    pub(super) last_key_end: Option<usize>,
}

impl Scene<'_> {
    fn problem(&self, at: Range<usize>, code: ProblemCode, message: impl AsRef<str>) -> Problem {
        Problem::at(self.sources, self.tree.span(at), code, message)
    }

    fn rest(&self, at: usize) -> &str {
        self.text.get(at..).unwrap_or_default()
    }

    fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        memchr::memrchr(b'\n', before.as_bytes()).map_or(0, |found| found.saturating_add(1))
    }

    /// The end of the line, without the blanks before it.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.rest(at);
        let line = rest.split('\n').next().unwrap_or_default();
        at.saturating_add(line.trim_end().len())
    }

    /// Where the value begins on the line that holds `at`: behind indentation, dashes and a key.
    fn value_start(&self, at: usize) -> usize {
        let start = self.line_start(at);
        let line = self
            .text
            .get(start..self.line_end(start))
            .unwrap_or_default();
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
        let is_inside_brackets = self
            .open_bracket
            .is_some_and(|bracket| bracket < value.start);
        let stands_alone = value.contains(&at) || value.end == at;
        (stands_alone && !is_inside_brackets && brackets_balance(text)).then_some(value)
    }

    /// The word at a place: up to the next blank.
    fn word(&self, at: usize) -> Range<usize> {
        let rest = self.rest(at);
        let length = rest
            .find(|character: char| character.is_ascii_whitespace())
            .unwrap_or(rest.len());
        at..at.saturating_add(length)
    }

    fn slice(&self, at: Range<usize>) -> &str {
        self.text.get(at).unwrap_or_default()
    }

    /// One character, or the place behind the text.
    fn character(&self, at: usize) -> Range<usize> {
        let length = self.rest(at).chars().next().map_or(0, char::len_utf8);
        at..at.saturating_add(length)
    }

    fn stop_at_value(&self, at: usize, problem: Problem) -> Stop {
        Stop {
            problem,
            value: self.value_on_line(at),
        }
    }
}

/// Explains an error of the scanner at a byte of the text.
pub(super) fn diagnose(scene: &Scene<'_>, at: usize, info: &str) -> Stop {
    let value_start = scene.value_start(at);
    if value_start <= at && scene.rest(value_start).starts_with(['!', '*', '&']) {
        return property(scene, value_start);
    }
    if scene.rest(at).starts_with(['!', '*', '&']) {
        return property(scene, at);
    }
    let has = |words: &str| info.contains(words);
    if has("tab") && !has("table") {
        let line_start = scene.line_start(at);
        let tab = scene.rest(line_start).find('\t').unwrap_or(0);
        return last(tab_at(scene, line_start.saturating_add(tab)));
    }
    if has("unexpected character") {
        return indicator(scene, at);
    }
    if has("trailing content after double-quoted") {
        return trailing_text(scene, at);
    }
    if has("quoted scalar")
        && (has("end of stream") || has("indentation") || has("document indicator"))
    {
        return last(unclosed_quote(scene, at));
    }
    if has("escape") || has("hexadecimal") {
        return escape(scene, at);
    }
    if has("mapping values are not allowed") || has("placement of ':'") {
        return colon(scene, at);
    }
    if has("block scalar") && has("comment or line break") {
        return indicator(scene, at);
    }
    if has("expected ',' or '}'") || has("expected ',' or ']'") || has("flow construct") {
        return in_brackets(scene, at);
    }
    if has("did not find expected key")
        || has("'-' indicator")
        || has("document start")
        || has("invalid indentation")
        || has("wrongly indented")
    {
        return indentation(scene, at);
    }
    if has("simple key expect") {
        return last(no_colon(scene, at));
    }
    if has("misplaced bracket") {
        let bracket = scene.character(at);
        let message = format!(
            "this {} closes nothing",
            quoted(scene.slice(bracket.clone()))
        );
        return last(scene.problem(bracket, ProblemCode::YamlSyntax, message));
    }
    if has("block sequence entries") || has("only valid inside a block") {
        let problem = scene
            .problem(scene.character(at), ProblemCode::YamlSyntax, "a list cannot begin here")
            .help("put each `- ` on a line of its own, below the key; if it is text, put it in quotes");
        return scene.stop_at_value(at, problem);
    }
    if has("mapping keys are not allowed") {
        let problem = scene
            .problem(
                scene.character(at),
                ProblemCode::YamlIndicator,
                "`? ` introduces a key, and no key can stand here",
            )
            .help("put the value in quotes");
        return scene.stop_at_value(at, problem);
    }
    if has("recursion limit") {
        return last(crate::tree::too_deep(
            scene.sources,
            scene.tree.span(scene.character(at)),
        ));
    }
    if has("comments must be separated") {
        return last(
            scene
                .problem(
                    scene.character(at),
                    ProblemCode::YamlSyntax,
                    "a comment needs a space before its `#`",
                )
                .help("put the space there, or put the whole value in quotes"),
        );
    }
    if has("comment intercepting") {
        return last(
            scene
                .problem(
                    scene.character(at),
                    ProblemCode::YamlComment,
                    "this comment cuts a text that goes on in the next line",
                )
                .help("put the whole text in quotes, or write it under `|`"),
        );
    }
    let directive = scene.line_start(at);
    if scene.rest(directive).starts_with('%') {
        return last(
            scene
                .problem(
                    directive..scene.line_end(directive),
                    ProblemCode::YamlDirective,
                    "a line that begins with `%` is a YAML directive",
                )
                .help("remove the line, or indent it if it belongs to a text"),
        );
    }
    if has("expected node content") {
        let found = scene.character(at);
        let problem = scene
            .problem(
                found.clone(),
                ProblemCode::YamlSyntax,
                format!("expected a value, found {}", quoted(scene.slice(found))),
            )
            .help("if it is text, put it in quotes");
        return scene.stop_at_value(at, problem);
    }
    last(scene.problem(
        scene.character(at),
        ProblemCode::YamlSyntax,
        format!("this is not YAML: {info}"),
    ))
}

/// A value that begins with `!`, `*` or `&`: a tag, an alias or an anchor to YAML.
pub(super) fn property(scene: &Scene<'_>, at: usize) -> Stop {
    let word = scene.word(at);
    let text = scene.slice(word.clone());
    // In a bracketed list or map the word ends where the entry does.
    let length = match scene.open_bracket {
        Some(_) => text.find([',', ']', '}']).unwrap_or(text.len()),
        None => text.len(),
    };
    let place = at..at.saturating_add(length.max(1));
    let word = scene.slice(place.clone());
    let (code, what) = match word.chars().next() {
        Some('*') => (ProblemCode::YamlAlias, "an alias"),
        Some('&') => (ProblemCode::YamlAnchor, "an anchor"),
        _ => (ProblemCode::YamlTag, "a tag"),
    };
    let problem = scene.problem(
        place,
        code,
        format!("{} is {what} to YAML, not text", quoted(word)),
    );
    let problem = match code {
        ProblemCode::YamlTag if word.starts_with("!!") => {
            problem.help("remove it: values have the type that they are written in")
        }
        ProblemCode::YamlTag => problem.help(QUOTE_THE_CONDITION),
        ProblemCode::YamlAnchor => problem
            .help("put it in quotes if it is text; to reuse a condition, name it under `let`"),
        _ => problem.help(format!("put it in quotes if it is text: `\"{word}\"`")),
    };
    scene.stop_at_value(at, problem)
}

/// A tab where indentation belongs.
pub(super) fn tab(scene: &Scene<'_>, at: usize) -> Problem {
    tab_at(scene, at)
}

fn tab_at(scene: &Scene<'_>, at: usize) -> Problem {
    scene
        .problem(
            scene.character(at),
            ProblemCode::YamlTab,
            "a tab in the indentation",
        )
        .help("indent with spaces: how wide a tab is would decide what belongs to what")
}

/// Whether an unquoted value ends like a condition that goes on.
pub(super) fn is_cut_short(value: &str) -> bool {
    const OPERATORS: [&str; 17] = [
        "==", "!=", "<=", ">=", "<", ">", "&&", "||", "+", "*", "/", "%", "(", "[", ",", "?", " in",
    ];
    let quotes = value.bytes().filter(|byte| *byte == b'"').count();
    OPERATORS.iter().any(|operator| value.ends_with(operator))
        || quotes.checked_rem(2) == Some(1)
        || !brackets_balance(value)
}

/// A value that begins with a character that YAML keeps for itself.
fn indicator(scene: &Scene<'_>, at: usize) -> Stop {
    let first = scene.character(at);
    let message = format!(
        "a value in no quotes cannot begin with {}",
        quoted(scene.slice(first.clone()))
    );
    let problem = scene.problem(first, ProblemCode::YamlIndicator, message);
    let problem = match scene.rest(at).bytes().next() {
        Some(b'|' | b'>') => problem.help(
            "text under `|` or `>` begins on the next line; put a text of one line in quotes",
        ),
        _ => problem.help("put the whole value in single quotes"),
    };
    scene.stop_at_value(at, problem)
}

/// Text behind a closing quote.
fn trailing_text(scene: &Scene<'_>, at: usize) -> Stop {
    let place = at..scene.line_end(at).max(at);
    let value_start = scene.value_start(at);
    // The opening quote: the value's first character, or the first one behind the key before it.
    let searched = scene.last_key_end.unwrap_or(scene.last_scalar.end);
    let quote = scene
        .text
        .get(searched..at)
        .and_then(|between| between.find(['"', '\'']))
        .map_or(value_start, |found| searched.saturating_add(found));
    if quote < scene.line_start(at) {
        return last(
            scene
                .problem(
                    scene.character(quote),
                    ProblemCode::YamlUnclosed,
                    "the text that begins here is closed in a later line, where more text follows",
                )
                .related(
                    scene.sources,
                    scene.tree.span(place),
                    "this follows the closing quote",
                )
                .help("close the quote where the text ends"),
        );
    }
    let is_single = scene.rest(quote).starts_with('\'');
    let value = scene.slice(quote..place.end).to_owned();
    let problem = scene.problem(
        place.clone(),
        ProblemCode::YamlTrailingText,
        "text follows the closing quote: YAML ends the value at the quote",
    );
    let adjoins = scene
        .text
        .get(..at)
        .is_some_and(|before| before.ends_with('\''))
        && scene.rest(at).starts_with(char::is_alphanumeric);
    let problem = if is_single && adjoins {
        problem.help("write an apostrophe in single quotes twice (`''`), or use double quotes")
    } else if !is_single
        && scene.open_bracket.is_none()
        && !value.contains('\'')
        && value.len() <= 100
    {
        problem.help(format!(
            "put the whole condition in single quotes: `'{value}'`"
        ))
    } else {
        problem.help(QUOTE_THE_CONDITION)
    };
    scene.stop_at_value(at, problem)
}

fn unclosed_quote(scene: &Scene<'_>, at: usize) -> Problem {
    scene
        .problem(scene.character(at), ProblemCode::YamlUnclosed, "this quote is never closed")
        .help("close it where the text ends; the lines of a longer text are indented, or stand under `|`")
}

/// A backslash in double quotes; the scanner only says where the text begins.
fn escape(scene: &Scene<'_>, at: usize) -> Stop {
    let (place, text) = bad_escape(scene, at);
    let problem = scene.problem(
        place,
        ProblemCode::YamlEscape,
        format!("{} is no escape of YAML", quoted(&text)),
    );
    let problem = if text.starts_with("\\u") || text.starts_with("\\U") || text.starts_with("\\x") {
        problem.help("write the character itself, or its code as in `\\u00e9` or `\\U0001f600`")
    } else {
        problem.help("in single quotes a backslash is a backslash; in double quotes write it twice")
    };
    let line = scene.line_end(at);
    let closes = scene.slice(at.saturating_add(1)..line).contains('"');
    if closes {
        scene.stop_at_value(at, problem)
    } else {
        last(problem)
    }
}

fn bad_escape(scene: &Scene<'_>, quote: usize) -> (Range<usize>, String) {
    let mut at = quote.saturating_add(1);
    loop {
        let Some(found) = scene.rest(at).find('\\') else {
            return (scene.character(quote), String::from("\\"));
        };
        at = at.saturating_add(found);
        let rest = scene.rest(at);
        let kind = rest.chars().nth(1).unwrap_or(' ');
        let length = match kind {
            'x' => 4,
            'u' => 6,
            'U' => 10,
            _ => 1_usize.saturating_add(kind.len_utf8()),
        };
        let hex = rest.get(2..length.max(2));
        let holds = match kind {
            'x' | 'u' | 'U' => hex
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                .and_then(char::from_u32)
                .is_some(),
            _ => "0abt\tnvfre \"/\\N_LP\r\n".contains(kind),
        };
        if !holds {
            let shown = rest.get(..length).unwrap_or(rest.get(..2).unwrap_or("\\"));
            let shown = shown.split(['"', '\n']).next().unwrap_or_default();
            return (at..at.saturating_add(shown.len()), shown.to_owned());
        }
        at = at.saturating_add(length);
    }
}

/// `: ` inside an unquoted value, or a line that YAML takes for more of the one before.
fn colon(scene: &Scene<'_>, at: usize) -> Stop {
    let colon = scene.character(at);
    let scalar_start = scene.last_scalar.start;
    if scalar_start < scene.line_start(at) && scene.last_scalar.end > scene.line_start(at) {
        let first_line = scene.slice(scalar_start..scene.line_end(scalar_start));
        let line = scene.line_start(at);
        let indent = scene
            .rest(line)
            .find(|character| character != ' ')
            .unwrap_or(0);
        let place = line.saturating_add(indent)..at;
        let (message, help) = if first_line.contains(':') {
            (
                "this line belongs to the text that begins above",
                "is a space missing behind the `:` above?",
            )
        } else {
            (
                "this line is indented more than the key above, so it belongs to that key's text",
                "indent it like the line above, or put a text of several lines in quotes",
            )
        };
        let above = scene.tree.span(scalar_start..scene.line_end(scalar_start));
        return last(
            scene
                .problem(place, ProblemCode::YamlIndent, message)
                .related(scene.sources, above, "the text begins here")
                .help(help),
        );
    }
    let is_conditional = scene.slice(scene.line_start(at)..at).contains(" ? ");
    let (message, help) = if is_conditional {
        (
            "the `: ` of this condition separates a key from a value to YAML",
            QUOTE_THE_CONDITION,
        )
    } else {
        (
            "a second `: ` in one line: YAML takes it for another key",
            "put a value that contains `: ` in quotes",
        )
    };
    let problem = scene
        .problem(colon, ProblemCode::YamlColon, message)
        .help(help);
    scene.stop_at_value(at, problem)
}

/// Something in brackets that is neither an entry nor the end.
fn in_brackets(scene: &Scene<'_>, at: usize) -> Stop {
    let rest = scene.rest(at);
    let bracket = scene.open_bracket.unwrap_or(at);
    let (open, close) = match scene.rest(bracket).bytes().next() {
        Some(b'[') => ('[', ']'),
        _ => ('{', '}'),
    };
    if rest.starts_with(':') {
        return colon(scene, at);
    }
    let starts_a_line = scene.slice(scene.line_start(at)..at).trim().is_empty();
    if rest.trim().is_empty() || starts_a_line {
        let problem = scene.problem(
            scene.character(bracket),
            ProblemCode::YamlUnclosed,
            format!("this `{open}` is not closed where its lines end"),
        );
        let problem = if rest.trim().is_empty() {
            problem
        } else {
            problem.related(
                scene.sources,
                scene.tree.span(at..scene.line_end(at)),
                "this line is not part of it",
            )
        };
        return last(problem.help(format!(
            "write `{close}` where it ends; its lines are indented more than the key"
        )));
    }
    let found = scene.character(at);
    let message = format!(
        "expected `,` or `{close}`, found {}",
        quoted(scene.slice(found.clone()))
    );
    let problem = scene
        .problem(found, ProblemCode::YamlSyntax, message)
        .related(
            scene.sources,
            scene.tree.span(scene.character(bracket)),
            "in this",
        )
        .help("put text that contains brackets or commas in quotes");
    scene.stop_at_value(at, problem)
}

/// A line that fits no list or map above it, or text behind a closing bracket.
fn indentation(scene: &Scene<'_>, at: usize) -> Stop {
    let line_start = scene.line_start(at);
    let before = scene.slice(line_start..at).trim_end();
    if before.ends_with([']', '}']) {
        let place = at..scene.line_end(at).max(at);
        let problem = scene
            .problem(
                place,
                ProblemCode::YamlTrailingText,
                "text follows the closing bracket: YAML ends the value at the bracket",
            )
            .help(QUOTE_THE_CONDITION);
        return scene.stop_at_value(at, problem);
    }
    let first = line_start.saturating_add(
        scene
            .rest(line_start)
            .find(|character| character != ' ')
            .unwrap_or(0),
    );
    let place = first..scene.line_end(first).max(first);
    let is_list_entry = scene.rest(first).starts_with("- ");
    let message = if is_list_entry {
        "this `- ` is indented like no list above"
    } else {
        "this line is indented like no line above that it could belong to"
    };
    last(
        scene
            .problem(place, ProblemCode::YamlIndent, message)
            .help("entries of one list or map begin in the same column"),
    )
}

/// A line in a map that is no `key: value`. The scanner notices behind it.
fn no_colon(scene: &Scene<'_>, at: usize) -> Problem {
    let before = scene.text.get(..at).unwrap_or_default().trim_end();
    let line_start = scene.line_start(before.len());
    let indent = scene
        .rest(line_start)
        .find(|character| character != ' ')
        .unwrap_or(0);
    let start = line_start.saturating_add(indent);
    scene
        .problem(start..scene.line_end(start), ProblemCode::YamlSyntax, "this line is no `key: value`")
        .help("write a `:` and a space behind the key; to continue the text above, indent the line more than its key")
}

fn last(problem: Problem) -> Stop {
    Stop {
        problem,
        value: None,
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
            let colon = line
                .match_indices(':')
                .find(|(at, _)| {
                    let next = line.as_bytes().get(at.saturating_add(1));
                    next.is_none_or(u8::is_ascii_whitespace)
                })?
                .0;
            line.get(colon..)?
        }
    };
    let value = behind.strip_prefix(':')?;
    (value.is_empty() || value.starts_with([' ', '\t'])).then_some(value)
}

/// Whether every bracket has its other half, as far as can be told without knowing quotes.
fn brackets_balance(text: &str) -> bool {
    let mut open = Vec::new();
    for byte in text.bytes() {
        match byte {
            b'(' => open.push(b')'),
            b'[' => open.push(b']'),
            b'{' => open.push(b'}'),
            b')' | b']' | b'}' => {
                if open.pop() != Some(byte) {
                    return false;
                }
            }
            _ => {}
        }
    }
    open.is_empty()
}
