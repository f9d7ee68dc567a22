//! Exit codes, states and approvals: what programs rely on.

use stage0_engine::state::RunState;
use stage0_engine::{host::Host, time::Timestamp};
use stage0_wire::{Policy, parse_state};

use crate::support::{Folder, files, root};

const NOW: &str = "2026-01-05T10:00:00Z";

pub(crate) fn check(folder: &Folder, request: &str, more: &[&str]) -> crate::support::Answer {
    let mut arguments = vec!["check", request, "--policy", "payments.yaml", "--now", NOW];
    arguments.extend(more);
    folder.run(arguments)
}

#[test]
fn each_verdict_has_its_exit_code() {
    let folder = Folder::with_files("exit-codes");
    for (request, code) in [("small.json", 0), ("support.json", 3), ("large.json", 4)] {
        let answer = check(&folder, request, &[]);
        assert_eq!(answer.code, Some(code), "{request}");
        assert_eq!(answer.out.lines().count(), 1);
        assert_eq!(answer.err, "");
        assert_eq!(check(&folder, request, &["--explain"]).code, Some(code));
    }
    assert_eq!(check(&folder, "wrong.json", &[]).code, Some(1));
    assert_eq!(
        check(&folder, "small.json", &["--mode", "soft"]).code,
        Some(2)
    );
}

#[test]
fn the_command_prints_the_bytes_of_the_library() {
    let folder = Folder::with_files("bytes");
    let policy = std::fs::read(files().join("payments.yaml")).unwrap();
    let policy = Policy::load("payments.yaml", policy, &stage0_wire::imports::NoImports).unwrap();
    let host = Host {
        request_id: "r1",
        ..Host::default()
    };
    for request in ["small.json", "large.json", "support.json"] {
        let text = std::fs::read(files().join(request)).unwrap();
        let now = Timestamp::parse(NOW).unwrap();
        let (json, _) = policy
            .check(&text, &host, &RunState::default(), now)
            .unwrap();
        let answer = check(&folder, request, &["--request-id", "r1"]);
        assert_eq!(answer.out, json.clone() + "\n");
        let answer = check(
            &folder,
            request,
            &[
                "--request-id",
                "r1",
                "--format",
                "json",
                "--color",
                "always",
            ],
        );
        assert_eq!(answer.out, json + "\n", "programs never get colours");
    }
}

#[test]
fn the_same_question_has_the_same_answer() {
    let folder = Folder::with_files("deterministic");
    for arguments in [
        vec!["check", "large.json", "-p", "payments.yaml", "--now", NOW],
        vec![
            "check",
            "large.json",
            "-p",
            "payments.yaml",
            "--now",
            NOW,
            "--explain",
        ],
        vec!["explain", "payments.yaml"],
        vec!["test", "--coverage", "--verbose"],
        vec!["lint", "broken.yaml", "doubtful.yaml"],
    ] {
        let (one, two) = (folder.run(&arguments), folder.run(&arguments));
        assert_eq!((one.out, one.err), (two.out, two.err));
    }
}

#[test]
fn a_run_is_counted_in_its_file() {
    let folder = Folder::with_files("state");
    for (request, attempts, allowed) in [
        ("small.json", 1, 1),
        ("support.json", 2, 1),
        ("large.json", 3, 1),
    ] {
        check(&folder, request, &["--state", "run.json"]);
        let text = folder.read("run.json");
        let state = parse_state("run.json", text.as_bytes()).unwrap();
        let run = state.run.unwrap();
        assert_eq!((run.attempts, run.allowed), (attempts, allowed));
    }
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_string_lossy().contains("run.json"))
        .collect();
    assert_eq!(names, ["run.json"], "nothing is left behind");
}

