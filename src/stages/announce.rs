//! What happens when a run has ended: the notices and the deliveries are enqueued, and a failure is recorded.

use super::deliver::{self, Ending};
use super::upload::Run;
use super::{StageError, webhook};
use crate::app::App;
use crate::broker::BrokerError;
use crate::domain::{OwnerId, Status, TableName};
use crate::enqueue::enqueue;
use crate::metrics;
use crate::store::{End, Outcome};
use crate::task::{Envelope, Notice, Task};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Tells of a committed run.
///
/// # Errors
/// Where the queue does not take the notices; the run is committed all the same.
pub(super) async fn success(run: &Run<'_>, outcome: &Outcome) -> Result<(), StageError> {
    let Run { app, task_id, root_id, table, owner } = *run;
    let (report, kind, status) = (table.report, table.kind, outcome.status);
    let parent = Some((task_id, root_id));
    let mut more = Map::new();
    let mut notice = Notice::Info;
    if status == Status::Finished {
        notice = Notice::Success;
        more.insert("columns".into(), Value::from(outcome.columns.clone()));
        more.insert("aggr".into(), outcome.aggr.clone());
    }
    publish(app, Task::Notification { report, message: outcome.message.clone(), status, more }, parent).await?;
    publish(app, Task::Ws { kind, report, owner, notice }, parent).await?;
    if status == Status::Finished {
        publish(app, Task::Audit { report, record: json!({"aggr": outcome.aggr}) }, parent).await?;
    }
    let (message, at) = (&*outcome.message, outcome.ended_at);
    Ok(deliver::announce(app, &table, Ending { run: task_id, status, message, at }).await?)
}

/// Records a failed run and, when it is not tried again, tells of it.
///
/// # Errors
/// Where either could not be done.
pub(super) async fn failure(
    app: &App,
    envelope: &Envelope,
    owner: OwnerId,
    message: &str,
    retry_in: Option<Duration>,
) -> Result<(), StageError> {
    let Some(table) = envelope.task.runs() else { return Ok(()) };
    let at = Utc::now();
    record(app, &envelope.id, &table, message, retry_in, at).await?;
    if retry_in.is_none() {
        tell_failure(app, &table, Some(owner), message, Some((&envelope.id, envelope.root()))).await?;
        deliver::announce(app, &table, Ending { run: &envelope.id, status: Status::Error, message, at }).await?;
        metrics::report_ended(table.kind, Status::Error);
    }
    Ok(())
}

/// Tells the platform, and the owner's browsers where the owner is known, that a report has failed.
///
/// # Errors
/// Where the queue does not take a notice; the others are tried all the same.
pub(super) async fn tell_failure(
    app: &App,
    table: &TableName,
    owner: Option<OwnerId>,
    message: &str,
    parent: Option<(&str, &str)>,
) -> Result<(), BrokerError> {
    let (report, kind) = (table.report, table.kind);
    let notification =
        Task::Notification { report, message: message.to_owned(), status: Status::Error, more: Map::new() };
    let told = publish(app, notification, parent).await;
    match owner {
        Some(owner) => told.and(publish(app, Task::Ws { kind, report, owner, notice: Notice::Error }, parent).await),
        None => told,
    }
}

async fn record(
    app: &App,
    task_id: &str,
    table: &TableName,
    message: &str,
    retry_in: Option<Duration>,
    at: DateTime<Utc>,
) -> Result<(), StageError> {
    let Some(store) = &app.store else {
        if retry_in.is_none() {
            app.peers.post_batch(&webhook::failed_run(*table, task_id, message)).await?;
        }
        return Ok(());
    };
    let (status, message) = match retry_in {
        Some(pause) => (Status::Process, format!("{message}; trying again in {:.0} s", pause.as_secs_f64().ceil())),
        None => (Status::Error, message.to_owned()),
    };
    let end = End { status, message, stages: Default::default(), at };
    Ok(store.end(table, task_id, &end).await?)
}

/// Enqueues a task; `parent` is the id of the task that it comes from, and that of the first of all.
async fn publish(app: &App, task: Task, parent: Option<(&str, &str)>) -> Result<(), BrokerError> {
    let mut envelope = Envelope::new(task);
    if let Some((id, root)) = parent {
        envelope = envelope.child_of(id, root);
    }
    enqueue(app, &app.config.broker.queue, &envelope).await
}
