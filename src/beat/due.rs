//! When an interval schedule is due. Pure.
//!
//! Due times lie on a grid: whole intervals since 1970-01-01 UTC, so `1h` is due on the hour and `1d` at midnight UTC,
//! whichever host is the leader and whenever it was started.

use chrono::{DateTime, Utc};
use std::time::Duration;

/// The latest due time that is not after `now`.
#[must_use]
pub(super) fn latest(every: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let millis = now.timestamp_millis();
    DateTime::from_timestamp_millis(millis - millis.rem_euclid(every)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn hours_and_days_are_due_on_the_clock() {
        let now = at("2026-11-23T21:37:49Z");
        assert_eq!(latest(Duration::from_secs(3600), now), at("2026-11-23T21:00:00Z"));
        assert_eq!(latest(Duration::from_secs(86_400), now), at("2026-11-23T00:00:00Z"));
        assert_eq!(latest(Duration::from_secs(900), at("2026-11-23T21:45:00Z")), at("2026-11-23T21:45:00Z"));
    }
}
