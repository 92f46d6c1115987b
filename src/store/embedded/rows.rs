//! The rows of a generation: its table, inserting and replacing.

use super::error::WorkError;
use super::registry;
use crate::domain::{Row, Status, TableName};
use crate::store::{Appended, Staged, StoreError, row, sort_key, usual};
use chrono::{DateTime, Utc};
use rusqlite::{Transaction, params};

/// Makes an empty generation and gives its number.
pub(super) fn create(tx: &Transaction<'_>, table: &TableName, run_id: &str, attempt: &str) -> rusqlite::Result<u64> {
    tx.execute(
        "INSERT INTO generations (table_name, run_id, attempt) VALUES (?1, ?2, ?3)",
        params![table.to_string(), run_id, attempt],
    )?;
    let number = tx.last_insert_rowid().unsigned_abs();
    // `id` holds the sort key of `_id`: unique for equal values, in the order of MongoDB.
    tx.execute_batch(&format!(
        "CREATE TABLE rows_{number} (seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, doc BLOB NOT NULL) STRICT"
    ))?;
    Ok(number)
}

/// Indexes a generation on a column, in both directions, unless it is indexed already.
pub(super) fn index(tx: &Transaction<'_>, number: u64, column: &'static str) -> rusqlite::Result<()> {
    let (name, key) = (index_name(number, column), column_key(column));
    tx.execute_batch(&format!("CREATE INDEX IF NOT EXISTS {name} ON rows_{number} ({key}, id)"))
}

/// The name of a generation's index on a column.
pub(super) fn index_name(number: u64, column: &'static str) -> String {
    format!("rows_{number}_by_{column}")
}

/// The expression that an index is on; it serves only a query that says the very same.
pub(super) fn column_key(column: &'static str) -> String {
    format!("column_key(doc, '{column}')")
}

/// Removes a generation.
pub(super) fn drop(tx: &Transaction<'_>, number: u64) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM generations WHERE number = ?1", [number])?;
    tx.execute_batch(&format!("DROP TABLE IF EXISTS rows_{number}"))
}

/// How many rows a generation holds.
pub(super) fn count(tx: &Transaction<'_>, number: u64) -> rusqlite::Result<u64> {
    tx.query_row(&format!("SELECT count(*) FROM rows_{number}"), [], |row| row.get(0))
}

/// Adds the rows whose `_id` is not there yet.
pub(super) fn insert(tx: &Transaction<'_>, number: u64, rows: &[Row]) -> Result<Staged, WorkError> {
    let sql = format!("INSERT INTO rows_{number} (id, doc) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
    let mut statement = tx.prepare_cached(&sql)?;
    let mut staged = Staged::default();
    for row in rows {
        if statement.execute(params![key(row)?, row.as_bytes()])? == 1 {
            staged.new += 1;
        } else {
            staged.again.push(row.clone());
        }
    }
    Ok(staged)
}

/// Adds rows to the readable generation, replacing those of the same `_id`.
pub(super) fn append(
    tx: &Transaction<'_>,
    table: &TableName,
    rows: &[Row],
    now: DateTime<Utc>,
) -> Result<Appended, WorkError> {
    registry::ensure(tx, table, Status::Finished, now)?;
    let number = match registry::generation(tx, table)?.flatten() {
        Some(number) => number,
        None => create_readable(tx, table)?,
    };
    let mut done = Appended::default();
    {
        let mut update = tx.prepare(&format!("UPDATE rows_{number} SET doc = ?2 WHERE id = ?1"))?;
        let mut insert = tx.prepare(&format!("INSERT INTO rows_{number} (id, doc) VALUES (?1, ?2)"))?;
        for row in rows {
            if matches!(row.get("_id"), Ok(None)) {
                done.skipped += 1;
                continue;
            }
            let key = key(row)?;
            if update.execute(params![key, row.as_bytes()])? == 1 {
                done.matched += 1;
            } else {
                insert.execute(params![key, row.as_bytes()])?;
                done.upserted += 1;
            }
        }
    }
    tx.execute(
        "UPDATE reports SET row_count = row_count + ?2, alive_at = max(alive_at, ?3), paths = NULL, revision = revision + 1
         WHERE table_name = ?1",
        params![table.to_string(), done.upserted, now.timestamp_millis()],
    )?;
    if done.upserted > 0 {
        registry::complete_columns(tx, table, rows)?;
    }
    Ok(done)
}

fn create_readable(tx: &Transaction<'_>, table: &TableName) -> rusqlite::Result<u64> {
    let number = create(tx, table, "", "")?;
    index(tx, number, usual::DEFAULT_ORDER)?;
    tx.execute("UPDATE reports SET generation = ?2 WHERE table_name = ?1", params![table.to_string(), number])?;
    Ok(number)
}

/// The sort key of a row's `_id`.
fn key(row: &Row) -> Result<Vec<u8>, StoreError> {
    let id = row::checked_id(row)?;
    sort_key::value_key(id)
        .map_err(|error| StoreError::Corrupt { what: format!("the row with _id {}: {error}", row::shown(id)) })
}
