//! What manifests and lock files say: which crate may depend on which, why on what, and in which version.

use super::Files;

/// What each crate of ours may depend on, of ours. An edge that is not here is a decision about the
/// architecture: ARCHITECTURE.md draws this graph.
const CRATE_GRAPH: &[(&str, &[&str])] = &[
    ("stage0-engine", &[]),
    ("stage0-wire", &["stage0-engine"]),
    ("stage0-audit", &["stage0-engine", "stage0-wire"]),
    (
        "stage0-store",
        &["stage0-audit", "stage0-engine", "stage0-wire"],
    ),
    (
        "stage0-server",
        &[
            "stage0-audit",
            "stage0-engine",
            "stage0-store",
            "stage0-wire",
        ],
    ),
    (
        "stage0-mcp",
        &[
            "stage0-audit",
            "stage0-engine",
            "stage0-store",
            "stage0-wire",
        ],
    ),
    (
        "stage0-cli",
        &[
            "stage0-audit",
            "stage0-engine",
            "stage0-mcp",
            "stage0-server",
            "stage0-store",
            "stage0-wire",
        ],
    ),
    (
        "stage0-wasm",
        &["stage0-audit", "stage0-engine", "stage0-wire"],
    ),
    (
        "stage0-python",
        &[
            "stage0-audit",
            "stage0-cli",
            "stage0-engine",
            "stage0-store",
            "stage0-wire",
        ],
    ),
];

/// Crates that are not shipped may depend on any other.
const UNSHIPPED: &[&str] = &["stage0-tests", "xtask"];

/// What the engine depends on, exactly: it decides, so every line of code in it is a line to trust.
const ENGINE_DEPENDENCIES: &[&str] = &[
    "bumpalo",
    "ed25519-dalek",
    "regex-lite",
    "rustc-hash",
    "sha2",
    "smallvec",
    "strsim",
];

/// The one address in lock files: the name by which cargo knows its registry.
const REGISTRY_NAME: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A manifest's sections with the lines in each, comments and blank lines left out.
pub(super) fn sections(manifest: &str) -> Vec<(&str, Vec<&str>)> {
    let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            sections.push((header.trim_end_matches(']'), Vec::new()));
        } else if let Some((_, lines)) = sections.last_mut() {
            lines.push(line);
        }
    }
    sections
}

/// Whether a package is a workspace of its own, as what is built with a sanitizer has to be: it takes
/// no versions from ours.
fn stands_alone(path: &str, manifest: &str) -> bool {
    let is_root = !path.contains('/');
    !is_root
        && sections(manifest)
            .iter()
            .any(|(section, _)| *section == "workspace")
}

/// The key of a manifest's line: `name` of `name.workspace = true` and of `name = "1"`.
pub(super) fn key(line: &str) -> &str {
    line.split(['.', '=', ' ']).next().unwrap_or(line)
}

/// A package's name, and the names of what it depends on, for each manifest.
pub(super) fn packages(files: &Files) -> Vec<(&str, &str, Vec<&str>)> {
    let mut packages = Vec::new();
    for (path, text) in files.ending("Cargo.toml") {
        if stands_alone(path, text) {
            continue;
        }
        let mut name = None;
        let mut dependencies = Vec::new();
        for (section, lines) in sections(text) {
            if section == "package" {
                let line = lines.iter().find(|line| key(line) == "name");
                name = line.and_then(|line| line.split('"').nth(1));
            } else if section == "dependencies" || section.ends_with(".dependencies") {
                dependencies.extend(lines.into_iter().map(key));
            }
        }
        // The workspace's own manifest has no package, and its table of versions is no dependency.
        if let Some(name) = name {
            packages.push((path, name, dependencies));
        }
    }
    packages
}

