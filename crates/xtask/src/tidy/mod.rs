//! `cargo xtask tidy`: what no compiler checks.
//!
//! Each check is a function from the repository's files to findings, each finding a line that names
//! its place. Style is not checked here, that is for rustfmt and clippy; these are the rules by which
//! a newcomer finds their way: where things stand, what may depend on what, how long anything is, and that
//! whatever departs from a rule says why.

mod length;
mod manifests;
mod pages;
mod text;

use std::path::PathBuf;

use crate::command::{Tally, program, read, root};

/// Prints what was found.
///
/// # Errors
/// Something was found.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if !args.is_empty() {
        return Err("usage: cargo xtask tidy".to_owned());
    }
    let tally = check()?;
    println!("{} checks passed", tally.passed);
    Ok(())
}

/// Runs all checks and prints their findings; each check without findings has passed.
///
/// # Errors
/// Something was found, or the files cannot be listed.
pub(crate) fn check() -> Result<Tally, String> {
    let files = Files::read()?;
    let findings = findings(&files);
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        return Ok(Tally {
            passed: u64::try_from(CHECKS.len()).unwrap_or(0),
            failed: 0,
        });
    }
    Err(format!("{} findings", findings.len()))
}

fn findings(files: &Files) -> Vec<String> {
    let mut findings: Vec<String> = CHECKS.iter().flat_map(|check| check(files)).collect();
    findings.sort();
    findings
}

const CHECKS: &[fn(&Files) -> Vec<String>] = &[
    text::root_holds_only_what_belongs_there,
    text::rust_files_say_what_they_are,
    text::nothing_is_left_to_do,
    text::relaxed_lints_have_reasons,
    text::no_path_of_this_machine,
    text::no_test_is_ignored,
    manifests::crates_depend_one_way,
    manifests::the_engine_depends_on_little,
    manifests::dependencies_have_reasons,
    manifests::lock_files_name_no_address,
    manifests::versions_agree,
    length::files_are_not_long,
    length::functions_are_not_long,
    length::comments_are_not_wide,
    pages::blocks_are_run,
    pages::links_lead_somewhere,
    pages::invariants_name_their_tests,
    pages::languages_have_parts,
];

/// The repository's text files.
struct Files {
    /// Path from the root, and text.
    files: Vec<(String, String)>,
    root: PathBuf,
}

impl Files {
    /// Every file that git knows or would add.
    fn read() -> Result<Self, String> {
        let root = root()?;
        let listed = [
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ];
        let names = read(program("git", &listed)?)?;
        let mut names: Vec<&str> = names.split('\0').filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        names.dedup();
        let mut files = Vec::new();
        for name in names {
            // What is listed and gone was removed and not yet committed; what is no text has no lines.
            let bytes = std::fs::read(root.join(name)).unwrap_or_default();
            if let Ok(text) = String::from_utf8(bytes) {
                files.push((name.to_owned(), text));
            }
        }
        Ok(Self { files, root })
    }

    fn ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self
            .files
            .iter()
            .filter(move |(name, _)| name.ends_with(end));
        files.map(|(name, text)| (name.as_str(), text.as_str()))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.ending(name)
            .find(|(found, _)| *found == name)
            .map(|(_, text)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::manifests::{key, packages, sections};
    use super::{Files, findings};
    use std::path::PathBuf;

    fn files(files: &[(&str, &str)]) -> Files {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Files {
            files: files.collect(),
            root: PathBuf::from("/somewhere/here"),
        }
    }

    #[test]
    fn the_repository_is_tidy() {
        assert_eq!(findings(&Files::read().unwrap()), Vec::<String>::new());
    }

    #[test]
    fn each_check_finds_what_it_is_for() {
        let workspace = "[workspace.package]\nversion = \"1.2.3\"\n[workspace.dependencies]\n\
            stage0-engine = { path = \"e\", version = \"1.2.0\" }\nserde = \"1\"\n\
            [workspace.lints.clippy]\nmany = \"allow\"\n";
        let engine = "[package]\nname = \"stage0-engine\"\nversion = \"1.2.3\"\n[dependencies]\n\
            stage0-wire.workspace = true\nserde = \"1\"\n";
        let mark = concat!("TO", "DO");
        let source = format!(
            "fn main() {{}}\n// {mark} more, see /somewhere/here/x\n#[expect(dead_code)]\n"
        );
        let found = findings(&files(&[
            (
                "Cargo.lock",
                "source = \"registry+https://example.org/index\"\n",
            ),
            ("Cargo.toml", workspace),
            ("crates/stage0-engine/Cargo.toml", engine),
            (
                "crates/stage0-new/Cargo.toml",
                "[package]\nname = \"stage0-new\"\n",
            ),
            ("npm/package.json", "{\"version\": \"1.2.2\"}"),
            ("notes.txt", ""),
            ("tests/a.rs", &source),
        ]));
        let expected = [
            "Cargo.lock:1: a download address in a lock file",
            "Cargo.toml: `many` is allowed without a reason",
            "Cargo.toml: `serde` has no reason behind it",
            "Cargo.toml: `stage0-engine` is not of version 1.2.3",
            "crates/stage0-engine/Cargo.toml: `serde` is not taken from the workspace",
            "crates/stage0-engine/Cargo.toml: `stage0-engine` may not depend on `stage0-wire`",
            "crates/stage0-engine/Cargo.toml: a version of its own; write `version.workspace = true`",
            "crates/stage0-engine/Cargo.toml: the engine does not depend on `serde`",
            "crates/stage0-engine/Cargo.toml: the engine does not depend on `stage0-wire`",
            "crates/stage0-new/Cargo.toml: the crate graph does not have `stage0-new`",
            "notes.txt: does not belong in the root folder",
            "npm/package.json: not of version 1.2.3",
            "tests/a.rs:1: begins without a module doc (`//!`)",
            "tests/a.rs:2: `/somewhere/here` is a path of this machine",
            &format!("tests/a.rs:2: `{mark}`: do it, or file an issue"),
            "tests/a.rs:3: a relaxed lint without a reason",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn manifests_are_read_by_section_and_key() {
        let manifest = "# a\n[package]\nname = \"a\"\n\n[target.'cfg(unix)'.dependencies]\nb.workspace = true # why\n";
        assert_eq!(
            sections(manifest),
            [
                ("package", vec!["name = \"a\""]),
                (
                    "target.'cfg(unix)'.dependencies",
                    vec!["b.workspace = true # why"]
                ),
            ]
        );
        assert_eq!((key("b.workspace = true"), key("b = \"1\"")), ("b", "b"));
        let files = files(&[("x/Cargo.toml", manifest)]);
        assert_eq!(packages(&files), [("x/Cargo.toml", "a", vec!["b"])]);
    }
}
