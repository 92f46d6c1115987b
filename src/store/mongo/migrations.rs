//! The numbered migrations of the MongoDB database. Each step can be repeated, so two at once do no harm.

use super::connection::Connection;
use super::registry::{of, records};
use super::runs::number;
use crate::domain::{Row, Status, TableName};
use crate::store::{Schema, StoreError, row};
use bson::{Document, doc};
use chrono::Utc;
use futures_util::TryStreamExt;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::Deserialize;

/// Name and definition, in order. A released migration is never changed.
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_reports", include_str!("../../../migrations/mongodb/0001_reports.json")),
    ("0002_runs", include_str!("../../../migrations/mongodb/0002_runs.json")),
];

const COLLECTION: &str = "maestro_migrations";

/// What one migration does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Migration {
    /// Indexes to make.
    #[serde(default)]
    indexes: Vec<Index>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    collection: String,
    name: String,
    keys: Document,
}

/// What is applied, missing and unknown.
pub(super) async fn schema(connection: &Connection) -> Result<Schema, StoreError> {
    let migrations = connection.collection(COLLECTION);
    let find = migrations.find(doc! {}).sort(doc! { "_id": 1 });
    let applied: Vec<Document> =
        connection.call("to read the schema", async { find.await?.try_collect().await }).await?;
    let names = applied.iter().filter_map(|migration| migration.get_str("_id").ok().map(str::to_owned)).collect();
    Ok(Schema::compare(names, MIGRATIONS.iter().map(|(name, _)| *name)))
}

/// Applies what is missing, and adopts tables that the Python service has written since the last time; the names of what
/// was applied.
pub(super) async fn migrate(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let missing = schema(connection).await?.missing;
    for (name, definition) in MIGRATIONS.iter().filter(|(name, _)| missing.iter().any(|missing| missing == name)) {
        apply(connection, name, definition).await?;
        let applied = doc! { "$setOnInsert": { "applied_at": bson::DateTime::from(Utc::now()) } };
        let migrations = connection.collection(COLLECTION);
        let mark = migrations.update_one(doc! { "_id": *name }, applied).upsert(true);
        connection.call("to mark a migration", mark).await?;
    }
    adopt(connection).await?;
    Ok(missing)
}

async fn apply(connection: &Connection, name: &str, definition: &str) -> Result<(), StoreError> {
    let migration: Migration = serde_json::from_str(definition)
        .map_err(|error| StoreError::Corrupt { what: format!("the migration {name}: {error}") })?;
    for index in migration.indexes {
        let options = IndexOptions::builder().name(index.name).build();
        let model = IndexModel::builder().keys(index.keys).options(options).build();
        connection.call("to make an index", connection.collection(&index.collection).create_index(model)).await?;
    }
    Ok(())
}

/// Gives each table of the Python service that has none a record, so that its rows stay readable. The collection stays as
/// it is.
async fn adopt(connection: &Connection) -> Result<(), StoreError> {
    let names = connection.call("to list collections", connection.database().list_collection_names()).await?;
    for name in names {
        let Ok(table) = name.parse::<TableName>() else { continue };
        let registry = records(connection);
        if connection.call("to look for a record", registry.count_documents(of(&table))).await? > 0 {
            continue;
        }
        let rows = connection.collection(&name);
        let count = connection.call("to count old rows", rows.count_documents(doc! {})).await?;
        let rows = connection.database().collection::<Row>(&name);
        let first = rows.find(doc! {}).limit(row::COLUMN_ROWS as i64);
        let first: Vec<Row> = connection.call("to read old rows", async { first.await?.try_collect().await }).await?;
        let record = doc! {
            "status": Status::Finished.as_str(),
            "rows": number(count),
            "columns": row::columns(&first),
            "generation": 0_i64,
            "collection": &name,
            "last_generation": 0_i64,
            // Nobody noted when it was made; a report's id holds when the report was.
            "requested_at": table.report.object_id().timestamp(),
            // Nor when it was last filled: it counts as filled now.
            "alive_at": bson::DateTime::now(),
        };
        let update = registry.update_one(of(&table), doc! { "$setOnInsert": record }).upsert(true);
        connection.call("to record an old table", update).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_can_be_read() {
        for (name, definition) in MIGRATIONS {
            assert!(serde_json::from_str::<Migration>(definition).is_ok(), "{name}");
        }
    }
}
