//! What came of a log: for people and for programs.

use std::fmt::Write as _;
use std::path::Path;

use stage0_engine::legible::one_line;
use stage0_wire::Policy;
use stage0_wire::json_object::{Object, object};
use stage0_wire::problem::problems_to_json;
use stage0_wire::replay::{Change, Said};

use super::{Case, Results};
use crate::exit::render;
use crate::input::name_of;
use crate::paint::{BAD, FAINT, GOOD, NAME, TITLE, UNSURE, paint, verdict};
use crate::table::write_rows;

/// Characters of an id or a tool's name that are shown.
const NAME_CHARS_MAX: usize = 60;

pub(super) struct Report<'r> {
    pub(super) log: &'r Path,
    pub(super) policy: &'r Policy,
    pub(super) against: Option<&'r Policy>,
    pub(super) results: &'r Results,
    pub(super) cases_shown: usize,
}

impl Report<'_> {
    /// As a person reads it.
    pub(super) fn to_text(&self) -> String {
        let results = self.results;
        let mut out = render(
            results
                .problems
                .get(..self.problems_shown())
                .unwrap_or_default(),
        );
        if !out.is_empty() {
            let more = results
                .failed
                .saturating_sub(u64::try_from(self.problems_shown()).unwrap_or(u64::MAX));
            if more > 0 {
                let _ = writeln!(out, "\n... and {more} more lines that cannot be made again");
            }
            out.push('\n');
        }
        for (change, cases) in [
            (Change::Stricter, &results.stricter),
            (Change::Milder, &results.milder),
        ] {
            self.cases(&mut out, change, cases);
        }
        self.summary(&mut out);
        out
    }

    fn problems_shown(&self) -> usize {
        self.cases_shown.min(self.results.problems.len())
    }

    fn cases(&self, out: &mut String, change: Change, cases: &[Case]) {
        if cases.is_empty() {
            return;
        }
        let _ = writeln!(out, "{}", paint(TITLE, change.as_str()));
        let shown = cases.iter().take(self.cases_shown);
        let rows: Vec<Vec<String>> = shown
            .map(|Case { line, compared }| {
                let (before, after) = (&compared.before, &compared.after);
                let tool = compared.tool.as_deref().unwrap_or("a plan");
                vec![
                    format!("line {line}"),
                    paint(NAME, &one_line(tool, NAME_CHARS_MAX)),
                    format!("{} -> {}", verdict(before.verdict), verdict(after.verdict)),
                    why(before, after),
                    paint(FAINT, &one_line(&compared.request_id, NAME_CHARS_MAX)),
                ]
            })
            .collect();
        write_rows(out, 2, &rows);
        let count = self.results.count(change);
        let left = count.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        if left > 0 {
            let help = if rows.len() < cases.len() {
                "; --all shows them"
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "  {}",
                paint(FAINT, &format!("... and {left} more{help}"))
            );
        }
        out.push('\n');
    }

    fn summary(&self, out: &mut String) {
        let results = self.results;
        let (same, unchanged) = (
            results.count(Change::Same),
            results.count(Change::Unchanged),
        );
        let by = match self.against {
            Some(other) => format!(
                "{} against {}",
                other.index().label(),
                self.policy.index().label()
            ),
            None => format!("{} against what was recorded", self.policy.index().label()),
        };
        let _ = writeln!(
            out,
            "{} of {}: {by}",
            decisions(results.decisions()),
            name_of(self.log)
        );
        let mut rows = vec![vec![
            "unchanged".to_owned(),
            same.saturating_add(unchanged).to_string(),
            format!("{same} to the byte"),
        ]];
        for (change, style) in [(Change::Stricter, UNSURE), (Change::Milder, BAD)] {
            let count = results.count(change);
            let name = change.as_str();
            let name = if count > 0 {
                paint(style, name)
            } else {
                name.to_owned()
            };
            rows.push(vec![name, count.to_string()]);
        }
        if results.reports > 0 {
            rows.push(vec!["reports".to_owned(), results.reports.to_string()]);
        }
        if results.facts_only > 0 {
            let why = "only their facts were kept".to_owned();
            rows.push(vec![
                "not kept whole".to_owned(),
                results.facts_only.to_string(),
                why,
            ]);
        }
        if results.failed > 0 {
            rows.push(vec![
                paint(BAD, "not made again"),
                results.failed.to_string(),
            ]);
        }
        write_rows(out, 2, &rows);
        let left = results.failed.saturating_add(results.facts_only);
        if results.decisions() == same && left == 0 && same > 0 {
            let _ = writeln!(out, "{}", paint(GOOD, "Every decision came out as it was."));
        }
    }

    /// As a program reads it.
    pub(super) fn to_json(&self) -> String {
        let results = self.results;
        let mut out = String::new();
        object(&mut out, |report| {
            report.text("policy", self.policy.index().label());
            report.optional("against", self.against.map(|other| other.index().label()));
            report.plain("decisions", results.decisions());
            for change in Change::ALL {
                report.plain(change.as_str(), results.count(change));
            }
            report.plain("reports", results.reports);
            report.plain("facts_only", results.facts_only);
            report.plain("failed", results.failed);
            let cases = results.stricter.iter().chain(&results.milder);
            report.list("cases", cases, |out, case| {
                object(out, |member| write_case(member, case));
            });
            report.plain("problems", problems_to_json(&results.problems));
        });
        out.push('\n');
        out
    }
}

fn write_case(member: &mut Object<'_>, Case { line, compared }: &Case) {
    member.plain("line", line);
    member.text("request_id", &compared.request_id);
    member.text("now", &compared.at.to_string());
    member.optional("tool", compared.tool.as_deref());
    member.text("change", compared.change.as_str());
    for (name, said) in [("before", &compared.before), ("after", &compared.after)] {
        object(member.member(name), |member| {
            member.text("verdict", said.verdict.as_str());
            member.texts("codes", &said.codes);
        });
    }
}

/// The codes that came and went.
fn why(before: &Said, after: &Said) -> String {
    let without = |some: &Said, other: &Said, sign: &str| {
        let codes = some.codes.iter().filter(|code| !other.codes.contains(code));
        codes
            .map(|code| format!("{sign}{code}"))
            .collect::<Vec<_>>()
    };
    let mut codes = without(after, before, "+");
    codes.extend(without(before, after, "-"));
    codes.join(" ")
}

/// A number of decisions.
pub(super) fn decisions(count: u64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} decision{s}")
}
