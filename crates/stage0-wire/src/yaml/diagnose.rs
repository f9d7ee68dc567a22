//! Why the YAML scanner gave up, in the words of somebody who writes a policy.
//!
//! The scanner says what it expected; people want to know what to write instead. Most of its errors
//! are one of YAML's traps, which the characters around the place tell apart. What is not recognised
//! here is reported in the scanner's own words. Nothing here decides whether text is accepted.

use std::ops::Range;

use super::scene::{Scene, Stop, brackets_balance};
use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::Problem;
use crate::tree::too_deep;

/// Explains an error of the scanner at a byte of the text.
pub(super) fn diagnose(scene: &Scene<'_>, at: usize, info: &str) -> Stop {
    let value_start = scene.value_start(at);
    for start in [value_start, at] {
        if start <= at && scene.rest(start).starts_with(['!', '*', '&']) {
            return scene.stop_at_value(start, property(scene, start));
        }
    }
    let has = |words: &str| info.contains(words);
    if has("tab") && !has("unprintable") {
        return Stop::last(tab_on_line(scene, at));
    }
    if has("unexpected character") || (has("block scalar") && has("comment or line break")) {
        return scene.stop_at_value(at, indicator(scene, at));
    }
    if has("trailing content after") {
        return trailing_text(scene, at);
    }
    if has("in quoted scalar") || has("scanning a quoted scalar") {
        return Stop::last(unclosed_quote(scene, at));
    }
    if has("parsing a quoted scalar") {
        return escape(scene, at);
    }
    if has("mapping values are not allowed") {
        return colon(scene, at);
    }
    if has("expected ',' or") || has("flow construct") || has("placement of ':'") {
        return in_brackets(scene, at);
    }
    if has("simple key expect") {
        return Stop::last(no_colon(scene, at));
    }
    if has("misplaced bracket") {
        return Stop::last(lone_bracket(scene, at));
    }
    if has("block sequence entries") || has("only valid inside a block") {
        return dash(scene, at);
    }
    if has("mapping keys are not allowed") {
        return question_mark(scene, at);
    }
    if has("recursion limit") {
        let span = scene.tree.span(scene.character(at));
        return Stop::last(too_deep(scene.sources, span));
    }
    if has("comments must be separated") {
        return adjoining_comment(scene, at);
    }
    if has("comment intercepting") {
        return Stop::last(comment_in_text(scene, at));
    }
    let line = scene.line_start(at);
    if scene.rest(line).starts_with('%') {
        let problem = scene.problem(
            line..scene.line_end(line),
            ProblemCode::YamlDirective,
            "a line that begins with `%` is a YAML directive",
        );
        return Stop::last(problem.help("remove the line, or indent it if it belongs to a text"));
    }
    if has("expected node content") {
        return no_value(scene, at);
    }
    if has("expected key") || has("'-' indicator") || has("document start") || has("indent") {
        return indentation(scene, at);
    }
    let message = format!("this is not YAML: {info}");
    Stop::last(scene.problem(scene.character(at), ProblemCode::YamlSyntax, message))
}

fn lone_bracket(scene: &Scene<'_>, at: usize) -> Problem {
    let bracket = scene.character(at);
    let message = format!(
        "this {} closes nothing",
        quoted(scene.slice(bracket.clone()))
    );
    scene
        .problem(bracket, ProblemCode::YamlSyntax, message)
        .help("if it is text, put the value in quotes")
}

fn question_mark(scene: &Scene<'_>, at: usize) -> Stop {
    let problem = scene
        .problem(
            scene.character(at),
            ProblemCode::YamlIndicator,
            "`? ` introduces a key, and no key can stand here",
        )
        .help("put the value in quotes");
    scene.stop_at_value(at, problem)
}

fn adjoining_comment(scene: &Scene<'_>, at: usize) -> Stop {
    let problem = scene
        .problem(
            scene.character(at),
            ProblemCode::YamlSyntax,
            "a comment needs a space before its `#`",
        )
        .help("write the space, or put the whole value in quotes if the `#` is part of it");
    scene.stop_at_value(at, problem)
}

