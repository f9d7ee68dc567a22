//! What crosses the border, in Node and in a browser: `cargo xtask test` runs it in both.
//!
//! What the engine answers has its tests elsewhere. Here it is that the same text comes out on this side
//! which the text doors give behind it, and that whatever goes wrong is thrown as data.

use js_sys::{Array, Function, JSON, Object, Reflect, Uint8Array, WebAssembly};
use stage0_engine::time::Timestamp;
use stage0_wire::Policy;
use stage0_wire::question::{NEW_RUN, Question};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::audit::{chain_line, report, verify_audit};
use super::{Inbox, NativePolicy, canonical_text, check_value, engine_version, lint, new_run};

const POLICY: &str = "
stage0: v1
name: payments
version: 1.0.0
tools:
  payout: { effects: [money_movement], args: { amount: { type: number }, to: { type: string } } }
rules:
  - { id: payouts, tools: [payout], allow: args.amount <= 500 }
";

const REQUEST: &str =
    r#"{"tool_call":{"name":"payout","arguments":{"amount":7.10,"to":"Zoë 😀"}}}"#;

const NOW: &str = "2026-01-05T10:00:00.250Z";
const NOW_MS: f64 = 1_767_607_200_250.0;

fn policy() -> NativePolicy {
    NativePolicy::parse("policy", POLICY.as_bytes(), &Array::new(), None).unwrap()
}

/// Writes a question as JavaScript does: past the border, into the module's memory.
fn inbox(request: &str, state: Option<&str>) -> Inbox {
    let mut inbox = Inbox::new();
    let text = [request, state.unwrap_or_default()].concat();
    let begin = inbox.room(text.len()) as u32;
    let memory: WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    let end = begin + u32::try_from(text.len()).unwrap();
    Uint8Array::new(&memory.buffer())
        .subarray(begin, end)
        .copy_from(text.as_bytes());
    inbox.close(request.len(), state.map(|_| text.len()));
    inbox
}

/// The codes of what was thrown, which is text of JSON with each problem as data and as a person reads it.
fn codes(thrown: &JsValue) -> Vec<String> {
    let told = JSON::parse(&thrown.as_string().unwrap()).unwrap();
    let list = |name: &str| Array::from(&Reflect::get(&told, &name.into()).unwrap());
    let (problems, texts) = (list("problems"), list("texts"));
    assert_eq!(problems.length(), texts.length());
    let code = |problem| Reflect::get(&problem, &"code".into()).unwrap();
    let codes = problems.iter().map(code);
    codes.map(|code| code.as_string().unwrap()).collect()
}

