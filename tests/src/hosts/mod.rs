//! Hosts: whatever can be asked for a decision, each behind one small adapter.
//!
//! A [`Question`] holds everything that a decision is made from as texts, a [`Reply`] what came of it,
//! so a host in another language is asked in the same words as the engine in this process. The corpus
//! and the random comparison ask every host and compare bytes. Nothing here knows what an answer means.

mod cli;
pub mod compare;
pub mod differential;
mod engine;
mod lines;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use stage0_engine::policy::Mode;
use stage0_engine::time::Timestamp;
use stage0_wire::imports::ImportMap;
use stage0_wire::problem::{Problem, Severity};
use stage0_wire::{Policy, parse_approvals, parse_state};

pub use cli::Cli;
pub use engine::Engine;
pub use lines::Lines;
pub use wire::Wire;

/// The policy that decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyText {
    /// One that comes with Stage0, by name.
    Pack(String),
    /// One in files.
    Files {
        /// The outermost file, which is among `files`.
        main: String,
        /// Every file's text by its path, with `/` between folders.
        files: BTreeMap<String, String>,
    },
}

/// Everything that a decision is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The policy that decides.
    pub policy: PolicyText,
    /// The request's text.
    pub request: String,
    /// The id that the host gives it.
    pub request_id: String,
    /// The host's mode.
    pub mode: Mode,
    /// The time.
    pub now: Timestamp,
    /// People's answers, as their canonical text.
    pub approvals: String,
    /// The run before, as its canonical text.
    pub state: String,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A decision.
    Decided {
        /// Its canonical text.
        answer: String,
        /// The run after it, as its canonical text.
        next_state: String,
    },
    /// A text was refused: the codes of the errors, in the order in which they are told.
    Refused(Vec<String>),
}

/// Whatever can be asked.
pub trait Host: Send {
    /// What it is called in reports.
    fn name(&self) -> &str;

    /// What comes of a question, to the byte.
    ///
    /// # Errors
    /// The host gave no reply, or none that can be read: a sentence on what it did instead.
    fn ask(&mut self, question: &Question) -> Result<Reply, String>;
}

impl Question {
    /// The question as one line of JSON, which `tests/cases/README.md` describes.
    pub fn to_line(&self) -> String {
        let policy = match &self.policy {
            PolicyText::Pack(name) => json!(name),
            PolicyText::Files { main, files } => json!({"main": main, "files": files}),
        };
        let line = json!({
            "policy": policy,
            "request": self.request,
            "request_id": self.request_id,
            "mode": self.mode.as_str(),
            "now": self.now.to_string(),
            "approvals": self.approvals,
            "state": self.state,
        });
        line.to_string()
    }

    /// Reads a question from such a line.
    ///
    /// # Errors
    /// The line is not of that form.
    pub fn from_line(line: &str) -> Result<Self, String> {
        let members: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let text = |key: &str| {
            let text = members.get(key).and_then(Value::as_str);
            text.map(str::to_owned)
                .ok_or_else(|| format!("`{key}` is no text"))
        };
        let policy = match members.get("policy") {
            Some(Value::String(name)) => PolicyText::Pack(name.clone()),
            Some(policy) => files(policy).ok_or("`policy` is neither a name nor files")?,
            None => return Err("there is no `policy`".to_owned()),
        };
        let now = text("now")?;
        let mode = text("mode")?;
        let modes = [Mode::Observe, Mode::Enforce, Mode::ReadOnly, Mode::Halted];
        let known = modes.into_iter().find(|known| known.as_str() == mode);
        Ok(Self {
            policy,
            request: text("request")?,
            request_id: text("request_id")?,
            mode: known.ok_or_else(|| format!("`{mode}` is no mode"))?,
            now: Timestamp::parse(&now).map_err(|error| format!("`{now}`: {error}"))?,
            approvals: text("approvals")?,
            state: text("state")?,
        })
    }
}

fn files(policy: &Value) -> Option<PolicyText> {
    let files = policy.get("files")?.as_object()?.iter();
    let files = files.map(|(path, text)| Some((path.clone(), text.as_str()?.to_owned())));
    Some(PolicyText::Files {
        main: policy.get("main")?.as_str()?.to_owned(),
        files: files.collect::<Option<_>>()?,
    })
}

