//! `cargo xtask tidy`: what no compiler checks.
//!
//! Each check is a function from the repository's files to findings, each finding a line that names
//! its place. Style is not checked here, that is for rustfmt and clippy; these are the rules by which
//! a newcomer finds their way: where things stand, what may depend on what, and that whatever departs
//! from a rule says why.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::command::{Tally, program, read, root};

/// Entries of the root folder, besides those that begin with a dot.
const ROOT_ENTRIES: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "bindings",
    "clippy.toml",
    "crates",
    "deny.toml",
    "examples",
    "npm",
    "python",
    "rustfmt.toml",
    "tests",
    "typos.toml",
];

/// What each crate of ours may depend on, of ours. An edge that is not here is a decision about the
/// architecture: ARCHITECTURE.md draws this graph.
const CRATE_GRAPH: &[(&str, &[&str])] = &[
    ("stage0-engine", &[]),
    ("stage0-wire", &["stage0-engine"]),
    ("stage0-audit", &["stage0-engine", "stage0-wire"]),
    (
        "stage0-store",
        &["stage0-audit", "stage0-engine", "stage0-wire"],
    ),
    (
        "stage0-server",
        &[
            "stage0-audit",
            "stage0-engine",
            "stage0-store",
            "stage0-wire",
        ],
    ),
    (
        "stage0-mcp",
        &[
            "stage0-audit",
            "stage0-engine",
            "stage0-store",
            "stage0-wire",
        ],
    ),
    (
        "stage0-cli",
        &[
            "stage0-audit",
            "stage0-engine",
            "stage0-mcp",
            "stage0-server",
            "stage0-store",
            "stage0-wire",
        ],
    ),
    (
        "stage0-wasm",
        &["stage0-audit", "stage0-engine", "stage0-wire"],
    ),
    (
        "stage0-python",
        &["stage0-audit", "stage0-engine", "stage0-wire"],
    ),
];

/// Crates that are not shipped may depend on any other.
const UNSHIPPED: &[&str] = &["stage0-tests", "xtask"];

/// What the engine depends on, exactly: it decides, so every line of code in it is a line to trust.
const ENGINE_DEPENDENCIES: &[&str] = &[
    "bumpalo",
    "regex-lite",
    "rustc-hash",
    "sha2",
    "smallvec",
    "strsim",
];

/// The one address in lock files: the name by which cargo knows its registry.
const REGISTRY_NAME: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// From here on a file is listed as long. Nobody is made to split it.
const FILE_LINES: usize = 500;

/// Prints what was found.
///
/// # Errors
/// Something was found.
pub(crate) fn run(_: &[String]) -> Result<(), String> {
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
    report_long_files(&files);
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
    root_holds_only_what_belongs_there,
    rust_files_say_what_they_are,
    nothing_is_left_to_do,
    crates_depend_one_way,
    the_engine_depends_on_little,
    dependencies_have_reasons,
    relaxed_lints_have_reasons,
    no_path_of_this_machine,
    lock_files_name_no_address,
    versions_agree,
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

fn root_holds_only_what_belongs_there(files: &Files) -> Vec<String> {
    let entries: BTreeSet<&str> = files
        .files
        .iter()
        .filter_map(|(name, _)| name.split('/').next())
        .collect();
    let strange = entries
        .into_iter()
        .filter(|entry| !entry.starts_with('.') && !ROOT_ENTRIES.contains(entry));
    strange
        .map(|entry| format!("{entry}: does not belong in the root folder"))
        .collect()
}

fn rust_files_say_what_they_are(files: &Files) -> Vec<String> {
    let silent = files
        .ending(".rs")
        .filter(|(_, text)| !text.starts_with("//! "));
    silent
        .map(|(name, _)| format!("{name}:1: begins without a module doc (`//!`)"))
        .collect()
}

fn nothing_is_left_to_do(files: &Files) -> Vec<String> {
    // Written in two parts, so that this line is no finding.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    lines(files, |line| {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric());
        let mark = words.into_iter().find(|word| marks.contains(word))?;
        Some(format!("`{mark}`: do it, or file an issue"))
    })
}

