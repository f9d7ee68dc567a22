//! What the server does, without a word of HTTP.

mod batch;
mod check;
mod evaluation;
mod halting;
mod lists;
mod made;
mod outcome;
mod step;
mod tickets;
mod usage;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use stage0_engine::time::Timestamp;
use stage0_store::{SqliteStore, StoreError};
use stage0_wire::REDACTION_SECRET_BYTES;

pub(crate) use self::check::{Answered, Asked};
pub(crate) use self::evaluation::{Evaluation, Semantic, answer_json, answers_json};
pub(crate) use self::lists::Page;
pub(crate) use self::outcome::{Taken, Told};
pub(crate) use self::tickets::{Reply, TicketPage};
use crate::config::Clock;
use crate::halt::Halt;
use crate::ids::Ids;
use crate::in_force::{InForce, Reloaded};
use crate::key_ring::KeyRing;
use crate::ledger::Ledger;
use crate::limits::READY_FOR;
use crate::metrics::{Metrics, ReloadLabel, ReloadResult};
use crate::plan::Plans;

/// Whether a decision may be given that is not written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    /// Without a record nothing is decided.
    Required,
    /// A decision that rests on nothing kept is given without a record where none can be written.
    BestEffort,
}

/// How much of a request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// The facts that the decision read.
    Facts,
    /// Everything, so that it can be made again.
    Full,
}

/// Everything that answering takes.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) clock: Clock,
    pub(crate) policy: InForce,
    pub(crate) halt: Halt,
    /// Held by whoever changes it.
    pub(crate) halting: tokio::sync::Mutex<()>,
    pub(crate) keys: KeyRing,
    pub(crate) plans: Plans,
    pub(crate) metrics: Metrics,
    pub(crate) audit: Audit,
    pub(crate) record: Record,
    pub(crate) ids: Ids,
    pub(crate) secret: [u8; REDACTION_SECRET_BYTES],
    /// Where it is asked.
    pub(crate) base: String,
    pub(crate) ledger: Ledger,
    /// When something was to be kept last, and whether it could be.
    pub(crate) last: Mutex<Option<(Instant, bool)>>,
    /// For whoever only looks.
    pub(crate) reader: Mutex<SqliteStore>,
}

impl Service {
    /// The time, in whole milliseconds.
    pub(crate) fn now(&self) -> Result<Timestamp, StoreError> {
        (self.clock)().ok_or(StoreError::Clock)
    }

    /// The file, for those who only look.
    pub(crate) fn reader(&self) -> MutexGuard<'_, SqliteStore> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks something up in the file, where nobody else waits for it.
    pub(crate) async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&SqliteStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let service = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || look(&service.reader()));
        looked.await.unwrap_or_else(|_| {
            Err(StoreError::Unreadable(
                "what was asked for could not be worked out".to_owned(),
            ))
        })
    }

    /// Looks for a key that was made since all of them were read.
    pub(crate) async fn learn_key(self: &Arc<Self>, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        if let Some(key) = self.look(move |store| store.key(&id)).await? {
            self.keys.add(key, &self.plans);
        }
        Ok(())
    }

    /// Reads all keys again.
    pub(crate) fn read_keys(&self) -> Result<(), StoreError> {
        let keys = self.reader().keys()?;
        self.keys.fill(keys, &self.plans);
        Ok(())
    }

    /// Reads the policy again if it has changed, or in any case, and says what came of it.
    pub(crate) fn reload(&self, in_any_case: bool) -> Reloaded {
        let reloaded = self.policy.reload(in_any_case);
        let result = match &reloaded {
            Reloaded::Same => return reloaded,
            Reloaded::New(policy) => {
                let index = policy.index();
                let (version, digest) = (index.label(), index.digest());
                tracing::info!(version, %digest, "another policy decides");
                ReloadResult::Loaded
            }
            Reloaded::Refused(problems) => {
                let first = problems.first().map(|problem| problem.message().to_owned());
                let count = problems.len();
                tracing::error!(
                    count,
                    first,
                    "the policy that is there now is refused; the one before decides"
                );
                ReloadResult::Refused
            }
        };
        self.metrics
            .reloads
            .get_or_create(&ReloadLabel { result })
            .inc();
        reloaded
    }

    /// Whether what is told can be kept. Everybody may ask, so it is tried out once in a while only.
    pub(crate) async fn is_ready(&self) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, is_kept)) = last
            && at.elapsed() < READY_FOR
        {
            return is_kept;
        }
        let kept = self.ledger.write(|book| book.group().probe()).await;
        self.note(&kept);
        kept.is_ok()
    }

    /// Notes that something could, or could not, be kept.
    pub(crate) fn note<T>(&self, kept: &Result<T, StoreError>) {
        let last = Some((Instant::now(), kept.is_ok()));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        match kept {
            Ok(_) => {
                self.metrics.store_up.set(1);
            }
            Err(error) => {
                self.metrics.store_up.set(0);
                self.metrics.store_failures.inc();
                tracing::error!(%error, "the store does not keep what it is told");
            }
        }
    }
}
