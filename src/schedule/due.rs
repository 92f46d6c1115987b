//! The due times of a schedule, and when it runs for each.

use super::{Schedule, When, wall};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use uuid::Uuid;

impl Schedule {
    /// When it runs next after `after`; `None` where it never does again.
    #[must_use]
    pub fn next_run(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.enabled {
            return None;
        }
        let mut due = self.next_due(after - delta(self.jitter))?;
        while self.runs_at(due) <= after {
            due = self.next_due(due)?;
        }
        self.enabled_until.is_none_or(|until| due <= until).then(|| self.runs_at(due))
    }

    /// The last due time whose run should have begun by `now`.
    #[must_use]
    pub fn latest_due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut due = self.due_until(self.enabled_until.map_or(now, |until| until.min(now)))?;
        while self.runs_at(due) > now {
            due = self.due_until(due - TimeDelta::milliseconds(1))?;
        }
        Some(due)
    }

    /// When it runs for a due time: that time and a jitter that follows from schedule and due time, so that every
    /// process comes to the same.
    #[must_use]
    pub fn runs_at(&self, due: DateTime<Utc>) -> DateTime<Utc> {
        let most = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        let (random, _) = Uuid::new_v5(&Uuid::NAMESPACE_OID, self.task_id(due).as_bytes()).as_u64_pair();
        due + delta(Duration::from_millis(random.checked_rem(most).unwrap_or_default()))
    }

    fn next_due(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.when {
            When::Every(every) => self.grid(*every, after).checked_add_signed(delta(*every)),
            When::Cron(cron) => wall::next(cron, self.zone, after),
        }
    }

    fn due_until(&self, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.when {
            When::Every(every) => Some(self.grid(*every, until)),
            When::Cron(cron) => wall::latest(cron, self.zone, until),
        }
    }

    /// The end of the last whole interval that is not after `until`.
    fn grid(&self, every: Duration, until: DateTime<Utc>) -> DateTime<Utc> {
        let begin = self.record.as_ref().map_or(DateTime::UNIX_EPOCH, |record| record.made_at);
        let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
        let beyond = (until - begin).num_milliseconds().rem_euclid(every);
        DateTime::from_timestamp_millis(until.timestamp_millis() - beyond).unwrap_or(until)
    }
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests;
