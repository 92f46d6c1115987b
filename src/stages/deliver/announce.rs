//! Deliveries begin when a run has ended: one task for each endpoint, in a queue of their own.

use crate::app::App;
use crate::broker::BrokerError;
use crate::config::NamedEndpoint;
use crate::domain::{Endpoint, Status, TableName};
use crate::enqueue::enqueue;
use crate::store::StoreError;
use crate::task::{Deliver, Envelope, RunRows, Task};
use chrono::{DateTime, Utc};

/// The key of the endpoint that a report itself has.
pub(super) const REPORT_KEY: &str = "report";

/// The key of an endpoint of the configuration.
pub(super) fn named_key(name: &str) -> String {
    format!("all:{name}")
}

/// Why the deliveries of an ended run did not begin.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// The store was not read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not take a task.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The run: its task's id.
    pub run: &'a str,
    /// Finished, warning or error.
    pub status: Status,
    /// Why, for people.
    pub message: &'a str,
    /// When.
    pub at: DateTime<Utc>,
}

/// Begins a delivery to each endpoint of the table's report. Saying twice that a run has ended makes messages of the same
/// ids. A process without a store leaves this to the host that has one.
///
/// # Errors
/// Where the store is not read or the queue does not take a task.
pub async fn announce(app: &App, table: &TableName, ending: Ending<'_>) -> Result<(), AnnounceError> {
    let Some(store) = &app.store else { return Ok(()) };
    let own = store.endpoint(table).await?.map(|endpoint| (REPORT_KEY.to_owned(), endpoint));
    let gets = |named: &&NamedEndpoint| named.reports.as_ref().is_none_or(|reports| reports.contains(&table.report));
    let named = app.config.webhooks.endpoints.iter().filter(gets);
    let named = named.map(|named| (named_key(&named.name), named.endpoint.clone()));
    let endpoints: Vec<(String, Endpoint)> = own.into_iter().chain(named).collect();
    if endpoints.is_empty() {
        return Ok(());
    }
    let rows = if ending.status == Status::Error { None } else { rows(app, table).await? };
    for (key, endpoint) in endpoints {
        let deliver = Deliver {
            table: *table,
            run: ending.run.to_owned(),
            endpoint: key,
            host: endpoint.url.host(),
            status: ending.status,
            message: ending.message.to_owned(),
            ended_at: ending.at,
            rows,
            batch: 0,
            sent: 0,
        };
        let id = deliver.task_id();
        let envelope = Envelope { id, ..Envelope::new(Task::Deliver(Box::new(deliver))) };
        enqueue(app, &app.config.broker.webhook_queue(), &envelope).await?;
    }
    Ok(())
}

/// The rows that the run has just left: its hold on the table keeps others from committing meanwhile.
async fn rows(app: &App, table: &TableName) -> Result<Option<RunRows>, AnnounceError> {
    let Some(store) = &app.store else { return Ok(None) };
    let webhooks = &app.config.webhooks;
    Ok(store.report(table).await?.and_then(|record| {
        Some(RunRows {
            generation: record.generation?,
            count: record.rows,
            batch_rows: webhooks.batch_rows,
            batch_bytes: webhooks.batch_bytes,
        })
    }))
}
