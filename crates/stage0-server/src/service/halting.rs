//! Stopping everything, and letting it go on.

use std::sync::Arc;

use super::Service;
use crate::halt::Halted;
use crate::refusal::Refusal;

impl Service {
    /// Denies everything from here on. What cannot be kept holds all the same, until the server ends.
    pub(crate) async fn halt(
        &self,
        by: Option<String>,
        reason: Option<String>,
    ) -> Result<Arc<Halted>, Refusal> {
        let _only = self.halting.lock().await;
        let halted = match self.halt.told() {
            Some(halted) => halted,
            None => Arc::new(Halted {
                since: self.now()?,
                by,
                reason,
            }),
        };
        self.halt.set(Some(Arc::clone(&halted)));
        self.metrics.halted.set(1);
        tracing::warn!(
            by = halted.by,
            reason = halted.reason,
            "everything is denied"
        );
        let kept = Arc::clone(&halted);
        let kept = self
            .ledger
            .write(move |book| Halted::put(Some(&kept), book.states()))
            .await;
        self.note(&kept);
        kept?;
        Ok(halted)
    }

    /// Lets the policy decide again.
    pub(crate) async fn resume(&self) -> Result<(), Refusal> {
        let _only = self.halting.lock().await;
        let kept = self
            .ledger
            .write(|book| Halted::put(None, book.states()))
            .await;
        self.note(&kept);
        kept?;
        self.halt.set(None);
        self.metrics.halted.set(0);
        tracing::warn!("the policy decides again");
        Ok(())
    }
}
