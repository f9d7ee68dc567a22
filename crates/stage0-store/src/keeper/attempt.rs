//! What was made with rows as they were found, and counts only if they still are.

use crate::error::StoreError;
use crate::store::{Change, StateStore};

/// An answer that nobody may hear of yet.
#[derive(Debug)]
#[must_use = "what is not put down never happened"]
pub struct Attempt<T> {
    answer: T,
    changes: Vec<Change>,
}

impl<T> Attempt<T> {
    pub(super) fn new(answer: T, changes: Vec<Change>) -> Self {
        Self { answer, changes }
    }

    /// The same with another answer.
    pub(super) fn map<U>(self, make: impl FnOnce(T) -> U) -> Attempt<U> {
        Attempt {
            answer: make(self.answer),
            changes: self.changes,
        }
    }

    /// The same with further changes.
    pub(super) fn with(mut self, changes: impl IntoIterator<Item = Change>) -> Self {
        self.changes.extend(changes);
        self
    }

    /// The answer as it would be. Whoever wants another one may make another attempt instead.
    pub fn look(&self) -> &T {
        &self.answer
    }

    /// The answer as it would be, for those who only look.
    pub fn into_look(self) -> T {
        self.answer
    }

    /// The answer, if what comes of it could be kept; nothing if another one was faster, and then it never
    /// was given.
    ///
    /// # Errors
    /// It could not be kept.
    pub fn put(self, store: &dyn StateStore) -> Result<Option<T>, StoreError> {
        let is_kept = self.changes.is_empty() || store.swap(&self.changes)?;
        Ok(is_kept.then_some(self.answer))
    }
}
