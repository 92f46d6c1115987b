//! Whether RabbitMQ takes no messages over the publisher's connection, because it is short of memory or disk.

use crate::broker::BrokerError;
use amiquip::ConnectionBlockedNotification;
use std::sync::{Arc, Mutex, PoisonError};

/// The alarm as the thread hears of it and whoever publishes sees it.
#[derive(Clone, Default)]
pub(super) struct Alarm(Arc<Mutex<Option<String>>>);

impl Alarm {
    /// Takes over what RabbitMQ says.
    pub(super) fn hear(&self, notification: ConnectionBlockedNotification) {
        self.set(match notification {
            ConnectionBlockedNotification::Blocked(reason) => Some(reason),
            ConnectionBlockedNotification::Unblocked => None,
        });
    }

    /// The connection is gone; the next one is not blocked yet.
    pub(super) fn clear(&self) {
        self.set(None);
    }

    /// Whether there is one.
    pub(super) fn is_on(&self) -> bool {
        self.error().is_some()
    }

    /// What whoever publishes is told while there is one.
    pub(super) fn error(&self) -> Option<BrokerError> {
        let reason = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        reason.map(|reason| BrokerError::Blocked { reason })
    }

    fn set(&self, reason: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}
