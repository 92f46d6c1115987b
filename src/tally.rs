//! What is learnt of rows as they pass: the chart counts and the columns. Pure.

use crate::artifact::Paths;
use crate::chart::{Columns, Counts};
use crate::domain::Row;
use futures_util::{Stream, TryStreamExt};
use serde_json::Value;

/// The counts and columns of the rows seen so far.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Counts,
    columns: Columns,
    paths: Paths,
}

impl Tally {
    /// Nothing seen yet; `component` is the lower-case name of what is read.
    #[must_use]
    pub fn new(component: &str) -> Self {
        Self { counts: Counts::new(component), ..Self::default() }
    }

    /// Of all these rows.
    ///
    /// # Errors
    /// The first failure of the stream.
    pub async fn of<E>(component: &str, mut rows: impl Stream<Item = Result<Row, E>> + Unpin) -> Result<Self, E> {
        let mut tally = Self::new(component);
        while let Some(row) = rows.try_next().await? {
            tally.add(&row);
        }
        Ok(tally)
    }

    /// Learns from a row.
    pub fn add(&mut self, row: &Row) {
        for field in row.fields() {
            self.counts.add(&field);
            self.columns.add(&field);
            self.paths.add(&field);
        }
    }

    /// Takes back what was counted of a row; its columns stay.
    pub fn remove(&mut self, row: &Row) {
        row.fields().for_each(|field| self.counts.remove(&field));
    }

    /// The columns in display order.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        self.columns.finish()
    }

    /// The flattened columns, those of `columns` first.
    #[must_use]
    pub fn paths(&self, columns: &[String]) -> Vec<String> {
        self.paths.finish(columns)
    }

    /// The chart counts, `aggr` of contract §7.
    #[must_use]
    pub fn charts(&self) -> Value {
        self.counts.finish()
    }
}
