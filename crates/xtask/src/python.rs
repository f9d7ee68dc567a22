//! `cargo xtask build python`, and the Python package's own tests.
//!
//! Development tools are those of `python/requirements-dev.txt`, in a virtual environment under
//! `target`. What is tested as a host is the wheel, installed into an environment of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::command::{program, root};
use crate::wasm::{remake, succeed, told};

const REQUIREMENTS: &str = "python/requirements-dev.txt";

/// The environment with the development tools, made when its requirements have changed.
///
/// # Errors
/// Python or pip is missing or fails.
pub(crate) fn setup() -> Result<PathBuf, String> {
    let root = root()?;
    let requirements = root.join(REQUIREMENTS);
    let wanted = fs::read(&requirements).map_err(|error| told(&requirements, &error))?;
    let folder = root.join("target").join("python-tools");
    // Written last, so that an interrupted installation is made again.
    let stamp = folder.join("installed");
    if !fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        remake(&folder)?;
        environment(&folder)?;
        let mut install = tool(&folder, "python")?;
        install
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(&requirements);
        succeed(install, "pip")?;
        fs::write(&stamp, wanted).map_err(|error| told(&stamp, &error))?;
    }
    Ok(folder)
}

/// Builds the wheel; its path.
///
/// # Errors
/// A tool is missing or fails.
pub(crate) fn build() -> Result<PathBuf, String> {
    let tools = setup()?;
    let folder = root()?.join("target").join("wheels");
    remake(&folder)?;
    let mut build = tool(&tools, "maturin")?;
    build
        .args(["build", "--release", "--quiet", "--out"])
        .arg(&folder)
        .current_dir(root()?.join("python"));
    succeed(build, "maturin")?;
    let listed = fs::read_dir(&folder).map_err(|error| told(&folder, &error))?;
    let wheel = listed.filter_map(Result::ok).map(|entry| entry.path()).next();
    let wheel = wheel.ok_or("maturin built no wheel")?;
    println!("built {}", wheel.display());
    Ok(wheel)
}

/// Installs the wheel into a fresh environment; its interpreter.
///
/// # Errors
/// A tool is missing or fails.
pub(crate) fn install() -> Result<PathBuf, String> {
    let wheel = build()?;
    let folder = root()?.join("target").join("python-host");
    remake(&folder)?;
    environment(&folder)?;
    let mut install = tool(&folder, "python")?;
    install
        .args(["-m", "pip", "install", "--quiet", "--no-index"])
        .arg(wheel);
    succeed(install, "pip")?;
    Ok(folder.join("bin").join("python"))
}

/// Formats, types, stubs and tests of the package.
///
/// # Errors
/// One of them fails.
pub(crate) fn test() -> Result<(), String> {
    let tools = setup()?;
    let checks: [(&str, &[&str]); 6] = [
        ("maturin", &["develop", "--quiet"]),
        ("ruff", &["format", "--check", "--quiet"]),
        ("ruff", &["check", "--quiet"]),
        ("mypy", &[]),
        ("stubtest", &["stage0._native"]),
        ("pytest", &[]),
    ];
    for (name, arguments) in checks {
        let mut check = tool(&tools, name)?;
        check.args(arguments).current_dir(root()?.join("python"));
        succeed(check, name)?;
    }
    Ok(())
}

/// Makes a virtual environment.
fn environment(folder: &std::path::Path) -> Result<(), String> {
    let mut make = program("python3", &["-m", "venv"])?;
    make.arg(folder);
    succeed(make, "python3")
}

/// A program of an environment, which finds the others there.
fn tool(folder: &std::path::Path, name: &str) -> Result<Command, String> {
    let programs = folder.join("bin");
    let mut paths = vec![programs.clone()];
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    paths.extend(std::env::split_paths(&inherited));
    let paths = std::env::join_paths(paths).map_err(|error| error.to_string())?;
    let mut command = program(&programs.join(name).to_string_lossy(), &[])?;
    command.env("VIRTUAL_ENV", folder).env("PATH", paths);
    Ok(command)
}
