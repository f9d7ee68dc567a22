//! `stage0 audit checkpoint`: a signature under a log as it is now.

use std::path::PathBuf;

use clap::Args;
use stage0_engine::time::Timestamp;

use stage0_audit::chain::Checkpoint;

use super::read::{head_of, is_database};
use crate::audit_log::{open, problem};
use crate::command::check::parse_time;
use crate::exit::{Exit, Failure};
use crate::input::now;
use crate::output::print;
use crate::secret::read_key;

/// Sign a log as it is now
#[derive(Debug, Args)]
#[command(
    after_help = "The signature becomes a line of the log and is printed: kept where nobody who writes the log can reach it, it shows \
later that nothing of the log is gone. Of the file of a server, which writes it alone, it is only printed.

Examples:
  stage0 audit checkpoint decisions.jsonl --key log-2026.jwk > kept-elsewhere.txt"
)]
pub(super) struct Sign {
    /// The log
    #[arg(value_name = "LOG")]
    log: PathBuf,

    /// The private key to sign with, as `stage0 keypair new` makes it
    #[arg(long, value_name = "JWK")]
    key: PathBuf,

    /// When it is signed, such as 2026-01-05T10:00:00Z; the clock's if left out
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<Timestamp>,
}

impl Sign {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let key = read_key(&self.key)?;
        let at = match self.now {
            Some(at) => at,
            None => now()?,
        };
        let checkpoint = if is_database(&self.log) {
            // A server writes its file alone.
            Checkpoint::sign(head_of(&self.log)?, at, &key)
        } else {
            let mut sink = open(&self.log)?;
            sink.checkpoint(&key, at)
                .map_err(|error| problem(&self.log, &error))?
        };
        print(&format!("{}\n", checkpoint.token()))?;
        Ok(Exit::Success)
    }
}
