//! The one place that writes: a thread that keeps what is asked of it, many at a time.
//!
//! Whoever wants something kept hands in work and waits. The thread takes all work that has gathered, does it
//! in one transaction, and waits for the disk once; then everybody hears. Work that fails takes nobody along:
//! the others are done again without it.

mod book;
mod worker;

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use stage0_audit::chain::{Body, Head};
use stage0_audit::key::PrivateKey;
use stage0_audit::sink::{CHECKPOINT_LINES, Signing};
use stage0_store::{SqliteStore, StateStore as _, StoreError};
use tokio::sync::oneshot;

pub(crate) use self::book::Book;
use self::worker::{Order, Task, Worker};
use crate::config::Clock;

/// Whether what was answered outlives more than this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// It is on the disk: it outlives a loss of power.
    Always,
    /// The operating system has it: it outlives the end of this process, however sudden.
    Never,
}

/// Hands work to the thread that writes.
#[derive(Debug)]
pub(crate) struct Ledger {
    jobs: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Ledger {
    /// Opens the file for writing, and begins.
    pub(crate) fn open(
        path: &Path,
        fsync: Fsync,
        wait: Duration,
        clock: Clock,
        key: Option<PrivateKey>,
    ) -> Result<Self, StoreError> {
        let store = SqliteStore::open_with(path, wait)?;
        store.tune(fsync == Fsync::Always)?;
        let head = store.head()?;
        let mut signing = key.map(|key| Signing::new(key, CHECKPOINT_LINES));
        if let Some(signing) = &mut signing
            && ends_signed(&store, head)?
        {
            signing.note(head);
        }
        let (jobs, queue) = channel();
        let has_tickets = !store.tickets(1)?.is_empty();
        let worker = Worker::new(store, clock, signing, head, has_tickets);
        let thread = thread::Builder::new()
            .name("stage0-ledger".to_owned())
            .spawn(move || worker.work(&queue))
            .map_err(|error| StoreError::Unwritable(format!("no thread can be had: {error}")))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Does this work, and answers once what came of it is kept. It may be done more than once, and only the
    /// last time counts.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Book<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError::Unwritable("nobody writes any more".to_owned());
        let task = Task::new(work, answer);
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Order::Do(Box::new(task))).map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Has what is written beside the file begin anew in its place, once nobody is in the way.
    pub(crate) fn begin_anew(&self) {
        if let Some(jobs) = &self.jobs {
            // Whoever has ended writes nothing any more.
            let _ = jobs.send(Order::BeginAnew);
        }
    }
}

/// Whether the last line is a checkpoint.
fn ends_signed(store: &SqliteStore, head: Head) -> Result<bool, StoreError> {
    let last = store.lines_after(head.seq.saturating_sub(1), 1)?;
    let body = last.first().and_then(|(_, line)| Body::unverified(line));
    Ok(matches!(body, Some(Body::Checkpoint(_))))
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // Without anybody who hands in work the thread finishes what there is, and ends.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
