//! `cargo xtask build python`, and the Python package's own tests.
//!
//! Development tools are those of `python/requirements-dev.txt`, in a virtual environment under
//! `target`. What is tested as a host is the wheel, installed into an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::command::{cargo, program, read, root};
use crate::npm;
use crate::wasm::{remake, succeed, told};

/// What is formatted and linted, with the configuration of the package.
const SOURCES: &[&str] = &[
    "--config",
    "pyproject.toml",
    ".",
    "../tests/bench/python",
    "../tests/hosts",
    "../examples",
];

const REQUIREMENTS: &str = "python/requirements-dev.txt";

/// The environment with the development tools, made when its requirements have changed.
///
/// # Errors
/// Python or pip is missing or fails.
pub(crate) fn tools() -> Result<PathBuf, String> {
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
    let tools = tools()?;
    let folder = root()?.join("target").join("wheels");
    remake(&folder)?;
    let mut build = tool(&tools, "maturin")?;
    build
        .args(["build", "--release", "--quiet", "--out"])
        .arg(&folder)
        .current_dir(root()?.join("python"));
    succeed(build, "maturin")?;
    let listed = fs::read_dir(&folder).map_err(|error| told(&folder, &error))?;
    let wheel = listed
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .next();
    let wheel = wheel.ok_or("maturin built no wheel")?;
    println!("built {}", wheel.display());
    Ok(wheel)
}

/// The installed wheel, asked through `tests/hosts/host.py`.
///
/// # Errors
/// The wheel does not build, or cannot be installed.
pub(crate) fn host(options: &[&str]) -> Result<Vec<String>, String> {
    // Installed once in each run of a verb.
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let python = INSTALLED.get_or_init(install).clone()?;
    let script = root()?.join("tests").join("hosts").join("host.py");
    let name = if options.is_empty() {
        "python"
    } else {
        "python-dict"
    };
    let mut words = vec![name.to_owned()];
    words.extend([python, script].map(|path| path.to_string_lossy().into_owned()));
    words.extend(options.iter().map(|option| (*option).to_owned()));
    Ok(words)
}

/// Installs the wheel into a fresh environment; its interpreter.
fn install() -> Result<PathBuf, String> {
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
    let tools = tools()?;
    let checks: [(&str, &[&str]); 6] = [
        ("maturin", &["develop", "--quiet"]),
        (
            "ruff",
            &[&["format", "--check", "--quiet"], SOURCES].concat(),
        ),
        ("ruff", &[&["check", "--quiet"], SOURCES].concat()),
        ("mypy", &[]),
        ("stubtest", &["stage0._native"]),
        ("pytest", &[]),
    ];
    for (name, arguments) in checks {
        let mut check = tool(&tools, name)?;
        check.args(arguments).current_dir(root()?.join("python"));
        succeed(check, name)?;
    }
    let mut types = program("node", &[&npm::tool("pyright")?, "--warnings"])?;
    types.current_dir(root()?.join("python"));
    succeed(types, "pyright")
}

/// Measures the wheel beside what else `PyPI` has, which is fetched for this and into an environment of its
/// own.
///
/// # Errors
/// A tool is missing or fails, or the engines that are compared do not agree.
pub(crate) fn bench() -> Result<(), String> {
    let wheel = build()?;
    let folder = root()?.join("target").join("python-bench");
    remake(&folder)?;
    environment(&folder)?;
    let sources = root()?.join("tests").join("bench").join("python");
    let mut install = tool(&folder, "python")?;
    install
        .args(["-m", "pip", "install", "--quiet"])
        .arg(wheel)
        .arg("--requirement")
        .arg(sources.join("requirements.txt"));
    succeed(install, "pip")?;
    let task = cargo(&[
        "run",
        "--quiet",
        "-p",
        "stage0-tests",
        "--bin",
        "bench_task",
    ])?;
    let path = folder.join("task.json");
    fs::write(&path, read(task)?).map_err(|error| told(&path, &error))?;
    let mut measure = tool(&folder, "python")?;
    measure.arg(sources.join("bench.py")).arg(path);
    succeed(measure, "bench.py")
}

/// Makes a virtual environment.
fn environment(folder: &Path) -> Result<(), String> {
    let mut make = program("python3", &["-m", "venv"])?;
    make.arg(folder);
    succeed(make, "python3")
}

/// A program of an environment, which finds the others there.
fn tool(folder: &Path, name: &str) -> Result<Command, String> {
    let programs = folder.join("bin");
    let mut paths = vec![programs.clone()];
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    paths.extend(std::env::split_paths(&inherited));
    let paths = std::env::join_paths(paths).map_err(|error| error.to_string())?;
    let mut command = program(&programs.join(name).to_string_lossy(), &[])?;
    command.env("VIRTUAL_ENV", folder).env("PATH", paths);
    Ok(command)
}
