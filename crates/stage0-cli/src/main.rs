//! The program: see the library.

use std::process::ExitCode;

/// A server's memory is asked for by one thread and given back by another.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    ExitCode::from(stage0_cli::run(&arguments))
}
