//! Mutated samples through one door, for so many texts or so long.
//!
//! A text that breaks a law, or takes longer than a text may, is told so that it can become a test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::Mutator;
use super::samples::Door;

/// The seed where nobody names another.
pub const SEED: u64 = 0x0005_7a6e_0f02;

/// No text of a few kilobytes takes nearly as long, on the slowest machine that runs tests.
const TEXT_TIME_MAX: Duration = Duration::from_secs(5);

/// From here on the slowest text is shown: somebody might want to know why.
const TEXT_TIME_TOLD: Duration = Duration::from_millis(500);

/// Holds a door to its laws.
///
/// # Errors
/// The text that breaks one.
pub fn drive(door: &Door, seed: u64, rounds: u64, time: Duration) -> Result<String, String> {
    let samples = (door.samples)();
    if samples.len() <= 10 {
        return Err(format!("{}: only {} samples", door.name, samples.len()));
    }
    for sample in &samples {
        run(door, sample)?;
    }
    let begin = Instant::now();
    let mut mutator = Mutator::new(seed);
    let (mut done, mut slowest) = (0_u64, (Duration::ZERO, Vec::new()));
    while done < rounds && begin.elapsed() < time {
        let text = mutator.text(&samples);
        let taken = run(door, &text)?;
        if taken > slowest.0 {
            slowest = (taken, text);
        }
        done = done.saturating_add(1);
    }
    let (taken, text) = slowest;
    let mut told = format!("{}: {done} texts, the slowest took {taken:?}", door.name);
    if taken > TEXT_TIME_TOLD {
        told += &format!("\n{}", text.escape_ascii());
    }
    Ok(told)
}

/// Runs a body on one text and tells how long it took.
fn run(door: &Door, text: &[u8]) -> Result<Duration, String> {
    let begin = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (door.body)(text)));
    let taken = begin.elapsed();
    let (name, shown) = (door.name, text.escape_ascii());
    if result.is_err() {
        return Err(format!("{name} broke a law on\n{shown}"));
    }
    if taken >= TEXT_TIME_MAX {
        return Err(format!("{name} took {taken:?} on\n{shown}"));
    }
    Ok(taken)
}
