//! *aggregation*: what is learnt of the rows as they pass, and the time that it takes.

use crate::domain::Row;
use crate::tally::Tally;
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

/// The tally of a run, and the time that it took.
#[derive(Debug, Default)]
pub(super) struct Timed {
    tally: Tally,
    spent: Duration,
}

impl Timed {
    /// Nothing seen yet; `component` is the lower-case name of what is read.
    pub(super) fn new(component: &str) -> Self {
        Self { tally: Tally::new(component), spent: Duration::ZERO }
    }

    /// Learns from a batch.
    pub(super) fn add(&mut self, rows: &[Row]) {
        let start = Instant::now();
        rows.iter().for_each(|row| self.tally.add(row));
        self.spent += start.elapsed();
    }

    /// Takes back what was learnt of rows that are left out; their columns stay, as other rows of the same ids have them.
    pub(super) fn remove(&mut self, rows: &[Row]) {
        rows.iter().for_each(|row| self.tally.remove(row));
    }

    /// What was learnt.
    pub(super) fn finish(&self) -> Learnt {
        let start = Instant::now();
        let (columns, aggr) = (self.tally.columns(), self.tally.charts());
        let paths = self.tally.paths(&columns);
        Learnt { columns, paths, aggr, seconds: (self.spent + start.elapsed()).as_secs_f64() }
    }
}
