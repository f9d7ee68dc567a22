//! Appends records to a log for ever, and says each number once it is kept: for tests that kill it.
//!
//! `keep-log FILE BYTES`: a file is full from so many bytes on.

use std::io::Write as _;
use std::path::Path;

use stage0_audit::sink::{FileSink, FileSinkOptions, Fsync, Sink as _};
use stage0_engine::time::Timestamp;

fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(file), Some(full)) = (words.next(), words.next()) else {
        panic!("keep-log FILE BYTES");
    };
    let options = FileSinkOptions {
        fsync: Fsync::Never,
        rotate_bytes: full.parse().ok(),
        signing: None,
    };
    let mut sink = FileSink::open(Path::new(&file), options).expect("a log");
    let mut out = std::io::stdout();
    loop {
        let record = format!("{{\"v\":1,\"text\":\"{}\"}}", "x".repeat(300));
        let head = sink.append(&record, Timestamp::EPOCH).expect("a line");
        writeln!(out, "{}", head.seq).expect("a reader");
        out.flush().expect("a reader");
    }
}
