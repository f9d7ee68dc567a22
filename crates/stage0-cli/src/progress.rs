//! A word on standard error when something takes longer than a second.
//!
//! Only on terminals, and wiped away when it is over: logs and programs never see it.

use std::io::IsTerminal as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::output::tell;

/// How long nobody needs to be told anything.
const PATIENCE: Duration = Duration::from_secs(1);

/// Something that goes on until this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    running: Option<(Sender<String>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins something.
    pub(crate) fn of(what: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { running: None };
        }
        let (sender, receiver) = channel();
        let what = what.to_owned();
        let thread = std::thread::Builder::new()
            .spawn(move || show(what, &receiver))
            .ok();
        Self {
            running: thread.map(|thread| (sender, thread)),
        }
    }

    /// Says how far it has come.
    pub(crate) fn now(&self, what: impl FnOnce() -> String) {
        if let Some((sender, _)) = &self.running {
            // If the thread is gone, nobody is shown anything.
            let _ = sender.send(what());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.running.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

fn show(mut what: String, receiver: &Receiver<String>) {
    let mut patience = PATIENCE;
    let mut is_shown = false;
    loop {
        match receiver.recv_timeout(patience) {
            Ok(next) => {
                // News do not make the first word come later than it should by much.
                what = next;
                if is_shown {
                    while let Ok(next) = receiver.try_recv() {
                        what = next;
                    }
                } else {
                    patience = patience.saturating_sub(Duration::from_millis(1));
                    continue;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        is_shown = true;
        patience = Duration::from_millis(100);
        tell(&format!("\r\u{1b}[2K{what} ..."));
    }
    if is_shown {
        tell("\r\u{1b}[2K");
    }
}
