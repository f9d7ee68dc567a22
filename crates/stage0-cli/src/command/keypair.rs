//! `stage0 keypair`: keys to sign with, and their public halves.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use stage0_audit::key::{KeySet, PrivateKey};
use stage0_wire::jws::{KEY_ID_BYTES_MAX, encode};

use crate::exit::{Exit, Failure};
use crate::input::name_of;
use crate::output::print;
use crate::paint::{GOOD, NAME, paint};
use crate::secret::{new_key, read_key, write_key};

/// Make keys to sign with
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Keys are of Ed25519. People sign approvals with them, hosts permits and logs, and authors policies. The \
private half stays with its owner; the public one goes into the `keys` of a policy, or into a set of keys (JWKS):
  stage0 keypair new ana-2026
  stage0 keypair public ana-2026.jwk release-2026.jwk > keys.json"
)]
pub(crate) struct Keypair {
    #[command(subcommand)]
    verb: KeypairVerb,
}

#[derive(Debug, Subcommand)]
enum KeypairVerb {
    /// Make a key, and print its public half
    New {
        /// The key's id, which tokens name and which nobody else's key has, such as ana-2026
        #[arg(value_name = "NAME", value_parser = parse_name)]
        name: String,
        /// The file to write, which only you can read; NAME.jwk if left out
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the public halves of keys, as a set
    Public {
        /// Files of private keys
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

/// A name that is safe as a file's and as a key of YAML.
fn parse_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let begins_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if text.len() > KEY_ID_BYTES_MAX || !begins_well || !text.bytes().all(is_plain) {
        return Err(format!(
            "a key's name has 1 to {KEY_ID_BYTES_MAX} letters, digits, `-`, `_` and `.`, and begins with one of the first two"
        ));
    }
    Ok(text.to_owned())
}

impl Keypair {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.verb {
            KeypairVerb::New { name, out } => {
                let path = out.unwrap_or_else(|| PathBuf::from(format!("{name}.jwk")));
                let key = new_key(&name)?;
                write_key(&path, &key)?;
                print(&told(&key, &name_of(&path)))?;
            }
            KeypairVerb::Public { files } => {
                let keys = files.iter().map(|file| read_key(file));
                let keys = keys.collect::<Result<Vec<_>, _>>()?;
                let keys: Vec<String> = keys.iter().map(PrivateKey::to_public_jwk).collect();
                let set = format!("{{\"keys\":[{}]}}\n", keys.join(","));
                KeySet::parse("these files", set.as_bytes())?;
                print(&set)?;
            }
        }
        Ok(Exit::Success)
    }
}

/// What to do with a new key.
fn told(key: &PrivateKey, file: &str) -> String {
    let (id, public) = (key.id(), encode(key.public().as_bytes()));
    format!(
        "{} {file}: whoever can read it can sign as {id}

For the `keys` of a policy, with the person's name and roles:
  {}: {{ public: \"{public}\", by: NAME, roles: [ROLE] }}

For a set of keys (JWKS), in `{{\"keys\": [..]}}`:
  {}
",
        paint(GOOD, "wrote"),
        paint(NAME, id),
        key.to_public_jwk(),
    )
}
