//! Workers whose steps are put in every order that a sample asks for, without threads: a step is what lies
//! between two dealings with the store. A model that forgets nothing says what each of them must be told.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use stage0_engine::host::Host;
use stage0_engine::request::Request;
use stage0_engine::state::{Outcome, Report};
use stage0_engine::time::Timestamp;
use stage0_store::limits::STALL_MS_MAX;
use stage0_store::{
    Asking, Attempt, Decided, Keeper, MemoryStore, RunId, SqliteStore, StateStore, Telling,
};
use stage0_wire::parse_request;

use crate::support::{Folder, Said, check, kept_run, ms, payout, policy, run};

const WORKERS: usize = 4;
const CAP: i64 = 5_000;
const DAY_MS: i64 = 24 * 3_600_000;
const HOLD_MS: i64 = 600_000;

/// What a worker wants to do, one after the other.
#[derive(Debug, Clone, Copy)]
struct Job {
    amount: i64,
    then: Then,
}

/// What becomes of the call if it is allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    /// Nobody tells.
    Lost,
    Executed,
    Failed,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A worker goes on.
    Work(usize),
    /// A worker loses all that it has in hand.
    Stop(usize),
    /// What has ended is dropped.
    Purge,
}

fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
    let step = prop_oneof![
        30 => (0..WORKERS).prop_map(Step::Work),
        1 => (0..WORKERS).prop_map(Step::Stop),
        1 => Just(Step::Purge),
    ];
    let later = prop_oneof![
        6 => 0_i64..2_000,
        2 => Just(HOLD_MS / 2),
        1 => 0_i64..DAY_MS
    ];
    prop::collection::vec((step, later), 10..120)
}

fn jobs() -> impl Strategy<Value = Vec<Job>> {
    let then = prop_oneof![Just(Then::Lost), Just(Then::Executed), Just(Then::Failed)];
    let job = (1_i64..4, then).prop_map(|(thousands, then)| Job {
        amount: thousands * 1_000,
        then,
    });
    prop::collection::vec(job, 12)
}

/// What a call was allowed to spend.
#[derive(Debug)]
struct Spent {
    by: (usize, usize),
    at: i64,
    amount: i64,
}

/// What is in a worker's hands between two steps.
enum Hand<'q> {
    Nothing,
    Call(Box<Attempt<Decided<'q>>>),
    /// A report that is to be made on the call that was allowed.
    Word(Said),
    Report(Said, Attempt<bool>),
}

struct World<'q> {
    store: &'q dyn StateStore,
    runs: &'q [RunId],
    jobs: &'q [Job],
    requests: &'q [Request<'q>],
    host: &'q Host<'q>,
    hands: [Hand<'q>; WORKERS],
    /// The place of each worker's job.
    places: [usize; WORKERS],
    spent: Vec<Spent>,
    decided: [u64; WORKERS],
    allowed: [u64; WORKERS],
    last_at: [i64; WORKERS],
    /// When each worker dealt with the store last.
    dealt_at: [i64; WORKERS],
    lost_races: u32,
}

impl World<'_> {
    fn sum(&self, now: i64) -> i64 {
        let counts = self.spent.iter().filter(|spent| now - spent.at < DAY_MS);
        counts.map(|spent| spent.amount).sum()
    }

    /// A worker's next dealing with the store.
    fn work(&mut self, worker: usize, now: Timestamp) -> Result<(), TestCaseError> {
        let place = self.places[worker];
        let Some(job) = self.jobs.get(place).copied() else {
            return Ok(());
        };
        let id = format!("c{place}");
        match std::mem::replace(&mut self.hands[worker], Hand::Nothing) {
            Hand::Nothing => {
                let asking = Asking {
                    policy: policy(),
                    request: &self.requests[place],
                    host: self.host,
                    run: Some(&self.runs[worker]),
                };
                self.hands[worker] = Hand::Call(Box::new(asking.attempt(self.store, now).unwrap()));
            }
            Hand::Call(attempt) => match attempt.put(self.store).unwrap() {
                None => self.lost_races += 1,
                Some(decided) => {
                    let said = Said::of(&decided);
                    self.heard(worker, job, &said)?;
                    if said.allowed() && job.then != Then::Lost {
                        self.hands[worker] = Hand::Word(said);
                    } else {
                        self.places[worker] += 1;
                    }
                }
            },
            Hand::Word(said) => {
                let report = Report {
                    id: &id,
                    action: said.action,
                    outcome: outcome(job.then),
                    cost: None,
                };
                let telling = Telling {
                    run: Some(&self.runs[worker]),
                    report: &report,
                };
                let attempt = telling.attempt(self.store, now).unwrap();
                self.hands[worker] = Hand::Report(said, attempt);
                self.told_at(worker, now.to_ms());
            }
            Hand::Report(said, attempt) => match attempt.put(self.store).unwrap() {
                None => {
                    self.lost_races += 1;
                    self.hands[worker] = Hand::Word(said);
                }
                Some(is_known) => {
                    prop_assert!(is_known);
                    self.settled(worker, job);
                    self.places[worker] += 1;
                }
            },
        }
        Ok(())
    }

    /// Whatever a worker had decided never happened; what it had to report is never told.
    fn stop(&mut self, worker: usize) {
        if !matches!(self.hands[worker], Hand::Nothing | Hand::Call(_)) {
            self.places[worker] += 1;
        }
        self.hands[worker] = Hand::Nothing;
    }

    /// A decision is out: it is the one that the model makes.
    fn heard(&mut self, worker: usize, job: Job, said: &Said) -> Result<(), TestCaseError> {
        let now = said.now.to_ms();
        let fits = self.sum(now) + job.amount <= CAP;
        prop_assert_eq!(said.allowed(), fits, "{:?} of {:?}", said, self.spent);
        self.decided[worker] += 1;
        self.last_at[worker] = now;
        if fits {
            self.allowed[worker] += 1;
            self.spent.push(Spent {
                by: (worker, self.places[worker]),
                at: now,
                amount: job.amount,
            });
        }
        Ok(())
    }

    /// Remembers when a report was made. It goes by the state where its clock is behind.
    fn told_at(&mut self, worker: usize, now: i64) {
        let counted = self.spent.iter().map(|spent| spent.at).max();
        self.last_at[worker] = self.last_at[worker].max(now).max(counted.unwrap_or(now));
    }

    /// A report is kept: what failed within its hold is given back.
    fn settled(&mut self, worker: usize, job: Job) {
        let (by, told) = ((worker, self.places[worker]), self.last_at[worker]);
        self.spent.retain(|spent| {
            let is_held = told < spent.at + HOLD_MS;
            spent.by != by || job.then != Then::Failed || !is_held
        });
    }
}

