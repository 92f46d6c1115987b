//! The reports' records: what was asked and how the last run went.

use super::connection::Connection;
use super::error;
use super::record::{COLLECTION, Record, json};
use crate::domain::{NewReport, Report, Status, TableName};
use crate::store::{End, StoreError};
use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mongodb::Collection;

/// The collection of the records.
pub(super) fn records(connection: &Connection) -> Collection<Document> {
    connection.collection(COLLECTION)
}

/// Selects the record of a table.
pub(super) fn of(table: &TableName) -> Document {
    doc! { "_id": table.to_string() }
}

/// Records a requested report; what describes the readable rows stays.
pub(super) async fn request(connection: &Connection, report: &NewReport, now: DateTime<Utc>) -> Result<(), StoreError> {
    let set = doc! {
        "name": &report.name,
        "component": &report.component,
        "filters": report.filters.to_string(),
        "owner": report.owner.to_string(),
        "status": Status::Process.as_str(),
        "message": "",
        "task_id": &report.task_id,
        "requested_at": bson::DateTime::from(now),
        "started_at": Bson::Null,
        "ended_at": Bson::Null,
        "stages": "{}",
        "alive_at": bson::DateTime::from(now),
    };
    let records = records(connection);
    let update = records.update_one(of(&report.table), doc! { "$set": set }).upsert(true);
    connection.call("to record a request", update).await?;
    Ok(())
}

/// Ends a run without a new result; a table without a record gets one.
pub(super) async fn end(
    connection: &Connection,
    table: &TableName,
    task_id: &str,
    end: &End,
) -> Result<(), StoreError> {
    let mut last = of(table);
    last.insert("task_id", doc! { "$in": ["", task_id, Bson::Null] });
    // A message about a run that goes on (a retry) does not end it.
    let ended_at = end.status.has_ended().then(|| bson::DateTime::from(end.at));
    let at = bson::DateTime::from(end.at);
    let update = doc! {
        "$set": {
            "task_id": task_id,
            "status": end.status.as_str(),
            "message": &end.message,
            "stages": json(&end.stages)?,
            "ended_at": ended_at,
        },
        "$setOnInsert": { "requested_at": at, "alive_at": at },
    };
    let records = records(connection);
    let ended = async {
        match records.update_one(last, update).upsert(true).await {
            // The record is there and names another task.
            Err(error) if error::is_duplicate(&error) => Ok(()),
            done => done.map(drop),
        }
    };
    connection.call("to end a run", ended).await
}

/// A table's record as it is stored.
pub(super) async fn find(connection: &Connection, table: &TableName) -> Result<Option<Record>, StoreError> {
    let found = connection.call("to read a report", records(connection).find_one(of(table))).await?;
    found.map(Record::read).transpose()
}

/// One record.
pub(super) async fn report(connection: &Connection, table: &TableName) -> Result<Option<Report>, StoreError> {
    find(connection, table).await?.map(Record::into_report).transpose()
}

/// The newest records.
pub(super) async fn reports(connection: &Connection, limit: u64) -> Result<Vec<Report>, StoreError> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let records = records(connection);
    let newest = records
        .find(doc! {})
        .sort(doc! { "requested_at": -1, "_id": 1 })
        .limit(i64::try_from(limit).unwrap_or(i64::MAX));
    let found: Vec<Document> = connection.call("to list reports", async { newest.await?.try_collect().await }).await?;
    found.into_iter().map(|document| Record::read(document)?.into_report()).collect()
}
