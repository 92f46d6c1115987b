//! One pass over all rows of a generation, which counts those that match and finds the first of them in any order.
//!
//! Only the places of the first rows are kept, so memory depends on the page and not on the table.

use super::error::WorkError;
use super::order::Sort;
use crate::filter::matcher::Matcher;
use crate::store::sort_key::sort_key;
use crate::store::{Direction, StoreError};
use bson::RawDocument;
use rusqlite::Transaction;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a pass found.
pub(super) struct Scanned {
    /// Rows that match.
    pub(super) count: u64,
    /// `seq` of the first of them, in order.
    pub(super) first: Vec<i64>,
}

/// Counts the rows that match and finds the first `most` of them.
pub(super) fn scan(
    tx: &Transaction<'_>,
    number: u64,
    matcher: Option<&Matcher>,
    sort: &Sort,
    most: usize,
) -> Result<Scanned, WorkError> {
    let mut statement = tx.prepare_cached(&format!("SELECT seq, id, doc FROM rows_{number}"))?;
    let mut rows = statement.query([])?;
    let mut first = First::new(sort, most);
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let document = RawDocument::from_bytes(blob(row, 2)?).map_err(corrupt)?;
        if matcher.is_some_and(|matcher| !matcher.matches(document)) {
            continue;
        }
        count += 1;
        if most > 0 {
            let (key, id) = match sort {
                None => (Vec::new(), Vec::new()),
                Some((path, _)) if path == "_id" => (Vec::new(), blob(row, 1)?.to_vec()),
                Some((path, direction)) => {
                    (sort_key(document, path, *direction).map_err(corrupt)?, blob(row, 1)?.to_vec())
                }
            };
            first.add(Place { key, id, seq: row.get(0)? });
        }
    }
    Ok(Scanned { count, first: first.finish() })
}

fn blob<'a>(row: &'a rusqlite::Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

fn corrupt(error: bson::error::Error) -> StoreError {
    StoreError::Corrupt { what: format!("a row: {error}") }
}

/// Where a row stands among others.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    key: Vec<u8>,
    id: Vec<u8>,
    seq: i64,
}

/// The first so many places; the heap's top is the last of them.
struct First {
    most: usize,
    heap: Heap,
}

enum Heap {
    Ascending(BinaryHeap<Place>),
    Descending(BinaryHeap<Reverse<Place>>),
}

impl First {
    fn new(sort: &Sort, most: usize) -> Self {
        let heap = match sort {
            Some((_, Direction::Descending)) => Heap::Descending(BinaryHeap::new()),
            Some((_, Direction::Ascending)) | None => Heap::Ascending(BinaryHeap::new()),
        };
        Self { most, heap }
    }

    fn add(&mut self, place: Place) {
        match &mut self.heap {
            Heap::Ascending(heap) => keep(heap, place, self.most),
            Heap::Descending(heap) => keep(heap, Reverse(place), self.most),
        }
    }

    fn finish(self) -> Vec<i64> {
        match self.heap {
            Heap::Ascending(heap) => heap.into_sorted_vec().into_iter().map(|place| place.seq).collect(),
            Heap::Descending(heap) => heap.into_sorted_vec().into_iter().map(|place| place.0.seq).collect(),
        }
    }
}

fn keep<T: Ord>(heap: &mut BinaryHeap<T>, place: T, most: usize) {
    if heap.len() < most {
        heap.push(place);
    } else if let Some(mut last) = heap.peek_mut()
        && place < *last
    {
        *last = place;
    }
}
