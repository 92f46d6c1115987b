//! *webhook*: where the batches of a run go.
//!
//! Two sinks: the report store, or the Reports API of another host for a worker that has none (`MAESTRO_UPLOAD=api`).

use super::StageError;
use crate::app::App;
use crate::domain::{Batch, BatchRun, JsonRow, Row, Status, TableName};
use crate::peers::Peers;
use crate::store::{Outcome, Staged, Staging, Store};
use async_trait::async_trait;
use chrono::Utc;
use serde_json::Value;
use std::sync::Arc;

/// A place for the rows of one run: nobody reads them before `commit`.
#[async_trait(?Send)]
pub(super) trait Sink {
    /// How many batches may be written at once.
    fn at_once(&self) -> usize;

    /// Writes the batch of this number, counted from 0.
    async fn write(&self, number: u64, rows: Vec<Row>) -> Result<Staged, StageError>;

    /// Puts the rows of so many batches in place of the readable ones.
    async fn commit(&self, batches: u64, outcome: &Outcome) -> Result<(), StageError>;

    /// Drops the rows written.
    async fn abort(&self) -> Result<(), StageError>;
}

/// Opens the sink that the configuration chose, empty.
///
/// # Errors
/// Where the store does not begin the run.
pub(super) async fn open(app: &App, table: TableName, run_id: &str) -> Result<Box<dyn Sink>, StageError> {
    match &app.store {
        Some(store) => {
            let staging = store.begin(&table, run_id, Utc::now()).await?;
            Ok(Box::new(StoreSink { store: Arc::clone(store), staging }))
        }
        None => Ok(Box::new(ApiSink { peers: app.peers.clone(), table, run_id: run_id.to_owned() })),
    }
}

/// Adds rows to a readable table: what `webhook.api` asks for.
///
/// # Errors
/// See [`StageError`].
pub(super) async fn append(app: &App, table: &TableName, rows: Vec<Row>) -> Result<(), StageError> {
    match &app.store {
        Some(store) => drop(store.append(table, rows).await?),
        None => {
            let batch = Batch { colname: *table, results: json(&rows), run_id: None, batch: 0, last: false, run: None };
            app.peers.post_batch(&batch).await?;
        }
    }
    Ok(())
}

/// The body that ends a run at the other host without rows: its old ones stay readable.
pub(super) fn failed_run<'a>(table: TableName, run_id: &str, message: &str) -> Batch<JsonRow<'a>> {
    let run = BatchRun {
        status: Status::Error,
        message: message.to_owned(),
        rows: 0,
        columns: Vec::new(),
        paths: Vec::new(),
        aggr: Value::Null,
        stages: Default::default(),
    };
    Batch { colname: table, results: Vec::new(), run_id: Some(run_id.to_owned()), batch: 0, last: true, run: Some(run) }
}

struct StoreSink {
    store: Arc<dyn Store>,
    staging: Staging,
}

#[async_trait(?Send)]
impl Sink for StoreSink {
    fn at_once(&self) -> usize {
        self.store.stages_at_once()
    }

    async fn write(&self, _: u64, rows: Vec<Row>) -> Result<Staged, StageError> {
        Ok(self.store.stage(&self.staging, rows).await?)
    }

    async fn commit(&self, _: u64, outcome: &Outcome) -> Result<(), StageError> {
        Ok(self.store.commit(&self.staging, outcome).await?)
    }

    async fn abort(&self) -> Result<(), StageError> {
        Ok(self.store.abort(&self.staging).await?)
    }
}

struct ApiSink {
    peers: Peers,
    table: TableName,
    run_id: String,
}

impl ApiSink {
    async fn post(&self, batch: u64, results: Vec<JsonRow<'_>>, run: Option<BatchRun>) -> Result<u64, StageError> {
        let last = run.is_some();
        let batch = Batch { colname: self.table, results, run_id: Some(self.run_id.clone()), batch, last, run };
        Ok(self.peers.post_batch(&batch).await?)
    }
}

#[async_trait(?Send)]
impl Sink for ApiSink {
    /// The other host begins the run with batch 0.
    fn at_once(&self) -> usize {
        1
    }

    /// Which rows were left out, the other host does not say.
    async fn write(&self, number: u64, rows: Vec<Row>) -> Result<Staged, StageError> {
        Ok(Staged { new: self.post(number, json(&rows), None).await?, again: Vec::new() })
    }

    async fn commit(&self, batches: u64, outcome: &Outcome) -> Result<(), StageError> {
        let run = BatchRun {
            status: outcome.status,
            message: outcome.message.clone(),
            rows: outcome.rows,
            columns: outcome.columns.clone(),
            paths: outcome.paths.clone(),
            aggr: outcome.aggr.clone(),
            stages: outcome.stages.clone(),
        };
        self.post(batches, Vec::new(), Some(run)).await.map(drop)
    }

    async fn abort(&self) -> Result<(), StageError> {
        // The other host drops what it staged when the run begins again, or when it is told of the failure.
        Ok(())
    }
}

fn json(rows: &[Row]) -> Vec<JsonRow<'_>> {
    rows.iter().map(|row| JsonRow(row)).collect()
}
