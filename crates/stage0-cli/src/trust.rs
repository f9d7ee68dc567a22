//! Policies that are decided by only if they are signed.
//!
//! A policy's signature stands beside it, in a file of its name and `.sig`. What was seen is written down
//! before anything is decided, so that nobody can undo it by putting old files back.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use stage0_audit::key::{KEY_SET_LIMITS, KeySet};
use stage0_audit::policy::{Demands, SEEN_LIMITS, Seen, Verified, verify};
use stage0_engine::time::Timestamp;
use stage0_wire::Policy;
use stage0_wire::codes::ProblemCode;
use stage0_wire::jws::TOKEN_BYTES_MAX;
use stage0_wire::problem::Problem;

use crate::input::{is_stdin, lock_beside, name_of, now, read, replace};
use crate::load::{load_policy, pack_name};

/// Which policies are taken.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// Decide only by policies that one of these keys signed, a set of public keys (JWKS); `stage0
    /// policy sign` signs them
    #[arg(long, value_name = "JWKS", help_heading = "Signed policies")]
    pub(crate) policy_keys: Option<PathBuf>,

    /// Refuse policies that were signed earlier than the newest written down in this file, which is made
    /// if it is not there
    #[arg(
        long,
        value_name = "FILE",
        requires = "policy_keys",
        help_heading = "Signed policies"
    )]
    seen: Option<PathBuf>,

    /// The name that a signed policy must have, so that no other one of these keys takes its place
    #[arg(
        long,
        value_name = "NAME",
        requires = "policy_keys",
        help_heading = "Signed policies"
    )]
    policy_name: Option<String>,
}

impl Trust {
    /// Reads and compiles a policy, if it may be decided by.
    pub(crate) fn load(&self, path: &Path, at: Option<Timestamp>) -> Result<Policy, Vec<Problem>> {
        let Some(keys) = &self.policy_keys else {
            return load_policy(path);
        };
        let demand = Demand {
            keys,
            seen: self.seen.as_deref(),
            name: self.policy_name.as_deref(),
            at,
        };
        Ok(demand.load(path)?.0)
    }
}

/// What is demanded of a policy, by the names of files.
#[derive(Debug)]
pub(crate) struct Demand<'f> {
    pub(crate) keys: &'f Path,
    pub(crate) seen: Option<&'f Path>,
    pub(crate) name: Option<&'f str>,
    pub(crate) at: Option<Timestamp>,
}

impl Demand<'_> {
    /// Reads, compiles and verifies a policy, and writes down that it was seen.
    pub(crate) fn load(&self, path: &Path) -> Result<(Policy, Verified), Vec<Problem>> {
        let one = |problem| vec![problem];
        let signature_path = signature_path(path).map_err(one)?;
        let keys = read(self.keys, KEY_SET_LIMITS.bytes_max).map_err(one)?;
        let keys = KeySet::parse(&name_of(self.keys), &keys)?;
        let before = self.before().map_err(one)?;
        let policy = load_policy(path)?;
        let signature = read_signature(&signature_path).map_err(one)?;
        let now = self.at.map_or_else(now, Ok).map_err(one)?;
        let verify = |seen: &Seen| {
            let demands = Demands {
                keys: &keys,
                name: self.name,
                seen,
                now,
            };
            let verified = verify(policy.index(), signature.as_deref(), &demands);
            verified.map_err(|error| one(Problem::from(&error)))
        };
        let verified = verify(&before)?;
        let Some(path) = self.seen.filter(|_| verified.seen != before) else {
            return Ok((policy, verified));
        };
        // Another process may have written since: what it has seen counts too, and must not be lost.
        let _lock = lock_beside(path).map_err(one)?;
        let verified = verify(&self.before().map_err(one)?)?;
        replace(path, &(verified.seen.to_json() + "\n")).map_err(one)?;
        Ok((policy, verified))
    }

    /// What was seen up to now.
    fn before(&self) -> Result<Seen, Problem> {
        Ok(self.seen.map(read_seen).transpose()?.unwrap_or_default())
    }
}

/// Where the signature of a policy stands.
pub(crate) fn signature_path(path: &Path) -> Result<PathBuf, Problem> {
    if is_stdin(path) || pack_name(path).is_some() {
        let message = format!(
            "`{}` is no file beside which a signature could stand",
            name_of(path)
        );
        return Err(Problem::new(ProblemCode::PolicyUnsigned, message).help(
            "sign a policy in a file; it may extend a built-in one, and its signature covers both",
        ));
    }
    let mut name = OsString::from(path);
    name.push(".sig");
    Ok(PathBuf::from(name))
}

/// The signature in a file; nothing where there is no file.
fn read_signature(path: &Path) -> Result<Option<String>, Problem> {
    if !path.exists() && !path.is_symlink() {
        return Ok(None);
    }
    // A line break may end it, as with any other line of text.
    let bytes = read(path, TOKEN_BYTES_MAX.saturating_add(2))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn read_seen(path: &Path) -> Result<Seen, Problem> {
    if !path.exists() && !path.is_symlink() {
        return Ok(Seen::default());
    }
    let text = read(path, SEEN_LIMITS.bytes_max)?;
    Seen::parse(&name_of(path), &text)
}
