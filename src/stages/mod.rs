//! The stages of a report: what each task does. A report passes through here from top to bottom.
//!
//! ```text
//! general | pivot    ask the Data API; every row goes straight on
//!   aggregation      counts the charts and notes the columns
//!   upload           cuts the rows into batches, a few in flight
//!   webhook          writes a batch: to the store, or to the Reports API of another host
//! announce           enqueues the three notices, each a task of its own
//!   notification  audit  ws
//! ```

mod aggregation;
mod announce;
mod audit;
mod error;
mod general;
mod notification;
mod pivot;
mod upload;
mod webhook;
mod ws;

pub use error::StageError;
pub use general::read_pages;

use crate::app::App;
use crate::domain::{ReportType, TableName};
use crate::store::StoreError;
use crate::task::{Envelope, Task};
use std::time::Duration;
use upload::Run;

/// Runs one task to its end. Running it twice leaves the same rows. A run that a newer one of the same report has taken
/// over ends quietly: the newer one tells of the report.
///
/// # Errors
/// With a message that the report's owner understands; [`StageError::verdict`] says whether to try again.
pub async fn run(app: &App, envelope: &Envelope) -> Result<(), StageError> {
    match dispatch(app, envelope).await {
        Err(StageError::Store(taken_over @ StoreError::Superseded { .. })) => {
            log::warn!(task = envelope.id.as_str(); "{taken_over}; this one ends");
            Ok(())
        }
        other => other,
    }
}

async fn dispatch(app: &App, envelope: &Envelope) -> Result<(), StageError> {
    let run = |report, kind, owner| Run { app, task_id: &envelope.id, table: TableName::new(report, kind), owner };
    match &envelope.task {
        Task::General { owner, report, component, query, residual } => {
            general::run(run(*report, ReportType::General, *owner), component, query, residual.as_ref()).await
        }
        Task::Pivot { owner, report, entity, pipeline, residual } => {
            pivot::run(run(*report, ReportType::Pivot, *owner), entity, pipeline, residual.as_ref()).await
        }
        Task::Upload { owner, report, kind, rows } => upload::given(run(*report, *kind, *owner), rows).await,
        Task::Webhook { table, rows } => webhook::append(app, table, rows.clone()).await,
        Task::Notification { report, message, status, more } => {
            notification::run(app, *report, message, *status, more).await
        }
        Task::Audit { report, record } => audit::run(app, *report, record).await,
        Task::Ws { kind, report, owner, notice } => ws::run(app, *kind, *report, *owner, *notice).await,
    }
}

/// Tells everybody concerned that a task has failed: a task that runs a report ends it in `error` with this message.
/// `retry_in` is set where the task will be tried again; then the report stays in `process` and says so.
pub async fn failed(app: &App, envelope: &Envelope, message: &str, retry_in: Option<Duration>) {
    match &envelope.task {
        Task::General { owner, .. } | Task::Pivot { owner, .. } | Task::Upload { owner, .. } => {
            announce::failure(app, envelope, *owner, message, retry_in).await;
        }
        // Nothing waits for these but their own retries and the dead letters.
        Task::Webhook { .. } | Task::Notification { .. } | Task::Audit { .. } | Task::Ws { .. } => {}
    }
}
