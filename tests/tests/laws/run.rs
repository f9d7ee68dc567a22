//! How properties are run: the same samples every time, more or others when asked.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A runner whose samples depend on the property's name and `STAGE0_SEED` only.
pub(crate) fn runner(name: &str, cases: u32) -> TestRunner {
    let own = name.bytes().fold(0_u64, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    });
    let seed = own.wrapping_add(number("STAGE0_SEED").unwrap_or(0));
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        max_global_rejects: cases.saturating_mul(50),
        ..Config::default()
    })
}

/// Holds a property against as many samples, or `STAGE0_CASES`.
pub(crate) fn check<S: Strategy>(
    name: &str,
    cases: u32,
    strategy: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let cases = number("STAGE0_CASES")
        .and_then(|cases| u32::try_from(cases).ok())
        .unwrap_or(cases);
    match runner(name, cases).run(&strategy, property) {
        Ok(()) => {}
        Err(TestError::Fail(reason, sample)) => panic!("{name}: {reason}\nfor {sample:?}"),
        Err(TestError::Abort(reason)) => panic!("{name} was given up: {reason}"),
    }
}
