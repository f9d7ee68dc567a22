//! The shared corpus: every expectation holds, every byte is as it was, every host agrees, and
//! nothing that the standard policy knows is without a case.
//!
//! `UPDATE_GOLDEN=1 cargo test -p stage0-tests --test corpus` writes the goldens; the words behind
//! each digest say what changed.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

mod coverage;
mod shape;
mod table;

use std::collections::BTreeMap;
use std::fs;

use stage0_tests::corpus::{exams, folder, topic, topics};
use stage0_tests::hosts::compare::compare;
use stage0_tests::hosts::{Engine, Host, Wire};

#[test]
fn every_case_comes_out_as_it_says() {
    let topics = topics();
    let (mut count, mut failures) = (0, String::new());
    for topic in &topics {
        for case in &topic.cases {
            count += 1;
            for failure in &case.report.failures {
                failures += &format!("{}: {} #{}\n", topic.name, case.report.name, failure.step);
                for one in &failure.mismatches {
                    failures += &format!("  {}: {} but {}\n", one.what, one.expected, one.found);
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    println!("{count}/{count} cases in {} topics", topics.len());
    assert!(count > 120, "only {count} cases were found");
}

#[test]
fn every_answer_is_as_it_was_to_the_byte() {
    let golden = folder().join("golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut expected = BTreeMap::new();
    for topic in topics() {
        let file = format!("{}.txt", topic.name.replace('/', "-"));
        expected.insert(file, topic.golden());
    }
    if update {
        fs::create_dir_all(&golden).unwrap();
        for (file, text) in &expected {
            fs::write(golden.join(file), text).unwrap();
        }
    }
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&golden).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        found.insert(entry.file_name().into_string().unwrap(), text);
    }
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&found),
        names(&expected),
        "UPDATE_GOLDEN=1 writes what is missing"
    );
    for (file, text) in &expected {
        let changed = text
            .lines()
            .zip(found[file].lines())
            .find(|(new, old)| new != old);
        if let Some((new, old)) = changed {
            panic!("golden/{file}\n  was {old}\n  is  {new}\nUPDATE_GOLDEN=1 writes it anew");
        }
        assert_eq!(
            text.lines().count(),
            found[file].lines().count(),
            "golden/{file}"
        );
    }
}

#[test]
fn every_host_in_this_process_gives_every_answer() {
    let topics = topics();
    let exams = exams(&topics);
    let decisions: usize = topics.iter().map(|topic| topic.exchanges().count()).sum();
    let refusals = exams.len() - decisions;
    assert!(refusals > 60, "{refusals} policies are refused");
    let mut hosts: [Box<dyn Host>; 2] = [Box::<Engine>::default(), Box::<Wire>::default()];
    for score in compare(&mut hosts, &exams) {
        assert_eq!(score.asked, exams.len());
        assert!(score.is_perfect(), "{score}");
        println!("{score}");
    }
}

/// A file of the corpus with this in it, and what is said about it.
fn refused(cases: &str) -> String {
    let text = format!("policy: stage0/standard\ndescription: d\n{cases}");
    topic("standard/new", text.into_bytes()).map_or_else(|told| told, |_| "taken".to_owned())
}

#[test]
fn the_corpus_is_read_strictly() {
    let case = "{name: a, why: b, goal: c, expect: ALLOW}";
    assert_eq!(refused(&format!("tests: [{case}]")), "taken");
    for (cases, told) in [
        ("tests: []".to_owned(), "no cases"),
        (format!("tests: [{case}]\nnotes: x"), "POLICY_UNKNOWN_KEY"),
        (format!("tests: [{case}, {case}]"), "POLICY_DUPLICATE"),
        (case.replace("why: b", "wy: b"), "POLICY_UNKNOWN_KEY"),
        (case.replace("why: b, ", ""), "no `why`"),
        (case.replace("why: b", "why: ' '"), "no `why`"),
        (case.replace(", expect: ALLOW", ""), "POLICY_MISSING_KEY"),
        (case.replace("ALLOW", "ALLOWED"), "POLICY_UNKNOWN_VALUE"),
    ] {
        let cases = if cases.starts_with('{') {
            format!("tests: [{cases}]")
        } else {
            cases
        };
        let found = refused(&cases);
        assert!(found.contains(told), "{cases}: {found}");
    }
    let without = topic("standard/new", b"tests: []".to_vec()).unwrap_err();
    assert!(without.contains("names no `policy`"), "{without}");
}
