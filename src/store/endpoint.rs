//! Endpoints as both stores keep them.

use super::StoreError;
use crate::domain::{Endpoint, TableName};

/// An endpoint of its stored texts, none of which an error quotes.
pub(super) fn stored(table: &TableName, url: &str, secrets: &[String]) -> Result<Endpoint, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt { what: format!("the endpoint of {table}: {what}") };
    let url = url.parse().map_err(|error| corrupt(format!("{error}")))?;
    let secrets = secrets.iter().map(|secret| secret.parse()).collect::<Result<_, _>>();
    Ok(Endpoint { url, secrets: secrets.map_err(|error| corrupt(format!("{error}")))? })
}
