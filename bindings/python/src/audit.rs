//! Logs of receipts, as Python writes and verifies them.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use pyo3::prelude::*;
use stage0_audit::chain::{Auditor, Checkpoint, Head, Place};
use stage0_audit::key::{KeySet, PrivateKey};
use stage0_audit::sink::{
    FileSink, FileSinkOptions, Fsync, Repair, Signing, Sink as _, SinkError, each_line, full_files,
};
use stage0_engine::time::Timestamp;
use stage0_wire::codes::ProblemCode;
use stage0_wire::problem::Problem;
use stage0_wire::record::{Kept, parse_record};
use stage0_wire::report::ReportText;
use stage0_wire::{Policy, REDACTION_SECRET_BYTES};

use crate::asked::{Added, instant};
use crate::border::guarded;
use crate::refusal::{AUDIT, REQUEST, Told, refused, told};
use crate::{Answered, NativePolicy, answer};

/// A log that is written. Threads share it, one line at a time.
#[pyclass(frozen, module = "stage0._native")]
#[derive(Debug)]
pub(crate) struct NativeLog {
    path: PathBuf,
    keeps_all: bool,
    /// The process that writes it. One that was made by `fork` has the same file, and would end the chain.
    process: u32,
    /// Nothing once it is closed.
    sink: Mutex<Option<FileSink>>,
    secret: OnceLock<[u8; REDACTION_SECRET_BYTES]>,
    repair: Option<Repair>,
}

