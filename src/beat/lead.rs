//! Which of several processes deals with the schedules: the one that holds the lease `beat` in the store.

use crate::store::{Store, StoreError};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The lease's name.
const LEASE: &str = "beat";
/// How long the lease holds without being renewed: how late another process takes over.
const TTL: Duration = Duration::from_secs(12);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(2);
/// How long before its end the lease is not trusted any more: clocks of hosts differ.
const MARGIN: Duration = Duration::from_secs(2);

/// This process's part in it.
pub(super) struct Lead {
    store: Arc<dyn Store>,
    holder: String,
    held: Option<Held>,
}

struct Held {
    /// The fencing token.
    fence: u64,
    renewed: Instant,
}

impl Lead {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, holder: Uuid::new_v4().to_string(), held: None }
    }

    /// The fencing token, where this process leads; takes or renews the lease where it is time to.
    pub(super) async fn look(&mut self, now: DateTime<Utc>) -> Option<u64> {
        if self.held.as_ref().is_none_or(|held| held.renewed.elapsed() >= RENEWAL) {
            let led = self.held.is_some();
            self.held = self.renew(now).await.unwrap_or_else(|error| {
                log::warn!("beat: the lease could not be renewed: {error}");
                None
            });
            if self.held.is_some() != led {
                log::info!("beat: {}", if led { "another process leads" } else { "this process leads now" });
            }
        }
        self.fence()
    }

    /// The fencing token, where the lease is good at this moment.
    pub(super) fn fence(&self) -> Option<u64> {
        self.held.as_ref().filter(|held| held.renewed.elapsed() < TTL - MARGIN).map(|held| held.fence)
    }

    /// Gives the lease back.
    pub(super) async fn end(self) {
        if let Err(error) = self.store.release(LEASE, &self.holder).await {
            log::warn!("beat: the lease was not given back and ends by itself: {error}");
        }
    }

    async fn renew(&self, now: DateTime<Utc>) -> Result<Option<Held>, StoreError> {
        let renewed = Instant::now();
        if !self.take(now).await? {
            return Ok(None);
        }
        let fence = match &self.held {
            Some(held) => held.fence,
            None => {
                let fence = self.store.next_fence(LEASE).await?;
                // Still ours: so no later leader has a smaller token.
                if !self.take(now).await? {
                    return Ok(None);
                }
                fence
            }
        };
        Ok(Some(Held { fence, renewed }))
    }

    async fn take(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.store.lease(LEASE, &self.holder, TTL, now).await
    }
}
