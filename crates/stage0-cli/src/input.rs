//! Files and standard input, read with their limits.
//!
//! A file that is too long is refused before it is in memory. `-` is standard input. Names that are
//! not UTF-8 are opened as they are and shown as well as they can be.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use stage0_engine::limits::POLICY_BYTES_MAX;
use stage0_engine::request::Request;
use stage0_engine::suggest::nearest;
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::imports::{Imported, Imports};
use stage0_wire::packs::{self, PACK_PREFIX};
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, parse_request_file};

use crate::folder::{FILE_ENDINGS, FileKind, kind_of};
use crate::output::tell;
use crate::progress::Progress;

/// The name of a policy that nobody names.
pub(crate) const POLICY_HERE: &str = "policy.yaml";

/// A file's name as problems show it.
pub(crate) fn name_of(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".to_owned()
    } else {
        path.to_string_lossy().into_owned()
    }
}

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads a file or standard input of at most so many bytes.
pub(crate) fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    if is_stdin(path) {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            tell("reading from the terminal; end with Ctrl-D\n");
        }
        return read_from(stdin.lock(), path, bytes_max);
    }
    // A folder opens like a file on some systems, and fails while it is read.
    if path.is_dir() {
        let message = format!("`{}` is a folder, not a file", name_of(path));
        let problem = Problem::new(ProblemCode::FileUnreadable, message);
        let inside = path.join(POLICY_HERE);
        return Err(if inside.is_file() {
            problem.help(format!("did you mean `{}`?", name_of(&inside)))
        } else {
            problem
        });
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    read_from(file, path, bytes_max)
}

fn read_from(source: impl Read, path: &Path, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    source
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() > bytes_max {
        let message = format!("`{}` has more than {bytes_max} bytes", name_of(path));
        return Err(Problem::new(ProblemCode::FileTooLarge, message));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let name = name_of(path);
    let message = if error.kind() == io::ErrorKind::NotFound {
        format!("there is no file `{name}`")
    } else {
        format!("`{name}` cannot be read: {}", reason(error))
    };
    let problem = Problem::new(ProblemCode::FileUnreadable, message);
    match neighbour(path) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None if path.as_os_str() == POLICY_HERE => {
            problem.help("name the policy; `stage0 init` writes one to begin with")
        }
        None => problem,
    }
}

/// An error of the system without its number, which only means something to programmers.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    let first = characters.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(characters).collect()
}

/// The file beside it that was probably meant: one of the same name with another ending, or one with
/// nearly the same name. Endings alone do not make names alike.
pub(crate) fn neighbour(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let stem = path.file_stem()?.to_str()?;
    let folder = path.parent()?;
    let listed = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut names: Vec<String> = std::fs::read_dir(listed)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != wanted)
        .collect();
    names.sort();
    let stem_of = |name: &str| Some(Path::new(name).file_stem()?.to_str()?.to_owned());
    let same = names.iter().find(|name| {
        let has_ending = FILE_ENDINGS.iter().any(|ending| name.ends_with(ending));
        has_ending && stem_of(name).is_some_and(|other| other == stem)
    });
    let near = same.map(String::as_str).or_else(|| {
        let alike = names.iter().map(String::as_str).filter(|name| {
            stem_of(name)
                .is_some_and(|other| other == stem || nearest(stem, [other.as_str()]).is_some())
        });
        nearest(wanted, alike)
    })?;
    Some(folder.join(near).to_string_lossy().into_owned())
}

/// Writes a file so that at every moment either the old or the new text is there.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Problem> {
    let failed = |error: &io::Error| {
        let message = format!("`{}` cannot be written: {}", name_of(path), reason(error));
        Problem::new(ProblemCode::FileUnwritable, message)
    };
    // What a link points to is replaced, not the link.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    let fresh = target.with_file_name(name);
    let written = File::create(&fresh).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written
        .and_then(|()| std::fs::rename(&fresh, &target))
        .map_err(|error| {
            // The old file is untouched; what was begun is taken away as well as it can be.
            let _ = std::fs::remove_file(&fresh);
            failed(&error)
        })
}