#[pymethods]
impl NativeLog {
    /// Opens a log, or begins it. `fsync` is the lines between two of them, 0 for never.
    #[new]
    #[pyo3(signature = (path, keeps_all, fsync, rotate_bytes, key, checkpoint_lines))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        keeps_all: bool,
        fsync: u32,
        rotate_bytes: Option<u64>,
        key: Option<&str>,
        checkpoint_lines: u64,
    ) -> PyResult<Self> {
        guarded(py, AUDIT, || {
            let key = key.map(private_key).transpose();
            let key = key.map_err(|problem| refused(py, AUDIT, &[problem]))?;
            let options = FileSinkOptions {
                fsync: match fsync {
                    0 => Fsync::Never,
                    1 => Fsync::EachLine,
                    lines => Fsync::EachLines(lines),
                },
                rotate_bytes,
                signing: key.map(|key| Signing::new(key, checkpoint_lines)),
            };
            // Files are put aside and begun later on, wherever the process is then.
            let path = std::path::absolute(&path).unwrap_or(path);
            let sink = py.detach(|| FileSink::open(&path, options));
            let sink = sink.map_err(|error| refused(py, AUDIT, &[error.to_problem()]))?;
            Ok(Self {
                path,
                keeps_all,
                process: std::process::id(),
                repair: sink.repair(),
                sink: Mutex::new(Some(sink)),
                secret: OnceLock::new(),
            })
        })
    }

    /// Decides a request, and keeps a line of it before the answer is given: the verdict, the decision's text, and
    /// that of the run after it.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is asked, one by one: nobody but the Python half calls this"
    )]
    #[pyo3(signature = (policy, request, run, host, state, now))]
    fn check(
        &self,
        py: Python<'_>,
        policy: &NativePolicy,
        request: &Bound<'_, PyAny>,
        run: Option<&str>,
        host: Option<&Bound<'_, PyAny>>,
        state: Option<&Bound<'_, PyAny>>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Answered> {
        let kept = guarded(py, AUDIT, || {
            let kept = self.kept(policy.policy());
            kept.map_err(|problem| refused(py, AUDIT, &[problem]))
        })?;
        let added = Added { host, state, now };
        let (answer, kept) = answer(py, request, added, |question| {
            let (answer, record) = question.record(policy.policy(), run, kept)?;
            Ok((answer, self.append_record(&record, question.now)))
        })?;
        kept.map_err(|problem| refused(py, AUDIT, &[problem]))?;
        Ok((answer.verdict.as_str(), answer.decision, answer.state))
    }

    /// Keeps what became of a call; the state after it, where there is one before it.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is told, one by one: nobody but the Python half calls this"
    )]
    #[pyo3(signature = (state, run, id, action, outcome, cost, now))]
    fn report(
        &self,
        py: Python<'_>,
        state: Option<&str>,
        run: Option<&str>,
        id: &str,
        action: &str,
        outcome: &str,
        cost: Option<&str>,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<String>> {
        guarded(py, REQUEST, || {
            let now = instant(now).map_err(|stop| stop.raise(py, REQUEST))?;
            let report = ReportText {
                id,
                action,
                outcome,
                cost,
            };
            let wrong = |problems: Vec<Problem>| refused(py, REQUEST, &problems);
            let after = state.map(|state| report.apply(state, now));
            let after = after.transpose().map_err(wrong)?;
            let record = report.record(run, now, state.zip(after.as_deref()));
            let record = record.map_err(wrong)?;
            let kept = py.detach(|| self.append_record(&record, now));
            kept.map_err(|problem| refused(py, AUDIT, &[problem]))?;
            Ok(after)
        })
    }

    /// Keeps a record that somebody else made: the number and the hash of its line.
    #[pyo3(signature = (record, now))]
    fn append(
        &self,
        py: Python<'_>,
        record: &str,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Ended> {
        guarded(py, AUDIT, || {
            let now = instant(now).map_err(|stop| stop.raise(py, AUDIT))?;
            let kept = py.detach(|| {
                parse_record("the record", record)?;
                self.append_record(record, now)
                    .map_err(|problem| vec![problem])
            });
            let head = kept.map_err(|problems| refused(py, AUDIT, &problems))?;
            Ok(ended(head))
        })
    }

    /// Signs the log as it is now: the checkpoint.
    #[pyo3(signature = (key, now))]
    fn checkpoint(
        &self,
        py: Python<'_>,
        key: &str,
        now: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        guarded(py, AUDIT, || {
            let now = instant(now).map_err(|stop| stop.raise(py, AUDIT))?;
            let signed = py.detach(|| {
                let key = private_key(key)?;
                self.with(|sink| sink.checkpoint(&key, now))
            });
            let checkpoint = signed.map_err(|problem| refused(py, AUDIT, &[problem]))?;
            Ok(checkpoint.token().to_owned())
        })
    }

    /// Sees to it that every line outlives the machine's next moment.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, AUDIT, || {
            let flushed = py.detach(|| self.with(FileSink::flush));
            flushed.map_err(|problem| refused(py, AUDIT, &[problem]))
        })
    }

    /// Flushes the log and leaves it to other writers. It takes no further line.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guarded(py, AUDIT, || {
            let closed = py.detach(|| {
                if self.process != std::process::id() {
                    return Ok(());
                }
                // What a thread left half done is not flushed either.
                let taken = self.sink.lock().ok().and_then(|mut sink| sink.take());
                taken.map_or(Ok(()), |mut sink| sink.flush())
            });
            closed.map_err(|error| refused(py, AUDIT, &[error.to_problem()]))
        })
    }

    /// The number and the hash of the last line.
    #[getter]
    fn head(&self, py: Python<'_>) -> PyResult<Ended> {
        guarded(py, AUDIT, || {
            let head = self.with(|sink| Ok(sink.head()));
            let head = head.map_err(|problem| refused(py, AUDIT, &[problem]))?;
            Ok(ended(head))
        })
    }

    /// Bytes of an unfinished line that were taken away when it was opened; 0 where only its end lacked.
    #[getter]
    fn cut_bytes(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        guarded(py, AUDIT, || {
            Ok(self.repair.map(|repair| match repair {
                Repair::Completed => 0,
                Repair::Cut { bytes } => bytes,
            }))
        })
    }
}

impl NativeLog {
    /// How much of a request the log keeps, if it may keep this policy's decisions.
    pub(crate) fn kept(&self, policy: &Policy) -> Result<Kept<'_>, Problem> {
        if self.keeps_all {
            Kept::Full.admit(policy)?;
            return Ok(Kept::Full);
        }
        if !policy.index().redacts() {
            return Ok(Kept::Facts { secret: None });
        }
        let secret = if let Some(secret) = self.secret.get() {
            secret
        } else {
            let secret = stage0_cli::redaction_secret(&self.path)?;
            self.secret.get_or_init(|| secret)
        };
        Ok(Kept::Facts {
            secret: Some(secret),
        })
    }

    /// Keeps a record as the next line.
    pub(crate) fn append_record(&self, record: &str, now: Timestamp) -> Result<Head, Problem> {
        self.with(|sink| sink.append(record, now))
    }

    fn with<T>(
        &self,
        run: impl FnOnce(&mut FileSink) -> Result<T, SinkError>,
    ) -> Result<T, Problem> {
        if self.process != std::process::id() {
            let path = self.path.to_string_lossy().into_owned();
            return Err(SinkError::Locked { path }.to_problem());
        }
        let unusable = |why: &str, help: &str| {
            let message = format!("`{}` {why}", self.path.display());
            Problem::new(ProblemCode::FileUnwritable, message).help(help)
        };
        let mut sink = self.sink.lock().map_err(|_| {
            let why = "cannot be kept: a thread stopped in the middle of a line";
            unusable(why, "open the log anew, which mends its end")
        })?;
        match sink.as_mut() {
            Some(sink) => run(sink).map_err(|error| error.to_problem()),
            None => Err(unusable("is closed", "open the log anew")),
        }
    }
}