/// One finding for each line that `judge` objects to.
fn lines(files: &Files, judge: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, text) in &files.files {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(objection) = judge(line) {
                findings.push(format!("{name}:{number}: {objection}"));
            }
        }
    }
    findings
}

/// A manifest's sections with the lines in each, comments and blank lines left out.
fn sections(manifest: &str) -> Vec<(&str, Vec<&str>)> {
    let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            sections.push((header.trim_end_matches(']'), Vec::new()));
        } else if let Some((_, lines)) = sections.last_mut() {
            lines.push(line);
        }
    }
    sections
}

/// Whether a package is a workspace of its own, as what is built with a sanitizer has to be: it takes
/// no versions from ours.
fn stands_alone(path: &str, manifest: &str) -> bool {
    let is_root = !path.contains('/');
    !is_root
        && sections(manifest)
            .iter()
            .any(|(section, _)| *section == "workspace")
}

/// The key of a manifest's line: `name` of `name.workspace = true` and of `name = "1"`.
fn key(line: &str) -> &str {
    line.split(['.', '=', ' ']).next().unwrap_or(line)
}

/// A package's name, and the names of what it depends on, for each manifest.
fn packages(files: &Files) -> Vec<(&str, &str, Vec<&str>)> {
    let mut packages = Vec::new();
    for (path, text) in files.ending("Cargo.toml") {
        if stands_alone(path, text) {
            continue;
        }
        let mut name = None;
        let mut dependencies = Vec::new();
        for (section, lines) in sections(text) {
            if section == "package" {
                let line = lines.iter().find(|line| key(line) == "name");
                name = line.and_then(|line| line.split('"').nth(1));
            } else if section == "dependencies" || section.ends_with(".dependencies") {
                dependencies.extend(lines.into_iter().map(key));
            }
        }
        // The workspace's own manifest has no package, and its table of versions is no dependency.
        if let Some(name) = name {
            packages.push((path, name, dependencies));
        }
    }
    packages
}

fn crates_depend_one_way(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, name, dependencies) in packages(files) {
        if UNSHIPPED.contains(&name) || path.starts_with("examples/") {
            continue;
        }
        let Some((_, allowed)) = CRATE_GRAPH.iter().find(|(known, _)| *known == name) else {
            findings.push(format!("{path}: the crate graph does not have `{name}`"));
            continue;
        };
        for dependency in dependencies {
            let is_ours = dependency.starts_with("stage0-") || UNSHIPPED.contains(&dependency);
            if is_ours && !allowed.contains(&dependency) {
                findings.push(format!("{path}: `{name}` may not depend on `{dependency}`"));
            }
        }
    }
    findings
}

fn the_engine_depends_on_little(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, name, dependencies) in packages(files) {
        if name != "stage0-engine" {
            continue;
        }
        for dependency in dependencies {
            if !ENGINE_DEPENDENCIES.contains(&dependency) {
                findings.push(format!(
                    "{path}: the engine does not depend on `{dependency}`"
                ));
            }
        }
    }
    findings
}

fn dependencies_have_reasons(files: &Files) -> Vec<String> {
    let manifest = files.text("Cargo.toml").unwrap_or_default();
    let mut findings = Vec::new();
    for (section, lines) in sections(manifest) {
        if section != "workspace.dependencies" {
            continue;
        }
        let silent = lines
            .into_iter()
            .filter(|line| !line.contains('#') && !line.contains("path = "));
        findings.extend(
            silent.map(|line| format!("Cargo.toml: `{}` has no reason behind it", key(line))),
        );
    }
    // One table of versions and reasons: members take theirs from it.
    for (path, text) in files.ending("/Cargo.toml") {
        for (section, lines) in sections(text) {
            if !section.ends_with("dependencies") || stands_alone(path, text) {
                continue;
            }
            let own = lines
                .into_iter()
                .filter(|line| !line.contains("workspace = true"));
            findings.extend(
                own.map(|line| format!("{path}: `{}` is not taken from the workspace", key(line))),
            );
        }
    }
    findings
}

