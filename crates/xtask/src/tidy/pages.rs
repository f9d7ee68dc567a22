//! What pages promise: blocks are run or are a file's text, links lead somewhere, invariants name what
//! holds them.

use std::collections::BTreeSet;

use crate::VERBS;
use crate::parts::{CHECKS, HOSTS};

use super::Files;

/// Pages whose blocks a test of their own runs, all of them, and refuses the kinds that it cannot.
const RUN_WHOLE: &[(&str, &str)] = &[
    (
        "tests/spec/decisions.md",
        "every_example_of_the_page_on_decisions_holds",
    ),
    (
        "tests/spec/conditions.md",
        "every_example_and_table_of_the_page_on_conditions_holds",
    ),
];

/// Pages whose `console` blocks are run by `golden_transcripts`, `readme` and `readmes_of_examples`.
fn has_transcripts(page: &str) -> bool {
    page == "README.md"
        || (page.starts_with("examples/") && page.ends_with("/README.md"))
        || page.starts_with("crates/stage0-cli/tests/console/")
}

/// Lines of `sh` blocks that are no verb of ours, each with what runs it.
const SHELL_LINES: &[(&str, &str)] = &[
    // The part `command` builds the same program from the same lock file.
    ("cargo install --locked --path crates/stage0-cli", "build"),
    // The part `python` builds the same wheel, and the host `python` installs it.
    ("pip install ./python", "build"),
    // The part `npm`, and the host `node`, which packs and installs it.
    ("npm pack ./npm", "build"),
    // The part `cel suite` of the setup, and the verb `conformance`.
    (
        "cargo run -p stage0-tests --bin cel-conformance -- fetch",
        "setup",
    ),
    (
        "cargo run -p stage0-tests --bin cel-conformance",
        "conformance",
    ),
    (
        "cargo run -p stage0-tests --bin cel-conformance -- update",
        "conformance",
    ),
];

/// Every fenced block is run, or says whose text it is: ```` ```yaml examples/first-policy/policy.yaml ````
/// stands in that file, which the tests of its language run.
pub(super) fn blocks_are_run(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (page, text) in files.ending(".md") {
        if RUN_WHOLE.iter().any(|(known, _)| *known == page) {
            continue;
        }
        for (line, info, block) in blocks(text) {
            let mut words = info.split(' ');
            let finding = match (words.next(), words.next()) {
                (Some("console"), None) if has_transcripts(page) => None,
                // `python/tests/test_readme.py` and `npm/tests/readme.test.mjs` run them.
                (Some("python"), None) if page == "python/README.md" => None,
                (Some("js"), None) if page == "npm/README.md" => None,
                // Drawings and layouts, which say nothing that can be run.
                (Some("" | "text"), None) => None,
                (Some("sh"), None) => block
                    .lines()
                    .find(|line| !is_run(line))
                    .map(|line| format!("nobody runs `{line}`")),
                (Some(_), Some(file)) => match files.text(file) {
                    Some(whole) if whole.contains(&block) => None,
                    Some(_) => Some(format!("this is not what stands in {file}")),
                    None => Some(format!("there is no {file}")),
                },
                _ => Some(format!("nobody runs a block of `{info}`")),
            };
            findings.extend(finding.map(|finding| format!("{page}:{line}: {finding}")));
        }
    }
    findings
}

fn is_run(line: &str) -> bool {
    let command = line.split("  #").next().unwrap_or(line).trim();
    let verb = command.strip_prefix("cargo xtask").map(str::trim);
    let is_verb = verb.is_some_and(|verb| {
        let verb = verb.split(' ').next().unwrap_or_default();
        verb.is_empty() || VERBS.iter().any(|known| known.name == verb)
    });
    is_verb || SHELL_LINES.iter().any(|(known, _)| *known == command) || is_example(command)
}

/// Whether tests of frameworks install what the line installs (`test_extras.py` compares), or run what it
/// runs (`test_examples.py`, which takes every example that has an agent).
fn is_example(command: &str) -> bool {
    let runs = command
        .strip_prefix("python examples/")
        .is_some_and(|path| path.ends_with("-agent/agent.py"));
    runs || command.starts_with("pip install './python[")
}

