//! `stage0 audit verify`: whether a log is what was written.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use stage0_audit::chain::{Auditor, Report};
use stage0_audit::key::{KEY_SET_LIMITS, KeySet};
use stage0_wire::Policy;
use stage0_wire::jws::TOKEN_BYTES_MAX;
use stage0_wire::problem::Problem;

use super::Form;
use super::read::each_line;
use crate::exit::{Exit, Failure, render};
use crate::input::{name_of, read};
use crate::load::load_policy;
use crate::output::print;
use crate::paint::{GOOD, paint};

/// Problems that are shown; of more, how many there are.
const PROBLEMS_SHOWN: usize = 100;

/// Hold a log against itself: what was changed, taken out, put in twice or moved
#[derive(Debug, Args)]
#[command(
    after_help = "A log alone shows every edit of some of its lines. Whoever can write the file can also write all of it anew, or cut its \
end off: that shows by signatures. --keys believes the checkpoints of these keys, and --checkpoint one that was kept \
elsewhere.

Exit codes:
  0  the log is what was written
  1  something was found, or the log cannot be read
  2  the command line makes no sense

Examples:
  stage0 audit verify decisions.jsonl
  stage0 audit verify decisions.jsonl --keys keys.json --checkpoint yesterday.txt --policy policy.yaml"
)]
pub(super) struct Verify {
    /// The log, or the files of it in their order; `-` is standard input
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,

    /// Whose checkpoints are believed: a set of public keys (JWKS)
    #[arg(long, value_name = "JWKS")]
    keys: Option<PathBuf>,

    /// A checkpoint that was kept elsewhere, which the log has to come to
    #[arg(long, value_name = "FILE", requires = "keys")]
    checkpoint: Option<PathBuf>,

    /// Make the decisions again by this policy, the one that made them, and tell those that come out in
    /// another way; repeat it where several did
    #[arg(long = "policy", short, value_name = "POLICY")]
    policies: Vec<PathBuf>,

    /// The lines before the first one are elsewhere
    #[arg(long)]
    continues: bool,

    /// The form of the report: text, or json for programs
    #[arg(
        long = "format",
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    pub(super) form: Form,
}

impl Verify {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let keys = match &self.keys {
            Some(path) => {
                let text = read(path, KEY_SET_LIMITS.bytes_max)?;
                Some(KeySet::parse(&name_of(path), &text)?)
            }
            None => None,
        };
        let policies = self.policies.iter().map(|path| load_policy(path));
        let policies: Vec<Policy> = policies.collect::<Result<_, _>>()?;
        let report = self.verify(keys.as_ref(), &policies)?;
        print(&match self.form {
            Form::Text => self.to_text(&report),
            Form::Json => report.to_json() + "\n",
        })?;
        Ok(if report.problems.is_empty() {
            Exit::Success
        } else {
            Exit::Problem
        })
    }

    fn verify(&self, keys: Option<&KeySet>, policies: &[Policy]) -> Result<Report, Problem> {
        let mut auditor = Auditor::new(keys, policies, self.continues);
        each_line(&self.logs, |place, text, is_ended| {
            auditor.line(place, text, is_ended);
            Ok(())
        })?;
        if let Some(path) = &self.checkpoint {
            let token = read(path, TOKEN_BYTES_MAX.saturating_add(2))?;
            let token = String::from_utf8_lossy(&token);
            auditor.hold_to(&name_of(path), token.trim_ascii());
        }
        Ok(auditor.report())
    }

    fn to_text(&self, report: &Report) -> String {
        let Report {
            problems,
            summary,
            remade,
        } = report;
        let mut out = render(problems.get(..PROBLEMS_SHOWN).unwrap_or(problems));
        if let Some(more) = problems
            .len()
            .checked_sub(PROBLEMS_SHOWN)
            .filter(|more| *more > 0)
        {
            let _ = writeln!(out, "\n... and {more} more");
        }
        if !out.is_empty() {
            out.push('\n');
        }
        let names: Vec<String> = self.logs.iter().map(|log| name_of(log)).collect();
        let _ = writeln!(
            out,
            "{} of {}: {}, {}",
            count(summary.lines, "line"),
            names.join(", "),
            count(summary.records, "record"),
            count(summary.checkpoints, "checkpoint"),
        );
        let _ = writeln!(
            out,
            "  ends    line {}, {}",
            summary.head.seq, summary.head.hash
        );
        match (summary.signed_to, summary.signed_at, &self.keys) {
            // What was found casts doubt on what a signature says about it.
            _ if !problems.is_empty() => {}
            (Some(seq), Some(at), _) => {
                let behind = summary.head.seq.saturating_sub(seq);
                let _ = writeln!(
                    out,
                    "  signed  up to line {seq} on {at}; {} behind it",
                    count(behind, "line")
                );
            }
            (_, _, None) if summary.checkpoints > 0 => {
                out.push_str(
                    "  signed  not looked at: --keys says whose checkpoints are believed\n",
                );
            }
            _ => {}
        }
        if let Some(remade) = remade {
            let _ = writeln!(out, "  made again  {}", count(remade.decisions, "decision"));
            if remade.by_others > 0 {
                let _ = writeln!(
                    out,
                    "  not looked at  {}: another policy made them, or another version of it",
                    count(remade.by_others, "decision")
                );
            }
            if remade.facts_only > 0 {
                let _ = writeln!(
                    out,
                    "  not kept whole  {}: only their facts were",
                    count(remade.facts_only, "decision")
                );
            }
        }
        if problems.is_empty() {
            let _ = writeln!(out, "{}", paint(GOOD, "The log is what was written."));
        }
        out
    }
}

/// `1 line`, `2 lines`
fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
