//! Runs: a staging generation is begun, filled and committed or aborted.

use super::error::WorkError;
use super::{endpoints, registry, rows};
use crate::domain::{Row, TableName};
use crate::store::{Outcome, Staged, Staging, StoreError};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

/// Starts a run and removes what earlier attempts staged.
pub(super) fn begin(
    tx: &Transaction<'_>,
    table: &TableName,
    run_id: String,
    now: DateTime<Utc>,
) -> Result<Staging, WorkError> {
    registry::start(tx, table, &run_id, now)?;
    drop_stagings(tx, table)?;
    let attempt = uuid::Uuid::new_v4().to_string();
    let generation = rows::create(tx, table, &run_id, &attempt)?;
    Ok(Staging { table: *table, run_id, generation, attempt })
}

/// The staging of a run.
pub(super) fn staging(tx: &Transaction<'_>, table: &TableName, run_id: &str) -> Result<Option<Staging>, WorkError> {
    let sql = "SELECT number, attempt FROM generations WHERE table_name = ?1 AND run_id = ?2
               AND number IS NOT (SELECT generation FROM reports WHERE table_name = ?1)";
    let found = tx.query_row(sql, params![table.to_string(), run_id], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(found.optional()?.map(|(generation, attempt)| Staging {
        table: *table,
        run_id: run_id.to_owned(),
        generation,
        attempt,
    }))
}

/// Adds rows to a staging.
pub(super) fn stage(tx: &Transaction<'_>, staging: &Staging, rows: &[Row]) -> Result<Staged, WorkError> {
    if !is_current(tx, staging)? {
        return Err(superseded(staging));
    }
    rows::insert(tx, staging.generation, rows)
}

/// Makes a staging readable, drops the old rows and writes the outcome.
pub(super) fn commit(tx: &Transaction<'_>, staging: &Staging, outcome: &Outcome) -> Result<(), WorkError> {
    let old = registry::generation(tx, &staging.table)?.flatten();
    if old == Some(staging.generation) {
        return Ok(());
    }
    if !is_current(tx, staging)? {
        return Err(superseded(staging));
    }
    let staged = rows::count(tx, staging.generation)?;
    if staged != outcome.rows {
        return Err(StoreError::Incomplete { table: staging.table, staged, expected: outcome.rows }.into());
    }
    registry::finish(tx, staging, outcome)?;
    if let Some(old) = old {
        rows::drop(tx, old)?;
    }
    Ok(())
}

/// Removes a staging, unless it is committed.
pub(super) fn abort(tx: &Transaction<'_>, staging: &Staging) -> Result<(), WorkError> {
    if is_current(tx, staging)? {
        rows::drop(tx, staging.generation)?;
    }
    Ok(())
}

/// Removes a table with all that belongs to it.
pub(super) fn drop_table(tx: &Transaction<'_>, table: &TableName) -> Result<bool, WorkError> {
    endpoints::remove(tx, table)?;
    drop_rows(tx, table)
}

/// Removes a table and its record.
pub(super) fn drop_rows(tx: &Transaction<'_>, table: &TableName) -> Result<bool, WorkError> {
    drop_stagings(tx, table)?;
    let readable = registry::generation(tx, table)?;
    tx.execute("DELETE FROM reports WHERE table_name = ?1", [table.to_string()])?;
    if let Some(number) = readable.flatten() {
        rows::drop(tx, number)?;
    }
    Ok(readable.is_some())
}

/// Removes the generations of a table that are not the readable one.
pub(super) fn drop_stagings(tx: &Transaction<'_>, table: &TableName) -> rusqlite::Result<()> {
    let sql = "SELECT number FROM generations WHERE table_name = ?1
               AND number IS NOT (SELECT generation FROM reports WHERE table_name = ?1)";
    let numbers: Vec<u64> =
        tx.prepare(sql)?.query_map([table.to_string()], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    numbers.into_iter().try_for_each(|number| rows::drop(tx, number))
}

/// Whether the attempt still has its staging: a later attempt, a commit and a drop take it away.
fn is_current(tx: &Transaction<'_>, staging: &Staging) -> rusqlite::Result<bool> {
    tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM generations WHERE number = ?1 AND attempt = ?2 AND table_name = ?3
            AND number IS NOT (SELECT generation FROM reports WHERE table_name = ?3))",
        params![staging.generation, staging.attempt, staging.table.to_string()],
        |row| row.get(0),
    )
}

fn superseded(staging: &Staging) -> WorkError {
    StoreError::Superseded { table: staging.table }.into()
}
