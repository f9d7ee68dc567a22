//! What the tests of stores share: a policy with caps, calls, times, and files of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use stage0_engine::digest::Digest;
use stage0_engine::host::Host;
use stage0_engine::number::Number;
use stage0_engine::policy::Verdict;
use stage0_engine::state::{Outcome, Report, Run};
use stage0_engine::time::Timestamp;
use stage0_store::{
    Asking, Change, Decided, Keeper, Kept, Key, MemoryStore, RunId, StateStore, StoreError, Telling,
};
use stage0_wire::{Policy, parse_request, parse_state};

/// 5000 a day for all together, five attempts of each actor an hour, three calls in one run.
pub(crate) fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    POLICY.get_or_init(|| {
        Policy::parse(
            "
stage0: v1
name: treasury
version: 1.0.0
tools:
  pay.out: { effects: [], args: { amount: { type: number } }, cost_usd: 3 }
  read.it: { effects: [] }
rules: [{ id: all, allow: true }]
limits:
  - { id: daily, tools: [pay.out], sum: args.amount, window: 24h, hold: 10m, max: 5000 }
  - { id: tries, tools: [read.it], count: attempts, per: [context.actor_id], window: 1h, max: 5 }
  - { id: few, tools: [pay.out], when: context.actor_id == \"tom\", count: allowed, window: run, max: 3 }
",
        )
        .unwrap()
    })
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// So many milliseconds after ten.
pub(crate) fn ms(later: i64) -> Timestamp {
    Timestamp::from_ms(at("2026-01-05T10:00:00Z").to_ms() + later).unwrap()
}

pub(crate) fn run(name: &str) -> RunId {
    RunId::new(name).unwrap()
}

pub(crate) fn daily() -> Key {
    Key::Counter("treasury/daily".into())
}

/// A payout as JSON.
pub(crate) fn payout(id: &str, amount: i64) -> String {
    format!(
        r#"{{"tool_call": {{"id": "{id}", "name": "pay.out", "arguments": {{"amount": {amount}}}}}, "context": {{"actor_id": "ana"}}}}"#
    )
}

/// Asks, and says what was answered.
pub(crate) fn ask<S: StateStore>(
    keeper: &Keeper<S>,
    run: &RunId,
    request: &str,
    now: Timestamp,
) -> Result<Said, StoreError> {
    let request = parse_request(request.as_bytes()).unwrap();
    let host = Host {
        request_id: "r",
        ..Host::default()
    };
    let asking = Asking {
        policy: policy(),
        request: &request,
        host: &host,
        run: Some(run),
    };
    keeper
        .decide(&asking, &|| Some(now))
        .map(|decided| Said::of(&decided))
}

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) verdict: Verdict,
    pub(crate) codes: Vec<String>,
    pub(crate) action: Digest,
    pub(crate) now: Timestamp,
}

impl Said {
    pub(crate) fn of(decided: &Decided<'_>) -> Self {
        let issues = decided.decision.issues.iter();
        Self {
            verdict: decided.decision.verdict,
            codes: issues.map(|issue| issue.code.to_owned()).collect(),
            action: decided.decision.action_digest(),
            now: decided.now,
        }
    }

    pub(crate) fn allowed(&self) -> bool {
        self.verdict == Verdict::Allow
    }
}

/// Reports a call.
pub(crate) fn tell<S: StateStore>(
    keeper: &Keeper<S>,
    run: &RunId,
    (id, said): (&str, &Said),
    outcome: Outcome,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let report = Report {
        id,
        action: said.action,
        outcome,
        cost: None,
    };
    let telling = Telling {
        run: Some(run),
        report: &report,
    };
    keeper.report(&telling, &|| Some(now))
}

/// Holds a property against as many samples, always the same.
pub(crate) fn check<S: Strategy>(
    cases: u32,
    strategy: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let mut runner = TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(4_711),
        failure_persistence: None,
        ..Config::default()
    });
    match runner.run(&strategy, property) {
        Ok(()) => {}
        Err(TestError::Fail(reason, sample)) => panic!("{reason}\nfor {sample:?}"),
        Err(TestError::Abort(reason)) => panic!("given up: {reason}"),
    }
}

/// The text under a key.
pub(crate) fn text(store: &dyn StateStore, key: &Key) -> Option<String> {
    let kept = store.load(std::slice::from_ref(key)).unwrap();
    kept.into_iter().next().unwrap().map(|kept| kept.row.text)
}

/// The run as it is kept.
pub(crate) fn kept_run(store: &dyn StateStore, run: &RunId) -> Run {
    let text = text(store, &Key::Run(run.clone())).unwrap();
    parse_state("run", text.as_bytes()).unwrap().run.unwrap()
}

/// What the counter of the daily limit comes to, whatever its time.
pub(crate) fn spent(store: &dyn StateStore) -> i64 {
    let Some(text) = text(store, &daily()) else {
        return 0;
    };
    let state = parse_state("counter", text.as_bytes()).unwrap();
    let entries = &state.counters["treasury/daily"].entries;
    let mut amounts = entries.iter().map(|entry| entry.amount);
    let sum = amounts.try_fold(Number::ZERO, Number::checked_add).unwrap();
    sum.to_i64().unwrap()
}

/// A store in which another one is faster so many times.
#[derive(Debug)]
pub(crate) struct Slow {
    store: MemoryStore,
    losses: AtomicU32,
}

impl Slow {
    pub(crate) fn new(losses: u32) -> Self {
        Self {
            store: MemoryStore::new(),
            losses: AtomicU32::new(losses),
        }
    }
}

impl StateStore for Slow {
    fn load(&self, keys: &[Key]) -> Result<Vec<Option<Kept>>, StoreError> {
        self.store.load(keys)
    }

    fn swap(&self, changes: &[Change]) -> Result<bool, StoreError> {
        let left = self.losses.load(Ordering::SeqCst);
        if left == 0 {
            return self.store.swap(changes);
        }
        self.losses.store(left - 1, Ordering::SeqCst);
        Ok(false)
    }

    fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.store.purge(now)
    }

    fn tickets(&self, count: usize) -> Result<Vec<Kept>, StoreError> {
        self.store.tickets(count)
    }
}

/// A folder of its own for a test, removed with everything in it.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("store-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
