//! `POST /<component>`: the documents that meet a query, a page at a time.

use super::body::{self, Sink};
use super::dataset::Dataset;
use super::error::InventoryError;
use super::render;
use crate::filter::matcher::Matcher;
use actix_web::HttpResponse;
use std::io::Write;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Which page of what.
pub(super) struct Find {
    /// The documents.
    pub(super) dataset: Arc<Dataset>,
    /// The condition.
    pub(super) matcher: Matcher,
    /// Documents on a page.
    pub(super) limit: NonZeroU64,
    /// The page, from 1.
    pub(super) page: NonZeroU64,
}

/// A page that was found and is yet to be written.
pub(super) struct Page {
    find: Find,
    found: u64,
    /// The place of the page's first document.
    from: i64,
}

impl Find {
    /// Counts the documents that match and finds where the page begins. Blocks.
    ///
    /// # Errors
    /// Failures of the private database.
    pub(super) fn count(self) -> Result<Page, InventoryError> {
        let before = (self.page.get() - 1).saturating_mul(self.limit.get());
        let (mut found, mut from) = (0, i64::MAX);
        self.dataset.reader()?.scan(0, &mut |seq, document| {
            if self.matcher.matches(document) {
                if found == before {
                    from = seq;
                }
                found += 1;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Page { find: self, found, from })
    }
}

impl Page {
    /// The answer: `found`, `total_pages`, `page`, `limit`, then `items`.
    pub(super) fn answer(self) -> HttpResponse {
        body::json(move |sink| self.write(sink))
    }

    fn write(self, sink: &mut Sink) -> Result<(), InventoryError> {
        let Self { find, found, from } = self;
        let (limit, page) = (find.limit.get(), find.page);
        let total_pages = found.div_ceil(limit);
        let not_sent = || InventoryError::io("the answer was not sent");
        write!(sink, r#"{{"found":{found},"total_pages":{total_pages},"page":{page},"limit":{limit},"items":["#)
            .map_err(not_sent())?;
        let mut written = 0;
        find.dataset.reader()?.scan(from, &mut |_, document| {
            if find.matcher.matches(document) {
                if written > 0 {
                    sink.write_all(b",").map_err(not_sent())?;
                }
                render::document(document, sink).map_err(not_sent())?;
                written += 1;
            }
            Ok(if written < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        sink.write_all(b"]}").map_err(not_sent())
    }
}
