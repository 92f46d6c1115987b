//! Leases and the marks of the timetable: one conditional upsert each, so that only one of several callers wins.

use super::connection::Connection;
use super::error;
use crate::store::StoreError;
use bson::{Document, doc};
use chrono::{DateTime, Utc};
use std::time::Duration;

const LEASES: &str = "maestro_leases";
const SCHEDULES: &str = "maestro_schedules";

/// Takes or renews a lease; false while another holder has it.
pub(super) async fn lease(
    connection: &Connection,
    name: &str,
    holder: &str,
    ttl: Duration,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let until = now.timestamp_millis().saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
    let free = doc! {
        "_id": name,
        "$or": [{ "holder": holder }, { "until": { "$lte": bson::DateTime::from(now) } }],
    };
    let set = doc! { "holder": holder, "until": bson::DateTime::from_millis(until) };
    upsert_if(connection, "to take a lease", LEASES, free, set).await
}

/// Gives a lease back.
pub(super) async fn release(connection: &Connection, name: &str, holder: &str) -> Result<(), StoreError> {
    let held = doc! { "_id": name, "holder": holder };
    connection.call("to release a lease", connection.collection(LEASES).delete_one(held)).await?;
    Ok(())
}

/// When the schedule was last marked.
pub(super) async fn last_due(connection: &Connection, schedule: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    let schedules = connection.collection(SCHEDULES);
    let find = schedules.find_one(doc! { "_id": schedule });
    let Some(found) = connection.call("to read a schedule", find).await? else { return Ok(None) };
    let due = found
        .get_datetime("last_due")
        .map_err(|error| StoreError::Corrupt { what: format!("the schedule {schedule}: {error}") })?;
    Ok(Some((*due).into()))
}

/// Marks a schedule; false when it is marked for this time or later.
pub(super) async fn claim_due(connection: &Connection, schedule: &str, due: DateTime<Utc>) -> Result<bool, StoreError> {
    let due = bson::DateTime::from(due);
    let earlier = doc! { "_id": schedule, "last_due": { "$lt": due } };
    upsert_if(connection, "to mark a schedule", SCHEDULES, earlier, doc! { "last_due": due }).await
}

/// Changes the document that `condition` selects, or makes it. Where one of this `_id` is there and does not meet the
/// condition, making it fails as a duplicate: then the answer is false.
async fn upsert_if(
    connection: &Connection,
    what: &str,
    collection: &str,
    condition: Document,
    set: Document,
) -> Result<bool, StoreError> {
    let target = connection.collection(collection);
    let update = target.update_one(condition, doc! { "$set": set }).upsert(true);
    let tried = async {
        match update.await {
            Ok(_) => Ok(true),
            Err(error) if error::is_duplicate(&error) => Ok(false),
            Err(error) => Err(error),
        }
    };
    connection.call(what, tried).await
}
