//! *upload*: the stream of a run: rows from a source, cut into batches, counted, written, a few batches in flight.
//!
//! The source fills batches on its reading thread and waits while `MAESTRO_BATCHES_IN_FLIGHT` of them are not yet
//! written, so a slow sink slows the fetch down and memory stays flat whatever the number of rows.

use super::aggregation::{Learnt, Timed};
use super::batcher::Batcher;
use super::progress::{self, Found, Mark};
use super::webhook::{self, Sink};
use super::write::{self, Written};
use super::{StageError, announce};
use crate::app::App;
use crate::domain::{OwnerId, Row, Status, TableName};
use crate::filter::matcher::Matcher;
use crate::metrics;
use crate::peers::{Peers, TakeRow};
use crate::store::Outcome;
use chrono::Utc;
use std::time::Instant;
use tokio::sync::mpsc;

/// What the owner reads where nothing was found.
const EMPTY: &str = "This report is empty";

/// Where a run's rows come from.
pub(super) trait Source {
    /// Hands every row to the batcher and gives it back, with the number of answers that the rows came in.
    async fn read(self, peers: &Peers, batcher: Batcher) -> Result<(Batcher, u64), StageError>;
}

/// One run of a report.
pub(super) struct Run<'a> {
    /// The process's parts.
    pub(super) app: &'a App,
    /// The task, which names the run.
    pub(super) task_id: &'a str,
    /// The first of the tasks of which it is one.
    pub(super) root_id: &'a str,
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
        announce::success(&self, &outcome).await?;
        self.index().await;
        Ok(())
    }

    /// Indexes the rows once everybody is told of them: they can be read without.
    async fn index(&self) {
        if let Some(store) = &self.app.store
            && let Err(error) = store.index(&self.table).await
        {
            log::warn!("report {}: pages of it are slow, its rows could not be indexed: {error}", self.table.report);
        }
    }

    /// The outcome of this very run, where it is already committed.
    async fn committed(&self) -> Result<Option<Outcome>, StageError> {
        let Some(store) = &self.app.store else { return Ok(None) };
        let Some(report) = store.report(&self.table).await? else { return Ok(None) };
        if !report.is_made_by(self.task_id) {
            return Ok(None);
        }
        Ok(Some(Outcome {
            status: report.status,
            message: report.message,
            rows: report.rows,
            columns: report.columns,
            paths: report.paths.unwrap_or_default(),
            aggr: report.aggr,
            stages: report.stages,
            ended_at: report.ended_at.unwrap_or_default(),
        }))
    }

    async fn commit(&self, shape: Shape<'_>, source: impl Source) -> Result<Outcome, StageError> {
        let sink = webhook::open(self.app, self.table, self.task_id).await?;
        let committed = match self.fill(sink.as_ref(), shape, source).await {
            Ok((batches, outcome)) => {
                progress::tell(Mark::Commits);
                sink.commit(batches, &outcome).await.map(|()| outcome)
            }
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
        let (stage, mut tally, found) = (shape.stage, Timed::new(&shape.component), Found::default());
        let fetching = fetch(&self.app.peers, source, Batcher::new(shape, stages.batch_rows, found.clone(), sender));
        let (fetched, written) = futures_util::join!(fetching, write::all(sink, batches, &found, &mut tally));
        // A sink that fails stops the source, so its error is the one to tell.
        let Written { batches, rows, again, seconds: write_seconds } = written?;
        let (fetch_seconds, answers) = fetched?;
        if answers > 1 && again > 0 {
            return Err(StageError::RowsMoved { again });
        }
        let Learnt { columns, paths, aggr, seconds: tally_seconds } = tally.finish();
        let seconds = [(stage, fetch_seconds), ("aggregation", tally_seconds), ("webhook", write_seconds)];
        let outcome = Outcome {
            status: if rows == 0 { Status::Warning } else { Status::Finished },
            message: message(rows, again),
            rows,
            columns,
            paths,
            aggr,
            stages: seconds.into_iter().map(|(stage, spent)| (stage.to_owned(), spent)).collect(),
            ended_at: Utc::now(),
        };
        Ok((batches, outcome))
    }
}

/// Reads the source to its end, the last batch included; the seconds, and the number of answers.
async fn fetch(peers: &Peers, source: impl Source, batcher: Batcher) -> Result<(f64, u64), StageError> {
    let start = Instant::now();
    let (batcher, answers) = source.read(peers, batcher).await?;
    batcher.finish().await;
    Ok((start.elapsed().as_secs_f64(), answers))
}

/// What the owner should know of a report of so many rows, besides those that were left out.
fn message(rows: u64, again: u64) -> String {
    match (rows, again) {
        (0, _) => EMPTY.to_owned(),
        (_, 0) => String::new(),
        (_, 1) => "1 row had the _id of a row before it and was left out".to_owned(),
        (_, again) => format!("{again} rows had the _id of a row before them and were left out"),
    }
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
    async fn read(self, _: &Peers, mut batcher: Batcher) -> Result<(Batcher, u64), StageError> {
        let pass_on = move || {
            let _ = self.0.into_iter().all(|row| batcher.take(row));
            (batcher, 1)
        };
        tokio::task::spawn_blocking(pass_on).await.map_err(|_| StageError::Interrupted)
    }
}
