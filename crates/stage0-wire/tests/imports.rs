//! What policies build on: found once, linked, named by what it says.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]

use stage0_engine::limits::POLICY_FILES_MAX;
use stage0_wire::imports::{ImportMap, Imported, NoImports};
use stage0_wire::load::{Loaded, load};
use stage0_wire::packs::{PACKS, pack};
use stage0_wire::problem::Problem;

/// A policy's text.
fn policy(name: &str, rest: &str) -> String {
    format!("stage0: v1\nname: {name}\nversion: 1.0.0\n{rest}\n")
}

fn loaded(root: &str, files: &ImportMap) -> Loaded {
    load("main.yaml", root, files).unwrap()
}

fn codes(problems: &[Problem]) -> Vec<&'static str> {
    problems
        .iter()
        .map(|problem| problem.code().as_str())
        .collect()
}

/// The imports of each file as `name+` where allow rules count, else `name`.
fn graph(loaded: &Loaded) -> Vec<(String, Vec<String>)> {
    let sources = &loaded.set.sources;
    let imports = |list: &[stage0_engine::policy::Import]| {
        let named = list.iter().map(|import| {
            let sign = if import.allows { "+" } else { "" };
            format!("{}{sign}", sources[import.source].name.value)
        });
        named.collect::<Vec<_>>()
    };
    sources
        .iter()
        .map(|source| {
            let mut all = imports(&source.extends);
            all.extend(imports(&source.layers));
            (source.name.value.clone(), all)
        })
        .collect()
}

fn row(name: &str, imports: &[&str]) -> (String, Vec<String>) {
    let imports = imports.iter().map(|import| String::from(*import));
    (String::from(name), imports.collect())
}

#[test]
fn a_file_that_is_imported_twice_is_read_once() {
    let files = ImportMap::from([
        ("x/a.yaml", policy("a", "extends: ../base.yaml")),
        (
            "x/b.yaml",
            policy(
                "b",
                "extends: [{ file: ../x/../base.yaml, allows: true }, ./a.yaml]",
            ),
        ),
        ("base.yaml", policy("base", "")),
    ]);
    let loaded = loaded(&policy("main", "extends: [./x/a.yaml, ./x/b.yaml]"), &files);
    assert_eq!(
        graph(&loaded),
        [
            row("main", &["a", "b"]),
            row("a", &["base"]),
            row("b", &["base+", "a"]),
            row("base", &[]),
        ]
    );
    let names: Vec<&str> = (0..4).map(|file| loaded.sources.name(file)).collect();
    assert_eq!(names, ["main.yaml", "x/a.yaml", "x/b.yaml", "base.yaml"]);
}

#[test]
fn layers_count_in_full() {
    let files = ImportMap::from([
        ("org.yaml", policy("org", "")),
        ("team.yaml", policy("team", "")),
    ]);
    let loaded = loaded(
        &policy("main", "layers: [./org.yaml, { file: team.yaml }]"),
        &files,
    );
    assert_eq!(graph(&loaded)[0], row("main", &["org+", "team+"]));
    assert!(loaded.compile().is_ok());
}

#[test]
fn a_function_finds_files_as_well() {
    let find = |from: &str, wanted: &str| {
        assert_eq!((from, wanted), ("main.yaml", "acme/base"));
        Some(Imported::new("s3://policies/base", policy("base", "")))
    };
    let root = policy("main", "extends: { pack: acme/base }");
    let loaded = load("main.yaml", root, &find).unwrap();
    assert_eq!(loaded.sources.name(1), "s3://policies/base");
}

#[test]
fn places_of_findings_are_in_their_own_file() {
    let files = ImportMap::from([("a.yaml", policy("a", "rules: [{ id: x, deny: args.x == }]"))]);
    let loaded = loaded(&policy("main", "extends: ./a.yaml"), &files);
    let problems = loaded.compile().unwrap_err();
    assert_eq!(codes(&problems), ["CONDITION_SYNTAX"]);
    assert_eq!(problems[0].locations()[0].file, "a.yaml");
}

#[test]
fn only_the_root_brings_its_tests() {
    let test = "tests: [{ name: a, call: { name: b }, expect: DENY }]";
    let files = ImportMap::from([("a.yaml", policy("a", test))]);
    let loaded = loaded(
        &policy("main", &format!("extends: ./a.yaml\n{test}")),
        &files,
    );
    assert_eq!(loaded.tests.len(), 1);
    assert_eq!(loaded.tests[0].span.file, 0);
}

#[test]
fn warnings_do_not_keep_a_policy_from_being_read() {
    let root = policy("main", "description: a #b");
    let loaded = load("main.yaml", root, &NoImports).unwrap();
    assert_eq!(codes(&loaded.warnings), ["YAML_COMMENT"]);
    let root = policy("main", "description: a #b\nrule: []");
    let problems = load("main.yaml", root, &NoImports).unwrap_err();
    assert_eq!(codes(&problems), ["YAML_COMMENT", "POLICY_UNKNOWN_KEY"]);
}

