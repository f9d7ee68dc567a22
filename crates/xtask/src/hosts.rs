//! Hosts, asked through `hosts` of the tests crate: with the corpus, and with random questions.
//!
//! Here it is known how a host is made ready and started, there what it is asked and what it must say.
//! Every host has to have answered as many questions as every other.

use std::path::Path;
use std::process::Command;

use crate::command::{Tally, cargo, root, show};
use crate::parts::{HOSTS, Host};
use crate::steps::one_check;

/// Where a question is written on which hosts differ.
const FOUND_FOLDER: &str = "target/differential";

/// How far random questions go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) seconds: u64,
    /// The most questions.
    pub(crate) cases: u64,
    pub(crate) seed: u64,
}

/// The corpus, to every host.
///
/// # Errors
/// A host cannot be started, or one was asked less than another.
pub(crate) fn every() -> Result<Tally, String> {
    corpus(HOSTS)
}

/// The corpus, to these hosts.
///
/// # Errors
/// As [`every`].
pub(crate) fn corpus(hosts: &[Host]) -> Result<Tally, String> {
    let mut asking = asking("corpus", &[])?;
    let unready = open(&mut asking, hosts);
    let finished = show(asking)?;
    let scores: Vec<(u64, u64)> = finished.text.lines().filter_map(score).collect();
    let mut tally = unready;
    for (agreed, asked) in &scores {
        tally = tally.and(Tally {
            passed: *agreed,
            failed: asked.saturating_sub(*agreed),
        });
    }
    let is_even = scores.windows(2).all(|pair| match pair {
        [(_, one), (_, other)] => one == other,
        _ => true,
    });
    let is_complete = scores.len().saturating_add(count(unready.failed)) == hosts.len();
    if !is_even || !is_complete || (!finished.succeeded && tally.failed == 0) {
        return Err("not every host was asked everything".to_owned());
    }
    Ok(tally)
}

/// Random questions, to these hosts.
///
/// # Errors
/// A host cannot be started, or differs; what differs is in a folder that is named.
pub(crate) fn differential(hosts: &[Host], bounds: Bounds) -> Result<Tally, String> {
    let Bounds {
        seconds,
        cases,
        seed,
    } = bounds;
    let numbers = [seconds, cases, seed].map(|number| number.to_string());
    let folder = root()?.join(FOUND_FOLDER).display().to_string();
    let words: Vec<&str> = numbers
        .iter()
        .chain([&folder])
        .map(String::as_str)
        .collect();
    let mut asking = asking("differential", &words)?;
    let unready = open(&mut asking, hosts);
    Ok(unready.and(one_check(&show(asking)?)?))
}

/// The hosts that are asked for by name; all of them if none is.
///
/// # Errors
/// There is no host of that name.
pub(crate) fn named(name: Option<&str>) -> Result<Vec<Host>, String> {
    let Some(name) = name else {
        return Ok(HOSTS.to_vec());
    };
    let host = HOSTS.iter().find(|host| host.name == name);
    host.map(|host| vec![*host]).ok_or_else(|| {
        let names: Vec<&str> = HOSTS.iter().map(|host| host.name).collect();
        format!("there is no host `{name}`, there are {}", names.join(", "))
    })
}

/// The command of this tree, built as the tests build it.
///
/// # Errors
/// It does not build.
pub(crate) fn command_line() -> Result<Vec<String>, String> {
    if !show(cargo(&["build", "--quiet", "-p", "stage0-cli"])?)?.succeeded {
        return Err("the command does not build".to_owned());
    }
    let program = root()?.join(built("stage0"));
    Ok(vec!["cli".to_owned(), program.display().to_string()])
}

/// Where cargo puts a program that it built for tests.
fn built(name: &str) -> String {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Path::new(&target)
        .join("debug")
        .join(name)
        .display()
        .to_string()
}

fn asking(what: &str, words: &[&str]) -> Result<Command, String> {
    let run = [
        "run",
        "--quiet",
        "-p",
        "stage0-tests",
        "--bin",
        "hosts",
        "--",
        what,
    ];
    let mut command = cargo(&run)?;
    command.args(words);
    Ok(command)
}

/// Adds hosts that are ready to a command, and counts one failure for each that is not.
fn open(asking: &mut Command, hosts: &[Host]) -> Tally {
    let mut unready = Tally::default();
    for host in hosts {
        match (host.open)() {
            Ok(words) => {
                asking.arg(serde_json::Value::from(words).to_string());
            }
            Err(trouble) => {
                println!("host {} FAILED: {trouble}", host.name);
                unready = unready.and(Tally {
                    passed: 0,
                    failed: 1,
                });
            }
        }
    }
    unready
}

/// The numbers of a line `host NAME AGREED/ASKED`.
fn score(line: &str) -> Option<(u64, u64)> {
    let (agreed, asked) = line
        .strip_prefix("host ")?
        .rsplit(' ')
        .next()?
        .split_once('/')?;
    Some((agreed.parse().ok()?, asked.parse().ok()?))
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{named, score};
    use crate::parts::HOSTS;

    #[test]
    fn scores_are_read_where_they_stand() {
        assert_eq!(score("host engine     837/837"), Some((837, 837)));
        assert_eq!(score("host cli        3/837"), Some((3, 837)));
        assert_eq!(score("host cli FAILED: `stage0` cannot be run"), None);
        assert_eq!(score("837/837"), None);
    }

    #[test]
    fn hosts_are_found_by_name() {
        assert_eq!(named(None).unwrap().len(), HOSTS.len());
        assert_eq!(named(Some("cli")).unwrap().len(), 1);
        assert!(
            named(Some("clj"))
                .unwrap_err()
                .contains("engine, wire, cli")
        );
        for host in HOSTS {
            let same = HOSTS.iter().filter(|other| other.name == host.name);
            assert_eq!(same.count(), 1, "{}", host.name);
        }
    }
}
