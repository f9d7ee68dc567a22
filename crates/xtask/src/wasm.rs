//! The WebAssembly module and the JavaScript around it, of which `npm.rs` makes a package.
//!
//! With rustup's target the default toolchain builds the module. Where that target cannot be had,
//! Debian's `rustc-web` does, with a standard library that is built once from the source of the same
//! version, and for size: the module is a twentieth smaller than with rustup's. Nothing is downloaded
//! but by cargo and apt, and everything lands under `target` and in folders that git ignores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Tally, answers, cargo, program, read, root, show};
use crate::steps::test_checks;

const TARGET: &str = "wasm32-unknown-unknown";

/// What Debian calls the compiler and the source of its library.
const PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// What Debian calls the program that drives the browser, and where it puts it.
const DRIVER: (&str, &str) = ("chromium-driver", "/usr/bin/chromedriver");

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A panic is a trap on the spot: there is nobody who would read its message or where it was. That
/// takes a library compiled the same way, and a compiler that is told to allow it.
const LEAN: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none";

/// Tests can be built like that as well: one that fails traps and is told by its name, without its words.
const TESTS: &str = "-Zpanic_abort_tests";

/// How the library is compiled: so that it can be united with the module, and as small.
const LIBRARY: &str = "-Zforce-unstable-if-unmarked -Cembed-bitcode=yes -Copt-level=z";

/// Installs what building needs and is not there.
///
/// # Errors
/// A package client is missing or fails.
pub(crate) fn setup() -> Result<(), String> {
    if !has_target()? && debian_source().is_none() {
        apt(&PACKAGES)?;
    }
    toolchain().map(|_| ())
}

/// Builds the module, and the JavaScript around it, into a folder.
///
/// # Errors
/// A tool is missing or fails.
pub(crate) fn module_with_glue(folder: &Path) -> Result<(), String> {
    let module = module()?;
    let mut make = glue(&["run", "--quiet", "--locked", "--"])?;
    make.arg(module).arg(folder);
    succeed(make, "stage0-glue")
}

/// The tests of the binding, in Node and in a headless browser.
///
/// # Errors
/// A tool is missing or fails, or a test fails.
pub(crate) fn test() -> Result<Tally, String> {
    setup_driver()?;
    let runner = ["--features", "test-runner", "--bin", "stage0-test-runner"];
    let build = [&["build", "--quiet", "--locked"], runner.as_slice()].concat();
    succeed(glue(&build)?, "cargo")?;
    let runner = glue_folder()?.join("debug").join("stage0-test-runner");
    let in_node = testing(&runner)?;
    let mut in_browser = testing(&runner)?;
    in_browser
        .env("WASM_BINDGEN_USE_BROWSER", "1")
        .env("CHROMEDRIVER", DRIVER.1);
    let in_node = test_checks(&show(in_node)?)?;
    Ok(in_node.and(test_checks(&show(in_browser)?)?))
}

fn testing(runner: &Path) -> Result<Command, String> {
    let mut testing = compiling(&["test", "--lib"])?;
    testing
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        // Which the runner would read, and for longer than the tests take.
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    Ok(testing)
}

/// Installs what drives the browser, if it is not there.
fn setup_driver() -> Result<(), String> {
    let (package, installed) = DRIVER;
    if Path::new(installed).exists() {
        return Ok(());
    }
    apt(&[package])
}

/// A verb of cargo for what makes the JavaScript, and runs tests.
fn glue(words: &[&str]) -> Result<Command, String> {
    let mut command = cargo(words)?;
    command
        .current_dir(root()?.join("bindings").join("wasm").join("glue"))
        .env("CARGO_TARGET_DIR", glue_folder()?);
    Ok(command)
}

fn glue_folder() -> Result<PathBuf, String> {
    Ok(root()?.join("target").join("glue"))
}

/// Installs Debian packages.
///
/// # Errors
/// apt is missing, fails, or wants another user.
pub(crate) fn apt(packages: &[&str]) -> Result<(), String> {
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    let installed = show(program("apt-get", &["update"])?)?.succeeded
        && show(program("apt-get", &arguments)?)?.succeeded;
    if installed {
        return Ok(());
    }
    let packages = packages.join(" ");
    Err(format!("install them by hand: apt-get install {packages}"))
}

/// Runs a program to its end, and wants it to succeed.
///
/// # Errors
/// It cannot be run, or fails.
pub(crate) fn succeed(command: Command, name: &str) -> Result<(), String> {
    if show(command)?.succeeded {
        Ok(())
    } else {
        Err(format!("{name} failed"))
    }
}

/// An empty folder.
///
/// # Errors
/// It cannot be made.
pub(crate) fn remake(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| told(folder, &error))?;
    }
    fs::create_dir_all(folder).map_err(|error| told(folder, &error))
}

