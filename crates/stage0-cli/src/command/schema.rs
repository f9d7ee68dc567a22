//! `stage0 schema`: the JSON Schema of the file formats, for editors.

use clap::{Args, ValueEnum};
use stage0_wire::json_schema::{policy_schema, test_file_schema};

use crate::exit::{Exit, Failure};
use crate::output::print;

/// Print the JSON Schema of policies or test files, for editors
#[derive(Debug, Args)]
#[command(after_help = "To have an editor complete and check a policy:

  stage0 schema > stage0.schema.json

and put this line at the top of the policy:

  # yaml-language-server: $schema=./stage0.schema.json")]
pub(crate) struct Schema {
    /// Which format
    #[arg(value_name = "FORMAT", default_value = "policy")]
    which: Which,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// Policies
    Policy,
    /// Files of test cases
    Tests,
}

impl Schema {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        print(&match self.which {
            Which::Policy => policy_schema(),
            Which::Tests => test_file_schema(),
        })?;
        Ok(Exit::Success)
    }
}
