//! `stage0 check`: one request, one decision.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stage0_engine::Explanation;
use stage0_engine::host::{ApprovalRecord, Host};
use stage0_engine::limits::{REQUEST_BYTES_MAX, REQUEST_ID_BYTES_MAX};
use stage0_engine::policy::{Mode, Verdict};
use stage0_engine::request::Request;
use stage0_engine::state::RunState;
use stage0_engine::time::Timestamp;
use stage0_store::{Asking, Decided};
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::question::{Answer, derived_request_id};
use stage0_wire::record::{self, record_decision, record_facts};
use stage0_wire::{
    APPROVALS_LIMITS, Policy, STATE_LIMITS, approvals_to_json, facts_to_json, parse_approvals,
    parse_state, state_to_json,
};

use crate::audit_log::{AuditLog, Kept, append, redaction_secret};
use crate::exit::{Exit, Failure};
use crate::input::{POLICY_HERE, is_stdin, name_of, now, read, replace};
use crate::load::read_request;
use crate::output::{Format, is_terminal, print};
use crate::paint::Colors;
use crate::pretty::pretty;
use crate::runs::{self, Runs};
use crate::trust::Trust;

/// The policy that decides if none is named.
const STANDARD: &str = "stage0/standard";

/// What an explanation says about it.
const NONE_NAMED: &str =
    "No policy was named, so the built-in one decided; `stage0 policy show standard` prints it.\n";

/// Decide a request
#[derive(Debug, Args)]
#[command(
    after_help = "On a terminal the decision is told in sentences: the rules that spoke, the values that they \
compared, and what would make it an ALLOW. Anywhere else it is canonical JSON on one line.

Approvals are a JSON list of {id, answer, by, roles, rule, terms, action, issued_at, \
expires_at}: the answer is approved, rejected or pending; rule, terms and action are those of \
the issue that asked.

Exit codes:
  0  ALLOW
  1  a problem: nothing was decided, so nothing may run
  2  the command line makes no sense
  3  DENY
  4  DEFER

Examples:
  stage0 check request.json
  stage0 check request.json --policy policy.yaml
  stage0 check request.json --policy policy.yaml --explain
  my-agent --dry-run | stage0 check - --policy policy.yaml --state run.json
  stage0 check request.json --policy policy.yaml --audit decisions.jsonl"
)]
pub(crate) struct Check {
    /// The request, a JSON file; `-` is standard input
    #[arg(value_name = "REQUEST")]
    request: PathBuf,

    /// The policy to decide by: a file, or a built-in one such as stage0/standard, which decides if
    /// none is named
    #[arg(long, short, value_name = "POLICY")]
    policy: Option<PathBuf>,

    #[command(flatten)]
    trust: Trust,

    #[command(flatten)]
    circumstances: Circumstances,

    /// The state of the run: read if it is there, and replaced by the state after this decision.
    /// For one process at a time
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    #[command(flatten)]
    runs: Runs,

    #[command(flatten)]
    audit: AuditLog,

    /// How much of the request the log keeps: facts, those that the decision read, or full, so that
    /// `stage0 replay` can make it again
    #[arg(
        long,
        value_name = "KEPT",
        default_value = "facts",
        hide_possible_values = true,
        requires = "path"
    )]
    record: Kept,

    /// Say in sentences why, wherever the answer goes: the same as --format text
    #[arg(long, conflicts_with = "format")]
    explain: bool,

    /// The form of the decision: text, json (which problems follow), pretty (the JSON, indented), or
    /// auto, which is text on a terminal and json elsewhere
    #[arg(
        long,
        value_name = "FORM",
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    pub(crate) format: Format,
}

/// What a host knows beside the request.
#[derive(Debug, Args)]
pub(crate) struct Circumstances {
    /// The time of the decision, such as 2026-01-05T10:00:00Z; the clock's if left out
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "Circumstances")]
    now: Option<Timestamp>,

    /// The id that the decision carries; derived from request and time if left out
    #[arg(long, value_name = "ID", value_parser = parse_id, help_heading = "Circumstances")]
    request_id: Option<String>,

    /// The operator's mode; the stricter of this and the policy's counts
    #[arg(
        long,
        value_name = "MODE",
        default_value = "enforce",
        help_heading = "Circumstances"
    )]
    mode: ModeWord,

    /// What people answered: a JSON list of approvals
    #[arg(long, value_name = "FILE", help_heading = "Circumstances")]
    approvals: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ModeWord {
    /// Record answers and block nothing
    Observe,
    /// Obey answers
    Enforce,
    /// Deny whatever writes
    #[value(alias = "read-only")]
    ReadOnly,
    /// Deny everything
    Halted,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Observe => Self::Observe,
            ModeWord::Enforce => Self::Enforce,
            ModeWord::ReadOnly => Self::ReadOnly,
            ModeWord::Halted => Self::Halted,
        }
    }
}

pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

fn parse_id(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > REQUEST_ID_BYTES_MAX {
        return Err(format!("an id has 1 to {REQUEST_ID_BYTES_MAX} bytes"));
    }
    if text.chars().any(stage0_engine::legible::is_hidden) {
        return Err("an id has no invisible characters".to_owned());
    }
    Ok(text.to_owned())
}

impl Check {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        refuse_two_stdins(&[
            Some(&self.request),
            self.policy.as_ref(),
            self.circumstances.approvals.as_ref(),
        ])?;
        let text = read(&self.request, REQUEST_BYTES_MAX)?;
        let policy = match &self.policy {
            Some(named) => self.trust.load(named, self.circumstances.now)?,
            None => self.trust.load(standard()?, self.circumstances.now)?,
        };
        let mut question = Question::new(&self.circumstances, &self.request, &text)?;
        policy.admit(&question.request)?;
        // Two processes may ask the same at the same time, and each has to be counted.
        if self.runs.named().is_some() && self.circumstances.request_id.is_none() {
            question.request_id = format!("{}-{}", question.request_id, std::process::id());
        }
        let host = question.host();
        // The record and the state are safe before anybody can act on the answer.
        let decided = match self.runs.named() {
            Some((path, run)) => {
                let asking = Asking {
                    policy: &policy,
                    request: &question.request,
                    host: &host,
                    run: Some(run),
                };
                runs::decide(path, &asking, &runs::clock(self.circumstances.now))?
            }
            None => self.decide(&policy, &question)?,
        };
        let json = decided.to_json();
        if let Some(path) = &self.audit.path {
            let run = self.runs.named().map(|(_, run)| run.as_str());
            let has_state = run.is_some() || self.state.is_some();
            let facts = match self.record {
                Kept::Full => {
                    record::Kept::Full.admit(&policy)?;
                    None
                }
                Kept::Facts => Some(facts_of(path, &policy, &decided)?),
            };
            let record = question.record(&text, run, has_state, &decided, facts.as_deref());
            append(path, &record, decided.now)?;
        }
        if let Some(path) = &self.state {
            replace(path, &(state_to_json(&decided.next) + "\n"))?;
        }
        let format = match self.format {
            _ if self.explain => Format::Text,
            Format::Auto if is_terminal() => Format::Text,
            Format::Auto => Format::Json,
            chosen @ (Format::Text | Format::Json | Format::Pretty) => chosen,
        };
        print(&match format {
            Format::Text => {
                let explained =
                    policy.explain(&question.request, &host, &decided.state, decided.now);
                let mut prose = explained.to_prose_with(&Colors);
                if self.policy.is_none() {
                    prose.push_str(NONE_NAMED);
                }
                prose
            }
            Format::Pretty => pretty(&json),
            Format::Auto | Format::Json => json + "\n",
        })?;
        Ok(match decided.decision.verdict {
            Verdict::Allow => Exit::Success,
            Verdict::Deny => Exit::Deny,
            Verdict::Defer => Exit::Defer,
        })
    }

    /// Decides with the state in a file, or with none.
    fn decide<'q>(
        &self,
        policy: &'q Policy,
        question: &'q Question<'_>,
    ) -> Result<Decided<'q>, Failure> {
        let state = match &self.state {
            Some(path) => read_state(path)?,
            None => RunState::default(),
        };
        let now = question.now;
        let (decision, next) = policy.decide(&question.request, &question.host(), &state, now);
        Ok(Decided {
            decision,
            state,
            next,
            now,
        })
    }
}

