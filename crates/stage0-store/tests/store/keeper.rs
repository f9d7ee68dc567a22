//! Decisions and reports on what is kept: holds, lost outcomes, rows that end, and rows that are damaged.

use std::cell::Cell;

use stage0_engine::host::Host;
use stage0_engine::number::Number;
use stage0_engine::state::{Outcome, Report};
use stage0_store::{
    Asking, Change, Keeper, Key, MemoryStore, Row, StateStore, StoreError, Telling, To,
};
use stage0_wire::parse_request;

use crate::support::{
    Said, Slow, ask, daily, kept_run, ms, payout, policy, run, spent, tell, text,
};

const DAY: i64 = 24 * 3_600_000;
const HOLD: i64 = 600_000;

fn keeper() -> Keeper<MemoryStore> {
    Keeper::new(MemoryStore::new())
}

fn pay(keeper: &Keeper<MemoryStore>, name: &str, id: &str, amount: i64, later: i64) -> Said {
    ask(keeper, &run(name), &payout(id, amount), ms(later)).unwrap()
}

#[test]
fn what_is_not_there_has_counted_nothing() {
    let keeper = keeper();
    let said = pay(&keeper, "a", "c1", 5_000, 0);
    assert!(said.allowed(), "{said:?}");
    assert_eq!(kept_run(keeper.store(), &run("a")).attempts, 1);
    assert_eq!(pay(&keeper, "b", "c1", 1, 0).codes, ["DAILY"]);
    assert_eq!(pay(&keeper, "b", "c2", 0, 0).codes, [""; 0]);
    assert_eq!(kept_run(keeper.store(), &run("b")).attempts, 2);
    assert_eq!(kept_run(keeper.store(), &run("a")).attempts, 1);
}

