//! Why a store did not do what was asked, and whether trying again may help.

use crate::domain::TableName;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or did not answer in time; trying later may help.
    #[error("the report store cannot be reached: {what}")]
    Unavailable {
        /// What was tried.
        what: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It answered that it cannot do this.
    #[error("the report store refused: {what}")]
    Refused {
        /// What was tried.
        what: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A query took longer than it may.
    #[error("the query took longer than {seconds} s")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// A newer attempt has taken over the table.
    #[error("a newer run of {table} has begun")]
    Superseded {
        /// The table.
        table: TableName,
    },
    /// Rows are missing from the staging.
    #[error("{table}: {staged} rows are staged, {expected} were written")]
    Incomplete {
        /// The table.
        table: TableName,
        /// Rows found.
        staged: u64,
        /// Rows expected.
        expected: u64,
    },
    /// What is stored cannot be read.
    #[error("the report store holds something unreadable: {what}")]
    Corrupt {
        /// What and where.
        what: String,
    },
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Trying again later may help.
    Retry,
    /// It will fail again.
    GiveUp,
}

impl StoreError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Unavailable { .. } | Self::TimedOut { .. } | Self::Incomplete { .. } => Verdict::Retry,
            Self::Refused { .. } | Self::Superseded { .. } | Self::Corrupt { .. } => Verdict::GiveUp,
        }
    }
}