/// The facts that a decision read, as a log keeps them.
fn facts_of(log: &Path, policy: &Policy, decided: &Decided<'_>) -> Result<String, Problem> {
    let secret = policy.index().redacts().then(|| redaction_secret(log));
    let secret = secret.transpose()?;
    Ok(facts_to_json(&decided.decision, secret.as_ref()))
}

/// The policy to decide by where nobody named one.
///
/// A file is never taken because it happens to lie there: a gate in another folder would decide by
/// another one. Nor is it passed over, since somebody who wrote one means it.
fn standard() -> Result<&'static Path, Problem> {
    if Path::new(POLICY_HERE).is_file() {
        let message = format!("no policy was named, and a `{POLICY_HERE}` is here");
        return Err(Problem::new(ProblemCode::PolicyRequired, message).help(format!(
            "decide by it with `--policy {POLICY_HERE}`, or by the built-in one with `--policy {STANDARD}`"
        )));
    }
    Ok(Path::new(STANDARD))
}

/// Standard input can be read once.
pub(crate) fn refuse_two_stdins(paths: &[Option<&PathBuf>]) -> Result<(), Problem> {
    let stdins = paths.iter().flatten().filter(|path| is_stdin(path));
    if stdins.count() > 1 {
        return Err(Problem::new(
            ProblemCode::FileUnreadable,
            "standard input is named twice, and can be read once",
        )
        .help("put one of them into a file"));
    }
    Ok(())
}

pub(crate) fn read_state(path: &Path) -> Result<RunState, Vec<Problem>> {
    // A run begins without a file. Anything else that cannot be read is a problem: a state that is
    // lost is a limit that no longer holds.
    if !path.exists() && !path.is_symlink() {
        return Ok(RunState::begin());
    }
    let text = read(path, STATE_LIMITS.bytes_max).map_err(|problem| vec![problem])?;
    parse_state(&name_of(path), &text)
}

/// A request with what the host adds to it.
#[derive(Debug)]
pub(crate) struct Question<'t> {
    pub(crate) request: Request<'t>,
    pub(crate) now: Timestamp,
    request_id: String,
    mode: Mode,
    approvals: Vec<ApprovalRecord>,
}

impl<'t> Question<'t> {
    /// Puts together what is asked.
    pub(crate) fn new(
        circumstances: &Circumstances,
        path: &Path,
        text: &'t [u8],
    ) -> Result<Self, Failure> {
        let request = read_request(path, text)?;
        let now = match circumstances.now {
            Some(now) => now,
            None => now()?,
        };
        let approvals = match &circumstances.approvals {
            Some(path) => {
                let text = read(path, APPROVALS_LIMITS.bytes_max)?;
                parse_approvals(&name_of(path), &text)?
            }
            None => Vec::new(),
        };
        let request_id = match &circumstances.request_id {
            Some(id) => id.clone(),
            None => derived_request_id("cli", text, now),
        };
        Ok(Self {
            request,
            now,
            request_id,
            mode: circumstances.mode.into(),
            approvals,
        })
    }

    fn host(&self) -> Host<'_> {
        Host {
            request_id: &self.request_id,
            mode: self.mode,
            approvals: &self.approvals,
            ..Host::default()
        }
    }

    /// What was asked and what came out, as a line of a log.
    fn record(
        &self,
        text: &[u8],
        run: Option<&str>,
        has_state: bool,
        decided: &Decided<'_>,
        facts: Option<&str>,
    ) -> String {
        let approvals = approvals_to_json(&self.approvals);
        let state = has_state.then(|| state_to_json(&decided.state));
        let asked = stage0_wire::question::Question {
            request: text,
            request_id: Some(&self.request_id),
            mode: Some(self.mode.as_str()),
            approvals: (!self.approvals.is_empty()).then_some(&*approvals),
            state: state.as_deref(),
            now: decided.now,
        };
        let answer = Answer {
            verdict: decided.decision.verdict,
            decision: decided.to_json(),
            state: state_to_json(&decided.next),
        };
        match facts {
            Some(facts) => record_facts(run, &asked, &answer, facts, self.request.call_id()),
            None => record_decision(run, &asked, &answer),
        }
    }

    /// The decision with its reasons.
    pub(crate) fn explain<'q>(&'q self, policy: &'q Policy, state: &RunState) -> Explanation<'q> {
        policy.explain(&self.request, &self.host(), state, self.now)
    }
}
