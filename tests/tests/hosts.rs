//! The adapters of hosts, and what is said about a host that gets something wrong.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::fs;
use std::path::Path;

use stage0_tests::corpus::{exams, topics};
use stage0_tests::hosts::compare::compare;
use stage0_tests::hosts::differential::{Bounds, run};
use stage0_tests::hosts::{Engine, Host, Lines, Question, Reply, Wire};
use stage0_wire::Policy;
use stage0_wire::cases::read_tests;
use stage0_wire::problem::Problems;
use stage0_wire::sources::Sources;
use stage0_wire::testing::record_case;

const SEED: u64 = 7;

/// A host that answers wrongly where a request has these words in it.
struct Liar(Wire, &'static str);

impl Host for Liar {
    fn name(&self) -> &'static str {
        "liar"
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, String> {
        let reply = self.0.ask(question)?;
        Ok(match reply {
            Reply::Decided { answer, next_state } if question.request.contains(self.1) => {
                Reply::Decided {
                    answer: format!("{answer} "),
                    next_state,
                }
            }
            right => right,
        })
    }
}

fn bounds(cases: u64) -> Bounds {
    Bounds {
        seconds: 120,
        cases,
        seed: SEED,
    }
}

/// A folder of its own, without what an earlier run left there.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    folder
}

fn lines() -> Lines {
    Lines::start("lines", env!("CARGO_BIN_EXE_hosts"), &["serve"]).unwrap()
}

#[test]
fn hosts_agree_on_random_questions() {
    let mut hosts: Vec<Box<dyn Host>> = vec![
        Box::<Engine>::default(),
        Box::<Wire>::default(),
        Box::new(lines()),
    ];
    let folder = folder("hosts-agree");
    let report = run(&mut hosts, &bounds(300), &folder).unwrap();
    for score in &report.scores {
        assert_eq!((score.agreed, score.asked), (300, 300));
    }
    assert!(report.decided > 200 && report.refused > 5, "{report}");
    assert!(!folder.exists(), "nothing was found, and something written");
}

#[test]
fn a_program_that_speaks_lines_decides_the_corpus() {
    let exams = exams(&topics());
    let expected = exams.len();
    let [score] = compare(&mut [Box::new(lines())], &exams)
        .try_into()
        .unwrap();
    assert!(score.is_perfect(), "{score}");
    assert_eq!(
        score.to_string(),
        format!("host lines      {expected}/{expected}")
    );
}

#[test]
fn a_program_that_ends_too_early_has_no_score() {
    let quits = Lines::start("quits", "true", &[]).unwrap();
    let exams = exams(&topics()[..1]);
    let [score] = compare(&mut [Box::new(quits)], &exams).try_into().unwrap();
    assert_eq!(score.agreed, 0);
    assert!(score.asked > 0 && !score.is_perfect());
    let host = Lines::start("nobody", "/no/such/program", &[]).unwrap_err();
    assert!(host.contains("cannot be started"), "{host}");
}

#[test]
fn a_line_that_is_no_reply_is_told() {
    for line in [
        "",
        "[]",
        "{}",
        r#"{"answer":"a"}"#,
        r#"{"problems":[1]}"#,
        r#"{"answer":1,"next_state":""}"#,
    ] {
        assert!(Reply::from_line(line).is_err(), "{line}");
    }
    let both = r#"{"answer":"a","next_state":"b","problems":[]}"#;
    assert!(Reply::from_line(both).is_err());
    let reply = Reply::Refused(vec!["JSON_DEPTH".to_owned()]);
    assert_eq!(Reply::from_line(&reply.to_line()), Ok(reply));
}

#[test]
fn a_difference_is_shrunk_and_becomes_a_case() {
    let folder = folder("hosts-differ");
    let mut hosts: Vec<Box<dyn Host>> = vec![Box::new(Liar(Wire::default(), "\"amount\""))];
    let told = run(&mut hosts, &bounds(300), &folder).unwrap_err();
    assert!(told.starts_with("liar differs with seed 7"), "{told}");

    // What is left has the words that made the difference, and little else.
    let line = fs::read_to_string(folder.join("question.json")).unwrap();
    let question = Question::from_line(&line).unwrap();
    assert!(question.request.contains("\"amount\""));
    assert!(question.request.len() < 200, "{}", question.request);

    // The case is one of `stage0 test`, and comes out as it says.
    let policy = fs::read_to_string(folder.join("root.json")).unwrap();
    let imports = |_: &str, wanted: &str| {
        let text = fs::read(folder.join(wanted)).ok()?;
        Some(stage0_wire::imports::Imported::new(wanted, text))
    };
    let policy = Policy::load("root.json", policy, &imports).unwrap();
    let mut sources = Sources::new();
    let cases = fs::read(folder.join("cases.yaml")).unwrap();
    let file = sources.add_bytes("cases.yaml", cases).unwrap();
    let mut problems = Problems::new();
    let tests = read_tests(&sources, file, &mut problems).unwrap();
    assert!(problems.is_empty(), "{:?}", problems.finish());
    let (report, exchanges) = record_case(&policy, &tests.cases[0]);
    assert!(report.passed(), "{report:?}");
    assert_eq!(exchanges.len(), 1);
}
