//! *aggregation*: what is learnt of the rows as they pass: the chart counts and the columns.

use crate::artifact::Paths;
use crate::chart::{Columns, Counts};
use crate::domain::Row;
use std::time::{Duration, Instant};

/// What a run leaves about its rows.
#[derive(Debug)]
pub(super) struct Learnt {
    /// The columns in display order.
    pub(super) columns: Vec<String>,
    /// The flattened columns.
    pub(super) paths: Vec<String>,
    /// The chart counts.
    pub(super) aggr: serde_json::Value,
    /// The seconds that learning took.
    pub(super) seconds: f64,
}

/// The counts and columns of the rows seen so far, and the time that they took.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Counts,
    columns: Columns,
    paths: Paths,
    spent: Duration,
}

impl Tally {
    /// Nothing seen yet; `component` is the lower-case name of what is read.
    pub(super) fn new(component: &str) -> Self {
        Self { counts: Counts::new(component), ..Self::default() }
    }

    /// Learns from a batch.
    pub(super) fn add(&mut self, rows: &[Row]) {
        let start = Instant::now();
        for field in rows.iter().flat_map(Row::fields) {
            self.counts.add(&field);
            self.columns.add(&field);
            self.paths.add(&field);
        }
        self.spent += start.elapsed();
    }

    /// Takes back what was learnt of rows that are left out; their columns stay, as other rows of the same ids have them.
    pub(super) fn remove(&mut self, rows: &[Row]) {
        rows.iter().flat_map(Row::fields).for_each(|field| self.counts.remove(&field));
    }

    /// What was learnt.
    pub(super) fn finish(&self) -> Learnt {
        let start = Instant::now();
        let (columns, aggr) = (self.columns.finish(), self.counts.finish());
        let paths = self.paths.finish(&columns);
        Learnt { columns, paths, aggr, seconds: (self.spent + start.elapsed()).as_secs_f64() }
    }
}
