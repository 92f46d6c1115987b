//! Which tables there are, and removing what nobody needs any more.

use super::error::WorkError;
use super::registry::date;
use super::{EmbeddedStore, rows, runs, space};
use crate::domain::TableName;
use crate::store::{Absence, StoreError, TableState, Upkeep};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// The last time that anything happened to a table.
const LAST_SIGN: &str = "max(requested_at, coalesce(started_at, 0), coalesce(ended_at, 0), alive_at)";
/// Selects a report that has ended and that nobody holds at `?1`.
const IDLE: &str = "status != 'process' AND coalesce(held_until, 0) <= ?1";

#[async_trait]
impl Upkeep for EmbeddedStore {
    async fn tables(&self, after: Option<&TableName>, limit: u32) -> Result<Vec<TableState>, StoreError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        self.pool.read("to list tables", move |tx| tables(tx, &after, limit)).await
    }

    async fn note_absence(&self, table: &TableName, absence: Option<&Absence>) -> Result<(), StoreError> {
        let (table, absence) = (*table, absence.copied());
        self.pool.write("to note an absence", move |tx| Ok(note_absence(tx, &table, absence)?)).await
    }

    async fn note_use(&self, table: &TableName, now: DateTime<Utc>) -> Result<(), StoreError> {
        let table = *table;
        self.pool.write_ahead("to note a use", move |tx| Ok(note_use(tx, &table, now)?)).await
    }

    async fn retire(&self, seen: &TableState, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let seen = seen.clone();
        self.pool.write("to drop a table", move |tx| retire(tx, &seen, now)).await
    }

    async fn clear_leftovers(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut cleared = 0;
        // One at a time, so that others write in between.
        while self.pool.write("to clear old rows", move |tx| Ok(clear_leftover(tx, before, now)?)).await? {
            cleared += 1;
        }
        Ok(cleared)
    }

    async fn give_back_space(&self) -> Result<u64, StoreError> {
        space::give_back(&self.pool).await
    }
}

fn tables(tx: &Transaction<'_>, after: &str, limit: u32) -> Result<Vec<TableState>, WorkError> {
    let sql = format!(
        "SELECT table_name, status, CASE WHEN generation IS NULL THEN NULL ELSE row_count END, {LAST_SIGN}, held_until,
            absent_since, absent_last, absent_looks
         FROM reports WHERE table_name > ?1 ORDER BY table_name LIMIT ?2"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let mut rows = statement.query(params![after, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<TableState, WorkError> {
    let table: String = row.get(0)?;
    let status: String = row.get(1)?;
    let corrupt = |what: &dyn std::fmt::Display| StoreError::Corrupt { what: format!("{table}: {what}") };
    let when = |index: usize| -> Result<Option<DateTime<Utc>>, WorkError> {
        Ok(row.get::<_, Option<i64>>(index)?.map(date).transpose()?)
    };
    let absence = match (when(5)?, when(6)?, row.get(7)?) {
        (Some(since), Some(last), Some(looks)) => Some(Absence { since, last, looks }),
        _ => None,
    };
    Ok(TableState {
        status: status.parse().map_err(|error| corrupt(&error))?,
        rows: row.get(2)?,
        last_sign: date(row.get(3)?)?,
        held_until: when(4)?,
        absence,
        table: table.parse().map_err(|error| corrupt(&error))?,
    })
}

fn note_absence(tx: &Transaction<'_>, table: &TableName, absence: Option<Absence>) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE reports SET absent_since = ?2, absent_last = ?3, absent_looks = ?4 WHERE table_name = ?1",
        params![
            table.to_string(),
            absence.map(|absence| absence.since.timestamp_millis()),
            absence.map(|absence| absence.last.timestamp_millis()),
            absence.map(|absence| absence.looks),
        ],
    )?;
    Ok(())
}

fn note_use(tx: &Transaction<'_>, table: &TableName, now: DateTime<Utc>) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE reports SET alive_at = max(alive_at, ?2) WHERE table_name = ?1 AND status != 'process'",
        params![table.to_string(), now.timestamp_millis()],
    )?;
    Ok(())
}

fn retire(tx: &Transaction<'_>, seen: &TableState, now: DateTime<Utc>) -> Result<bool, WorkError> {
    let sql =
        format!("SELECT 1 FROM reports WHERE {IDLE} AND {LAST_SIGN} <= ?2 AND table_name = ?3 AND absent_since IS ?4");
    let since = seen.absence.map(|absence| absence.since.timestamp_millis());
    let as_seen = params![now.timestamp_millis(), seen.last_sign.timestamp_millis(), seen.table.to_string(), since];
    match (tx.query_row(&sql, as_seen, |_| Ok(())).optional()?, seen.absence) {
        (Some(()), Some(_)) => runs::drop_table(tx, &seen.table),
        (Some(()), None) => runs::drop_rows(tx, &seen.table),
        (None, _) => Ok(false),
    }
}

/// Removes one; false where there is none.
fn clear_leftover(tx: &Transaction<'_>, before: DateTime<Utc>, now: DateTime<Utc>) -> rusqlite::Result<bool> {
    let sql = format!(
        "SELECT number FROM generations LEFT JOIN reports USING (table_name)
         WHERE reports.status IS NULL OR (number IS NOT generation AND {IDLE} AND {LAST_SIGN} <= ?2) LIMIT 1"
    );
    let times = params![now.timestamp_millis(), before.timestamp_millis()];
    match tx.query_row(&sql, times, |row| row.get(0)).optional()? {
        Some(number) => rows::drop(tx, number).map(|()| true),
        None => Ok(false),
    }
}
