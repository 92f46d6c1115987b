//! The Data API: reads the inventory row by row, and keeps the platform's record of a report (contract §5).

use super::answer::{ReadError, Summary, TakeRow, read_answer};
use super::http::Call;
use super::{PeerError, Peers};
use crate::domain::{Component, ReportId, Status};
use awc::ClientResponse;
use awc::http::Method;
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use std::io::{self, Read};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Pieces of an answer between the connection and the reading thread.
const PIECES_IN_FLIGHT: usize = 16;

/// How reading an answer ended, for a taker that may have stopped it.
#[derive(Debug)]
pub struct RowsRead<T> {
    /// The taker, back.
    pub taker: T,
    /// What the answer said; `None` where the taker stopped it.
    pub summary: Option<Summary>,
}

impl Peers {
    /// Rows in a full page.
    #[must_use]
    pub fn page_rows(&self) -> u64 {
        self.config.stages.fetch_rows
    }

    /// Asks for one page of a component's rows (`POST /<component>`) and hands each to `taker`.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn find<T: TakeRow>(
        &self,
        component: &Component,
        query: &Map<String, Value>,
        page: u64,
        taker: T,
    ) -> Result<RowsRead<T>, PeerError> {
        // The platform's service takes the query as a text of JSON.
        let body = json!({"query": Value::from(query.clone()).to_string(), "limit": self.page_rows(), "page": page});
        self.rows(&format!("/{}", component.path()), &body, taker).await
    }

    /// Asks for the rows of an aggregation (`POST /aggregate`) and hands each to `taker`.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn aggregate<T: TakeRow>(
        &self,
        entity: &Component,
        pipeline: &[Value],
        taker: T,
    ) -> Result<RowsRead<T>, PeerError> {
        let body = json!({"entity": entity.path(), "pipeline": Value::from(pipeline.to_vec()).to_string()});
        self.rows("/aggregate", &body, taker).await
    }

    /// Sets the status of a report in the platform's record (`PUT /reports`), and `more` fields with it.
    ///
    /// # Errors
    /// See [`PeerError`].
    pub async fn put_report(
        &self,
        report: ReportId,
        status: Status,
        message: &str,
        more: &Map<String, Value>,
    ) -> Result<(), PeerError> {
        let mut record = more.clone();
        record.insert("_id".into(), report.to_string().into());
        record.insert("status".into(), status.as_str().into());
        record.insert("msg".into(), message.into());
        self.data_call(Method::PUT, "/reports").tell(&json!({"body": [record]})).await.map(drop)
    }

    pub(super) fn data_call(&self, method: Method, path: &str) -> Call<'_> {
        Call::service(self, "Data API", method, &self.config.peers.data_uri, path)
    }

    /// The connection is read here, the JSON on a thread of its own; a slow taker slows the connection down.
    pub(super) async fn rows<T: TakeRow>(
        &self,
        path: &str,
        body: &Value,
        mut taker: T,
    ) -> Result<RowsRead<T>, PeerError> {
        let call = self.data_call(Method::POST, path);
        let response = call.send(body).await?;
        let (sender, receiver) = mpsc::channel(PIECES_IN_FLIGHT);
        let reading = tokio::task::spawn_blocking(move || {
            let outcome = read_answer(Pieces::new(receiver), &mut taker);
            (taker, outcome)
        });
        let (forwarded, read) = futures_util::join!(forward(&call, response, sender), reading);
        let (taker, outcome) =
            read.map_err(|error| PeerError::Unreachable { peer: call.peer.clone(), source: error.into() })?;
        match (outcome, forwarded) {
            (Ok(summary), _) => Ok(RowsRead { taker, summary: Some(summary) }),
            (Err(ReadError::Stopped), _) => Ok(RowsRead { taker, summary: None }),
            (Err(ReadError::NotUnderstood(what)), _) => Err(PeerError::NotUnderstood { peer: call.peer.clone(), what }),
            (Err(ReadError::BrokenOff), Err(error)) => Err(error),
            (Err(ReadError::BrokenOff), Ok(bytes)) => Err(PeerError::BrokenOff { peer: call.peer.clone(), bytes }),
        }
    }
}

/// Passes the pieces of an answer on until it ends or nobody reads any more; the bytes passed.
async fn forward(call: &Call<'_>, mut response: ClientResponse, sender: mpsc::Sender<Bytes>) -> Result<u64, PeerError> {
    let mut bytes = 0;
    while let Some(piece) = timeout(call.silence, response.next()).await.map_err(|_| call.silent())? {
        let Ok(piece) = piece else { break };
        bytes += piece.len() as u64;
        if sender.send(piece).await.is_err() {
            break;
        }
    }
    Ok(bytes)
}

/// The pieces of an answer as a `Read` for the reading thread.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Pieces {
    fn new(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self { receiver, current: Bytes::new() }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.current = piece,
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
