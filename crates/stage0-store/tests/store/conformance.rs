//! What every store does: one suite, run for each.

use stage0_engine::digest::Digest;
use stage0_store::{
    CallerStore, Change, Key, MemoryStore, Row, RunId, SqliteStore, StateStore, To,
};
use stage0_wire::question::NEW_RUN;

use crate::support::{Folder, ms};

fn counter(name: &str) -> Key {
    Key::Counter(name.into())
}

fn row(text: &str, until: Option<i64>) -> Row {
    Row {
        text: text.to_owned(),
        until: until.map(ms),
    }
}

fn change(key: &Key, from: Option<u64>, to: To) -> Change {
    Change {
        key: key.clone(),
        from,
        to,
    }
}

fn put(key: &Key, from: Option<u64>, text: &str) -> Change {
    change(key, from, To::Row(row(text, None)))
}

/// The version and the text under a key.
fn kept(store: &dyn StateStore, key: &Key) -> Option<(u64, String)> {
    let kept = store.load(std::slice::from_ref(key)).unwrap();
    assert_eq!(kept.len(), 1);
    let kept = kept.into_iter().next().unwrap()?;
    Some((kept.version, kept.row.text))
}

fn is_text(store: &dyn StateStore, key: &Key, text: &str) {
    assert_eq!(
        kept(store, key).map(|(_, text)| text).as_deref(),
        Some(text)
    );
}

fn rows_come_in_the_order_of_their_keys(store: &dyn StateStore) {
    let (one, two, none) = (counter("a"), Key::Hold(Digest::of(b"a")), counter("none"));
    assert!(
        store
            .swap(&[put(&one, None, "1"), put(&two, None, "2")])
            .unwrap()
    );
    let found = store.load(&[two, none, one.clone(), one]).unwrap();
    let texts = found
        .iter()
        .map(|kept| kept.as_ref().map(|kept| kept.row.text.as_str()));
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [Some("2"), None, Some("1"), Some("1")]
    );
    assert_eq!(store.load(&[]).unwrap(), []);
    assert!(store.swap(&[]).unwrap());
}

fn every_change_is_made_or_none(store: &dyn StateStore) {
    let (first, second, third) = (counter("b/1"), counter("b/2"), counter("b/3"));
    assert!(
        store
            .swap(&[put(&first, None, "1"), put(&second, None, "1")])
            .unwrap()
    );
    let (one, _) = kept(store, &first).unwrap();
    let (two, _) = kept(store, &second).unwrap();
    for stale in [
        // A row that is there, as if it were not; one that is not, as if it were; and an old one.
        put(&second, None, "2"),
        put(&third, Some(two), "2"),
        put(&second, Some(two + 1_000), "2"),
        change(&second, None, To::Same),
        change(&third, Some(two), To::Same),
        change(&second, None, To::Nothing),
    ] {
        let fresh = put(&first, Some(one), "2");
        assert!(
            !store.swap(&[fresh.clone(), stale.clone()]).unwrap(),
            "{stale:?}"
        );
        assert!(!store.swap(&[stale, fresh]).unwrap());
        is_text(store, &first, "1");
        is_text(store, &second, "1");
        assert_eq!(kept(store, &third), None);
    }
    let all = [
        put(&first, Some(one), "2"),
        change(&second, Some(two), To::Nothing),
        change(&third, None, To::Same),
    ];
    assert!(store.swap(&all).unwrap());
    is_text(store, &first, "2");
    assert_eq!(kept(store, &second), None);
    assert!(!store.swap(&all).unwrap(), "it is the same only once");
}

fn what_is_only_looked_at_keeps_its_version(store: &dyn StateStore) {
    let key = counter("c");
    assert!(store.swap(&[put(&key, None, "1")]).unwrap());
    let (version, _) = kept(store, &key).unwrap();
    assert!(
        store
            .swap(&[change(&key, Some(version), To::Same)])
            .unwrap()
    );
    assert_eq!(kept(store, &key).unwrap().0, version);
    assert!(store.swap(&[put(&key, Some(version), "1")]).unwrap());
    assert_ne!(kept(store, &key).unwrap().0, version, "it was written");
}

