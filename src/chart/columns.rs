//! The columns of a table: fields seen, in display order.

use crate::domain::Row;

/// The top-level fields that are not null, collected row by row.
#[derive(Debug, Default)]
pub struct Columns {}

impl Columns {
    /// Notes the fields of one row.
    pub fn add(&mut self, row: &Row) {
        let _ = row;
    }

    /// The columns in display order (contract §6.4).
    #[must_use]
    pub fn finish(&self) -> Vec<String> {
        Vec::new()
    }
}
