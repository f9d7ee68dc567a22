//! Examples that are programs: each is run, and prints the decision that stands beside it.
//!
//! `UPDATE_GOLDEN=1` writes the decisions anew. Examples that are transcripts are run by the command's tests.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_first_policy_is_asked_from_rust() {
    let output = Command::new(env!("CARGO_BIN_EXE_first-policy"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let found = String::from_utf8(output.stdout).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/first-policy/decision.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(path).unwrap());
}
