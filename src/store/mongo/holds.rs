//! Which run may write a table, and which reports nobody works on.
//!
//! The hold is part of the report's record: each change of it is one conditional update, so that only one of several
//! callers wins.

use super::connection::Connection;
use super::error;
use super::generations;
use super::record::Record;
use super::registry::{self, of, records};
use crate::domain::{Status, TableName};
use crate::store::{End, Kept, Silent, StoreError, Taken, Taker};
use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use std::time::Duration;

/// Gives a table to a run, unless another has it or the report was requested again.
pub(super) async fn take(
    connection: &Connection,
    table: &TableName,
    taker: &Taker,
    ttl: Duration,
    now: DateTime<Utc>,
) -> Result<Taken, StoreError> {
    ensure(connection, table, now).await?;
    let Some(record) = registry::find(connection, table).await? else {
        // Removed a moment ago; the next try makes it again.
        return Ok(Taken::Busy { since: now, until: now });
    };
    let requested_at: DateTime<Utc> = record.requested_at.into();
    if record.task_id != taker.task_id
        && taker.requested_at.is_some_and(|at| at.timestamp_millis() < requested_at.timestamp_millis())
    {
        return Ok(Taken::Replaced);
    }
    let (holder, since, until) = (record.holder, record.held_since, record.held_until);
    let is_own = holder.as_deref() == Some(&taker.holder);
    let until: DateTime<Utc> = until.map_or(now, Into::into);
    if holder.is_some() && !is_own && until > now {
        return Ok(Taken::Busy { since: since.map_or(now, Into::into), until });
    }
    let attempt = match record.begun_by == taker.task_id {
        true if is_own => record.begun,
        true => record.begun.saturating_add(1),
        false => 1,
    };
    let mut as_read = of(table);
    as_read.insert("holder", holder);
    as_read.insert("held_until", record.held_until);
    let now_date = bson::DateTime::from(now);
    let set = doc! {
        "holder": &taker.holder, "held_since": now_date, "held_until": end_of(ttl, now), "alive_at": now_date,
        "begun_by": &taker.task_id, "begun": i64::from(attempt),
    };
    let taken = change(connection, "to take a table", as_read, set).await?;
    Ok(if taken { Taken::Held { attempt } } else { Taken::Busy { since: now, until: now } })
}

/// Notes a sign of life.
pub(super) async fn keep(
    connection: &Connection,
    table: &TableName,
    holder: &str,
    ttl: Duration,
    now: DateTime<Utc>,
) -> Result<Kept, StoreError> {
    let set = doc! { "held_until": end_of(ttl, now), "alive_at": bson::DateTime::from(now) };
    if change(connection, "to keep a table", held_by(table, holder), set).await? {
        return Ok(Kept::Held);
    }
    Ok(if registry::find(connection, table).await?.is_some() { Kept::Lost } else { Kept::Gone })
}

/// Notes that the attempt has ended in good order; the report is in good hands until `due`.
pub(super) async fn leave(
    connection: &Connection,
    table: &TableName,
    holder: &str,
    due: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut set = free();
    set.extend(doc! { "begun": 0_i64, "alive_at": bson::DateTime::from(due) });
    change(connection, "to leave a table", held_by(table, holder), set).await.map(drop)
}

/// The reports that nobody works on and that were last in good hands at `before` or earlier.
pub(super) async fn silent(
    connection: &Connection,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Silent>, StoreError> {
    let before = doc! { "$lte": bson::DateTime::from(before) };
    let mut filter = unattended(now);
    // A record that an older version made has no sign of life yet.
    let since = [doc! { "alive_at": before.clone() }, doc! { "alive_at": Bson::Null, "requested_at": before }];
    filter.insert("$and", [doc! { "$or": since.to_vec() }].to_vec());
    let records = records(connection);
    let find = records.find(filter).sort(doc! { "alive_at": 1, "_id": 1 });
    let found: Vec<Document> =
        connection.call("to look for silent reports", async { find.await?.try_collect().await }).await?;
    found.into_iter().map(|document| Ok(Record::read(document)?.into_silent())).collect()
}

/// Ends a report that nobody works on and drops what its lost run has staged; false where somebody has taken it since.
pub(super) async fn give_up(
    connection: &Connection,
    silent: &Silent,
    end: &End,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let alive_at = Bson::from(bson::DateTime::from(silent.alive_at));
    let mut as_read = unattended(now);
    as_read.extend(of(&silent.table));
    as_read.insert("task_id", doc! { "$in": [&silent.task_id, Bson::Null] });
    as_read.insert("alive_at", doc! { "$in": [alive_at, Bson::Null] });
    let mut set = free();
    set.extend(doc! {
        "status": end.status.as_str(),
        "message": &end.message,
        "ended_at": bson::DateTime::from(end.at),
        "staging": Bson::Null,
    });
    let records = records(connection);
    let update = records.find_one_and_update(as_read, doc! { "$set": set });
    let Some(ended) = connection.call("to give up a report", update).await? else { return Ok(false) };
    let next = Record::read(ended)?.last_generation.saturating_add(1);
    generations::clear_abandoned(connection, &silent.table, next).await;
    Ok(true)
}

/// Makes a record for a table that has none.
async fn ensure(connection: &Connection, table: &TableName, now: DateTime<Utc>) -> Result<(), StoreError> {
    let now = bson::DateTime::from(now);
    let new = doc! { "status": Status::Process.as_str(), "requested_at": now, "alive_at": now };
    let update = async {
        match records(connection).update_one(of(table), doc! { "$setOnInsert": new }).upsert(true).await {
            // Two at once made the record; it is there now.
            Err(error) if error::is_duplicate(&error) => Ok(()),
            done => done.map(drop),
        }
    };
    connection.call("to take a table", update).await
}

/// Changes the record that the filter selects; whether there was one.
async fn change(connection: &Connection, what: &str, filter: Document, set: Document) -> Result<bool, StoreError> {
    let records = records(connection);
    let update = records.update_one(filter, doc! { "$set": set });
    Ok(connection.call(what, update).await?.matched_count == 1)
}

fn held_by(table: &TableName, holder: &str) -> Document {
    let mut filter = of(table);
    filter.insert("holder", holder);
    filter
}

fn free() -> Document {
    doc! { "holder": Bson::Null, "held_since": Bson::Null, "held_until": Bson::Null }
}

/// Selects the reports in `process` that nobody holds.
fn unattended(now: DateTime<Utc>) -> Document {
    let free = [doc! { "held_until": Bson::Null }, doc! { "held_until": { "$lte": bson::DateTime::from(now) } }];
    doc! { "status": Status::Process.as_str(), "$or": free.to_vec() }
}

fn end_of(ttl: Duration, now: DateTime<Utc>) -> bson::DateTime {
    let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
    bson::DateTime::from_millis(now.timestamp_millis().saturating_add(ttl))
}
