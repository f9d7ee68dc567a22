//! What came of tests: for people, for programs, and for CI servers.

use std::fmt::Write as _;

use stage0_engine::legible::{is_hidden, one_line};
use stage0_wire::problem::{Problem, problems_to_json};
use stage0_wire::sources::Sources;
use stage0_wire::testing::Coverage;

use super::{Ran, Results};
use crate::paint::{BAD, FAINT, GOOD, NAME, TITLE, UNSURE, paint};
use crate::table::write_rows;
use stage0_wire::json_object::{Object, object};

/// Characters of one expected or found value that are shown.
const VALUE_CHARS_MAX: usize = 300;

/// What tests have not reached, with its places.
#[derive(Debug)]
pub(super) struct CoverageReport {
    rules: usize,
    rules_covered: usize,
    clauses: usize,
    clauses_covered: usize,
    gaps: Vec<Gap>,
}

#[derive(Debug)]
struct Gap {
    file: String,
    line: u32,
    /// The rule, or the rule or named expression that the clause is a part of.
    owner: String,
    clause: Option<String>,
    missing: &'static str,
}

impl CoverageReport {
    pub(super) fn of(coverage: &Coverage, sources: &Sources) -> Self {
        let gap = |place, owner: &str, clause: Option<&str>, missing| Gap {
            file: sources.name(sources_file(place)).to_owned(),
            line: sources.line_column(place).line,
            owner: owner.to_owned(),
            clause: clause.map(|text| one_line(text, VALUE_CHARS_MAX)),
            missing,
        };
        let (rules, clauses) = (coverage.rules(), coverage.clauses());
        let mut gaps: Vec<(stage0_engine::span::Span, Gap)> = Vec::new();
        for rule in rules.iter().filter(|rule| !rule.is_covered()) {
            let missing = match (rule.fired, rule.silent, rule.undecided) {
                (false, false, false) => "never asked",
                (false, false, true) => "never decided",
                (false, true, _) => "never fired",
                (true, _, _) => "never silent",
            };
            gaps.push((rule.place, gap(rule.place, &rule.rule, None, missing)));
        }
        for clause in clauses.iter().filter(|clause| !clause.is_covered()) {
            let missing = match (clause.was_true, clause.was_false) {
                (true, _) => "never false",
                (false, true) => "never true",
                (false, false) => "never told",
            };
            let text = Some(clause.text.as_str());
            gaps.push((
                clause.place,
                gap(clause.place, &clause.owner, text, missing),
            ));
        }
        gaps.sort_by_key(|(place, _)| *place);
        Self {
            rules: rules.len(),
            rules_covered: rules.iter().filter(|rule| rule.is_covered()).count(),
            clauses: clauses.len(),
            clauses_covered: clauses.iter().filter(|clause| clause.is_covered()).count(),
            gaps: gaps.into_iter().map(|(_, gap)| gap).collect(),
        }
    }
}

impl CoverageReport {
    /// How many rules and parts of conditions tests leave out.
    pub(super) fn gaps(&self) -> usize {
        self.gaps.len()
    }
}

fn sources_file(place: stage0_engine::span::Span) -> u16 {
    place.file
}

fn failed(results: &Results) -> impl Iterator<Item = &Ran> {
    results.ran.iter().filter(|ran| !ran.report.passed())
}

// --- For people ---

pub(super) fn text(results: &[Results], problems: usize, gaps: usize, verbose: bool) -> String {
    let mut out = String::new();
    for result in results {
        let failures = failed(result).count();
        let passed = result.ran.len().saturating_sub(failures);
        let mark = match (failures, passed) {
            (0, 0) => paint(UNSURE, "none  "),
            (0, _) => paint(GOOD, "ok    "),
            _ => paint(BAD, "FAILED"),
        };
        let counts = if result.ran.is_empty() {
            "no tests".to_owned()
        } else {
            counts(passed, failures)
        };
        let _ = writeln!(
            out,
            "{mark}  {}  {}",
            paint(TITLE, &result.policy),
            paint(FAINT, &counts)
        );
        for ran in &result.ran {
            if ran.report.passed() {
                if verbose {
                    let _ = writeln!(out, "  {}  {}", paint(GOOD, "ok"), name(ran));
                }
            } else {
                write_failures(&mut out, ran);
            }
        }
        if let Some(coverage) = &result.coverage {
            write_coverage(&mut out, coverage);
        }
    }
    let failures = results.iter().map(|result| failed(result).count());
    let failures = failures.sum::<usize>();
    let ran = results.iter().map(|result| result.ran.len()).sum::<usize>();
    let style = if failures > 0 || problems > 0 || gaps > 0 {
        BAD
    } else {
        GOOD
    };
    out.push('\n');
    for (count, what) in [(problems, "problem"), (gaps, "gap")] {
        let plural = if count == 1 { "" } else { "s" };
        if count > 0 {
            let _ = writeln!(out, "{}", paint(BAD, &format!("{count} {what}{plural}")));
        }
    }
    let _ = writeln!(
        out,
        "{}",
        paint(style, &counts(ran.saturating_sub(failures), failures))
    );
    out
}

fn counts(passed: usize, failed: usize) -> String {
    format!("{passed} passed, {failed} failed")
}

fn name(ran: &Ran) -> String {
    one_line(&ran.report.name, VALUE_CHARS_MAX)
}

