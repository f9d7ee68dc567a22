//! Calls that run together or not at all, with what is kept.

use std::sync::Barrier;
use std::thread;

use stage0_engine::host::Host;
use stage0_engine::state::Outcome;
use stage0_store::{AskingBatch, Keeper, MemoryStore, RunId, StateStore};
use stage0_wire::parse_request;

use crate::support::{Said, kept_run, ms, payout, policy, run, spent, tell};

/// Asks for payouts of 2000 that run together.
fn pay<S: StateStore>(keeper: &Keeper<S>, run: Option<&RunId>, ids: &[&str]) -> Vec<Said> {
    let texts: Vec<String> = ids.iter().map(|id| payout(id, 2_000)).collect();
    let requests = texts.iter().map(|text| parse_request(text.as_bytes()));
    let requests: Vec<_> = requests.collect::<Result<_, _>>().unwrap();
    let host = Host {
        request_id: "r",
        ..Host::default()
    };
    let requests: Vec<_> = requests.iter().map(|request| (request, host)).collect();
    let asking = AskingBatch {
        policy: policy(),
        requests: &requests,
        run,
    };
    let decided = keeper.decide_batch(&asking, &|| Some(ms(0))).unwrap();
    decided.iter().map(Said::of).collect()
}

#[test]
fn a_batch_that_is_not_allowed_spends_nothing() {
    let keeper = Keeper::new(MemoryStore::new());
    let a = run("a");
    let three = pay(&keeper, Some(&a), &["c1", "c2", "c3"]);
    let codes: Vec<&str> = three.iter().map(|said| &*said.codes[0]).collect();
    assert_eq!(codes, ["BATCH_DEFERRED", "BATCH_DEFERRED", "DAILY"]);
    assert_eq!(spent(keeper.store()), 0);
    assert_eq!(kept_run(keeper.store(), &a).attempts, 3);
    let two = pay(&keeper, Some(&a), &["c4", "c5"]);
    assert!(two.iter().all(Said::allowed));
    assert_eq!(spent(keeper.store()), 4_000);
    assert_eq!(kept_run(keeper.store(), &a).allowed, 2);
    assert_eq!(pay(&keeper, Some(&a), &[]), []);
}

#[test]
fn each_call_of_a_batch_is_given_back_alone() {
    for name in [Some(run("a")), None] {
        let keeper = Keeper::new(MemoryStore::new());
        // The second asks about the first one's call again.
        let said = pay(&keeper, name.as_ref(), &["c1", "c1", "c2"]);
        let allowed: Vec<bool> = said.iter().map(Said::allowed).collect();
        if name.is_none() {
            // Nobody remembers that it was asked, so it is another call, and too much.
            assert_eq!(allowed, [false; 3]);
            continue;
        }
        assert_eq!(allowed, [true; 3]);
        assert_eq!(spent(keeper.store()), 4_000);
        let a = run("a");
        assert_eq!(
            tell(&keeper, &a, ("c1", &said[0]), Outcome::Failed, ms(1)),
            Ok(true)
        );
        assert_eq!(spent(keeper.store()), 2_000);
        assert_eq!(
            tell(&keeper, &a, ("c2", &said[2]), Outcome::Stopped, ms(1)),
            Ok(true)
        );
        assert_eq!(spent(keeper.store()), 0);
    }
}

/// Two batches of two payouts each, at once: one of them fits, and none is torn apart.
#[test]
fn of_two_batches_at_once_one_fits_whole() {
    for _ in 0..50 {
        let keeper = Keeper::new(MemoryStore::new());
        let start = Barrier::new(2);
        let work = |name: &str| {
            start.wait();
            let said = pay(&keeper, Some(&run(name)), &["c1", "c2"]);
            said.iter().filter(|said| said.allowed()).count()
        };
        let mut allowed = thread::scope(|scope| {
            let workers = ["a", "b"].map(|worker| scope.spawn(move || work(worker)));
            workers.map(|worker| worker.join().unwrap())
        });
        allowed.sort_unstable();
        assert_eq!(allowed, [0, 2]);
        assert_eq!(spent(keeper.store()), 4_000);
    }
}
