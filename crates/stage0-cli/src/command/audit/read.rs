//! The lines of a log, file by file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use stage0_audit::chain::{Body, Head, Place};
use stage0_audit::sink::{each_line as each_line_of, full_files};
use stage0_audit::trace::{Outcome, Told, Trace, read_trace};
use stage0_store::{SqliteStore, StoreError};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use crate::audit_log::problem;
use crate::input::{is_stdin, name_of, reason};

/// Hands each line of the logs on, with its place and whether it was ended. Of one log that is a file, those
/// that were put aside come first.
pub(super) fn each_line(
    logs: &[PathBuf],
    mut take: impl FnMut(&Place, &[u8], bool) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut files = Vec::new();
    for log in logs {
        if let ([log], false) = (logs, is_stdin(log)) {
            files.extend(full_files(log).map_err(|error| problem(log, &error))?);
        }
        files.push(log.clone());
    }
    for file in &files {
        let mut place = Place {
            file: name_of(file),
            line: 0,
        };
        if is_database(file) {
            each_row(file, &mut place, &mut take)?;
            continue;
        }
        let read = each_line_of(&mut open(file)?, |number, text, is_ended| {
            place.line = number;
            take(&place, text, is_ended).map_err(Stop::Problem)
        });
        read.map_err(|stop| stop.in_file(file))?;
    }
    Ok(())
}

/// Whether a file is one that a server keeps, by what every SQLite file begins with.
pub(super) fn is_database(path: &Path) -> bool {
    const HEAD: &[u8; 16] = b"SQLite format 3\0";
    let mut head = [0; HEAD.len()];
    let is_file = !is_stdin(path) && path.is_file();
    let read = is_file.then(|| File::open(path).and_then(|mut file| file.read_exact(&mut head)));
    matches!(read, Some(Ok(()))) && head == *HEAD
}

/// Where the log in a server's file ends.
pub(super) fn head_of(path: &Path) -> Result<Head, Problem> {
    let head = SqliteStore::open(path).and_then(|store| store.head());
    head.map_err(|error| Problem::new(ProblemCode::FileUnreadable, error.to_string()))
}

/// Hands on each line of the log in a server's file, which may be running.
fn each_row(
    path: &Path,
    place: &mut Place,
    take: &mut impl FnMut(&Place, &[u8], bool) -> Result<(), Problem>,
) -> Result<(), Problem> {
    const AT_ONCE: u32 = 1_000;
    let trouble = |error: StoreError| {
        let message = error.to_string();
        Problem::new(ProblemCode::FileUnreadable, message)
    };
    let store = SqliteStore::open(path).map_err(trouble)?;
    let mut last = 0;
    loop {
        let lines = store.lines_after(last, AT_ONCE).map_err(trouble)?;
        let Some((newest, _)) = lines.last() else {
            return Ok(());
        };
        last = *newest;
        for (_, line) in &lines {
            place.line = place.line.saturating_add(1);
            take(place, line.as_bytes(), true)?;
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Problem> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin().lock()));
    }
    if path.is_dir() {
        let message = format!("`{}` is a folder, not a log", name_of(path));
        return Err(Problem::new(ProblemCode::FileUnreadable, message));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Ok(Box::new(BufReader::new(file)))
}

/// Why reading ended before the end.
enum Stop {
    Unreadable(io::Error),
    Problem(Problem),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl Stop {
    fn in_file(self, path: &Path) -> Problem {
        match self {
            Self::Unreadable(error) => unreadable(path, &error),
            Self::Problem(problem) => problem,
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let message = if error.kind() == io::ErrorKind::NotFound {
        format!("there is no file `{}`", name_of(path))
    } else {
        format!("`{}` cannot be read: {}", name_of(path), reason(error))
    };
    Problem::new(ProblemCode::FileUnreadable, message)
}

/// A decision of a log, with its place and its number in the chain.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) trace: Box<Trace>,
}

/// The decisions of a log that are asked for, with what became of them. Lines that are none are passed over:
/// `audit verify` tells them.
pub(super) fn decisions(
    logs: &[PathBuf],
    wanted: impl Fn(&Trace) -> bool,
) -> Result<Vec<Found>, Problem> {
    let mut found: Vec<Found> = Vec::new();
    each_line(logs, |place, text, _| {
        let Some(Body::Record(record)) = str::from_utf8(text).ok().and_then(Body::unverified)
        else {
            return Ok(());
        };
        match read_trace(&place.file, record) {
            Ok(Told::Decision(trace)) if wanted(&trace) => found.push(Found {
                place: place.clone(),
                trace,
            }),
            Ok(Told::Outcome(outcome)) => tell(&mut found, &outcome),
            Ok(Told::Decision(_)) | Err(_) => {}
        }
        Ok(())
    })?;
    Ok(found)
}

/// Notes what became of a call at the decision that allowed it: the newest.
fn tell(found: &mut [Found], outcome: &Outcome) {
    let mut newest = found.iter_mut().rev();
    let asked =
        newest.find(|found| found.trace.verdict == "ALLOW" && found.trace.is_subject_of(outcome));
    if let Some(Found { trace, .. }) = asked {
        trace.final_runtime_action = Some(outcome.outcome.clone());
        trace.cost_usd.clone_from(&outcome.cost_usd);
    }
}
