//! What every dependency, direct or not, must be: under a licence that we can ship, from the registry,
//! and there once.
//!
//! It reads `cargo metadata`, so it needs nothing but cargo. Known weaknesses of dependencies are not looked
//! up here: their list is no registry package, and a hosting service's alerts watch the lock file.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::command::{Tally, cargo, read};

/// Licences that ask for nothing but their text, and ours.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Where dependencies may come from; our own have no source.
const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Dependencies that are there in more than one version, each with its reason. One that is not there any
/// more has to go from this list.
const SEVERAL: &[(&str, &str)] = &[
    ("block-buffer", OF_JWT_COMPACT),
    ("cpufeatures", OF_JWT_COMPACT),
    ("crypto-common", OF_JWT_COMPACT),
    ("digest", OF_JWT_COMPACT),
    ("rand_core", OF_JWT_COMPACT),
    (
        "getrandom",
        "ring, which rustls stands on, has an older one",
    ),
    ("sha2", OF_JWT_COMPACT),
    (
        "windows-sys",
        "ring has an older one; neither is built here",
    ),
    (
        "syn",
        "curve25519-dalek derives with the older one, everybody else with the newer; neither is shipped",
    ),
];

/// Of the tests alone: what nobody shares with us is what makes it independent.
const OF_JWT_COMPACT: &str = "jwt-compact, which verifies test vectors, has older hashes";

/// Holds every dependency to that.
///
/// # Errors
/// One is not so.
pub(crate) fn check() -> Result<Tally, String> {
    let metadata = read(cargo(&["metadata", "--format-version", "1", "--locked"])?)?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let packages = packages.ok_or("`cargo metadata` lists no packages")?;
    let findings = findings(packages, SEVERAL);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        return Err(format!("{} findings", findings.len()));
    }
    println!("{} packages", packages.len());
    Ok(Tally {
        passed: u64::try_from(packages.len()).unwrap_or(u64::MAX),
        failed: 0,
    })
}

fn findings(packages: &[Value], several: &[(&str, &str)]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let text = |key: &str| package.get(key).and_then(Value::as_str);
        let name = text("name").unwrap_or("a package without a name");
        versions
            .entry(name)
            .or_default()
            .push(text("version").unwrap_or("?"));
        match text("license") {
            Some(licence) if is_allowed(licence) => {}
            licence => findings.push(format!("{name}: its licence is {licence:?}")),
        }
        if let Some(source) = text("source").filter(|source| *source != SOURCE) {
            findings.push(format!("{name}: comes from `{source}`"));
        }
    }
    for (name, versions) in &versions {
        let is_known = several.iter().any(|(known, _)| known == name);
        if (versions.len() > 1) != is_known {
            findings.push(format!("{name}: there in {}", versions.join(" and ")));
        }
    }
    for (name, _) in several {
        if !versions.contains_key(name) {
            findings.push(format!("{name}: not there any more"));
        }
    }
    findings
}

/// Whether what an SPDX expression demands is allowed: `AND` demands both, `OR` (once written `/`) leaves
/// the choice. `AND` binds more tightly.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut rest = expression.replace('(', " ( ").replace(')', " ) ");
    // From the innermost brackets outwards, each replaced by what came of it.
    while let Some(close) = rest.find(')') {
        let Some(open) = rest.get(..close).and_then(|before| before.rfind('(')) else {
            return false;
        };
        let inner = rest.get(open.saturating_add(1)..close).unwrap_or_default();
        let word = if flat(inner) { " MIT " } else { " forbidden " };
        rest.replace_range(open..=close, word);
    }
    !rest.contains('(') && flat(&rest)
}

fn flat(expression: &str) -> bool {
    let words: Vec<&str> = expression.split_whitespace().collect();
    let mut choices = words.split(|word| *word == "OR");
    choices.any(|choice| {
        let mut demands = choice.split(|word| *word == "AND");
        demands.all(|demand| ALLOWED.contains(&demand.join(" ").as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::{findings, is_allowed};
    use serde_json::json;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        for (expression, expected) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT", true),
            ("GPL-3.0-only AND MIT", false),
            ("MIT AND GPL-3.0-only OR ISC", true),
            ("(MIT OR GPL-3.0-only) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0", true),
            ("", false),
            ("(MIT", false),
            ("MIT)", false),
        ] {
            assert_eq!(is_allowed(expression), expected, "{expression}");
        }
    }

    #[test]
    fn each_check_finds_what_it_is_for() {
        let registry = super::SOURCE;
        let packages = [
            json!({"name": "ours", "version": "1.0.0", "license": "Apache-2.0", "source": null}),
            json!({"name": "a", "version": "1.0.0", "license": "MIT", "source": registry}),
            json!({"name": "a", "version": "2.0.0", "license": "MIT", "source": registry}),
            json!({"name": "b", "version": "1.0.0", "license": null, "source": registry}),
            json!({"name": "c", "version": "1.0.0", "license": "MIT", "source": "git+https://example.org"}),
        ];
        let found = findings(&packages, &[("c", "gone"), ("d", "gone")]);
        let expected = [
            "b: its licence is None",
            "c: comes from `git+https://example.org`",
            "a: there in 1.0.0 and 2.0.0",
            "c: there in 1.0.0",
            "d: not there any more",
        ];
        assert_eq!(found, expected);
    }
}
