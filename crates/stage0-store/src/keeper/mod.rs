//! Load, decide, swap, and anew where another one was faster.

mod asking;
mod attempt;
mod batch;
mod consulting;
mod consulting_batch;
mod recording;
mod telling;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use stage0_engine::host::Host;
use stage0_engine::time;

pub use self::asking::{Asking, Decided};
pub use self::attempt::Attempt;
pub use self::batch::AskingBatch;
pub use self::consulting::{Consulted, Consulting};
pub use self::consulting_batch::ConsultingBatch;
pub use self::recording::Recording;
pub use self::telling::Telling;
use crate::clock::{Clock, ask};
use crate::error::StoreError;
use crate::limits::{STALL_MS_MAX, SWAP_TRIES_MAX};
use crate::store::StateStore;
use crate::ticket::{Found, PersonsAnswer, Ticket, TicketError, TicketId};

/// Lost races in a row after which the pauses between two tries grow no more.
const PAUSES_GROW_MAX: u32 = 6;

/// Decides with the runs of a store.
///
/// ```
/// use stage0_engine::{host::Host, time::Timestamp};
/// use stage0_store::{Asking, Keeper, MemoryStore, RunId};
/// use stage0_wire::{Policy, parse_request};
///
/// let policy = Policy::builtin("standard").unwrap();
/// let request = parse_request(br#"{"goal": "tidy the wiki"}"#).unwrap();
/// let host = Host { request_id: "r-1", ..Host::default() };
/// let run = RunId::new("nightly").unwrap();
/// let asking = Asking { policy: &policy, request: &request, host: &host, run: Some(&run) };
///
/// let keeper = Keeper::new(MemoryStore::new());
/// let decided = keeper.decide(&asking, &|| Timestamp::parse("2026-01-05T10:00:00Z").ok()).unwrap();
/// assert!(decided.to_json().contains(r#""request_id":"r-1""#));
/// ```
#[derive(Debug)]
pub struct Keeper<S> {
    store: S,
    /// Held by the one worker of this process that goes on trying after it has lost a race.
    turn: Mutex<()>,
}

impl<S: StateStore> Keeper<S> {
    /// One that keeps runs here.
    pub fn new(store: S) -> Self {
        Self {
            store,
            turn: Mutex::new(()),
        }
    }

    /// Where it keeps them.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Decides with what is kept, and keeps what comes out.
    ///
    /// # Errors
    /// The state could not be had or kept. Nothing was decided: a gate denies.
    pub fn decide<'q>(
        &self,
        asking: &Asking<'q>,
        clock: &Clock<'_>,
    ) -> Result<Decided<'q>, StoreError> {
        self.until_kept(|| asking.attempt(&self.store, ask(clock)?)?.put(&self.store))
    }

    /// Decides calls that run together or not at all, and keeps what comes out. For each the decision, in
    /// their order.
    ///
    /// # Errors
    /// As for [`decide`](Self::decide).
    pub fn decide_batch<'q>(
        &self,
        asking: &AskingBatch<'q>,
        clock: &Clock<'_>,
    ) -> Result<Vec<Decided<'q>>, StoreError> {
        self.until_kept(|| asking.attempt(&self.store, ask(clock)?)?.put(&self.store))
    }

    /// Decides also by what people answered about the same action, and keeps what comes out, with the ticket
    /// where it has to wait for people: see [`Consulting::attempt`].
    ///
    /// # Errors
    /// As for [`decide`](Self::decide).
    pub fn consult<T>(
        &self,
        consulting: &Consulting<'_>,
        clock: &Clock<'_>,
        mut take: impl FnMut(&Decided<'_>, &Host<'_>) -> T,
    ) -> Result<Consulted<T>, StoreError> {
        self.until_kept(|| {
            let attempt = consulting.attempt(&self.store, ask(clock)?, &mut take)?;
            attempt.put(&self.store)
        })
    }

    /// The same for calls that run together or not at all.
    ///
    /// # Errors
    /// As for [`decide`](Self::decide).
    pub fn consult_batch<T>(
        &self,
        consulting: &ConsultingBatch<'_>,
        clock: &Clock<'_>,
        mut take: impl FnMut(usize, &Decided<'_>, &Host<'_>) -> T,
    ) -> Result<Vec<Consulted<T>>, StoreError> {
        self.until_kept(|| {
            let attempt = consulting.attempt(&self.store, ask(clock)?, &mut take)?;
            attempt.put(&self.store)
        })
    }

    /// Takes a person's answer to a ticket: the ticket after it, or why it is not taken. Nothing where there
    /// is no such ticket.
    ///
    /// # Errors
    /// The ticket could not be had or kept.
    pub fn answer(
        &self,
        id: &TicketId,
        answer: &PersonsAnswer,
        clock: &Clock<'_>,
    ) -> Result<Option<Result<Ticket, TicketError>>, StoreError> {
        self.until_kept(|| {
            let Some(Found {
                mut ticket,
                version,
            }) = Ticket::find(&self.store, id)?
            else {
                return Ok(Some(None));
            };
            if let Err(error) = ticket.answer(answer, ask(clock)?) {
                return Ok(Some(Some(Err(error))));
            }
            let is_kept = ticket.put(&self.store, Some(version))?;
            Ok(is_kept.then_some(Some(Ok(ticket))))
        })
    }

    /// Takes a host's word on what became of a call. Whether the call is known; nothing changes where not.
    ///
    /// # Errors
    /// The state could not be had or kept. What was reserved stays so, and is spent when its hold ends.
    pub fn report(&self, telling: &Telling<'_>, clock: &Clock<'_>) -> Result<bool, StoreError> {
        self.until_kept(|| telling.attempt(&self.store, ask(clock)?)?.put(&self.store))
    }

    /// Drops what cannot matter any more; how many rows.
    ///
    /// # Errors
    /// The rows cannot be dropped. Another time will do.
    pub fn purge(&self, clock: &Clock<'_>) -> Result<u64, StoreError> {
        // A row that was not there, was put down and is dropped again looks as if nothing had happened. So it
        // stays until nobody can be left who found it missing.
        let stall = time::Duration::from_ms(STALL_MS_MAX).unwrap_or(time::Duration::ZERO);
        let now = ask(clock)?.checked_sub(stall);
        self.store.purge(now.map_err(|_| StoreError::Clock)?)
    }

    /// Tries until nobody else was faster.
    fn until_kept<T>(
        &self,
        mut attempt: impl FnMut() -> Result<Option<T>, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        // Whoever has lost takes turns with the others who have, so that there is nearly nobody left to lose
        // to in this process. Against other processes a pause helps.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for lost in 1..SWAP_TRIES_MAX {
            pause(lost);
            if let Some(done) = attempt()? {
                return Ok(done);
            }
        }
        Err(StoreError::Contended)
    }
}

/// Waits for a while that is longer the more races were lost, and another one for each worker: at most
/// 16 milliseconds.
fn pause(lost: u32) {
    const STEP_US: u64 = 250;
    let longest = STEP_US.saturating_mul(1 << lost.min(PAUSES_GROW_MAX));
    let random = RandomState::new().build_hasher().finish();
    thread::sleep(Duration::from_micros(
        random.checked_rem(longest).unwrap_or_default(),
    ));
}
