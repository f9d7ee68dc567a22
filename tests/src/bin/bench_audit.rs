//! `cargo xtask bench audit`: what a receipt of each decision costs, beside deciding alone.
//!
//! Each call decides the benchmark's request from text to text. The chain in memory goes into a buffer that is
//! used again; the file is new, and nobody waits for its disk. A checkpoint is signed behind each 64 lines.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "its report is what it is run for, and nothing here may go wrong"
)]

use std::cell::RefCell;
use std::path::Path;

use stage0_audit::chain::{Chain, Head};
use stage0_audit::sink::{
    CHECKPOINT_LINES, CallbackSink, FileSink, FileSinkOptions, Fsync, Signing, Sink,
};
use stage0_engine::digest::Digest;
use stage0_tests::bench::measure::{Effort, Figures, Lane, race};
use stage0_tests::bench::task;
use stage0_tests::vectors::known_key;
use stage0_wire::Policy;
use stage0_wire::question::{NEW_RUN, Question};
use stage0_wire::record::Kept;

/// Nanoseconds that a receipt may add to a decision.
const ADDED_NS_MAX: f64 = 2_000.0;
/// Bytes of a buffer after which it begins anew.
const BUFFER_BYTES: usize = 1 << 20;

/// How the names of lanes begin that are compared with the one without receipts before them.
const RECEIPT: &str = "receipt: ";

fn main() {
    let file = std::env::args().nth(1).unwrap();
    let policy = Policy::parse(task::POLICY).unwrap();
    let text = task::allowed();
    let asked = Question {
        request_id: Some(task::REQUEST_ID),
        ..Question::new(text.as_bytes(), task::now())
    };
    let of_run = Question {
        state: Some(NEW_RUN),
        ..asked
    };
    let facts = Kept::Facts { secret: None };
    let record = |asked: &Question<'_>, kept| asked.record(&policy, None, kept).unwrap();
    let kept_in = |sink: &RefCell<dyn Sink>, asked: &Question<'_>, kept| {
        let (answer, record) = record(asked, kept);
        sink.borrow_mut().append(&record, asked.now).unwrap();
        answer
    };
    let unsigned = memory(false);
    let signed = memory(true);
    let options = FileSinkOptions {
        fsync: Fsync::Never,
        rotate_bytes: None,
        signing: Some(Signing::new(known_key(), CHECKPOINT_LINES)),
    };
    let file = RefCell::new(FileSink::open(Path::new(&file), options).unwrap());
    let line = Chain::from(Head::START).append(&record(&asked, facts).1);
    let lanes = vec![
        Lane::new("sha-256 of the line and of the request", || {
            (Digest::of(line.as_bytes()), Digest::of(text.as_bytes()))
        }),
        Lane::new("decided alone", || asked.check(&policy).unwrap()),
        Lane::new("receipt: record of its facts", || record(&asked, facts)),
        Lane::new("receipt: chain in memory, facts", || {
            kept_in(&unsigned, &asked, facts)
        }),
        Lane::new("receipt: chain in memory, facts, signed", || {
            kept_in(&signed, &asked, facts)
        }),
        Lane::new("receipt: chain in memory, whole, signed", || {
            kept_in(&signed, &asked, Kept::Full)
        }),
        Lane::new("receipt: chain in a file, facts, signed", || {
            kept_in(&file, &asked, facts)
        }),
        Lane::new("decided in a run", || of_run.check(&policy).unwrap()),
        Lane::new("receipt: chain in memory, facts, signed, in a run", || {
            kept_in(&signed, &of_run, facts)
        }),
    ];
    println!(
        "The request has {} bytes, the line {}.\n",
        text.len(),
        line.len()
    );
    print(&race(lanes, Effort::FULL));
}

/// A chain in a buffer.
fn memory(is_signed: bool) -> RefCell<CallbackSink<impl FnMut(&str) -> Result<(), String>>> {
    let signing = is_signed.then(|| Signing::new(known_key(), CHECKPOINT_LINES));
    let mut kept = String::with_capacity(BUFFER_BYTES);
    RefCell::new(CallbackSink::new(
        Head::START,
        signing,
        move |line: &str| {
            if kept.len() > BUFFER_BYTES / 2 {
                kept.clear();
            }
            kept.push_str(line);
            kept.push('\n');
            Ok(())
        },
    ))
}

/// Each lane of a kind with what it adds to the one that stands before those of its kind.
fn print(found: &[Figures]) {
    println!("| lane | median, ns | added, ns | single p99, ns | |\n|---|---:|---:|---:|---|");
    let mut alone = 0.0;
    for figures in found {
        let Figures {
            name, median_ns, ..
        } = figures;
        let added = if name.starts_with(RECEIPT) {
            let added = median_ns - alone;
            let verdict = if added <= ADDED_NS_MAX {
                "met"
            } else {
                "missed"
            };
            format!("{added:.0} | {:.0} | {verdict}", figures.p99_ns)
        } else {
            alone = *median_ns;
            format!(" | {:.0} | ", figures.p99_ns)
        };
        println!("| {name} | {median_ns:.0} | {added} |");
    }
    println!("\nThe target is {ADDED_NS_MAX} ns added.");
}
