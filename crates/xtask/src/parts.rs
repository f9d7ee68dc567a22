//! What is set up, built, checked and asked, part by part: the one place where a part is entered.
//!
//! A language or host that is added brings a function for each of its parts and a line in these tables;
//! the verbs run whatever is here, in this order. A part that cannot run has failed, on every machine:
//! nothing is left out because a tool is not there.

use crate::checks;
use crate::command::Tally;
use crate::hosts;
use crate::licences;
use crate::npm;
use crate::python;
use crate::setup;
use crate::tidy;
use crate::wasm;

/// Something to run, which says how many checks passed and failed, or why it cannot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) run: fn() -> Result<Tally, String>,
}

const fn part(name: &'static str, run: fn() -> Result<Tally, String>) -> Part {
    Part { name, run }
}

/// What `cargo xtask setup` fetches from package registries, once: each part does nothing when it is
/// there.
pub(crate) const SETUP: &[Part] = &[
    part("rust", setup::rust),
    part("cel suite", setup::cel_suite),
    part("python", || python::tools().map(|_| Tally::ONE)),
    part("wasm", || wasm::setup().map(|()| Tally::ONE)),
    part("npm", || npm::setup().map(|()| Tally::ONE)),
    part("curl", setup::curl),
    part("chromium", || npm::setup_chromium().map(|()| Tally::ONE)),
];

/// What `cargo xtask build` makes: what people install, as they get it.
pub(crate) const BUILD: &[Part] = &[
    part("command", checks::release_command),
    part("python", || python::build().map(|_| Tally::ONE)),
    part("npm", npm::build),
];

/// What `cargo xtask test` runs behind the setup, the cheap before the dear.
pub(crate) const CHECKS: &[Part] = &[
    part("format", checks::format),
    part("tidy", tidy::check),
    part("licences", licences::check),
    part("lint", checks::lint),
    part("tests", checks::tests),
    part("doc tests", checks::doc_tests),
    part("documentation", checks::documentation),
    part("python", || python::test().map(|()| Tally::ONE)),
    part("npm", npm::test),
    part("hosts", hosts::every),
    part("differential", checks::differential),
];

/// What `cargo xtask ci` runs besides: what takes long, and what belongs to the machine.
pub(crate) const LONG_CHECKS: &[Part] = &[
    // Its runner takes three minutes to build, once.
    part("wasm", wasm::test),
    part("fuzz", checks::fuzz),
    part("differential+", checks::long_differential),
    part("python sdist", || python::sdist().map(|()| Tally::ONE)),
    part("oldest frameworks", || {
        python::oldest_frameworks().map(|()| Tally::ONE)
    }),
    part("bench", checks::quick_bench),
];

/// A host: it decides every case of the corpus and the same random questions as all others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host {
    pub(crate) name: &'static str,
    /// Makes the host ready and says how it is opened: the words of `hosts` in the tests crate, whose
    /// first is the name, such as `["python", "target/venv/bin/python", "tests/hosts/host.py"]`.
    pub(crate) open: fn() -> Result<Vec<String>, String>,
}

const fn host(name: &'static str, open: fn() -> Result<Vec<String>, String>) -> Host {
    Host { name, open }
}

/// Every host.
pub(crate) const HOSTS: &[Host] = &[
    host("engine", || Ok(vec!["engine".to_owned()])),
    host("wire", || Ok(vec!["wire".to_owned()])),
    host("cli", hosts::command_line),
    host("python", || python::host(&[])),
    host("python-dict", || python::host(&["--objects"])),
    host("node", || npm::node("node.mjs", &[])),
    host("node-object", || npm::node("node.mjs", &["--objects"])),
    host("node-require", || npm::node("node.cjs", &[])),
    host("bun", npm::bun),
    host("deno", npm::deno),
    host("workerd", npm::workerd),
    host("chromium", npm::chromium),
];

/// Files that are built and must not grow unseen: the most bytes of each. A part of [`BUILD`] compares
/// what it made.
pub(crate) const BYTES_MAX: &[(&str, u64)] = &[
    // 6.02 million on Linux, with symbols, 1.1 of them for files of runs; what a container or a hook carries along.
    ("target/release/stage0", 6_250_000),
    // What an edge worker loads before it answers, gzipped; 200,000 is what it should come to, and
    // `bindings/wasm/README.md` tells what is in the way. 27,000 of them verify signed approvals, as many issue and
    // verify permits, 12,440 write and verify chains of receipts.
    ("target/npm/stage0.wasm.gz", 484_440),
];
