//! What nobody should do, and somebody will: every input ends in an answer or a problem.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::{Folder, STAGE0};

const NOW: &str = "2026-01-05T10:00:00Z";

fn check(folder: &Folder, more: &[&str]) -> crate::support::Answer {
    let mut arguments = vec!["check", "--policy", "payments.yaml", "--now", NOW];
    arguments.extend(more);
    folder.run(arguments)
}

#[test]
fn files_that_are_none() {
    let folder = Folder::with_files("no-files");
    check(&folder, &["nowhere.json"]).is_problem("FILE_UNREADABLE");
    check(&folder, &["."]).is_problem("FILE_UNREADABLE");
    assert_eq!(check(&folder, &[""]).code, Some(2));
    check(&folder, &["small.json", "--state", "."]).is_problem("FILE_UNREADABLE");
    check(&folder, &["small.json", "--state", "no/such/run.json"]).is_problem("FILE_UNWRITABLE");
    check(&folder, &["small.json", "--approvals", "nothing"]).is_problem("FILE_UNREADABLE");
    check(&folder, &["-", "--approvals", "-"]).is_problem("FILE_UNREADABLE");
    folder
        .run(["check", "small.json", "--policy", "team"])
        .is_problem("FILE_UNREADABLE");
    folder
        .run(["test", "nowhere"])
        .is_problem("FILE_UNREADABLE");
    assert_eq!(folder.run(["lint", "nowhere"]).code, Some(1));
    folder
        .run(["explain", "nowhere"])
        .is_problem("FILE_UNREADABLE");
}

#[test]
fn texts_that_are_no_requests() {
    let folder = Folder::with_files("no-requests");
    for (text, code) in [
        (&b""[..], "JSON_UNEXPECTED_END"),
        (b"\xff\xfe{}", "JSON_INVALID_UTF8"),
        (b"{\"goal\": \"\xc3\x28\"}", "JSON_INVALID_UTF8"),
        (b"\xef\xbb\xbf{}", "JSON_BYTE_ORDER_MARK"),
        (b"{\"goal\": \"a\", \"goal\": \"b\"}", "JSON_DUPLICATE_KEY"),
        (b"{\"goal\": \"a\"} x", "JSON_TRAILING_TEXT"),
        (b"[]", "REQUEST_TYPE"),
        (b"{}", "REQUEST_FIELD_MISSING"),
        (b"null", "REQUEST_TYPE"),
    ] {
        folder.write("hostile.json", text);
        check(&folder, &["hostile.json"]).is_problem(code);
    }
    folder.write("deep.json", "[".repeat(900_000));
    check(&folder, &["deep.json"]).is_problem("JSON_DEPTH");
    folder.write("large.json", " ".repeat(1_000_001));
    check(&folder, &["large.json"]).is_problem("FILE_TOO_LARGE");
    let line = format!("{{\"goal\": \"{}\u{1b}[2J\"}}", "x".repeat(100_000));
    folder.write("line.json", line);
    let answer = check(&folder, &["line.json"]);
    answer.is_problem("JSON_CONTROL_CHARACTER");
    assert!(!answer.err.contains('\u{1b}'));
    assert!(answer.err.len() < 2_000);
}

#[test]
fn texts_that_are_no_policies() {
    let folder = Folder::with_files("no-policies");
    for (name, text) in [
        ("empty", &b""[..]),
        ("utf16", b"\xff\xfes\0t\0"),
        ("binary", b"\0\x01\x02"),
        ("list", b"[]"),
        ("deep", &b"[".repeat(100_000)),
        ("request", b"{\"goal\": \"a\"}"),
        (
            "missing",
            b"stage0: v1\nname: a\nversion: 1.0.0\nextends: [./nowhere.yaml]\n",
        ),
        (
            "itself",
            b"stage0: v1\nname: a\nversion: 1.0.0\nextends: [./itself]\n",
        ),
        (
            "folder",
            b"stage0: v1\nname: a\nversion: 1.0.0\nextends: [./team]\n",
        ),
    ] {
        folder.write(name, text);
        for verb in ["lint", "explain", "test"] {
            let answer = folder.run([verb, name]);
            assert_eq!(answer.code, Some(1), "{verb} {name}: {answer:?}");
        }
    }
}

#[test]
fn a_state_that_nobody_wrote_stops_everything() {
    let folder = Folder::with_files("bad-state");
    for (text, code) in [
        ("", "JSON_UNEXPECTED_END"),
        ("{}", "STATE_INVALID"),
        ("{\"v\":2,\"run\":{}}", "STATE_INVALID"),
        ("{\"v\":1}", "STATE_VERSION"),
        ("{\"v\":99}", "STATE_VERSION"),
        ("null", "STATE_INVALID"),
    ] {
        folder.write("run.json", text);
        check(&folder, &["small.json", "--state", "run.json"]).is_problem(code);
        assert_eq!(folder.read("run.json"), text, "it is left as it was");
    }
}

