//! What SQLite's errors mean to the store's callers.

use crate::store::StoreError;
use rusqlite::ErrorCode;

/// An error inside a piece of work, before it is known what was tried.
#[derive(Debug)]
pub(super) enum WorkError {
    /// SQLite's own.
    Sqlite(rusqlite::Error),
    /// One that is already in the store's words.
    Store(StoreError),
}

impl From<rusqlite::Error> for WorkError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl WorkError {
    /// The store's error; `what` says what was tried.
    pub(super) fn into_store(self, what: &str) -> StoreError {
        match self {
            Self::Sqlite(error) => sqlite(error, what),
            Self::Store(error) => error,
        }
    }
}

/// A file that is busy or briefly unreadable and a disk that is full are worth another try; a broken file is not.
fn sqlite(error: rusqlite::Error, what: &str) -> StoreError {
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => " (the disk is full: make room there)",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => " (the file cannot be written)",
        Some(ErrorCode::TooBig) => " (a row is too large)",
        _ if error.to_string().contains("no such table") => " (is the schema migrated?)",
        _ => "",
    };
    let what = format!("{what}{hint}");
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { what: format!("{what}: {error}") }
        }
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory,
        ) => StoreError::Unavailable { what, source: error.into() },
        _ => StoreError::Refused { what, source: error.into() },
    }
}