fn no_version_comes_again(store: &dyn StateStore) {
    let key = counter("d");
    let mut seen = Vec::new();
    for turn in 0..4_i64 {
        assert!(store.swap(&[put(&key, None, "same")]).unwrap());
        let (version, _) = kept(store, &key).unwrap();
        assert!(!seen.contains(&version), "{version} again");
        seen.push(version);
        if turn % 2 == 0 {
            let drop = change(&key, Some(version), To::Nothing);
            assert!(store.swap(&[drop]).unwrap());
        } else {
            let ended = change(&key, Some(version), To::Row(row("same", Some(turn))));
            assert!(store.swap(&[ended]).unwrap());
            let (version, _) = kept(store, &key).unwrap();
            seen.push(version);
            assert_eq!(store.purge(ms(turn)).unwrap(), 1);
        }
        // Whoever found it then finds it changed now, there or not.
        for version in &seen {
            assert!(!store.swap(&[put(&key, Some(*version), "old")]).unwrap());
        }
    }
}

fn what_has_ended_is_dropped_and_nothing_else(store: &dyn StateStore) {
    let keys = ["e/never", "e/then", "e/later"].map(counter);
    for (key, until) in keys.iter().zip([None, Some(5_000), Some(5_001)]) {
        assert!(
            store
                .swap(&[change(key, None, To::Row(row("1", until)))])
                .unwrap()
        );
    }
    let there = |store: &dyn StateStore| {
        let found = store.load(&keys).unwrap();
        found.iter().map(Option::is_some).collect::<Vec<_>>()
    };
    assert_eq!(store.purge(ms(4_999)).unwrap(), 0);
    assert_eq!(there(store), [true, true, true]);
    assert_eq!(store.purge(ms(5_000)).unwrap(), 1);
    assert_eq!(there(store), [true, false, true]);
    assert_eq!(store.purge(ms(5_000)).unwrap(), 0);
    let found = store.load(&keys).unwrap();
    assert_eq!(found[2].as_ref().unwrap().row.until, Some(ms(5_001)));
    assert_eq!(found[0].as_ref().unwrap().row.until, None);
}

fn texts_come_back_as_they_were(store: &dyn StateStore) {
    let long = "caf\u{e9} \u{1f512} \u{0} ' \" ".repeat(20_000);
    for (index, text) in ["", "'; DROP TABLE state; --", "\u{0}", &long]
        .iter()
        .enumerate()
    {
        let key = counter(&format!("f'\"%_{index}"));
        assert!(store.swap(&[put(&key, None, text)]).unwrap());
        is_text(store, &key, text);
    }
    // Keys that only nearly are the same.
    let (small, large) = (counter("g"), counter("G"));
    assert!(store.swap(&[put(&small, None, "small")]).unwrap());
    assert_eq!(kept(store, &large), None);
    let digest = Digest::of(b"g");
    let (hold, like_one) = (Key::Hold(digest), counter(&digest.to_hex()));
    assert!(store.swap(&[put(&hold, None, "hold")]).unwrap());
    assert_eq!(kept(store, &like_one), None);
}

/// Everything that a store promises.
pub(crate) fn suite(store: &dyn StateStore, run: &RunId) {
    rows_come_in_the_order_of_their_keys(store);
    every_change_is_made_or_none(store);
    what_is_only_looked_at_keeps_its_version(store);
    no_version_comes_again(store);
    what_has_ended_is_dropped_and_nothing_else(store);
    texts_come_back_as_they_were(store);
    let key = Key::Run(run.clone());
    let from = kept(store, &key).map(|(version, _)| version);
    assert!(store.swap(&[put(&key, from, "a run")]).unwrap());
    is_text(store, &key, "a run");
}

#[test]
fn memory_keeps_what_stores_keep() {
    let run = RunId::new("run/\u{e9} 1").unwrap();
    suite(&MemoryStore::new(), &run);
    // A store behind a pointer is one.
    let boxed: Box<dyn StateStore> = Box::new(MemoryStore::new());
    suite(&boxed, &run);
}

#[test]
fn a_file_keeps_what_stores_keep() {
    let folder = Folder::new("conformance");
    let path = folder.path("runs.db");
    let run = RunId::new("run/\u{e9} 1").unwrap();
    suite(&SqliteStore::open(&path).unwrap(), &run);
    // Who opens it later finds it, and goes on counting versions.
    let store = SqliteStore::open(&path).unwrap();
    is_text(&store, &Key::Run(run), "a run");
    is_text(&store, &counter("g"), "small");
}

#[test]
fn a_caller_s_state_keeps_what_stores_keep() {
    suite(&CallerStore::new(NEW_RUN).unwrap(), &RunId::only());
}
