//! One entrance for developers: `cargo xtask VERB`.
//!
//! Each verb is a file of this crate that does one task, says what it does and how long each part
//! took, and fails loudly when a part cannot run. What CI runs is one of these verbs, so a task that
//! works here works there. What the verbs run stands in `parts.rs`. Nothing in this crate is shipped.

#![expect(
    clippy::print_stdout,
    reason = "developer tasks report on the terminal"
)]

mod abreast;
mod bench;
mod build;
mod checks;
mod ci;
mod command;
mod conformance;
mod differential;
mod fuzz;
mod hosts;
mod licences;
mod npm;
mod parts;
mod python;
mod setup;
mod steps;
mod test;
mod tidy;
mod wasm;
mod zones;

use std::process::ExitCode;

/// What a verb is, for the list of verbs and for finding it.
struct Verb {
    name: &'static str,
    usage: &'static str,
    summary: &'static str,
    run: fn(&[String]) -> Result<(), String>,
}

const VERBS: &[Verb] = &[
    Verb {
        name: "setup",
        usage: "",
        summary: "fetch what the tests need from package registries; does nothing when it is there",
        run: setup::run,
    },
    Verb {
        name: "build",
        usage: "[PART...]",
        summary: "build what people install, and compare its size with its budget",
        run: build::run,
    },
    Verb {
        name: "test",
        usage: "[--host NAME]",
        summary: "everything that has to hold: format, lints, tests, documentation, every host",
        run: test::run,
    },
    Verb {
        name: "tidy",
        usage: "",
        summary: "check what no compiler checks: module docs, crate graph, reasons, lengths, versions",
        run: tidy::run,
    },
    Verb {
        name: "conformance",
        usage: "[cel [update]]",
        summary: "run the CEL conformance suite against our condition language",
        run: conformance::run,
    },
    Verb {
        name: "differential",
        usage: "[--seconds N] [--seed S] [--host NAME]",
        summary: "ask every host the same random questions, and compare bytes",
        run: differential::run,
    },
    Verb {
        name: "fuzz",
        usage: "[--seconds N] [--seed S] [--guided]",
        summary: "feed mutated texts to every door for a bounded time",
        run: fuzz::run,
    },
    Verb {
        name: "bench",
        usage: "[quick|npm|python|runs|audit|server]",
        summary: "measure deciding beside a program written by hand, or beside what else a registry has",
        run: bench::run,
    },
    Verb {
        name: "zones",
        usage: "DIR DAY",
        summary: "write the table of time zones from a compiled zoneinfo folder",
        run: zones::run,
    },
    Verb {
        name: "ci",
        usage: "",
        summary: "what `test` runs, what `build` builds, and what takes long",
        run: ci::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("", [].as_slice()),
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        print_verbs();
        return if name.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    };
    match (verb.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("\ncargo xtask {name}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn print_verbs() {
    println!("cargo xtask VERB");
    for verb in VERBS {
        println!("  {} {}\n      {}", verb.name, verb.usage, verb.summary);
    }
}
