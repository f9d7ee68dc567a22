//! Logs of receipts that somebody has been at, and logs whose writers were stopped.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what went wrong by panicking"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use stage0_audit::chain::{Chain, Checkpoint, Head, Line, Place, Summary, Verifier};
use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::sink::{
    CallbackSink, FileSink, FileSinkOptions, Fsync, Repair, Signing, Sink as _, SinkError,
};
use stage0_engine::digest::Digest;
use stage0_engine::time::Timestamp;

fn now() -> Timestamp {
    Timestamp::parse("2026-01-05T10:00:00Z").unwrap()
}

fn key(name: &str) -> PrivateKey {
    let seed = Digest::of(format!("stage0 test key {name}").as_bytes());
    PrivateKey::from_seed(name, seed.as_bytes()).unwrap()
}

fn keys(names: &[(&str, &str)]) -> KeySet {
    let keys: Vec<String> = names
        .iter()
        .map(|(name, more)| {
            let jwk = key(name).to_public_jwk();
            format!("{}{more}}}", jwk.trim_end().strip_suffix('}').unwrap())
        })
        .collect();
    KeySet::parse(
        "keys",
        format!("{{\"keys\":[{}]}}", keys.join(",")).as_bytes(),
    )
    .unwrap()
}

/// A chain of records, with a checkpoint behind each so many.
fn log(records: usize, every: u64) -> Vec<String> {
    let mut lines = Vec::new();
    let signing = Some(Signing::new(key("log"), every));
    let mut sink = CallbackSink::new(Head::START, signing, |line: &str| {
        lines.push(line.to_owned());
        Ok(())
    });
    for number in 0..records {
        sink.append(&format!("{{\"v\":1,\"number\":{number}}}"), now())
            .unwrap();
    }
    lines
}

fn verify(lines: &[String], keys: Option<&KeySet>, kept: Option<&str>) -> (Vec<String>, Summary) {
    let mut verifier = Verifier::new(keys, false);
    for (line, text) in (1..).zip(lines) {
        let place = Place {
            file: "log".to_owned(),
            line,
        };
        verifier.line(&place, text, true);
    }
    if let Some(token) = kept {
        verifier.hold_to("kept", token);
    }
    let (findings, summary) = verifier.finish();
    let told = findings.iter().map(|finding| {
        let line = finding.place.as_ref().map_or(0, |place| place.line);
        format!("{} {line}", finding.code.as_str())
    });
    (told.collect(), summary)
}

/// The same lines from here on, with hashes that fit: what somebody writes who can write the file.
fn relink(lines: &[String], from: usize) -> Vec<String> {
    let mut relinked: Vec<String> = lines[..from].to_vec();
    let head = relinked
        .last()
        .map_or(Head::START, |line| Line::parse(line).unwrap().head());
    let mut chain = Chain::from(head);
    for line in &lines[from..] {
        let body = line.split_once("\"record\":").map(|(_, rest)| rest);
        let body = body.and_then(|rest| rest.rsplit_once(",\"hash\":"));
        if let Some((record, _)) = body {
            relinked.push(chain.append(record));
        }
    }
    relinked
}

#[test]
fn a_log_that_nobody_touched_is_as_it_was_written() {
    let keys = keys(&[("log", "")]);
    let lines = log(10, 4);
    let (findings, summary) = verify(&lines, Some(&keys), None);
    assert_eq!(findings, [""; 0]);
    assert_eq!(
        (summary.lines, summary.records, summary.checkpoints),
        (12, 10, 2)
    );
    assert_eq!(
        (summary.first, summary.head.seq, summary.signed_to),
        (1, 12, Some(9))
    );
    assert_eq!(summary.head, Line::parse(&lines[11]).unwrap().head());
    assert_eq!(verify(&[], None, None).1.head, Head::START);
}

