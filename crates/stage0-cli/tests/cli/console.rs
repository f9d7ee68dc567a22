//! Transcripts that are run: the golden ones in `tests/console`, and every `console` block of the
//! READMEs.
//!
//! In a block, a line that begins with `$ ` is a command for `sh`; what stands below it is what it
//! prints on both outputs. `cargo run -q -p stage0-cli --` stands for the command as it was built.
//! `UPDATE_GOLDEN=1 cargo test -p stage0-cli` writes what was found into the files.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Folder, STAGE0, root};

#[test]
fn golden_transcripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        run_file(&file, &Folder::with_files(&format!("console-{name}")));
    }
}

#[test]
fn readme() {
    let folder = Folder::new("console-readme");
    link_examples(&folder);
    run_file(&root().join("README.md"), &folder);
}

#[test]
fn readme_has_the_limits_of_the_engine() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let limits = root().join("crates/stage0-engine/src/limits.rs");
    let limits = fs::read_to_string(limits).unwrap();
    let rows: Vec<(&str, &str)> = readme
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let name = cells.get(3)?.strip_prefix('`')?.strip_suffix("_MAX`")?;
            Some((name, *cells.get(2)?))
        })
        .collect();
    assert!(!rows.is_empty());
    for (name, value) in rows {
        let value = value.replace(',', "_");
        let is_so = |line: &str| {
            line.starts_with(&format!("pub const {name}_MAX: "))
                && line.ends_with(&format!(" = {value};"))
        };
        assert!(limits.lines().any(is_so), "{name}_MAX is not {value}");
    }
}

#[test]
fn readmes_of_examples() {
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let readme = entry.unwrap().path().join("README.md");
        if !readme.is_file() {
            continue;
        }
        let folder = Folder::new("console-example");
        link_examples(&folder);
        run_file(&readme, &folder);
    }
}

/// Examples are run from the root of the repository, and may not write there.
fn link_examples(folder: &Folder) {
    let examples = root().join("examples").canonicalize().unwrap();
    std::os::unix::fs::symlink(examples, folder.path().join("examples")).unwrap();
}

/// Runs every `console` block of a file in one folder, in order, and compares.
fn run_file(file: &Path, folder: &Folder) {
    let text = fs::read_to_string(file).unwrap();
    let found = run_blocks(&text, folder);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(file, found).unwrap();
        return;
    }
    let differing = (1..).zip(text.lines().zip(found.lines()));
    let first = differing
        .map(|(number, (said, is))| format!("line {number}\n  says {said}\n  is   {is}"))
        .zip(text.lines().zip(found.lines()))
        .find(|(_, (said, is))| said != is)
        .map_or("its end".to_owned(), |(place, _)| place);
    assert!(text == found, "{} differs from {first}", file.display());
}

fn run_blocks(text: &str, folder: &Folder) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if line != "```console" {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let mut commands: Vec<String> = Vec::new();
        for line in block {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push(command.to_owned()),
                // A command goes on behind a backslash, and until its quotes are closed.
                (None, Some(last))
                    if last.ends_with('\\') || last.matches('\'').count() % 2 == 1 =>
                {
                    last.push('\n');
                    last.push_str(line);
                }
                _ => {}
            }
        }
        for command in commands {
            out.extend(["$ ", &command, "\n", &run(&command, folder)]);
        }
        out.push_str("```\n");
    }
    out
}

fn run(command: &str, folder: &Folder) -> String {
    let command = command.replace("cargo run -q -p stage0-cli --", "stage0");
    let path = std::env::var("PATH").unwrap_or_default();
    let binaries = Path::new(STAGE0).parent().unwrap().display();
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder.path())
        .env("PATH", format!("{binaries}:{path}"))
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    assert!(!text.contains("panicked"), "{command}: {text}");
    text
}
