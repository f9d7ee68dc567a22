//! `cargo xtask build [PART...]`: what people install, as they get it.
//!
//! Each part builds with what a user builds with, and compares what it made with the bytes that it may
//! have.

use crate::parts::{BUILD, Part};
use crate::steps::Steps;

/// Builds every part, or those that are named.
///
/// # Errors
/// There is no such part, or one does not build.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let mut wanted: Vec<Part> = Vec::new();
    for name in args {
        let part = BUILD.iter().find(|part| part.name == name);
        wanted.push(*part.ok_or_else(|| {
            let names: Vec<&str> = BUILD.iter().map(|part| part.name).collect();
            format!("there is no part `{name}`, there are {}", names.join(", "))
        })?);
    }
    let mut steps = Steps::new();
    steps.run_all("", if args.is_empty() { BUILD } else { &wanted });
    steps.conclude()
}
