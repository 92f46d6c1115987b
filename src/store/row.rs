//! What both stores ask of a row before they take it, and what they make of rows that come without a record.

use super::StoreError;
use crate::chart::Columns;
use crate::domain::Row;
use bson::raw::RawBsonRef;
use bson::{Bson, RawDocument};

/// What is wrong with a row.
#[derive(Debug, thiserror::Error)]
enum BadRow {
    #[error("a row has no _id")]
    NoId,
    #[error("a row's _id is a list or a regular expression: {0}")]
    Id(String),
    #[error("the row with _id {id} has {bytes} bytes; {} are allowed", Row::MAX_BYTES)]
    TooLarge { id: String, bytes: usize },
    #[error("a row is broken: {0}")]
    Broken(bson::error::Error),
}

/// A row's `_id`, checked with its size.
///
/// # Errors
/// `Refused` where the row has no usable `_id` or is too large.
pub(super) fn checked_id(row: &RawDocument) -> Result<RawBsonRef<'_>, StoreError> {
    check(row).map_err(|bad| StoreError::Refused { what: format!("to store a row: {bad}"), source: bad.into() })
}

fn check(row: &RawDocument) -> Result<RawBsonRef<'_>, BadRow> {
    let id = row.get("_id").map_err(BadRow::Broken)?.ok_or(BadRow::NoId)?;
    if matches!(id, RawBsonRef::Array(_) | RawBsonRef::RegularExpression(_)) {
        return Err(BadRow::Id(shown(id)));
    }
    let bytes = row.as_bytes().len();
    if bytes > Row::MAX_BYTES { Err(BadRow::TooLarge { id: shown(id), bytes }) } else { Ok(id) }
}

/// An `_id` for people.
pub(super) fn shown(id: RawBsonRef<'_>) -> String {
    Bson::try_from(id).map_or_else(|error| error.to_string(), |id| id.to_string())
}

/// Rows that are looked at for a table's columns (contract §6.4).
pub(super) const COLUMN_ROWS: usize = 50;

/// The columns of a table whose first rows these are.
pub(super) fn columns<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<String> {
    let mut columns = Columns::default();
    rows.into_iter().take(COLUMN_ROWS).flat_map(Row::fields).for_each(|field| columns.add(&field));
    columns.finish()
}
