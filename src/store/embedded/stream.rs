//! Reading the rows of a table: how many match, and those asked for as a stream with flat memory.
//!
//! A reader holds a read transaction on a connection of its own: what it counts and what it reads is one state of the
//! table, and it finishes on the rows that it began with even where a run is committed meanwhile.

use super::budget::Budget;
use super::error::WorkError;
use super::pool::Pool;
use super::{functions, order, registry, scan};
use crate::domain::{Row, TableName};
use crate::filter::matcher::Matcher;
use crate::store::{Found, RowQuery, StoreError};
use bson::Document;
use futures_util::{StreamExt, stream};
use rusqlite::{Connection, Rows, Statement, Transaction};
use std::time::Duration;
use tokio::sync::mpsc;

/// Rows handed over at a time, and how many such pieces may wait for a slow reader.
const PIECE_ROWS: usize = 64;
const PIECES_WAITING: usize = 2;
/// The last row of a page whose rows are sorted in memory; beyond it SQLite sorts them.
const MAX_IN_MEMORY: usize = 10_000;

/// Some rows, and how many match in all.
struct Piece {
    found: u64,
    rows: Vec<Row>,
}

/// `None`: there is no such table.
type Message = Result<Option<Piece>, StoreError>;

/// The readable rows that match; `None` where the table has neither rows nor a record.
pub(super) async fn find(
    pool: &Pool,
    table: TableName,
    query: RowQuery,
    timeout: Duration,
) -> Result<Option<Found>, StoreError> {
    let matcher = compile(&query.filter)?;
    let (sender, mut receiver) = mpsc::channel::<Message>(PIECES_WAITING);
    let pool = pool.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let sent = pool.reader().map_err(WorkError::from).and_then(|mut reader| {
            let sent = read(&mut reader, &table, &query, matcher, timeout, &sender);
            pool.give_back(reader);
            sent
        });
        if let Err(error) = sent {
            // Nobody may be reading any more; then nobody needs to know.
            let _ = sender.blocking_send(Err(error.into_store("to read rows")));
        }
    });
    let Some(first) = receiver.recv().await else {
        let ended = reading.await.err().map_or_else(|| "nothing was read".into(), Into::into);
        return Err(StoreError::Unavailable { what: "to read rows".to_owned(), source: ended });
    };
    let Some(Piece { found, rows }) = first? else { return Ok(None) };
    let rest = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let rest = rest.flat_map(|message| {
        let rows = message.map(|piece| piece.map(|piece| piece.rows).unwrap_or_default());
        let rows: Vec<Result<Row, StoreError>> = match rows {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(rows)
    });
    Ok(Some(Found { count: found, rows: stream::iter(rows.into_iter().map(Ok)).chain(rest).boxed() }))
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

fn read(
    reader: &mut Connection,
    table: &TableName,
    query: &RowQuery,
    matcher: Option<Matcher>,
    timeout: Duration,
    sender: &mpsc::Sender<Message>,
) -> Result<(), WorkError> {
    let budget = Budget::watch(reader, timeout)?;
    let tx = reader.transaction()?;
    let is_wanted = |readable: &Option<(u64, u64)>| {
        query.generation.is_none_or(|wanted| readable.is_some_and(|(number, _)| number == wanted))
    };
    let Some(readable) = registry::readable(&tx, table)?.filter(is_wanted) else {
        let _ = sender.blocking_send(Ok(None));
        return Ok(());
    };
    let Some((number, rows)) = readable else {
        Outlet::new(sender, 0).finish();
        return Ok(());
    };
    let reading = Reading { tx: &tx, number, query, budget: &budget, sender };
    let ready = budget.spend(|| Ok(order::ready(&tx, number, &query.sort)?))?;
    match (matcher, ready) {
        (None, Some(order)) => reading.ordered("", &order, rows),
        (matcher, ready) => reading.searched(matcher, ready, rows),
    }
}

/// One query at work.
struct Reading<'a> {
    tx: &'a Transaction<'a>,
    number: u64,
    query: &'a RowQuery,
    budget: &'a Budget,
    sender: &'a mpsc::Sender<Message>,
}

