//! What both stores ask of a row before they take it, and what they make of rows that come without a record.

use super::StoreError;
use crate::chart::Columns;
use crate::domain::Row;
use bson::Bson;

/// MongoDB's limit for one document, held by both stores so that a report fits into either.
const MAX_ROW_BYTES: usize = 16 * 1024 * 1024;

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
enum BadRow {
    #[error("a row has no _id")]
    NoId,
    #[error("a row's _id is a list or a regular expression: {0}")]
    Id(String),
    #[error("the row with _id {id} has {bytes} bytes; {MAX_ROW_BYTES} are allowed")]
    TooLarge { id: String, bytes: usize },
    #[error("the row with _id {id} cannot be encoded: {source}")]
    Unencodable { id: String, source: Box<bson::error::Error> },
}

/// A row's `_id` and its BSON bytes.
///
/// # Errors
/// `Refused` where the row has no usable `_id`, is too large, or holds a key that BSON cannot.
pub(super) fn encode(row: &Row) -> Result<(&Bson, Vec<u8>), StoreError> {
    checked(row).map_err(|bad| StoreError::Refused { what: format!("to store a row: {bad}"), source: bad.into() })
}

fn checked(row: &Row) -> Result<(&Bson, Vec<u8>), BadRow> {
    let id = row.get("_id").ok_or(BadRow::NoId)?;
    if matches!(id, Bson::Array(_) | Bson::RegularExpression(_)) {
        return Err(BadRow::Id(id.to_string()));
    }
    let bytes = row.to_vec().map_err(|source| BadRow::Unencodable { id: id.to_string(), source: source.into() })?;
    if bytes.len() > MAX_ROW_BYTES {
        return Err(BadRow::TooLarge { id: id.to_string(), bytes: bytes.len() });
    }
    Ok((id, bytes))
}

/// Rows that are looked at for a table's columns (contract §6.4).
pub(super) const COLUMN_ROWS: usize = 50;

/// The columns of a table whose first rows these are.
pub(super) fn columns<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<String> {
    let mut columns = Columns::default();
    rows.into_iter().take(COLUMN_ROWS).for_each(|row| columns.add(row));
    columns.finish()
}
