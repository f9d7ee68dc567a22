//! The page of laws and the tests that hold them, compared: no law without a test, no test without a
//! law.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The laws of the page: numbers and names.
fn laws() -> BTreeMap<u32, String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/laws.md");
    let page = fs::read_to_string(page).expect("the page of laws");
    let law = |line: &str| {
        let (number, rest) = line.split_once(". **")?;
        let (name, _) = rest.split_once(".**")?;
        Some((number.parse().ok()?, name.to_lowercase()))
    };
    page.lines().filter_map(law).collect()
}

/// The law that each test of a file names: `Law 3 (strictest wins, order never matters): ...`.
fn named(text: &str) -> Vec<(String, Option<(u32, String)>)> {
    let mut found = Vec::new();
    let mut comment = String::new();
    let mut is_test = false;
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("///") {
            comment.push_str(words);
        } else if line == "#[test]" {
            is_test = true;
        } else if let (true, Some(name)) = (is_test, line.strip_prefix("fn ")) {
            let law = comment.trim().strip_prefix("Law ").and_then(|rest| {
                let (number, rest) = rest.split_once(" (")?;
                let (name, _) = rest.split_once("): ")?;
                Some((number.parse().ok()?, name.to_owned()))
            });
            found.push((name.to_owned(), law));
            is_test = false;
            comment.clear();
        } else if !line.starts_with("#[") {
            comment.clear();
        }
    }
    found
}

#[test]
fn every_law_has_a_test_and_every_test_a_law() {
    let laws = laws();
    assert_eq!(
        laws.keys().copied().collect::<Vec<_>>(),
        (1..=14).collect::<Vec<_>>()
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/laws");
    let mut held = BTreeSet::new();
    for file in fs::read_dir(folder).expect("the tests of the laws") {
        let path = file.expect("an entry").path();
        if path.is_dir() || path.ends_with("list.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file of tests");
        for (test, law) in named(&text) {
            let (number, name) = law.unwrap_or_else(|| panic!("`{test}` names no law"));
            assert_eq!(
                laws.get(&number),
                Some(&name),
                "`{test}` names a law that is another"
            );
            held.insert(number);
        }
    }
    let all: BTreeSet<u32> = laws.into_keys().collect();
    assert_eq!(held, all, "a law has no test");
}
