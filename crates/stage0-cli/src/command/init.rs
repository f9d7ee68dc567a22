//! `stage0 init`: a policy to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use crate::exit::{Exit, Failure};
use crate::input::{POLICY_HERE, is_stdin, name_of, reason, replace};
use crate::output::print;
use crate::paint::{GOOD, NAME, paint};
use crate::templates;

/// Write a commented policy to begin with
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stage0 init
  stage0 init --template payments
  stage0 init --template pii privacy/policy.yaml")]
pub(crate) struct Init {
    /// The file to write; `-` is standard output
    #[arg(value_name = "FILE", default_value = POLICY_HERE)]
    file: PathBuf,

    /// What to begin with; --list says what each template is about
    #[arg(
        long,
        short,
        value_name = "NAME",
        default_value = templates::STARTER,
        value_parser = PossibleValuesParser::new(templates::names()),
        hide_possible_values = true
    )]
    template: String,

    /// List the templates instead of writing one
    #[arg(long, exclusive = true)]
    list: bool,

    /// Overwrite a file that is there already
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if self.list {
            print(&templates::listed())?;
            return Ok(Exit::Success);
        }
        let text = templates::text(&self.template);
        if is_stdin(&self.file) {
            print(text)?;
            return Ok(Exit::Success);
        }
        if self.force {
            replace(&self.file, text)?;
        } else {
            self.create(text)?;
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
        let request = templates::request(&self.template);
        out.push_str(&try_next(
            &format!("echo '{request}' | stage0 check - -p {name}"),
            "decide a request, and say why",
        ));
        if self.template == templates::STARTER {
            out.push_str(&try_next(
                "stage0 init --list",
                "see the templates for single fields: payments, deployments, personal data ...",
            ));
        }
        print(&out)?;
        Ok(Exit::Success)
    }

    fn create(&self, text: &str) -> Result<(), Problem> {
        let mut options = OpenOptions::new();
        // One step: between looking and writing, somebody else could write the file.
        let file = options.write(true).create_new(true).open(&self.file);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
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
