//! Artifacts of the store's tables: which columns, which rows, and their bytes as they become ready.
//!
//! Formats that are streamed are written where they are asked for, a row at a time. A document that is written as a whole
//! is made on a blocking thread, and only so many at a time: what they hold is bounded by settings.

pub mod command;

use crate::artifact::{About, Format, Layout, NoColumn, Options, Place, Render, RenderError};
use crate::domain::{Report, Row};
use crate::store::{Found, RowQuery, RowStream, Store, StoreError};
use crate::tally::Tally;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::{Semaphore, mpsc};

/// Looks at a table until record and rows belong together: a run may put another generation in place between the two.
pub const LOOKS: usize = 5;
/// Bytes of one piece of an artifact; a piece ends with the row that reaches it.
const PIECE_BYTES: usize = 1 << 16;
/// Documents that are written as a whole at a time in this process.
static DOCUMENTS: Semaphore = Semaphore::const_new(2);
/// Rows on the way to such a document.
const ROWS_WAITING: usize = 256;

/// Why there is no artifact.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A column was asked for that the table does not have.
    #[error(transparent)]
    Column(#[from] NoColumn),
    /// The rows cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The document cannot be written.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The thread that wrote the document is gone.
    #[error("the artifact was not written to its end")]
    Interrupted,
}

/// Which artifact of a table.
#[derive(Debug, Clone)]
pub struct Order {
    /// The format.
    pub format: &'static Format,
    /// Which rows, in which order.
    pub query: RowQuery,
    /// What is asked of the format.
    pub options: Options,
    /// Which rows, in words.
    pub selection: Vec<String>,
    /// The most rows that the format may hold.
    pub bound: Option<u64>,
}

/// An artifact that is ready to be written.
pub struct Artifact {
    /// Rows that match, whatever part of them it holds.
    pub found: u64,
    /// Rows that it holds.
    pub rows: u64,
    render: Box<dyn Render>,
    stream: RowStream,
    is_document: bool,
}

/// The bytes of an artifact, in pieces.
pub type Pieces = BoxStream<'static, Result<Bytes, ExportError>>;

impl Artifact {
    /// Finds the rows of the generation that the record tells of; `None` where another one is readable by now.
    ///
    /// # Errors
    /// For a column that the table does not have, and where the store fails.
    pub async fn open(
        store: &dyn Store,
        mut report: Report,
        order: Order,
        place: impl FnOnce(u64) -> Place,
    ) -> Result<Option<Self>, ExportError> {
        let Order { format, mut query, options, selection, bound } = order;
        query.generation = report.generation;
        query.limit = [query.limit, bound].into_iter().flatten().min();
        let needs_layout = format.needs_layout || !options.columns.is_empty();
        let paths = if needs_layout { survey(store, &mut report).await? } else { Vec::new() };
        let layout = Layout::of_columns(&paths, &options.columns)?;
        let (skip, limit) = (query.skip, query.limit.unwrap_or(u64::MAX));
        let Some(Found { count, rows: stream }) = store.find(&report.table, query).await? else { return Ok(None) };
        let rows = count.saturating_sub(skip).min(limit);
        let about = About::of(report, layout, selection, place(count), rows);
        let render = (format.render)(about, &options);
        Ok(Some(Self { found: count, rows, render, stream, is_document: format.bound.is_some() }))
    }

    /// The bytes. The first piece is made before this comes back, so that what fails at once is an error and not a broken
    /// artifact; a failure later on ends the stream. Rows are read no further when the stream is dropped.
    ///
    /// # Errors
    /// Where the first piece, or the document, cannot be made.
    pub async fn pieces(self) -> Result<Pieces, ExportError> {
        if self.is_document {
            let bytes = document(self.render, self.stream).await?;
            return Ok(stream::iter(cut(bytes)).map(Ok).boxed());
        }
        let state = Streaming { render: self.render, rows: self.stream, at: At::Begin };
        let Some((first, state)) = next(state).await? else { return Ok(stream::empty().boxed()) };
        Ok(stream::once(std::future::ready(Ok(first))).chain(stream::try_unfold(state, next)).boxed())
    }
}

/// The flattened columns that a run has noted. Where none has, one look at all rows finds them, and counts the charts too.
async fn survey(store: &dyn Store, report: &mut Report) -> Result<Vec<String>, ExportError> {
    if let Some(paths) = &report.paths {
        return Ok(paths.clone());
    }
    let query = RowQuery { generation: report.generation, ..RowQuery::default() };
    let rows = store.rows(&report.table, query).await?;
    let tally = Tally::of(&report.component.to_lowercase(), rows).await?;
    if !report.aggr.is_object() {
        report.aggr = tally.charts();
    }
    Ok(tally.paths(&report.columns))
}

struct Streaming {
    render: Box<dyn Render>,
    rows: RowStream,
    at: At,
}

#[derive(PartialEq)]
enum At {
    Begin,
    Rows,
    End,
}

