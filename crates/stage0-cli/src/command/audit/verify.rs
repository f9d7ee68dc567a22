//! `stage0 audit verify`: whether a log is what was written.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use stage0_audit::chain::{Body, Finding, Summary, Verifier};
use stage0_audit::key::{KEY_SET_LIMITS, KeySet};
use stage0_wire::Policy;
use stage0_wire::json_object::object;
use stage0_wire::jws::TOKEN_BYTES_MAX;
use stage0_wire::problem::{Problem, problems_to_json};
use stage0_wire::replay::{Change, Replay, Replayed};

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
    after_help = "A log alone shows every edit of some of its lines. Whoever can write the file can also write all of it anew, or cut its
end off: that shows by signatures. --keys believes the checkpoints of these keys, and --checkpoint one that was kept
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
    /// another way
    #[arg(long, short, value_name = "POLICY")]
    policy: Option<PathBuf>,

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

/// How many decisions were made again.
#[derive(Debug, Default)]
struct Remade {
    decisions: u64,
    facts_only: u64,
    by_others: u64,
    failed: u64,
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
        let policy = self.policy.as_deref().map(load_policy).transpose()?;
        let (problems, summary, remade) = self.verify(keys.as_ref(), policy.as_ref())?;
        let report = match self.form {
            Form::Text => self.to_text(&problems, &summary, policy.as_ref().map(|_| &remade)),
            Form::Json => to_json(&problems, &summary, policy.as_ref().map(|_| &remade)),
        };
        print(&report)?;
        Ok(if problems.is_empty() {
            Exit::Success
        } else {
            Exit::Problem
        })
    }

    fn verify(
        &self,
        keys: Option<&KeySet>,
        policy: Option<&Policy>,
    ) -> Result<(Vec<Problem>, Summary, Remade), Problem> {
        let mut verifier = Verifier::new(keys, self.continues);
        let mut replay = policy.map(Replay::new);
        let mut remade = Remade::default();
        let mut differing: Vec<Problem> = Vec::new();
        each_line(&self.logs, |place, text, is_ended| {
            // What is no text is no receipt; the verifier says so.
            let text = str::from_utf8(text).unwrap_or("\u{fffd}");
            let line = verifier.line(place, text, is_ended);
            let (Some(replay), Some(Body::Record(record))) =
                (&mut replay, line.map(|line| line.body))
            else {
                return Ok(());
            };
            let number = u32::try_from(place.line).unwrap_or(u32::MAX);
            match replay.line(&place.file, number, record) {
                Ok(Replayed::Decision(compared)) if compared.change == Change::Same => {
                    remade.decisions = remade.decisions.saturating_add(1);
                }
                // By its own policy it would have come out to the byte.
                Ok(Replayed::Decision(_)) => remade.by_others = remade.by_others.saturating_add(1),
                Ok(Replayed::Facts) => remade.facts_only = remade.facts_only.saturating_add(1),
                Ok(Replayed::Report) => {}
                Err(problems) => {
                    remade.failed = remade.failed.saturating_add(1);
                    differing.extend(problems);
                }
            }
            Ok(())
        })?;
        if let Some(path) = &self.checkpoint {
            let token = read(path, TOKEN_BYTES_MAX.saturating_add(2))?;
            let token = String::from_utf8_lossy(&token);
            verifier.hold_to(&name_of(path), token.trim_ascii());
        }
        let (findings, summary) = verifier.finish();
        let mut problems: Vec<Problem> = findings.iter().map(Finding::to_problem).collect();
        problems.extend(differing);
        Ok((problems, summary, remade))
    }

    fn to_text(&self, problems: &[Problem], summary: &Summary, remade: Option<&Remade>) -> String {
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

fn to_json(problems: &[Problem], summary: &Summary, remade: Option<&Remade>) -> String {
    let mut out = String::new();
    object(&mut out, |report| {
        report.plain("lines", summary.lines);
        report.plain("records", summary.records);
        report.plain("checkpoints", summary.checkpoints);
        report.plain("first", summary.first);
        report.plain("last", summary.head.seq);
        report.text("hash", &summary.head.hash.to_hex());
        match summary.signed_to {
            Some(seq) => report.plain("signed_to", seq),
            None => report.plain("signed_to", "null"),
        }
        let at = summary.signed_at.map(|at| at.to_string());
        report.optional("signed_at", at.as_deref());
        if let Some(remade) = remade {
            report.plain("decisions", remade.decisions);
            report.plain("facts_only", remade.facts_only);
            report.plain("by_others", remade.by_others);
            report.plain("failed", remade.failed);
        }
        report.plain("problems", problems_to_json(problems));
    });
    out.push('\n');
    out
}

/// `1 line`, `2 lines`
fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
