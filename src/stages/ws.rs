//! *ws*: the owner's browsers are told that a report has ended.

use super::StageError;
use crate::app::App;
use crate::domain::{OwnerId, ReportId, ReportType};
use crate::task::Notice;

/// Tells the WebSocket service.
///
/// # Errors
/// Where it does not take it.
pub(super) async fn run(
    app: &App,
    kind: ReportType,
    report: ReportId,
    owner: OwnerId,
    notice: Notice,
) -> Result<(), StageError> {
    Ok(app.peers.notify(kind, report, owner, notice).await?)
}
