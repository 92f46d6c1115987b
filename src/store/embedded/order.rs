//! The order in which SQL gives rows. Those that compare equal follow in `_id` order, in the direction of the sort.

use super::rows::{column_key, index_name};
use crate::store::{Direction, usual};
use rusqlite::Transaction;

/// The order that a query asks for: a path and a direction; without one, rows come as they were written.
pub(super) type Sort = Option<(String, Direction)>;

/// The order as SQL, where rows can be had in it without sorting them.
pub(super) fn ready(tx: &Transaction<'_>, number: u64, sort: &Sort) -> rusqlite::Result<Option<String>> {
    let Some((path, direction)) = sort else { return Ok(Some("seq".to_owned())) };
    let word = word(*direction);
    if path == "_id" {
        return Ok(Some(format!("id {word}")));
    }
    let Some(column) = usual::column(path) else { return Ok(None) };
    let key = column_key(column);
    Ok(is_indexed(tx, number, column)?.then(|| format!("{key} {word}, id {word}")))
}

/// The order as SQL for any path, which is bound as the third parameter.
pub(super) fn sorted(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "sort_key(doc, ?3, 0), id",
        Direction::Descending => "sort_key(doc, ?3, 1) DESC, id DESC",
    }
}

/// Whether an index has every row in its place: a list has no single place, and then no index is used.
fn is_indexed(tx: &Transaction<'_>, number: u64, column: &'static str) -> rusqlite::Result<bool> {
    let index = index_name(number, column);
    let exists = "SELECT EXISTS (SELECT 1 FROM pragma_index_info(?1))";
    if !tx.prepare_cached(exists)?.query_row([index], |row| row.get(0))? {
        return Ok(false);
    }
    let key = column_key(column);
    let whole = format!("SELECT NOT EXISTS (SELECT 1 FROM rows_{number} WHERE {key} IS NULL)");
    tx.prepare_cached(&whole)?.query_row([], |row| row.get(0))
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
