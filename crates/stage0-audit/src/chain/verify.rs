//! Holding a chain against itself, line by line: what was changed, taken out, put in twice or moved.
//!
//! A verifier goes on behind what it finds, so that one look tells everything. It remembers 16 bytes of each line,
//! to tell a line that stands twice from one that took another's number.

use std::collections::BTreeMap;

use stage0_engine::digest::Digest;
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;

use super::Head;
use super::checkpoint::{Checkpoint, CheckpointError};
use super::line::{Body, Line, LineError};
use crate::key::KeySet;

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The file's name.
    pub file: String,
    /// The line in it, from 1.
    pub line: u64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: ProblemCode,
    /// Where; nothing where it is about the chain as a whole.
    pub place: Option<Place>,
    /// The number in the chain, where one is known.
    pub seq: Option<u64>,
    /// In one sentence.
    pub message: String,
}

impl Finding {
    /// The finding as a problem.
    pub fn to_problem(&self) -> Problem {
        let problem = match &self.place {
            Some(place) => {
                let line = u32::try_from(place.line).unwrap_or(u32::MAX);
                Problem::in_file(&place.file, line, self.code, &self.message)
            }
            None => Problem::new(self.code, &self.message),
        };
        match help(self.code) {
            "" => problem,
            help => problem.help(help),
        }
    }
}

/// What to do about it.
fn help(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::AuditNoReceipt => "lines of other programs belong into other files",
        ProblemCode::AuditTorn => {
            "the next writer of the log mends it; nobody was told that this line is kept"
        }
        ProblemCode::AuditMissing => {
            "name the earlier files of the log too, in their order; --continues says that they are elsewhere"
        }
        ProblemCode::AuditUnsigned => "`stage0 audit checkpoint` signs a log as it is now",
        _ => "",
    }
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Lines that are as they were written.
    pub lines: u64,
    /// Of these, records.
    pub records: u64,
    /// Of these, checkpoints.
    pub checkpoints: u64,
    /// The number of the first line.
    pub first: u64,
    /// Where the chain ends.
    pub head: Head,
    /// Up to where the newest checkpoint vouches for it, if a key was given that it was signed with.
    pub signed_to: Option<u64>,
    /// When that was.
    pub signed_at: Option<Timestamp>,
}

/// Bytes of a line's hash that are remembered.
const PRINT_BYTES: usize = 16;

/// What a number stands for.
#[derive(Debug)]
enum Mark {
    /// A line, by the beginning of its hash.
    Line([u8; PRINT_BYTES]),
    /// A gap from here to its last number, found at this place.
    Gap { last: u64, place: Place },
}

/// Holds the lines of a chain against each other.
#[derive(Debug)]
pub struct Verifier<'k> {
    keys: Option<&'k KeySet>,
    /// Whether what is before the first line may be elsewhere.
    continues: bool,
    findings: Vec<Finding>,
    /// The number that comes next, and the hash that it has to name.
    next: u64,
    prev: Digest,
    first: Option<u64>,
    /// What is known of each number that was come to: by that of a line, or the first of a gap.
    marks: BTreeMap<u64, Mark>,
    /// Whether the hash of the line before is its own word only.
    is_doubtful: bool,
    lines: u64,
    records: u64,
    checkpoints: u64,
    signed: Option<(Head, Timestamp)>,
    /// Checkpoints whose keys are not, or no more, believed: of no weight where a later one vouches.
    doubts: Vec<Finding>,
}

impl<'k> Verifier<'k> {
    /// A verifier that believes checkpoints of these keys, if there are any. `continues` says that the lines
    /// before the first one are elsewhere.
    pub fn new(keys: Option<&'k KeySet>, continues: bool) -> Self {
        Self {
            keys,
            continues,
            findings: Vec::new(),
            next: 1,
            prev: Head::START.hash,
            first: None,
            marks: BTreeMap::new(),
            is_doubtful: false,
            lines: 0,
            records: 0,
            checkpoints: 0,
            signed: None,
            doubts: Vec::new(),
        }
    }