fn outcome(then: Then) -> Outcome {
    match then {
        Then::Failed => Outcome::Failed,
        Then::Executed | Then::Lost => Outcome::Executed,
    }
}

/// Plays a sample; how many races were lost.
fn play(store: &dyn StateStore, steps: &[(Step, i64)], jobs: &[Job]) -> Result<u32, TestCaseError> {
    let texts = (0..).zip(jobs);
    let texts: Vec<String> = texts
        .map(|(place, job)| payout(&format!("c{place}"), job.amount))
        .collect();
    let requests = texts.iter().map(|text| parse_request(text.as_bytes()));
    let requests: Vec<Request<'_>> = requests.map(Result::unwrap).collect();
    let host = Host {
        request_id: "r",
        ..Host::default()
    };
    let runs: [RunId; WORKERS] = std::array::from_fn(|worker| run(&format!("run {worker}")));
    let mut world = World {
        store,
        runs: &runs,
        jobs,
        requests: &requests,
        host: &host,
        hands: std::array::from_fn(|_| Hand::Nothing),
        places: [0; WORKERS],
        spent: Vec::new(),
        decided: [0; WORKERS],
        allowed: [0; WORKERS],
        last_at: [i64::MIN; WORKERS],
        dealt_at: [0; WORKERS],
        lost_races: 0,
    };
    let mut now = 0;
    for (step, later) in steps {
        now += later;
        match *step {
            // Each worker's clock is another second behind.
            Step::Work(worker) => {
                let behind = i64::try_from(worker).unwrap() * 1_000;
                if now - world.dealt_at[worker] >= STALL_MS_MAX {
                    world.stop(worker);
                }
                world.dealt_at[worker] = now;
                world.work(worker, ms(now - behind))?;
            }
            Step::Stop(worker) => world.stop(worker),
            Step::Purge => {
                Keeper::new(store).purge(&|| Some(ms(now))).unwrap();
            }
        }
        prop_assert!(world.sum(ms(now).to_ms()) <= CAP);
    }
    for worker in 0..WORKERS {
        if world.decided[worker] > 0 && now < DAY_MS * 20 {
            let run = kept_run(store, &world.runs[worker]);
            prop_assert_eq!(run.attempts, world.decided[worker]);
            prop_assert_eq!(run.allowed, world.allowed[worker]);
        }
    }
    Ok(world.lost_races)
}

/// A store that is made for each sample.
fn no_interleaving_overspends(cases: u32, store: impl Fn() -> Box<dyn StateStore>) {
    let lost_races = std::cell::Cell::new(0);
    check(cases, (steps(), jobs()), |(steps, jobs)| {
        let lost = play(&*store(), &steps, &jobs)?;
        lost_races.set(lost_races.get() + lost);
        Ok(())
    });
    assert!(lost_races.get() > cases, "the samples are too tame");
}

#[test]
fn no_interleaving_overspends_in_memory() {
    no_interleaving_overspends(300, || Box::new(MemoryStore::new()));
}

#[test]
fn no_interleaving_overspends_in_a_file() {
    let folder = Folder::new("interleaving");
    let count = std::cell::Cell::new(0);
    no_interleaving_overspends(24, || {
        count.set(count.get() + 1);
        let path = folder.path(&format!("{}.db", count.get()));
        Box::new(SqliteStore::open(&path).unwrap())
    });
}
