//! *upload*: the stream of a run: rows from a source, cut into batches, counted, written, a few batches in flight.
//!
//! The source fills batches on its reading thread and waits while `MAESTRO_BATCHES_IN_FLIGHT` of them are not yet
//! written, so a slow sink slows the fetch down and memory stays flat whatever the number of rows.

use super::aggregation::Tally;
use super::webhook::{self, Sink};
use super::write::{self, Written};
use super::{StageError, announce};
use crate::app::App;
use crate::domain::{OwnerId, Row, Status, TableName};
use crate::filter::matcher::Matcher;
use crate::metrics;
use crate::peers::{Peers, TakeRow};
use crate::store::Outcome;
use bson::oid::ObjectId;
use bson::{Bson, RawDocument};
use chrono::Utc;
use sha2::{Digest, Sha256};
use std::time::Instant;
use tokio::sync::mpsc;

/// A batch ends with the row that reaches this many bytes, however few rows it has: memory stays flat for large rows too,
/// and a batch fits into one message of MongoDB.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// What the owner reads where nothing was found.
const EMPTY: &str = "This report is empty";

/// Where a run's rows come from.
pub(super) trait Source {
    /// Hands every row to the batcher and gives it back.
    async fn read(self, peers: &Peers, batcher: Batcher) -> Result<Batcher, StageError>;
}

/// One run of a report.
pub(super) struct Run<'a> {
    /// The process's parts.
    pub(super) app: &'a App,
    /// The task, which names the run.
    pub(super) task_id: &'a str,
    /// The table to fill.
    pub(super) table: TableName,
    /// On whose behalf.
    pub(super) owner: OwnerId,
}

/// What a stream needs to know of its rows.
pub(super) struct Shape<'a> {
    /// The first stage's name, for the record's seconds.
    pub(super) stage: &'static str,
    /// The lower-case component at the root.
    pub(super) component: String,
    /// A condition that rows must meet besides the query.
    pub(super) residual: Option<Matcher>,
    /// Components joined into each row: its `_id` is made from theirs.
    pub(super) joined: &'a [String],
}

impl Run<'_> {
    /// Takes every row of the source to the sink, commits, and enqueues the notices.
    ///
    /// # Errors
    /// See [`StageError`]; the readable table is as it was.
    pub(super) async fn stream(self, shape: Shape<'_>, source: impl Source) -> Result<(), StageError> {
        let outcome = match self.committed().await? {
            // Delivered again after the commit: only the notices may be missing.
            Some(outcome) => outcome,
            None => {
                let outcome = self.commit(shape, source).await?;
                metrics::report(self.table.kind, outcome.status, outcome.rows, &outcome.stages);
                outcome
            }
        };
        announce::success(self.app, &self.table, self.owner, &outcome).await
    }

    /// The outcome of this very run, where it is already committed.
    async fn committed(&self) -> Result<Option<Outcome>, StageError> {
        let Some(store) = &self.app.store else { return Ok(None) };
        let Some(report) = store.report(&self.table).await? else { return Ok(None) };
        if report.task_id != self.task_id || !matches!(report.status, Status::Finished | Status::Warning) {
            return Ok(None);
        }
        Ok(Some(Outcome {
            status: report.status,
            message: report.message,
            rows: report.rows,
            columns: report.columns,
            aggr: report.aggr,
            stages: report.stages,
            ended_at: report.ended_at.unwrap_or_default(),
        }))
    }

    async fn commit(&self, shape: Shape<'_>, source: impl Source) -> Result<Outcome, StageError> {
        let sink = webhook::open(self.app, self.table, self.task_id).await?;
        let committed = match self.fill(sink.as_ref(), shape, source).await {
            Ok((batches, outcome)) => sink.commit(batches, &outcome).await.map(|()| outcome),
            Err(error) => Err(error),
        };
        if committed.is_err()
            && let Err(left) = sink.abort().await
        {
            log::warn!("report {}: its staged rows were not removed: {left}", self.table.report);
        }
        committed
    }

    /// Takes every row to the sink; how many batches there were, and the outcome.
    async fn fill(&self, sink: &dyn Sink, shape: Shape<'_>, source: impl Source) -> Result<(u64, Outcome), StageError> {
        let stages = &self.app.config.stages;
        let (sender, batches) = mpsc::channel(stages.batches_in_flight);
        let batcher = Batcher {
            residual: shape.residual,
            joined: shape.joined.to_vec(),
            tally: Tally::new(&shape.component),
            batch: Vec::with_capacity(stages.batch_rows),
            bytes: 0,
            batch_rows: stages.batch_rows,
            sender,
        };
        let (fetched, written) =
            futures_util::join!(fetch(&self.app.peers, source, batcher), write::all(sink, batches));
        // A sink that fails stops the source, so its error is the one to tell.
        let Written { batches, rows, seconds: write_seconds } = written?;
        let (tally, fetch_seconds) = fetched?;
        let (columns, aggr, tally_seconds) = tally.finish();
        let seconds = [(shape.stage, fetch_seconds), ("aggregation", tally_seconds), ("webhook", write_seconds)];
        let outcome = Outcome {
            status: if rows == 0 { Status::Warning } else { Status::Finished },
            message: if rows == 0 { EMPTY.to_owned() } else { String::new() },
            rows,
            columns,
            aggr,
            stages: seconds.into_iter().map(|(stage, spent)| (stage.to_owned(), spent)).collect(),
            ended_at: Utc::now(),
        };
        Ok((batches, outcome))
    }
}

