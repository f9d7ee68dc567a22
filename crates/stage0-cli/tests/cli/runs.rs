//! Files of runs: commands that share one, and what is told of one that cannot be used.

use std::thread;

use crate::support::{Folder, STAGE0};

const NOW: &str = "2026-01-05T10:00:00Z";

const POLICY: &str = "
stage0: v1
name: treasury
version: 1.0.0
tools: { pay.out: { effects: [], args: { amount: { type: number } } } }
rules: [{ id: paying, tools: [pay.out], allow: true }]
limits: [{ id: daily, tools: [pay.out], sum: args.amount, window: 24h, max: 5000 }]
";

fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.write("treasury.yaml", POLICY);
    folder.write(
        "payout.json",
        r#"{"tool_call": {"name": "pay.out", "arguments": {"amount": 2000}}}"#,
    );
    folder
}

fn pay(folder: &Folder, run: &str) -> crate::support::Answer {
    let policy = ["check", "payout.json", "--policy", "treasury.yaml"];
    let kept = ["--runs", "runs.db", "--run", run, "--now", NOW];
    folder.run(policy.iter().chain(&kept))
}

/// Three payouts of 2000 under a cap of 5000, by commands that run at once and begin with no file.
#[test]
fn of_three_payouts_at_once_at_most_two_are_allowed() {
    let folder = folder("runs-at-once");
    for turn in 0..5 {
        let codes = thread::scope(|scope| {
            let pay = |_| scope.spawn(|| pay(&folder, "nightly").code);
            let commands: Vec<_> = (0..3).map(pay).collect();
            let codes = commands.into_iter().map(|command| command.join().unwrap());
            let mut codes: Vec<_> = codes.map(Option::unwrap).collect();
            codes.sort_unstable();
            codes
        });
        let expected = if turn == 0 { [0, 0, 4] } else { [4, 4, 4] };
        assert_eq!(codes, expected, "{STAGE0}");
    }
}

#[test]
fn a_file_that_is_cut_off_stops_everything() {
    let folder = folder("runs-cut");
    assert_eq!(pay(&folder, "a").code, Some(0));
    let whole = std::fs::read(folder.path().join("runs.db")).unwrap();
    for length in [0, 100, 4_096, whole.len() - 1] {
        folder.write("runs.db", &whole[..length]);
        pay(&folder, "a").is_problem("STATE_INVALID");
    }
    folder.write("runs.db", whole);
    assert_eq!(pay(&folder, "a").code, Some(0));
    assert_eq!(pay(&folder, "a").code, Some(4));
}

/// What was decided with a file of runs can be made again from its log, though the file has gone on.
#[test]
fn decisions_with_a_file_of_runs_are_made_again() {
    let folder = folder("runs-replayed");
    for (turn, run) in ["a", "b", "a", "c"].into_iter().enumerate() {
        let id = format!("r{turn}");
        let policy = ["check", "payout.json", "--policy", "treasury.yaml"];
        let kept = ["--runs", "runs.db", "--run", run, "--now", NOW];
        let record = [
            "--audit",
            "log.jsonl",
            "--record",
            "full",
            "--request-id",
            &id,
        ];
        let answer = folder.run(policy.iter().chain(&kept).chain(&record));
        assert_eq!(
            answer.code,
            Some(if turn < 2 { 0 } else { 4 }),
            "{answer:?}"
        );
    }
    let answer = folder.run(["replay", "log.jsonl", "--policy", "treasury.yaml"]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(answer.out.contains('4'), "{}", answer.out);
}
