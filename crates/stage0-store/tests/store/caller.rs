//! States that their callers keep.

use stage0_engine::state::Outcome;
use stage0_store::{CallerStore, Keeper, Key, RunId, StateStore as _, StoreError};
use stage0_wire::question::{NEW_RUN, Question};
use stage0_wire::report::ReportText;

use crate::support::{ask, ms, payout, policy, run, tell};

/// The same texts as from the door that has no store.
#[test]
fn the_next_state_is_the_one_that_a_question_gives() {
    let mut state = NEW_RUN.to_owned();
    let mut texts = Vec::new();
    for (turn, amount) in [2_000, 2_000, 2_000, 400].into_iter().enumerate() {
        let (id, now) = (format!("c{turn}"), ms(i64::try_from(turn).unwrap() * 1_000));
        let store = CallerStore::new(&state).unwrap();
        let keeper = Keeper::new(&store);
        let request = payout(&id, amount);
        let said = ask(&keeper, &RunId::only(), &request, now).unwrap();
        let question = Question {
            state: Some(&state),
            request_id: Some("r"),
            ..Question::new(request.as_bytes(), now)
        };
        let answer = question.check(policy()).unwrap();
        assert_eq!(said.verdict, answer.verdict);
        assert_eq!(store.text().unwrap(), answer.state);
        if turn == 1 {
            let later = ms(5_000);
            let report = ReportText {
                id: &id,
                action: &said.action.to_hex(),
                outcome: "failed",
                cost: None,
            };
            let only = RunId::only();
            assert!(tell(&keeper, &only, (&id, &said), Outcome::Failed, later).unwrap());
            assert_eq!(
                store.text().unwrap(),
                report.apply(&answer.state, later).unwrap()
            );
        }
        state = store.text().unwrap();
        texts.push(said.allowed());
    }
    assert_eq!(texts, [true, true, true, true]);
}

#[test]
fn what_is_no_whole_state_is_refused() {
    for (text, told) in [
        ("", "ends"),
        ("{}", "version"),
        (r#"{"v":1}"#, "version 1"),
        (r#"{"v":2}"#, "a part"),
        (r#"{"v":2,"run":{"attempts":0,"allowed":0}}"#, "a part"),
    ] {
        let error = CallerStore::new(text).unwrap_err();
        assert!(matches!(error, StoreError::Text { .. }));
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn another_run_is_none_of_it() {
    let store = CallerStore::new(NEW_RUN).unwrap();
    let other = run("other");
    let key = Key::Run(other.clone());
    let elsewhere = StoreError::Elsewhere(key.clone());
    assert_eq!(store.load(&[key]), Err(elsewhere.clone()));
    let said = ask(&Keeper::new(&store), &other, &payout("c", 1), ms(0));
    assert_eq!(said, Err(elsewhere));
    assert_eq!(store.text().unwrap(), NEW_RUN);
}