#[test]
fn the_number_of_files_is_limited() {
    let mut files = ImportMap::new();
    for file in 0..=POLICY_FILES_MAX {
        let next = format!("extends: ./{}.yaml", file + 1);
        files.insert(&format!("{file}.yaml"), policy(&format!("p{file}"), &next));
    }
    let problems = load("main.yaml", policy("main", "extends: ./0.yaml"), &files).unwrap_err();
    assert_eq!(codes(&problems), ["POLICY_TOO_MANY_FILES"]);

    let mut files = ImportMap::new();
    for file in 1..POLICY_FILES_MAX {
        let next = format!("extends: ./{}.yaml", file + 1);
        let rest = if file + 1 < POLICY_FILES_MAX {
            next
        } else {
            String::new()
        };
        files.insert(&format!("{file}.yaml"), policy(&format!("p{file}"), &rest));
    }
    let loaded = loaded(&policy("main", "extends: ./1.yaml"), &files);
    assert_eq!(loaded.set.sources.len(), POLICY_FILES_MAX);
}

#[test]
fn the_digest_follows_what_imports_say_and_not_where_they_are() {
    let digest = |root: &str, files: &ImportMap| loaded(&policy("main", root), files).set.digest;
    let base = policy("base", "rules: [{ id: a, deny: args.x == 1 }]");
    let here = ImportMap::from([("base.yaml", base.clone())]);
    let first = digest("extends: ./base.yaml", &here);
    let moved = ImportMap::from([(
        "shared/b.json",
        r#"{"stage0": "v1", "version": "1.0.0", "name": "base", "description": "moved",
            "rules": [{"deny": "args.x == 1", "id": "a"}]}"#,
    )]);
    assert_eq!(first, digest("extends: [{ file: shared/b.json }]", &moved));
    let allowing = digest("extends: [{ file: ./base.yaml, allows: true }]", &here);
    let layered = digest("layers: ./base.yaml", &here);
    let changed = ImportMap::from([("base.yaml", base.replace("== 1", "== 2"))]);
    let changed = digest("extends: ./base.yaml", &changed);
    for other in [allowing, layered, changed, digest("", &here)] {
        assert_ne!(first, other);
    }
}

#[test]
fn packs_are_in_order() {
    for pack in PACKS {
        let root = format!(
            "extends: [{{ pack: {}@{}, allows: true }}]",
            pack.name, pack.version
        );
        let loaded = load("main.yaml", policy("main", &root), &NoImports).unwrap();
        let source = &loaded.set.sources[1];
        assert_eq!(
            (source.name.value.as_str(), source.version.value.as_str()),
            (pack.name, pack.version)
        );
        assert!(source.description.is_some());
        let checked = loaded.compile();
        assert!(checked.is_ok(), "{checked:?}");
    }
    assert!(PACKS.is_sorted_by_key(|pack| pack.name));
    assert_eq!(
        pack("stage0/common-tools").map(|pack| pack.version),
        Some("1.0.0")
    );
}

#[test]
fn the_common_tools_are_known_by_the_names_that_frameworks_give_them() {
    let root = "extends: [{ pack: stage0/common-tools, allows: true }]\nrules:\n  \
                - { id: no-code, effects: code_execution, deny: true }\n  \
                - { id: reading, effects: data_read, allow: true }\n  \
                - { id: mail, tools: email.send, approval: {} }";
    let loaded = load("main.yaml", policy("main", root), &NoImports).unwrap();
    assert!(loaded.compile().is_ok());
    let catalog = &loaded.set.sources[1].tools;
    let known = |name: &str| {
        let mut tools = catalog.iter();
        tools
            .find(|tool| tool.aka.iter().any(|aka| aka.value == name))
            .map(|tool| tool.name.value.as_str())
    };
    for (name, tool) in [
        ("Bash", "shell.run"),
        ("bash", "shell.run"),
        ("kubectl", "kubernetes.kubectl"),
        ("terraform", "infrastructure.terraform"),
        ("WebFetch", "web.fetch"),
        ("read_file", "files.read"),
        ("apply_patch", "files.edit"),
        ("send_email", "email.send"),
        ("slack_post_message", "chat.send"),
    ] {
        assert_eq!(known(name), Some(tool), "{name}");
    }
    // Every tool says what it does, in a class and in words.
    for tool in catalog {
        assert!(
            tool.description
                .as_ref()
                .is_some_and(|text| text.ends_with('.')),
            "{tool:?}"
        );
        assert!(tool.args.is_none());
    }
}