async fn next(mut state: Streaming) -> Result<Option<(Bytes, Streaming)>, ExportError> {
    let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
    if state.at == At::Begin {
        state.render.begin(&mut piece)?;
        state.at = At::Rows;
    }
    while state.at == At::Rows && piece.len() < PIECE_BYTES {
        match state.rows.try_next().await? {
            Some(row) => state.render.row(&row, &mut piece)?,
            None => {
                state.render.end(&mut piece)?;
                state.at = At::End;
            }
        }
    }
    Ok((!piece.is_empty()).then(|| (piece.into(), state)))
}

/// Writes a document as a whole.
async fn document(render: Box<dyn Render>, mut rows: RowStream) -> Result<Vec<u8>, ExportError> {
    let Ok(_permit) = DOCUMENTS.acquire().await else { return Err(ExportError::Interrupted) };
    let (sender, receiver) = mpsc::channel(ROWS_WAITING);
    let writing = tokio::task::spawn_blocking(move || write(render, receiver));
    while let Some(row) = rows.try_next().await? {
        if sender.send(Some(row)).await.is_err() {
            break;
        }
    }
    // Who goes away before this leaves the writer without an end, and it stops.
    let _ = sender.send(None).await;
    writing.await.map_err(|_| ExportError::Interrupted)?
}

/// Takes rows until `None` says that there are no more.
fn write(mut render: Box<dyn Render>, mut rows: mpsc::Receiver<Option<Row>>) -> Result<Vec<u8>, ExportError> {
    let mut out = Vec::new();
    render.begin(&mut out)?;
    loop {
        match rows.blocking_recv() {
            Some(Some(row)) => render.row(&row, &mut out)?,
            Some(None) => break,
            None => return Err(ExportError::Interrupted),
        }
    }
    render.end(&mut out)?;
    Ok(out)
}

fn cut(bytes: Vec<u8>) -> impl Iterator<Item = Bytes> + Send {
    let mut rest = Bytes::from(bytes);
    std::iter::from_fn(move || (!rest.is_empty()).then(|| rest.split_to(rest.len().min(PIECE_BYTES))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact;
    use bson::rawdoc;

    fn rows(count: i32) -> impl Iterator<Item = Result<Row, StoreError>> {
        (0..count).map(|n| Ok(rawdoc! {"n": n, "text": "x".repeat(100)}.into()))
    }

    fn json(rows: impl Iterator<Item = Result<Row, StoreError>> + Send + 'static) -> Artifact {
        let place = Place::whole(3000);
        let report = serde_json::from_value(serde_json::json!({
            "table": "5c00000000000000000000a1_general", "name": "", "component": "", "filters": null, "owner": null,
            "status": "finished", "message": "", "rows": 3000, "columns": [], "paths": null, "revision": 1, "aggr": null,
            "generation": 1, "task_id": "", "requested_at": "2026-11-25T00:00:00Z", "started_at": null, "ended_at": null,
            "stages": {},
        }));
        let about = About::of(report.unwrap(), Layout::default(), Vec::new(), place, 3000);
        let render = (artifact::format("json").unwrap().render)(about, &Options::default());
        Artifact { found: 3000, rows: 3000, render, stream: stream::iter(rows).boxed(), is_document: false }
    }

    #[actix_rt::test]
    async fn rows_come_in_pieces_of_bounded_size() {
        let pieces = json(rows(3000)).pieces().await.unwrap();
        let pieces: Vec<Bytes> = pieces.map(Result::unwrap).collect().await;
        assert!(pieces.len() > 3 && pieces.iter().all(|piece| piece.len() < 2 * PIECE_BYTES));
        let page: serde_json::Value = serde_json::from_slice(&pieces.concat()).unwrap();
        assert_eq!((page["items"].as_array().unwrap().len(), page["items"][2999]["n"].as_i64()), (3000, Some(2999)));
    }

    #[actix_rt::test]
    async fn a_query_that_fails_at_once_has_no_body_and_a_later_failure_ends_it() {
        let fails = || [Err(StoreError::TimedOut { seconds: 1 })].into_iter();
        assert!(json(fails()).pieces().await.is_err());
        let pieces = json(rows(3000).chain(fails())).pieces().await.unwrap();
        let pieces: Vec<_> = pieces.collect().await;
        assert!(pieces.len() > 3 && pieces.iter().rev().skip(1).all(Result::is_ok));
        assert!(matches!(pieces.last(), Some(Err(ExportError::Store(_)))));
    }

    #[actix_rt::test]
    async fn a_document_is_written_as_a_whole_and_not_without_its_last_row() {
        let document = Artifact { is_document: true, ..json(rows(3000)) }.pieces().await.unwrap();
        let streamed = json(rows(3000)).pieces().await.unwrap();
        let [document, streamed]: [Vec<Bytes>; 2] =
            [document.map(Result::unwrap).collect().await, streamed.map(Result::unwrap).collect().await];
        assert!(document.iter().all(|piece| piece.len() <= PIECE_BYTES));
        assert_eq!(document.concat(), streamed.concat());
        let fails = rows(10).chain([Err(StoreError::TimedOut { seconds: 1 })]);
        assert!(Artifact { is_document: true, ..json(fails) }.pieces().await.is_err());
    }
}
