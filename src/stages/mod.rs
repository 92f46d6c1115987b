//! The stages of a report: what each task does. A report passes through here from top to bottom.
//!
//! ```text
//! general | pivot    ask the Data API; every row goes straight on
//!   upload           has the rows cut into batches (batcher), a few in flight
//!   aggregation      counts the charts and notes the columns
//!   write            several batches at once, where the store makes use of it
//!   webhook          writes a batch: to the store, or to the Reports API of another host
//! announce           enqueues the three notices, each a task of its own, and a delivery for each endpoint
//!   notification  audit  ws
//!   deliver          sends the rows to a user's endpoint
//! ```

mod aggregation;
mod announce;
mod audit;
mod batcher;
mod deliver;
mod error;
mod general;
mod notification;
mod pivot;
mod progress;
mod upload;
mod webhook;
mod write;
mod ws;

pub use batcher::BATCH_BYTES;
pub use deliver::{AnnounceError, DeliveryError, Ending, announce as announce_deliveries};
pub use error::StageError;
pub use general::read_pages;
pub use progress::{Mark, watched};

use crate::app::App;
use crate::broker::BrokerError;
use crate::domain::{OwnerId, ReportType, TableName};
use crate::task::{Deliver, Envelope, Task};
use std::time::Duration;
use upload::Run;

/// How far a task has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// All of its work is done.
    Done,
    /// It makes way for others and goes on from here.
    More(Box<Deliver>),
    /// A newer run has replaced the rows that it was to send.
    Replaced,
    /// The table or the endpoint was removed.
    Removed,
}

/// Runs one task to its end, or a delivery for a while. Running it twice leaves the same rows.
///
/// # Errors
/// With a message that the report's owner understands; [`StageError::verdict`] says whether to try again. A run that
/// another has taken over ends with `Superseded`: the other tells of the report.
pub async fn run(app: &App, envelope: &Envelope) -> Result<Progress, StageError> {
    let (task_id, root_id) = (envelope.id.as_str(), envelope.root());
    let run = |report, kind, owner| Run { app, task_id, root_id, table: TableName::new(report, kind), owner };
    let done = match &envelope.task {
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
        Task::Deliver(deliver) => return deliver::run(app, deliver).await,
        Task::Ping => Ok(()),
    };
    done.map(|()| Progress::Done)
}

/// Tells the platform, and the owner's browsers where the owner is known, that a report was ended in `error`.
///
/// # Errors
/// Where the queue does not take a notice.
pub async fn tell_failure(
    app: &App,
    table: &TableName,
    owner: Option<OwnerId>,
    message: &str,
) -> Result<(), BrokerError> {
    announce::tell_failure(app, table, owner, message, None).await
}

/// Tells everybody concerned that a task has failed: a task that runs a report ends it in `error` with this message.
/// `retry_in` is set where the task will be tried again; then the report stays in `process` and says so.
///
/// # Errors
/// Where store or queue do not take it: the report has not ended.
pub async fn failed(
    app: &App,
    envelope: &Envelope,
    message: &str,
    retry_in: Option<Duration>,
) -> Result<(), StageError> {
    match &envelope.task {
        Task::General { owner, .. } | Task::Pivot { owner, .. } | Task::Upload { owner, .. } => {
            announce::failure(app, envelope, *owner, message, retry_in).await
        }
        // Nothing waits for these but their own retries and the dead letters.
        Task::Webhook { .. }
        | Task::Notification { .. }
        | Task::Audit { .. }
        | Task::Ws { .. }
        | Task::Deliver(_)
        | Task::Ping => Ok(()),
    }
}
