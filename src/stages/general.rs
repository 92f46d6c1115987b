//! *general*: one component and filters. Asks the Data API page after page until all rows found are there.

use super::StageError;
use super::batcher::Batcher;
use super::upload::{Run, Shape, Source};
use crate::domain::Component;
use crate::filter::matcher::Matcher;
use crate::peers::{Peers, TakeRow};
use bson::Document;
use serde_json::{Map, Value};

/// Runs a general report. The owner rule is put in here, last, so that nothing in the task can replace it.
///
/// # Errors
/// See [`StageError`].
pub(super) async fn run(
    run: Run<'_>,
    component: &Component,
    query: &Map<String, Value>,
    residual: Option<&Document>,
) -> Result<(), StageError> {
    let residual = residual.map(Matcher::compile).transpose()?;
    let mut query = query.clone();
    query.insert("roles._id".to_owned(), run.owner.to_string().into());
    let shape = Shape { stage: "general", component: component.path(), residual, joined: &[] };
    run.stream(shape, Pages { component, query }).await
}

struct Pages<'a> {
    component: &'a Component,
    query: Map<String, Value>,
}

impl Source for Pages<'_> {
    async fn read(self, peers: &Peers, batcher: Batcher) -> Result<(Batcher, u64), StageError> {
        read_pages(peers, self.component, &self.query, batcher).await
    }
}

/// Hands every row that the query finds to `taker`, page after page, and gives the taker back with the number of pages.
///
/// # Errors
/// See [`StageError`]; `RowsMissing` where a page comes empty before all rows announced were there, or a full one brings
/// more than were announced.
pub async fn read_pages<T: TakeRow>(
    peers: &Peers,
    component: &Component,
    query: &Map<String, Value>,
    mut taker: T,
) -> Result<(T, u64), StageError> {
    let (mut page, mut received) = (1, 0);
    loop {
        let read = peers.find(component, query, page, taker).await?;
        taker = read.taker;
        let Some(summary) = read.summary else { return Ok((taker, page)) };
        received += summary.received;
        let found = summary.found.unwrap_or(received);
        // A full page with more rows than were announced: the number is wrong, and nobody knows whether there are others.
        if summary.received == 0 && received < found || received > found && summary.received >= peers.page_rows() {
            return Err(StageError::RowsMissing { found, received });
        }
        if received >= found {
            return Ok((taker, page));
        }
        page += 1;
    }
}
