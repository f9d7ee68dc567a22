//! What must hold of logs of receipts, their lines and checkpoints.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::Value;
use stage0_audit::chain::{
    Body, CHECKPOINT_KIND, Chain, Checkpoint, Head, LINE_BYTES_MAX, Line, Place, Report, Verifier,
};
use stage0_audit::key::KeySet;
use stage0_wire::strict_json::parse_str;

use super::{ANSWERS, check_problems, now};
use crate::vectors::{chain, known_key};

/// What logs are held against.
struct Known {
    keys: KeySet,
    /// Every checkpoint that somebody signed whose key is in the set.
    signed: BTreeSet<String>,
    /// One of them that was kept elsewhere.
    kept: String,
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let set = chain();
        let listed = set["vectors"].as_array().into_iter().flatten();
        let tokens = listed.filter_map(|vector| vector["token"].as_str());
        let in_lines = set["lines"].as_array().into_iter().flatten();
        let in_lines = in_lines.filter_map(|line| serde_json::from_str(line.as_str()?).ok());
        let in_lines =
            in_lines.filter_map(|line: Value| Some(line["checkpoint"].as_str()?.to_owned()));
        Known {
            keys: KeySet::parse("keys", set["keys"].to_string().as_bytes()).expect("a set"),
            kept: set["vectors"][0]["token"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            signed: tokens.map(str::to_owned).chain(in_lines).collect(),
        }
    })
}

/// A text is a log in which everything is found that is wrong with it, whose lines have one spelling, and in which
/// nobody's signature is made up. Whatever a record says, its line says just that.
pub fn chain_text(text: &[u8]) {
    let known = known();
    let alone = verified(text, None, false);
    verified(text, Some(&known.keys), true);
    let Ok(text) = core::str::from_utf8(text) else {
        return;
    };
    if alone.problems.is_empty() {
        rewrite(text);
    }
    let mut written = Chain::from(Head::START);
    for line in text.split('\n') {
        one_line(line);
        let record = Body::Record(line);
        let text = written.append(line);
        let short = text.len() <= LINE_BYTES_MAX;
        assert_eq!(
            Line::parse(&text).map(|line| line.body).ok(),
            short.then_some(record)
        );
        checkpoint(line);
    }
}

/// The report on a log, which can be shown.
fn verified(text: &[u8], keys: Option<&KeySet>, continues: bool) -> Report {
    let mut verifier = Verifier::new(keys, continues);
    let mut place = Place::default();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        place.line += 1;
        let (line, is_ended) = match line.strip_suffix(b"\n") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let line = core::str::from_utf8(line).unwrap_or("\u{fffd}");
        verifier.line(&place, line, is_ended);
    }
    if keys.is_some() {
        verifier.hold_to("kept", &known().kept);
    }
    let report = verifier.report();
    for problem in &report.problems {
        check_problems(core::slice::from_ref(problem));
    }
    let summary = &report.summary;
    // A line that stands twice is looked into once.
    assert!(summary.records + summary.checkpoints <= summary.lines);
    assert!(summary.lines <= place.line);
    assert!(keys.is_some() || summary.signed_to.is_none());
    assert!(parse_str(&report.to_json(), &ANSWERS).is_ok());
    report
}

/// A log without a fault is what a chain writes of the same bodies.
fn rewrite(text: &str) {
    let mut chain = Chain::from(Head::START);
    for line in text.lines() {
        let read = Line::parse(line).expect("nothing was found");
        assert_eq!(
            chain.head(),
            Head {
                seq: read.seq - 1,
                hash: read.prev
            }
        );
        if let Body::Record(record) = read.body {
            assert_eq!(chain.append(record), line);
        }
        chain = Chain::from(read.head());
    }
}

/// A line that is one says what it says without being verified, and has one spelling.
fn one_line(line: &str) {
    if let Ok(read) = Line::parse(line) {
        assert_eq!(Body::unverified(line), Some(read.body));
        let before = Head {
            seq: read.seq - 1,
            hash: read.prev,
        };
        if let Body::Record(record) = read.body {
            assert_eq!(Chain::from(before).append(record), line);
        }
        assert!(Line::parse(&format!("{line} ")).is_err());
    }
}

/// A checkpoint is somebody's, and what somebody signs is read as it was written.
fn checkpoint(text: &str) {
    let known = known();
    if Checkpoint::open(text, &known.keys).is_ok() {
        assert!(known.signed.contains(text), "nobody signed {text}");
    }
    let signed = known_key().sign(CHECKPOINT_KIND, text);
    match Checkpoint::open(&signed, &known.keys) {
        Ok(opened) => {
            let again = Checkpoint::sign(opened.head(), opened.at(), &known_key());
            let again = Checkpoint::open(again.token(), &known.keys).expect("just signed");
            assert_eq!((again.head(), again.at()), (opened.head(), opened.at()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let head = Head {
        seq: text.len() as u64,
        hash: Head::START.hash,
    };
    let made = Checkpoint::sign(head, now(), &known_key());
    assert_eq!(Checkpoint::open(made.token(), &known.keys), Ok(made));
}
