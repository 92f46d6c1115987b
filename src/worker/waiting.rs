//! Deliveries that a lane has and that have not begun: no slot is free, or their rate does not let them.

use super::limits::Limits;
use super::tasks::Ticket;
use crate::broker::Delivery;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A delivery that has not begun.
pub(super) struct Received {
    pub(super) delivery: Delivery,
    /// What others see of it; `None` where it is no task that is known.
    pub(super) ticket: Option<Ticket>,
}

/// Deliveries in the order in which they came.
#[derive(Default)]
pub(super) struct Waiting(VecDeque<Received>);

impl Received {
    fn task(&self) -> &str {
        self.delivery.message.headers.get("task").and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

impl Waiting {
    /// Adds one.
    pub(super) fn add(&mut self, received: Received) {
        self.0.push_back(received);
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long until one may begin; `None` where there is none.
    pub(super) fn pause(&self, limits: &Limits, now: Instant) -> Option<Duration> {
        let mut least = None;
        for received in &self.0 {
            let wait = limits.wait(received.task(), now);
            if wait.is_zero() {
                return Some(wait);
            }
            least = Some(least.map_or(wait, |least: Duration| least.min(wait)));
        }
        least
    }

    /// Takes the first one that may begin.
    pub(super) fn take(&mut self, limits: &Limits, now: Instant) -> Option<Received> {
        let at = self.0.iter().position(|received| limits.wait(received.task(), now).is_zero())?;
        let received = self.0.remove(at)?;
        limits.count(received.task(), now);
        Some(received)
    }

    /// Takes all.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Received> + use<> {
        std::mem::take(&mut self.0).into_iter()
    }
}
