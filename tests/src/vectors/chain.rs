//! `chain.json`: a log with checkpoints, what somebody may do to it, and checkpoints alone.

use serde_json::{Value, json};
use stage0_audit::chain::{CHECKPOINT_KIND, Chain, Checkpoint, Head, Line};
use stage0_audit::key::PrivateKey;
use stage0_audit::permit::PERMIT_KIND;
use stage0_audit::sink::{CallbackSink, Signing, Sink as _};
use stage0_engine::digest::Digest;
use stage0_wire::question::Question;
use stage0_wire::record::Kept;
use stage0_wire::report::ReportText;

use super::forgeries::forgeries;
use super::permits::payout;
use super::vector::Vector;
use super::{LIMITS, NOW, PAYMENTS, at, key, known_key, payload, policy, trusted};

/// Lines between two checkpoints of the log.
const EVERY: u64 = 2;
/// What the host calls the run.
const RUN: &str = "run-7";
/// What the call did cost.
const COST: &str = "0.25";

/// Four decisions and three outcomes, signed behind each two lines: the decisions with their facts, and the last
/// one whole.
fn log() -> Vec<String> {
    let policy = policy(PAYMENTS, LIMITS);
    let (request, now) = (payout().to_string(), at(NOW));
    let asked = Question {
        request_id: Some("r1"),
        ..Question::new(request.as_bytes(), now)
    };
    let mut lines = Vec::new();
    let signing = Some(Signing::new(known_key(), EVERY));
    let mut sink = CallbackSink::new(Head::START, signing, |line: &str| {
        lines.push(line.to_owned());
        Ok(())
    });
    for turn in 0..4 {
        let kept = match turn {
            3 => Kept::Full,
            _ => Kept::Facts { secret: None },
        };
        let (answer, record) = asked.record(&policy, Some(RUN), kept).unwrap();
        sink.append(&record, now).unwrap();
        if turn < 3 {
            let decision: Value = serde_json::from_str(&answer.decision).unwrap();
            let told = ReportText {
                id: "c1",
                action: decision["action_digest"].as_str().unwrap(),
                outcome: "executed",
                cost: Some(COST),
            };
            let record = told.record(Some(RUN), now, None).unwrap();
            sink.append(&record, now).unwrap();
        }
    }
    lines
}

/// The end of a log behind its first lines.
fn head(lines: &[String], count: usize) -> Head {
    Line::parse(&lines[count - 1]).unwrap().head()
}

/// The token of a checkpoint that stands in a line.
fn token(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap();
    line["checkpoint"].as_str().unwrap().to_owned()
}

/// A line with this token, whatever it is.
fn with_token(head: Head, token: &str) -> String {
    let (seq, prev) = (head.seq + 1, head.hash.to_hex());
    let line = format!("{{\"seq\":{seq},\"prev\":\"{prev}\",\"checkpoint\":\"{token}\"");
    let hash = Digest::of(line.as_bytes()).to_hex();
    format!("{line},\"hash\":\"{hash}\"}}")
}

/// One log with what has to be found in it. A line is the number of one of the log's, or another text.
struct Log {
    name: &'static str,
    lines: Vec<Value>,
    found: Vec<(&'static str, u64)>,
    more: Value,
}

impl Log {
    fn new(name: &'static str, lines: Vec<Value>, found: &[(&'static str, u64)]) -> Self {
        let found = found.to_vec();
        Self {
            name,
            lines,
            found,
            more: json!({}),
        }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more[name] = value.into();
        self
    }

    fn into_json(self) -> Value {
        let mut log = self.more;
        log["name"] = self.name.into();
        log["lines"] = self.lines.into();
        log["found"] = json!(self.found);
        log
    }
}

/// Lines of the log, by their numbers.
fn lines(numbers: impl IntoIterator<Item = u64>) -> Vec<Value> {
    numbers.into_iter().map(Value::from).collect()
}