/// Reads the source to its end, the last batch included; what was learnt of the rows, and the seconds.
async fn fetch(peers: &Peers, source: impl Source, batcher: Batcher) -> Result<(Tally, f64), StageError> {
    let start = Instant::now();
    let mut batcher = source.read(peers, batcher).await?;
    let last = batcher.cut();
    if !last.is_empty() {
        // Nobody takes it where the sink has failed, and then that error is told.
        let _ = batcher.sender.send(last).await;
    }
    Ok((batcher.tally, start.elapsed().as_secs_f64()))
}

/// Cuts rows into batches on the reading thread.
pub(super) struct Batcher {
    residual: Option<Matcher>,
    joined: Vec<String>,
    tally: Tally,
    batch: Vec<Row>,
    /// Bytes of the rows in `batch`.
    bytes: usize,
    batch_rows: usize,
    sender: mpsc::Sender<Vec<Row>>,
}

impl Batcher {
    fn cut(&mut self) -> Vec<Row> {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(self.batch_rows));
        self.bytes = 0;
        self.tally.add(&batch);
        batch
    }
}

impl TakeRow for Batcher {
    fn take(&mut self, mut row: Row) -> bool {
        if !self.residual.as_ref().is_none_or(|residual| residual.matches(&row)) {
            return true;
        }
        if !self.joined.is_empty() {
            row = row.with_id(joined_id(&row, &self.joined));
        }
        self.bytes += row.as_bytes().len();
        self.batch.push(row);
        if self.batch.len() < self.batch_rows && self.bytes < BATCH_BYTES {
            return true;
        }
        let batch = self.cut();
        self.sender.blocking_send(batch).is_ok()
    }
}

/// The id of a joined row: the same for the same ids joined, different for any others.
fn joined_id(row: &RawDocument, joined: &[String]) -> ObjectId {
    let id = |document: &RawDocument| {
        let id = document.get("_id").ok().flatten()?;
        Bson::try_from(id).ok().map(|id| id.to_string())
    };
    let others = joined.iter().map(|name| row.get_document(name).ok().and_then(id));
    let mut hash = Sha256::new();
    for id in std::iter::once(id(row)).chain(others) {
        hash.update(id.as_deref().unwrap_or("-"));
        hash.update("/");
    }
    let mut bytes = [0; 12];
    bytes.copy_from_slice(&hash.finalize()[..12]);
    ObjectId::from_bytes(bytes)
}

/// Stores rows that came with the task itself (`upload.api`).
///
/// # Errors
/// See [`StageError`].
pub(super) async fn given(run: Run<'_>, rows: &[Row]) -> Result<(), StageError> {
    let shape = Shape { stage: "upload", component: String::new(), residual: None, joined: &[] };
    run.stream(shape, Given(rows.to_vec())).await
}

struct Given(Vec<Row>);

impl Source for Given {
    async fn read(self, _: &Peers, mut batcher: Batcher) -> Result<Batcher, StageError> {
        let pass_on = move || {
            let _ = self.0.into_iter().all(|row| batcher.take(row));
            batcher
        };
        tokio::task::spawn_blocking(pass_on).await.map_err(|_| StageError::Interrupted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;

    #[test]
    fn a_joined_row_has_the_id_of_its_parts() {
        let joined = ["systems".to_owned(), "servers".to_owned()];
        let row = |system: i32| rawdoc! {"_id": 1, "systems": {"_id": system}, "servers": {"_id": 3}};
        assert_eq!(joined_id(&row(2), &joined), joined_id(&row(2), &joined));
        assert_ne!(joined_id(&row(2), &joined), joined_id(&row(4), &joined));
        assert_ne!(joined_id(&rawdoc! {"_id": 1, "systems": {"_id": 2}}, &joined), joined_id(&row(2), &joined));
    }
}
