//! What a server does beside answering: it reads its policy and keys again, drops what is not kept any longer, and
//! puts what was written beside the file into it.

use std::sync::Arc;
use std::time::Duration;

use stage0_engine::time;
use stage0_store::{SqliteStore, StoreError};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::limits::{BESIDE_PAGES, CLEAN_EVERY, CLEAN_MAX, SETTLE_EVERY, WATCH_EVERY};
use crate::serve::Wish;
use crate::service::Service;

/// Reads the policy again when it changes or when told to, and the keys as they change.
pub(crate) async fn watch_policy(service: Arc<Service>, mut told: watch::Receiver<Wish>) {
    let mut ticks = interval(WATCH_EVERY);
    let mut wished = told.borrow().reloads;
    let mut listens = true;
    loop {
        let in_any_case = tokio::select! {
            _ = ticks.tick() => false,
            changed = told.changed(), if listens => {
                listens = changed.is_ok();
                let wish = *told.borrow_and_update();
                let is_new = wish.reloads != wished;
                wished = wish.reloads;
                is_new
            }
        };
        let service = Arc::clone(&service);
        let looked = tokio::task::spawn_blocking(move || {
            service.reload(in_any_case);
            if let Err(error) = service.read_keys() {
                tracing::error!(%error, "the keys cannot be read");
            }
        });
        let _ = looked.await;
    }
}

/// Drops what is not kept any longer.
pub(crate) async fn clean(service: Arc<Service>, retention: Option<Duration>) {
    let keep = retention.and_then(|keep| i64::try_from(keep.as_millis()).ok());
    let keep = keep.and_then(time::Duration::from_ms);
    let mut ticks = interval(CLEAN_EVERY);
    loop {
        ticks.tick().await;
        loop {
            let dropped = service
                .ledger
                .write(move |book| {
                    let now = book.now()?;
                    let stall = time::Duration::from_ms(stage0_store::limits::STALL_MS_MAX);
                    let before = now.checked_sub(stall.unwrap_or(time::Duration::ZERO));
                    book.states()
                        .purge(before.map_err(|_| StoreError::Clock)?)?;
                    match keep.map(|keep| now.checked_sub(keep)) {
                        Some(Ok(before)) => book.group().drop_records(before, CLEAN_MAX),
                        Some(Err(_)) | None => Ok(0),
                    }
                })
                .await;
            match dropped {
                Ok(dropped) if dropped >= u64::from(CLEAN_MAX) => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "what is not kept any longer cannot be dropped");
                    break;
                }
            }
        }
    }
}

/// Puts what was written beside the file into it, while others write, and has that begin anew once there is
/// much of it.
pub(crate) async fn settle(service: Arc<Service>, settler: Arc<SqliteStore>) {
    let mut ticks = interval(SETTLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let settler = Arc::clone(&settler);
        match tokio::task::spawn_blocking(move || settler.settle()).await {
            Ok(Ok(beside)) if beside.pages > BESIDE_PAGES => service.ledger.begin_anew(),
            Ok(Err(error)) => {
                tracing::warn!(%error, "what was written stays beside the file for now");
            }
            Ok(Ok(_)) | Err(_) => {}
        }
    }
}