/// The whole log with another line in the place of one.
fn instead(number: usize, line: impl Into<Value>) -> Vec<Value> {
    let mut lines = lines(1..=10);
    lines[number - 1] = line.into();
    lines
}

/// What somebody changed who takes no trouble.
fn changes(log: &[String]) -> Vec<Log> {
    let line = &log[3];
    let replaced = |from: &str, to: &str| instead(4, line.replacen(from, to, 1));
    let (rest, hash) = line.split_at(line.len() - 66);
    let loud = [rest, &hash.to_uppercase()].concat();
    let stray = [("AUDIT_NO_RECEIPT", 4), ("AUDIT_MISSING", 5)];
    vec![
        Log::new("what was written", lines(1..=10), &[]).with("signed_to", 8),
        Log::new("without keys", lines(1..=10), &[]).with("keys", Value::Null),
        Log::new(
            "a word was changed",
            replaced("ALLOW", "DENY"),
            &[("AUDIT_CHANGED", 4)],
        ),
        Log::new("a hash in capitals", instead(4, loud), &stray),
        Log::new(
            "a zero before a number",
            replaced("\"seq\":4", "\"seq\":04"),
            &stray,
        ),
        Log::new("a space that nobody wrote", replaced(":", ": "), &stray),
        Log::new(
            "a line of another program",
            instead(4, "started worker 7"),
            &stray,
        ),
        Log::new("an empty line", instead(4, ""), &stray),
        Log::new(
            "the last line was not ended",
            lines(1..=10),
            &[("AUDIT_TORN", 10)],
        )
        .with("ended", false),
        Log::new(
            "the last line is half of one",
            instead(10, &log[9][..log[9].len() / 2]),
            &[("AUDIT_TORN", 10)],
        )
        .with("ended", false),
    ]
}

/// What somebody took out, put in twice or moved.
fn moves(log: &[String]) -> Vec<Log> {
    let without = |gone: core::ops::Range<u64>| lines((1..=10).filter(|line| !gone.contains(line)));
    let moved = |from: usize, to: usize| {
        let mut lines = lines(1..=10);
        let line = lines.remove(from - 1);
        lines.insert(to - 1, line);
        lines
    };
    let anew = Chain::from(head(log, 3)).append("{\"v\":1}");
    vec![
        Log::new("the end is elsewhere", lines(1..=7), &[]).with("signed_to", 5),
        Log::new("the beginning is elsewhere", lines(5..=10), &[])
            .with("continues", true)
            .with("signed_to", 8),
        Log::new("the first is gone", without(1..2), &[("AUDIT_MISSING", 1)]),
        Log::new("one is gone", without(4..5), &[("AUDIT_MISSING", 4)]),
        Log::new("three are gone", without(4..7), &[("AUDIT_MISSING", 4)]),
        Log::new(
            "one stands twice",
            lines((1..=4).chain(4..=10)),
            &[("AUDIT_DUPLICATED", 5)],
        ),
        Log::new("one was moved on", moved(2, 7), &[("AUDIT_REORDERED", 7)]),
        Log::new(
            "one was moved back",
            moved(4, 2),
            &[("AUDIT_REORDERED", 3), ("AUDIT_REORDERED", 4)],
        ),
        Log::new(
            "one was written anew",
            instead(4, anew),
            &[("AUDIT_REPLACED", 5)],
        ),
    ]
}

