//! Why a service of the platform did not do what was asked.

use crate::store::Verdict;
use std::time::Duration;

/// A failed call of a peer. `peer` names the service and its address, without secrets.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// No connection, or it was lost before the answer began.
    #[error("{peer} cannot be reached: {source}")]
    Unreachable {
        /// The service.
        peer: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There was a connection, but none that can be trusted; nothing was sent over it.
    #[error("{peer} is not trusted: {why}")]
    Untrusted {
        /// The service.
        peer: String,
        /// What is wrong with its certificate or its TLS.
        why: String,
    },
    /// It was silent for too long.
    #[error("{peer} was silent for {silence:?}")]
    TimedOut {
        /// The service.
        peer: String,
        /// How long.
        silence: Duration,
    },
    /// It answered with an error.
    #[error("{peer} answered {status}: {message}")]
    Refused {
        /// The service.
        peer: String,
        /// The HTTP status.
        status: u16,
        /// What it said, cut to a readable length.
        message: String,
    },
    /// Its answer ended too early.
    #[error("{peer} broke off its answer after {bytes} bytes")]
    BrokenOff {
        /// The service.
        peer: String,
        /// Bytes received.
        bytes: u64,
    },
    /// Its answer is not what the contract says.
    #[error("{peer} gave an answer that is not understood: {what}")]
    NotUnderstood {
        /// The service.
        peer: String,
        /// What is wrong and where.
        what: String,
    },
}

impl PeerError {
    /// What kind of failure it is, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Untrusted { .. } => "untrusted",
            Self::TimedOut { .. } => "timed_out",
            Self::Refused { .. } => "refused",
            Self::BrokenOff { .. } => "broken_off",
            Self::NotUnderstood { .. } => "not_understood",
        }
    }

    /// Whether trying again later may help.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::BrokenOff { .. } => Verdict::Retry,
            Self::Refused { status, .. } => match status {
                408 | 409 | 425 | 429 | 500.. => Verdict::Retry,
                _ => Verdict::GiveUp,
            },
            // A certificate is renewed, a missing authority added: the task is still there when somebody has seen to it.
            Self::Untrusted { .. } => Verdict::Retry,
            Self::NotUnderstood { .. } => Verdict::GiveUp,
        }
    }
}
