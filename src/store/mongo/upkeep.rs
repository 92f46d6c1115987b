//! Which tables there are, and removing what nobody needs any more.

use super::connection::Connection;
use super::record::{AbsenceRecord, Record};
use super::registry::{of, records};
use super::{MongoStore, endpoints, generations, runs};
use crate::domain::{Status, TableName};
use crate::store::{Absence, StoreError, TableState, Upkeep};
use async_trait::async_trait;
use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;

#[async_trait]
impl Upkeep for MongoStore {
    async fn tables(&self, after: Option<&TableName>, limit: u32) -> Result<Vec<TableState>, StoreError> {
        let filter = after.map(|after| doc! { "_id": { "$gt": after.to_string() } }).unwrap_or_default();
        let records = records(&self.connection);
        // What may be long is left out.
        let projection = doc! { "filters": 0, "aggr": 0, "columns": 0 };
        let find = records.find(filter).sort(doc! { "_id": 1 }).limit(limit.into()).projection(projection);
        let found: Vec<Document> =
            self.connection.call("to list tables", async { find.await?.try_collect().await }).await?;
        found.into_iter().map(|document| Ok(Record::read(document)?.into_state())).collect()
    }

    async fn note_absence(&self, table: &TableName, absence: Option<&Absence>) -> Result<(), StoreError> {
        let absence = absence.map(|absence| bson::serialize_to_bson(&AbsenceRecord::from(*absence)));
        let absence = absence.transpose().map_err(runs::unencodable)?;
        let records = records(&self.connection);
        let update = records.update_one(of(table), doc! { "$set": { "absence": absence } });
        self.connection.call("to note an absence", update).await.map(drop)
    }

    async fn note_use(&self, table: &TableName, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut ended = of(table);
        ended.insert("status", doc! { "$ne": Status::Process.as_str() });
        let sign = doc! { "$max": { "alive_at": bson::DateTime::from(now) } };
        self.connection.call("to note a use", records(&self.connection).update_one(ended, sign)).await.map(drop)
    }

    async fn retire(&self, seen: &TableState, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut as_seen = idle(&seen.table, seen.last_sign, now);
        as_seen.insert("absence.since", seen.absence.map(|absence| bson::DateTime::from(absence.since)));
        let deleted = self.connection.call("to drop a table", records(&self.connection).delete_one(as_seen)).await?;
        if deleted.deleted_count == 0 {
            return Ok(false);
        }
        if seen.absence.is_some() {
            endpoints::remove(&self.connection, &seen.table).await?;
        }
        for (collection, _) in generations::of_table(&self.connection, &seen.table).await? {
            generations::drop(&self.connection, &collection).await?;
        }
        Ok(true)
    }

    async fn clear_leftovers(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut cleared = 0;
        for (table, collections) in generations::all(&self.connection).await? {
            for collection in leftovers(&self.connection, &table, collections, before, now).await? {
                generations::drop(&self.connection, &collection).await?;
                cleared += 1;
            }
        }
        Ok(cleared)
    }

    /// A collection is files of its own, which go with it.
    async fn give_back_space(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// Those of a table's collections that nobody can need. The run of an idle table that has left a staging is void.
async fn leftovers(
    connection: &Connection,
    table: &TableName,
    mut collections: Vec<String>,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let reports = records(connection);
    let void = reports.find_one_and_update(idle(table, before, now), doc! { "$set": { "staging": Bson::Null } });
    if let Some(record) = connection.call("to clear old rows", void).await? {
        let readable = Record::read(record)?.collection;
        collections.retain(|collection| Some(collection) != readable.as_ref());
        return Ok(collections);
    }
    if connection.call("to clear old rows", reports.count_documents(of(table))).await? > 0 {
        return Ok(Vec::new());
    }
    // A record is made before its first collection and removed before its last. A collection without a number is not
    // of this program.
    collections.retain(|collection| *collection != table.to_string());
    Ok(collections)
}

/// Selects the record of a table that has ended, that nobody holds, and to which nothing has happened since.
fn idle(table: &TableName, since: DateTime<Utc>, now: DateTime<Utc>) -> Document {
    let (since, now) = (bson::DateTime::from(since), bson::DateTime::from(now));
    let signs = ["requested_at", "started_at", "ended_at", "alive_at"];
    let mut recent: Vec<Document> = signs.iter().map(|sign| doc! { *sign: { "$gt": since } }).collect();
    recent.push(doc! { "held_until": { "$gt": now } });
    let mut filter = of(table);
    filter.extend(doc! { "status": { "$ne": Status::Process.as_str() }, "$nor": recent });
    filter
}