impl Reading<'_> {
    /// Rows that must be looked at one by one, or sorted: in one pass for a page, else by SQLite.
    fn searched(&self, matcher: Option<Matcher>, ready: Option<String>, rows: u64) -> Result<(), WorkError> {
        let RowQuery { sort, skip, limit, .. } = self.query;
        let last = limit.map(|limit| if limit == 0 { 0 } else { skip.saturating_add(limit) });
        if let Some(last) = last.and_then(|last| usize::try_from(last).ok()).filter(|last| *last <= MAX_IN_MEMORY) {
            let scanned = self.budget.spend(|| scan::scan(self.tx, self.number, matcher.as_ref(), sort, last))?;
            let skip = usize::try_from(*skip).unwrap_or(usize::MAX);
            return self.at(scanned.first.get(skip..).unwrap_or_default(), scanned.count);
        }
        let order = ready.or_else(|| sort.as_ref().map(|(_, direction)| order::sorted(*direction).to_owned()));
        let order = order.unwrap_or_default();
        let Some(matcher) = matcher else { return self.ordered("", &order, rows) };
        let counted = self.budget.spend(|| scan::scan(self.tx, self.number, Some(&matcher), sort, 0))?.count;
        functions::register_matches(self.tx, matcher)?;
        self.ordered(" WHERE matches(doc)", &order, counted)
    }

    /// The rows in these places.
    fn at(&self, places: &[i64], found: u64) -> Result<(), WorkError> {
        let mut outlet = Outlet::new(self.sender, found);
        let mut statement = self.tx.prepare_cached(&format!("SELECT doc FROM rows_{} WHERE seq = ?1", self.number))?;
        for place in places {
            let row = statement.query_row([place], |row| Ok(decode(row.get_ref(0)?.as_blob()?)))?;
            if !outlet.push(row?) {
                return Ok(());
            }
        }
        outlet.finish();
        Ok(())
    }

    /// The rows that meet the condition, in an order that SQLite makes.
    fn ordered(&self, condition: &str, order: &str, found: u64) -> Result<(), WorkError> {
        let sql = format!("SELECT doc FROM rows_{}{condition} ORDER BY {order} LIMIT ?1 OFFSET ?2", self.number);
        let mut statement = self.tx.prepare_cached(&sql)?;
        bind(&mut statement, self.query)?;
        let mut outlet = Outlet::new(self.sender, found);
        let mut rows = statement.raw_query();
        while let Some(row) = self.budget.spend(|| next(&mut rows))? {
            if !outlet.push(row) {
                return Ok(());
            }
        }
        outlet.finish();
        Ok(())
    }
}

fn next(rows: &mut Rows<'_>) -> Result<Option<Row>, WorkError> {
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(decode(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?))
}

/// Limit and offset, and the path where the order needs one.
fn bind(statement: &mut Statement<'_>, query: &RowQuery) -> rusqlite::Result<()> {
    let limit = query.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    statement.raw_bind_parameter(1, limit)?;
    statement.raw_bind_parameter(2, i64::try_from(query.skip).unwrap_or(i64::MAX))?;
    if statement.parameter_count() == 3 {
        statement.raw_bind_parameter(3, query.sort.as_ref().map(|(path, _)| path))?;
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<Row, StoreError> {
    Row::from_bytes(bytes.to_vec()).map_err(|error| StoreError::Corrupt { what: format!("a row: {error}") })
}

/// Hands rows over piece by piece; at least one piece comes, so that whoever asks learns how many match.
struct Outlet<'a> {
    sender: &'a mpsc::Sender<Message>,
    found: u64,
    rows: Vec<Row>,
    begun: bool,
}

impl<'a> Outlet<'a> {
    fn new(sender: &'a mpsc::Sender<Message>, found: u64) -> Self {
        Self { sender, found, rows: Vec::new(), begun: false }
    }

    /// Takes a row; false where nobody reads any more.
    fn push(&mut self, row: Row) -> bool {
        self.rows.push(row);
        self.rows.len() < PIECE_ROWS || self.send()
    }

    fn send(&mut self) -> bool {
        self.begun = true;
        let rows = std::mem::take(&mut self.rows);
        self.sender.blocking_send(Ok(Some(Piece { found: self.found, rows }))).is_ok()
    }

    fn finish(mut self) {
        if !self.begun || !self.rows.is_empty() {
            // Where nobody reads any more, nobody needs the rest.
            let _ = self.send();
        }
    }
}
