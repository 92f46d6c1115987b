//! *deliver*: the rows of an ended run go to a user's endpoint in batches, then one message tells how the run ended.
//!
//! A delivery works in slices of some seconds: whatever it has to send, it takes no slot of the worker and no reader of the
//! store for longer, and after a crash no more than a slice is sent again. `announce` begins deliveries, `cut` makes
//! batches, `payload` the messages.

mod announce;
mod cut;
mod error;
mod payload;

pub use announce::{AnnounceError, Ending, announce};
pub use error::DeliveryError;

use super::{Progress, StageError};
use crate::app::App;
use crate::domain::{Endpoint, Report};
use crate::endpoints::Message;
use crate::store::{Direction, RowQuery, Store};
use crate::task::{Deliver, RunRows};
use announce::{REPORT_KEY, named_key};
use chrono::Utc;
use cut::Cutter;
use std::time::Instant;

/// Sends as much as fits into a slice. Each message is sent at least once, under the same id however often.
///
/// # Errors
/// Carries how far the delivery has come.
pub(super) async fn run(app: &App, deliver: &Deliver) -> Result<Progress, StageError> {
    let mut at = deliver.clone();
    let sent = slice(app, &mut at).await;
    sent.map_err(|source| StageError::Delivery { at: Box::new(at), source })
}

async fn slice(app: &App, at: &mut Deliver) -> Result<Progress, DeliveryError> {
    let store = app.store.as_deref().ok_or(DeliveryError::NoStore)?;
    let Some(endpoint) = endpoint(app, store, at).await? else { return Ok(Progress::Removed) };
    let Some(record) = store.report(&at.table).await? else { return Ok(Progress::Removed) };
    at.host = endpoint.url.host();
    if let Some(rows) = at.rows {
        if record.generation != Some(rows.generation) {
            return Ok(Progress::Replaced);
        }
        // Retention leaves a table alone while it is being sent, however often that is tried.
        store.note_use(&at.table, Utc::now()).await?;
        if let Some(stopped) = send_rows(app, store, &endpoint, rows, at).await? {
            return Ok(stopped);
        }
    }
    send_end(app, &endpoint, &record, at).await?;
    Ok(Progress::Done)
}

/// Sends the batches that are left; why it stopped before the last one, if it did.
async fn send_rows(
    app: &App,
    store: &dyn Store,
    endpoint: &Endpoint,
    rows: RunRows,
    at: &mut Deliver,
) -> Result<Option<Progress>, DeliveryError> {
    let until = Instant::now() + app.config.webhooks.slice;
    let query = RowQuery {
        sort: Some(("_id".to_owned(), Direction::Ascending)),
        skip: at.sent,
        generation: Some(rows.generation),
        ..RowQuery::default()
    };
    let Some(found) = store.find(&at.table, query).await? else { return Ok(Some(Progress::Replaced)) };
    let mut cutter = Cutter::new(found.rows, rows.batch_rows, rows.batch_bytes);
    while let Some(cut) = cutter.next().await? {
        let number = at.batch;
        let message = Message { id: at.message_id(Some(number)), body: payload::rows(at, &cut.json)?.into() };
        let sent = app.endpoints.send(endpoint, &message, Utc::now()).await;
        sent.map_err(|source| DeliveryError::Batch { number, source })?;
        at.batch += 1;
        at.sent += cut.count;
        if Instant::now() >= until {
            return Ok(Some(Progress::More(Box::new(at.clone()))));
        }
    }
    Ok(None)
}

async fn send_end(app: &App, endpoint: &Endpoint, record: &Report, at: &Deliver) -> Result<(), DeliveryError> {
    let message = Message { id: at.message_id(None), body: payload::end(at, record)?.into() };
    let sent = app.endpoints.send(endpoint, &message, Utc::now()).await;
    sent.map_err(|source| DeliveryError::End { source })
}

/// The endpoint as it is now; `None` where its owner has removed it.
async fn endpoint(app: &App, store: &dyn Store, at: &Deliver) -> Result<Option<Endpoint>, DeliveryError> {
    if at.endpoint == REPORT_KEY {
        return Ok(store.endpoint(&at.table).await?);
    }
    let named = app.config.webhooks.endpoints.iter().find(|named| named_key(&named.name) == at.endpoint);
    named.map(|named| Some(named.endpoint.clone())).ok_or_else(|| DeliveryError::NoEndpoint(at.endpoint.clone()))
}