fn comment_in_text(scene: &Scene<'_>, at: usize) -> Problem {
    scene
        .problem(
            scene.character(at),
            ProblemCode::YamlComment,
            "this comment cuts a text that goes on in the next line",
        )
        .help("put the whole text in quotes, or write it under `|`")
}

/// Something where a value belongs, or nothing at all.
fn no_value(scene: &Scene<'_>, at: usize) -> Stop {
    if scene.rest(at).trim().is_empty() {
        return in_brackets(scene, at);
    }
    let found = scene.character(at);
    let message = format!(
        "expected a value, found {}",
        quoted(scene.slice(found.clone()))
    );
    let problem = scene
        .problem(found, ProblemCode::YamlSyntax, message)
        .help("if it is text, put it in quotes");
    scene.stop_at_value(at, problem)
}

/// A value that begins with `!`, `*` or `&`: a tag, an alias or an anchor.
pub(super) fn property(scene: &Scene<'_>, at: usize) -> Problem {
    let rest = scene.rest(at);
    let blank = rest
        .find(|character: char| character.is_ascii_whitespace())
        .unwrap_or(rest.len());
    let place = at..at.saturating_add(blank).min(scene.entry_end(at));
    let word = scene.slice(place.clone()).to_owned();
    let (code, what) = match word.chars().next() {
        Some('*') => (ProblemCode::YamlAlias, "an alias"),
        Some('&') => (ProblemCode::YamlAnchor, "an anchor"),
        _ => (ProblemCode::YamlTag, "a tag"),
    };
    let message = format!("YAML takes {} for {what}, not for text", quoted(&word));
    let problem = scene.problem(place, code, message);
    match code {
        ProblemCode::YamlTag if word.contains(['(', '.']) => problem.help(scene.quote_advice(at)),
        ProblemCode::YamlTag => problem.help(
            "remove it: values have the type that they are written in; if it is text, put it in quotes",
        ),
        ProblemCode::YamlAnchor => problem.help(
            "put it in quotes if it is text; a condition that is used twice is named under `let`",
        ),
        _ => problem.help(format!("put it in quotes if it is text: `\"{word}\"`")),
    }
}

/// A tab where indentation belongs.
pub(super) fn tab(scene: &Scene<'_>, at: usize) -> Problem {
    scene
        .problem(
            scene.character(at),
            ProblemCode::YamlTab,
            "a tab in the indentation",
        )
        .help("indent with spaces: what belongs to what would depend on how wide a tab is")
}

