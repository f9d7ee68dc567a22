//! What holding a log against itself came to: for people who read it, and as JSON for programs.

use stage0_wire::json_object::object;
use stage0_wire::problem::{Problem, problems_to_json};

use super::{Finding, Summary, Verifier};

/// What was found, and what was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Everything that is wrong, in the order of places; nothing where the log is what was written.
    pub problems: Vec<Problem>,
    /// What was looked at.
    pub summary: Summary,
    /// How many decisions were made again; nothing where no policy was given.
    pub remade: Option<Remade>,
}

/// How many decisions were made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remade {
    /// Decisions that came out as they were recorded, to the byte.
    pub decisions: u64,
    /// Decisions of which only the facts were kept.
    pub facts_only: u64,
    /// Decisions that another policy made, or another version of it.
    pub by_others: u64,
    /// Records that do not hold.
    pub failed: u64,
}

impl Verifier<'_> {
    /// Everything that was found, as problems, and what was looked at.
    pub fn report(self) -> Report {
        let (findings, summary) = self.finish();
        Report {
            problems: findings.iter().map(Finding::to_problem).collect(),
            summary,
            remade: None,
        }
    }
}

impl Report {
    /// One JSON object: `lines`, `records`, `checkpoints`, `first`, `last`, `hash`, `signed_to`, `signed_at`, with
    /// a policy `decisions`, `facts_only`, `by_others` and `failed`, and `problems`.
    pub fn to_json(&self) -> String {
        let summary = &self.summary;
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
            if let Some(remade) = self.remade {
                report.plain("decisions", remade.decisions);
                report.plain("facts_only", remade.facts_only);
                report.plain("by_others", remade.by_others);
                report.plain("failed", remade.failed);
            }
            report.plain("problems", problems_to_json(&self.problems));
        });
        out
    }
}