#[wasm_bindgen_test]
fn a_question_comes_out_as_behind_the_border() {
    let native = policy();
    let behind = Policy::parse(POLICY).unwrap();
    let asked = Question {
        request_id: Some("r1"),
        state: Some(NEW_RUN),
        ..Question::new(REQUEST.as_bytes(), Timestamp::parse(NOW).unwrap())
    };
    let expected = asked.check(&behind).unwrap();
    assert!(expected.decision.contains(r#""verdict":"ALLOW""#));
    let id = || Some("r1".to_owned());
    let inbox = inbox(REQUEST, Some(NEW_RUN));
    let both = native.check(&inbox, NOW_MS, None, id(), None, None);
    assert_eq!(
        both.unwrap(),
        [expected.decision.as_str(), &expected.state].join("\n")
    );
    // The same time as text.
    let peeked = native.peek(&inbox, 0.0, Some(NOW.to_owned()), id(), None, None);
    assert_eq!(peeked.unwrap(), expected.decision);
    let explained = native.explain(&inbox, NOW_MS, None, id(), None, None);
    let explained = explained.unwrap();
    let (decision, explanation) = explained.split_once('\n').unwrap();
    assert_eq!(decision, expected.decision);
    assert!(JSON::parse(explanation).is_ok());
    // It is asked as often as wanted, and nothing of the question before is left.
    let other = self::inbox(r#"{"goal":"rest"}"#, None);
    let rest = native.peek(&other, NOW_MS, None, id(), None, None);
    assert!(!rest.unwrap().contains("payout"));
}

#[wasm_bindgen_test]
fn an_inbox_keeps_what_it_holds_when_it_grows() {
    let mut inbox = inbox(REQUEST, None);
    inbox.room(5_000_000);
    assert_eq!(inbox.length(), 5_000_000);
    let answer = policy().peek(&inbox, NOW_MS, None, None, None, None);
    assert!(answer.unwrap().contains(r#""verdict":"ALLOW""#));
}

#[wasm_bindgen_test]
fn what_is_wrong_is_thrown_as_data() {
    let parse = |text: &str| NativePolicy::parse("p", text.as_bytes(), &Array::new(), None);
    let misspelt = POLICY.replace("version", "versoin");
    let found = codes(&parse(&misspelt).unwrap_err());
    assert!(
        found.contains(&"POLICY_UNKNOWN_KEY".to_owned()),
        "{found:?}"
    );
    let unknown = NativePolicy::builtin("nobody").unwrap_err();
    assert_eq!(codes(&unknown), ["POLICY_IMPORT_MISSING"]);
    let ask = |request: &str, now: Option<&str>, mode: Option<&str>| {
        let (now, mode) = (now.map(str::to_owned), mode.map(str::to_owned));
        let answer = policy().check(&inbox(request, None), NOW_MS, now, None, mode, None);
        codes(&answer.unwrap_err())
    };
    assert_eq!(ask("{", None, None), ["JSON_UNEXPECTED_END"]);
    assert_eq!(ask(REQUEST, Some("today"), None), ["HOST_INVALID"]);
    assert_eq!(ask(REQUEST, None, Some("strict")), ["HOST_INVALID"]);
    assert_eq!(
        codes(&check_value("[1,]").unwrap_err()),
        ["JSON_TRAILING_COMMA"]
    );
    assert!(check_value("[1]").is_ok());
    let canonical = |text| canonical_text(text).unwrap();
    assert_eq!(
        canonical(r#"{"b": 1.50, "a": [1e2]}"#),
        canonical(r#"{"a":[100],"b":1.5}"#)
    );
    assert!(canonical_text("{").is_err());
}

#[wasm_bindgen_test]
fn imports_are_handed_over_or_found_and_what_finding_throws_comes_through() {
    let root = "stage0: v1\nname: root\nversion: 1.0.0\nextends: [./base.yaml]\n";
    let base = POLICY.as_bytes();
    let pair = |bytes| Array::of2(&"base.yaml".into(), &Uint8Array::from(bytes));
    let handed = Array::of1(&Array::of2(&"./base.yaml".into(), &Uint8Array::from(base)));
    let with_list = NativePolicy::parse("root", root.as_bytes(), &handed, None).unwrap();
    let found = Closure::<dyn FnMut(String, String) -> Array>::new(move |from, wanted| {
        assert_eq!(
            (from, wanted),
            ("root".to_owned(), "./base.yaml".to_owned())
        );
        pair(base)
    });
    let find: Function = found.as_ref().unchecked_ref::<Function>().clone();
    let none = Array::new();
    let with_find = NativePolicy::parse("root", root.as_bytes(), &none, Some(find)).unwrap();
    assert_eq!(with_find.digest(), with_list.digest());
    let thrower = Function::new_no_args("throw new RangeError('no')");
    let threw = NativePolicy::parse("root", root.as_bytes(), &none, Some(thrower.clone()));
    assert!(threw.unwrap_err().is_instance_of::<js_sys::RangeError>());
    let linted = lint("root", root.as_bytes(), &none, Some(thrower));
    assert!(linted.unwrap_err().is_instance_of::<js_sys::RangeError>());
    let missing = NativePolicy::parse("root", root.as_bytes(), &none, None);
    assert_eq!(codes(&missing.unwrap_err()), ["POLICY_IMPORT_MISSING"]);
}

#[wasm_bindgen_test]
fn several_requests_are_steps_of_one_run() {
    let steps = [REQUEST, REQUEST].map(|text| Uint8Array::from(text.as_bytes()));
    let ask = |requests, state| {
        policy().check_batch(requests, state, false, NOW_MS, None, None, None, None)
    };
    let answers = ask(steps.to_vec(), Some(new_run())).unwrap();
    let [first, one, second, two] = answers.as_slice() else {
        panic!("two texts for each");
    };
    assert!(first.contains("ALLOW") && second.contains("ALLOW"));
    assert!(one.contains(r#""attempts":1"#) && two.contains(r#""attempts":2"#));
    let wrong = vec![Uint8Array::from(b"{".as_slice())];
    assert_eq!(
        codes(&ask(wrong, None).unwrap_err()),
        ["JSON_UNEXPECTED_END"]
    );
    let [id, digest] = ["request_id", "action_digest"].map(|name| {
        let decision = JSON::parse(second).unwrap();
        let member = Reflect::get(&decision, &name.into()).unwrap();
        member.as_string().unwrap()
    });
    let state = || Some(two.clone());
    let cost = Some("0.5".to_owned());
    let ran = report(state(), None, &id, &digest, "executed", cost, NOW).unwrap();
    let (after, record) = ran.split_once('\n').unwrap();
    assert!(after.contains(r#""attempts":2"#) && record.contains(r#""cost":"0.5""#));
    let never = report(state(), None, &id, &digest, "vanished", None, NOW);
    assert!(never.is_err());
}

#[wasm_bindgen_test]
fn a_chain_is_written_and_held_against_itself() {
    let nothing = "0".repeat(64);
    let line = chain_line(0.0, &nothing, "{}").unwrap() + "\n";
    let report = verify_audit(&line, None, None, false).unwrap();
    assert!(report.starts_with(r#"{"lines":1,"#) && report.ends_with(r#""problems":[]}"#));
    let changed = verify_audit(&line.replace("{}", "[]"), None, None, false);
    assert!(changed.unwrap().contains("AUDIT_CHANGED"));
    let wrong = chain_line(0.0, "7", "{}").unwrap_err();
    assert_eq!(codes(&wrong), ["HOST_INVALID"]);
}

#[wasm_bindgen_test]
fn a_policy_tells_about_itself() {
    let policy = policy();
    assert_eq!(policy.name(), "payments");
    assert_eq!(policy.version(), "1.0.0");
    assert_eq!(policy.digest().len(), 64);
    assert_eq!(policy.tool_names(), ["payout"]);
    assert!(!engine_version().is_empty());
    let tools = JSON::parse(&policy.describe()).unwrap();
    assert!(Object::keys(tools.unchecked_ref::<Object>()).length() > 0);
    let quiet = r#"{"problems":[],"texts":[]}"#;
    assert_eq!(policy.warnings(), quiet);
    let linted = lint("policy", POLICY.as_bytes(), &Array::new(), None);
    assert_eq!(linted.unwrap(), quiet);
    let standard = NativePolicy::builtin("standard").unwrap();
    assert_eq!(standard.name(), "stage0/standard");
}
