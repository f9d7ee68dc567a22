//! The shared corpus: every case of `tests/cases` as texts that any host can be asked with.
//!
//! The files are those of `stage0 test`. Here each decision of a case becomes an [`Exchange`]: the
//! request, what the host adds, and the answer to the byte. A host is one small adapter, [`Host`]; it
//! is asked with every exchange and has to give the same bytes. Whether the answers are the right ones
//! is said by the cases themselves.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a corpus that cannot be read fails the test that reads it"
)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stage0_engine::digest::Digest;
use stage0_engine::host::Host as EngineHost;
use stage0_engine::state::RunState;
use stage0_wire::cases::read_tests;
use stage0_wire::imports::Imported;
use stage0_wire::packs::pack;
use stage0_wire::problem::{Problem, Problems};
use stage0_wire::sources::Sources;
use stage0_wire::testing::{CaseReport, Exchange, record_case};
use stage0_wire::{Policy, parse_approvals, parse_state, state_to_json};

/// Cases about one thing: one file.
#[derive(Debug)]
pub struct Topic {
    /// The file's path in the corpus, without its ending, such as `standard/records`.
    pub name: String,
    /// The pack, or the path in the corpus, of the policy.
    pub policy_name: String,
    /// The policy, compiled.
    pub policy: Policy,
    /// The cases, in the order in which they were written.
    pub cases: Vec<Case>,
}

/// One case, run.
#[derive(Debug)]
pub struct Case {
    /// What came of its expectations, and its name.
    pub report: CaseReport,
    /// Its decisions, in order.
    pub exchanges: Vec<Exchange>,
}

impl Topic {
    /// Every decision with its place, such as `most iterations #2`.
    pub fn exchanges(&self) -> impl Iterator<Item = (String, &Exchange)> {
        self.cases.iter().flat_map(|case| {
            let numbered = case.exchanges.iter().zip(1..);
            numbered.map(|(exchange, step)| (format!("{} #{step}", case.report.name), exchange))
        })
    }

    /// The topic's golden: a line for each decision with the digest of its answer and next state, and
    /// what a person wants to see in a diff.
    pub fn golden(&self) -> String {
        let lines = self.exchanges().map(|(place, exchange)| {
            if !exchange.problems.is_empty() {
                return format!("refused {} | {place}\n", exchange.problems.join(" "));
            }
            let digest =
                Digest::of(format!("{}\n{}", exchange.answer, exchange.next_state).as_bytes());
            let answer: Value = serde_json::from_str(&exchange.answer).unwrap();
            let issues = answer["issues"].as_array().unwrap().iter();
            let codes: Vec<&str> = issues
                .map(|issue| issue["code"].as_str().unwrap())
                .collect();
            let verdict = answer["verdict"].as_str().unwrap();
            let risk = &answer["risk_score"];
            format!("{digest} {verdict} {risk} {} | {place}\n", codes.join(" "))
        });
        lines.collect()
    }
}

/// The folder of the corpus.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Reads and runs the whole corpus.
pub fn topics() -> Vec<Topic> {
    let mut files = Vec::new();
    let mut waiting = vec![folder()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("policies") {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                files.push(path);
            }
        }
    }
    files.sort();
    files.iter().map(|path| topic(path)).collect()
}

fn topic(path: &Path) -> Topic {
    let name = path.strip_prefix(folder()).unwrap().with_extension("");
    let name = name.to_str().unwrap().replace('\\', "/");
    let mut sources = Sources::new();
    let file = sources.add_bytes(&name, fs::read(path).unwrap()).unwrap();
    let mut problems = Problems::new();
    let tests = read_tests(&sources, file, &mut problems);
    assert!(!problems.has_errors(), "{}", told(&problems.finish()));
    let tests = tests.unwrap();
    let named = tests.policy.map(|policy| policy.value);
    let named = named.unwrap_or_else(|| panic!("{name}: the file names no `policy`"));
    let (policy_name, policy) = if pack(&named).is_some() {
        let policy = Policy::builtin(&named);
        (named, policy)
    } else {
        load(&path.parent().unwrap().join(named))
    };
    let policy = policy.unwrap_or_else(|problems| panic!("{}", told(&problems)));
    let cases = tests.cases.iter().map(|case| {
        let why = case.why.as_deref().unwrap_or_default();
        assert!(
            !why.is_empty(),
            "{name}: `{}` has no `why`",
            case.name.value
        );
        let (report, exchanges) = record_case(&policy, case);
        Case { report, exchanges }
    });
    Topic {
        cases: cases.collect(),
        name,
        policy_name,
        policy,
    }
}