#[test]
fn what_was_done_to_a_log_is_named_with_its_place() {
    let keys = keys(&[("log", "")]);
    let lines = log(10, 100);
    let check = |edit: &dyn Fn(&mut Vec<String>), expected: &[&str]| {
        let mut edited = lines.clone();
        edit(&mut edited);
        assert_eq!(verify(&edited, None, None).0, expected);
    };
    check(
        &|lines| lines[4] = lines[4].replace("4}", "5}"),
        &["AUDIT_CHANGED 5"],
    );
    check(&|lines| drop(lines.remove(4)), &["AUDIT_MISSING 5"]);
    check(&|lines| drop(lines.drain(2..5)), &["AUDIT_MISSING 3"]);
    check(&|lines| drop(lines.remove(0)), &["AUDIT_MISSING 1"]);
    check(
        &|lines| lines.insert(5, lines[4].clone()),
        &["AUDIT_DUPLICATED 6"],
    );
    check(
        &|lines| lines.push(lines[4].clone()),
        &["AUDIT_DUPLICATED 11"],
    );
    check(&|lines| lines.swap(4, 5), &["AUDIT_REORDERED 6"]);
    check(
        &|lines| {
            let moved = lines.remove(2);
            lines.push(moved);
        },
        &["AUDIT_REORDERED 10"],
    );
    check(
        &|lines| lines[4] = "{}".to_owned(),
        &["AUDIT_NO_RECEIPT 5", "AUDIT_MISSING 6"],
    );
    check(
        &|lines| {
            lines[4] = relink(
                &[&lines[..4], &["\"record\":{},\"hash\":".to_owned()]].concat(),
                4,
            )[4]
            .clone();
        },
        &["AUDIT_REPLACED 6"],
    );
    // What is cut off at the end, or written anew from some line on, shows by what was signed.
    let signed = log(10, 4);
    let kept = Checkpoint::sign(Line::parse(&signed[11]).unwrap().head(), now(), &key("log"));
    let cut = verify(&signed[..7], Some(&keys), Some(kept.token()));
    assert_eq!(cut.0, ["AUDIT_TRUNCATED 1"]);
    assert_eq!(verify(&signed[..7], Some(&keys), None).0, [""; 0]);
    let anew = relink(&signed, 6);
    assert_eq!(verify(&anew, None, None).0, [""; 0]);
    let (findings, _) = verify(&anew, Some(&keys), Some(kept.token()));
    assert_eq!(findings, ["AUDIT_TRUNCATED 1"], "its checkpoints went");
    let longer = [relink(&signed, 6), relink(&log(30, 100), 0)[10..].to_vec()].concat();
    assert!(
        !verify(&longer, Some(&keys), Some(kept.token()))
            .0
            .is_empty()
    );
    let unsigned = relink(&signed, 0);
    assert_eq!(verify(&unsigned, Some(&keys), None).0, ["AUDIT_UNSIGNED 0"]);
    let other = relink(&log(20, 100), 0);
    let findings = verify(&other, Some(&keys), Some(kept.token())).0;
    assert_eq!(findings, ["AUDIT_FORKED 1", "AUDIT_UNSIGNED 0"]);
    assert_eq!(
        verify(&signed, None, Some(kept.token())).0,
        ["AUDIT_CHECKPOINT 1"]
    );
}

