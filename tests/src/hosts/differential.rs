//! The same random questions to every host, and their bytes compared.
//!
//! Questions come from the generators of the laws, a few of them with a policy or request whose text was
//! damaged. A seed gives the same questions everywhere. One on which a host differs is shrunk as long as
//! that host still differs, and written down as a policy and a file of cases, ready for the corpus.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use stage0_wire::{approvals_to_json, state_to_json};

use crate::fuzz::Mutator;
use crate::generate::{Sample, policy::ANY, sample, timestamp};

use super::compare::{Score, of_each};
use super::{Host, PolicyText, Question, Reply, Wire};

/// How far a comparison goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// No question begins later than this.
    pub seconds: u64,
    /// Nor is there a further one behind so many.
    pub cases: u64,
    /// Which questions.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// Which questions.
    pub seed: u64,
    /// How many decisions and refusals there were.
    pub decided: usize,
    /// Of the questions, those that were refused.
    pub refused: usize,
    /// A score for each host.
    pub scores: Vec<Score>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for score in &self.scores {
            writeln!(formatter, "{score}")?;
        }
        let Self {
            seed,
            decided,
            refused,
            ..
        } = self;
        write!(
            formatter,
            "seed {seed}: {decided} decisions and {refused} refusals"
        )
    }
}

/// Simpler questions that are tried when one was found.
const SHRINKS_MAX: u32 = 2_000;

/// Shrinking a find takes no longer.
const SHRINK_TIME_MAX: Duration = Duration::from_secs(60);

/// What is damaged, and by which seed.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Request(u64),
    Policy(u64),
}

/// Asks every host, until a host differs or a bound is reached.
///
/// # Errors
/// A host differs: what was asked and answered, and where it was written down.
pub fn run(hosts: &mut [Box<dyn Host>], bounds: &Bounds, folder: &Path) -> Result<Report, String> {
    let begin = Instant::now();
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(bounds.seed),
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = questions();
    let mut reference = Wire::default();
    let names = hosts.iter().map(|host| host.name().to_owned());
    let mut report = Report {
        seed: bounds.seed,
        decided: 0,
        refused: 0,
        scores: names.map(Score::new).collect(),
    };
    for _ in 0..bounds.cases {
        if begin.elapsed() >= Duration::from_secs(bounds.seconds) {
            break;
        }
        let tree = strategy.new_tree(&mut runner);
        let mut tree = tree.map_err(|reason| format!("no question was made: {reason}"))?;
        let question = tree.current();
        let expected = reference.ask(&question)?;
        match expected {
            Reply::Decided { .. } => report.decided = report.decided.saturating_add(1),
            Reply::Refused(_) => report.refused = report.refused.saturating_add(1),
        }
        let agreed = of_each(hosts, |host| differs(host, &question, &expected).is_none());
        let scores = report.scores.iter_mut().zip(agreed);
        for (host, (score, agrees)) in hosts.iter_mut().zip(scores) {
            score.asked = score.asked.saturating_add(1);
            if agrees {
                score.agreed = score.agreed.saturating_add(1);
                continue;
            }
            shrink(&mut tree, host.as_mut(), &mut reference);
            let question = tree.current();
            let expected = reference.ask(&question)?;
            let found = differs(host.as_mut(), &question, &expected);
            let found = found.unwrap_or_else(|| "the same, when asked again".to_owned());
            write_down(folder, bounds.seed, host.name(), &question, &expected)?;
            return Err(format!(
                "{} differs with seed {}, see {}\n  expected {expected}\n  found    {found}",
                host.name(),
                bounds.seed,
                folder.display(),
            ));
        }
    }
    Ok(report)
}

/// What a host says that it should not.
fn differs(host: &mut dyn Host, question: &Question, expected: &Reply) -> Option<String> {
    match host.ask(question) {
        Ok(found) if found == *expected => None,
        Ok(found) => Some(found.to_string()),
        Err(trouble) => Some(trouble),
    }
}

