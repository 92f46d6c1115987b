//! The endpoints of single reports.

use super::error::WorkError;
use super::registry::json;
use crate::domain::{Endpoint, SigningSecret, TableName};
use crate::store::{StoreError, endpoint};
use rusqlite::{OptionalExtension, Transaction, params};

/// Sets a report's endpoint in place of an earlier one.
pub(super) fn set(tx: &Transaction<'_>, table: &TableName, endpoint: &Endpoint) -> rusqlite::Result<()> {
    let secrets: Vec<&str> = endpoint.secrets.iter().map(SigningSecret::expose).collect();
    tx.execute(
        "INSERT INTO endpoints (table_name, url, secrets) VALUES (?1, ?2, ?3)
         ON CONFLICT (table_name) DO UPDATE SET url = ?2, secrets = ?3",
        params![table.to_string(), endpoint.url.expose(), json(&secrets)?],
    )?;
    Ok(())
}

/// A report's endpoint.
pub(super) fn find(tx: &Transaction<'_>, table: &TableName) -> Result<Option<Endpoint>, WorkError> {
    let sql = "SELECT url, secrets FROM endpoints WHERE table_name = ?1";
    let found = tx.query_row(sql, [table.to_string()], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((url, secrets)): Option<(String, String)> = found.optional()? else { return Ok(None) };
    let secrets: Vec<String> = serde_json::from_str(&secrets).map_err(|_| broken(table))?;
    Ok(Some(endpoint::stored(table, &url, &secrets)?))
}

/// Removes a report's endpoint; whether there was one.
pub(super) fn remove(tx: &Transaction<'_>, table: &TableName) -> rusqlite::Result<bool> {
    Ok(tx.execute("DELETE FROM endpoints WHERE table_name = ?1", [table.to_string()])? > 0)
}

fn broken(table: &TableName) -> StoreError {
    StoreError::Corrupt { what: format!("the endpoint of {table}: its secrets") }
}
