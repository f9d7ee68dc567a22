//! Runs that processes share in one file: how they are named, and what is wrong with the file.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use stage0_engine::time::Timestamp;
use stage0_store::{Asking, Clock, Decided, Keeper, RunId, SqliteStore, StoreError, system_clock};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use crate::input::unreadable;

/// Where a run is kept, if it is kept in a file of runs.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// The file that keeps runs and what they share, which `check` makes if it is not there. Any number
    /// of processes may share it
    #[arg(long, value_name = "FILE", requires = "run", conflicts_with = "state")]
    runs: Option<PathBuf>,

    /// The run among them
    #[arg(long, value_name = "ID", requires = "runs", value_parser = parse_run)]
    run: Option<RunId>,
}

fn parse_run(text: &str) -> Result<RunId, String> {
    RunId::new(text).map_err(|error| error.to_string())
}

impl Runs {
    /// The file and the run in it.
    pub(crate) fn named(&self) -> Option<(&Path, &RunId)> {
        self.runs.as_deref().zip(self.run.as_ref())
    }
}

/// Opens a file of runs that is there.
pub(crate) fn open(path: &Path) -> Result<Keeper<SqliteStore>, Vec<Problem>> {
    if !path.exists() {
        return Err(vec![unreadable(path, &io::ErrorKind::NotFound.into())]);
    }
    open_or_make(path)
}

fn open_or_make(path: &Path) -> Result<Keeper<SqliteStore>, Vec<Problem>> {
    SqliteStore::open(path).map(Keeper::new).map_err(problems)
}

/// What tells the time where somebody may have said when it is.
pub(crate) fn clock(said: Option<Timestamp>) -> impl Fn() -> Option<Timestamp> {
    move || said.or_else(system_clock)
}

/// Decides with a file of runs.
pub(crate) fn decide<'q>(
    path: &Path,
    asking: &Asking<'q>,
    clock: &Clock<'_>,
) -> Result<Decided<'q>, Vec<Problem>> {
    let keeper = open_or_make(path)?;
    let decided = keeper.decide(asking, clock).map_err(problems)?;
    // What is not dropped now is dropped another time.
    let _ = keeper.purge(clock);
    Ok(decided)
}

/// What is wrong with a store, as the command tells it.
pub(crate) fn problems(error: StoreError) -> Vec<Problem> {
    let message = error.to_string();
    let problem = |code| Problem::new(code, &message);
    vec![match error {
        StoreError::Text { problems, .. } => return problems,
        StoreError::Contended | StoreError::Busy(_) => {
            problem(ProblemCode::FileUnreadable).help("ask again")
        }
        StoreError::Unreadable(_) => problem(ProblemCode::FileUnreadable),
        StoreError::Unwritable(_) => problem(ProblemCode::FileUnwritable),
        StoreError::Damaged(_) => problem(ProblemCode::StateInvalid)
            .help("runs whose file is lost have to be begun anew, in another file"),
        StoreError::Version(_) => problem(ProblemCode::StateVersion)
            .help("finish the runs with the version of Stage0 that began them"),
        StoreError::Clock => problem(ProblemCode::PolicyTime).help("say when it is with --now"),
        _ => problem(ProblemCode::StateInvalid),
    }]
}

#[cfg(test)]
mod tests {
    use stage0_store::Key;

    use super::*;

    #[test]
    fn every_error_of_a_store_is_a_problem() {
        let text = StoreError::Text {
            key: Key::Counter("p/l".into()),
            problems: vec![Problem::new(ProblemCode::JsonSyntax, "a")],
        };
        let why = || "why".to_owned();
        for (error, code) in [
            (StoreError::Contended, "FILE_UNREADABLE"),
            (StoreError::Busy(why()), "FILE_UNREADABLE"),
            (StoreError::Unreadable(why()), "FILE_UNREADABLE"),
            (StoreError::Unwritable(why()), "FILE_UNWRITABLE"),
            (StoreError::Damaged(why()), "STATE_INVALID"),
            (StoreError::Version(why()), "STATE_VERSION"),
            (text, "JSON_SYNTAX"),
            (
                StoreError::Elsewhere(Key::Counter("a".into())),
                "STATE_INVALID",
            ),
            (StoreError::Clock, "POLICY_TIME"),
        ] {
            let problems = problems(error);
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].code().as_str(), code);
        }
    }
}
