//! `stage0-glue IN.wasm FOLDER`: the JavaScript around a module, as the command `wasm-bindgen` would
//! make it. The command itself is on crates.io without the lock file that it was tested with; the
//! library that does its work is pinned here.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder] = arguments.as_slice() else {
        eprintln!("usage: stage0-glue IN.wasm FOLDER");
        return ExitCode::FAILURE;
    };
    let made = Bindgen::new()
        .input_path(input)
        .out_name("stage0")
        .web(true)
        .and_then(|bindgen| {
            bindgen
                .remove_name_section(true)
                .remove_producers_section(true)
                .typescript(true)
                // What traps leaves an instance half way: the package takes a new one.
                .reset_state_function(true)
                // Bundlers would look for a file of the default name, and the package says itself where it is.
                .omit_default_module_path(true)
                .generate(folder)
        });
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
