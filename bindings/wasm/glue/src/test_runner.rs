//! `stage0-test-runner MODULE [FILTER...]`: runs the tests of a module in Node, or in the browser that the
//! environment names. It is the command `wasm-bindgen-test-runner`, which is on crates.io without the lock
//! file that it was tested with, and pinned here.

use std::process::ExitCode;

use wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args;

fn main() -> ExitCode {
    match run_cli_with_args(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
