//! The newest policy of each name that a host has seen: what an older one is refused by.

use std::collections::BTreeMap;

use stage0_engine::canonical::write_string;
use stage0_engine::digest::Digest;
use stage0_engine::document::{Kind, ValueRef};
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::strict_json::{JsonLimits, parse};

use super::{PolicyError, PolicySignature};

/// Policies that one host writes down.
const SEEN_MAX: usize = 10_000;

/// The limits of the text.
pub const SEEN_LIMITS: JsonLimits = JsonLimits {
    bytes_max: 8_000_000,
    depth_max: 3,
    nodes_max: 100_000,
};

/// The newest of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Newest {
    version: String,
    digest: Digest,
    issued_at: Timestamp,
}

/// What was seen, by the policies' names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    policies: BTreeMap<String, Newest>,
}

impl Seen {
    /// What has been seen once this has been.
    ///
    /// # Errors
    /// It is older than what was seen, or another of the same time; or more is not written down.
    pub(super) fn with(&self, signed: &PolicySignature) -> Result<Self, PolicyError> {
        if let Some(newest) = self.policies.get(&signed.policy) {
            let is_other = newest.digest != signed.digest;
            if signed.issued_at < newest.issued_at
                || (signed.issued_at == newest.issued_at && is_other)
            {
                return Err(PolicyError::Rollback {
                    policy: signed.policy.clone(),
                    issued_at: signed.issued_at,
                    seen_version: newest.version.clone(),
                    seen_at: newest.issued_at,
                });
            }
        } else if self.policies.len() >= SEEN_MAX {
            return Err(PolicyError::SeenFull);
        }
        let mut seen = self.clone();
        let newest = Newest {
            version: signed.version.clone(),
            digest: signed.digest,
            issued_at: signed.issued_at,
        };
        seen.policies.insert(signed.policy.clone(), newest);
        Ok(seen)
    }

    /// The canonical text, which a host keeps.
    pub fn to_json(&self) -> String {
        let mut out = String::from("{\"v\":1,\"policies\":{");
        for (position, (name, newest)) in self.policies.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            write_string(&mut out, name);
            out.push_str(":{\"version\":");
            write_string(&mut out, &newest.version);
            out.push_str(",\"digest\":\"");
            newest.digest.write_hex(&mut out);
            out.push_str("\",\"issued_at\":");
            write_string(&mut out, &newest.issued_at.to_string());
            out.push('}');
        }
        out.push_str("}}");
        out
    }

    /// Reads what a host kept. `name` is what problems call the text.
    ///
    /// # Errors
    /// It is not of its form. It is not taken for nothing, which would let every old policy in.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Problem> {
        let problem = |why: &str| {
            Problem::in_file(name, 1, ProblemCode::SeenInvalid, why).help(
                "restore the file; without it a host would take older policies than it has seen",
            )
        };
        let document = parse(text, &SEEN_LIMITS).map_err(|error| problem(&error.to_string()))?;
        read(document.root())
            .ok_or_else(|| problem("this is not what a host writes down about policies"))
    }
}

fn read(root: ValueRef<'_>) -> Option<Seen> {
    // As many members as there should be, and each there: none is unknown.
    let has =
        |value: ValueRef<'_>, count: usize| value.kind() == Kind::Object && value.len() == count;
    let version = has(root, 2).then(|| root.get("v")?.number_text())??;
    let listed = root
        .get("policies")
        .filter(|listed| listed.kind() == Kind::Object)?;
    if version != "1" || listed.len() > SEEN_MAX {
        return None;
    }
    let mut policies = BTreeMap::new();
    for (name, newest) in listed.members() {
        let text = |member: &str| newest.get(member)?.as_str().filter(|_| has(newest, 3));
        let newest = Newest {
            version: text("version")?.to_owned(),
            digest: Digest::parse(text("digest")?).ok()?,
            issued_at: Timestamp::parse(text("issued_at")?).ok()?,
        };
        policies.insert(name.to_owned(), newest);
    }
    Some(Seen { policies })
}
