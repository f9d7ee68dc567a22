//! Asks hosts the same questions and compares their bytes.
//!
//! `hosts print` writes the corpus, one question with its reply a line. `hosts serve` is itself a program
//! that speaks lines, the pattern for those in other languages. `hosts corpus HOST...` asks every host with
//! the corpus, `hosts differential SECONDS CASES SEED FOLDER HOST...` with random questions, and writes down
//! one on which they differ. A host is a JSON list of words, such as `["wire"]`,
//! `["cli", "target/debug/stage0"]` or `["python", "python3", "host.py"]`; the last is any program that speaks
//! lines, see `tests/cases/README.md`.

#![expect(clippy::print_stdout, reason = "what it prints is what it is run for")]

use std::io::stdin;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use stage0_tests::corpus::{exams, topics};
use stage0_tests::hosts::compare::compare;
use stage0_tests::hosts::{Host, Question, Wire, differential, open};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["print"] => print(),
        ["serve"] => serve(),
        ["corpus", hosts @ ..] => corpus(hosts),
        ["differential", seconds, cases, seed, folder, hosts @ ..] => {
            random([seconds, cases, seed], Path::new(folder), hosts)
        }
        _ => Err("usage: hosts print | serve | corpus HOST... | \
              differential SECONDS CASES SEED FOLDER HOST..."
            .to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            println!("{trouble}");
            ExitCode::FAILURE
        }
    }
}

fn print() -> Result<(), String> {
    for exam in exams(&topics()) {
        let (place, question) = (json!(exam.place), exam.question.to_line());
        let reply = exam.expected.to_line();
        println!("{{\"case\":{place},\"question\":{question},\"reply\":{reply}}}");
    }
    Ok(())
}

fn serve() -> Result<(), String> {
    let mut host = Wire::default();
    for line in stdin().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let reply = host.ask(&Question::from_line(&line)?)?;
        println!("{}", reply.to_line());
    }
    Ok(())
}

fn opened(hosts: &[&str]) -> Result<Vec<Box<dyn Host>>, String> {
    let hosts = hosts.iter().map(|words| {
        let words: Vec<String> = serde_json::from_str(words)
            .map_err(|error| format!("`{words}` is no list of words: {error}"))?;
        open(&words)
    });
    let hosts: Vec<_> = hosts.collect::<Result<_, _>>()?;
    if hosts.is_empty() {
        return Err("there is no host to ask".to_owned());
    }
    Ok(hosts)
}

fn corpus(hosts: &[&str]) -> Result<(), String> {
    let scores = compare(&mut opened(hosts)?, &exams(&topics()));
    for score in &scores {
        println!("{score}");
    }
    if scores.iter().all(|score| score.is_perfect()) {
        Ok(())
    } else {
        Err("a host does not decide the corpus".to_owned())
    }
}

fn random(numbers: [&str; 3], folder: &Path, hosts: &[&str]) -> Result<(), String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("`{text}` is no number"))
    };
    let [seconds, cases, seed] = numbers;
    let bounds = differential::Bounds {
        seconds: number(seconds)?,
        cases: number(cases)?,
        seed: number(seed)?,
    };
    let report = differential::run(&mut opened(hosts)?, &bounds, folder)?;
    println!("{report}");
    Ok(())
}
