//! `stage0 completions`: what shells need to complete command lines.

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::shells;

use crate::Arguments;
use crate::exit::{Exit, Failure};
use crate::output::print;

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "For bash:  source <(stage0 completions bash)
For zsh:   stage0 completions zsh > ~/.zfunc/_stage0
For fish:  stage0 completions fish > ~/.config/fish/completions/stage0.fish")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let mut command = Arguments::command();
        let mut text = Vec::new();
        let out = &mut text;
        // Generated in memory first: the generators panic where they cannot write.
        match self.shell {
            Shell::Bash => clap_complete::generate(shells::Bash, &mut command, "stage0", out),
            Shell::Elvish => clap_complete::generate(shells::Elvish, &mut command, "stage0", out),
            Shell::Fish => clap_complete::generate(shells::Fish, &mut command, "stage0", out),
            Shell::Powershell => {
                clap_complete::generate(shells::PowerShell, &mut command, "stage0", out);
            }
            Shell::Zsh => clap_complete::generate(shells::Zsh, &mut command, "stage0", out),
        }
        print(&String::from_utf8_lossy(&text))?;
        Ok(Exit::Success)
    }
}
