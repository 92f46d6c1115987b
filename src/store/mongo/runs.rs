//! Runs: a staging generation is begun, filled and committed or aborted.

use super::connection::Connection;
use super::record::{Record, StagingRecord, json};
use super::registry::{self, of, records};
use super::{endpoints, generations, rows};
use crate::domain::{Row, Status, TableName};
use crate::store::{Outcome, Staged, Staging, StoreError, usual};
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
        "alive_at": bson::DateTime::from(now),
    };
    let mut unchanged = of(table);
    unchanged.insert("last_generation", number(generation));
    let reports = records(connection);
    let update = reports.find_one_and_update(unchanged, doc! { "$set": set }).projection(doc! { "_id": 1 });
    if connection.call("to begin a run", update).await?.is_none() {
        return Err(StoreError::Superseded { table: *table });
    }
    generations::clear_abandoned(connection, table, generation).await;
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

/// Adds rows to a staging.
///
/// The run may be superseded between the look and the writing, which makes the removed collection anew: so there is a
/// look after it too, and whoever finds the run superseded removes what it wrote.
pub(super) async fn stage(connection: &Connection, staging: &Staging, rows: &[Row]) -> Result<Staged, StoreError> {
    let collection = generations::name(&staging.table, staging.generation);
    if !is_current(connection, staging).await? {
        return Err(StoreError::Superseded { table: staging.table });
    }
    let added = rows::insert(connection, &collection, rows).await?;
    if is_current(connection, staging).await? {
        return Ok(added);
    }
    drop_unreadable(connection, staging).await?;
    Err(StoreError::Superseded { table: staging.table })
}

/// Whether the attempt is its table's run in progress.
async fn is_current(connection: &Connection, staging: &Staging) -> Result<bool, StoreError> {
    let reports = records(connection);
    let current = reports.find_one(this(staging)).projection(doc! { "_id": 1 });
    Ok(connection.call("to find a run", current).await?.is_some())
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
    let before = point_to(connection, staging, outcome, &collection).await?.ok_or(superseded)?;
    generations::clear_old(connection, &staging.table, staging.generation, before.collection).await;
    Ok(())
}

/// Makes a generation the readable one; the record as it was, `None` where the attempt is not the run in progress.
/// Where the report was requested again meanwhile, its rows are described and its status stays: the newer run will tell.
async fn point_to(
    connection: &Connection,
    staging: &Staging,
    outcome: &Outcome,
    collection: &str,
) -> Result<Option<Record>, StoreError> {
    let rows = doc! {
        "staging": Bson::Null,
        "generation": number(staging.generation),
        "collection": collection,
        "rows": number(outcome.rows),
        "columns": &outcome.columns,
        "paths": Some(&outcome.paths).filter(|paths| !paths.is_empty()),
        "aggr": outcome.aggr.to_string(),
    };
    let mut all = rows.clone();
    all.extend(doc! {
        "status": outcome.status.as_str(),
        "message": &outcome.message,
        "stages": json(&outcome.stages)?,
        "ended_at": bson::DateTime::from(outcome.ended_at),
    });
    let mut last = this(staging);
    last.insert("task_id", &staging.run_id);
    for (filter, set) in [(last, all), (this(staging), rows)] {
        let records = records(connection);
        let update = records
            .find_one_and_update(filter, doc! { "$set": set, "$inc": { "revision": 1_i64 } })
            .return_document(ReturnDocument::Before);
        if let Some(before) = connection.call("to commit a run", update).await? {
            return Record::read(before).map(Some);
        }
    }
    Ok(None)
}

/// Indexes the readable rows.
pub(super) async fn index(connection: &Connection, table: &TableName) -> Result<(), StoreError> {
    let Some(Record { collection: Some(collection), columns, rows, .. }) = registry::find(connection, table).await?
    else {
        return Ok(());
    };
    generations::index(connection, &collection, usual::indexed(&columns, rows)).await?;
    if registry::find(connection, table).await?.is_none() {
        // The table was removed meanwhile, and an index makes the collection that it is for.
        generations::drop(connection, &collection).await?;
    }
    Ok(())
}

/// Removes a staging, unless it is committed.
pub(super) async fn abort(connection: &Connection, staging: &Staging) -> Result<(), StoreError> {
    let reports = records(connection);
    let update = reports.update_one(this(staging), doc! { "$set": { "staging": Bson::Null } });
    connection.call("to abort a run", update).await?;
    drop_unreadable(connection, staging).await
}

/// Removes what a staging holds, unless it was committed.
async fn drop_unreadable(connection: &Connection, staging: &Staging) -> Result<(), StoreError> {
    let readable = registry::find(connection, &staging.table).await?.and_then(|record| record.generation);
    if readable != Some(staging.generation) {
        generations::drop(connection, &generations::name(&staging.table, staging.generation)).await?;
    }
    Ok(())
}

/// Removes a table with all that belongs to it.
pub(super) async fn drop_table(connection: &Connection, table: &TableName) -> Result<bool, StoreError> {
    endpoints::remove(connection, table).await?;
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

/// A number as MongoDB holds it.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A record that cannot be written.
pub(super) fn unencodable(error: bson::error::Error) -> StoreError {
    StoreError::Refused { what: "to write a record".to_owned(), source: error.into() }
}
