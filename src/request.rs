//! Requesting a report: what the API, the timetable and the demo do alike.

use crate::app::App;
use crate::broker::BrokerError;
use crate::domain::{Component, NewReport, OwnerId, ReportId, ReportType, Status, TableName};
use crate::enqueue::enqueue;
use crate::filter::{self, FilterError};
use crate::store::{End, StoreError};
use crate::task::{Envelope, Task};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// A report to be made.
#[derive(Debug, Clone)]
pub struct Request {
    /// The report.
    pub report: ReportId,
    /// On whose behalf.
    pub owner: OwnerId,
    /// General or pivot.
    pub kind: ReportType,
    /// The component; required for a general report.
    pub component: Option<Component>,
    /// The filters as the caller sent them: a JSON value, or a text of JSON.
    pub filters: Value,
    /// A name for people; empty for none.
    pub name: String,
    /// The id of the task; `None` for a random one.
    pub task_id: Option<String>,
}

/// A report that is on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Requested {
    /// The task's id.
    pub task_id: String,
    /// The table that it will fill.
    pub table: TableName,
    /// The component or entity that is read first.
    pub component: Component,
}

/// Why a report is not on its way.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// A filter is not understood.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A general report needs a component.
    #[error("a general report needs a component such as Servers")]
    NoComponent,
    /// The registry did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not take it.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Checks the filters, records the report as `process` and enqueues its task.
///
/// # Errors
/// See [`RequestError`]; whatever goes wrong after the record was made leaves it in `error`.
pub async fn launch(app: &App, request: Request, now: DateTime<Utc>) -> Result<Requested, RequestError> {
    let filters = filter::decode(&request.filters)?;
    let (component, task) = compile(&request, &filters)?;
    let mut envelope = Envelope::new(task);
    if let Some(id) = &request.task_id {
        envelope.id.clone_from(id);
    }
    envelope.requested_at = Some(now);
    let table = TableName::new(request.report, request.kind);
    let report = NewReport {
        table,
        name: request.name,
        component: component.to_string(),
        filters,
        owner: request.owner,
        task_id: envelope.id.clone(),
    };
    if let Some(store) = &app.store {
        store.request(&report, now).await?;
    }
    if let Err(error) = enqueue(app, &app.config.broker.queue, &envelope).await {
        give_up(app, &table, &envelope.id, &error.to_string(), now).await;
        return Err(error.into());
    }
    Ok(Requested { task_id: envelope.id, table, component })
}

/// Tells the platform that a report cannot be made, so that its record there does not stay in `process`.
///
/// # Errors
/// Where the queue does not take the message.
pub async fn refuse(app: &App, report: ReportId, message: &str) -> Result<(), BrokerError> {
    let task = Task::Notification { report, message: message.to_owned(), status: Status::Error, more: Map::new() };
    enqueue(app, &app.config.broker.queue, &Envelope::new(task)).await
}

fn compile(request: &Request, filters: &Value) -> Result<(Component, Task), RequestError> {
    let (owner, report) = (request.owner, request.report);
    match request.kind {
        ReportType::General => {
            let component = request.component.clone().ok_or(RequestError::NoComponent)?;
            let filter::GeneralQuery { query, residual } = filter::general(filters)?;
            Ok((component.clone(), Task::General { owner, report, component, query, residual }))
        }
        ReportType::Pivot => {
            let filter::PivotQuery { entity, pipeline, residual } = filter::pivot(filters, owner)?;
            Ok((entity.clone(), Task::Pivot { owner, report, entity, pipeline, residual }))
        }
    }
}

async fn give_up(app: &App, table: &TableName, task_id: &str, message: &str, now: DateTime<Utc>) {
    let Some(store) = &app.store else { return };
    let end = End { status: Status::Error, message: message.to_owned(), stages: Default::default(), at: now };
    if let Err(error) = store.end(table, task_id, &end).await {
        log::error!("report {}: its failure could not be recorded: {error}", table.report);
    }
}
