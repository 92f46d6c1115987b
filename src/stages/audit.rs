//! *audit*: the audit service gets the chart counts of a finished report.

use super::StageError;
use crate::app::App;
use crate::domain::ReportId;
use serde_json::Value;

/// Tells the audit service.
///
/// # Errors
/// Where it does not take it.
pub(super) async fn run(app: &App, report: ReportId, record: &Value) -> Result<(), StageError> {
    Ok(app.peers.audit(report, record).await?)
}
