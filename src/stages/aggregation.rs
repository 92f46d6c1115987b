//! *aggregation*: what is learnt of the rows as they pass: the chart counts and the columns.

use crate::chart::{Columns, Counts};
use crate::domain::Row;
use std::time::{Duration, Instant};

/// The counts and columns of the rows seen so far, and the time that they took.
#[derive(Debug)]
pub(super) struct Tally {
    counts: Counts,
    columns: Columns,
    spent: Duration,
}

impl Tally {
    /// Nothing seen yet; `component` is the lower-case name of what is read.
    pub(super) fn new(component: &str) -> Self {
        Self { counts: Counts::new(component), columns: Columns::default(), spent: Duration::ZERO }
    }

    /// Learns from a batch.
    pub(super) fn add(&mut self, rows: &[Row]) {
        let start = Instant::now();
        for field in rows.iter().flat_map(Row::fields) {
            self.counts.add(&field);
            self.columns.add(&field);
        }
        self.spent += start.elapsed();
    }

    /// Takes back what was learnt of rows that are left out; their columns stay, as other rows of the same ids have them.
    pub(super) fn remove(&mut self, rows: &[Row]) {
        rows.iter().flat_map(Row::fields).for_each(|field| self.counts.remove(&field));
    }

    /// The columns in display order, the chart counts, and the seconds spent.
    pub(super) fn finish(&self) -> (Vec<String>, serde_json::Value, f64) {
        let start = Instant::now();
        let (columns, aggr) = (self.columns.finish(), self.counts.finish());
        (columns, aggr, (self.spent + start.elapsed()).as_secs_f64())
    }
}