#[test]
fn colours_are_only_for_those_who_want_them() {
    let folder = Folder::with_files("colours");
    let plain = check(&folder, &["large.json", "--explain"]);
    assert!(!plain.out.contains('\u{1b}'));
    let coloured = check(&folder, &["large.json", "--explain", "--color", "always"]);
    assert!(coloured.out.contains("\u{1b}["));
    let problem = check(&folder, &["wrong.json", "--color=always"]);
    assert!(problem.err.contains("\u{1b}["));
    let help = folder.run(["--color", "always", "check", "--help"]);
    assert!(help.out.contains("\u{1b}["));
    assert!(!folder.run(["check", "--help"]).out.contains('\u{1b}'));
}

#[test]
fn what_others_wrote_cannot_write_to_a_terminal() {
    let folder = Folder::with_files("escapes");
    let request = r#"{"goal": "a\u001b[2J\u202e", "tools": ["x\u001b]0;y\u0007"], "constraints": ["\u009b31m"], "\u001bk": 1}"#;
    folder.write("hostile.json", request);
    for form in [
        &["--explain"][..],
        &["--format", "text"],
        &["--format", "pretty"],
    ] {
        let mut arguments = vec!["hostile.json"];
        arguments.extend(form);
        let answer = check(&folder, &arguments);
        assert_eq!(answer.code, Some(3));
        let hidden = |c: char| c != '\n' && stage0_engine::legible::is_hidden(c);
        assert!(!answer.out.chars().any(hidden), "{:?}", answer.out);
    }
}

#[test]
fn a_closed_pipe_is_no_panic_and_no_allow() {
    let folder = Folder::with_files("pipes");
    for arguments in [
        &["check", "small.json", "-p", "payments.yaml"][..],
        &["schema"],
        &["explain", "payments.yaml"],
        &["test", "payments.yaml"],
        &["completions", "bash"],
        &["eval", "--functions"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(STAGE0)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(writer)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_no_allow() {
    let folder = Folder::with_files("full");
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(STAGE0)
        .args(["check", "small.json", "-p", "payments.yaml"])
        .current_dir(folder.path())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[FILE_UNWRITABLE]"));
}

#[test]
fn standard_input_that_ends_early_is_a_problem() {
    let folder = Folder::with_files("stdin");
    let arguments = ["check", "-", "-p", "payments.yaml"];
    folder
        .run_with(arguments, b"")
        .is_problem("JSON_UNEXPECTED_END");
    folder
        .run_with(arguments, &b" ".repeat(3_000_000))
        .is_problem("FILE_TOO_LARGE");
    let mut child = Command::new(STAGE0)
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"goal\": ").unwrap();
    drop(stdin);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_are_files_like_any_other() {
    use std::os::unix::ffi::OsStringExt as _;
    let folder = Folder::with_files("names");
    let name = |end: &str| OsString::from_vec([b"\xff\x1b[31m", end.as_bytes()].concat());
    folder.write(name(".json"), folder.read("small.json"));
    folder.write(name(".yaml"), folder.read("payments.yaml"));
    let run = |request: OsString, more: &[OsString]| {
        let mut arguments: Vec<OsString> =
            ["check", "--now", NOW, "--policy"].map(Into::into).into();
        arguments.extend([name(".yaml"), request]);
        arguments.extend_from_slice(more);
        folder.run(arguments)
    };
    let answer = run(name(".json"), &["--state".into(), name(".run")]);
    assert_eq!(answer.code, Some(0), "{answer:?}");
    let answer = run(name(".nothing"), &[]);
    answer.is_problem("FILE_UNREADABLE");
    assert!(!answer.err.contains('\u{1b}'));
    // What is no file name is refused where it has to be text.
    let answer = folder.run([OsString::from("eval"), name("")]);
    assert_eq!(answer.code, Some(2));
    assert_eq!(
        folder.run(["test"]).code,
        Some(1),
        "the folder has failing tests"
    );
}

#[cfg(unix)]
#[test]
fn links_in_circles_end() {
    let folder = Folder::with_files("links");
    std::os::unix::fs::symlink("run.json", folder.path().join("run.json")).unwrap();
    check(&folder, &["small.json", "--state", "run.json"]).is_problem("FILE_UNREADABLE");
    std::os::unix::fs::symlink(".", folder.path().join("again")).unwrap();
    assert_eq!(folder.run(["test", "team"]).code, Some(0));
    std::fs::create_dir(folder.path().join("kept")).unwrap();
    std::os::unix::fs::symlink("kept/run.json", folder.path().join("linked.json")).unwrap();
    let answer = check(&folder, &["small.json", "--state", "linked.json"]);
    assert_eq!(
        answer.code,
        Some(1),
        "the file behind the link is not there: {answer:?}"
    );
}