/// The time, as the host that this command is.
pub(crate) fn now() -> Result<Timestamp, Problem> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .and_then(Timestamp::from_ms)
        .ok_or_else(|| {
            Problem::new(
                ProblemCode::PolicyTime,
                "the clock of this machine shows no time between 1970 and 9999",
            )
            .help("say when it is with --now")
        })
}

/// Reads and compiles a policy with the files that it imports, or a built-in one by its name.
pub(crate) fn load_policy(path: &Path) -> Result<Policy, Vec<Problem>> {
    if let Some(name) = pack_name(path) {
        return Policy::builtin(name);
    }
    let text = read(path, POLICY_BYTES_MAX).map_err(|problem| vec![problem])?;
    compile_policy(path, &text)
}

/// The built-in policy that a path names, such as `stage0/standard`. A file of a folder `stage0` is
/// still a file, unless it is called exactly as a pack: then `./` in front of it says so.
pub(crate) fn pack_name(path: &Path) -> Option<&str> {
    let name = path.to_str().filter(|name| name.starts_with(PACK_PREFIX))?;
    (packs::named(name).is_ok() || !path.exists()).then_some(name)
}

/// Compiles a policy that was read from this path.
pub(crate) fn compile_policy(path: &Path, text: &[u8]) -> Result<Policy, Vec<Problem>> {
    let _progress = Progress::of(&format!("loading {}", name_of(path)));
    let name = name_of(path);
    Policy::load(&name, text, &Files).map_err(|problems| match kind_of(text) {
        FileKind::Request => vec![
            Problem::in_file(
                &name,
                1,
                ProblemCode::PolicyMissingKey,
                "this is a request, not a policy",
            )
            .help("a policy begins with `stage0: v1`; `stage0 check REQUEST --policy POLICY` decides a request"),
        ],
        FileKind::Policy | FileKind::Tests | FileKind::Other => problems,
    })
}

/// Reads what somebody asks for.
pub(crate) fn read_request<'t>(path: &Path, text: &'t [u8]) -> Result<Request<'t>, Vec<Problem>> {
    let name = name_of(path);
    parse_request_file(&name, text).map_err(|problems| match kind_of(text) {
        FileKind::Policy => vec![
            Problem::in_file(
                &name,
                1,
                ProblemCode::RequestType,
                "this is a policy, not a request",
            )
            .help("name the policy with --policy; a request is JSON such as `{\"tool_call\": {\"name\": \"search\", \"arguments\": {}}}`"),
        ],
        FileKind::Request | FileKind::Tests | FileKind::Other => problems,
    })
}

/// Imported files, relative to the file that imports them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files;

impl Imports for Files {
    fn find(&self, from: &str, wanted: &str) -> Option<Imported> {
        let path = beside(Path::new(from), Path::new(wanted));
        // One byte more than the limit is enough for the reader to refuse it by its own words.
        let mut bytes = Vec::new();
        let most = u64::try_from(POLICY_BYTES_MAX).unwrap_or(u64::MAX);
        File::open(&path)
            .ok()
            .filter(|_| path.is_file())?
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .ok()?;
        Some(Imported::new(path.to_string_lossy(), bytes))
    }

    fn nearest(&self, from: &str, wanted: &str) -> Option<String> {
        let path = beside(Path::new(from), Path::new(wanted));
        let near = neighbour(&path)?;
        let name = Path::new(&near).file_name()?.to_str()?.to_owned();
        let folder = Path::new(wanted)
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let near = folder.map_or_else(|| PathBuf::from(&name), |folder| folder.join(&name));
        Some(near.to_string_lossy().into_owned())
    }
}

/// The path of what a file names, without `.` and, where they lead back, `..`: two ways of naming one
/// file come to one path.
pub(crate) fn beside(from: &Path, wanted: &Path) -> PathBuf {
    let joined = from.parent().unwrap_or(Path::new("")).join(wanted);
    let mut path = PathBuf::new();
    for component in joined.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(path.components().next_back(), Some(Component::Normal(_))) =>
            {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path
}
