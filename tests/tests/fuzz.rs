//! Mutated samples through every door, on stable.
//!
//! A few rounds run with the other tests; `cargo xtask fuzz` runs the ignored ones for as long as
//! `STAGE0_FUZZ_SECONDS` says, from another seed with `STAGE0_SEED`. A text that breaks a law, or takes
//! longer than a text may, is printed so that it can become a test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what went wrong by panicking, and how far it came"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use stage0_tests::fuzz::Mutator;
use stage0_tests::fuzz::samples::{DOORS, Door};

/// Rounds for each door in an ordinary run of the tests.
const ROUNDS: u64 = 1_500;

/// No text of a few kilobytes takes nearly as long, on the slowest machine that runs tests.
const TEXT_TIME_MAX: Duration = Duration::from_secs(5);

/// From here on the slowest text is shown: somebody might want to know why.
const TEXT_TIME_TOLD: Duration = Duration::from_millis(500);

/// A number from the environment.
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Holds a door to its laws, for so many rounds or so long.
fn fuzz(door: &str, rounds: u64, time: Duration) {
    let Door { body, samples, .. } = DOORS.iter().find(|known| known.name == door).unwrap();
    let samples = samples();
    assert!(samples.len() > 10, "only {} samples", samples.len());
    for sample in &samples {
        run(door, *body, sample);
    }
    let begin = Instant::now();
    let mut mutator = Mutator::new(number("STAGE0_SEED").unwrap_or(0x0005_7a6e_0f02));
    let (mut done, mut slowest) = (0_u64, (Duration::ZERO, Vec::new()));
    while done < rounds && begin.elapsed() < time {
        let text = mutator.text(&samples);
        let taken = run(door, *body, &text);
        if taken > slowest.0 {
            slowest = (taken, text);
        }
        done += 1;
    }
    let (taken, text) = slowest;
    println!("{door}: {done} texts, the slowest took {taken:?}");
    if taken > TEXT_TIME_TOLD {
        println!("{}", text.escape_ascii());
    }
}

/// Runs a body on one text and tells how long it took.
fn run(door: &str, body: fn(&[u8]), text: &[u8]) -> Duration {
    let begin = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| body(text)));
    let taken = begin.elapsed();
    let shown = || text.escape_ascii();
    assert!(result.is_ok(), "{door} broke a law on\n{}", shown());
    assert!(
        taken < TEXT_TIME_MAX,
        "{door} took {taken:?} on\n{}",
        shown()
    );
    taken
}

/// As long as the runner says.
fn at_length(door: &str) {
    let seconds = number("STAGE0_FUZZ_SECONDS").unwrap_or(20);
    fuzz(door, u64::MAX, Duration::from_secs(seconds));
}

#[test]
fn some_policy_texts_keep_the_laws() {
    fuzz("policy_text", ROUNDS, Duration::MAX);
}

#[test]
fn some_condition_texts_keep_the_laws() {
    fuzz("condition_text", 20 * ROUNDS, Duration::MAX);
}

#[test]
fn some_request_texts_keep_the_laws() {
    fuzz("request_text", ROUNDS, Duration::MAX);
}

#[test]
fn some_decisions_keep_the_laws() {
    fuzz("decision", ROUNDS, Duration::MAX);
}

#[test]
#[ignore = "takes as long as it is given: cargo xtask fuzz"]
fn fuzz_policy_text() {
    at_length("policy_text");
}

#[test]
#[ignore = "takes as long as it is given: cargo xtask fuzz"]
fn fuzz_condition_text() {
    at_length("condition_text");
}

#[test]
#[ignore = "takes as long as it is given: cargo xtask fuzz"]
fn fuzz_request_text() {
    at_length("request_text");
}

#[test]
#[ignore = "takes as long as it is given: cargo xtask fuzz"]
fn fuzz_decision() {
    at_length("decision");
}

/// Fuzzing that is guided by coverage begins from the same samples.
#[test]
#[ignore = "writes files: cargo xtask fuzz"]
fn fuzz_samples_are_laid_out_for_cargo_fuzz() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for Door { name, samples, .. } in DOORS {
        let folder = corpus.join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, sample) in samples().iter().enumerate() {
            fs::write(folder.join(format!("sample-{number:04}")), sample).unwrap();
        }
    }
}

#[test]
fn every_door_has_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for Door { name: door, .. } in DOORS {
        assert!(manifest.contains(&format!("name = \"{door}\"")), "{door}");
        let target = folder.join(format!("fuzz_targets/{door}.rs"));
        let target = fs::read_to_string(target).unwrap();
        assert!(target.contains(&format!("fuzz::{door}(text)")), "{door}");
    }
}
