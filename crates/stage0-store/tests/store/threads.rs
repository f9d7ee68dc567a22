//! Workers that really run at the same time, on each store.

use std::sync::Barrier;
use std::thread;

use stage0_engine::state::Outcome;
use stage0_store::{Keeper, MemoryStore, SqliteStore, StateStore};

use crate::support::{Folder, ask, kept_run, ms, payout, run, spent, tell};

const WORKERS: i64 = 8;
const CALLS: i64 = 25;

/// Eight workers spend as much as they are let, and give every third payout back.
fn no_worker_overspends<S: StateStore>(keeper: &Keeper<S>) {
    let start = Barrier::new(usize::try_from(WORKERS).unwrap());
    let work = |worker: i64| {
        let own = run(&format!("run {worker}"));
        let shared = run("shared");
        let (mut spends, mut given_back) = (0, 0);
        start.wait();
        for call in 0..CALLS {
            // Calls of other runs have the same ids and the same arguments.
            let id = format!("c{call}");
            // Within what clocks may differ by.
            let now = ms(call * 100);
            let said = ask(keeper, &own, &payout(&id, 100), now).unwrap();
            if said.allowed() && call % 3 == 0 {
                assert!(tell(keeper, &own, (&id, &said), Outcome::Failed, now).unwrap());
                given_back += 100;
            } else if said.allowed() {
                spends += 100;
            } else {
                assert_eq!(said.codes, ["DAILY"]);
            }
            let id = format!("{worker}-{call}");
            let said = ask(keeper, &shared, &payout(&id, 0), now).unwrap();
            assert!(said.allowed(), "{said:?}");
        }
        (spends, given_back)
    };
    let results: Vec<(i64, i64)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect()
    });
    let all: i64 = results.iter().map(|(spends, _)| spends).sum();
    assert!(all <= 5_000, "{all}");
    assert!(results.iter().any(|(_, given_back)| *given_back > 0));
    assert_eq!(spent(keeper.store()), all, "nothing is lost, nothing leaks");
    for worker in 0..WORKERS {
        let run = kept_run(keeper.store(), &run(&format!("run {worker}")));
        assert_eq!(i64::try_from(run.attempts).unwrap(), CALLS);
    }
    let shared = kept_run(keeper.store(), &run("shared"));
    assert_eq!(i64::try_from(shared.attempts).unwrap(), WORKERS * CALLS);
    assert_eq!(shared.allowed, shared.attempts);
}

#[test]
fn threads_do_not_overspend_in_memory() {
    no_worker_overspends(&Keeper::new(MemoryStore::new()));
}

#[test]
fn threads_do_not_overspend_in_a_file() {
    let folder = Folder::new("threads");
    let store = SqliteStore::open(&folder.path("runs.db")).unwrap();
    no_worker_overspends(&Keeper::new(store));
}

/// The three payouts of 2000 under a cap of 5000.
#[test]
fn of_three_payouts_at_most_two_fit() {
    for _ in 0..50 {
        let keeper = Keeper::new(MemoryStore::new());
        let start = Barrier::new(3);
        let pay = |worker: &str| {
            start.wait();
            ask(&keeper, &run(worker), &payout("c1", 2_000), ms(0)).unwrap()
        };
        let allowed = thread::scope(|scope| {
            let workers = ["a", "b", "c"].map(|worker| scope.spawn(move || pay(worker)));
            let said = workers.map(|worker| worker.join().unwrap());
            said.iter().filter(|said| said.allowed()).count()
        });
        assert_eq!(allowed, 2);
        assert_eq!(spent(keeper.store()), 4_000);
    }
}