fn tab_on_line(scene: &Scene<'_>, at: usize) -> Problem {
    let line = scene.line_start(at);
    let offset = scene.rest(line).find('\t').unwrap_or(0);
    tab(scene, line.saturating_add(offset))
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
pub(super) fn indicator(scene: &Scene<'_>, at: usize) -> Problem {
    let first = scene.character(at);
    let name = match scene.slice(first.clone()) {
        "`" => String::from("a backtick"),
        other => quoted(other),
    };
    let message = format!("an unquoted value cannot begin with {name}");
    let problem = scene.problem(first, ProblemCode::YamlIndicator, message);
    if scene.rest(at).starts_with(['|', '>']) {
        problem
            .help("text under `|` or `>` begins on the next line; put a text of one line in quotes")
    } else {
        problem.help(scene.quote_advice(at))
    }
}

/// Text behind a closing quote.
fn trailing_text(scene: &Scene<'_>, at: usize) -> Stop {
    let place = at..scene.entry_end(at).max(at);
    let quote = scene.opening_before(at, ['"', '\'']);
    if quote < scene.line_start(at) {
        let problem = scene
            .problem(
                scene.character(quote),
                ProblemCode::YamlUnclosed,
                "this quote is closed in a later line, where more text follows",
            )
            .related(
                scene.sources,
                scene.tree.span(place),
                "this follows the closing quote",
            );
        return Stop::last(problem.help("close the quote where its text ends"));
    }
    let problem = scene.problem(
        place,
        ProblemCode::YamlTrailingText,
        "text follows the closing quote, where YAML ends the value",
    );
    let adjoins = !scene.slice(quote..at).ends_with([' ', '\t']);
    let problem = match (scene.rest(quote).bytes().next(), adjoins) {
        (Some(b'\''), true) => {
            problem.help("in single quotes an apostrophe is written twice: `''`")
        }
        (Some(b'"'), true) => problem.help("in double quotes a quote is written `\\\"`"),
        _ => problem.help(scene.quote_advice(quote)),
    };
    scene.stop_at_value(at, problem)
}

fn unclosed_quote(scene: &Scene<'_>, at: usize) -> Problem {
    scene
        .problem(
            scene.character(at),
            ProblemCode::YamlUnclosed,
            "this quote is not closed",
        )
        .help("close it where its text ends; further lines of the same text are indented")
}

/// A backslash in double quotes; the scanner only says where the text begins.
fn escape(scene: &Scene<'_>, at: usize) -> Stop {
    let place = bad_escape(scene, at);
    let escape = scene.slice(place.clone()).to_owned();
    let is_half = ["\\ud", "\\uD"].iter().any(|half| escape.starts_with(half)) && escape.len() == 6;
    let what = if is_half {
        "half of a character"
    } else {
        "no escape of YAML"
    };
    let message = format!("{} is {what}", quoted(&escape));
    let problem = scene.problem(place, ProblemCode::YamlEscape, message);
    let problem = if escape.starts_with("\\u") || escape.starts_with("\\U") {
        problem.help("write the character itself, or its code as in `\\u00e9` or `\\U0001f600`")
    } else {
        problem.help("in single quotes a backslash is a backslash; in double quotes write `\\\\`")
    };
    let line = scene.slice(at.saturating_add(1)..scene.line_end(at));
    if line.contains('"') {
        scene.stop_at_value(at, problem)
    } else {
        Stop::last(problem)
    }
}

/// The first escape that YAML does not have, in the text whose quote stands at `quote`.
fn bad_escape(scene: &Scene<'_>, quote: usize) -> Range<usize> {
    let mut at = quote.saturating_add(1);
    while let Some(found) = scene.rest(at).find('\\') {
        at = at.saturating_add(found);
        let rest = scene.rest(at);
        let kind = rest.chars().nth(1).unwrap_or(' ');
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let head = 1_usize.saturating_add(kind.len_utf8());
        let length = head.saturating_add(digits);
        let holds = if digits > 0 {
            rest.get(head..length)
                .and_then(|code| u32::from_str_radix(code, 16).ok())
                .and_then(char::from_u32)
                .is_some()
        } else {
            "0abt\tnvfre \"/\\N_LP\r\n".contains(kind)
        };
        if !holds {
            let escape = rest.get(..length).or(rest.get(..head)).unwrap_or("\\");
            let shown = escape.split(['"', '\n']).next().unwrap_or_default();
            return at..at.saturating_add(shown.len());
        }
        at = at.saturating_add(length);
    }
    scene.character(quote)
}

/// `: ` inside an unquoted value, or a line that YAML takes for more of the one before.
fn colon(scene: &Scene<'_>, at: usize) -> Stop {
    let line = scene.line_start(at);
    let text = scene.last_scalar.start;
    if text < line && line < scene.last_scalar.end {
        return Stop::last(more_of_a_text(scene, at));
    }
    let problem = if scene.slice(line..at).contains(" ? ") {
        scene.problem(
            scene.character(at),
            ProblemCode::YamlColon,
            "YAML takes the `: ` of this condition for the end of a key",
        )
    } else {
        scene.problem(
            scene.character(at),
            ProblemCode::YamlColon,
            "a second `: ` in one line: YAML takes it for the end of another key",
        )
    };
    let value = match scene.open_bracket {
        Some(_) => text,
        None => scene.value_start(at),
    };
    scene.stop_at_value(at, problem.help(scene.quote_advice(value)))
}

/// A line with a key that YAML takes for more of the unquoted text above it.
fn more_of_a_text(scene: &Scene<'_>, at: usize) -> Problem {
    let text = scene.last_scalar.start;
    let first_line = text..scene.line_end(text);
    let (message, help) = if scene.slice(first_line.clone()).contains(':') {
        (
            "YAML takes this line for more of the text above",
            "is a space missing behind the `:` above?",
        )
    } else {
        (
            "this line is indented more than the key above: YAML takes it for more of that key's text",
            "indent it like the line above, or put a text of several lines in quotes",
        )
    };
    let place = scene.first_word(at)..at;
    scene
        .problem(place, ProblemCode::YamlIndent, message)
        .related(
            scene.sources,
            scene.tree.span(first_line),
            "the text begins here",
        )
        .help(help)
}

/// `- ` where no list can begin.
fn dash(scene: &Scene<'_>, at: usize) -> Stop {
    let problem = scene.problem(
        scene.character(at),
        ProblemCode::YamlSyntax,
        "a list with `- ` cannot begin here",
    );
    let problem = if scene.is_bracketed(at) {
        problem.help("in brackets, entries are separated by commas: `[a, b]`")
    } else {
        problem.help(
            "write each `- ` on a line of its own below the key; if it is text, put it in quotes",
        )
    };
    scene.stop_at_value(at, problem)
}

/// Something in brackets that is neither an entry nor the end.
fn in_brackets(scene: &Scene<'_>, at: usize) -> Stop {
    let bracket = scene
        .open_bracket
        .unwrap_or_else(|| scene.opening_before(at, ['[', '{']));
    let (open, close) = match scene.rest(bracket).bytes().next() {
        Some(b'[') => ('[', ']'),
        _ => ('{', '}'),
    };
    let rest = scene.rest(at);
    let line = scene.line_start(at);
    let is_end = rest.trim().is_empty();
    if rest.starts_with(':') && scene.slice(line..at).contains(" ? ") {
        return colon(scene, at);
    }
    // A line that is indented no more than the bracket's belongs to what follows it.
    let first_word = scene.first_word(at);
    let column = |word: usize| word.saturating_sub(scene.line_start(word));
    let is_outside = bracket < line && column(first_word) <= column(scene.first_word(bracket));
    if is_end || is_outside {
        let problem = scene.problem(
            scene.character(bracket),
            ProblemCode::YamlUnclosed,
            format!("this `{open}` is not closed where its lines end"),
        );
        let problem = if is_end {
            problem
        } else {
            let other = first_word..scene.line_end(at);
            problem.related(
                scene.sources,
                scene.tree.span(other),
                "this line does not belong to it",
            )
        };
        return Stop::last(problem.help(format!(
            "write `{close}` where it ends; all its lines are indented more than its key"
        )));
    }
    let found = scene.character(at);
    let message = format!(
        "expected `,` or `{close}`, found {}",
        quoted(scene.slice(found.clone()))
    );
    let problem = scene.problem(found, ProblemCode::YamlSyntax, message).help(
        "put a comma between entries, and text that contains `: `, commas or brackets in quotes",
    );
    scene.stop_at_value(at, problem)
}

/// A line that fits no list or map above it, or text behind a closing bracket.
fn indentation(scene: &Scene<'_>, at: usize) -> Stop {
    let before = scene.slice(scene.line_start(at)..at).trim_end();
    if before.ends_with([']', '}']) {
        let problem = scene
            .problem(
                at..scene.line_end(at).max(at),
                ProblemCode::YamlTrailingText,
                "text follows the closing bracket, where YAML ends the value",
            )
            .help(scene.quote_advice(scene.value_start(at)));
        return scene.stop_at_value(at, problem);
    }
    let first = scene.first_word(at);
    let message = if scene.rest(first).starts_with("- ") {
        "this `- ` is indented like no list above it"
    } else {
        "this line is indented like nothing above that it could belong to"
    };
    let problem = scene.problem(
        first..scene.line_end(first).max(first),
        ProblemCode::YamlIndent,
        message,
    );
    Stop::last(if scene.last_is_block {
        problem
            .help("every line of a text under `|` or `>` is indented at least like its first line")
    } else {
        problem.help("entries of one list or map begin in the same column")
    })
}

/// A line in a map that is no `key: value`. The scanner notices behind it.
fn no_colon(scene: &Scene<'_>, at: usize) -> Problem {
    let before = scene.text.get(..at).unwrap_or_default().trim_end();
    let start = scene.first_word(before.len());
    scene
        .problem(
            start..scene.line_end(start).max(start),
            ProblemCode::YamlSyntax,
            "expected `key: value`, found a line without `: `",
        )
        .help("to continue the text above, indent the line more than its key")
}
