//! `stage0 policy sign` and `stage0 policy verify`.

use std::path::PathBuf;

use clap::Args;
use stage0_audit::policy::sign;
use stage0_engine::time::Timestamp;

use crate::command::check::parse_time;
use crate::exit::{Exit, Failure};
use crate::input::{name_of, now, replace};
use crate::load::load_policy;
use crate::output::print;
use crate::paint::{GOOD, paint};
use crate::secret::read_key;
use crate::trust::{Demand, signature_path};

/// Sign a policy with everything that it imports
#[derive(Debug, Args)]
#[command(
    after_help = "The signature is written beside the policy, as FILE.sig, over any that is there. It covers what the policy and \
its imports say, not how they are written; the description and the tests may be mended without signing again."
)]
pub(crate) struct Sign {
    /// The policy
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The private key to sign with, as `stage0 keypair new` writes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// When it is signed, such as 2026-01-05T10:00:00Z; the clock's if left out
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<Timestamp>,
}

impl Sign {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let signature = signature_path(&self.file)?;
        let key = read_key(&self.key)?;
        let policy = load_policy(&self.file)?;
        let at = self.now.map_or_else(now, Ok)?;
        let token = sign(policy.index(), &key, at);
        replace(&signature, &(token + "\n"))?;
        let (label, id) = (policy.index().label(), key.id());
        let name = name_of(&signature);
        print(&format!(
            "{} {label} as {id}: {name}\n",
            paint(GOOD, "signed")
        ))?;
        Ok(Exit::Success)
    }
}

/// Say whether a policy is what was signed
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0  it is signed by one of the keys, and not older than what was seen
  1  it is not, or another problem
  2  the command line makes no sense")]
pub(crate) struct Verify {
    /// The policy, with its signature beside it in FILE.sig
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The public keys that are believed (JWKS)
    #[arg(long, value_name = "JWKS")]
    keys: PathBuf,

    /// Refuse a policy that was signed earlier than the newest written down in this file, and write this one
    /// down
    #[arg(long, value_name = "FILE")]
    seen: Option<PathBuf>,

    /// The name that the policy must have
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// When it is asked, such as 2026-01-05T10:00:00Z; the clock's if left out
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<Timestamp>,
}

impl Verify {
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let demand = Demand {
            keys: &self.keys,
            seen: self.seen.as_deref(),
            name: self.name.as_deref(),
            at: self.now,
        };
        let (policy, verified) = demand.load(&self.file)?;
        print(&format!(
            "{}: {} signed it at {}\n",
            paint(GOOD, policy.index().label()),
            verified.key,
            verified.signature.issued_at
        ))?;
        Ok(Exit::Success)
    }
}
