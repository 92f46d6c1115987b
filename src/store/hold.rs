//! Which run may write a table: one at a time, for as long as its worker gives signs of life.

use crate::domain::{OwnerId, TableName};
use chrono::{DateTime, Utc};

/// A run that wants to write a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taker {
    /// Its task.
    pub task_id: String,
    /// Names this attempt, and its worker for people; no two attempts have the same.
    pub holder: String,
    /// When the task was requested here; `None` for the task of another producer, which is never left out.
    pub requested_at: Option<DateTime<Utc>>,
}

/// What came of taking a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is the taker's.
    Held {
        /// How many attempts of this task have begun without an end, this one included: from 1.
        attempt: u32,
    },
    /// Another run has it.
    Busy {
        /// Since when.
        since: DateTime<Utc>,
        /// Until when, unless that run gives a sign of life.
        until: DateTime<Utc>,
    },
    /// The report was requested again after this task: the newer one makes it.
    Replaced,
}

/// What came of a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The table is still the run's.
    Held,
    /// Another run has taken it, or the report was given up.
    Lost,
    /// The table was removed.
    Gone,
}

/// A report in `process` that nobody works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// Its table.
    pub table: TableName,
    /// The task that should make it.
    pub task_id: String,
    /// On whose behalf; unknown for the task of another producer.
    pub owner: Option<OwnerId>,
    /// The run that was lost; `None` where no run has the report.
    pub holder: Option<String>,
    /// Until when it was in good hands: requested, worked on, or waiting for its next attempt.
    pub alive_at: DateTime<Utc>,
}
