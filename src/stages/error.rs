//! Why a stage did not do its work, and whether trying again may help.

use super::{AnnounceError, DeliveryError};
use crate::broker::BrokerError;
use crate::filter::matcher::BadCondition;
use crate::peers::PeerError;
use crate::store::{StoreError, Verdict};
use crate::task::Deliver;

/// Why a task did not do its work. The message is for the report's owner.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A service of the platform.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// The report store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue, when the next tasks were enqueued.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The task carries a condition that is not understood.
    #[error("the task's condition is not understood: {0}")]
    Condition(#[from] BadCondition),
    /// The Data API did not deliver the rows that it announced.
    #[error("the Data API announced {found} rows and delivered {received}")]
    RowsMissing {
        /// Rows announced.
        found: u64,
        /// Rows received.
        received: u64,
    },
    /// Rows came on one page and on another again: their order has changed in between.
    #[error(
        "the Data API gave {again} rows twice, on different pages: while they were read, rows have moved from page to \
         page, so others may be missing; request the report again, or set MAESTRO_FETCH_QTD so that one page holds all"
    )]
    RowsMoved {
        /// Rows that came again.
        again: u64,
    },
    /// A user's endpoint, or the rows for it.
    #[error("{source}")]
    Delivery {
        /// How far the delivery has come.
        at: Box<Deliver>,
        /// What stopped it.
        #[source]
        source: DeliveryError,
    },
    /// A thread of this process ended early.
    #[error("reading the answer of the Data API was interrupted")]
    Interrupted,
}

impl From<AnnounceError> for StageError {
    fn from(error: AnnounceError) -> Self {
        match error {
            AnnounceError::Store(error) => error.into(),
            AnnounceError::Broker(error) => error.into(),
        }
    }
}

impl StageError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Peer(error) => error.verdict(),
            Self::Store(error) => error.verdict(),
            Self::Broker(_) | Self::RowsMissing { .. } | Self::RowsMoved { .. } | Self::Interrupted => Verdict::Retry,
            Self::Delivery { source, .. } => source.verdict(),
            Self::Condition(_) => Verdict::GiveUp,
        }
    }
}
