//! Files and standard input, read with their limits.
//!
//! A file that is too long is refused before it is in memory. `-` is standard input. Names that are
//! not UTF-8 are opened as they are and shown as well as they can be.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use stage0_engine::suggest::nearest;
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use crate::output::tell;

/// The name of a policy that nobody names.
pub(crate) const POLICY_HERE: &str = "policy.yaml";

/// How the names of files end that may be ours.
pub(crate) const FILE_ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

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

/// What is wrong with a file that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Problem {
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

/// Waits until nobody else is about to replace a file, and keeps others waiting as long as it is held. The
/// lock is a file beside it, for the file itself is another one each time.
pub(crate) fn lock_beside(path: &Path) -> Result<File, Problem> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    let locked = options.open(&name).and_then(|file| {
        file.lock()?;
        Ok(file)
    });
    locked.map_err(|error| {
        let name = name_of(Path::new(&name));
        let message = format!("`{name}` cannot be locked: {}", reason(&error));
        Problem::new(ProblemCode::FileUnwritable, message)
    })
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
