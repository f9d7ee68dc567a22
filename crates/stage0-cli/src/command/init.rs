//! `stage0 init`: a policy to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use clap::Args;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use crate::exit::{Exit, Failure};
use crate::input::{POLICY_HERE, is_stdin, name_of, reason, replace};
use crate::output::print;
use crate::paint::{GOOD, NAME, paint};

/// The policy that is written; a test holds it to passing its own tests without a warning.
const STARTER: &str = include_str!("../starter.yaml");

/// Write a commented policy to begin with
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The file to write; `-` is standard output
    #[arg(value_name = "FILE", default_value = POLICY_HERE)]
    file: PathBuf,

    /// Overwrite a file that is there already
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if is_stdin(&self.file) {
            print(STARTER)?;
            return Ok(Exit::Success);
        }
        if self.force {
            replace(&self.file, STARTER)?;
        } else {
            self.create()?;
        }
        let name = name_of(&self.file);
        let try_next =
            |command: &str, what: &str| format!("  {}\n      {what}\n", paint(NAME, command));
        let mut out = format!("{} {name}\n\nTry next:\n", paint(GOOD, "wrote"));
        out.push_str(&try_next(
            &format!("stage0 test {name}"),
            "run the policy's own tests",
        ));
        out.push_str(&try_next(
            &format!("stage0 explain {name}"),
            "see which rules are about which tool, and what they read",
        ));
        out.push_str(&try_next(
            &format!(
                "echo '{{\"tool_call\": {{\"name\": \"search.query\", \"arguments\": {{\"text\": \"weather\"}}}}}}' | stage0 check - -p {name}"
            ),
            "decide a request, and say why",
        ));
        print(&out)?;
        Ok(Exit::Success)
    }

    fn create(&self) -> Result<(), Problem> {
        let mut options = OpenOptions::new();
        // One step: between looking and writing, somebody else could write the file.
        let file = options.write(true).create_new(true).open(&self.file);
        let written = file.and_then(|mut file| file.write_all(STARTER.as_bytes()));
        let name = name_of(&self.file);
        written.map_err(|error| {
            if error.kind() == ErrorKind::AlreadyExists {
                let message = format!("`{name}` is there already");
                return Problem::new(ProblemCode::FileExists, message)
                    .help("name another file, or overwrite it with --force");
            }
            let message = format!("`{name}` cannot be written: {}", reason(&error));
            Problem::new(ProblemCode::FileUnwritable, message)
        })
    }
}