#[test]
fn what_is_not_decided_does_not_change_the_run() {
    let folder = Folder::with_files("state-untouched");
    check(&folder, "small.json", &["--state", "run.json"]);
    let before = folder.read("run.json");
    assert_eq!(
        check(&folder, "wrong.json", &["--state", "run.json"]).code,
        Some(1)
    );
    assert_eq!(folder.read("run.json"), before);
    let arguments = [
        "explain",
        "payments.yaml",
        "small.json",
        "--state",
        "run.json",
    ];
    assert_eq!(folder.run(arguments).code, Some(0));
    assert_eq!(folder.read("run.json"), before);
}

#[test]
fn a_recorded_approval_lets_exactly_its_action_pass() {
    let folder = Folder::with_files("approvals");
    let asked = check(&folder, "large.json", &[]).out;
    let digest = |name: &str| {
        let (_, rest) = asked.split_once(&format!("\"{name}\":\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let record = |answer: &str, by: &str, at: &str| {
        format!(
            r#"[{{"id":"a1","answer":"{answer}","by":"{by}","roles":["finance_lead"],"rule":"payments/large-payout","terms":"{}","action":"{}","issued_at":"{at}"}}]"#,
            digest("terms"),
            digest("action"),
        )
    };
    let with = |text: String, request: &str| {
        folder.write("approvals.json", text);
        let answer = check(&folder, request, &["--approvals", "approvals.json"]);
        (answer.code, answer.out)
    };
    assert_eq!(
        with(record("approved", "ana", NOW), "large.json").0,
        Some(0)
    );
    let (code, out) = with(record("rejected", "ana", NOW), "large.json");
    assert_eq!(code, Some(3));
    assert!(out.contains("APPROVAL_REJECTED"));
    let (code, out) = with(record("approved", "u1", NOW), "large.json");
    assert_eq!(code, Some(4));
    assert!(out.contains("APPROVAL_SELF"));
    let (code, out) = with(
        record("approved", "ana", "2026-01-05T05:59:59Z"),
        "large.json",
    );
    assert_eq!(code, Some(4));
    assert!(out.contains("APPROVAL_EXPIRED"));

    let other = folder.read("large.json").replace("750", "751");
    folder.write("other.json", other);
    let (code, out) = with(record("approved", "ana", NOW), "other.json");
    assert_eq!(code, Some(4));
    assert!(out.contains("APPROVAL_WRONG_ACTION"));

    folder.write(
        "approvals.json",
        record("approved", "ana", NOW).replace("\"by\"", "\"bye\""),
    );
    check(&folder, "large.json", &["--approvals", "approvals.json"])
        .is_problem("APPROVALS_INVALID");
}

#[test]
fn the_payout_example_has_the_decision_that_it_says() {
    let folder = Folder::new("example");
    let example = root().join("examples/payout");
    let file = |name: &str| example.join(name).into_os_string();
    for (request, code) in [
        ("request.json", 4),
        ("approved.json", 0),
        ("rejected.json", 3),
    ] {
        let arguments = [
            "check".into(),
            file(request),
            "--policy".into(),
            file("policy.yaml"),
            "--now".into(),
            NOW.into(),
            "--request-id".into(),
            "demo".into(),
        ];
        let answer = folder.run(arguments);
        assert_eq!(answer.code, Some(code), "{request}: {answer:?}");
        if request == "request.json" {
            let expected = example.join("expected.json");
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&expected, &answer.out).unwrap();
            }
            assert_eq!(answer.out, std::fs::read_to_string(expected).unwrap());
        }
    }
}

#[test]
fn the_command_runs_the_shared_corpus() {
    let folder = Folder::new("corpus");
    let cases = root().join("tests/cases");
    let answer = folder.run(["test".as_ref(), cases.as_os_str()]);
    assert_eq!(answer.code, Some(0), "{}{}", answer.out, answer.err);
    let standard = answer
        .out
        .lines()
        .find(|line| line.contains("stage0/standard"));
    assert!(
        standard.is_some_and(|line| line.starts_with("ok ")),
        "{}",
        answer.out
    );
}
