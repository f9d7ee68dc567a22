//! The WebAssembly module and the JavaScript around it, of which `npm.rs` makes a package.
//!
//! With rustup's target the default toolchain builds the module. Where that target cannot be had,
//! Debian's `rustc-web` does, with a standard library that is built once from the source of the same
//! version, and for size: the module is a twentieth smaller than with rustup's. Nothing is downloaded
//! but by cargo and apt, and everything lands under `target` and in folders that git ignores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{answers, cargo, program, read, root, show};

const TARGET: &str = "wasm32-unknown-unknown";

/// What Debian calls the compiler and the source of its library.
const PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A panic is a trap on the spot: there is nobody who would read its message or where it was. That
/// takes a library compiled the same way, and a compiler that is told to allow it.
const LEAN: &str = "-Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none";

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
    let root = root()?;
    let mut make = cargo(&["run", "--quiet", "--locked", "--"])?;
    make.arg(module)
        .arg(folder)
        .current_dir(root.join("bindings").join("wasm").join("glue"))
        .env("CARGO_TARGET_DIR", root.join("target").join("glue"));
    succeed(make, "stage0-glue")
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
    let folder = compiled_folder()?;
    let mut build = cargo(&[
        "build",
        "-p",
        "stage0-wasm",
        "--profile",
        "wasm",
        "--target",
        TARGET,
    ])?;
    build.env("CARGO_TARGET_DIR", &folder);
    if let Some(Toolchain { sysroot, linker }) = toolchain()? {
        let flags = format!(
            "{LEAN} --sysroot={} -Clinker={}",
            sysroot.display(),
            linker.display()
        );
        build
            .env("RUSTC", DEBIAN_RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            // Not for the host's side: macros use the compiler's own library.
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
    }
    succeed(build, "cargo")?;
    Ok(folder.join(TARGET).join("wasm").join("stage0_wasm.wasm"))
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
