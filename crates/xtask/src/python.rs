//! `cargo xtask build python`, and the Python package's own tests.
//!
//! Development tools are those of `python/requirements-dev.txt`, in a virtual environment under
//! `target`. What is tested as a host is the wheel, installed into an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{OnceLock, mpsc};
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

/// The newest versions of agent frameworks, with all that they need.
const FRAMEWORKS: &str = "python/frameworks/newest.txt";

/// Where gates for them are tested. Those for `CrewAI` are not there: it wants other versions of what
/// others need.
const INTEGRATIONS: &[&str] = &["tests/integrations"];

/// Where the gate for `CrewAI` is tested.
const CREWAI: &[&str] = &["tests/crewai"];

/// Environments of other frameworks, by what they install and what is tested there.
const OTHER_FRAMEWORKS: &[(&str, &str, &[&str])] = &[
    (
        "python-frameworks-oldest",
        "python/frameworks/oldest.txt",
        INTEGRATIONS,
    ),
    ("python-crewai", "python/frameworks/crewai.txt", CREWAI),
    (
        "python-crewai-oldest",
        "python/frameworks/crewai-oldest.txt",
        CREWAI,
    ),
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
    let develop = ["develop", "--quiet", "--features", "panic-for-tests"];
    let develop = judge("maturin", &develop)?;
    // Installing waits for disks and networks, and building does not.
    let frameworks = thread::spawn(|| installed("python-frameworks", FRAMEWORKS));
    succeed(develop, "maturin")?;
    let frameworks = frameworks
        .join()
        .map_err(|_| "frameworks: cannot be installed".to_owned())??;
    let format = [&["format", "--check", "--quiet"], SOURCES].concat();
    let lint = [&["check", "--quiet"], SOURCES].concat();
    all_succeed(vec![
        // The longest begins.
        Check::new("pytest", judge("pytest", &[])?),
        Check::new("integrations", integrations(&frameworks, INTEGRATIONS)?),
        Check::new("ruff format", judge("ruff", &format)?),
        Check::new("ruff check", judge("ruff", &lint)?),
        Check::new("mypy", judge("mypy", &[])?),
        Check::new("pyright", judge("pyright", &["--warnings"])?),
        Check::new("stubtest", judge("stubtest", &["stage0._native"])?),
    ])
}

/// The gates for agent frameworks, with the oldest versions that their extras allow, and for those that
/// cannot be installed beside the others. [`fn@test`] has the newest.
///
/// # Errors
/// They cannot be installed, or a test fails.
pub(crate) fn other_frameworks() -> Result<(), String> {
    let tools = tools()?;
    let mut develop = tool(&tools, "maturin")?;
    develop
        .args(["develop", "--quiet", "--features", "panic-for-tests"])
        .current_dir(root()?.join("python"));
    let (sender, folders) = mpsc::channel();
    // Installing waits for disks and networks, and tests do not.
    thread::spawn(move || {
        for (name, requirements, _) in OTHER_FRAMEWORKS {
            let folder = installed(name, requirements);
            let failed = folder.is_err();
            if sender.send(folder).is_err() || failed {
                break;
            }
        }
    });
    succeed(develop, "maturin")?;
    for (_, requirements, tests) in OTHER_FRAMEWORKS {
        let folder = folders
            .recv()
            .map_err(|_| format!("{requirements}: cannot be installed"))??;
        println!("{requirements}");
        succeed(integrations(&folder, tests)?, requirements)?;
    }
    Ok(())
}

/// Tests of integrations, with the frameworks of an environment and the package as it stands here.
fn integrations(folder: &Path, tests: &[&str]) -> Result<Command, String> {
    let here = root()?.join("python");
    let mut judge = tool(folder, "python")?;
    judge
        .args(["-m", "pytest"])
        .args(tests)
        .env("PYTHONPATH", here.join("src"))
        .current_dir(&here);
    Ok(judge)
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
