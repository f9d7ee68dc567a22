//! The official conformance suite of CEL, run against the condition language.
//!
//! The language is a subset of CEL's syntax, so most of the suite must pass and the rest must differ
//! for a reason that somebody wrote down: `tests/conformance/cel/exceptions.json` holds the reasons
//! and `score.txt` the counts, and both have to fit exactly. The suite itself is never committed; it
//! is an npm package that [`fetch`] puts into the target folder.
//!
//! ```text
//! cargo run -p stage0-tests --bin cel-conformance -- fetch     # npm and node are needed only here
//! cargo run -p stage0-tests --bin cel-conformance              # compare with the score
//! cargo run -p stage0-tests --bin cel-conformance -- update    # write the score anew
//! ```

mod exceptions;
mod judge;
mod suite;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exceptions::{Exceptions, Treatment};
use judge::{Judgement, judge};
use suite::{Case, Suite};

/// What became of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It needs protocol buffer messages; only the total counts it.
    Messages,
    /// The result is CEL's.
    Passed,
    /// The result is another one, on purpose; the reason's name.
    Differs(String),
    /// The test uses something that the language leaves out; the reason's name.
    Excluded(String),
    /// Nobody wrote down why: what was expected and what came.
    Failed(String),
}

/// Why some of the suite's tests do not give CEL's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its name.
    pub name: String,
    /// `differs` or `excluded`.
    pub kind: &'static str,
    /// What is different, in one sentence.
    pub why: String,
}

/// Every reason that is written down, the differences first.
///
/// # Errors
/// The file of exceptions is not as it has to be.
pub fn reasons() -> Result<Vec<Reason>, String> {
    let exceptions = Exceptions::parse(&read(&data_file("exceptions.json"))?)?;
    let reasons = exceptions.reasons().map(|(name, kind, why)| Reason {
        name: name.to_owned(),
        kind,
        why: why.to_owned(),
    });
    Ok(reasons.collect())
}

/// The suite's tests with what became of them.
#[derive(Debug)]
pub struct Report {
    /// Version of the specification that the tests belong to.
    pub spec: String,
    /// File, section and name of each test, and its verdict, in the suite's order.
    pub verdicts: Vec<(String, Verdict)>,
    /// What is wrong with the exceptions: entries that nothing needs, for example.
    pub complaints: Vec<String>,
    score: String,
}

impl Report {
    /// The tests that differ without a reason, one line each.
    pub fn failures(&self) -> Vec<String> {
        let failed = self
            .verdicts
            .iter()
            .filter_map(|(name, verdict)| match verdict {
                Verdict::Failed(why) => Some(format!("{name}: {why}")),
                _ => None,
            });
        failed.collect()
    }

    /// The counts by file and by reason, as `score.txt` holds them.
    pub fn score(&self) -> &str {
        &self.score
    }
}

/// Where the suite is: the folder named by `STAGE0_CEL_SPEC`, else `target/cel-spec`.
pub fn folder() -> PathBuf {
    match std::env::var_os("STAGE0_CEL_SPEC") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cel-spec"),
    }
}

/// Whether [`fetch`] was run for this folder.
pub fn is_fetched(folder: &Path) -> bool {
    suite_file(folder).is_file()
}

/// Puts the suite into a folder: installs the locked npm package and exports it as JSON.
///
/// # Errors
/// What npm, node or the file system say.
pub fn fetch(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let (source, target) = (data_file(name), folder.join(name));
        fs::copy(&source, target).map_err(|error| format!("{}: {error}", source.display()))?;
    }
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefix",
    ])
    .arg(folder);
    run_command(&mut npm)?;
    run_command(
        Command::new("node")
            .arg(data_file("export.mjs"))
            .arg(folder),
    )
}