/// An error with the path that it is about.
pub(crate) fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Compiles the module.
fn module() -> Result<PathBuf, String> {
    succeed(compiling(&["build", "--profile", "wasm"])?, "cargo")?;
    let folder = compiled_folder()?.join(TARGET);
    Ok(folder.join("wasm").join("stage0_wasm.wasm"))
}

/// A verb of cargo for the binding and its target.
fn compiling(words: &[&str]) -> Result<Command, String> {
    let mut command = cargo(words)?;
    command
        .args(["--package", "stage0-wasm", "--target", TARGET])
        .env("CARGO_TARGET_DIR", compiled_folder()?);
    if let Some(Toolchain { sysroot, linker }) = toolchain()? {
        let flags = format!(
            "{LEAN} {TESTS} --sysroot={} -Clinker={}",
            sysroot.display(),
            linker.display()
        );
        command
            .env("RUSTC", DEBIAN_RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            // Not for the host's side: macros use the compiler's own library.
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
    }
    Ok(command)
}

fn compiled_folder() -> Result<PathBuf, String> {
    Ok(root()?.join("target").join("wasm"))
}

/// Debian's compiler with a library for the target.
struct Toolchain {
    sysroot: PathBuf,
    linker: PathBuf,
}

/// Nothing where the default toolchain has the target.
fn toolchain() -> Result<Option<Toolchain>, String> {
    if has_target()? {
        return Ok(None);
    }
    let source = debian_source().ok_or(
        "no compiler for WebAssembly: `rustup target add wasm32-unknown-unknown`, or `cargo xtask setup`",
    )?;
    let version = read(program(DEBIAN_RUSTC, &["--version", "--verbose"])?)?;
    let sysroot = root()?.join("target").join("wasm-sysroot");
    // The version floats with Debian's updates, and a library fits one version.
    let wanted = format!("{version}{LIBRARY} {LEAN}\n");
    let stamp = sysroot.join("version");
    if !fs::read_to_string(&stamp).is_ok_and(|built| built == wanted) {
        remake(&sysroot)?;
        build_library(&source, &sysroot)?;
        // Cargo does not see that what it compiled had another library.
        remake(&compiled_folder()?)?;
        fs::write(&stamp, &wanted).map_err(|error| told(&stamp, &error))?;
    }
    Ok(Some(Toolchain {
        sysroot,
        linker: linker()?,
    }))
}

fn has_target() -> Result<bool, String> {
    let arguments = ["--print", "target-libdir", "--target", TARGET];
    let folder = read(program("rustc", &arguments)?)?;
    Ok(Path::new(folder.trim()).exists())
}

/// The source of Debian's library, which has to be that of its compiler.
fn debian_source() -> Option<PathBuf> {
    let version = read(program(DEBIAN_RUSTC, &["--version"]).ok()?).ok()?;
    let version = version.split_whitespace().nth(1)?;
    let source = Path::new("/usr/src").join(format!("rustc-{version}"));
    source.join("library").is_dir().then_some(source)
}

/// rustup's linker: Debian's compiler has none for WebAssembly.
fn linker() -> Result<PathBuf, String> {
    let sysroot = read(program("rustc", &["--print", "sysroot"])?)?;
    let about = read(program("rustc", &["--version", "--verbose"])?)?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    let linker = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(host.unwrap_or_default())
        .join("bin/rust-lld");
    if linker.exists() {
        return Ok(linker);
    }
    if answers("wasm-ld", &["--version"]) {
        return Ok(PathBuf::from("wasm-ld"));
    }
    Err("no linker for WebAssembly: install `lld`".to_owned())
}

/// Builds the standard library for the target. It takes about a minute.
fn build_library(source: &Path, sysroot: &Path) -> Result<(), String> {
    println!("building the standard library for {TARGET}, once");
    // Cargo writes beside the manifest, and the source belongs to Debian.
    let copy = sysroot.join("source");
    let mut copying = program("cp", &["-r"])?;
    copying.arg(source.join("library")).arg(&copy);
    succeed(copying, "cp")?;
    let folder = sysroot.join("build");
    let mut build = cargo(&["build", "--locked", "--release", "--target", TARGET])?;
    build
        // Without it the ways to sort a list are a seventh of the module.
        .args(["--features", "optimize_for_size"])
        .current_dir(copy.join("sysroot"))
        .env("CARGO_TARGET_DIR", &folder)
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", format!("{LIBRARY} {LEAN}"));
    succeed(build, "cargo")?;
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&libraries).map_err(|error| told(&libraries, &error))?;
    let compiled = folder.join(TARGET).join("release").join("deps");
    let files = fs::read_dir(&compiled).map_err(|error| told(&compiled, &error))?;
    for file in files.filter_map(Result::ok) {
        let from = file.path();
        if from.extension().is_some_and(|ending| ending == "rlib") {
            let to = libraries.join(file.file_name());
            fs::copy(&from, &to).map_err(|error| told(&to, &error))?;
        }
    }
    for folder in [copy, folder] {
        fs::remove_dir_all(&folder).map_err(|error| told(&folder, &error))?;
    }
    Ok(())
}
