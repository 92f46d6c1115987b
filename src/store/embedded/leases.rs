//! Leases and the marks of the timetable: one statement each, so that only one of several callers wins.

use super::error::WorkError;
use super::registry::date;
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};
use std::time::Duration;

/// Takes or renews a lease; false while another holder has it.
pub(super) fn lease(
    tx: &Transaction<'_>,
    name: &str,
    holder: &str,
    ttl: Duration,
    now: DateTime<Utc>,
) -> rusqlite::Result<bool> {
    let now = now.timestamp_millis();
    let until = now.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
    let changed = tx.execute(
        "INSERT INTO leases (name, holder, until) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET holder = ?2, until = ?3 WHERE holder = ?2 OR until <= ?4",
        params![name, holder, until, now],
    )?;
    Ok(changed == 1)
}

/// Gives a lease back.
pub(super) fn release(tx: &Transaction<'_>, name: &str, holder: &str) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM leases WHERE name = ?1 AND holder = ?2", params![name, holder])?;
    Ok(())
}

/// When the schedule was last marked.
pub(super) fn last_due(tx: &Transaction<'_>, schedule: &str) -> Result<Option<DateTime<Utc>>, WorkError> {
    let sql = "SELECT last_due FROM schedules WHERE name = ?1";
    let millis: Option<i64> = tx.query_row(sql, [schedule], |row| row.get(0)).optional()?;
    millis.map(|millis| date(millis).map_err(WorkError::from)).transpose()
}

/// Marks a schedule; false when it is marked for this time or later.
pub(super) fn claim_due(tx: &Transaction<'_>, schedule: &str, due: DateTime<Utc>) -> rusqlite::Result<bool> {
    let changed = tx.execute(
        "INSERT INTO schedules (name, last_due) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET last_due = ?2 WHERE last_due < ?2",
        params![schedule, due.timestamp_millis()],
    )?;
    Ok(changed == 1)
}