    /// Looks at the next line, without its line break; `is_whole` says that there was one. What it holds is
    /// handed back if it is as it was written.
    pub fn line<'t>(&mut self, place: &Place, text: &'t str, is_whole: bool) -> Option<Line<'t>> {
        match Line::parse(text) {
            Ok(line) => {
                if !is_whole {
                    self.torn(place);
                }
                self.follow(place, &line);
                Some(line)
            }
            Err(LineError::Form) if !is_whole => {
                self.torn(place);
                None
            }
            Err(error @ LineError::Form) => {
                self.find(ProblemCode::AuditNoReceipt, place, None, error.to_string());
                self.pass_over();
                None
            }
            Err(error @ LineError::Changed { hash, .. }) => {
                let seq = self.next;
                self.find(
                    ProblemCode::AuditChanged,
                    place,
                    Some(seq),
                    error.to_string(),
                );
                self.first.get_or_insert(seq);
                self.next = seq.saturating_add(1);
                self.prev = hash;
                self.is_doubtful = true;
                None
            }
        }
    }

    /// A line that cannot be read took a number, which one the next line tells.
    fn pass_over(&mut self) {
        self.is_doubtful = true;
    }

    fn torn(&mut self, place: &Place) {
        let message = "the last line ends in the middle: its writer did not get to its end";
        self.find(ProblemCode::AuditTorn, place, None, message.to_owned());
    }

    fn follow(&mut self, place: &Place, line: &Line<'_>) {
        self.lines = self.lines.saturating_add(1);
        if self.first.is_none() {
            self.begin(line);
        }
        if line.seq < self.next {
            self.look_back(place, line);
            return;
        }
        if line.seq > self.next {
            self.note_gap(place, line);
        } else if line.prev != self.prev && !self.is_doubtful {
            let message = format!(
                "line {} of the chain does not follow the one before, which was written anew",
                line.seq
            );
            self.find(ProblemCode::AuditReplaced, place, Some(line.seq), message);
        }
        self.is_doubtful = false;
        self.next = line.seq.saturating_add(1);
        self.prev = line.hash;
        self.remember(line);
        self.look_into(place, line);
    }

    fn begin(&mut self, line: &Line<'_>) {
        self.first = Some(line.seq);
        if self.continues {
            self.next = line.seq;
            self.prev = line.prev;
        }
    }

    /// A line with a number that has been passed.
    fn look_back(&mut self, place: &Place, line: &Line<'_>) {
        let seq = line.seq;
        let known = self.marks.range(..=seq).next_back();
        let is_same = match known {
            Some((first, Mark::Gap { last, place: found })) if seq <= *last => {
                let (first, last, found) = (*first, *last, found.clone());
                self.fill(first, last, &found, seq);
                let message = format!("line {seq} of the chain stands behind later ones");
                self.find(ProblemCode::AuditReordered, place, Some(seq), message);
                self.remember(line);
                self.look_into(place, line);
                return;
            }
            Some((number, Mark::Line(known))) => *number == seq && *known == print(&line.hash),
            _ => false,
        };
        let message = if is_same {
            format!("line {seq} of the chain stands twice")
        } else {
            format!("another line has the number {seq} in the chain already")
        };
        self.find(ProblemCode::AuditDuplicated, place, Some(seq), message);
    }

    /// Makes two gaps, or fewer, of one in which a line was found after all.
    fn fill(&mut self, first: u64, last: u64, place: &Place, seq: u64) {
        let sides = [
            (first, seq.saturating_sub(1)),
            (seq.saturating_add(1), last),
        ];
        for (first, last) in sides {
            if first <= last {
                let place = place.clone();
                self.marks.insert(first, Mark::Gap { last, place });
            }
        }
    }

    fn note_gap(&mut self, place: &Place, line: &Line<'_>) {
        let (last, place) = (line.seq.saturating_sub(1), place.clone());
        self.marks.insert(self.next, Mark::Gap { last, place });
    }

    fn remember(&mut self, line: &Line<'_>) {
        let mark = Mark::Line(print(&line.hash));
        self.marks.insert(line.seq, mark);
    }

    fn look_into(&mut self, place: &Place, line: &Line<'_>) {
        let Body::Checkpoint(token) = line.body else {
            self.records = self.records.saturating_add(1);
            return;
        };
        self.checkpoints = self.checkpoints.saturating_add(1);
        let Some(keys) = self.keys else { return };
        let covered = Head {
            seq: line.seq.saturating_sub(1),
            hash: line.prev,
        };
        match Checkpoint::open(token, keys) {
            Ok(checkpoint) if checkpoint.head() == covered => {
                self.signed = Some((covered, checkpoint.at()));
            }
            Ok(checkpoint) => {
                let message = format!(
                    "the checkpoint is of line {} of another chain",
                    checkpoint.head().seq
                );
                self.find(ProblemCode::AuditForked, place, Some(line.seq), message);
            }
            Err(error) if error.is_about_key() => self.doubts.push(Finding {
                code: ProblemCode::AuditCheckpoint,
                place: Some(place.clone()),
                seq: Some(line.seq),
                message: error.to_string(),
            }),
            Err(error) => self.distrust(place, Some(line.seq), &error),
        }
    }

    fn distrust(&mut self, place: &Place, seq: Option<u64>, error: &CheckpointError) {
        self.find(ProblemCode::AuditCheckpoint, place, seq, error.to_string());
    }

    /// Holds the chain against a checkpoint that was kept elsewhere.
    pub fn hold_to(&mut self, name: &str, token: &str) {
        let place = Place {
            file: name.to_owned(),
            line: 1,
        };
        let Some(keys) = self.keys else {
            let message = "a checkpoint says nothing without the keys to verify it with";
            self.find(
                ProblemCode::AuditCheckpoint,
                &place,
                None,
                message.to_owned(),
            );
            return;
        };
        let checkpoint = match Checkpoint::open(token, keys) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return self.distrust(&place, None, &error),
        };
        let head = checkpoint.head();
        let end = self.next.saturating_sub(1);
        match self.marks.get(&head.seq) {
            Some(Mark::Line(known)) if *known == print(&head.hash) => {
                let newer = self.signed.filter(|(signed, _)| signed.seq >= head.seq);
                self.signed = newer.or(Some((head, checkpoint.at())));
            }
            Some(Mark::Line(_)) => {
                let message = format!(
                    "the checkpoint of {} is of another chain: line {} ended otherwise",
                    checkpoint.at(),
                    head.seq
                );
                self.find(ProblemCode::AuditForked, &place, Some(head.seq), message);
            }
            _ if head.seq > end => {
                let message = format!(
                    "the chain ends with line {end}, and had {} on {}",
                    head.seq,
                    checkpoint.at()
                );
                self.find(ProblemCode::AuditTruncated, &place, Some(head.seq), message);
            }
            // What is missing before the end was told as missing; what is elsewhere is not known here.
            _ => {}
        }
    }

    /// Adds what was found out in another way, such as by replaying a record.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn find(&mut self, code: ProblemCode, place: &Place, seq: Option<u64>, message: String) {
        self.findings.push(Finding {
            code,
            place: Some(place.clone()),
            seq,
            message,
        });
    }

    /// Everything that was found, in the order of places, and what was looked at.
    pub fn finish(mut self) -> (Vec<Finding>, Summary) {
        for (first, mark) in core::mem::take(&mut self.marks) {
            let Mark::Gap { last, place } = mark else {
                continue;
            };
            let message = if first == last {
                format!("line {first} of the chain is not there")
            } else {
                format!("lines {first} to {last} of the chain are not there")
            };
            self.find(ProblemCode::AuditMissing, &place, Some(first), message);
        }
        let signed_to = self.signed.map_or(0, |(head, _)| head.seq);
        let doubts = core::mem::take(&mut self.doubts).into_iter();
        self.findings
            .extend(doubts.filter(|doubt| doubt.seq > Some(signed_to)));
        if self.keys.is_some() && self.signed.is_none() && self.lines > 0 {
            self.findings.push(Finding {
                code: ProblemCode::AuditUnsigned,
                place: None,
                seq: None,
                message: "no checkpoint of these keys vouches for any of it".to_owned(),
            });
        }
        let findings = &mut self.findings;
        findings.sort_by(|one, other| {
            let key = |finding: &Finding| match &finding.place {
                Some(place) => (0, place.line),
                None => (1, 0),
            };
            key(one).cmp(&key(other))
        });
        let summary = Summary {
            lines: self.lines,
            records: self.records,
            checkpoints: self.checkpoints,
            first: self.first.unwrap_or(1),
            head: Head {
                seq: self.next.saturating_sub(1),
                hash: self.prev,
            },
            signed_to: self.signed.map(|(head, _)| head.seq),
            signed_at: self.signed.map(|(_, at)| at),
        };
        (self.findings, summary)
    }
}

fn print(hash: &Digest) -> [u8; PRINT_BYTES] {
    let mut print = [0; PRINT_BYTES];
    print.copy_from_slice(hash.as_bytes().split_at(PRINT_BYTES).0);
    print
}