#[test]
fn without_a_run_counters_count_and_rules_about_runs_defer() {
    let keeper = keeper();
    let decide = |request: &str| {
        let request = parse_request(request.as_bytes()).unwrap();
        let host = Host {
            request_id: "r",
            ..Host::default()
        };
        let asking = Asking {
            policy: policy(),
            request: &request,
            host: &host,
            run: None,
        };
        Said::of(&keeper.decide(&asking, &|| Some(ms(0))).unwrap())
    };
    let tried = decide(r#"{"tool_call": {"name": "read.it"}, "context": {"actor_id": "ana"}}"#);
    assert!(tried.allowed(), "{tried:?}");
    let tom = payout("c1", 1).replace("ana", "tom");
    assert_eq!(decide(&tom).codes, ["RUN_REQUIRED"]);
    assert_eq!(spent(keeper.store()), 0);
}

/// Two runs name their calls alike, and want the same: a report on one leaves the other's alone.
#[test]
fn a_report_gives_back_only_what_its_own_run_holds() {
    let keeper = keeper();
    let one = pay(&keeper, "a", "c1", 2_000, 0);
    let other = pay(&keeper, "b", "c1", 2_000, 0);
    assert_eq!((one.allowed(), other.allowed()), (true, true));
    for _ in 0..2 {
        assert!(tell(&keeper, &run("a"), ("c1", &one), Outcome::Failed, ms(1)).unwrap());
        assert_eq!(spent(keeper.store()), 2_000);
    }
    assert!(tell(&keeper, &run("b"), ("c1", &other), Outcome::Stopped, ms(1)).unwrap());
    assert_eq!(
        text(keeper.store(), &daily()),
        None,
        "an empty counter needs no row"
    );
    assert!(pay(&keeper, "c", "c1", 5_000, 2).allowed());
}

#[test]
fn what_a_call_did_cost_replaces_what_it_might() {
    let keeper = keeper();
    let said = pay(&keeper, "a", "c1", 10, 0);
    let cost = |store: &dyn StateStore| kept_run(store, &run("a")).cost.entries[0].amount;
    assert_eq!(cost(keeper.store()), Number::from_i64(3));
    let report = Report {
        id: "c1",
        action: said.action,
        outcome: Outcome::Executed,
        cost: Some(Number::from_i64(1)),
    };
    let telling = Telling {
        run: Some(&run("a")),
        report: &report,
    };
    assert_eq!(keeper.report(&telling, &|| Some(ms(1))), Ok(true));
    assert_eq!(cost(keeper.store()), Number::from_i64(1));
    assert_eq!(spent(keeper.store()), 10);
}

#[test]
fn a_report_of_an_unknown_call_changes_nothing() {
    let keeper = keeper();
    let said = pay(&keeper, "a", "c1", 10, 0);
    let before = keeper.store().load(&[Key::Run(run("a")), daily()]).unwrap();
    for (name, id) in [("a", "c2"), ("b", "c1"), ("nobody", "c1")] {
        let known = tell(&keeper, &run(name), (id, &said), Outcome::Failed, ms(1));
        assert_eq!(known, Ok(false), "{name} {id}");
    }
    let nobody = Key::Run(run("nobody"));
    let after = keeper.store().load(&[Key::Run(run("a")), daily()]).unwrap();
    assert_eq!(after, before);
    assert_eq!(
        text(keeper.store(), &nobody),
        None,
        "no run begins with a report"
    );
}

/// Law 13 (fail closed) and 14 (nothing is lost): what nobody reports is spent, and leaves with its window.
#[test]
fn a_lost_outcome_is_spent_and_leaves_with_its_window() {
    let keeper = keeper();
    let said = pay(&keeper, "a", "c1", 5_000, 0);
    let fails = |later: i64| {
        tell(
            &keeper,
            &run("a"),
            ("c1", &said),
            Outcome::Failed,
            ms(later),
        )
    };
    // The worker that ran it comes back too late, or with a clock that says otherwise.
    assert_eq!(pay(&keeper, "b", "c1", 1, HOLD).codes, ["DAILY"]);
    assert_eq!(fails(HOLD), Ok(true));
    assert_eq!(fails(HOLD - 1), Ok(true));
    assert_eq!(spent(keeper.store()), 5_000);
    assert_eq!(pay(&keeper, "b", "c2", 1, DAY - 1).codes, ["DAILY"]);
    assert!(pay(&keeper, "b", "c3", 5_000, DAY).allowed());
    assert_eq!(spent(keeper.store()), 5_000);
}

#[test]
fn a_report_with_a_clock_that_lags_gives_nothing_back() {
    let keeper = keeper();
    let said = pay(&keeper, "a", "c1", 1_000, 0);
    // The state has seen a time at which the hold had ended.
    pay(&keeper, "a", "c2", 1, HOLD);
    tell(&keeper, &run("a"), ("c1", &said), Outcome::Failed, ms(1)).unwrap();
    assert_eq!(spent(keeper.store()), 1_001);
}

#[test]
fn what_still_counts_is_not_dropped() {
    let keeper = keeper();
    pay(&keeper, "a", "c1", 5_000, 0);
    let purge = |later: i64| keeper.purge(&|| Some(ms(later))).unwrap();
    let hour = 3_600_000;
    assert_eq!(purge(HOLD + hour - 1), 0);
    assert_eq!(purge(HOLD + hour), 1, "nobody can give it back any more");
    assert_eq!(purge(DAY + hour - 1), 0);
    assert_eq!(pay(&keeper, "b", "c1", 1, DAY - 1).codes, ["DAILY"]);
    assert_eq!(spent(keeper.store()), 5_000);
    assert_eq!(purge(DAY + hour), 1, "it has left its window");
    assert_eq!(spent(keeper.store()), 0);
    // A counter that goes on is kept for as long as the last of it counts.
    pay(&keeper, "a", "c2", 1, DAY);
    pay(&keeper, "a", "c3", 1, DAY + 10);
    purge(2 * DAY + hour + 9);
    assert_eq!(spent(keeper.store()), 2);
}

#[test]
fn neither_runs_nor_counters_grow_for_ever() {
    let keeper = keeper();
    let mut rows = 1;
    for day in 0..400 {
        let name = format!("run {day}");
        let said = pay(&keeper, &name, "c1", 100, day * DAY);
        assert!(said.allowed());
        rows += 2;
        rows -= keeper.purge(&|| Some(ms(day * DAY))).unwrap();
        // The counter, the runs of a month, and what they hold.
        assert!(rows < 40, "{rows} rows on day {day}");
    }
}

#[test]
fn a_clock_that_lags_a_little_goes_by_the_run_or_the_counter() {
    let keeper = keeper();
    assert!(pay(&keeper, "a", "c1", 1, 10_000).allowed());
    let same_run = pay(&keeper, "a", "c2", 1, 5_000);
    assert_eq!((same_run.allowed(), same_run.now), (true, ms(10_000)));
    let same_counter = pay(&keeper, "b", "c1", 1, 6_000);
    assert_eq!(same_counter.now, ms(10_000));
    let set_back = pay(&keeper, "a", "c3", 1, 4_999);
    assert_eq!(set_back.codes, ["CLOCK_BACKWARDS"]);
    assert_eq!(set_back.now, ms(4_999));
}

#[test]
fn the_clock_is_asked_anew_for_each_try() {
    let keeper = Keeper::new(Slow::new(3));
    let request = payout("c1", 1);
    let request = parse_request(request.as_bytes()).unwrap();
    let host = Host::default();
    let run = run("a");
    let asking = Asking {
        policy: policy(),
        request: &request,
        host: &host,
        run: Some(&run),
    };
    let asked = Cell::new(0);
    let clock = || {
        asked.set(asked.get() + 1);
        Some(ms(asked.get() * 1_000))
    };
    assert_eq!(keeper.decide(&asking, &clock).unwrap().now, ms(4_000));
    assert_eq!(kept_run(keeper.store(), &run).last_at, Some(ms(4_000)));
}

#[test]
fn a_clock_that_shows_nothing_decides_nothing() {
    let keeper = keeper();
    let request = payout("c1", 1);
    let request = parse_request(request.as_bytes()).unwrap();
    let host = Host::default();
    let run = run("a");
    let asking = Asking {
        policy: policy(),
        request: &request,
        host: &host,
        run: Some(&run),
    };
    let decided = keeper.decide(&asking, &|| None);
    assert_eq!(decided.map(|_| ()), Err(StoreError::Clock));
    assert_eq!(text(keeper.store(), &Key::Run(run)), None);
}

/// Law 13 (fail closed): a text that Stage0 did not write is no empty state.
#[test]
fn damaged_rows_are_told_and_decide_nothing() {
    let counter = |text: &str| format!(r#"{{"v":2,"counters":{{{text}}}}}"#);
    let run_key = Key::Run(run("a"));
    for (key, text) in [
        (&run_key, String::new()),
        (&run_key, "{}".to_owned()),
        (&run_key, r#"{"v":2}"#.to_owned()),
        (
            &run_key,
            r#"{"v":1,"run":{"attempts":0,"allowed":0}}"#.to_owned(),
        ),
        (&run_key, r#"{"v":2,"run":{"attempts":0}}"#.to_owned()),
        (
            &run_key,
            r#"{"v":2,"whole":true,"run":{"attempts":0,"allowed":0}}"#.to_owned(),
        ),
        (&run_key, counter("\"treasury/daily\":[]")),
        (&daily(), r#"{"v":2}"#.to_owned()),
        (&daily(), counter("")),
        (&daily(), counter("\"treasury/other\":[]")),
        (
            &daily(),
            counter("\"treasury/daily\":[],\"treasury/other\":[]"),
        ),
        (&daily(), counter("\"treasury/daily\":[{\"amount\":1}]")),
        (
            &daily(),
            r#"{"v":2,"counters":{"treasury/daily":["#.to_owned(),
        ),
    ] {
        let keeper = keeper();
        let row = Row {
            text: text.clone(),
            until: None,
        };
        let change = Change {
            key: key.clone(),
            from: None,
            to: To::Row(row),
        };
        assert!(keeper.store().swap(&[change]).unwrap());
        let said = ask(&keeper, &run("a"), &payout("c1", 1), ms(0));
        let Err(StoreError::Text {
            key: told,
            problems,
        }) = said
        else {
            panic!("{text} gives {said:?}");
        };
        assert_eq!((&told, problems.len()), (key, 1));
        let kept = keeper.store().load(std::slice::from_ref(key)).unwrap();
        assert_eq!(
            kept[0].as_ref().unwrap().row.text,
            text,
            "it is left as it was"
        );
    }
}

#[test]
fn a_damaged_hold_is_told_and_gives_nothing_back() {
    let keeper = keeper();
    let said = pay(&keeper, "a", "c1", 100, 0);
    // A hold says by its name what it is for, so it is looked for by the name of another call.
    let text = text(keeper.store(), &daily()).unwrap();
    let (_, rest) = text.split_once(r#""hold":{"call":""#).unwrap();
    let call = stage0_engine::digest::Digest::parse(rest.split('"').next().unwrap()).unwrap();
    let key = Key::Hold(call);
    for text in ["", r#"{"v":2,"run":{"attempts":0,"allowed":0}}"#, &text] {
        let from = keeper.store().load(std::slice::from_ref(&key)).unwrap();
        let row = Row {
            text: text.to_owned(),
            until: None,
        };
        let change = Change {
            key: key.clone(),
            from: from[0].as_ref().map(|kept| kept.version),
            to: To::Row(row),
        };
        assert!(keeper.store().swap(&[change]).unwrap());
        let told = tell(&keeper, &run("a"), ("c1", &said), Outcome::Failed, ms(1));
        assert!(matches!(told, Err(StoreError::Text { .. })), "{told:?}");
        assert_eq!(spent(keeper.store()), 100);
    }
}
