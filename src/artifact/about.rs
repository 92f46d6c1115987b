//! What an artifact tells besides its rows.

use super::Layout;
use crate::domain::{OwnerId, Report};
use crate::filter;
use chrono::{DateTime, Utc};

/// The report that an artifact is of, and which of its rows it holds.
#[derive(Debug, Clone)]
pub struct About {
    /// The report's name, or else its table's.
    pub name: String,
    /// What was reported on, such as `Servers`; empty where it is not known.
    pub component: String,
    /// On whose behalf the rows were read.
    pub owner: Option<OwnerId>,
    /// The report's filters in words, one each.
    pub conditions: Vec<String>,
    /// Which of the report's rows were asked for, in words; empty: all.
    pub selection: Vec<String>,
    /// When the rows were read from the inventory.
    pub taken_at: DateTime<Utc>,
    /// How many rows match, and what page of them this is.
    pub place: Place,
    /// How many rows the artifact holds.
    pub rows: u64,
    /// The chart counts of the whole report, `aggr` of contract §7.
    pub charts: serde_json::Value,
    /// The columns; empty for formats that do without.
    pub layout: Layout,
}

/// The place of an artifact's rows in the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Rows that match.
    pub found: u64,
    /// Pages of this size.
    pub total_pages: u64,
    /// This page, from 1.
    pub page: u64,
    /// Rows on a page.
    pub limit: u64,
}

impl Place {
    /// All rows on one page.
    #[must_use]
    pub fn whole(found: u64) -> Self {
        Self { found, total_pages: 1, page: 1, limit: found }
    }
}

impl About {
    /// What a report's record tells.
    #[must_use]
    pub fn of(report: Report, layout: Layout, selection: Vec<String>, place: Place, rows: u64) -> Self {
        Self {
            name: if report.name.is_empty() { report.table.to_string() } else { report.name },
            component: report.component,
            owner: report.owner,
            conditions: filter::words(&report.filters),
            selection,
            taken_at: report.ended_at.unwrap_or(report.requested_at),
            place,
            rows,
            charts: report.aggr,
            layout,
        }
    }

    /// The conditions, or in words that there are none.
    pub(super) fn conditions_or_none(&self) -> Vec<String> {
        if self.conditions.is_empty() {
            return vec!["none: every row that the owner may read".to_owned()];
        }
        self.conditions.clone()
    }

    /// `10,000 of 90,000 rows`, or `90,000 rows` where none is left out.
    #[must_use]
    pub fn count(&self) -> String {
        let found = self.place.found;
        let word = if found == 1 { "row" } else { "rows" };
        if self.rows < found {
            format!("{} of {} {word}", grouped(self.rows), grouped(found))
        } else {
            format!("{} {word}", grouped(found))
        }
    }
}

/// A number with commas between thousands.
pub(crate) fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_says_what_is_left_out() {
        let about = |rows, found| About {
            name: String::new(),
            component: String::new(),
            owner: None,
            conditions: Vec::new(),
            selection: Vec::new(),
            taken_at: DateTime::default(),
            place: Place { found, ..Place::default() },
            rows,
            charts: serde_json::Value::Null,
            layout: Layout::default(),
        };
        assert_eq!(about(10_000, 1_234_567).count(), "10,000 of 1,234,567 rows");
        assert_eq!(about(1, 1).count(), "1 row");
        assert_eq!(about(0, 0).count(), "0 rows");
    }
}
