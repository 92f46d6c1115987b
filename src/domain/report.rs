//! A report's record in the registry.

use super::{OwnerId, Status, TableName};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seconds spent in each stage of a run, by the stage's name.
pub type StageSeconds = BTreeMap<String, f64>;

/// What is known of a report when it is requested.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReport {
    /// The table that it fills: report id and type.
    pub table: TableName,
    /// A name for people; empty when the caller gave none.
    pub name: String,
    /// The component (general) or the entity at the root of the join (pivot).
    pub component: String,
    /// The filters as the caller sent them, JSON.
    pub filters: serde_json::Value,
    /// On whose behalf it runs.
    pub owner: OwnerId,
    /// The id of the task that runs it.
    pub task_id: String,
}

/// A report's record: what was asked, how its last run went, what its table holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The table that it fills: report id and type.
    pub table: TableName,
    /// A name for people; empty when unknown.
    pub name: String,
    /// The component (general) or the entity at the root of the join (pivot).
    pub component: String,
    /// The filters as the caller sent them, JSON.
    pub filters: serde_json::Value,
    /// On whose behalf it runs; `None` for tables written by the Python service.
    pub owner: Option<OwnerId>,
    /// Where the last run stands.
    pub status: Status,
    /// Why, for people.
    pub message: String,
    /// Rows in the readable table.
    pub rows: u64,
    /// The table's columns in display order.
    pub columns: Vec<String>,
    /// The table's flattened columns (`os.base`) in the order of its artifacts; `None` where they are not
    /// known.
    pub paths: Option<Vec<String>>,
    /// Grows with each change of the readable rows.
    pub revision: u64,
    /// The chart counts, contract §7: `key → {"aggr": {"label", "data"}, "opts"}`; JSON null until counted.
    pub aggr: serde_json::Value,
    /// Which generation of rows is readable; `None` before the first result.
    pub generation: Option<u64>,
    /// The id of the task of the last run.
    pub task_id: String,
    /// When the last run was requested.
    pub requested_at: DateTime<Utc>,
    /// When a worker began the last run.
    pub started_at: Option<DateTime<Utc>>,
    /// When the last run ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Seconds of each stage of the last run.
    pub stages: StageSeconds,
}

impl Report {
    /// Whether the run of this task has put the readable rows in place.
    #[must_use]
    pub fn is_made_by(&self, task_id: &str) -> bool {
        self.task_id == task_id && matches!(self.status, Status::Finished | Status::Warning)
    }
}
