//! Several processes on one file of runs, and processes that are killed while they write.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use stage0_engine::number::Number;
use stage0_engine::state::RunState;
use stage0_store::{Key, RunId, SqliteStore, StateStore as _};
use stage0_tests::store::CAP;
use stage0_wire::parse_state;

/// What one call spends.
const AMOUNT: usize = 100;

/// A worker that is killed with what it holds.
struct Worker(Child);

impl Worker {
    fn start(file: &Path, run: &str, calls: u32) -> (Self, BufReader<ChildStdout>) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_keep-runs"))
            .arg(file)
            .args([run, &calls.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        (Self(child), answers)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file name of its own, in a folder that is made anew.
fn file(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("processes-{test}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder.join("runs.db")
}

fn state(store: &SqliteStore, key: Key) -> RunState {
    let kept = store.load(&[key]).unwrap();
    let text = kept[0].as_ref().map_or("{\"v\":2}", |kept| &kept.row.text);
    parse_state("row", text.as_bytes()).unwrap()
}

/// How many decisions a run has had, and how many calls of it were allowed.
fn counts(store: &SqliteStore, run: &str) -> (usize, usize) {
    let key = Key::Run(RunId::new(run).unwrap());
    let run = state(store, key).run.unwrap_or_default();
    let count = |count: u64| usize::try_from(count).unwrap();
    (count(run.attempts), count(run.allowed))
}

fn spent(store: &SqliteStore) -> i64 {
    let state = state(store, Key::Counter("treasury/daily".into()));
    let mut amounts = state
        .counters
        .values()
        .flat_map(|counter| &counter.entries)
        .map(|entry| entry.amount);
    let sum = amounts.try_fold(Number::ZERO, Number::checked_add).unwrap();
    sum.to_i64().unwrap()
}

/// Law 14 (nothing is lost): processes that begin with no file spend exactly what there is.
#[test]
fn processes_spend_exactly_what_there_is() {
    const CALLS: u32 = 20;
    let file = file("spend");
    let runs = ["a", "b", "c", "d"];
    let workers: Vec<_> = runs.map(|run| Worker::start(&file, run, CALLS)).into();
    let mut allowed = Vec::new();
    for (mut worker, answers) in workers {
        let lines: Vec<String> = answers.lines().map(Result::unwrap).collect();
        assert!(worker.0.wait().unwrap().success());
        assert_eq!(u32::try_from(lines.len()), Ok(CALLS));
        allowed.push(lines.iter().filter(|line| *line == "ALLOW").count());
    }
    let store = SqliteStore::open(&file).unwrap();
    for (run, allowed) in runs.iter().zip(&allowed) {
        let calls = usize::try_from(CALLS).unwrap();
        assert_eq!(counts(&store, run), (calls, *allowed));
    }
    assert_eq!(spent(&store), CAP);
    assert_eq!(allowed.iter().sum::<usize>() * AMOUNT, 5_000);
    let left = fs::read_dir(file.parent().unwrap()).unwrap().count();
    drop(store);
    assert!(
        left <= 3,
        "the file and what stands beside it while it is open"
    );
}

/// Law 14 (nothing is lost): whatever a process had answered when it was killed is there, and what is there is
/// at most one decision more.
#[test]
fn what_was_answered_outlives_kill() {
    let file = file("kill");
    let mut all_allowed = 0;
    for (turn, answered) in [1_usize, 2, 5, 11, 17, 23].into_iter().enumerate() {
        let run = format!("turn {turn}");
        let (mut worker, mut answers) = Worker::start(&file, &run, u32::MAX);
        let mut lines = Vec::new();
        for _ in 0..answered {
            let mut line = String::new();
            assert_ne!(answers.read_line(&mut line).unwrap(), 0);
            lines.push(line.trim_end().to_owned());
        }
        worker.0.kill().unwrap();
        worker.0.wait().unwrap();
        // What it had answered and nobody had read yet.
        lines.extend(answers.lines().map_while(Result::ok));
        let store = SqliteStore::open(&file).unwrap();
        let (attempts, allowed) = counts(&store, &run);
        assert!((lines.len()..=lines.len() + 1).contains(&attempts));
        assert!(lines.iter().filter(|line| *line == "ALLOW").count() <= allowed);
        all_allowed += allowed;
        assert_eq!(
            usize::try_from(spent(&store)).unwrap(),
            all_allowed * AMOUNT
        );
        assert!(spent(&store) <= CAP);
    }
    assert_eq!(
        all_allowed * AMOUNT,
        5_000,
        "the last ones had nothing left"
    );
}
