//! The timetable: one statement for each change, so that only one of several callers wins.

use super::EmbeddedStore;
use super::error::WorkError;
use super::registry::{date, json};
use crate::schedule::Mark;
use crate::store::timetable::corrupt;
use crate::store::{Definition, StoreError, Timetable};
use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, Transaction, params};

const DEFINITIONS: &str = "SELECT name, definition FROM schedule_definitions ORDER BY name";
const MARKS: &str =
    "SELECT name, mark, last_due, revision, fence FROM schedules WHERE ?1 IS NULL OR name = ?1 ORDER BY name";

#[async_trait]
impl Timetable for EmbeddedStore {
    async fn definitions(&self) -> Result<Vec<Definition>, StoreError> {
        self.pool.read("to list schedules", definitions).await
    }

    async fn define(&self, definition: &Definition) -> Result<bool, StoreError> {
        let definition = definition.clone();
        let sql = "INSERT INTO schedule_definitions (name, definition) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let define =
            move |tx: &Transaction<'_>| Ok(tx.execute(sql, params![definition.name, json(&definition.fields)?])? == 1);
        self.pool.write("to keep a schedule", define).await
    }

    async fn redefine(&self, before: &Definition, after: &Definition) -> Result<bool, StoreError> {
        let (before, after) = (before.clone(), after.clone());
        let sql = "UPDATE schedule_definitions SET definition = ?3 WHERE name = ?1 AND definition = ?2";
        let redefine = move |tx: &Transaction<'_>| {
            Ok(tx.execute(sql, params![before.name, json(&before.fields)?, json(&after.fields)?])? == 1)
        };
        self.pool.write("to change a schedule", redefine).await
    }

    async fn undefine(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        let undefine = move |tx: &Transaction<'_>| {
            tx.execute("DELETE FROM schedules WHERE name = ?1", [&name])?;
            Ok(tx.execute("DELETE FROM schedule_definitions WHERE name = ?1", [&name])? == 1)
        };
        self.pool.write("to remove a schedule", undefine).await
    }

    async fn marks(&self) -> Result<Vec<Mark>, StoreError> {
        self.pool.read("to read the schedules' marks", |tx| marks(tx, None)).await
    }

    async fn mark(&self, name: &str) -> Result<Option<Mark>, StoreError> {
        let name = name.to_owned();
        self.pool.read("to read a schedule's mark", move |tx| Ok(marks(tx, Some(&name))?.pop())).await
    }

    async fn put_mark(&self, mark: &Mark) -> Result<bool, StoreError> {
        let mark = Mark { revision: mark.revision.saturating_add(1), ..mark.clone() };
        self.pool.write("to mark a schedule", move |tx| Ok(put_mark(tx, &mark)?)).await
    }

    async fn next_fence(&self, lease: &str) -> Result<u64, StoreError> {
        let lease = lease.to_owned();
        let sql = "INSERT INTO fences (name, token) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET token = token + 1
                   RETURNING token";
        self.pool.write("to take a lease", move |tx| Ok(tx.query_row(sql, [&lease], |row| row.get(0))?)).await
    }
}

fn definitions(tx: &Transaction<'_>) -> Result<Vec<Definition>, WorkError> {
    let mut statement = tx.prepare_cached(DEFINITIONS)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, text): (String, String) = (row.get(0)?, row.get(1)?);
        let fields = serde_json::from_str(&text).map_err(|error| corrupt(&name, &error))?;
        found.push(Definition { name, fields });
    }
    Ok(found)
}

fn marks(tx: &Transaction<'_>, name: Option<&str>) -> Result<Vec<Mark>, WorkError> {
    let mut statement = tx.prepare_cached(MARKS)?;
    let mut rows = statement.query([name])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<Mark, WorkError> {
    let (name, text): (String, Option<String>) = (row.get(0)?, row.get(1)?);
    let (last_due, revision, fence) = (date(row.get(2)?)?, row.get(3)?, row.get(4)?);
    let Some(text) = text else { return Ok(Mark { revision, fence, ..Mark::of_last_due(name, last_due) }) };
    let mark: Mark = serde_json::from_str(&text).map_err(|error| corrupt(&name, &error))?;
    // An older version, which does not know of marks, moves the last due time alone.
    Ok(Mark { name, last_due, revision, fence, ..mark })
}

/// Puts a mark in place of the one before it.
fn put_mark(tx: &Transaction<'_>, mark: &Mark) -> rusqlite::Result<bool> {
    let before = tx.query_row("SELECT revision, fence FROM schedules WHERE name = ?1", [&mark.name], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?))
    });
    let is_next = match before.optional()? {
        Some((revision, fence)) => revision + 1 == mark.revision && fence <= mark.fence,
        None => mark.revision == 1,
    };
    if is_next {
        tx.execute(
            "INSERT INTO schedules (name, last_due, mark, revision, fence) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (name) DO UPDATE SET last_due = ?2, mark = ?3, revision = ?4, fence = ?5",
            params![mark.name, mark.last_due.timestamp_millis(), json(mark)?, mark.revision, mark.fence],
        )?;
    }
    Ok(is_next)
}
