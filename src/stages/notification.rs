//! *notification*: the platform's record of a report gets its status, columns and chart counts.

use super::StageError;
use crate::app::App;
use crate::domain::{ReportId, Status};
use serde_json::{Map, Value};

/// Tells the Data API.
///
/// # Errors
/// Where it does not take it.
pub(super) async fn run(
    app: &App,
    report: ReportId,
    message: &str,
    status: Status,
    more: &Map<String, Value>,
) -> Result<(), StageError> {
    Ok(app.peers.put_report(report, status, message, more).await?)
}