fn run_command(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let output = command
        .output()
        .map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{shown}: {}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// Runs the suite that is in a folder.
///
/// # Errors
/// The suite or the exceptions cannot be read.
pub fn run(folder: &Path) -> Result<Report, String> {
    let text = read(&suite_file(folder))
        .map_err(|error| format!("{error}; run `cel-conformance fetch` first"))?;
    let suite = Suite::parse(&text)?;
    let mut exceptions = Exceptions::parse(&read(&data_file("exceptions.json"))?)?;
    let verdicts: Vec<Verdict> = suite
        .cases
        .iter()
        .map(|case| verdict(case, &mut exceptions))
        .collect();
    let score = score(&suite, &verdicts, &exceptions);
    Ok(Report {
        spec: suite.spec,
        verdicts: suite
            .cases
            .iter()
            .map(Case::full_name)
            .zip(verdicts)
            .collect(),
        complaints: exceptions.complaints(),
        score,
    })
}

/// Runs the suite that is in a folder and compares with the score that is checked in.
///
/// # Errors
/// Everything that is not as written down, one line each.
pub fn check(folder: &Path) -> Result<Report, String> {
    let report = run(folder)?;
    let mut wrong = report.failures();
    wrong.extend(report.complaints.iter().cloned());
    let known = read(&data_file("score.txt")).unwrap_or_default();
    if known != report.score {
        wrong.push(format!(
            "the score is not the one in score.txt:\n{}",
            difference(&known, &report.score)
        ));
    }
    if wrong.is_empty() {
        Ok(report)
    } else {
        Err(wrong.join("\n"))
    }
}

/// Runs the suite that is in a folder and writes `score.txt` anew.
///
/// # Errors
/// A test differs without a reason, or an exception is not needed: those have to be settled first.
pub fn update(folder: &Path) -> Result<Report, String> {
    let report = run(folder)?;
    let mut wrong = report.failures();
    wrong.extend(report.complaints.iter().cloned());
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    let file = data_file("score.txt");
    fs::write(&file, &report.score).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(report)
}

fn verdict(case: &Case, exceptions: &mut Exceptions) -> Verdict {
    if case.needs_messages {
        return Verdict::Messages;
    }
    let judgement = judge(case);
    match exceptions.treatment(case, &judgement) {
        Some(Treatment::Differs(reason)) => Verdict::Differs(reason),
        Some(Treatment::Excluded(reason)) => Verdict::Excluded(reason),
        None => match judgement {
            Judgement::Agrees
            | Judgement::Refused {
                is_error_found_early: true,
                ..
            } => Verdict::Passed,
            Judgement::Refused { messages, .. } => {
                Verdict::Failed(format!("refused: {}", messages.join("; ")))
            }
            Judgement::Disagrees { expected, found } => {
                Verdict::Failed(format!("expected {expected}, found {found}"))
            }
        },
    }
}

#[derive(Default)]
struct Tally {
    total: usize,
    json: usize,
    passed: usize,
    differs: usize,
    excluded: usize,
}

impl Tally {
    fn count(&mut self, verdict: &Verdict) {
        let count = |number: &mut usize| *number = number.saturating_add(1);
        count(&mut self.total);
        if *verdict != Verdict::Messages {
            count(&mut self.json);
        }
        match verdict {
            // A failure is counted nowhere, so that a score with one does not add up.
            Verdict::Messages | Verdict::Failed(_) => {}
            Verdict::Passed => count(&mut self.passed),
            Verdict::Differs(_) => count(&mut self.differs),
            Verdict::Excluded(_) => count(&mut self.excluded),
        }
    }

    fn line(&self, name: &str) -> String {
        let subset = self.json.saturating_sub(self.excluded);
        format!(
            "{name:<16}{:>7}{:>7}{:>8}{:>8}{:>9}{:>10}\n",
            self.total, self.json, subset, self.passed, self.differs, self.excluded
        )
    }
}

fn score(suite: &Suite, verdicts: &[Verdict], exceptions: &Exceptions) -> String {
    let mut files: BTreeMap<&str, Tally> = BTreeMap::new();
    let mut all = Tally::default();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (case, verdict) in suite.cases.iter().zip(verdicts) {
        files.entry(&case.file).or_default().count(verdict);
        all.count(verdict);
        if let Verdict::Differs(reason) | Verdict::Excluded(reason) = verdict {
            let count = reasons.entry(reason).or_default();
            *count = count.saturating_add(1);
        }
    }
    let mut text = format!(
        "# Written by: cargo run -p stage0-tests --bin cel-conformance -- update\n\
         # The simple tests of cel-spec {}. json: no messages; subset: json without excluded.\n\
         {:<16}{:>7}{:>7}{:>8}{:>8}{:>9}{:>10}\n",
        suite.spec, "file", "total", "json", "subset", "passed", "differs", "excluded",
    );
    for (file, tally) in files {
        text.push_str(&tally.line(file));
    }
    text.push_str(&all.line("all"));
    text.push('\n');
    for (name, count) in reasons {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{count:>5}  {:<9} {name}: {}",
            exceptions.kind_of(name),
            exceptions.why(name)
        );
    }
    text
}

/// The lines that only one of two texts has.
fn difference(known: &str, found: &str) -> String {
    let only = |one: &str, other: &str, mark: &str| -> Vec<String> {
        let lines = one
            .lines()
            .filter(|line| !other.lines().any(|known| known == *line));
        lines.map(|line| format!("{mark} {line}")).collect()
    };
    let mut lines = only(known, found, "-");
    lines.extend(only(found, known, "+"));
    lines.join("\n")
}

fn suite_file(folder: &Path) -> PathBuf {
    folder.join("simple.json")
}

fn data_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("conformance/cel")
        .join(name)
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
