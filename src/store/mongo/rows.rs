//! The rows of a generation: inserting and replacing.

use super::connection::Connection;
use super::error::DUPLICATE_KEY;
use super::generations;
use super::registry::{self, of, records};
use super::runs::number;
use crate::domain::{Row, Status, TableName};
use crate::store::{Appended, Staged, StoreError, row, usual};
use bson::raw::RawBsonRef;
use bson::{Bson, Document, RawDocument, doc};
use chrono::{DateTime, Utc};
use mongodb::error::{Error, ErrorKind, IndexedWriteError};

/// Replacements sent at a time: a message holds 48 MB.
const REPLACE_BYTES: usize = 16 * 1024 * 1024;

/// A row that the server does not take.
#[derive(Debug, thiserror::Error)]
#[error("the row with _id {id}: {message}{key}")]
struct RefusedRow {
    id: String,
    message: String,
    key: String,
}

/// Adds the rows whose `_id` is not there yet.
pub(super) async fn insert(connection: &Connection, collection: &str, rows: &[Row]) -> Result<Staged, StoreError> {
    if rows.is_empty() {
        return Ok(Staged::default());
    }
    rows.iter().try_for_each(|row| row::checked_id(row).map(drop))?;
    let target = connection.database().collection::<Row>(collection);
    let insert = target.insert_many(rows).ordered(false);
    let inserted = async {
        match insert.await {
            Ok(done) => Ok(Ok(Staged { new: done.inserted_ids.len() as u64, again: Vec::new() })),
            Err(error) => without_duplicates(error, rows),
        }
    };
    connection.call("to stage rows", inserted).await?
}

/// Rows that were there already are no failure.
fn without_duplicates(error: Error, rows: &[Row]) -> Result<Result<Staged, StoreError>, Error> {
    let ErrorKind::InsertMany(failure) = &*error.kind else { return Err(error) };
    if failure.write_concern_error.is_some() {
        return Err(error);
    }
    let failed = failure.write_errors.as_deref().unwrap_or_default();
    match failed.iter().find(|failed| failed.code != DUPLICATE_KEY) {
        Some(IndexedWriteError { index, message, .. }) => Ok(Err(refused(rows.get(*index), message))),
        None => {
            let again = failed.iter().filter_map(|failed| rows.get(failed.index)).cloned().collect();
            Ok(Ok(Staged { new: rows.len().saturating_sub(failed.len()) as u64, again }))
        }
    }
}

fn refused(row: Option<&Row>, message: &str) -> StoreError {
    let odd = row
        .and_then(|row| odd_key(row))
        .map(|key| format!(" (its key {key:?}; MongoDB 5.0 and later take it)"))
        .unwrap_or_default();
    let id = row.and_then(|row| row.get("_id").ok()?).map_or_else(|| "null".to_owned(), row::shown);
    let source = RefusedRow { id, message: message.to_owned(), key: odd };
    StoreError::Refused { what: format!("to store a row: {source}"), source: source.into() }
}

/// A key that MongoDB may not take: with a dollar sign in front or a dot inside, at any depth.
fn odd_key(row: &RawDocument) -> Option<String> {
    row.iter().map_while(Result::ok).find_map(|(key, value)| {
        let key = key.as_str();
        if key.starts_with('$') || key.contains('.') {
            return Some(key.to_owned());
        }
        let items = value.as_array().into_iter().flatten().map_while(Result::ok);
        value.as_document().into_iter().chain(items.filter_map(RawBsonRef::as_document)).find_map(odd_key)
    })
}

