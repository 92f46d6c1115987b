//! The endpoints of single reports, a document for each.

use super::connection::Connection;
use super::registry::of;
use crate::domain::{Endpoint, SigningSecret, TableName};
use crate::store::{StoreError, endpoint};
use bson::{Document, doc};
use mongodb::Collection;
use serde::Deserialize;

const COLLECTION: &str = "maestro_endpoints";

#[derive(Debug, Deserialize)]
struct Record {
    url: String,
    secrets: Vec<String>,
}

/// Sets a report's endpoint in place of an earlier one.
pub(super) async fn set(connection: &Connection, table: &TableName, endpoint: &Endpoint) -> Result<(), StoreError> {
    let secrets: Vec<&str> = endpoint.secrets.iter().map(SigningSecret::expose).collect();
    let set = doc! { "$set": { "url": endpoint.url.expose(), "secrets": secrets } };
    let endpoints = endpoints(connection);
    connection.call("to set an endpoint", endpoints.update_one(of(table), set).upsert(true)).await?;
    Ok(())
}

/// A report's endpoint.
pub(super) async fn find(connection: &Connection, table: &TableName) -> Result<Option<Endpoint>, StoreError> {
    let found = connection.call("to read an endpoint", endpoints(connection).find_one(of(table))).await?;
    let Some(found) = found else { return Ok(None) };
    let Record { url, secrets } = bson::deserialize_from_document(found)
        .map_err(|_| StoreError::Corrupt { what: format!("the endpoint of {table}") })?;
    endpoint::stored(table, &url, &secrets).map(Some)
}

/// Removes a report's endpoint; whether there was one.
pub(super) async fn remove(connection: &Connection, table: &TableName) -> Result<bool, StoreError> {
    let deleted = connection.call("to remove an endpoint", endpoints(connection).delete_one(of(table))).await?;
    Ok(deleted.deleted_count > 0)
}

fn endpoints(connection: &Connection) -> Collection<Document> {
    connection.collection(COLLECTION)
}
