//! `cargo xtask setup`: what the tests need from package registries, fetched once.
//!
//! Only ordinary package clients are used, by package name and version; where they fetch from is
//! their own configuration. Everything lands under `target`, so `cargo clean` undoes it.

use std::path::{Path, PathBuf};

use crate::command::{program, root, show};

/// The CEL conformance suite as JSON, by its authors' JavaScript implementation.
const CEL_SPEC: &str = "@bufbuild/cel-spec";
const CEL_SPEC_VERSION: &str = "0.6.1";

/// The environment variable that tells tests where the suite's package is unpacked.
pub(crate) const CEL_SPEC_VARIABLE: &str = "STAGE0_CEL_SPEC";

/// Fetches everything.
///
/// # Errors
/// A package client is missing or fails.
pub(crate) fn run(_: &[String]) -> Result<(), String> {
    let folder = cel_spec()?;
    println!("{CEL_SPEC} {CEL_SPEC_VERSION}: {}", folder.display());
    Ok(())
}

/// The folder of the CEL suite's package, fetched if it is not there.
///
/// # Errors
/// npm is missing or fails.
pub(crate) fn cel_spec() -> Result<PathBuf, String> {
    let place = root()?.join("target").join("cel-spec");
    let folder = place.join("node_modules").join(CEL_SPEC);
    if has_version(&folder, CEL_SPEC_VERSION) {
        return Ok(folder);
    }
    std::fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let mut npm = program(
        "npm",
        &[
            "install",
            "--no-save",
            "--no-package-lock",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
        ],
    )?;
    npm.arg(&place)
        .arg(format!("{CEL_SPEC}@{CEL_SPEC_VERSION}"));
    let finished = show(npm)
        .map_err(|error| format!("{error}; the CEL suite comes from npm, install Node.js"))?;
    if finished.succeeded && has_version(&folder, CEL_SPEC_VERSION) {
        return Ok(folder);
    }
    Err(format!("npm could not fetch {CEL_SPEC} {CEL_SPEC_VERSION}"))
}

/// Whether a package of this version is unpacked in a folder.
fn has_version(folder: &Path, version: &str) -> bool {
    let manifest = std::fs::read_to_string(folder.join("package.json")).unwrap_or_default();
    manifest.contains(&format!("\"version\": \"{version}\""))
}
