//! The collections that hold generations: their names, their index, and clearing away old ones.

use super::connection::Connection;
use super::error;
use super::record::Record;
use super::registry::{self, of, records};
use crate::domain::{Status, TableName};
use crate::store::StoreError;
use bson::doc;
use chrono::{DateTime, Utc};
use mongodb::IndexModel;
use mongodb::options::{IndexOptions, ReturnDocument};
use std::collections::HashMap;

/// The collection of a generation.
pub(super) fn name(table: &TableName, generation: u64) -> String {
    format!("{table}.g{generation}")
}

/// The table and the generation that a collection holds; the tables of the Python service have no number and count as 0.
fn parse(collection: &str) -> Option<(TableName, u64)> {
    let (owner, number) = collection.split_once(".g").unwrap_or((collection, "0"));
    Some((owner.parse().ok()?, number.parse().ok()?))
}

/// Gives out the table's next number, making a record with this status where there is none.
pub(super) async fn next(
    connection: &Connection,
    table: &TableName,
    status: Status,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let update = doc! {
        "$inc": { "last_generation": 1_i64 },
        "$setOnInsert": {
            "status": status.as_str(),
            "requested_at": bson::DateTime::from(now),
            "alive_at": bson::DateTime::from(now),
        },
    };
    let increment = async || {
        let records = records(connection);
        records.find_one_and_update(of(table), update.clone()).upsert(true).return_document(ReturnDocument::After).await
    };
    let counted = async {
        match increment().await {
            // Two at once made the record; it is there now.
            Err(error) if error::is_duplicate(&error) => increment().await,
            done => done,
        }
    };
    let record = connection.call("to number a generation", counted).await?;
    let record = record.ok_or_else(|| StoreError::Corrupt { what: format!("the record of {table} vanished") })?;
    Ok(Record::read(record)?.last_generation)
}

/// Indexes a generation on these columns, in both directions; the server reads the rows once for all of them.
pub(super) async fn index(
    connection: &Connection,
    collection: &str,
    columns: impl IntoIterator<Item = &'static str>,
) -> Result<(), StoreError> {
    let model = |column| {
        let options = IndexOptions::builder().name(format!("by_{column}")).build();
        IndexModel::builder().keys(doc! { column: 1, "_id": 1 }).options(options).build()
    };
    let models: Vec<IndexModel> = columns.into_iter().map(model).collect();
    if !models.is_empty() {
        let rows = connection.collection(collection);
        connection.call("to index the rows", rows.create_indexes(models)).await?;
    }
    Ok(())
}

/// Removes one collection; none is there to remove where no row was written.
pub(super) async fn drop(connection: &Connection, collection: &str) -> Result<(), StoreError> {
    let collection = connection.collection(collection);
    let dropped = async {
        match collection.drop().await {
            Err(error) if error::is_nothing_to_drop(&error) => Ok(()),
            done => done,
        }
    };
    connection.call("to drop old rows", dropped).await
}

/// The collections of a table and the generations that they hold.
pub(super) async fn of_table(connection: &Connection, table: &TableName) -> Result<Vec<(String, u64)>, StoreError> {
    // A table's name has no characters that mean something in a regular expression.
    let list = connection.database().list_collection_names().filter(doc! { "name": { "$regex": format!("^{table}") } });
    let names = connection.call("to list collections", list).await?;
    let numbered = |name: String| parse(&name).filter(|(owner, _)| owner == table).map(|(_, number)| (name, number));
    Ok(names.into_iter().filter_map(numbered).collect())
}

/// The collections of all tables.
pub(super) async fn all(connection: &Connection) -> Result<HashMap<TableName, Vec<String>>, StoreError> {
    let names = connection.call("to list collections", connection.database().list_collection_names()).await?;
    let mut tables = HashMap::<TableName, Vec<String>>::new();
    for name in names {
        if let Some((table, _)) = parse(&name) {
            tables.entry(table).or_default().push(name);
        }
    }
    Ok(tables)
}

/// Removes what runs have staged and left: the generations after the readable one and before `next`. A failure leaves
/// them to the next run.
pub(super) async fn clear_abandoned(connection: &Connection, table: &TableName, next: u64) {
    let abandoned = async {
        let readable = registry::find(connection, table).await?.and_then(|record| record.generation);
        let collections = of_table(connection, table).await?;
        Ok(collections.into_iter().filter(move |(_, number)| Some(*number) > readable && *number < next))
    };
    match abandoned.await {
        Ok(abandoned) => clear(connection, abandoned.map(|(collection, _)| collection)).await,
        Err(error) => warn(&table.to_string(), &error),
    }
}

/// Removes generations that nobody can be reading: all before the committed one but the one that it replaced. A failure
/// leaves them to the next commit.
pub(super) async fn clear_old(connection: &Connection, table: &TableName, committed: u64, replaced: Option<String>) {
    match of_table(connection, table).await {
        Ok(collections) => {
            let old =
                collections.into_iter().filter(|(name, number)| *number < committed && Some(name) != replaced.as_ref());
            clear(connection, old.map(|(collection, _)| collection)).await;
        }
        Err(error) => warn(&table.to_string(), &error),
    }
}

async fn clear(connection: &Connection, collections: impl Iterator<Item = String>) {
    for collection in collections {
        if let Err(error) = drop(connection, &collection).await {
            warn(&collection, &error);
        }
    }
}

fn warn(place: &str, error: &StoreError) {
    log::warn!(collection = place, error:% = error; "old rows could not be removed; the next run tries again");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_belongs_to_one_table() {
        let table: TableName = "5c0000000000000000000001_general".parse().unwrap();
        assert_eq!(parse(&name(&table, 12)), Some((table, 12)));
        assert_eq!(parse("5c0000000000000000000001_general"), Some((table, 0)));
        assert_ne!(parse("5c0000000000000000000001_pivot.g1").map(|(table, _)| table), Some(table));
        for other in ["5c0000000000000000000001_general.gx", "5c0000000000000000000001_other.g1", "maestro_reports"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
