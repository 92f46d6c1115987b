//! Which of several processes deals with the schedules: the one that holds the lease `beat` in the store.

use crate::store::{Store, StoreError};
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, PoisonError};
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
    leading: Leading,
}

/// Whether this process leads, for those who act beside the one that renews the lease.
#[derive(Clone, Default)]
pub(super) struct Leading(Arc<Mutex<Option<Held>>>);

#[derive(Clone, Copy)]
struct Held {
    /// The fencing token.
    fence: u64,
    renewed: Instant,
}

impl Leading {
    /// The fencing token, where the lease is good at this moment.
    pub(super) fn fence(&self) -> Option<u64> {
        self.held().filter(|held| held.renewed.elapsed() < TTL - MARGIN).map(|held| held.fence)
    }

    fn held(&self) -> Option<Held> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, held: Option<Held>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

impl Lead {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, holder: Uuid::new_v4().to_string(), leading: Leading::default() }
    }

    pub(super) fn leading(&self) -> &Leading {
        &self.leading
    }

    /// The fencing token, where this process leads; takes or renews the lease where it is time to.
    pub(super) async fn look(&self, now: DateTime<Utc>) -> Option<u64> {
        let held = self.leading.held();
        if held.is_none_or(|held| held.renewed.elapsed() >= RENEWAL) {
            let renewed = self.renew(held, now).await.unwrap_or_else(|error| {
                log::warn!("beat: the lease could not be renewed: {error}");
                None
            });
            if renewed.is_some() != held.is_some() {
                log::info!("beat: {}", if held.is_some() { "another process leads" } else { "this process leads now" });
            }
            self.leading.set(renewed);
        }
        self.leading.fence()
    }

    /// Gives the lease back.
    pub(super) async fn end(self) {
        if let Err(error) = self.store.release(LEASE, &self.holder).await {
            log::warn!("beat: the lease was not given back and ends by itself: {error}");
        }
    }

    async fn renew(&self, held: Option<Held>, now: DateTime<Utc>) -> Result<Option<Held>, StoreError> {
        let renewed = Instant::now();
        if !self.take(now).await? {
            return Ok(None);
        }
        let fence = match held {
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
