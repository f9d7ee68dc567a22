//! The thread: takes what has gathered, does it in one transaction, and tells everybody.

use std::collections::BTreeMap;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;

use stage0_audit::chain::{Chain, Head};
use stage0_audit::sink::Signing;
use stage0_store::{SqliteStore, StoreError, Usage};
use tokio::sync::oneshot;

use super::book::Book;
use crate::config::Clock;
use crate::limits::GROUP_MAX;

/// Work whose answer somebody waits for.
pub(super) trait Job: Send {
    /// Does it; whether it could be done.
    fn run(&mut self, book: &mut Book<'_>) -> Result<(), StoreError>;
    /// Tells whoever waits.
    fn tell(self: Box<Self>, kept: Result<(), StoreError>);
}

/// What the thread is told to do.
pub(super) enum Order {
    /// This work, with what else has gathered.
    Do(Box<dyn Job>),
    /// To write beside the file where it began.
    BeginAnew,
}

/// A function whose result somebody waits for.
pub(super) struct Task<W, T> {
    work: W,
    done: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<W, T> Task<W, T> {
    pub(super) fn new(work: W, answer: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self {
            work,
            done: None,
            answer,
        }
    }
}

impl<W, T> Job for Task<W, T>
where
    W: FnMut(&mut Book<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, book: &mut Book<'_>) -> Result<(), StoreError> {
        let work = AssertUnwindSafe(|| (self.work)(book));
        let done = catch_unwind(work).unwrap_or_else(|_| {
            Err(StoreError::Unwritable(
                "what was asked for could not be worked out".to_owned(),
            ))
        });
        self.done = Some(done?);
        Ok(())
    }

    fn tell(self: Box<Self>, kept: Result<(), StoreError>) {
        let told = match (kept, self.done) {
            (Ok(()), Some(done)) => Ok(done),
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(StoreError::Unwritable("it was not done".to_owned())),
        };
        // Whoever has gone does not listen.
        let _ = self.answer.send(told);
    }
}

/// What the thread knows between two transactions.
#[derive(Debug)]
pub(super) struct Worker {
    store: SqliteStore,
    clock: Clock,
    signing: Option<Signing>,
    head: Head,
    /// How often keys were used, as it is kept.
    usage: BTreeMap<String, Usage>,
    /// Whether there is, or ever was, a ticket.
    has_tickets: bool,
}

impl Worker {
    pub(super) fn new(
        store: SqliteStore,
        clock: Clock,
        signing: Option<Signing>,
        head: Head,
        has_tickets: bool,
    ) -> Self {
        Self {
            has_tickets,
            store,
            clock,
            signing,
            head,
            usage: BTreeMap::new(),
        }
    }

    /// Works until nobody is left who could hand in more.
    pub(super) fn work(mut self, queue: &Receiver<Order>) {
        while let Ok(first) = queue.recv() {
            let rest = queue.try_iter().take(GROUP_MAX.saturating_sub(1));
            let mut jobs = Vec::new();
            let mut begins_anew = false;
            for order in iter::once(first).chain(rest) {
                match order {
                    Order::Do(job) => jobs.push(job),
                    Order::BeginAnew => begins_anew = true,
                }
            }
            if !jobs.is_empty() {
                self.do_together(jobs);
            }
            if begins_anew {
                // Where it cannot be done now it is asked for again.
                let _ = self.store.begin_anew();
            }
        }
        // What stands behind the newest checkpoint could be cut off unseen.
        let _ = self.transact(&mut [], true);
    }

    fn do_together(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let Err(error) = self.transact(&mut jobs, false) else {
            for job in jobs {
                job.tell(Ok(()));
            }
            return;
        };
        let jobs = jobs.into_iter();
        if jobs.len() == 1 {
            for job in jobs {
                job.tell(Err(error.clone()));
            }
            return;
        }
        // One of them may be at fault.
        for job in jobs {
            self.do_together(vec![job]);
        }
    }

    fn transact(&mut self, jobs: &mut [Box<dyn Job>], is_last: bool) -> Result<(), StoreError> {
        let group = self.store.begin()?;
        let mut book = Book::new(
            &group,
            Chain::from(self.head),
            self.clock,
            &self.usage,
            self.has_tickets,
        );
        for job in jobs {
            job.run(&mut book)?;
        }
        match &self.signing {
            Some(signing) if is_last => book.sign_last(signing)?,
            Some(signing) => book.sign(signing)?,
            None => {}
        }
        let closed = book.close()?;
        group.commit()?;
        if let (Some(signing), Some(head)) = (&mut self.signing, closed.signed) {
            signing.note(head);
        }
        self.has_tickets = closed.has_tickets;
        self.head = closed.head;
        self.usage.extend(closed.used);
        Ok(())
    }
}
