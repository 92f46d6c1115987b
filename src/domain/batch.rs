//! Rows on their way to the Reports API of another host: the body of `POST /reports`.

use super::{StageSeconds, Status, TableName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The body of `POST /reports`.
///
/// Today's fields are `colname` and `results`; with these alone the rows are appended. With `run_id` the rows belong to
/// a run: batch 0 starts its staging, the batch marked `last` puts it in place of the readable rows (or, with status
/// `error`, drops it).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch<R = Map<String, Value>> {
    /// The table.
    pub colname: TableName,
    /// The rows as JSON: ids as 24 hex digits, dates as ISO 8601 texts.
    pub results: Vec<R>,
    /// The run that they belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The batch's number in the run, from 0.
    #[serde(default)]
    pub batch: u64,
    /// Whether this is the run's last batch.
    #[serde(default)]
    pub last: bool,
    /// What a last batch says of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<BatchRun>,
}

/// What the last batch says of the whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchRun {
    /// How it ended.
    pub status: Status,
    /// For people.
    pub message: String,
    /// Rows of the run: the sum of the answers' `nUpserted`.
    pub rows: u64,
    /// Columns in display order.
    pub columns: Vec<String>,
    /// Flattened columns.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Chart counts.
    pub aggr: Value,
    /// Seconds of each stage.
    pub stages: StageSeconds,
}
