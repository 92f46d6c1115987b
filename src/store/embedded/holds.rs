//! Which run may write a table, and which reports nobody works on.

use super::error::WorkError;
use super::registry::{self, date};
use super::runs;
use crate::domain::{Status, TableName};
use crate::store::{End, Kept, Silent, StoreError, Taken, Taker};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};
use std::time::Duration;

/// Gives a table to a run, unless another has it or the report was requested again.
pub(super) fn take(
    tx: &Transaction<'_>,
    table: &TableName,
    taker: &Taker,
    ttl: Duration,
    now: DateTime<Utc>,
) -> Result<Taken, WorkError> {
    registry::ensure(tx, table, Status::Process, now)?;
    let name = table.to_string();
    let (task_id, requested_at): (String, i64) =
        tx.query_row("SELECT task_id, requested_at FROM reports WHERE table_name = ?1", [&name], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if task_id != taker.task_id && taker.requested_at.is_some_and(|at| at.timestamp_millis() < requested_at) {
        return Ok(Taken::Replaced);
    }
    let busy = tx.query_row(
        "SELECT held_since, held_until FROM reports WHERE table_name = ?1 AND holder != ?2 AND held_until > ?3",
        params![name, taker.holder, now.timestamp_millis()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    if let Some((since, until)) = busy.optional()? {
        return Ok(Taken::Busy { since: date(since)?, until: date(until)? });
    }
    let attempt = tx.query_row(
        "UPDATE reports SET
            begun = CASE WHEN begun_by != ?2 THEN 1 WHEN holder IS ?3 THEN begun ELSE begun + 1 END,
            begun_by = ?2, holder = ?3, held_since = ?4, held_until = ?5, alive_at = ?4
         WHERE table_name = ?1 RETURNING begun",
        params![name, taker.task_id, taker.holder, now.timestamp_millis(), end_of(ttl, now)],
        |row| row.get(0),
    )?;
    Ok(Taken::Held { attempt })
}

/// Notes a sign of life.
pub(super) fn keep(
    tx: &Transaction<'_>,
    table: &TableName,
    holder: &str,
    ttl: Duration,
    now: DateTime<Utc>,
) -> rusqlite::Result<Kept> {
    let kept = tx.execute(
        "UPDATE reports SET held_until = ?3, alive_at = ?4 WHERE table_name = ?1 AND holder = ?2",
        params![table.to_string(), holder, end_of(ttl, now), now.timestamp_millis()],
    )?;
    if kept == 1 {
        return Ok(Kept::Held);
    }
    Ok(if registry::generation(tx, table)?.is_some() { Kept::Lost } else { Kept::Gone })
}

/// Notes that the attempt has ended in good order; the report is in good hands until `due`.
pub(super) fn leave(tx: &Transaction<'_>, table: &TableName, holder: &str, due: DateTime<Utc>) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE reports SET holder = NULL, held_since = NULL, held_until = NULL, begun = 0, alive_at = ?3
         WHERE table_name = ?1 AND holder = ?2",
        params![table.to_string(), holder, due.timestamp_millis()],
    )?;
    Ok(())
}

/// Selects a report in `process` that nobody holds at `?1`.
const UNATTENDED: &str = "status = 'process' AND (held_until IS NULL OR held_until <= ?1)";

/// The reports that nobody works on and that were last in good hands at `before` or earlier.
pub(super) fn silent(
    tx: &Transaction<'_>,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Silent>, WorkError> {
    let sql = format!(
        "SELECT table_name, task_id, owner, holder, alive_at FROM reports
         WHERE {UNATTENDED} AND alive_at <= ?2 ORDER BY alive_at"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([now.timestamp_millis(), before.timestamp_millis()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let table: String = row.get(0)?;
        let owner: Option<String> = row.get(2)?;
        let corrupt = |what: String| StoreError::Corrupt { what: format!("{table}: {what}") };
        found.push(Silent {
            task_id: row.get(1)?,
            owner: owner.map(|id| id.parse()).transpose().map_err(|error| corrupt(format!("owner: {error}")))?,
            holder: row.get(3)?,
            alive_at: date(row.get(4)?)?,
            table: table.parse().map_err(|error| corrupt(format!("{error}")))?,
        });
    }
    Ok(found)
}

/// Ends a report that nobody works on and drops what its lost run has staged; false where somebody has taken it since.
pub(super) fn give_up(tx: &Transaction<'_>, silent: &Silent, end: &End, now: DateTime<Utc>) -> Result<bool, WorkError> {
    let sql = format!(
        "UPDATE reports SET status = ?5, message = ?6, ended_at = ?7, holder = NULL, held_since = NULL, held_until = NULL
         WHERE {UNATTENDED} AND table_name = ?2 AND task_id = ?3 AND alive_at = ?4"
    );
    let ended = tx.execute(
        &sql,
        params![
            now.timestamp_millis(),
            silent.table.to_string(),
            silent.task_id,
            silent.alive_at.timestamp_millis(),
            end.status.as_str(),
            end.message,
            end.at.timestamp_millis(),
        ],
    )?;
    if ended == 1 {
        runs::drop_stagings(tx, &silent.table)?;
    }
    Ok(ended == 1)
}

fn end_of(ttl: Duration, now: DateTime<Utc>) -> i64 {
    now.timestamp_millis().saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}