/// The fenced blocks of a page: the line, what stands behind the fence, and the text.
fn blocks(page: &str) -> Vec<(usize, &str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, &str, String)> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(info), None) => open = Some((number, info, String::new())),
            (None, Some((_, _, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// A link into the repository leads to a file or folder of it.
pub(super) fn links_lead_somewhere(files: &Files) -> Vec<String> {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (name, _) in &files.files {
        let mut path = name.as_str();
        while known.insert(path) {
            path = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }
    let mut findings = Vec::new();
    for (page, text) in files.ending(".md") {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        let outside: String = text.split("```").step_by(2).collect();
        for link in outside.split("](").skip(1) {
            let target = link.split([')', '#', ' ']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = joined(folder, target);
            if !known.contains(path.as_str()) {
                findings.push(format!("{page}: `{target}` leads nowhere"));
            }
        }
    }
    findings
}

/// A relative path from a folder, without `.` and `..`.
fn joined(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// Each invariant of ARCHITECTURE.md names, behind `Held by`, tests or checks that exist.
pub(super) fn invariants_name_their_tests(files: &Files) -> Vec<String> {
    let Some(page) = files.text("ARCHITECTURE.md") else {
        return Vec::new();
    };
    let section = page
        .split("\n## ")
        .find(|part| part.starts_with("Invariants\n"));
    let section = section.unwrap_or_default();
    let functions: BTreeSet<&str> = files
        .ending(".rs")
        .flat_map(|(_, text)| text.lines())
        .filter_map(|line| line.split_once("fn ")?.1.split(['(', '<']).next())
        .collect();
    let mut findings = Vec::new();
    let mut count = 0_usize;
    for item in items(section) {
        count = count.saturating_add(1);
        let number = item.split(' ').next().unwrap_or_default();
        let Some((_, held)) = item.split_once("Held by") else {
            findings.push(format!("ARCHITECTURE.md: invariant {number} names no test"));
            continue;
        };
        for name in held.split('`').skip(1).step_by(2) {
            let is_file = files.text(name).is_some();
            if !is_file && !functions.contains(name) {
                findings.push(format!(
                    "ARCHITECTURE.md: invariant {number}: there is no `{name}`"
                ));
            }
        }
        if !held.contains('`') {
            findings.push(format!("ARCHITECTURE.md: invariant {number} names no test"));
        }
    }
    if count == 0 {
        findings.push("ARCHITECTURE.md: it has no invariants".to_owned());
    }
    findings
}

/// The items of a numbered list, each on one line.
fn items(section: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in section.lines() {
        let is_item = line
            .split_once(". ")
            .is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        match items.last_mut() {
            _ if is_item => items.push(line.to_owned()),
            Some(item) if line.starts_with(' ') => {
                item.push(' ');
                item.push_str(line.trim());
            }
            _ => {}
        }
    }
    items
}

/// Folders of other languages, each with the host that stands for it.
const LANGUAGES: &[(&str, &str)] = &[("python", "python"), ("npm", "node")];

/// A folder of another language has its host and its checks: what nobody runs is soon broken.
pub(super) fn languages_have_parts(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (folder, host) in LANGUAGES {
        let begins = format!("{folder}/");
        if !files
            .files
            .iter()
            .any(|(name, _)| name.starts_with(&begins))
        {
            continue;
        }
        if !HOSTS.iter().any(|known| known.name == *host) {
            findings.push(format!(
                "{folder}: `HOSTS` in parts.rs has no host `{host}`"
            ));
        }
        if !CHECKS.iter().any(|part| part.name.starts_with(folder)) {
            findings.push(format!(
                "{folder}: `CHECKS` in parts.rs has no part `{folder} ...`"
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{blocks_are_run, invariants_name_their_tests, is_run, links_lead_somewhere};
    use crate::tidy::Files;
    use std::path::PathBuf;

    fn files(files: &[(&str, &str)]) -> Files {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Files {
            files: files.collect(),
            root: PathBuf::new(),
        }
    }

    #[test]
    fn a_block_is_run_or_is_a_files_text() {
        let page = "```console\n$ a\n```\n```yaml a.yaml\nb: 1\n```\n```yaml a.yaml\nc: 2\n```\n\
            ```yaml\nb: 1\n```\n```sh\ncargo xtask test  # all\nrm -r x\n```\n```js b.mjs\n1\n```\n";
        let found = blocks_are_run(&files(&[("README.md", page), ("a.yaml", "a: 0\nb: 1\n")]));
        assert_eq!(
            found,
            [
                "README.md:7: this is not what stands in a.yaml",
                "README.md:10: nobody runs a block of `yaml`",
                "README.md:13: nobody runs `rm -r x`",
                "README.md:17: there is no b.mjs",
            ]
        );
        assert!(is_run("cargo xtask") && is_run("cargo xtask fuzz --seconds 3"));
        assert!(!is_run("cargo xtask fizz"));
    }

    #[test]
    fn links_are_followed_from_their_page() {
        let page =
            "[a](b.md) [c](../x/d) [e](https://example.org) [f](#g) [h](../i)\n```\n[j](k)\n```\n";
        let found = links_lead_somewhere(&files(&[
            ("docs/a.md", page),
            ("docs/b.md", ""),
            ("x/d/e.rs", ""),
        ]));
        assert_eq!(found, ["docs/a.md: `../i` leads nowhere"]);
    }

    #[test]
    fn an_invariant_names_a_test_that_exists() {
        let page = "# A\n\n## Invariants\n\n1. One. Held by `one`\n   and `two`.\n2. Two.\n3. Three. Held by hope.\n";
        let found = invariants_name_their_tests(&files(&[
            ("ARCHITECTURE.md", page),
            ("a.rs", "fn one() {}\n"),
        ]));
        assert_eq!(
            found,
            [
                "ARCHITECTURE.md: invariant 1.: there is no `two`",
                "ARCHITECTURE.md: invariant 2. names no test",
                "ARCHITECTURE.md: invariant 3. names no test",
            ]
        );
    }
}
