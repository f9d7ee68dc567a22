//! `cargo xtask build npm`, the npm package's own tests, and the hosts that have it installed.
//!
//! Development tools are those of `npm/package-lock.json`. What is asked as a host is the package as it
//! would be published, packed and installed into an empty project; it is built once in each run of a
//! verb.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::abreast::{Check, all_succeed};
use crate::checks::within_budget;
use crate::command::{Tally, cargo, program, read, root, show};
use crate::wasm::{apt, module_with_glue, remake, succeed, told};

/// What Debian calls the browser, and where it puts it.
const CHROMIUM: (&str, &str) = ("chromium", "/usr/bin/chromium");

/// The module as an edge worker loads it; its budget stands in `parts`.
const GZIPPED: &str = "target/npm/stage0.wasm.gz";

/// Development tools that programs need beside the package: those of `tests/hosts`, and the tests.
const TOOLS: [&str; 6] = [
    "esbuild",
    "jose",
    "miniflare",
    "playwright-core",
    "typescript",
    "vite",
];

/// Fetches the development tools by the lock file, if it has changed.
///
/// # Errors
/// npm is missing or fails.
pub(crate) fn setup() -> Result<(), String> {
    let folder = folder()?;
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).map_err(|error| told(&lock, &error))?;
    // Written last, so that an interrupted fetch is made again.
    let stamp = folder.join("node_modules").join(".stage0-lock");
    if fs::read(&stamp).is_ok_and(|fetched| fetched == wanted) {
        return Ok(());
    }
    // Not `npm ci`: it insists on the binaries of other platforms, which not every registry has.
    npm(&folder, &["install", "--no-save", "--silent"])?;
    fs::write(&stamp, wanted).map_err(|error| told(&stamp, &error))
}

/// Installs the browser, if it is not there.
///
/// # Errors
/// apt is missing or fails.
pub(crate) fn setup_chromium() -> Result<(), String> {
    let (package, installed) = CHROMIUM;
    if Path::new(installed).exists() {
        return Ok(());
    }
    apt(&[package])
}

/// Builds the package's `dist`, and compares the module's size with its budget.
///
/// # Errors
/// A tool is missing or fails, or the module is too large.
pub(crate) fn build() -> Result<Tally, String> {
    setup()?;
    let folder = folder()?;
    module_with_glue(&folder.join("src").join("glue"))?;
    npm(&folder, &["run", "--silent", "build"])?;
    within_budget(GZIPPED)
}

/// Format, types and tests of the package, and what judges packages say about it.
///
/// All but the format is asked of the package as it would be published, in a project that has it
/// installed.
///
/// # Errors
/// One of them fails.
pub(crate) fn test() -> Result<Tally, String> {
    let project = project()?;
    setup_chromium()?;
    let tests = project.join("tests");
    let mut checks = Vec::new();
    // The tests are the longest, so they begin.
    for file in test_files(&tests)? {
        let path = tests.join(&file).to_string_lossy().into_owned();
        checks.push(Check::new(file, node_at(project, &["--test", &path])?));
    }
    let mut formatting = program("npm", &["run", "--silent", "format"])?;
    formatting.current_dir(folder()?);
    checks.push(Check::new("prettier", formatting));
    let types = tests.join("types").to_string_lossy().into_owned();
    let package = find(project, "tgz")?.to_string_lossy().into_owned();
    let judges: [(&str, &str, &[&str]); 3] = [
        ("typescript", "bin/tsc", &["-p", &types]),
        ("publint", "src/cli.js", &[&package, "--strict"]),
        (
            "@arethetypeswrong/cli",
            "dist/index.js",
            // The module is no JavaScript, so it has no types that could be wrong.
            &[&package, "--exclude-entrypoints", "stage0.wasm", "--quiet"],
        ),
    ];
    for (name, path, words) in judges {
        let judge = module(name, path)?;
        let words = [&[judge.as_str()], words].concat();
        checks.push(Check::new(name, node_at(project, &words)?));
    }
    all_succeed(checks)?;
    Ok(Tally::ONE)
}

/// The names of the files with tests in a folder, sorted.
fn test_files(folder: &Path) -> Result<Vec<String>, String> {
    let listed = fs::read_dir(folder).map_err(|error| told(folder, &error))?;
    let names = listed.filter_map(Result::ok).map(|entry| entry.file_name());
    let mut names: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".test.mjs"))
        .collect();
    names.sort();
    if names.is_empty() {
        return Err(format!("there is no test in {}", folder.display()));
    }
    Ok(names)
}

/// Measures the package beside what else npm has, which is fetched for this and into a folder of its own.
///
/// # Errors
/// A tool is missing or fails, or the engines that are compared do not agree.
pub(crate) fn bench() -> Result<(), String> {
    let package = find(project()?, "tgz")?.to_string_lossy().into_owned();
    let root = root()?;
    let folder = root.join("target").join("npm-bench");
    remake(&folder)?;
    copy(&root.join("tests").join("bench").join("npm"), &folder)?;
    npm(&folder, &["install", "--no-save", "--silent"])?;
    let install = ["install", "--silent", "--no-save", "--offline", &package];
    npm(&folder, &install)?;
    let task = [
        "run",
        "--quiet",
        "-p",
        "stage0-tests",
        "--bin",
        "bench_task",
    ];
    let task = read(cargo(&task)?)?;
    let path = folder.join("task.json");
    fs::write(&path, task).map_err(|error| told(&path, &error))?;
    let bench = node_at(&folder, &["bench.mjs", &path.to_string_lossy()])?;
    succeed(bench, "bench.mjs")
}

