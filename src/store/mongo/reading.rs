//! Reading the rows of a generation: counted, sorted, as a stream.

use super::connection::Connection;
use super::record::Record;
use super::registry;
use super::runs::number;
use crate::domain::{Row, TableName};
use crate::store::{Direction, Found, RowQuery, RowStream, StoreError};
use bson::{Document, doc};
use futures_util::{StreamExt, stream};
use mongodb::options::FindOptions;

/// Rows asked of the server at a time.
const CURSOR_BATCH: u32 = 500;

/// The readable rows that match; `None` where the table has neither rows nor a record, or not the generation asked for.
pub(super) async fn find(
    connection: &Connection,
    table: &TableName,
    query: RowQuery,
) -> Result<Option<Found>, StoreError> {
    let record = registry::find(connection, table).await?;
    let is_wanted = |record: &Record| query.generation.is_none_or(|wanted| record.generation == Some(wanted));
    let Some(record) = record.filter(is_wanted) else { return Ok(None) };
    let Some(collection) = &record.collection else {
        return Ok(Some(Found { count: 0, rows: stream::empty().boxed() }));
    };
    let count = count(connection, &record, collection, &query.filter);
    let rows = rows(connection, collection, &query);
    let (count, rows) = futures_util::try_join!(count, rows)?;
    Ok(Some(Found { count, rows }))
}

/// The record knows how many rows there are; only a filter makes the server count.
async fn count(
    connection: &Connection,
    record: &Record,
    collection: &str,
    filter: &Document,
) -> Result<u64, StoreError> {
    if filter.is_empty() {
        return Ok(record.rows);
    }
    let rows = connection.collection(collection);
    let counted = rows.count_documents(filter.clone()).max_time(connection.query_timeout());
    connection.call("to count rows", counted).await
}

async fn rows(connection: &Connection, collection: &str, query: &RowQuery) -> Result<RowStream, StoreError> {
    if query.limit == Some(0) {
        return Ok(stream::empty().boxed());
    }
    let mut options = FindOptions::default();
    options.sort = query.sort.as_ref().map(sort);
    options.skip = Some(query.skip);
    options.limit = query.limit.map(number);
    options.batch_size = Some(CURSOR_BATCH);
    options.max_time = Some(connection.query_timeout());
    // Sorting by a field without an index may need more than the server's memory limit.
    options.allow_disk_use = Some(true);
    let rows = connection.database().collection::<Row>(collection);
    let cursor = connection.call("to read rows", rows.find(query.filter.clone()).with_options(options)).await?;
    let state = Some((cursor, connection.clone()));
    let rows = stream::unfold(state, |state| async move {
        let (mut cursor, connection) = state?;
        match connection.call("to read rows", async { cursor.next().await.transpose() }).await {
            Ok(row) => Some((Ok(row?), Some((cursor, connection)))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(rows.boxed())
}

/// Rows that compare equal follow in `_id` order in the same direction, so that one index serves both directions.
fn sort((path, direction): &(String, Direction)) -> Document {
    let step = match direction {
        Direction::Ascending => 1,
        Direction::Descending => -1,
    };
    let mut sort = doc! { path: step };
    if path != "_id" {
        sort.insert("_id", step);
    }
    sort
}
