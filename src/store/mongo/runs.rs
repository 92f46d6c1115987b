//! Runs: a staging generation is begun, filled and committed or aborted.

use super::connection::Connection;
use super::record::{Record, StagingRecord, json};
use super::registry::{self, of, records};
use super::{generations, rows};
use crate::domain::{Row, Status, TableName};
use crate::store::{Outcome, Staging, StoreError};
use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use mongodb::options::ReturnDocument;

/// Starts a run and removes what an earlier attempt staged.
pub(super) async fn begin(
    connection: &Connection,
    table: &TableName,
    run_id: &str,
    now: DateTime<Utc>,
) -> Result<Staging, StoreError> {
    let generation = generations::next(connection, table, Status::Process, now).await?;
    let staging = StagingRecord { run_id: run_id.to_owned(), attempt: uuid::Uuid::new_v4().to_string(), generation };
    let set = doc! {
        "staging": bson::serialize_to_bson(&staging).map_err(unencodable)?,
        "task_id": run_id,
        "status": Status::Process.as_str(),
        "message": "",
        "started_at": bson::DateTime::from(now),
        "ended_at": Bson::Null,
        "stages": "{}",
    };
    let mut unchanged = of(table);
    unchanged.insert("last_generation", number(generation));
    let reports = records(connection);
    let update = reports.find_one_and_update(unchanged, doc! { "$set": set }).return_document(ReturnDocument::Before);
    let before = connection.call("to begin a run", update).await?;
    let before = Record::read(before.ok_or(StoreError::Superseded { table: *table })?)?;
    if let Some(earlier) = before.staging {
        clear(connection, &generations::name(table, earlier.generation)).await;
    }
    Ok(Staging { table: *table, run_id: staging.run_id, generation, attempt: staging.attempt })
}

/// The staging of a run.
pub(super) async fn staging(
    connection: &Connection,
    table: &TableName,
    run_id: &str,
) -> Result<Option<Staging>, StoreError> {
    let record = registry::find(connection, table).await?;
    Ok(record.and_then(|record| record.staging()).filter(|staging| staging.run_id == run_id))
}

/// Adds rows to a staging; how many were new.
pub(super) async fn stage(connection: &Connection, staging: &Staging, rows: &[Row]) -> Result<u64, StoreError> {
    let reports = records(connection);
    let current = reports.find_one(this(staging)).projection(doc! { "_id": 1 });
    if connection.call("to find a run", current).await?.is_none() {
        return Err(StoreError::Superseded { table: staging.table });
    }
    rows::insert(connection, &generations::name(&staging.table, staging.generation), rows).await
}

/// Makes a staging readable and writes the outcome; the generation that was readable is kept until the next commit.
pub(super) async fn commit(connection: &Connection, staging: &Staging, outcome: &Outcome) -> Result<(), StoreError> {
    let superseded = StoreError::Superseded { table: staging.table };
    let Some(record) = registry::find(connection, &staging.table).await? else { return Err(superseded) };
    if record.generation == Some(staging.generation) {
        return Ok(());
    }
    if record.staging().as_ref() != Some(staging) {
        return Err(superseded);
    }
    let collection = generations::name(&staging.table, staging.generation);
    let rows = connection.collection(&collection);
    let staged = connection.call("to count staged rows", rows.count_documents(doc! {})).await?;
    if staged != outcome.rows {
        return Err(StoreError::Incomplete { table: staging.table, staged, expected: outcome.rows });
    }
    generations::index(connection, &collection).await?;
    let set = doc! {
        "staging": Bson::Null,
        "generation": number(staging.generation),
        "collection": collection,
        "status": outcome.status.as_str(),
        "message": &outcome.message,
        "rows": number(outcome.rows),
        "columns": &outcome.columns,
        "aggr": outcome.aggr.to_string(),
        "stages": json(&outcome.stages)?,
        "ended_at": bson::DateTime::from(outcome.ended_at),
    };
    let reports = records(connection);
    let update =
        reports.find_one_and_update(this(staging), doc! { "$set": set }).return_document(ReturnDocument::Before);
    let before = connection.call("to commit a run", update).await?.ok_or(superseded)?;
    clear_old(connection, staging, Record::read(before)?.collection).await;
    Ok(())
}

/// Removes a staging, unless it is committed.
pub(super) async fn abort(connection: &Connection, staging: &Staging) -> Result<(), StoreError> {
    let reports = records(connection);
    let update = reports.update_one(this(staging), doc! { "$set": { "staging": Bson::Null } });
    connection.call("to abort a run", update).await?;
    let readable = registry::find(connection, &staging.table).await?.and_then(|record| record.generation);
    if readable != Some(staging.generation) {
        generations::drop(connection, &generations::name(&staging.table, staging.generation)).await?;
    }
    Ok(())
}

/// Removes a table with all that belongs to it.
pub(super) async fn drop_table(connection: &Connection, table: &TableName) -> Result<bool, StoreError> {
    let deleted = connection.call("to drop a table", records(connection).delete_one(of(table))).await?;
    let collections = generations::of_table(connection, table).await?;
    for (collection, _) in &collections {
        generations::drop(connection, collection).await?;
    }
    Ok(deleted.deleted_count > 0 || !collections.is_empty())
}

/// Selects the record while this attempt is its run in progress.
fn this(staging: &Staging) -> Document {
    let mut filter = of(&staging.table);
    filter.insert("staging.attempt", &staging.attempt);
    filter
}

/// Removes generations that nobody can be reading: all before the new one but the one that it replaced.
async fn clear_old(connection: &Connection, committed: &Staging, replaced: Option<String>) {
    match generations::of_table(connection, &committed.table).await {
        Ok(collections) => {
            for (collection, number) in collections {
                if number < committed.generation && Some(&collection) != replaced.as_ref() {
                    clear(connection, &collection).await;
                }
            }
        }
        Err(error) => warn(&committed.table.to_string(), &error),
    }
}

/// Removes a collection; a failure leaves it to the next commit.
async fn clear(connection: &Connection, collection: &str) {
    if let Err(error) = generations::drop(connection, collection).await {
        warn(collection, &error);
    }
}

fn warn(place: &str, error: &StoreError) {
    log::warn!(collection = place, error:% = error; "old rows could not be removed; the next run tries again");
}

/// A number as MongoDB holds it.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unencodable(error: bson::error::Error) -> StoreError {
    StoreError::Refused { what: "to write a record".to_owned(), source: error.into() }
}
