//! `stage0 replay`: a log of decisions, made again.

mod report;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stage0_audit::chain::Body;
use stage0_wire::Policy;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::record::RECORD_LIMITS;
use stage0_wire::replay::{Change, Comparison, Replay as Remaking, Replayed};

use self::report::Report;
use crate::exit::{Exit, Failure};
use crate::input::{is_stdin, name_of, unreadable};
use crate::load::load_policy;
use crate::output::{Format, print};
use crate::progress::Progress;
use crate::trust::Trust;

/// Cases of one kind that are kept for the report; the others are counted.
const CASES_MAX: usize = 1_000;

/// Cases of one kind that a person is shown unless all are asked for.
const CASES_SHOWN: usize = 10;

/// Make recorded decisions again, and say what another policy changes
#[derive(Debug, Args)]
#[command(
    after_help = "A log has one record on each line, as `stage0 check --audit LOG --record full` writes them. By the policy that made \
them, decisions must come out as they were recorded, byte for byte; by another one the log is a \
rehearsal, in which runs go on as that policy leaves them.

Exit codes:
  0  every verdict is as it was
  1  a line cannot be made again, or its own policy decides it another way
  2  the command line makes no sense
  3  a verdict became milder
  4  verdicts became stricter, and none milder

Examples:
  stage0 check request.json --policy policy.yaml --audit decisions.jsonl --record full
  stage0 replay decisions.jsonl --policy policy.yaml
  stage0 replay decisions.jsonl --policy policy.yaml --against next.yaml --format json"
)]
pub(crate) struct Replay {
    /// The log, JSON Lines; `-` is standard input
    #[arg(value_name = "LOG")]
    log: PathBuf,

    /// The policy to decide by: a file, or a built-in one such as stage0/standard
    #[arg(long, short, value_name = "POLICY")]
    policy: PathBuf,

    /// A second policy, whose decisions are compared with those of the first instead of with what was
    /// recorded
    #[arg(long, value_name = "POLICY")]
    against: Option<PathBuf>,

    #[command(flatten)]
    trust: Trust,

    /// Show every case, however many there are
    #[arg(long)]
    all: bool,

    /// The form of the report: text, or json for programs
    #[arg(
        long,
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    format: ReportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    Text,
    Json,
}

/// A decision whose verdict changed.
#[derive(Debug)]
struct Case {
    line: u64,
    compared: Comparison,
}

/// What came of a log.
#[derive(Debug, Default)]
struct Results {
    /// How many decisions compare in each way, in the order of [`Change::ALL`].
    counts: [u64; 4],
    /// What became of calls.
    reports: u64,
    /// Decisions of which only the facts were kept.
    facts_only: u64,
    /// Lines that were not made again.
    failed: u64,
    stricter: Vec<Case>,
    milder: Vec<Case>,
    /// Why lines were not made again.
    problems: Vec<Problem>,
}

impl Results {
    fn count(&self, change: Change) -> u64 {
        let place = Change::ALL.iter().position(|known| *known == change);
        place
            .and_then(|at| self.counts.get(at))
            .copied()
            .unwrap_or(0)
    }

    fn decisions(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn note(&mut self, line: u64, made: Result<Replayed, Vec<Problem>>) {
        match made {
            Ok(Replayed::Report) => self.reports = self.reports.saturating_add(1),
            Ok(Replayed::Facts) => self.facts_only = self.facts_only.saturating_add(1),
            Ok(Replayed::Decision(compared)) => {
                let place = Change::ALL
                    .iter()
                    .position(|known| *known == compared.change);
                if let Some(count) = place.and_then(|at| self.counts.get_mut(at)) {
                    *count = count.saturating_add(1);
                }
                let cases = match compared.change {
                    Change::Stricter => &mut self.stricter,
                    Change::Milder => &mut self.milder,
                    Change::Same | Change::Unchanged => return,
                };
                if cases.len() < CASES_MAX {
                    cases.push(Case { line, compared });
                }
            }
            Err(problems) => {
                self.failed = self.failed.saturating_add(1);
                if self.problems.len() < CASES_MAX {
                    self.problems.extend(problems);
                }
            }
        }
    }

    fn exit(&self) -> Exit {
        if self.failed > 0 {
            Exit::Problem
        } else if self.count(Change::Milder) > 0 {
            Exit::Deny
        } else if self.count(Change::Stricter) > 0 {
            Exit::Defer
        } else {
            Exit::Success
        }
    }
}

impl Replay {
    /// The form in which problems are told.
    pub(crate) fn problem_format(&self) -> Format {
        match self.format {
            ReportFormat::Text => Format::Text,
            ReportFormat::Json => Format::Json,
        }
    }

    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let policy = self.trust.load(&self.policy, None)?;
        let other = self.against.as_deref().map(load_policy).transpose()?;
        let results = self.replay(&policy, other.as_ref())?;
        let report = Report {
            log: &self.log,
            policy: &policy,
            against: other.as_ref(),
            results: &results,
            cases_shown: if self.all { CASES_MAX } else { CASES_SHOWN },
        };
        print(&match self.format {
            ReportFormat::Text => report.to_text(),
            ReportFormat::Json => report.to_json(),
        })?;
        Ok(results.exit())
    }