#[test]
fn checkpoints_are_worth_what_their_keys_are() {
    let lines = log(10, 4);
    let findings = |more: &str| verify(&lines, Some(&keys(&[("log", more)])), None).0;
    // A key that was followed by another still vouches for what it signed in its time.
    assert_eq!(findings(r#","not_after":"2026-01-06T00:00:00Z""#), [""; 0]);
    let late = findings(r#","not_before":"2026-01-06T00:00:00Z""#);
    assert_eq!(
        late,
        [
            "AUDIT_CHECKPOINT 5",
            "AUDIT_CHECKPOINT 10",
            "AUDIT_UNSIGNED 0"
        ]
    );
    // A stolen key can be made to say any time.
    let revoked = findings(r#","revoked_at":"2026-02-01T00:00:00Z""#);
    assert_eq!(revoked, late);
    let strangers = keys(&[("another", "")]);
    assert_eq!(verify(&lines, Some(&strangers), None).0, late);
    // What a later key vouches for needs no earlier one.
    let mut resigned = lines.clone();
    let mut chain = Chain::from(Line::parse(&lines[11]).unwrap().head());
    resigned.push(chain.append_checkpoint(&Checkpoint::sign(chain.head(), now(), &key("next"))));
    let both = keys(&[
        ("log", r#","revoked_at":"2026-02-01T00:00:00Z""#),
        ("next", ""),
    ]);
    let (found, summary) = verify(&resigned, Some(&both), None);
    assert_eq!((found, summary.signed_to), (Vec::new(), Some(12)));
    // A checkpoint of another place in the chain is none of this one.
    let mut moved = lines[..3].to_vec();
    let mut chain = Chain::from(Line::parse(&lines[2]).unwrap().head());
    let other = Checkpoint::sign(Line::parse(&lines[1]).unwrap().head(), now(), &key("log"));
    moved.push(chain.append_checkpoint(&other));
    let found = verify(&moved, Some(&keys(&[("log", "")])), None).0;
    assert_eq!(found, ["AUDIT_FORKED 4", "AUDIT_UNSIGNED 0"]);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(14),
        ..ProptestConfig::default()
    })]

    /// Whatever is done to the lines of a log, it shows, unless only its end is gone.
    #[test]
    fn no_edit_goes_unnoticed(
        edits in prop::collection::vec((0_usize..4, 0_usize..12, 0_usize..12, 0_usize..400), 1..4),
    ) {
        let lines = log(9, 100);
        let mut edited = lines.clone();
        for (kind, one, other, byte) in edits {
            let length = edited.len();
            if length == 0 {
                break;
            }
            let (one, other) = (one % length, other % length);
            match kind {
                0 => drop(edited.remove(one)),
                1 => edited.swap(one, other),
                2 => edited.insert(one, edited[other].clone()),
                _ => {
                    let mut bytes = edited[one].clone().into_bytes();
                    let place = byte % bytes.len();
                    bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
                    edited[one] = String::from_utf8(bytes).unwrap();
                }
            }
        }
        let is_beginning = lines.starts_with(&edited);
        let (findings, _) = verify(&edited, None, None);
        prop_assert_eq!(findings.is_empty(), is_beginning, "{:?}", findings);
    }
}

/// A file of its own, in a folder that is made anew.
fn file(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chain-{test}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder.join("decisions.jsonl")
}

fn open(path: &Path, rotate_bytes: Option<u64>) -> Result<FileSink, SinkError> {
    let options = FileSinkOptions {
        fsync: Fsync::Never,
        rotate_bytes,
        signing: None,
    };
    FileSink::open(path, options)
}

/// The lines of all files of a chain, the full ones first.
fn all_lines(path: &Path) -> Vec<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|found| found != path && found.extension().is_some_and(|end| end != "lock"))
        .collect();
    files.sort();
    files.push(path.to_owned());
    let texts = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_file_goes_on_where_it_ended() {
    let path = file("goes-on");
    for turn in 1..=3 {
        let mut sink = open(&path, None).unwrap();
        assert_eq!(sink.repair(), None);
        sink.append("{\"v\":1}", now()).unwrap();
        let checkpoint = sink.checkpoint(&key("log"), now()).unwrap();
        assert_eq!(checkpoint.head().seq, turn * 2 - 1);
        assert_eq!(sink.head().seq, turn * 2);
    }
    let lines = all_lines(&path);
    let (findings, summary) = verify(&lines, Some(&keys(&[("log", "")])), None);
    assert_eq!(
        (findings, summary.lines, summary.signed_to),
        (Vec::new(), 6, Some(5))
    );
}

#[test]
fn a_line_that_was_cut_anywhere_is_mended_and_no_other_is_lost() {
    let path = file("torn");
    let mut sink = open(&path, None).unwrap();
    for _ in 0..3 {
        sink.append("{\"v\":1,\"ä\":\"ö\"}", now()).unwrap();
    }
    drop(sink);
    let whole = fs::read(&path).unwrap();
    let before = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    for end in before..=whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let mut sink = open(&path, None).unwrap();
        let (repair, kept) = match end {
            end if end == before => (None, 2),
            end if end == whole.len() => (None, 3),
            end if end == whole.len() - 1 => (Some(Repair::Completed), 3),
            end => {
                let bytes = u64::try_from(end - before).unwrap();
                (Some(Repair::Cut { bytes }), 2)
            }
        };
        assert_eq!(
            (sink.repair(), sink.head().seq),
            (repair, kept),
            "cut at {end}"
        );
        sink.append("{\"v\":1}", now()).unwrap();
        drop(sink);
        assert_eq!(
            verify(&all_lines(&path), None, None).0,
            [""; 0],
            "cut at {end}"
        );
    }
}