/// What shows by signatures alone.
fn signatures(log: &[String]) -> Vec<Log> {
    let kept = token(&log[8]);
    let mut chain = Chain::from(Head::START);
    let anew = (0..10).map(|_| Value::from(chain.append("{\"v\":1}")));
    let anew: Vec<Value> = anew.collect();
    // Two lines, and a checkpoint that says so.
    let checked = |token: &str| {
        let mut lines = lines(1..=2);
        lines.push(with_token(head(log, 2), token).into());
        lines
    };
    let by = |key: &PrivateKey| checked(Checkpoint::sign(head(log, 2), at(NOW), key).token());
    let permit = known_key().sign(PERMIT_KIND, &payload(&token(&log[2])));
    let doubted = [("AUDIT_CHECKPOINT", 3), ("AUDIT_UNSIGNED", 0)];
    let forked = [("AUDIT_FORKED", 1), ("AUDIT_UNSIGNED", 0)];
    let cut = [("AUDIT_TRUNCATED", 1)];
    vec![
        Log::new("a checkpoint was kept", lines(1..=10), &[])
            .with("checkpoint", &*kept)
            .with("signed_to", 8),
        Log::new("the end was cut off", lines(1..=7), &cut).with("checkpoint", &*kept),
        Log::new("nothing is left", vec![], &cut).with("checkpoint", &*kept),
        Log::new("nothing was written", vec![], &[]),
        Log::new("all of it was written anew", anew.clone(), &forked).with("checkpoint", &*kept),
        Log::new(
            "all of it was written anew, and no checkpoint was kept",
            anew,
            &[("AUDIT_UNSIGNED", 0)],
        ),
        Log::new("signed by a stranger", by(&key("stranger", 9)), &doubted),
        Log::new(
            "signed by another key of the same id",
            by(&key("known-2026", 9)),
            &doubted,
        ),
        Log::new("signed by a revoked key", by(&key("revoked", 2)), &doubted),
        Log::new("a permit for a checkpoint", checked(&permit), &doubted),
        Log::new(
            "a checkpoint of another line",
            checked(&token(&log[5])),
            &[("AUDIT_FORKED", 3), ("AUDIT_UNSIGNED", 0)],
        ),
        Log::new(
            "what was kept is a permit",
            lines(1..=10),
            &[("AUDIT_CHECKPOINT", 1)],
        )
        .with("checkpoint", permit),
    ]
}

/// `chain.json`.
///
/// # Panics
/// Something that was meant to be good is not.
pub fn chain() -> Value {
    let log = log();
    let good = token(&log[8]);
    let mut logs = changes(&log);
    logs.extend(moves(&log));
    logs.extend(signatures(&log));
    let mut vectors = vec![Vector::new(
        "what was signed",
        good.clone(),
        None,
        Some(true),
    )];
    vectors.push(Vector::new(
        "an earlier one",
        token(&log[2]),
        None,
        Some(true),
    ));
    for (name, from, to) in [
        ("a number that is text", "\"seq\":8", "\"seq\":\"8\""),
        ("a number below zero", "\"seq\":8", "\"seq\":-8"),
        ("half a line", "\"seq\":8", "\"seq\":8.5"),
        ("a short hash", "\"hash\":\"", "\"hash\":\"0"),
    ] {
        let claims = payload(&good).replacen(from, to, 1);
        let token = known_key().sign(CHECKPOINT_KIND, &claims);
        vectors.push(Vector::new(name, token, Some("CLAIMS_INVALID"), Some(true)));
    }
    vectors.extend(forgeries(CHECKPOINT_KIND, &good));
    json!({
        "about": "A log, and what may be done to it. A line of `logs` is the number of one of `lines`, or another text; `found` are codes with the lines where they are found, 0 for the log as a whole. Where `keys` is null they are not given; `ended` says whether the last line has its break. `vectors` are checkpoints alone. `write` is how the log came about: a decision and an outcome three times, and a decision that was kept whole.",
        "private_key": serde_json::from_str::<Value>(&known_key().to_jwk()).unwrap(),
        "keys": trusted(),
        "now": NOW,
        "write": {
            "files": {"payments.yaml": PAYMENTS, "limits.yaml": LIMITS},
            "request": payout(),
            "request_id": "r1",
            "run": RUN,
            "call": "c1",
            "cost": COST,
            "checkpoint_lines": EVERY,
        },
        "lines": log,
        "logs": logs.into_iter().map(Log::into_json).collect::<Vec<_>>(),
        "vectors": vectors.into_iter().map(Vector::into_json).collect::<Vec<_>>(),
    })
}