/// Adds rows to the readable generation, replacing those of the same `_id`.
pub(super) async fn append(
    connection: &Connection,
    table: &TableName,
    rows: &[Row],
    now: DateTime<Utc>,
) -> Result<Appended, StoreError> {
    let (collection, generation) = readable(connection, table, now).await?;
    let mut done = Appended::default();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for row in rows {
        if matches!(row.get("_id"), Ok(None)) {
            done.skipped += 1;
            continue;
        }
        row::checked_id(row)?;
        if let Some(key) = row.fields().map(|field| field.key().as_str()).find(|key| key.starts_with('$')) {
            return Err(refused(Some(row), &format!("a key may not begin with a dollar sign: {key}")));
        }
        bytes += row.as_bytes().len();
        batch.push(row);
        if bytes >= REPLACE_BYTES {
            replace(connection, &collection, &std::mem::take(&mut batch), &mut done).await?;
            bytes = 0;
        }
    }
    replace(connection, &collection, &batch, &mut done).await?;
    if done.upserted > 0 {
        note(connection, table, generation, rows, done.upserted).await?;
    }
    let change = doc! {
        "$max": { "alive_at": bson::DateTime::from(now) },
        "$inc": { "revision": 1_i64 },
        "$unset": { "paths": "" },
    };
    connection.call("to append rows", records(connection).update_one(of(table), change)).await?;
    Ok(done)
}

/// The collection of the readable generation, made where there is none, and its number.
async fn readable(connection: &Connection, table: &TableName, now: DateTime<Utc>) -> Result<(String, u64), StoreError> {
    let found = registry::find(connection, table).await?;
    if let Some((collection, generation)) = found.and_then(|record| record.collection.zip(record.generation)) {
        return Ok((collection, generation));
    }
    let generation = generations::next(connection, table, Status::Finished, now).await?;
    let collection = generations::name(table, generation);
    generations::index(connection, &collection, [usual::DEFAULT_ORDER]).await?;
    let mut without = of(table);
    without.insert("generation", Bson::Null);
    let set = doc! { "generation": number(generation), "collection": &collection };
    let reports = records(connection);
    let update = reports.update_one(without, doc! { "$set": set });
    if connection.call("to append rows", update).await?.matched_count == 1 {
        return Ok((collection, generation));
    }
    // Another caller was quicker.
    generations::drop(connection, &collection).await?;
    let found = registry::find(connection, table).await?;
    found
        .and_then(|record| record.collection.zip(record.generation))
        .ok_or_else(|| StoreError::Corrupt { what: format!("{table} has no readable rows") })
}

async fn replace(
    connection: &Connection,
    collection: &str,
    rows: &[&Row],
    done: &mut Appended,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let unreadable = |error| StoreError::Corrupt { what: format!("a row to append: {error}") };
    let update = |row: &&Row| {
        let row = row.to_document().map_err(unreadable)?;
        Ok(doc! { "q": { "_id": row.get("_id") }, "u": row, "upsert": true })
    };
    let updates: Vec<Document> = rows.iter().map(update).collect::<Result<_, StoreError>>()?;
    let mut command = doc! { "update": collection, "updates": updates, "ordered": true };
    if let Some(concern) = connection.database().write_concern() {
        let concern = bson::serialize_to_bson(concern)
            .map_err(|error| StoreError::Refused { what: "to append rows".to_owned(), source: error.into() })?;
        command.insert("writeConcern", concern);
    }
    let answer = connection.call("to append rows", connection.database().run_command(command)).await?;
    if let Some(failed) = answer.get_array("writeErrors").ok().and_then(|errors| errors.first()?.as_document()) {
        let index = failed.get_i32("index").ok().and_then(|index| usize::try_from(index).ok());
        let row = index.and_then(|index| rows.get(index)).copied();
        return Err(refused(row, failed.get_str("errmsg").unwrap_or_default()));
    }
    let upserted = answer.get_array("upserted").map_or(0, Vec::len) as u64;
    done.upserted += upserted;
    done.matched += (rows.len() as u64).saturating_sub(upserted);
    Ok(())
}

/// Counts appended rows in the record, and gives a table whose columns nobody has told those of its first rows.
async fn note(
    connection: &Connection,
    table: &TableName,
    generation: u64,
    rows: &[Row],
    added: u64,
) -> Result<(), StoreError> {
    let mut readable = of(table);
    readable.insert("generation", number(generation));
    let reports = records(connection);
    let count = reports.update_one(readable.clone(), doc! { "$inc": { "rows": number(added) } });
    connection.call("to append rows", count).await?;
    readable.insert("$or", [doc! { "columns": Bson::Null }, doc! { "columns": Vec::<Bson>::new() }].to_vec());
    let columns = doc! { "$set": { "columns": row::columns(rows) } };
    connection.call("to append rows", records(connection).update_one(readable, columns)).await?;
    Ok(())
}
