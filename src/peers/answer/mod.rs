//! The Data API's answer, read row by row from a byte stream. Pure: any `Read` will do.
//!
//! `{"found", "total_pages", "page", "limit", "items": [...]}` (contract §5); the fields may come in any order and
//! unknown ones are passed over. A row is handed out as soon as it is complete, so the answer is never held whole.

mod skip;
mod window;

use crate::domain::{Dialect, Row, RowReader};
use skip::Skip;
use std::io::Read;
use window::{Fault, Window};

/// What an answer says besides its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that match the query; absent from an aggregation.
    pub found: Option<u64>,
    /// Rows in this answer.
    pub received: u64,
}

/// Why reading ended.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The bytes ended before the answer did, or the connection broke.
    BrokenOff,
    /// The bytes are no answer: what and where.
    NotUnderstood(String),
    /// The taker of rows wants no more.
    Stopped,
}

/// Takes the rows of an answer, one by one, on the thread that reads it.
pub trait TakeRow: Send + 'static {
    /// Hears how many rows the answer announces, where it says so before its rows.
    fn announced(&mut self, found: u64) {
        let _ = found;
    }

    /// Takes one row; false: no more.
    fn take(&mut self, row: Row) -> bool;
}

/// Reads one answer and hands each row, its ids and dates typed, to `taker`.
///
/// # Errors
/// See [`ReadError`]. Rows before the fault were handed out.
pub(super) fn read_answer(bytes: impl Read, taker: &mut dyn TakeRow) -> Result<Summary, ReadError> {
    let (window, rows) = (Window::new(bytes), RowReader::new(Dialect::Plain));
    let mut answer = Answer { window, rows, summary: Summary::default(), taker };
    match answer.read() {
        Ok(()) => Ok(answer.summary),
        Err(ReadError::NotUnderstood(what)) => {
            Err(ReadError::NotUnderstood(format!("after {} rows: {what}", answer.summary.received)))
        }
        Err(other) => Err(other),
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::BrokenOff => Self::BrokenOff,
            Fault::Wrong(what) => Self::NotUnderstood(what),
        }
    }
}

/// An answer being read.
struct Answer<'a, R> {
    window: Window<R>,
    rows: RowReader,
    summary: Summary,
    taker: &'a mut dyn TakeRow,
}

impl<R: Read> Answer<'_, R> {
    fn read(&mut self) -> Result<(), ReadError> {
        self.window.begin(b'{', "an object with `items`")?;
        let mut has_items = false;
        let mut first = true;
        while self.window.goes_on(b'}', first)? {
            first = false;
            let name = self.window.plain::<String>()?;
            self.window.expect(b':')?;
            match name.as_str() {
                "found" => {
                    let found = self.window.plain()?;
                    self.summary.found = Some(found);
                    self.taker.announced(found);
                }
                "items" => {
                    has_items = true;
                    self.items()?;
                }
                _ => {
                    let Skip = self.window.plain()?;
                }
            }
        }
        if !has_items {
            return Err(ReadError::NotUnderstood("missing field `items`".to_owned()));
        }
        Ok(self.window.end()?)
    }

    fn items(&mut self) -> Result<(), ReadError> {
        self.window.begin(b'[', "a list of rows in `items`")?;
        let mut first = true;
        while self.window.goes_on(b']', first)? {
            first = false;
            let row = self.window.value(|json| self.rows.read(json)).map_err(|fault| self.in_row(fault))?;
            // Rows that all had null would count as one.
            if !row.get("_id").is_ok_and(|id| id.is_some_and(|id| id.as_null().is_none())) {
                return Err(ReadError::NotUnderstood("a row has no `_id`".to_owned()));
            }
            self.summary.received += 1;
            if !self.taker.take(row) {
                return Err(ReadError::Stopped);
            }
        }
        Ok(())
    }

    /// Says which row it is, where that much of it was read.
    fn in_row(&self, fault: Fault) -> ReadError {
        match (fault, self.rows.begun()) {
            (Fault::Wrong(what), Some(id)) => ReadError::NotUnderstood(format!("in the row with _id {id}: {what}")),
            (fault, _) => fault.into(),
        }
    }
}

#[cfg(test)]
mod tests;
