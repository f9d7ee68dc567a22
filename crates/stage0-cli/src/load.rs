//! Policies and requests that somebody names, loaded with what they import.
//!
//! A policy that is given as a request, or the other way round, is told so instead of being taken
//! apart key by key.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use stage0_engine::limits::POLICY_BYTES_MAX;
use stage0_engine::request::Request;
use stage0_wire::codes::ProblemCode;
use stage0_wire::imports::{Imported, Imports};
use stage0_wire::packs::{self, PACK_PREFIX};
use stage0_wire::problem::Problem;
use stage0_wire::{Policy, parse_request_file};

use crate::folder::{FileKind, kind_of};
use crate::input::{beside, name_of, neighbour, read};
use crate::progress::Progress;

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
