//! Reading the rows of a table: counted, or as a stream with flat memory.
//!
//! A reader holds a read transaction on a connection of its own, so it finishes on the rows that it began with even
//! where a run is committed meanwhile.

use super::error::WorkError;
use super::pool::{Pool, blocking};
use super::{functions, registry, rows};
use crate::domain::{Row, TableName};
use crate::filter::matcher::Matcher;
use crate::store::{Direction, RowQuery, RowStream, StoreError};
use bson::Document;
use futures_util::{StreamExt, stream};
use rusqlite::{Connection, ErrorCode, Statement, ToSql};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Rows handed over at a time, and how many such pieces may wait for a slow reader.
const PIECE_ROWS: usize = 64;
const PIECES_WAITING: usize = 2;
/// SQLite's steps between two looks at the clock.
const STEPS_PER_LOOK: i32 = 1000;

type Piece = Result<Vec<Row>, StoreError>;

/// How many readable rows match.
pub(super) async fn count(
    pool: &Pool,
    table: TableName,
    filter: &Document,
    timeout: Duration,
) -> Result<Option<u64>, StoreError> {
    let matcher = compile(filter)?;
    let pool = pool.clone();
    blocking("to count rows", move || {
        let mut reader = pool.reader()?;
        let counted = count_on(&mut reader, &table, matcher, timeout);
        pool.give_back(reader);
        counted
    })
    .await
}

/// The readable rows that match, in order.
pub(super) async fn rows(
    pool: &Pool,
    table: TableName,
    query: RowQuery,
    timeout: Duration,
) -> Result<RowStream, StoreError> {
    let matcher = compile(&query.filter)?;
    let (sender, receiver) = mpsc::channel::<Piece>(PIECES_WAITING);
    let pool = pool.clone();
    tokio::task::spawn_blocking(move || {
        let sent = pool.reader().map_err(WorkError::from).and_then(|mut reader| {
            let sent = send_rows(&mut reader, &table, &query, matcher, timeout, &sender);
            pool.give_back(reader);
            sent
        });
        if let Err(error) = sent {
            // Nobody may be reading any more; then nobody needs to know.
            let _ = sender.blocking_send(Err(error.into_store("to read rows")));
        }
    });
    let pieces = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    Ok(pieces
        .flat_map(|piece| {
            let rows: Vec<Result<Row, StoreError>> = match piece {
                Ok(rows) => rows.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(rows)
        })
        .boxed())
}

/// `None` where every row matches.
fn compile(filter: &Document) -> Result<Option<Matcher>, StoreError> {
    if filter.is_empty() {
        return Ok(None);
    }
    Matcher::compile(filter)
        .map(Some)
        .map_err(|error| StoreError::Refused { what: format!("the filter: {error}"), source: error.into() })
}

fn count_on(
    reader: &mut Connection,
    table: &TableName,
    matcher: Option<Matcher>,
    timeout: Duration,
) -> Result<Option<u64>, WorkError> {
    let budget = Budget::watch(reader, timeout)?;
    let tx = reader.transaction()?;
    let Some(generation) = registry::generation(&tx, table)? else { return Ok(None) };
    let Some(number) = generation else { return Ok(Some(0)) };
    let filter = condition(&tx, matcher)?;
    let sql = format!("SELECT count(*) FROM rows_{number}{filter}");
    let counted = budget.spend(|| tx.query_row(&sql, [], |row| row.get(0)))?;
    Ok(Some(counted))
}

fn send_rows(
    reader: &mut Connection,
    table: &TableName,
    query: &RowQuery,
    matcher: Option<Matcher>,
    timeout: Duration,
    sender: &mpsc::Sender<Piece>,
) -> Result<(), WorkError> {
    let budget = Budget::watch(reader, timeout)?;
    let tx = reader.transaction()?;
    let Some(number) = registry::generation(&tx, table)?.flatten() else { return Ok(()) };
    let filter = condition(&tx, matcher)?;
    let order = order(query);
    let mut statement =
        tx.prepare(&format!("SELECT doc FROM rows_{number}{filter} ORDER BY {order} LIMIT ?1 OFFSET ?2"))?;
    bind(&mut statement, query)?;
    let mut found = statement.raw_query();
    loop {
        let mut piece = Vec::with_capacity(PIECE_ROWS);
        while piece.len() < PIECE_ROWS
            && let Some(row) = budget.spend(|| found.next())?
        {
            piece.push(decode(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?);
        }
        if piece.is_empty() || sender.blocking_send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
}

fn condition(connection: &Connection, matcher: Option<Matcher>) -> rusqlite::Result<&'static str> {
    let Some(matcher) = matcher else { return Ok("") };
    functions::register_matches(connection, matcher)?;
    Ok(" WHERE matches(doc)")
}

/// The order as SQL; a path is bound as the third parameter.
fn order(query: &RowQuery) -> &'static str {
    match &query.sort {
        None => "seq",
        Some((path, Direction::Ascending)) if path == "_id" => "id",
        Some((path, Direction::Descending)) if path == "_id" => "id DESC",
        Some((path, Direction::Descending)) if path == rows::DEFAULT_PATH => rows::DEFAULT_SORT,
        Some((_, Direction::Ascending)) => "sort_key(doc, ?3, 0), id",
        Some((_, Direction::Descending)) => "sort_key(doc, ?3, 1) DESC, id",
    }
}

fn bind(statement: &mut Statement<'_>, query: &RowQuery) -> rusqlite::Result<()> {
    let limit = query.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let values: [&dyn ToSql; 2] = [&limit, &i64::try_from(query.skip).unwrap_or(i64::MAX)];
    for (index, value) in values.into_iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    if statement.parameter_count() == 3 {
        statement.raw_bind_parameter(3, query.sort.as_ref().map(|(path, _)| path))?;
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<Row, StoreError> {
    Row::from_bytes(bytes.to_vec()).map_err(|error| StoreError::Corrupt { what: format!("a row: {error}") })
}

/// The time that a query may work, not counting the time in which its reader is slow.
struct Budget {
    timeout: Duration,
    left: std::cell::Cell<Duration>,
    deadline: Arc<Mutex<Option<Instant>>>,
}

impl Budget {
    /// Makes the connection interrupt its statements once the budget is spent.
    fn watch(connection: &mut Connection, timeout: Duration) -> rusqlite::Result<Self> {
        let deadline = Arc::new(Mutex::new(None));
        let watched = Arc::clone(&deadline);
        let overdue = move || {
            let deadline: Option<Instant> = *watched.lock().unwrap_or_else(PoisonError::into_inner);
            deadline.is_some_and(|deadline| Instant::now() > deadline)
        };
        connection.progress_handler(STEPS_PER_LOOK, Some(overdue))?;
        Ok(Self { timeout, left: std::cell::Cell::new(timeout), deadline })
    }

    /// Does a piece of the query's work.
    fn spend<T>(&self, work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, WorkError> {
        let start = Instant::now();
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = start.checked_add(self.left.get());
        let done = work();
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.left.set(self.left.get().saturating_sub(start.elapsed()));
        done.map_err(|error| {
            if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
                StoreError::TimedOut { seconds: self.timeout.as_secs() }.into()
            } else {
                error.into()
            }
        })
    }
}
