//! `stage0 outcome`: what became of a call that was allowed.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};
use stage0_engine::digest::Digest;
use stage0_engine::number::Number;
use stage0_engine::state::{Outcome, Report};
use stage0_engine::time::Timestamp;
use stage0_store::{CallerStore, Keeper, RunId, Telling};
use stage0_wire::STATE_LIMITS;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::record::record_report;
use stage0_wire::report::ReportText;

use crate::audit_log::{AuditLog, append};
use crate::command::check::parse_time;
use crate::exit::{Exit, Failure};
use crate::input::{name_of, now, read, replace};
use crate::output::print;
use crate::runs::{Runs, clock, open, problems};

/// Tell what became of a call that was allowed
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("kept").required(true).args(["runs", "state"]),
    after_help = "What a call was allowed to spend is held until its outcome is told, and counts as spent if nobody \
tells. A call that failed or was stopped gives it back, as long as it is held.

Exit codes:
  0  it is written down
  1  a problem, or no such call: nothing was changed
  2  the command line makes no sense

Examples:
  stage0 outcome executed --call c1 --action 9f22... --runs runs.db --run nightly --cost 0.02
  stage0 outcome failed --call c1 --action 9f22... --state run.json"
)]
pub(crate) struct Tell {
    /// What became of it
    #[arg(value_name = "OUTCOME")]
    outcome: OutcomeWord,

    /// The call: the id in its request, or the decision's `request_id` where the call had none
    #[arg(long, value_name = "ID")]
    call: String,

    /// What was allowed: the decision's `action_digest`
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    action: Digest,

    /// What the call did cost, in US dollars; the most that it could if left out
    #[arg(long, value_name = "USD", value_parser = parse_cost, allow_negative_numbers = true)]
    cost: Option<Number>,

    #[command(flatten)]
    runs: Runs,

    /// The state of the run, as `check --state` keeps it. For one process at a time
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    #[command(flatten)]
    audit: AuditLog,

    /// When it is told, such as 2026-01-05T10:00:00Z; the clock's if left out
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutcomeWord {
    /// It ran
    Executed,
    /// It ran and did not do what it should
    Failed,
    /// It did not run
    Stopped,
}

impl From<OutcomeWord> for Outcome {
    fn from(word: OutcomeWord) -> Self {
        match word {
            OutcomeWord::Executed => Self::Executed,
            OutcomeWord::Failed => Self::Failed,
            OutcomeWord::Stopped => Self::Stopped,
        }
    }
}

fn parse_digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).map_err(|error| error.to_string())
}

fn parse_cost(text: &str) -> Result<Number, String> {
    let cost = Number::parse(text).ok().filter(|cost| !cost.is_negative());
    cost.ok_or_else(|| "a cost is a decimal from 0".to_owned())
}

impl Tell {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let outcome = Outcome::from(self.outcome);
        let report = Report {
            id: &self.call,
            action: self.action,
            outcome,
            cost: self.cost,
        };
        // Both lines of a log, and what is kept, have one time.
        let now = match self.now {
            Some(now) => now,
            None => now()?,
        };
        let states = match (self.runs.named(), &self.state) {
            (Some((path, run)), _) => {
                let run = Some(run);
                let telling = Telling {
                    run,
                    report: &report,
                };
                let known = open(path)?.report(&telling, &clock(Some(now)));
                known.map_err(problems)?.then_some(None)
            }
            (None, Some(path)) => tell_state(path, &report, now)?.map(Some),
            // One of them is required.
            (None, None) => None,
        };
        let Some(states) = states else {
            return Err(unknown(&self.call).into());
        };
        if let Some(path) = &self.audit.path {
            append(path, &self.line(outcome, now, states.as_ref()), now)?;
        }
        print(&format!("{}: {}\n", self.call, outcome.as_str()))?;
        Ok(Exit::Success)
    }

    /// What was told, as a line of a log.
    fn line(&self, outcome: Outcome, now: Timestamp, states: Option<&States>) -> String {
        let (action, cost) = (self.action.to_hex(), self.cost.map(|cost| cost.to_string()));
        let report = ReportText {
            id: &self.call,
            action: &action,
            outcome: outcome.as_str(),
            cost: cost.as_deref(),
        };
        let run = self.runs.named().map(|(_, run)| run.as_str());
        let states = states.map(|(before, after)| (before.as_str(), after.as_str()));
        record_report(run, &report, now, states)
    }
}

/// The state before and after what was told.
type States = (String, String);

/// Tells it to the state in a file; nothing where it does not know the call.
fn tell_state(
    path: &Path,
    report: &Report<'_>,
    now: Timestamp,
) -> Result<Option<States>, Vec<Problem>> {
    let text = read(path, STATE_LIMITS.bytes_max).map_err(|problem| vec![problem])?;
    let store = CallerStore::read(&name_of(path), &text).map_err(problems)?;
    let telling = Telling {
        run: Some(&RunId::only()),
        report,
    };
    let keeper = Keeper::new(&store);
    let before = store.text().map_err(problems)?;
    let is_known = keeper.report(&telling, &clock(Some(now)));
    if !is_known.map_err(problems)? {
        return Ok(None);
    }
    let after = store.text().map_err(problems)?;
    let written = replace(path, &[&after, "\n"].concat());
    written.map_err(|problem| vec![problem])?;
    Ok(Some((before, after)))
}

fn unknown(call: &str) -> Problem {
    let message = format!("no call `{call}` with this action is known to the run");
    Problem::new(ProblemCode::NothingFound, message).help(
        "the call is its id, or the decision's `request_id` where it has none; the action is the decision's `action_digest`",
    )
}
