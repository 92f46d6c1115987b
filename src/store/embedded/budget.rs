//! The time that a query may work, not counting the time in which its reader is slow.

use super::error::WorkError;
use crate::store::StoreError;
use rusqlite::{Connection, ErrorCode};
use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// SQLite's steps between two looks at the clock.
const STEPS_PER_LOOK: i32 = 1000;

/// What is left of the time of one query.
pub(super) struct Budget {
    timeout: Duration,
    left: Cell<Duration>,
    deadline: Arc<Mutex<Option<Instant>>>,
}

impl Budget {
    /// Makes the connection interrupt its statements once the budget is spent.
    pub(super) fn watch(connection: &mut Connection, timeout: Duration) -> rusqlite::Result<Self> {
        let deadline = Arc::new(Mutex::new(None));
        let watched = Arc::clone(&deadline);
        let overdue = move || {
            let deadline: Option<Instant> = *watched.lock().unwrap_or_else(PoisonError::into_inner);
            deadline.is_some_and(|deadline| Instant::now() > deadline)
        };
        connection.progress_handler(STEPS_PER_LOOK, Some(overdue))?;
        Ok(Self { timeout, left: Cell::new(timeout), deadline })
    }

    /// Does a piece of the query's work.
    pub(super) fn spend<T>(&self, work: impl FnOnce() -> Result<T, WorkError>) -> Result<T, WorkError> {
        let start = Instant::now();
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = start.checked_add(self.left.get());
        let done = work();
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.left.set(self.left.get().saturating_sub(start.elapsed()));
        match done {
            Err(WorkError::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Err(StoreError::TimedOut { seconds: self.timeout.as_secs() }.into())
            }
            done => done,
        }
    }
}