/// Makes a question as simple as it can be while the host still differs.
fn shrink(tree: &mut impl ValueTree<Value = Question>, host: &mut dyn Host, reference: &mut Wire) {
    let begin = Instant::now();
    let mut tries = SHRINKS_MAX;
    let mut goes_on = tree.simplify();
    while goes_on {
        let question = tree.current();
        let is_found = reference
            .ask(&question)
            .is_ok_and(|expected| differs(host, &question, &expected).is_some());
        tries = tries.saturating_sub(1);
        let is_enough = tries == 0 || begin.elapsed() >= SHRINK_TIME_MAX;
        goes_on = if is_found {
            !is_enough && tree.simplify()
        } else {
            // Back to what was found; enough is enough only there.
            tree.complicate()
        };
    }
}

/// Questions, a few of them damaged.
fn questions() -> impl Strategy<Value = Question> {
    let damage = prop_oneof![
        14 => Just(None),
        1 => any::<u64>().prop_map(|seed| Some(Damage::Request(seed))),
        1 => any::<u64>().prop_map(|seed| Some(Damage::Policy(seed))),
    ];
    (sample(ANY, true), damage).prop_map(|(sample, damage)| {
        let mut question = question(&sample);
        let (text, seed) = match (damage, &mut question.policy) {
            (Some(Damage::Request(seed)), _) => (&mut question.request, seed),
            (Some(Damage::Policy(seed)), PolicyText::Files { main, files }) => {
                (files.entry(main.clone()).or_default(), seed)
            }
            _ => return question,
        };
        let damaged = Mutator::new(seed).text(&[text.as_bytes().to_vec()]);
        // Hosts are asked in JSON, which is Unicode.
        *text = String::from_utf8_lossy(&damaged).into_owned();
        question
    })
}

/// A sample of the generators as texts.
fn question(sample: &Sample) -> Question {
    let policies = [&sample.policy].into_iter().chain(sample.policy.imports());
    let files = policies.map(|policy| {
        let name = format!("{}.json", policy.name);
        (name, policy.to_value().to_json())
    });
    Question {
        policy: PolicyText::Files {
            main: format!("{}.json", sample.policy.name),
            files: files.collect(),
        },
        request: sample.request.to_value().to_json(),
        request_id: "request-1".to_owned(),
        mode: sample.host.mode,
        now: timestamp(sample.now),
        approvals: approvals_to_json(&sample.host.approvals),
        state: state_to_json(&sample.host.state),
    }
}

/// Writes a question into a folder: as the line that hosts are asked with and, where it is decided, as a
/// file of cases beside its policy.
fn write_down(
    folder: &Path,
    seed: u64,
    host: &str,
    question: &Question,
    expected: &Reply,
) -> Result<(), String> {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))
    };
    write("question.json", &question.to_line())?;
    let PolicyText::Files { main, files } = &question.policy else {
        return Ok(());
    };
    for (name, text) in files {
        write(name, text)?;
    }
    let Reply::Decided { answer, .. } = expected else {
        return Ok(());
    };
    let answer: Value = serde_json::from_str(answer).map_err(|error| error.to_string())?;
    let case = [
        ("name", json!("every host decides alike").to_string()),
        (
            "why",
            json!(format!("{host} differed with seed {seed}")).to_string(),
        ),
        ("now", json!(question.now.to_string()).to_string()),
        ("mode", json!(question.mode.as_str()).to_string()),
        // As they are: another reader would change their numbers.
        ("state", question.state.clone()),
        ("approvals", question.approvals.clone()),
        ("request", question.request.clone()),
        ("expect", answer["verdict"].to_string()),
    ];
    let members = case.map(|(key, text)| format!("  \"{key}\": {text}"));
    let case = members.join(",\n");
    write(
        "cases.yaml",
        &format!(
            "policy: {main}\ndescription: found by the random comparison of hosts\ntests: [{{\n{case}\n}}]\n"
        ),
    )
}
