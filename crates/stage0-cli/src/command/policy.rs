//! `stage0 policy`: the policies that come with Stage0.

use clap::{Args, Subcommand};
use stage0_wire::packs::{PACKS, named};

use crate::exit::{Exit, Failure};
use crate::output::print;
use crate::paint::{NAME, paint};
use crate::table::write_rows;
use crate::templates::description;

/// Show the built-in policies
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "A built-in policy decides by its name, or is built upon:
  stage0 check request.json --policy stage0/standard
  extends: [{ pack: stage0/standard, allows: true }]"
)]
pub(crate) struct Builtin {
    #[command(subcommand)]
    verb: BuiltinVerb,
}

#[derive(Debug, Subcommand)]
enum BuiltinVerb {
    /// List them, with their versions
    List,
    /// Print the text of one
    Show {
        /// Its name, such as standard
        #[arg(value_name = "NAME")]
        name: String,
    },
}

impl Builtin {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self.verb {
            BuiltinVerb::List => {
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
            BuiltinVerb::Show { name } => print(named(&name)?.text)?,
        }
        Ok(Exit::Success)
    }
}
