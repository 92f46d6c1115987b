//! Deliveries that wait for their time (Celery's ETA), unacknowledged, in memory.

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// Deliveries in the order of their times.
pub(super) struct Waiting<T> {
    by_time: BTreeMap<(DateTime<Utc>, u64), T>,
    last: u64,
}

/// The longest wait in memory. RabbitMQ takes a delivery for lost that stays unacknowledged for 30 minutes, so one
/// that is due later goes back to its queue by then and begins anew.
const LONGEST: TimeDelta = TimeDelta::minutes(10);

impl<T> Waiting<T> {
    /// Nothing waits.
    pub(super) fn new() -> Self {
        Self { by_time: BTreeMap::new(), last: 0 }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.by_time.len()
    }

    /// Adds one that is due at `eta`.
    pub(super) fn add(&mut self, eta: DateTime<Utc>, now: DateTime<Utc>, delivery: T) {
        self.last += 1;
        self.by_time.insert((eta.min(now + LONGEST), self.last), delivery);
    }

    /// When the first one has to be looked at.
    pub(super) fn next_time(&self) -> Option<DateTime<Utc>> {
        self.by_time.first_key_value().map(|((time, _), _)| *time)
    }

    /// Takes the first one whose wait is over.
    pub(super) fn take_due(&mut self, now: DateTime<Utc>) -> Option<T> {
        if self.next_time()? > now {
            return None;
        }
        self.by_time.pop_first().map(|(_, delivery)| delivery)
    }

    /// All, in the order of their times.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.by_time.values()
    }

    /// Takes all.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = T> {
        std::mem::take(&mut self.by_time).into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + 60 * minute, 0).unwrap()
    }

    #[test]
    fn deliveries_come_in_the_order_of_their_times() {
        let mut waiting = Waiting::new();
        for (minute, name) in [(3, "c"), (1, "a"), (1, "b")] {
            waiting.add(at(minute), at(0), name);
        }
        assert_eq!(waiting.take_due(at(0)), None);
        assert_eq!(waiting.next_time(), Some(at(1)));
        assert_eq!(
            [waiting.take_due(at(2)), waiting.take_due(at(2)), waiting.take_due(at(2))],
            [Some("a"), Some("b"), None]
        );
        assert_eq!(waiting.take_all().collect::<Vec<_>>(), ["c"]);
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn nothing_waits_longer_than_ten_minutes() {
        let mut waiting = Waiting::new();
        waiting.add(at(5000), at(0), ());
        assert_eq!(waiting.next_time(), Some(at(10)));
        waiting.add(DateTime::<Utc>::MAX_UTC, at(0), ());
        assert_eq!(waiting.take_due(at(10)), Some(()));
    }
}