fn relaxed_lints_have_reasons(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, text) in files.ending(".rs") {
        for opening in ["#[expect(", "#![expect(", "#[allow(", "#![allow("] {
            for (at, _) in text.match_indices(opening) {
                let line_start = text
                    .get(..at)
                    .and_then(|before| before.rsplit('\n').next())
                    .unwrap_or("");
                let attribute = text
                    .get(at..)
                    .and_then(|rest| rest.split(")]").next())
                    .unwrap_or("");
                if line_start.trim().is_empty() && !attribute.contains("reason = ") {
                    let number = text
                        .get(..at)
                        .unwrap_or("")
                        .matches('\n')
                        .count()
                        .saturating_add(1);
                    findings.push(format!("{name}:{number}: a relaxed lint without a reason"));
                }
            }
        }
    }
    let manifest = files.text("Cargo.toml").unwrap_or_default();
    for (section, lines) in sections(manifest) {
        if !section.starts_with("workspace.lints") {
            continue;
        }
        let silent = lines
            .into_iter()
            .filter(|line| line.contains("\"allow\"") && !line.contains('#'));
        findings.extend(
            silent.map(|line| format!("Cargo.toml: `{}` is allowed without a reason", key(line))),
        );
    }
    findings
}

fn no_path_of_this_machine(files: &Files) -> Vec<String> {
    let root = files.root.to_string_lossy().into_owned();
    let cargo = std::env::var("CARGO_HOME").unwrap_or_default();
    let paths: Vec<&str> = [root.as_str(), cargo.as_str()]
        .into_iter()
        .filter(|path| path.len() > 3)
        .collect();
    lines(files, |line| {
        let path = paths.iter().find(|path| line.contains(**path))?;
        Some(format!("`{path}` is a path of this machine"))
    })
}

fn lock_files_name_no_address(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for end in [".lock", "-lock.json", "-lock.yaml"] {
        for (name, text) in files.ending(end) {
            for (number, line) in (1..).zip(text.lines()) {
                // npm copies into its lock files where a package's authors take donations.
                let is_funding = line.trim_start().starts_with("\"url\": ");
                if line.contains("://") && !line.contains(REGISTRY_NAME) && !is_funding {
                    findings.push(format!(
                        "{name}:{number}: a download address in a lock file"
                    ));
                }
            }
        }
    }
    findings
}

fn versions_agree(files: &Files) -> Vec<String> {
    let manifest = files.text("Cargo.toml").unwrap_or_default();
    let version = sections(manifest)
        .into_iter()
        .find(|(section, _)| *section == "workspace.package");
    let version =
        version.and_then(|(_, lines)| lines.into_iter().find(|line| key(line) == "version"));
    let Some(version) = version.and_then(|line| line.split('"').nth(1)) else {
        return vec!["Cargo.toml: the workspace has no version".to_owned()];
    };
    let mut findings = Vec::new();
    for (path, text) in files.ending("Cargo.toml") {
        for (section, lines) in sections(text) {
            let own = lines.iter().any(|line| line.starts_with("version = "));
            if section == "package" && own {
                findings.push(format!(
                    "{path}: a version of its own; write `version.workspace = true`"
                ));
            }
            let ours = lines
                .iter()
                .filter(|line| section == "workspace.dependencies" && line.contains("path = "));
            let differing = ours.filter(|line| !line.contains(&format!("version = \"{version}\"")));
            findings.extend(
                differing
                    .map(|line| format!("{path}: `{}` is not of version {version}", key(line))),
            );
        }
    }
    let packages = [
        ("npm/package.json", format!("\"version\": \"{version}\"")),
        ("python/pyproject.toml", format!("version = \"{version}\"")),
    ];
    for (path, wanted) in packages {
        if files.text(path).is_some_and(|text| !text.contains(&wanted)) {
            findings.push(format!("{path}: not of version {version}"));
        }
    }
    findings
}

fn report_long_files(files: &Files) {
    let mut long: Vec<(usize, &str)> = files
        .ending(".rs")
        .map(|(name, text)| (text.lines().count(), name))
        .collect();
    long.retain(|(lines, _)| *lines > FILE_LINES);
    long.sort_unstable_by(|one, two| two.cmp(one));
    if !long.is_empty() {
        println!("longer than {FILE_LINES} lines, which is allowed:");
    }
    for (lines, name) in long {
        println!("  {lines:>5} {name}");
    }
}

#[cfg(test)]
mod tests {
    use super::{Files, findings, key, packages, sections};
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
