//! Mutated samples through every door, on stable: a few rounds of what `cargo xtask fuzz` does for longer.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use stage0_tests::fuzz::drive::{SEED, drive};
use stage0_tests::fuzz::samples::{DOORS, Door};

/// Rounds for each door.
const ROUNDS: u64 = 1_500;

fn fuzz(door: &str, rounds: u64) {
    let door = DOORS.iter().find(|known| known.name == door).unwrap();
    let told = drive(door, SEED, rounds, Duration::MAX);
    assert!(told.is_ok(), "{}", told.unwrap_err());
}

#[test]
fn some_policy_texts_keep_the_laws() {
    fuzz("policy_text", ROUNDS);
}

#[test]
fn some_condition_texts_keep_the_laws() {
    fuzz("condition_text", 20 * ROUNDS);
}

#[test]
fn some_request_texts_keep_the_laws() {
    fuzz("request_text", ROUNDS);
}

#[test]
fn some_decisions_keep_the_laws() {
    fuzz("decision", ROUNDS);
}

#[test]
fn some_token_texts_keep_the_laws() {
    fuzz("token_text", ROUNDS);
}

#[test]
fn some_chain_texts_keep_the_laws() {
    fuzz("chain_text", ROUNDS);
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
