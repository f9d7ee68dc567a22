//! The packs that come with Stage0: policies that others import by name.
//!
//! A pack is a policy file like any other, read by the same code. Its name begins with `stage0/`,
//! which no file of a host may imitate, and an import may insist on its version.

use stage0_engine::suggest::nearest;

use crate::codes::ProblemCode;
use crate::escape::quoted;
use crate::problem::Problem;

/// What the names of all packs begin with.
pub(crate) const PACK_PREFIX: &str = "stage0/";

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
