//! `stage0 policy`: the policies that come with Stage0, and signatures of others.

mod signing;

use clap::{Args, Subcommand};
use stage0_wire::packs::{PACKS, named};

use crate::exit::{Exit, Failure};
use crate::output::print;
use crate::paint::{NAME, paint};
use crate::table::write_rows;
use crate::templates::description;

/// Show the built-in policies, sign others, and verify their signatures
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "A built-in policy decides by its name, or is built upon:
  stage0 check request.json --policy stage0/standard
  extends: [{ pack: stage0/standard, allows: true }]

A host that is given keys decides by nothing that their owners did not sign:
  stage0 policy sign policy.yaml --key release-2026.jwk
  stage0 check request.json --policy policy.yaml --policy-keys keys.json --seen seen.json"
)]
pub(crate) struct Policy {
    #[command(subcommand)]
    verb: PolicyVerb,
}

#[derive(Debug, Subcommand)]
enum PolicyVerb {
    /// List them, with their versions
    List,
    /// Print the text of one
    Show {
        /// Its name, such as standard
        #[arg(value_name = "NAME")]
        name: String,
    },
    Sign(signing::Sign),
    Verify(signing::Verify),
}

impl Policy {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.verb {
            PolicyVerb::List => {
                let rows: Vec<Vec<String>> = PACKS
                    .iter()
                    .map(|pack| {
                        let label = format!("{}@{}", pack.name, pack.version);
                        vec![paint(NAME, &label), description(pack.text).to_owned()]
                    })
                    .collect();
                let mut out = String::new();
                write_rows(&mut out, 0, &rows);
                print(&out)?;
            }
            PolicyVerb::Show { name } => print(named(&name)?.text)?,
            PolicyVerb::Sign(verb) => return verb.run(),
            PolicyVerb::Verify(verb) => return verb.run(),
        }
        Ok(Exit::Success)
    }
}
