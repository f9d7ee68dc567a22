//! How long anything is: comments, functions and files, each with a limit, and what was longer before.
//!
//! What is over a limit stands in a table with the most that it may have. The numbers only fall: a table
//! that gives away more than it must is a finding too, so that what was gained stays gained.

use super::Files;

/// A comment's line. Code is broken by rustfmt, texts are not broken.
const COMMENT_CHARS: usize = 120;

/// A function, from its head to its closing brace.
const FUNCTION_LINES: usize = 120;

/// A file.
const FILE_LINES: usize = 500;

/// What a table may give away before its number has to fall.
const SPARE_LINES: usize = 100;

/// Longer functions, as `file fn`: most are one exhaustive match, which is clearer whole.
const FUNCTIONS: &[(&str, usize)] = &[
    ("crates/stage0-engine/src/condition/evaluate.rs step", 175),
    (
        "crates/stage0-engine/src/condition/syntax/mod.rs close",
        150,
    ),
    ("crates/stage0-engine/src/condition/typing.rs node", 150),
    ("crates/stage0-engine/src/index/make.rs rule", 175),
    (
        "crates/stage0-wire/tests/policies.rs everything_that_a_policy_can_say_arrives",
        175,
    ),
];

/// Longer files: a new one is split instead.
const FILES: &[(&str, usize)] = &[
    ("crates/stage0-engine/src/condition/builtin.rs", 625),
    ("crates/stage0-engine/src/condition/evaluate.rs", 750),
    ("crates/stage0-engine/src/condition/program.rs", 825),
    ("crates/stage0-engine/src/condition/syntax/mod.rs", 975),
    ("crates/stage0-engine/src/condition/typing.rs", 850),
    ("crates/stage0-engine/src/decide/finish.rs", 725),
    ("crates/stage0-engine/src/decide/rule.rs", 625),
    ("crates/stage0-engine/src/document/mod.rs", 600),
    ("crates/stage0-engine/src/explain/prose.rs", 675),
    ("crates/stage0-engine/src/function/shell/mod.rs", 600),
    ("crates/stage0-engine/src/index/gather.rs", 875),
    ("crates/stage0-engine/src/index/make.rs", 625),
    ("crates/stage0-engine/src/request/mod.rs", 650),
    ("crates/stage0-wire/src/json_tree.rs", 550),
    ("crates/stage0-wire/src/problem.rs", 800),
    ("crates/stage0-wire/src/testing.rs", 775),
    ("crates/stage0-wire/src/yaml/reader.rs", 725),
    ("crates/stage0-wire/tests/strict_json.rs", 650),
    ("tests/src/oracle/condition.rs", 650),
    ("tests/src/oracle/decide.rs", 1125),
    ("tests/tests/limits.rs", 650),
];

pub(super) fn files_are_not_long(files: &Files) -> Vec<String> {
    let lengths = files
        .ending(".rs")
        .map(|(name, text)| (name.to_owned(), text.lines().count()));
    over(lengths, FILE_LINES, FILES, files)
}

pub(super) fn functions_are_not_long(files: &Files) -> Vec<String> {
    let rust = files.ending(".rs");
    let functions = rust.flat_map(|(file, text)| {
        let functions = functions(text).into_iter();
        functions.map(move |(name, lines)| (format!("{file} {name}"), lines))
    });
    over(functions, FUNCTION_LINES, FUNCTIONS, files)
}

pub(super) fn comments_are_not_wide(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, text) in files.ending(".rs") {
        for (number, line) in (1..).zip(text.lines()) {
            let is_comment = line.trim_start().starts_with("//");
            if is_comment && line.chars().count() > COMMENT_CHARS {
                findings.push(format!(
                    "{name}:{number}: wider than {COMMENT_CHARS} characters"
                ));
            }
        }
    }
    findings
}

/// What is longer than a limit and than its number in a table, and numbers that are too large.
fn over(
    lengths: impl Iterator<Item = (String, usize)>,
    limit: usize,
    table: &[(&str, usize)],
    files: &Files,
) -> Vec<String> {
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for (name, lines) in lengths {
        let known = table.iter().find(|(known, _)| *known == name);
        let most = known.map_or(limit, |(_, most)| *most);
        if lines > most {
            findings.push(format!(
                "{name}: {lines} lines, of at most {most}: split it"
            ));
        }
        if known.is_some() {
            if lines <= limit || lines.saturating_add(SPARE_LINES) < most {
                findings.push(format!(
                    "{name}: {lines} lines, and the table allows {most}: lower it"
                ));
            }
            seen.push(name);
        }
    }
    for (name, _) in table {
        let file = name.split(' ').next().unwrap_or(name);
        let is_gone = !seen.iter().any(|seen| seen == name);
        // Other trees than ours have other files.
        if is_gone && files.text("crates/xtask/src/tidy/length.rs").is_some() {
            findings.push(format!(
                "{file}: `{name}` is not there any more, but in the table"
            ));
        }
    }
    findings
}

/// The functions of a file that rustfmt has laid out, with their lines.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let head = line.trim_start();
        let Some(name) = name_of_function(head) else {
            continue;
        };
        let indent = line.len().saturating_sub(head.len());
        let rest = lines.get(at..).unwrap_or_default();
        let end = rest.iter().position(|line| {
            let is_closing = line.trim_start() == "}" || line.trim_start().ends_with(';');
            is_closing && line.len().saturating_sub(line.trim_start().len()) == indent
        });
        found.extend(end.map(|end| (name, end.saturating_add(1))));
    }
    found
}

fn name_of_function(head: &str) -> Option<&str> {
    let (before, after) = head.split_once("fn ")?;
    let is_head = before.split_whitespace().all(|word| {
        word.starts_with("pub") || ["const", "async", "super)", "crate)"].contains(&word)
    });
    let name = after.split(['(', '<']).next()?;
    (is_head && !name.is_empty() && !name.contains(' ')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{functions, over};
    use crate::tidy::Files;
    use std::path::PathBuf;

    #[test]
    fn functions_are_measured_to_their_closing_brace() {
        let text = "fn one() {\n    a\n}\nimpl X {\n    pub(crate) fn two<T>(\n        a: T,\n    ) -> T {\n        a\n    }\n}\ntrait Y {\n    fn three();\n}\n// fn no\n";
        assert_eq!(functions(text), [("one", 3), ("two", 5), ("three", 1)]);
    }

    #[test]
    fn numbers_only_fall() {
        let files = Files {
            files: Vec::new(),
            root: PathBuf::new(),
        };
        let found = |lines, table: &[(&str, usize)]| {
            over([("a".to_owned(), lines)].into_iter(), 500, table, &files)
        };
        assert!(found(500, &[]).is_empty());
        assert_eq!(found(501, &[]).len(), 1);
        assert!(found(600, &[("a", 600)]).is_empty());
        assert_eq!(found(601, &[("a", 600)]).len(), 1);
        assert_eq!(found(600, &[("a", 701)]).len(), 1);
        assert_eq!(found(500, &[("a", 550)]).len(), 1);
    }
}
