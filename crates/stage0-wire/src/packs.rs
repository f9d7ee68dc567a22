//! The packs that come with Stage0: policies that others import by name.
//!
//! A pack is a policy file like any other, read by the same code. Its name begins with `stage0/`,
//! which no file of a host may imitate, and an import may insist on its version.

use stage0_engine::suggest::nearest;

use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::Problem;

/// What the names of all packs begin with.
pub const PACK_PREFIX: &str = "stage0/";

/// A policy that comes with Stage0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pack {
    /// Its name, as imports write it.
    pub name: &'static str,
    /// Its semantic version.
    pub version: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Every pack, by name.
pub const PACKS: &[Pack] = &[
    Pack {
        name: "stage0/common-tools",
        version: "1.0.0",
        text: include_str!("../packs/common-tools.yaml"),
    },
    Pack {
        name: "stage0/standard",
        version: "1.0.0",
        text: include_str!("../packs/standard.yaml"),
    },
];

/// The pack of this name.
pub fn pack(name: &str) -> Option<&'static Pack> {
    PACKS.iter().find(|pack| pack.name == name)
}

/// The pack of this name, which may leave out `stage0/` and may end with a version: `standard`,
/// `stage0/standard@1.0.0`.
///
/// # Errors
/// There is none of this name, or none of this version.
pub fn named(name: &str) -> Result<&'static Pack, Problem> {
    let (bare, version) = split_version(name);
    let whole = [PACK_PREFIX, bare].concat();
    let found = pack(bare)
        .or_else(|| pack(&whole))
        .ok_or_else(|| unknown_pack(bare))?;
    match version {
        Some(version) if version != found.version => {
            let Pack {
                name,
                version: here,
                ..
            } = found;
            let message = format!("{} is here as version {here}, not {version}", quoted(name));
            Err(Problem::new(ProblemCode::PolicyImportVersion, message)
                .help(format!("write `{name}@{here}`, or leave the version out")))
        }
        _ => Ok(found),
    }
}

/// A pack's name, and its version if it has one: `stage0/common-tools@1.0.0`.
pub(crate) fn split_version(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (name, None),
    }
}

/// What is wrong with a name that no pack has.
pub(crate) fn unknown_pack(name: &str) -> Problem {
    let message = format!("there is no pack {}", quoted(name));
    let short = || {
        PACKS
            .iter()
            .filter_map(|pack| pack.name.strip_prefix(PACK_PREFIX))
    };
    let near = nearest_pack(name).or_else(|| nearest(name, short()));
    Problem::new(ProblemCode::PolicyImportMissing, message).help(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", short().collect::<Vec<_>>().join(", ")),
    })
}

/// The pack that a name without a pack was probably meant to be.
pub(crate) fn nearest_pack(name: &str) -> Option<&'static str> {
    nearest(name, PACKS.iter().map(|pack| pack.name))
}
