//! What decides whether a table stays, and how a store gives back what nobody needs any more.

use super::StoreError;
use crate::domain::{Status, TableName};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

/// Looks that are closer together than this count as one.
const LOOKS_APART: TimeDelta = TimeDelta::minutes(30);

/// What is known of a table, without its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableState {
    /// The table.
    pub table: TableName,
    /// Where its last run stands.
    pub status: Status,
    /// Rows that can be read; `None` before the first result.
    pub rows: Option<u64>,
    /// The last time that anybody requested, ran, filled or used it.
    pub last_sign: DateTime<Utc>,
    /// Until when a run has it, unless that gives a sign of life.
    pub held_until: Option<DateTime<Utc>>,
    /// Since when the platform does not know its report; `None` where it does, or nobody has asked.
    pub absence: Option<Absence>,
}

/// A report that the platform does not know, as far as it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// When this was first seen.
    pub since: DateTime<Utc>,
    /// When it was last seen, of the looks that count.
    pub last: DateTime<Utc>,
    /// How often it was seen, without a look in between that saw the report.
    pub looks: u32,
}

impl Absence {
    /// The absence after one more look that did not see the report.
    #[must_use]
    pub fn seen_again(before: Option<Self>, now: DateTime<Utc>) -> Self {
        match before {
            None => Self { since: now, last: now, looks: 1 },
            Some(absence) if now - absence.last < LOOKS_APART => absence,
            Some(absence) => Self { last: now, looks: absence.looks.saturating_add(1), ..absence },
        }
    }
}

/// What a store does for its own upkeep. Both implementations pass the same conformance suite.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// At most `limit` tables that have a record, by name, those after `after`.
    async fn tables(&self, after: Option<&TableName>, limit: u32) -> Result<Vec<TableState>, StoreError>;

    /// Notes since when the platform does not know the table's report, or that it does. Nothing where there is no record.
    async fn note_absence(&self, table: &TableName, absence: Option<&Absence>) -> Result<(), StoreError>;

    /// Notes that somebody still needs the table's rows: its time begins anew. No sign of life of a run: nothing where the
    /// report is in `process`.
    async fn note_use(&self, table: &TableName, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Removes the table, its staging and its record, in one step for whoever reads, if it still is as it was seen: no
    /// run has it or waits for it, and nothing has happened to it since. The report's endpoint goes too where the platform
    /// does not know the report; otherwise that may run again. Whether it was removed.
    async fn retire(&self, seen: &TableState, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Removes generations that nobody can need: what runs have staged and left, what was readable before, and what
    /// has no record, of tables that no run has and to which nothing has happened since `before`. How many.
    async fn clear_leftovers(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Gives free space back to the file system, a little at a time, as readers and runs go on; bytes.
    /// 0 where the store does so by itself.
    async fn give_back_space(&self) -> Result<u64, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_count_when_they_are_apart() {
        let at = |minutes: i64| DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap();
        let first = Absence::seen_again(None, at(0));
        assert_eq!(first, Absence { since: at(0), last: at(0), looks: 1 });
        assert_eq!(Absence::seen_again(Some(first), at(29)), first);
        let second = Absence::seen_again(Some(first), at(30));
        assert_eq!(second, Absence { since: at(0), last: at(30), looks: 2 });
        assert_eq!(Absence::seen_again(Some(second), at(59)).looks, 2);
        assert_eq!(Absence::seen_again(Some(second), at(60)).looks, 3);
    }
}
