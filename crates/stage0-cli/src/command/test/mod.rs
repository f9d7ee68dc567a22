//! `stage0 test`: the tests of policies, and what they leave out.

mod discover;
mod report;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use stage0_engine::legible::one_line;
use stage0_wire::Policy;
use stage0_wire::codes::ProblemCode;
use stage0_wire::packs::pack;
use stage0_wire::problem::Problem;
use stage0_wire::testing::{CaseReport, Coverage, run_case};

use self::discover::{Group, discover};
use crate::exit::{Exit, Failure, complain};
use crate::input::name_of;
use crate::load::{compile_policy, load_policy};
use crate::output::{Format, print};
use crate::paint::Colors;
use crate::progress::Progress;

/// Run the tests of policies
#[derive(Debug, Args)]
#[command(
    after_help = "A policy brings tests along under `tests:`. Files of tests name their policy under `policy:`, or \
are for the `policy.yaml` beside them. In folders, files that are neither are passed over.

Coverage: a rule is covered once it has fired and has been silent, and a part of a condition once it \
was true and was false. What is missing is told by its place:
  never asked    no test has a call that the rule is about
  never decided  a fact that it needs was missing each time
  never fired    it never allowed, or never stood in the way
  never silent   it never held back
  never told     the part was unknown, or not looked at, each time
  never true, never false

Exit codes:
  0  every test passed, and with --deny-gaps nothing is left out
  1  some failed, something could not be read, or there was nothing to run
  2  the command line makes no sense"
)]
pub(crate) struct Test {
    /// Policies, files of tests, or folders of them; this folder if none is named
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Run only tests with this text in their name
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Show which rules, and which parts of conditions, no test has seen come out both ways
    #[arg(long)]
    coverage: bool,

    /// Fail where tests leave something out that --coverage shows
    #[arg(long, conflicts_with = "filter")]
    deny_gaps: bool,

    /// Name the tests that pass, too
    #[arg(long, short)]
    verbose: bool,

    /// The form of the report: text, json for programs, or junit, which CI servers read
    #[arg(
        long,
        value_name = "FORM",
        default_value = "text",
        hide_possible_values = true,
        help_heading = "Display"
    )]
    format: ReportFormat,
}

/// The form of a report of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    Text,
    Json,
    Junit,
}

/// A test that was run.
#[derive(Debug)]
struct Ran {
    /// The file that it stands in.
    file: String,
    line: u32,
    report: CaseReport,
    /// Line of each failure's expectation.
    failure_lines: Vec<u32>,
}

/// What came of a policy's tests.
#[derive(Debug)]
struct Results {
    policy: String,
    /// The policy and what it imports.
    files: Vec<String>,
    ran: Vec<Ran>,
    coverage: Option<report::CoverageReport>,
}

/// How much no test has seen: what coverage shows, and policies without tests that no tested one
/// imports.
fn gaps(results: &[Results]) -> usize {
    let is_tested = |policy: &String| {
        let mut tested = results.iter().filter(|result| !result.ran.is_empty());
        tested.any(|result| result.files.contains(policy))
    };
    results
        .iter()
        .map(|result| match &result.coverage {
            Some(coverage) => coverage.gaps(),
            None => usize::from(!is_tested(&result.policy)),
        })
        .sum()
}

impl Test {
    /// The form in which problems are told.
    pub(crate) fn problem_format(&self) -> Format {
        match self.format {
            ReportFormat::Json => Format::Json,
            ReportFormat::Text | ReportFormat::Junit => Format::Text,
        }
    }

    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let progress = Progress::of("looking for tests");
        let found = discover(&self.paths)?;
        let mut results = Vec::new();
        let mut problems = found.problems;
        for group in &found.groups {
            match self.run_group(group, &progress) {
                Ok(result) => results.push(result),
                Err(failures) => problems.extend(failures),
            }
        }
        drop(progress);
        let ran = results.iter().map(|result| result.ran.len()).sum::<usize>();
        if ran == 0 && problems.is_empty() {
            return Err(self.nothing_found(found.groups.len()).into());
        }
        let failed = results.iter().flat_map(|result| &result.ran);
        let failed = failed.filter(|ran| !ran.report.passed()).count();
        let gaps = if self.deny_gaps { gaps(&results) } else { 0 };
        // The last line is the one that counts, so problems come first.
        if self.format != ReportFormat::Json && !problems.is_empty() {
            complain(&problems, Format::Text);
        }
        let text = match self.format {
            ReportFormat::Text if ran == 0 => String::new(),
            ReportFormat::Text => report::text(&results, problems.len(), gaps, self.verbose),
            ReportFormat::Json => report::json(&results, &problems),
            ReportFormat::Junit => report::junit(&results),
        };
        print(&text)?;
        let good = failed == 0 && problems.is_empty() && gaps == 0;
        Ok(if good { Exit::Success } else { Exit::Problem })
    }

    fn run_group(&self, group: &Group, progress: &Progress) -> Result<Results, Vec<Problem>> {
        let name = name_of(&group.policy);
        let policy = match &group.text {
            Some(text) => compile_policy(&group.policy, text)?,
            None if pack(&name).is_some() => Policy::builtin(&name)?,
            None => load_policy(&group.policy)?,
        };
        let has_tests = !group.files.is_empty() || !policy.tests().is_empty();
        let mut coverage =
            ((self.coverage || self.deny_gaps) && has_tests).then(|| Coverage::of(&policy));
        let mut ran = Vec::new();
        let own = group
            .text
            .is_some()
            .then_some((policy.sources(), policy.tests()));
        let files = group
            .files
            .iter()
            .map(|file| (&file.sources, file.cases.as_slice()));
        for (sources, cases) in own.into_iter().chain(files) {
            for case in cases {
                let name = &case.name.value;
                if self
                    .filter
                    .as_ref()
                    .is_some_and(|text| !name.contains(text))
                {
                    continue;
                }
                progress.now(|| format!("{} tests run, now {}", ran.len(), one_line(name, 40)));
                let report = run_case(&policy, case, &Colors, coverage.as_mut());
                let line = |span| sources.line_column(span).line;
                ran.push(Ran {
                    file: sources.name(case.span.file).to_owned(),
                    line: line(case.span),
                    failure_lines: report.failures.iter().map(|one| line(one.span)).collect(),
                    report,
                });
            }
        }
        Ok(Results {
            policy: name,
            files: (0..=u16::MAX)
                .map(|file| policy.sources().name(file))
                .take_while(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            ran,
            coverage: coverage
                .map(|coverage| report::CoverageReport::of(&coverage, policy.sources())),
        })
    }

    fn nothing_found(&self, groups: usize) -> Problem {
        let problem = |message: &str| Problem::new(ProblemCode::NothingFound, message);
        match (&self.filter, groups) {
            (Some(filter), _) => problem(&format!("no test has `{filter}` in its name"))
                .help("upper and lower case differ"),
            (None, 0) => problem("there is neither a policy nor a file of tests here")
                .help("`stage0 init` writes a policy with tests to begin with"),
            (None, _) => problem("the policies have no tests").help("write some under `tests:`"),
        }
    }
}
