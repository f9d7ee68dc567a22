//! Folders: which files stand in them, and what each is.
//!
//! A file is known by its outermost keys, not by its name. What a file means is left to those who load
//! it.

use std::path::{Path, PathBuf};

use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::{Problem, Problems};
use stage0_wire::sources::Sources;
use stage0_wire::tree::{NodeValue, Tree};

use crate::input::{FILE_ENDINGS, name_of, reason};

/// Folders that hold other people's files.
const FOLDERS_PASSED_OVER: [&str; 3] = ["node_modules", "target", "__pycache__"];

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Policy,
    Tests,
    Request,
    Other,
}

/// What a file is, by its outermost keys.
pub(crate) fn kind_of(bytes: &[u8]) -> FileKind {
    let mut sources = Sources::new();
    let Ok(file) = sources.add_bytes("", bytes.to_vec()) else {
        return FileKind::Other;
    };
    let mut problems = Problems::new();
    let Some(tree) = Tree::parse(&sources, file, &mut problems) else {
        // Something that would be a policy, if it could be read.
        let text = sources.text(file);
        let begins = |line: &str| line.starts_with("stage0:") || line.contains("\"stage0\":");
        return if text.lines().any(begins) {
            FileKind::Policy
        } else {
            FileKind::Other
        };
    };
    match &tree.root.value {
        NodeValue::Map(entries) => {
            let has = |key: &str| entries.iter().any(|(name, _)| name.value == key);
            if has("stage0") {
                FileKind::Policy
            } else if has("tests") {
                FileKind::Tests
            } else if has("tool_call") || has("goal") {
                FileKind::Request
            } else {
                FileKind::Other
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
                FileKind::Other
            }
        }
        _ => FileKind::Other,
    }
}

/// The YAML and JSON files in a folder and its folders, in the order of their names.
pub(crate) fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
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
            } else if kind.is_file() && FILE_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
