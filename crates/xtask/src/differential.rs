//! `cargo xtask differential [--seconds N] [--seed S] [--host NAME]`: the same random questions to every
//! host, for a bounded time.
//!
//! Without a seed every run asks others: the clock picks one, which is printed, so that what was found can
//! be found again.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::hosts::{self, Bounds};
use crate::steps::Steps;

/// Long enough for some thousands of questions.
const SECONDS_DEFAULT: u64 = 30;

/// No run is longer than an hour, whatever is asked for.
const SECONDS_MAX: u64 = 3_600;

/// Asks.
///
/// # Errors
/// The arguments are not as in the usage, or a host differs.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let mut bounds = Bounds {
        seconds: SECONDS_DEFAULT,
        cases: u64::MAX,
        seed: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    };
    let mut host = None;
    let (pairs, rest) = args.as_chunks::<2>();
    for [flag, value] in pairs {
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("`{value}` is no number"))
        };
        match flag.as_str() {
            "--seconds" => bounds.seconds = number()?.min(SECONDS_MAX),
            "--seed" => bounds.seed = number()?,
            "--host" => host = Some(value.as_str()),
            _ => return Err(usage()),
        }
    }
    if !rest.is_empty() {
        return Err(usage());
    }
    let hosts = hosts::named(host)?;
    let mut steps = Steps::new();
    steps.run("differential", || hosts::differential(&hosts, bounds));
    steps.conclude()
}

fn usage() -> String {
    "usage: cargo xtask differential [--seconds N] [--seed S] [--host NAME]".to_owned()
}