#[test]
fn nothing_follows_a_line_that_is_none() {
    let path = file("damaged");
    for text in ["no line\n", "{}\n", "\n", "\u{0}\n"] {
        fs::write(&path, text).unwrap();
        let error = open(&path, None).unwrap_err();
        assert_eq!(
            error.to_problem().code().as_str(),
            "AUDIT_DAMAGED",
            "{error}"
        );
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            text,
            "it stays as it is"
        );
    }
    let lines = log(3, 100);
    let changed = lines.join("\n").replace("\"number\":2", "\"number\":3") + "\n";
    fs::write(&path, changed).unwrap();
    assert!(matches!(open(&path, None), Err(SinkError::Damaged { .. })));
    // A record is one line.
    let path = file("no-record");
    let mut sink = open(&path, None).unwrap();
    assert!(matches!(
        sink.append("{}\n{}", now()),
        Err(SinkError::NoRecord)
    ));
    assert_eq!(sink.append("{}", now()).unwrap().seq, 1);
}

#[test]
fn a_full_file_is_put_aside_and_the_chain_goes_on() {
    let path = file("full");
    for _ in 0..4 {
        let mut sink = open(&path, Some(1_000)).unwrap();
        for _ in 0..5 {
            sink.append(
                &format!("{{\"v\":1,\"text\":\"{}\"}}", "x".repeat(100)),
                now(),
            )
            .unwrap();
        }
    }
    let names: Vec<String> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names.contains(&"decisions.jsonl.000000000004".to_owned()),
        "{names:?}"
    );
    assert_eq!(names.len(), 2 + 4, "{names:?}");
    let lines = all_lines(&path);
    let (findings, summary) = verify(&lines, None, None);
    assert_eq!((findings, summary.lines), (Vec::new(), 20));
    // It was put aside, and its writer was stopped before the next one began.
    fs::remove_file(&path).unwrap();
    let sink = open(&path, Some(1_000)).unwrap();
    assert_eq!(sink.head().seq, 16);
}

#[test]
fn a_file_has_one_writer() {
    let path = file("two");
    let first = open(&path, None).unwrap();
    let error = open(&path, None).unwrap_err();
    assert!(matches!(error, SinkError::Locked { .. }), "{error}");
    drop(first);
    assert!(open(&path, None).is_ok());
}

/// Whatever a writer had said is kept was kept when it was killed, also while files are put aside.
#[test]
fn what_was_acknowledged_outlives_kill() {
    let path = file("kill");
    for lines in [1, 7, 40, 3, 200, 90] {
        let mut writer = Command::new(env!("CARGO_BIN_EXE_keep-log"))
            .arg(&path)
            .arg("20000")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut last = 0;
        for _ in 0..lines {
            last = said.next().unwrap().unwrap().parse().unwrap();
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        // What it had said and nobody had read yet.
        for line in said.map_while(Result::ok) {
            last = line.parse().unwrap_or(last);
        }
        let sink = open(&path, None).unwrap();
        let head: u64 = sink.head().seq;
        assert!(
            (last..=last + 1).contains(&head),
            "{last} were said, {head} are kept"
        );
        drop(sink);
        let (findings, summary) = verify(&all_lines(&path), None, None);
        assert_eq!((findings, summary.lines), (Vec::new(), head));
    }
}

#[test]
fn a_function_that_fails_is_told_and_loses_nothing() {
    let mut kept = Vec::new();
    let mut turn = 0;
    let mut sink = CallbackSink::new(Head::START, None, |line: &str| {
        turn += 1;
        if turn == 2 {
            return Err("no space left".to_owned());
        }
        kept.push(line.to_owned());
        Ok(())
    });
    sink.append("{}", now()).unwrap();
    let error = sink.append("{}", now()).unwrap_err();
    assert_eq!(error.to_string(), "the line was not kept: no space left");
    sink.append("{}", now()).unwrap();
    assert_eq!(verify(&kept, None, None).0, [""; 0]);
}
