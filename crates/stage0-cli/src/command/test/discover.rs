//! Which tests there are, and which policy each is for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use stage0_engine::limits::POLICY_BYTES_MAX;
use stage0_wire::cases::{TestCase, read_tests};
use stage0_wire::codes::ProblemCode;
use stage0_wire::packs::pack;
use stage0_wire::problem::{Problem, Problems};
use stage0_wire::sources::Sources;
use stage0_wire::tree::{NodeValue, Tree};

use crate::input::{beside, name_of, read, reason};

/// Folders that hold other people's files.
const FOLDERS_PASSED_OVER: [&str; 3] = ["node_modules", "target", "__pycache__"];
/// The name of the policy that files of tests are for if they do not say so.
const POLICY_BESIDE: &str = "policy.yaml";

/// The tests of one policy.
#[derive(Debug)]
pub(super) struct Group {
    /// Its file, or the name of a pack.
    pub(super) policy: PathBuf,
    /// The policy's text where it was asked for itself, so that its own tests are run, too. It is kept
    /// because standard input is read only once.
    pub(super) text: Option<Vec<u8>>,
    pub(super) files: Vec<CaseFile>,
}

/// A file of tests.
#[derive(Debug)]
pub(super) struct CaseFile {
    pub(super) sources: Sources,
    pub(super) cases: Vec<TestCase>,
}

/// What there is to run.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) groups: Vec<Group>,
    /// What is wrong with files that are, or were said to be, of tests.
    pub(super) problems: Vec<Problem>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Policy,
    Tests,
    Neither,
}

/// Finds the tests of files and folders; of this folder if none is named.
pub(super) fn discover(paths: &[PathBuf]) -> Result<Found, Problem> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut groups: BTreeMap<PathBuf, Group> = BTreeMap::new();
    let mut problems = Vec::new();
    // A file that is named twice is run once.
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    for path in paths {
        let path = &beside(Path::new(""), path);
        if path.is_dir() || path.as_os_str().is_empty() {
            for file in files_in(path)?
                .into_iter()
                .filter(|file| seen.insert(file.clone()))
            {
                // What cannot be read in a folder is no test of ours.
                let Ok(bytes) = read(&file, POLICY_BYTES_MAX) else {
                    continue;
                };
                let kind = kind_of(&bytes);
                add(&mut groups, &mut problems, file, kind, bytes);
            }
        } else if seen.insert(path.clone()) {
            let bytes = read(path, POLICY_BYTES_MAX)?;
            // What is named is meant: if it is neither, loading it as a policy says what is wrong.
            let kind = match kind_of(&bytes) {
                FileKind::Neither => FileKind::Policy,
                kind => kind,
            };
            add(&mut groups, &mut problems, path.clone(), kind, bytes);
        }
    }
    Ok(Found {
        groups: groups.into_values().collect(),
        problems,
    })
}

fn add(
    groups: &mut BTreeMap<PathBuf, Group>,
    problems: &mut Vec<Problem>,
    path: PathBuf,
    kind: FileKind,
    bytes: Vec<u8>,
) {
    let mut group_of = |policy: PathBuf, text: Option<Vec<u8>>, file: Option<CaseFile>| {
        let group = groups.entry(policy.clone()).or_insert(Group {
            policy,
            text: None,
            files: Vec::new(),
        });
        group.text = text.or(group.text.take());
        group.files.extend(file);
    };
    match kind {
        FileKind::Neither => {}
        FileKind::Policy => group_of(path, Some(bytes), None),
        FileKind::Tests => match read_file(&path, bytes) {
            Ok((policy, file)) => group_of(policy, None, Some(file)),
            Err(found) => problems.extend(found),
        },
    }
}

fn read_file(path: &Path, bytes: Vec<u8>) -> Result<(PathBuf, CaseFile), Vec<Problem>> {
    let mut sources = Sources::new();
    let file = sources
        .add_bytes(name_of(path), bytes)
        .map_err(|problem| vec![problem])?;
    let mut problems = Problems::new();
    let tests = read_tests(&sources, file, &mut problems);
    match tests {
        Some(tests) if !problems.has_errors() => {
            let named = tests.policy.as_ref().map(|policy| policy.value.as_str());
            if let Some(pack) = named.and_then(pack) {
                let cases = tests.cases;
                return Ok((PathBuf::from(pack.name), CaseFile { sources, cases }));
            }
            let policy = tests.policy.as_ref();
            let policy = policy.map_or(POLICY_BESIDE, |policy| policy.value.as_str());
            let policy = beside(path, Path::new(policy));
            if !policy.is_file() {
                let message = format!("there is no policy `{}` for these tests", name_of(&policy));
                let code = ProblemCode::PolicyRequired;
                let problem = match &tests.policy {
                    Some(named) => Problem::at(&sources, named.span, code, message),
                    None => Problem::in_file(&name_of(path), 1, code, message),
                };
                let help = "name it in the file, as in `policy: ../payments.yaml`";
                return Err(vec![problem.help(help)]);
            }
            let cases = tests.cases;
            Ok((policy, CaseFile { sources, cases }))
        }
        _ => Err(problems.finish()),
    }
}

/// Whether a file is a policy, a file of tests, or something else, by its outermost keys.
fn kind_of(bytes: &[u8]) -> FileKind {
    let mut sources = Sources::new();
    let Ok(file) = sources.add_bytes("", bytes.to_vec()) else {
        return FileKind::Neither;
    };
    let mut problems = Problems::new();
    let Some(tree) = Tree::parse(&sources, file, &mut problems) else {
        // Something that would be a policy, if it could be read.
        let text = sources.text(file);
        let begins = |line: &str| line.starts_with("stage0:") || line.contains("\"stage0\":");
        return if text.lines().any(begins) {
            FileKind::Policy
        } else {
            FileKind::Neither
        };
    };
    match &tree.root.value {
        NodeValue::Map(entries) => {
            let has = |key: &str| entries.iter().any(|(name, _)| name.value == key);
            match (has("stage0"), has("tests")) {
                (true, _) => FileKind::Policy,
                (false, true) => FileKind::Tests,
                (false, false) => FileKind::Neither,
            }
        }
        NodeValue::List(items) => {
            let is_case = items.first().is_some_and(|item| match &item.value {
                NodeValue::Map(entries) => {
                    let has = |key: &str| entries.iter().any(|(name, _)| name.value == key);
                    has("name") && (has("expect") || has("steps"))
                }
                _ => false,
            });
            if is_case {
                FileKind::Tests
            } else {
                FileKind::Neither
            }
        }
        _ => FileKind::Neither,
    }
}

/// The YAML and JSON files in a folder and its folders, in the order of their names.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let here = folder.as_os_str().is_empty();
        let listed = if here { Path::new(".") } else { &folder };
        let entries = std::fs::read_dir(listed).map_err(|error| {
            let message = format!("`{}` cannot be read: {}", name_of(listed), reason(&error));
            Problem::new(ProblemCode::FileUnreadable, message)
        })?;
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Links are not followed: they could lead in circles.
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let path = folder.join(entry.file_name());
            if kind.is_dir() && !FOLDERS_PASSED_OVER.contains(&&*name) {
                waiting.push(path);
            } else if kind.is_file()
                && [".yaml", ".yml", ".json"]
                    .iter()
                    .any(|ending| name.ends_with(ending))
            {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
