//! A program that speaks lines: one question as JSON on its standard input, one reply on its standard
//! output, until its input ends.
//!
//! Every host in another language is such a program, and `tests/cases/README.md` is all that its author
//! has to read. What it writes on its standard error is shown and not read.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{Host, Question, Reply};

/// No reply takes nearly as long: a program that hangs must not hang whoever asks.
const REPLY_TIME_MAX: Duration = Duration::from_secs(60);

/// A program whose input has ended has so long to end as well.
const LEAVE: Duration = Duration::from_secs(10);

/// A running program.
#[derive(Debug)]
pub struct Lines {
    name: String,
    program: Child,
    questions: Option<ChildStdin>,
    replies: Receiver<String>,
}

impl Lines {
    /// Starts a program.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(name: &str, program: &str, arguments: &[&str]) -> Result<Self, String> {
        let mut program = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name}: `{program}` cannot be started: {error}"))?;
        let (sender, replies) = channel();
        if let Some(output) = program.stdout.take() {
            thread::spawn(move || {
                let lines = BufReader::new(output).lines();
                // Ends with the program, or when nobody waits any more.
                lines
                    .map_while(Result::ok)
                    .try_for_each(|line| sender.send(line))
            });
        }
        Ok(Self {
            name: name.to_owned(),
            questions: program.stdin.take(),
            program,
            replies,
        })
    }
}

impl Host for Lines {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(&mut self, question: &Question) -> Result<Reply, String> {
        let questions = self.questions.as_mut().ok_or("its input is closed")?;
        let mut line = question.to_line();
        line.push('\n');
        let sent = questions.write_all(line.as_bytes());
        sent.and_then(|()| questions.flush())
            .map_err(|error| format!("it takes no more questions: {error}"))?;
        let line = self.replies.recv_timeout(REPLY_TIME_MAX).map_err(|error| {
            // A reply that comes late would be taken for the next one.
            self.questions = None;
            format!("it gave no reply: {error}")
        })?;
        Reply::from_line(&line)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // Without further questions it ends by itself, and ends what it began: a worker, a browser.
        self.questions = None;
        let until = Instant::now() + LEAVE;
        while Instant::now() < until {
            if !matches!(self.program.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(LEAVE / 100);
        }
        // One that stays is stopped; it may have ended in the meantime.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
