//! The reports' records: what was asked and how the last run went.

use super::error::WorkError;
use crate::domain::{self, NewReport, Report, Status, TableName};
use crate::store::{End, Outcome, Staging, StoreError, row};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::de::DeserializeOwned;

/// The columns that `read` expects, in its order.
const COLUMNS: &str = "table_name, name, component, filters, owner, status, message, row_count, columns, aggr, \
                       generation, task_id, requested_at, started_at, ended_at, stages, paths, revision";

/// Records a requested report; what describes the readable rows stays.
pub(super) fn request(tx: &Transaction<'_>, report: &NewReport, now: DateTime<Utc>) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO reports (table_name, name, component, filters, owner, status, task_id, requested_at, alive_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
         ON CONFLICT (table_name) DO UPDATE SET name = ?2, component = ?3, filters = ?4, owner = ?5, status = ?6,
            message = '', task_id = ?7, requested_at = ?8, started_at = NULL, ended_at = NULL, stages = '{}',
            alive_at = ?8",
        params![
            report.table.to_string(),
            report.name,
            report.component,
            report.filters.to_string(),
            report.owner.to_string(),
            Status::Process.as_str(),
            report.task_id,
            now.timestamp_millis(),
        ],
    )?;
    Ok(())
}

/// Makes a record for a table that has none.
pub(super) fn ensure(
    tx: &Transaction<'_>,
    table: &TableName,
    status: Status,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO reports (table_name, status, requested_at, alive_at) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT DO NOTHING",
        params![table.to_string(), status.as_str(), now.timestamp_millis()],
    )?;
    Ok(())
}

/// Notes that a worker has begun the run of this task.
pub(super) fn start(
    tx: &Transaction<'_>,
    table: &TableName,
    task_id: &str,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    ensure(tx, table, Status::Process, now)?;
    tx.execute(
        "UPDATE reports SET task_id = ?2, status = ?3, message = '', started_at = ?4, ended_at = NULL, stages = '{}',
            alive_at = ?4
         WHERE table_name = ?1",
        params![table.to_string(), task_id, Status::Process.as_str(), now.timestamp_millis()],
    )?;
    Ok(())
}

/// Ends a run without a new result; a table without a record gets one.
pub(super) fn end(tx: &Transaction<'_>, table: &TableName, task_id: &str, end: &End) -> rusqlite::Result<()> {
    // A message about a run that goes on (a retry) does not end it.
    let ended_at = end.status.has_ended().then(|| end.at.timestamp_millis());
    ensure(tx, table, end.status, end.at)?;
    tx.execute(
        "UPDATE reports SET task_id = ?2, status = ?3, message = ?4, stages = ?5, ended_at = ?6
         WHERE table_name = ?1 AND task_id IN ('', ?2)",
        params![table.to_string(), task_id, end.status.as_str(), end.message, json(&end.stages)?, ended_at],
    )?;
    Ok(())
}

/// Makes a staging the readable generation and writes what its run leaves. Where the report was requested again
/// meanwhile, its rows are described and its status stays: the newer run will tell.
pub(super) fn finish(tx: &Transaction<'_>, staging: &Staging, outcome: &Outcome) -> rusqlite::Result<()> {
    let table = staging.table.to_string();
    tx.execute(
        "UPDATE reports SET generation = ?2, row_count = ?3, columns = ?4, aggr = ?5, paths = ?6, revision = revision + 1
         WHERE table_name = ?1",
        params![
            table,
            staging.generation,
            outcome.rows,
            json(&outcome.columns)?,
            outcome.aggr.to_string(),
            Some(&outcome.paths).filter(|paths| !paths.is_empty()).map(json).transpose()?,
        ],
    )?;
    tx.execute(
        "UPDATE reports SET status = ?3, message = ?4, stages = ?5, ended_at = ?6
         WHERE table_name = ?1 AND task_id IN ('', ?2)",
        params![
            table,
            staging.run_id,
            outcome.status.as_str(),
            outcome.message,
            json(&outcome.stages)?,
            outcome.ended_at.timestamp_millis(),
        ],
    )?;
    Ok(())
}

/// Gives a table whose columns nobody has told those of its first rows.
pub(super) fn complete_columns(tx: &Transaction<'_>, table: &TableName, rows: &[domain::Row]) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE reports SET columns = ?2 WHERE table_name = ?1 AND columns = '[]'",
        params![table.to_string(), json(&row::columns(rows))?],
    )?;
    Ok(())
}

/// One record.
pub(super) fn report(tx: &Transaction<'_>, table: &TableName) -> Result<Option<Report>, WorkError> {
    let sql = format!("SELECT {COLUMNS} FROM reports WHERE table_name = ?1");
    let found = tx.query_row(&sql, [table.to_string()], |row| Ok(read(row))).optional()?;
    found.transpose()
}

/// The newest records.
pub(super) fn reports(tx: &Transaction<'_>, limit: u64) -> Result<Vec<Report>, WorkError> {
    let sql = format!("SELECT {COLUMNS} FROM reports ORDER BY requested_at DESC, table_name LIMIT ?1");
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The readable generation; `None` without a record, `Some(None)` before the first result.
pub(super) fn generation(tx: &Transaction<'_>, table: &TableName) -> rusqlite::Result<Option<Option<u64>>> {
    let sql = "SELECT generation FROM reports WHERE table_name = ?1";
    tx.query_row(sql, [table.to_string()], |row| row.get(0)).optional()
}

/// The readable generation and how many rows it holds; `None` without a record, `Some(None)` before the first result.
pub(super) fn readable(tx: &Transaction<'_>, table: &TableName) -> rusqlite::Result<Option<Option<(u64, u64)>>> {
    let mut statement = tx.prepare_cached("SELECT generation, row_count FROM reports WHERE table_name = ?1")?;
    let found = statement.query_row([table.to_string()], |row| {
        let generation: Option<u64> = row.get(0)?;
        Ok(generation.zip(Some(row.get(1)?)))
    });
    found.optional()
}

fn read(row: &Row<'_>) -> Result<Report, WorkError> {
    let table: String = row.get(0)?;
    let text = |index: usize| row.get::<_, String>(index);
    let when = |index: usize| -> Result<Option<DateTime<Utc>>, WorkError> {
        Ok(row.get::<_, Option<i64>>(index)?.map(date).transpose()?)
    };
    Ok(Report {
        name: text(1)?,
        component: text(2)?,
        filters: from_json(&table, &text(3)?)?,
        owner: row.get::<_, Option<String>>(4)?.map(|id| id.parse()).transpose().map_err(|e| corrupt(&table, &e))?,
        status: text(5)?.parse().map_err(|e| corrupt(&table, &e))?,
        message: text(6)?,
        rows: row.get(7)?,
        columns: from_json(&table, &text(8)?)?,
        aggr: from_json(&table, &text(9)?)?,
        generation: row.get(10)?,
        task_id: text(11)?,
        requested_at: date(row.get(12)?)?,
        started_at: when(13)?,
        ended_at: when(14)?,
        stages: from_json(&table, &text(15)?)?,
        paths: row.get::<_, Option<String>>(16)?.map(|paths| from_json(&table, &paths)).transpose()?,
        revision: row.get(17)?,
        table: table.parse().map_err(|e| corrupt(&table, &e))?,
    })
}

/// A date from milliseconds since 1970.
pub(super) fn date(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| corrupt("a date", &millis))
}

/// A value as JSON text.
pub(super) fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn from_json<T: DeserializeOwned>(table: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(table, &error))
}

fn corrupt(place: &str, what: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt { what: format!("{place}: {what}") }
}