/// A program of `tests/hosts` in Node.
///
/// # Errors
/// The package does not build, or cannot be installed.
pub(crate) fn node(script: &str, options: &[&str]) -> Result<Vec<String>, String> {
    let name = match (script, options) {
        ("node.cjs", _) => "node-require",
        (_, []) => "node",
        _ => "node-object",
    };
    let mut words = vec!["node"];
    let script = script_at(script)?;
    words.push(&script);
    words.extend(options);
    Ok(host(name, &words))
}

/// The package in Bun.
///
/// # Errors
/// As [`node`].
pub(crate) fn bun() -> Result<Vec<String>, String> {
    Ok(host("bun", &[&tool("bun")?, &script_at("node.mjs")?]))
}

/// The package in Deno, which is allowed to read and nothing else.
///
/// # Errors
/// As [`node`].
pub(crate) fn deno() -> Result<Vec<String>, String> {
    let script = script_at("node.mjs")?;
    let run = [
        "run",
        "--quiet",
        "--no-prompt",
        "--allow-read",
        "--node-modules-dir=manual",
    ];
    let mut words = vec![tool("deno")?];
    words.extend(run.map(str::to_owned));
    words.push(script);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(host("deno", &words))
}

/// The package in a worker of workerd.
///
/// # Errors
/// As [`node`].
pub(crate) fn workerd() -> Result<Vec<String>, String> {
    Ok(host("workerd", &["node", &script_at("workerd.mjs")?]))
}

/// The package in a page of a headless Chromium.
///
/// # Errors
/// As [`node`].
pub(crate) fn chromium() -> Result<Vec<String>, String> {
    setup_chromium()?;
    Ok(host(
        "chromium",
        &["node", &script_at("chromium.mjs")?, CHROMIUM.1],
    ))
}

fn host(name: &str, words: &[&str]) -> Vec<String> {
    let words = std::iter::once(&name).chain(words);
    words.map(|word| (*word).to_owned()).collect()
}

fn folder() -> Result<PathBuf, String> {
    Ok(root()?.join("npm"))
}

/// A program of a development tool.
fn module(name: &str, path: &str) -> Result<String, String> {
    let program = folder()?.join("node_modules").join(name).join(path);
    Ok(program.to_string_lossy().into_owned())
}

/// Node in a project, whose programs find the repository by `STAGE0_ROOT`.
fn node_at(project: &Path, words: &[&str]) -> Result<Command, String> {
    let mut command = program("node", words)?;
    command.current_dir(project).env("STAGE0_ROOT", root()?);
    Ok(command)
}

fn tool(name: &str) -> Result<String, String> {
    let program = folder()?.join("node_modules").join(".bin").join(name);
    Ok(program.to_string_lossy().into_owned())
}

fn script_at(name: &str) -> Result<String, String> {
    Ok(project()?.join(name).to_string_lossy().into_owned())
}

/// A project that has the package installed, and the programs of `tests/hosts`.
fn project() -> Result<&'static Path, String> {
    static PROJECT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let project = PROJECT.get_or_init(install).as_ref();
    project.map(PathBuf::as_path).map_err(String::clone)
}

fn install() -> Result<PathBuf, String> {
    build()?;
    let root = root()?;
    let project = root.join("target").join("npm-host");
    remake(&project)?;
    let packed = project.to_string_lossy().into_owned();
    npm(
        &folder()?,
        &["pack", "--silent", "--pack-destination", &packed],
    )?;
    let package = find(&project, "tgz")?;
    let manifest = project.join("package.json");
    fs::write(&manifest, "{\"private\": true}\n").map_err(|error| told(&manifest, &error))?;
    let package = package.to_string_lossy().into_owned();
    npm(
        &project,
        &["install", "--silent", "--no-save", "--offline", &package],
    )?;
    for tool in TOOLS {
        link(
            &folder()?.join("node_modules").join(tool),
            &project.join("node_modules").join(tool),
        )?;
    }
    copy(&root.join("tests").join("hosts"), &project)?;
    copy(&folder()?.join("tests"), &project.join("tests"))?;
    Ok(project)
}

/// Copies what a folder holds into another.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let copying = "require('fs').cpSync(process.argv[1], process.argv[2], { recursive: true })";
    let mut command = program("node", &["--eval", copying])?;
    command.arg(from).arg(to);
    succeed(command, "node")
}

/// Links to a folder. Node does it, which knows how on every system.
fn link(from: &Path, to: &Path) -> Result<(), String> {
    let linking = "require('fs').symlinkSync(process.argv[1], process.argv[2], 'junction')";
    let mut command = program("node", &["--eval", linking])?;
    command.arg(from).arg(to);
    succeed(command, "node")
}

/// The file with this ending.
fn find(folder: &Path, ending: &str) -> Result<PathBuf, String> {
    let listed = fs::read_dir(folder).map_err(|error| told(folder, &error))?;
    let mut paths = listed.filter_map(Result::ok).map(|entry| entry.path());
    let found = paths.find(|path| path.extension().is_some_and(|found| found == ending));
    found.ok_or_else(|| format!("there is no .{ending} in {}", folder.display()))
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = program("npm", arguments)?;
    command.current_dir(folder);
    if show(command)?.succeeded {
        Ok(())
    } else {
        Err(format!("npm {} failed", arguments.join(" ")))
    }
}
