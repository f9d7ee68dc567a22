//! The shared corpus: every case of `tests/cases` as texts that any host can be asked with.
//!
//! The files are those of `stage0 test`, read more strictly: a topic without cases, or a case that does
//! not say why it is there, is refused. Each decision of a case becomes a [`Question`] with the [`Reply`]
//! that every host has to give to the byte. Whether the answers are the right ones is said by the cases
//! themselves.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a corpus that cannot be read fails the test that reads it"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stage0_engine::digest::Digest;
use stage0_engine::policy::Mode;
use stage0_engine::state::RunState;
use stage0_wire::cases::{NOW_DEFAULT, read_tests};
use stage0_wire::imports::{ImportMap, Imported};
use stage0_wire::packs::pack;
use stage0_wire::problem::{Problem, Problems};
use stage0_wire::sources::Sources;
use stage0_wire::testing::{CaseReport, Exchange, record_case};
use stage0_wire::{Policy, approvals_to_json, state_to_json};

use crate::hosts::compare::Exam;
use crate::hosts::{PolicyText, Question, Reply};

/// Cases about one thing: one file.
#[derive(Debug)]
pub struct Topic {
    /// The file's path in the corpus, without its ending, such as `standard/records`.
    pub name: String,
    /// The policy, as hosts are given it.
    pub policy: PolicyText,
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

    /// Every decision as a question with the reply that it must have.
    pub fn exams(&self) -> impl Iterator<Item = Exam> {
        self.exchanges().map(|(place, exchange)| Exam {
            place: format!("{}: {place}", self.name),
            question: Question {
                policy: self.policy.clone(),
                request: exchange.request.clone(),
                request_id: exchange.request_id.to_owned(),
                mode: exchange.mode,
                now: exchange.now,
                approvals: exchange.approvals.clone(),
                state: exchange.state.clone(),
            },
            expected: reply(exchange),
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

/// Everything that a host is asked with: each decision of these topics, and each policy that is none.
pub fn exams(topics: &[Topic]) -> Vec<Exam> {
    let decided = topics.iter().flat_map(Topic::exams);
    decided.chain(refused_policies()).collect()
}

/// The policies of `tests/golden/problems` that do not load. Their goldens hold what people are told;
/// a host has to refuse each for the same reasons.
fn refused_policies() -> impl Iterator<Item = Exam> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/problems");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        // Those from 03 on are no policies but files of tests.
        .filter(|name| name.as_str() < "03" && !name.ends_with(".txt") && name.contains('.'))
        .collect();
    names.sort();
    names.into_iter().filter_map(move |name| {
        // A text that is not UTF-8 has no place in a question.
        let text = fs::read_to_string(folder.join(&name)).ok()?;
        let problems = Policy::load(&name, text.clone(), &ImportMap::new()).err()?;
        let files = BTreeMap::from([(name.clone(), text)]);
        Some(Exam {
            place: format!("golden/problems: {name}"),
            question: Question {
                policy: PolicyText::Files { main: name, files },
                request: r#"{"goal": "Find the address"}"#.to_owned(),
                request_id: "refused".to_owned(),
                mode: Mode::Observe,
                now: NOW_DEFAULT,
                approvals: approvals_to_json(&[]),
                state: state_to_json(&RunState::default()),
            },
            expected: Reply::refused(&problems),
        })
    })
}

/// What every host has to reply: a refusal where there are problems.
fn reply(exchange: &Exchange) -> Reply {
    if exchange.problems.is_empty() {
        return Reply::Decided {
            answer: exchange.answer.clone(),
            next_state: exchange.next_state.clone(),
        };
    }
    let codes = exchange.problems.iter();
    Reply::Refused(codes.map(|code| (*code).to_owned()).collect())
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
    let topics = files.iter().map(|path| {
        let name = path.strip_prefix(folder()).unwrap().with_extension("");
        let name = name.to_str().unwrap().replace('\\', "/");
        topic(&name, fs::read(path).unwrap()).unwrap_or_else(|told| panic!("{told}"))
    });
    topics.collect()
}

/// Reads and runs the cases of one file, which stands at this place in the corpus.
///
/// # Errors
/// What `stage0 test` refuses, a file without a policy or without cases, a case that does not say why.
pub fn topic(name: &str, text: Vec<u8>) -> Result<Topic, String> {
    let mut sources = Sources::new();
    let file = sources
        .add_bytes(name, text)
        .map_err(|error| Problem::from(error).render())?;
    let mut problems = Problems::new();
    let tests = read_tests(&sources, file, &mut problems);
    let found = problems.finish();
    // Here a warning is a mistake too.
    let tests = tests
        .filter(|_| found.is_empty())
        .ok_or_else(|| told(&found))?;
    let named = tests.policy.map(|policy| policy.value);
    let named = named.ok_or_else(|| format!("{name}: the file names no `policy`"))?;
    let (text, policy) = if pack(&named).is_some() {
        (PolicyText::Pack(named.clone()), Policy::builtin(&named))
    } else {
        load(&folder().join(name).parent().unwrap().join(named))
    };
    let policy = policy.map_err(|problems| told(&problems))?;
    if tests.cases.is_empty() {
        return Err(format!("{name}: the file has no cases"));
    }
    let silent = |why: Option<&str>| why.unwrap_or_default().trim().is_empty();
    if let Some(case) = tests.cases.iter().find(|case| silent(case.why.as_deref())) {
        return Err(format!("{name}: `{}` has no `why`", case.name.value));
    }
    let cases = tests.cases.iter().map(|case| {
        let (report, exchanges) = record_case(&policy, case);
        Case { report, exchanges }
    });
    Ok(Topic {
        name: name.to_owned(),
        cases: cases.collect(),
        policy: text,
    })
}

/// A policy of the corpus, with the texts of all files that it is made of.
fn load(path: &Path) -> (PolicyText, Result<Policy, Vec<Problem>>) {
    let path = path.canonicalize().unwrap();
    let folder = folder().canonicalize().unwrap();
    let in_corpus = |path: &Path| {
        let path = path.strip_prefix(&folder).unwrap().to_str().unwrap();
        path.replace('\\', "/")
    };
    let files = RefCell::new(BTreeMap::new());
    let read = |path: &Path| {
        let text = fs::read_to_string(path).ok()?;
        files.borrow_mut().insert(in_corpus(path), text.clone());
        Some(text)
    };
    let imports = |from: &str, wanted: &str| {
        let path = folder.join(from).parent()?.join(wanted);
        let path = path.canonicalize().ok()?;
        Some(Imported::new(in_corpus(&path), read(&path)?))
    };
    let main = in_corpus(&path);
    let policy = Policy::load(&main, read(&path).unwrap(), &imports);
    let files = files.take();
    (PolicyText::Files { main, files }, policy)
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(Problem::render).collect()
}