impl Reply {
    /// The reply as one line of JSON, which `tests/cases/README.md` describes.
    pub fn to_line(&self) -> String {
        let line = match self {
            Self::Decided { answer, next_state } => {
                json!({"answer": answer, "next_state": next_state})
            }
            Self::Refused(codes) => json!({"problems": codes}),
        };
        line.to_string()
    }

    /// A refusal because of these problems; warnings are none.
    pub fn refused(problems: &[Problem]) -> Self {
        let errors = problems
            .iter()
            .filter(|problem| problem.severity() == Severity::Error);
        Self::Refused(
            errors
                .map(|problem| problem.code().as_str().to_owned())
                .collect(),
        )
    }

    /// Reads a reply from one line of JSON, which `tests/cases/README.md` describes.
    ///
    /// # Errors
    /// The line is not of that form.
    pub fn from_line(line: &str) -> Result<Self, String> {
        let strange = || format!("a line that is no reply: {}", line.trim_end());
        let Ok(Value::Object(members)) = serde_json::from_str(line) else {
            return Err(strange());
        };
        let keys: Vec<&str> = members.keys().map(String::as_str).collect();
        let text = |key: &str| members.get(key).and_then(Value::as_str).map(str::to_owned);
        match keys.as_slice() {
            ["answer", "next_state"] => Some(Self::Decided {
                answer: text("answer").ok_or_else(strange)?,
                next_state: text("next_state").ok_or_else(strange)?,
            }),
            ["problems"] => members.get("problems").and_then(codes).map(Self::Refused),
            _ => None,
        }
        .ok_or_else(strange)
    }
}

/// The codes of a list of them, or of problems that have them.
fn codes(problems: &Value) -> Option<Vec<String>> {
    let items = problems.as_array()?.iter();
    items
        .map(|item| item.as_str().map(str::to_owned))
        .collect::<Option<_>>()
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided { answer, next_state } => write!(formatter, "{answer} then {next_state}"),
            Self::Refused(codes) => write!(formatter, "refused: {}", codes.join(" ")),
        }
    }
}

/// The host that a list of words describes: `["engine"]`, `["wire"]`, `["cli", "path/of/stage0"]`, or a
/// name and the program, with its arguments, that speaks lines.
///
/// # Errors
/// The words describe none, or the program cannot be started.
pub fn open(words: &[String]) -> Result<Box<dyn Host>, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(match words.as_slice() {
        ["engine"] => Box::new(Engine::default()),
        ["wire"] => Box::new(Wire::default()),
        ["cli", program] => Box::new(Cli::new(program)?),
        [name, program, arguments @ ..] => Box::new(Lines::start(name, program, arguments)?),
        _ => return Err(format!("{words:?} is no host")),
    })
}

/// The policy of the last question, compiled: most questions have the policy of the one before.
#[derive(Debug, Default)]
struct Loaded(Option<(PolicyText, Result<Policy, Vec<Problem>>)>);

impl Loaded {
    fn policy(&mut self, text: &PolicyText) -> &Result<Policy, Vec<Problem>> {
        let known = self.0.take().filter(|(known, _)| known == text);
        let loaded = known.unwrap_or_else(|| (text.clone(), load(text)));
        &self.0.insert(loaded).1
    }
}

fn load(policy: &PolicyText) -> Result<Policy, Vec<Problem>> {
    match policy {
        PolicyText::Pack(name) => Policy::builtin(name),
        PolicyText::Files { main, files } => {
            let mut imports = ImportMap::new();
            for (path, text) in files {
                imports.insert(path, text.as_str());
            }
            let text = files.get(main).map(String::as_str).unwrap_or_default();
            Policy::load(main, text, &imports)
        }
    }
}

/// People's answers and the run, as the engine takes them.
fn told_by_host(
    question: &Question,
) -> Result<
    (
        Vec<stage0_engine::host::ApprovalRecord>,
        stage0_engine::state::RunState,
    ),
    Vec<Problem>,
> {
    Ok((
        parse_approvals("approvals", question.approvals.as_bytes())?,
        parse_state("state", question.state.as_bytes())?,
    ))
}