pub(super) fn crates_depend_one_way(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, name, dependencies) in packages(files) {
        if UNSHIPPED.contains(&name) || path.starts_with("examples/") {
            continue;
        }
        let Some((_, allowed)) = CRATE_GRAPH.iter().find(|(known, _)| *known == name) else {
            findings.push(format!("{path}: the crate graph does not have `{name}`"));
            continue;
        };
        for dependency in dependencies {
            let is_ours = dependency.starts_with("stage0-") || UNSHIPPED.contains(&dependency);
            if is_ours && !allowed.contains(&dependency) {
                findings.push(format!("{path}: `{name}` may not depend on `{dependency}`"));
            }
        }
    }
    findings
}

pub(super) fn the_engine_depends_on_little(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, name, dependencies) in packages(files) {
        if name != "stage0-engine" {
            continue;
        }
        for dependency in dependencies {
            if !ENGINE_DEPENDENCIES.contains(&dependency) {
                findings.push(format!(
                    "{path}: the engine does not depend on `{dependency}`"
                ));
            }
        }
    }
    findings
}

pub(super) fn dependencies_have_reasons(files: &Files) -> Vec<String> {
    let manifest = files.text("Cargo.toml").unwrap_or_default();
    let mut findings = Vec::new();
    for (section, lines) in sections(manifest) {
        if section != "workspace.dependencies" {
            continue;
        }
        let silent = lines
            .into_iter()
            .filter(|line| !line.contains('#') && !line.contains("path = "));
        findings.extend(
            silent.map(|line| format!("Cargo.toml: `{}` has no reason behind it", key(line))),
        );
    }
    // One table of versions and reasons: members take theirs from it.
    for (path, text) in files.ending("/Cargo.toml") {
        for (section, lines) in sections(text) {
            if !section.ends_with("dependencies") || stands_alone(path, text) {
                continue;
            }
            let own = lines
                .into_iter()
                .filter(|line| !line.contains("workspace = true"));
            findings.extend(
                own.map(|line| format!("{path}: `{}` is not taken from the workspace", key(line))),
            );
        }
    }
    findings
}

pub(super) fn lock_files_name_no_address(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for end in [".lock", "-lock.json", "-lock.yaml"] {
        for (name, text) in files.ending(end) {
            for (number, line) in (1..).zip(text.lines()) {
                // npm copies into its lock files where a package's authors take donations.
                let is_funding = line.trim_start().starts_with("\"url\": ");
                if line.contains("://") && !line.contains(REGISTRY_NAME) && !is_funding {
                    findings.push(format!(
                        "{name}:{number}: a download address in a lock file"
                    ));
                }
            }
        }
    }
    findings
}

pub(super) fn versions_agree(files: &Files) -> Vec<String> {
    let manifest = files.text("Cargo.toml").unwrap_or_default();
    let version = sections(manifest)
        .into_iter()
        .find(|(section, _)| *section == "workspace.package");
    let version =
        version.and_then(|(_, lines)| lines.into_iter().find(|line| key(line) == "version"));
    let Some(version) = version.and_then(|line| line.split('"').nth(1)) else {
        return vec!["Cargo.toml: the workspace has no version".to_owned()];
    };
    let mut findings = Vec::new();
    for (path, text) in files.ending("Cargo.toml") {
        for (section, lines) in sections(text) {
            let own = lines.iter().any(|line| line.starts_with("version = "));
            if section == "package" && own {
                findings.push(format!(
                    "{path}: a version of its own; write `version.workspace = true`"
                ));
            }
            let ours = lines
                .iter()
                .filter(|line| section == "workspace.dependencies" && line.contains("path = "));
            let differing = ours.filter(|line| !line.contains(&format!("version = \"{version}\"")));
            findings.extend(
                differing
                    .map(|line| format!("{path}: `{}` is not of version {version}", key(line))),
            );
        }
    }
    let packages = [
        ("npm/package.json", format!("\"version\": \"{version}\"")),
        ("python/pyproject.toml", format!("version = \"{version}\"")),
    ];
    for (path, wanted) in packages {
        if files.text(path).is_some_and(|text| !text.contains(&wanted)) {
            findings.push(format!("{path}: not of version {version}"));
        }
    }
    findings
}
