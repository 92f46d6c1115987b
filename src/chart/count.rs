//! Counting values for the charts, row by row.

use crate::domain::Row;
use serde_json::Value;

/// The counts of every rule over the rows seen so far.
#[derive(Debug, Default)]
pub struct Counts {}

impl Counts {
    /// Starts counting for a component (its lower-case path: some rules hold for one component only).
    #[must_use]
    pub fn new(component: &str) -> Self {
        let _ = component;
        Self {}
    }

    /// Counts one row.
    pub fn add(&mut self, row: &Row) {
        let _ = row;
    }

    /// `aggr` of the contract: `key → {"aggr": {"label": […], "data": […]}, "opts": {…}}`, most frequent first.
    #[must_use]
    pub fn finish(&self) -> Value {
        Value::Null
    }
}
