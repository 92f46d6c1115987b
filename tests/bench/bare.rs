//! What the MongoDB server alone needs for a page: the same queries through the driver, without us.
//!
//! The test server has no indexes but that on `_id` and sorts in memory, so its own time is most of a page's.

use crate::reading::{PAGE_ROWS, SEARCHES};
use crate::report::{Measured, median};
use crate::site::Site;
use crate::stop;
use crate::support::fleet::Parts;
use anyhow::Context;
use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::Collection;
use std::time::Instant;

/// Queries for one figure.
const QUERIES: usize = 10;

/// The rows of a table as its MongoDB server has them.
pub(crate) struct Bare<'a> {
    site: &'a Site<'a>,
    rows: Collection<RawDocumentBuf>,
}

impl<'a> Bare<'a> {
    /// Finds the collection of a table; `None` where the rows are in no MongoDB server.
    ///
    /// # Errors
    /// Where the server does not know the table.
    pub(crate) fn open(site: &'a Site<'a>, of: &Measured) -> anyhow::Result<Option<Self>> {
        if site.parts == Parts::Embedded {
            return Ok(None);
        }
        let rows = site.runtime.block_on(async {
            let client = mongodb::Client::with_uri_str(site.fleet.setting("MAESTRO_MONGO_URI")).await?;
            let database = client.database(site.fleet.setting("MAESTRO_MONGO_DATABASE"));
            let records = database.collection::<Document>("maestro_reports");
            let record = records.find_one(doc! { "_id": of.table.to_string() }).await?;
            let record = record.context("the table has no record")?;
            anyhow::Ok(database.collection(record.get_str("collection")?))
        })?;
        Ok(Some(Self { site, rows }))
    }

    /// The milliseconds of a page in the order of a column; the middle of both directions.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) fn page(&self, column: &str) -> anyhow::Result<f64> {
        self.median(async |number| {
            let step = if number % 2 == 0 { 1 } else { -1 };
            self.read(doc! {}, doc! { column: step, "_id": step }).await
        })
    }

    /// The milliseconds of a search, counted and read.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) fn search(&self) -> anyhow::Result<f64> {
        self.median(async |number| {
            let text = SEARCHES[number % SEARCHES.len()];
            let filter = doc! { "hostname": { "$regex": text, "$options": "i" } };
            let count = async { Ok(self.rows.count_documents(filter.clone()).await?) };
            let read = self.read(filter.clone(), doc! { "updated_at": -1, "_id": -1 });
            futures_util::try_join!(count, read).map(drop)
        })
    }

    async fn read(&self, filter: Document, sort: Document) -> anyhow::Result<()> {
        let rows = self.rows.find(filter).sort(sort).limit(i64::try_from(PAGE_ROWS)?).await?;
        rows.try_collect::<Vec<_>>().await?;
        Ok(())
    }

    fn median(&self, mut query: impl AsyncFnMut(usize) -> anyhow::Result<()>) -> anyhow::Result<f64> {
        let mut spent = Vec::new();
        for number in 0..QUERIES {
            stop::check()?;
            let start = Instant::now();
            self.site.runtime.block_on(query(number))?;
            spent.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(median(&mut spent))
    }
}