    fn replay(&self, policy: &Policy, other: Option<&Policy>) -> Result<Results, Problem> {
        let mut made = Remaking::new(policy);
        if let Some(other) = other {
            made = made.against(other);
        }
        let (mut log, bytes) = open(&self.log)?;
        let progress = Progress::of("replaying");
        let (mut results, mut line, mut read) = (Results::default(), 0_u64, 0_u64);
        let name = name_of(&self.log);
        let mut text = Vec::new();
        while let Some(length) = next_line(&mut log, &mut text, &self.log)? {
            line = line.saturating_add(1);
            read = read.saturating_add(length);
            if text.trim_ascii().is_empty() {
                continue;
            }
            let number = u32::try_from(line).unwrap_or(u32::MAX);
            let made = match str::from_utf8(&text) {
                Ok(text) => match Body::unverified(text) {
                    Some(Body::Checkpoint(_)) => continue,
                    Some(Body::Record(record)) => made.line(&name, number, record),
                    None => made.line(&name, number, text),
                },
                Err(_) => Err(vec![not_utf8(&name, number)]),
            };
            results.note(line, made);
            progress.now(|| bar(read, bytes, results.decisions()));
        }
        Ok(results)
    }
}

/// How far it is: of a file in parts of a whole, of a pipe in decisions.
fn bar(read: u64, bytes: Option<u64>, decisions: u64) -> String {
    const CELLS: u64 = 30;
    let Some(bytes) = bytes.filter(|bytes| *bytes > 0) else {
        return format!("replaying: {}", report::decisions(decisions));
    };
    let part = |whole: u64| {
        let part = read.saturating_mul(whole).checked_div(bytes);
        part.unwrap_or(0).min(whole)
    };
    let done = usize::try_from(part(CELLS)).unwrap_or(0);
    let left = usize::try_from(CELLS).unwrap_or(0).saturating_sub(done);
    let (done, left) = ("#".repeat(done), ".".repeat(left));
    format!(
        "replaying [{done}{left}] {:>3}%, {}",
        part(100),
        report::decisions(decisions)
    )
}

fn open(path: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), Problem> {
    if is_stdin(path) {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    if path.is_dir() {
        let message = format!("`{}` is a folder, not a log", name_of(path));
        return Err(Problem::new(ProblemCode::FileUnreadable, message));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let bytes = file.metadata().ok().map(|about| about.len());
    Ok((Box::new(BufReader::new(file)), bytes))
}

/// Reads a line of at most as many bytes as a record has, and one more, so that a longer one is refused
/// for what it is; what is left of it is passed over. The line's length in the file; nothing at the end.
fn next_line(
    log: &mut Box<dyn BufRead>,
    text: &mut Vec<u8>,
    path: &Path,
) -> Result<Option<u64>, Problem> {
    text.clear();
    let failed = |error: io::Error| unreadable(path, &error);
    let most = u64::try_from(RECORD_LIMITS.bytes_max).unwrap_or(u64::MAX);
    let most = most.saturating_add(1);
    let taken = log
        .by_ref()
        .take(most)
        .read_until(b'\n', text)
        .map_err(failed)?;
    if taken == 0 {
        return Ok(None);
    }
    let mut length = u64::try_from(taken).unwrap_or(u64::MAX);
    if text.last() != Some(&b'\n') && length == most {
        length = length.saturating_add(skip_line(log).map_err(failed)?);
    }
    Ok(Some(length))
}

/// Passes over what is left of a line, without keeping it.
fn skip_line(log: &mut Box<dyn BufRead>) -> io::Result<u64> {
    let mut passed = 0_u64;
    loop {
        let held = log.fill_buf()?;
        let end = held.iter().position(|byte| *byte == b'\n');
        let count = end.map_or(held.len(), |at| at.saturating_add(1));
        log.consume(count);
        passed = passed.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if end.is_some() || count == 0 {
            return Ok(passed);
        }
    }
}

fn not_utf8(name: &str, line: u32) -> Problem {
    let message = "the line is not UTF-8 text";
    Problem::in_file(name, line, ProblemCode::JsonInvalidUtf8, message)
}