/// The number and the hash of a line.
type Ended = (u64, String);

fn ended(head: Head) -> Ended {
    (head.seq, head.hash.to_hex())
}

fn private_key(text: &str) -> Result<PrivateKey, Problem> {
    PrivateKey::parse("the private key", text.as_bytes())
}

/// The report on a log as JSON, and its problems in both their forms. The log is a file, with those that were
/// put aside, or lines with or without their breaks.
#[expect(
    clippy::needless_pass_by_value,
    reason = "lists are handed over like this by pyo3"
)]
#[pyfunction]
#[pyo3(signature = (path, lines, keys, policies, checkpoint, continues))]
pub(crate) fn verify_audit(
    py: Python<'_>,
    path: Option<PathBuf>,
    lines: Vec<Vec<u8>>,
    keys: Option<&str>,
    policies: Vec<PyRef<'_, NativePolicy>>,
    checkpoint: Option<&str>,
    continues: bool,
) -> PyResult<(String, Vec<Told>)> {
    guarded(py, AUDIT, || {
        let keys = keys.map(|keys| KeySet::parse("the keys", keys.as_bytes()));
        let keys = keys.transpose();
        let keys = keys.map_err(|problems| refused(py, AUDIT, &problems))?;
        let policies: Vec<&Policy> = policies.iter().map(|policy| policy.policy()).collect();
        let report = py.detach(|| {
            let mut auditor = Auditor::new(keys.as_ref(), policies, continues);
            match path {
                Some(path) => read_files(&mut auditor, &path)?,
                None => read_lines(&mut auditor, &lines),
            }
            if let Some(token) = checkpoint {
                auditor.hold_to("the checkpoint", token.trim_ascii());
            }
            Ok(auditor.report())
        });
        let report = report.map_err(|problem| refused(py, AUDIT, &[problem]))?;
        Ok((report.to_json(), told(&report.problems)))
    })
}

fn read_files(auditor: &mut Auditor<'_>, path: &Path) -> Result<(), Problem> {
    let mut files = full_files(path).map_err(|error| error.to_problem())?;
    files.push(path.to_owned());
    for path in files {
        let mut place = Place {
            file: path.to_string_lossy().into_owned(),
            line: 0,
        };
        let unreadable = |error: io::Error| {
            let message = format!("`{}` cannot be read: {error}", path.display());
            Problem::new(ProblemCode::FileUnreadable, message)
        };
        let file = File::open(&path).map_err(unreadable)?;
        let read = each_line(&mut BufReader::new(file), |number, text, is_ended| {
            place.line = number;
            auditor.line(&place, text, is_ended);
            Ok(())
        });
        read.map_err(unreadable)?;
    }
    Ok(())
}

fn read_lines(auditor: &mut Auditor<'_>, lines: &[Vec<u8>]) {
    // Lines of a file that is read have their breaks, and the last one may have none.
    let have_breaks = lines.first().is_some_and(|line| line.ends_with(b"\n"));
    for (number, line) in (1..).zip(lines) {
        let place = Place {
            file: "the log".to_owned(),
            line: number,
        };
        let text = line.strip_suffix(b"\n");
        let is_ended = text.is_some() || !have_breaks;
        auditor.line(&place, text.unwrap_or(line), is_ended);
    }
}

/// What a checkpoint says that one of these keys signed: a number, a hash, and a time.
#[pyfunction]
#[pyo3(signature = (token, keys))]
pub(crate) fn verify_checkpoint(
    py: Python<'_>,
    token: &str,
    keys: &str,
) -> PyResult<(u64, String, String)> {
    guarded(py, AUDIT, || {
        let keys = KeySet::parse("the keys", keys.as_bytes());
        let keys = keys.map_err(|problems| refused(py, AUDIT, &problems))?;
        let checkpoint = Checkpoint::open(token.trim_ascii(), &keys);
        let checkpoint =
            checkpoint.map_err(|error| refused(py, AUDIT, &[Problem::from(&error)]))?;
        let (seq, hash) = ended(checkpoint.head());
        Ok((seq, hash, checkpoint.at().to_string()))
    })
}
