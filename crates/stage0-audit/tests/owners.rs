//! Who reads what a log is made of.

#![cfg(unix)]
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use stage0_audit::sink::{FileSink, FileSinkOptions, Sink as _};
use stage0_engine::time::Timestamp;

#[test]
fn only_its_owner_reads_a_log() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("owners");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let options = FileSinkOptions {
        rotate_bytes: Some(1),
        ..FileSinkOptions::default()
    };
    let mut sink = FileSink::open(&folder.join("log.jsonl"), options).unwrap();
    for _ in 0..3 {
        sink.append("{\"v\":1}", Timestamp::EPOCH).unwrap();
    }
    let entries = fs::read_dir(&folder).unwrap();
    let files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    // The log, two that were put aside, and the lock.
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}
