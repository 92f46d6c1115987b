//! SQL functions over the BSON of a row: whether it meets a filter, and by which key it sorts.

use crate::filter::matcher::Matcher;
use crate::store::{Direction, sort_key};
use bson::RawDocument;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Error};

/// A function's own error, as SQLite wants it.
fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::UserFunctionError(error.into())
}

/// Registers `sort_key(doc, path, descending)`: bytes that order rows as MongoDB would.
pub(super) fn register_sort_key(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("sort_key", 3, flags(), |context| {
        let direction = if context.get::<bool>(2)? { Direction::Descending } else { Direction::Ascending };
        let path = context.get_raw(1).as_str().map_err(failed)?;
        sort_key::sort_key(document(context)?, path, direction).map_err(failed)
    })
}

/// Registers `column_key(doc, column)`: bytes that order rows in both directions, NULL for a list.
pub(super) fn register_column_key(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_scalar_function("column_key", 2, flags(), |context| {
        let column = context.get_raw(1).as_str().map_err(failed)?;
        sort_key::column_key(document(context)?, column).map_err(failed)
    })
}

/// Registers `matches(doc)` for one query on this connection.
pub(super) fn register_matches(connection: &Connection, matcher: Matcher) -> rusqlite::Result<()> {
    connection.create_scalar_function("matches", 1, flags(), move |context| Ok(matcher.matches(document(context)?)))
}

/// The same row gives the same result, so an index may hold it.
fn flags() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS
}

fn document<'a>(context: &'a Context<'_>) -> rusqlite::Result<&'a RawDocument> {
    RawDocument::from_bytes(context.get_raw(0).as_blob().map_err(failed)?).map_err(failed)
}
