//! The `stage0` command as a process of its own for each question, with everything in files.
//!
//! It is what a shell script or a hook of a framework runs: the decision is on standard output, the
//! verdict is the exit code, the run's state is a file that is replaced, problems are on standard error.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use super::{Host, PolicyText, Question, Reply};

/// Asks `stage0 check`.
#[derive(Debug)]
pub struct Cli {
    program: PathBuf,
    /// A folder of its own, removed with everything in it.
    folder: PathBuf,
    /// The policy whose files are there.
    policy: Option<PolicyText>,
}

impl Cli {
    /// The command at this path.
    ///
    /// # Errors
    /// There is no such program, or no room for files.
    pub fn new(program: &str) -> Result<Self, String> {
        let program = fs::canonicalize(program).map_err(|error| format!("`{program}`: {error}"))?;
        // A run's state is made durable before its decision is told. Of a test's state nothing has to
        // survive, so it stands in memory where there is a folder for that.
        let memory = PathBuf::from("/dev/shm");
        let room = Some(memory).filter(|memory| memory.is_dir());
        let room = room.unwrap_or_else(std::env::temp_dir);
        let folder = room.join(format!("stage0-cli-host-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self {
            program,
            folder,
            policy: None,
        })
    }

    /// Writes the policy's files, where they are not those of the question before, and says how the
    /// command is told about them.
    fn lay_out(&mut self, policy: &PolicyText) -> io::Result<String> {
        let (main, files) = match policy {
            PolicyText::Pack(name) => return Ok(name.clone()),
            PolicyText::Files { main, files } => (main, files),
        };
        let folder = self.folder.join("policy");
        if self.policy.as_ref() != Some(policy) {
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
            }
            for (path, text) in files {
                let path = folder.join(path);
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::write(path, text)?;
            }
            self.policy = Some(policy.clone());
        }
        Ok(format!("policy/{main}"))
    }

    fn run(&mut self, question: &Question) -> io::Result<Output> {
        let policy = self.lay_out(&question.policy)?;
        for (name, text) in [
            ("request.json", &question.request),
            ("approvals.json", &question.approvals),
            ("state.json", &question.state),
        ] {
            fs::write(self.folder.join(name), text)?;
        }
        Command::new(&self.program)
            .current_dir(&self.folder)
            .args(["check", "request.json", "--policy", &policy])
            .args(["--approvals", "approvals.json", "--state", "state.json"])
            .args(["--mode", question.mode.as_str()])
            .args(["--now", &question.now.to_string()])
            .args(["--request-id", &question.request_id])
            .args(["--format", "json"])
            .output()
    }

    fn next_state(&self) -> Result<String, String> {
        let text = fs::read_to_string(self.folder.join("state.json"));
        let text = text.map_err(|error| format!("state.json: {error}"))?;
        let line = text.strip_suffix('\n').map(str::to_owned);
        line.ok_or_else(|| "the state does not end with its line".to_owned())
    }
}

impl Host for Cli {
    fn name(&self) -> &'static str {
        "cli"
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, String> {
        let output = self.run(question).map_err(|error| error.to_string())?;
        let told = String::from_utf8_lossy(&output.stderr);
        let verdict = match output.status.code() {
            Some(0) => "ALLOW",
            Some(3) => "DENY",
            Some(4) => "DEFER",
            Some(1) => {
                let codes = codes(&told);
                return codes.map(Reply::Refused).ok_or_else(|| told.into_owned());
            }
            code => return Err(format!("it ended with {code:?}: {told}")),
        };
        let answer = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
        let answer = answer
            .strip_suffix('\n')
            .ok_or("the answer does not end with its line")?;
        if !answer.contains(&format!("\"verdict\":\"{verdict}\"")) {
            return Err(format!("it ended as for {verdict}, and answered {answer}"));
        }
        Ok(Reply::Decided {
            answer: answer.to_owned(),
            next_state: self.next_state()?,
        })
    }
}

/// The codes of the errors in a JSON text of problems.
fn codes(told: &str) -> Option<Vec<String>> {
    let told: Value = serde_json::from_str(told).ok()?;
    let problems = told.get("problems").unwrap_or(&told).as_array()?.iter();
    let errors = problems.filter(|problem| problem["severity"] == "error");
    errors
        .map(|problem| problem["code"].as_str().map(str::to_owned))
        .collect()
}

impl Drop for Cli {
    fn drop(&mut self) {
        // What is left behind in the folder for temporary files does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
