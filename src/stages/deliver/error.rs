//! Why a delivery did not go on.

use crate::endpoints::EndpointError;
use crate::store::{StoreError, Verdict};
use std::time::Duration;

/// What stopped a delivery.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The endpoint did not take a batch of rows.
    #[error("batch {number}: {source}")]
    Batch {
        /// The batch, counted from 0.
        number: u64,
        /// Why.
        source: EndpointError,
    },
    /// The endpoint did not take the message at the end.
    #[error("the message at the end: {source}")]
    End {
        /// Why.
        source: EndpointError,
    },
    /// The rows could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row is no valid BSON.
    #[error("a row cannot be written as JSON: {0}")]
    Row(#[from] serde_json::Error),
    /// The settings of this worker lack the endpoint.
    #[error("the endpoint {0} is not in this worker's settings: give all workers the same, or drop the delivery")]
    NoEndpoint(String),
    /// This worker has no store to read from.
    #[error("this worker has no report store (MAESTRO_UPLOAD=api) and delivers nothing")]
    NoStore,
}

impl DeliveryError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Batch { source, .. } | Self::End { source } => source.verdict(),
            Self::Store(error) => error.verdict(),
            Self::Row(_) | Self::NoEndpoint(_) | Self::NoStore => Verdict::GiveUp,
        }
    }

    /// The pause that the endpoint asks for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Batch { source, .. } | Self::End { source } => source.retry_after(),
            Self::Store(_) | Self::Row(_) | Self::NoEndpoint(_) | Self::NoStore => None,
        }
    }
}
