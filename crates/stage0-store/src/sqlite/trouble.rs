//! What SQLite says, in words for whoever keeps the file.

use std::fmt;

use rusqlite::ErrorCode;

use super::create::SCHEMA_VERSION;
use crate::error::StoreError;

/// Says what is wrong with the file of this name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble<'n>(pub(crate) &'n str);

impl Trouble<'_> {
    pub(crate) fn unreadable(self, reason: &impl fmt::Display) -> StoreError {
        StoreError::Unreadable(format!("`{}` cannot be read: {reason}", self.0))
    }

    pub(crate) fn unwritable(self, reason: &(impl fmt::Display + ?Sized)) -> StoreError {
        StoreError::Unwritable(format!("`{}` cannot be written: {reason}", self.0))
    }

    pub(crate) fn damaged(self, reason: &(impl fmt::Display + ?Sized)) -> StoreError {
        StoreError::Damaged(format!("`{}` is no file that keeps runs: {reason}", self.0))
    }

    pub(crate) fn version(self, found: i32) -> StoreError {
        StoreError::Version(format!(
            "`{}` is of version {found}, and this is {SCHEMA_VERSION}",
            self.0
        ))
    }

    pub(crate) fn of(self, error: &rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StoreError::Busy(format!("`{}` is held by another process", self.0))
            }
            Some(ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::TooBig) => {
                self.unwritable(error)
            }
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::FileLockingProtocolFailed,
            ) => self.unreadable(error),
            // Not a database, a page that is none, a table or value that is not as we made it.
            _ => self.damaged(error),
        }
    }
}
