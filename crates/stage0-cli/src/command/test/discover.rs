//! Which tests there are, and which policy each is for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use stage0_engine::limits::POLICY_BYTES_MAX;
use stage0_wire::cases::{TestCase, read_tests};
use stage0_wire::codes::ProblemCode;
use stage0_wire::packs::pack;
use stage0_wire::problem::{Problem, Problems};
use stage0_wire::sources::Sources;

use crate::folder::{FileKind, files_in, kind_of};
use crate::input::{POLICY_HERE, beside, name_of, neighbour, read};

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
                FileKind::Request | FileKind::Other => FileKind::Policy,
                kind @ (FileKind::Policy | FileKind::Tests) => kind,
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
        FileKind::Request | FileKind::Other => {}
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
        .map_err(|error| vec![error.into()])?;
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
            let policy = policy.map_or(POLICY_HERE, |policy| policy.value.as_str());
            let policy = beside(path, Path::new(policy));
            if !policy.is_file() {
                let message = format!("there is no policy `{}` for these tests", name_of(&policy));
                let code = ProblemCode::PolicyRequired;
                let problem = match &tests.policy {
                    Some(named) => Problem::at(&sources, named.span, code, message),
                    None => Problem::in_file(&name_of(path), 1, code, message),
                };
                let wanted = neighbour(&policy)
                    .and_then(|near| Some(Path::new(&near).file_name()?.to_str()?.to_owned()));
                let named = wanted.as_deref().unwrap_or("../payments.yaml");
                let help = format!("name it in the file, as in `policy: {named}`");
                return Err(vec![problem.help(help)]);
            }
            let cases = tests.cases;
            Ok((policy, CaseFile { sources, cases }))
        }
        _ => Err(problems.finish()),
    }
}