fn write_failures(out: &mut String, ran: &Ran) {
    for (failure, line) in ran.report.failures.iter().zip(&ran.failure_lines) {
        let step = match failure.of {
            1 => String::new(),
            of => format!(", step {} of {of}", failure.step),
        };
        let _ = writeln!(
            out,
            "\n  {}  {}{step}  {}",
            paint(BAD, "FAILED"),
            paint(TITLE, &name(ran)),
            paint(FAINT, &format!("{}:{line}", ran.file))
        );
        for mismatch in &failure.mismatches {
            let _ = writeln!(
                out,
                "    {}: expected {}, found {}",
                mismatch.what,
                paint(GOOD, &one_line(&mismatch.expected, VALUE_CHARS_MAX)),
                paint(BAD, &one_line(&mismatch.found, VALUE_CHARS_MAX))
            );
        }
        for line in failure.explanation.lines() {
            let _ = match line {
                "" => writeln!(out, "      {}", paint(FAINT, "|")),
                line => writeln!(out, "      {} {line}", paint(FAINT, "|")),
            };
        }
    }
}

fn write_coverage(out: &mut String, coverage: &CoverageReport) {
    let share = |covered: usize, all: usize| {
        let style = if covered == all { GOOD } else { UNSURE };
        paint(style, &format!("{covered} of {all}"))
    };
    let _ = writeln!(
        out,
        "  covers {} rules and {} parts of conditions",
        share(coverage.rules_covered, coverage.rules),
        share(coverage.clauses_covered, coverage.clauses)
    );
    let rows: Vec<Vec<String>> = coverage
        .gaps
        .iter()
        .map(|gap| {
            let what = match &gap.clause {
                Some(clause) => format!("{clause}  {}", paint(FAINT, &format!("in {}", gap.owner))),
                None => paint(NAME, &gap.owner),
            };
            vec![
                format!("{}:{}", gap.file, gap.line),
                paint(UNSURE, gap.missing),
                what,
            ]
        })
        .collect();
    write_rows(out, 4, &rows);
}

// --- For programs ---

pub(super) fn json(results: &[Results], problems: &[Problem]) -> String {
    let failures = results.iter().map(|result| failed(result).count());
    let failures = failures.sum::<usize>();
    let ran = results.iter().map(|result| result.ran.len()).sum::<usize>();
    let mut out = String::new();
    object(&mut out, |object| {
        object.plain("passed", ran.saturating_sub(failures));
        object.plain("failed", failures);
        object.list("policies", results, |out, result| {
            self::object(out, |object| json_policy(object, result));
        });
        object.plain("problems", problems_to_json(problems));
    });
    out.push('\n');
    out
}

fn json_policy(object: &mut Object<'_>, result: &Results) {
    object.text("policy", &result.policy);
    object.list("tests", &result.ran, |out, ran| {
        self::object(out, |object| json_test(object, ran));
    });
    match &result.coverage {
        Some(coverage) => self::object(object.member("coverage"), |object| {
            json_coverage(object, coverage);
        }),
        None => object.plain("coverage", "null"),
    }
}

fn json_test(object: &mut Object<'_>, ran: &Ran) {
    object.text("name", &ran.report.name);
    object.text("file", &ran.file);
    object.plain("line", ran.line);
    object.plain("passed", ran.report.passed());
    let failures = ran.report.failures.iter().zip(&ran.failure_lines);
    object.list("failures", failures, |out, (failure, line)| {
        self::object(out, |object| {
            object.plain("step", failure.step);
            object.plain("line", line);
            object.list("mismatches", &failure.mismatches, |out, mismatch| {
                self::object(out, |object| {
                    object.text("what", mismatch.what);
                    object.text("expected", &mismatch.expected);
                    object.text("found", &mismatch.found);
                });
            });
            object.text("explanation", &uncoloured(&failure.explanation));
        });
    });
}

fn json_coverage(object: &mut Object<'_>, coverage: &CoverageReport) {
    object.plain("rules", coverage.rules);
    object.plain("rules_covered", coverage.rules_covered);
    object.plain("clauses", coverage.clauses);
    object.plain("clauses_covered", coverage.clauses_covered);
    object.list("gaps", &coverage.gaps, |out, gap| {
        self::object(out, |object| {
            object.text("file", &gap.file);
            object.plain("line", gap.line);
            object.text("owner", &gap.owner);
            object.optional("clause", gap.clause.as_deref());
            object.text("missing", gap.missing);
        });
    });
}

fn uncoloured(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

// --- For CI servers ---

pub(super) fn junit(results: &[Results]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for result in results {
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">",
            xml(&result.policy),
            result.ran.len(),
            failed(result).count()
        );
        for ran in &result.ran {
            let _ = write!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
                xml(&result.policy),
                xml(&ran.report.name),
                xml(&ran.file),
                ran.line
            );
            if ran.report.passed() {
                out.push_str("/>\n");
                continue;
            }
            out.push_str(">\n");
            for failure in &ran.report.failures {
                let mismatches: Vec<String> = failure
                    .mismatches
                    .iter()
                    .map(|one| {
                        format!(
                            "{}: expected {}, found {}",
                            one.what, one.expected, one.found
                        )
                    })
                    .collect();
                let _ = writeln!(
                    out,
                    "      <failure message=\"step {}: {}\">{}</failure>",
                    failure.step,
                    xml(&mismatches.join("; ")),
                    xml(&uncoloured(&failure.explanation))
                );
            }
            out.push_str("    </testcase>\n");
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text in XML. Control characters cannot stand there at all, not even escaped.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            hidden if is_hidden(hidden) => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