fn load(path: &Path) -> (String, Result<Policy, Vec<Problem>>) {
    let path = path.canonicalize().unwrap();
    let folder = folder().canonicalize().unwrap();
    let in_corpus = |path: &Path| {
        let path = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        path.replace('\\', "/")
    };
    let imports = |from: &str, wanted: &str| {
        let path = folder.join(from).parent()?.join(wanted);
        let path = path.canonicalize().ok()?;
        Some(Imported::new(in_corpus(&path), fs::read(&path).ok()?))
    };
    let name = in_corpus(&path);
    let policy = Policy::load(&name, fs::read(&path).unwrap(), &imports);
    (name, policy)
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(Problem::render).collect()
}

/// A host that is asked with the corpus.
pub trait Host {
    /// What it is called in reports.
    fn name(&self) -> &str;

    /// The canonical answer and the canonical next state, or what went wrong.
    ///
    /// # Errors
    /// The host gave no answer.
    fn answer(&mut self, topic: &Topic, exchange: &Exchange) -> Result<(String, String), String>;

    /// The codes of the problems for which the host refuses the request, in their order.
    ///
    /// # Errors
    /// The host did not refuse it.
    fn refusal(&mut self, topic: &Topic, exchange: &Exchange) -> Result<Vec<String>, String>;
}

/// What came of asking a host.
#[derive(Debug, Default)]
pub struct Comparison {
    /// How often it was asked.
    pub asked: usize,
    /// Where it answered otherwise, with what was expected and found.
    pub differences: Vec<String>,
}

/// Asks a host with every exchange.
pub fn compare(host: &mut dyn Host, topics: &[Topic]) -> Comparison {
    let mut comparison = Comparison::default();
    for topic in topics {
        for (place, exchange) in topic.exchanges() {
            comparison.asked = comparison.asked.saturating_add(1);
            let place = format!("{}: {}: {place}", host.name(), topic.name);
            if !exchange.problems.is_empty() {
                let found = host.refusal(topic, exchange);
                let expected = exchange.problems.iter();
                let expected: Vec<String> = expected.map(ToString::to_string).collect();
                if found.as_ref() != Ok(&expected) {
                    let difference =
                        format!("{place}\n  refused for {expected:?}\n  found {found:?}");
                    comparison.differences.push(difference);
                }
                continue;
            }
            match host.answer(topic, exchange) {
                Ok((answer, state)) => {
                    for (expected, found) in
                        [(&exchange.answer, &answer), (&exchange.next_state, &state)]
                    {
                        if expected != found {
                            let difference =
                                format!("{place}\n  expected {expected}\n  found    {found}");
                            comparison.differences.push(difference);
                        }
                    }
                }
                Err(error) => comparison.differences.push(format!("{place}\n  {error}")),
            }
        }
    }
    comparison
}

/// The engine in this process, through its text doors.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextDoor;

impl Host for TextDoor {
    fn name(&self) -> &'static str {
        "text door"
    }

    fn answer(&mut self, topic: &Topic, exchange: &Exchange) -> Result<(String, String), String> {
        let approvals = parse_approvals("approvals", exchange.approvals.as_bytes())
            .map_err(|problems| told(&problems))?;
        let state =
            parse_state("state", exchange.state.as_bytes()).map_err(|problems| told(&problems))?;
        let host = EngineHost {
            request_id: exchange.request_id,
            mode: exchange.mode,
            approvals: &approvals,
        };
        let request = exchange.request.as_bytes();
        let (answer, next) = topic
            .policy
            .check(request, &host, &state, exchange.now)
            .map_err(|problems| told(&problems))?;
        Ok((answer, state_to_json(&next)))
    }

    fn refusal(&mut self, topic: &Topic, exchange: &Exchange) -> Result<Vec<String>, String> {
        let request = exchange.request.as_bytes();
        let (host, state) = (EngineHost::default(), RunState::default());
        match topic.policy.check(request, &host, &state, exchange.now) {
            Ok((answer, _)) => Err(answer),
            Err(problems) => Ok(problems
                .iter()
                .map(|problem| problem.code().as_str().to_owned())
                .collect()),
        }
    }
}
