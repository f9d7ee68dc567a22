//! `cargo xtask build python`, and the Python package's own tests.
//!
//! Development tools are those of `python/requirements-dev.txt`, in a virtual environment under
//! `target`. What is tested as a host is the wheel, installed into an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use crate::abreast::{Check, all_succeed};
use crate::command::{cargo, program, read, root};
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

/// An environment with agent frameworks, and what is tested there. `CrewAI` wants other versions of what
/// others need, and so has its own.
struct Frameworks {
    environment: &'static str,
    requirements: &'static str,
    tests: &'static str,
}

/// The newest versions, with all that they need.
const NEWEST: [Frameworks; 2] = [
    Frameworks {
        environment: "python-frameworks",
        requirements: "python/frameworks/newest.txt",
        tests: "tests/integrations",
    },
    Frameworks {
        environment: "python-crewai",
        requirements: "python/frameworks/crewai.txt",
        tests: "tests/crewai",
    },
];

/// The oldest versions that extras allow.
const OLDEST: [Frameworks; 2] = [
    Frameworks {
        environment: "python-frameworks-oldest",
        requirements: "python/frameworks/oldest.txt",
        tests: "tests/integrations",
    },
    Frameworks {
        environment: "python-crewai-oldest",
        requirements: "python/frameworks/crewai-oldest.txt",
        tests: "tests/crewai",
    },
];

/// What is never in a wheel: the door through which tests make the module panic.
const NO_HOOK: &str =
    "from stage0._native import NativePolicy; assert not hasattr(NativePolicy, '_panic_next')";

/// A decision, by whatever is installed.
const DECISION: &str = "from stage0 import Policy; \
    assert Policy.builtin().check({'goal': 'Look up the weather in Oslo', 'success_criteria': ['It is known']}).allowed";

/// The environment with the development tools.
///
/// # Errors
/// Python or pip is missing or fails.
pub(crate) fn tools() -> Result<PathBuf, String> {
    installed("python-tools", "python/requirements-dev.txt")
}

/// An environment with what a file lists, made when that has changed. A list is whole: what it names needs
/// nothing else.
fn installed(name: &str, requirements: &str) -> Result<PathBuf, String> {
    let root = root()?;
    let requirements = root.join(requirements);
    let wanted = fs::read(&requirements).map_err(|error| told(&requirements, &error))?;
    let folder = root.join("target").join(name);
    // Written last, so that an interrupted installation is made again.
    let stamp = folder.join("installed");
    if !fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        remake(&folder)?;
        environment(&folder)?;
        let mut install = tool(&folder, "python")?;
        install
            .args(["-m", "pip", "install", "--quiet", "--no-deps"])
            .args(["--no-compile", "--requirement"])
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
    let wheel = only_file(&folder)?;
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
    ask(&folder, NO_HOOK)?;
    Ok(folder.join("bin").join("python"))
}

/// The sdist, installed as people do whose platform has no wheel: built from nothing but what it holds,
/// in a fresh environment, and asked. What it shares with other builds is compiled once.
///
/// # Errors
/// It does not build, or cannot be installed or asked.
pub(crate) fn sdist() -> Result<(), String> {
    let tools = tools()?;
    let target = root()?.join("target");
    let (made, folder) = (target.join("sdist"), target.join("python-sdist"));
    remake(&made)?;
    let mut build = tool(&tools, "maturin")?;
    build
        .args(["sdist", "--out"])
        .arg(&made)
        .current_dir(root()?.join("python"));
    // What it says on the way is for those who write manifests.
    read(build)?;
    remake(&folder)?;
    environment(&folder)?;
    let mut install = tool(&folder, "python")?;
    install
        .args(["-m", "pip", "install", "--quiet"])
        .arg(only_file(&made)?)
        .env("CARGO_TARGET_DIR", &target);
    succeed(install, "pip")?;
    ask(&folder, NO_HOOK)?;
    ask(&folder, DECISION)?;
    let mut command = tool(&folder, "stage0")?;
    command.arg("--version");
    succeed(command, "stage0")
}

/// Runs a program with what is installed in an environment.
fn ask(folder: &Path, program: &str) -> Result<(), String> {
    let mut python = tool(folder, "python")?;
    python.args(["-c", program]);
    succeed(python, "python")
}

/// The one file of a folder that a tool wrote into.
fn only_file(folder: &Path) -> Result<PathBuf, String> {
    let listed = fs::read_dir(folder).map_err(|error| told(folder, &error))?;
    let mut files = listed.filter_map(Result::ok).map(|entry| entry.path());
    files
        .next()
        .ok_or_else(|| format!("{}: nothing was built", folder.display()))
}

/// Formats, types, stubs and tests of the package. The module that is tested can be told to panic.
///
/// # Errors
/// One of them fails.
pub(crate) fn test() -> Result<(), String> {
    let tools = tools()?;
    let here = root()?.join("python");
    let judge = |name: &str, arguments: &[&str]| {
        let mut judge = tool(&tools, name)?;
        judge.args(arguments).current_dir(&here);
        Ok::<Command, String>(judge)
    };
    let [frameworks, crewai] = develop(&tools, &NEWEST)?;
    let format = [&["format", "--check", "--quiet"], SOURCES].concat();
    let lint = [&["check", "--quiet"], SOURCES].concat();
    all_succeed(vec![
        // The longest begins.
        Check::new("pytest", judge("pytest", &[])?),
        Check::new("integrations", frameworks),
        Check::new("crewai", crewai),
        Check::new("ruff format", judge("ruff", &format)?),
        Check::new("ruff check", judge("ruff", &lint)?),
        Check::new("mypy", judge("mypy", &[])?),
        Check::new("pyright", judge("pyright", &["--warnings"])?),
        Check::new("stubtest", judge("stubtest", &["stage0._native"])?),
    ])
}

/// Gates for agent frameworks, with the oldest versions that the extras allow. [`fn@test`] has the newest.
///
/// # Errors
/// They cannot be installed, or a test fails.
pub(crate) fn oldest_frameworks() -> Result<(), String> {
    let [frameworks, crewai] = develop(&tools()?, &OLDEST)?;
    all_succeed(vec![
        Check::new("integrations", frameworks),
        Check::new("crewai", crewai),
    ])
}

/// Puts the native module, which can be told to panic, beside the package's sources, while environments
/// with frameworks are installed: that waits for disks and networks, and building does not. Tests of
/// integrations in each of them, with the package as it stands here.
fn develop<const N: usize>(
    tools: &Path,
    frameworks: &'static [Frameworks; N],
) -> Result<[Command; N], String> {
    let here = root()?.join("python");
    let installing = frameworks
        .each_ref()
        .map(|one| thread::spawn(|| installed(one.environment, one.requirements)));
    let mut develop = tool(tools, "maturin")?;
    develop
        .args(["develop", "--quiet", "--features", "panic-for-tests"])
        .current_dir(&here);
    succeed(develop, "maturin")?;
    let mut judges = Vec::with_capacity(N);
    for (one, installing) in frameworks.iter().zip(installing) {
        let folder = installing
            .join()
            .map_err(|_| format!("{}: cannot be installed", one.requirements))??;
        let mut judge = tool(&folder, "python")?;
        judge
            .args(["-m", "pytest", one.tests])
            .env("PYTHONPATH", here.join("src"))
            .current_dir(&here);
        judges.push(judge);
    }
    judges
        .try_into()
        .map_err(|_| "some frameworks have no tests".to_owned())
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
