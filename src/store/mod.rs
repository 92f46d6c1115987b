//! Where reports live: their rows, their registry, leases and the timetable's marks.
//!
//! A table has *generations*. A run writes its rows into a staging generation that nobody reads; committing the run
//! makes that generation the readable one in a single atomic step together with the report's record, so a reader sees
//! the old result or the new one and never a mixture. A run that fails leaves the readable generation as it was.

mod embedded;
mod endpoint;
mod error;
mod hold;
mod mongo;
mod row;
mod sort_key;
mod timetable;
mod upkeep;
mod usual;

use crate::config;
use crate::domain::{Endpoint, NewReport, Report, Row, StageSeconds, Status, TableName};
use crate::sqlite::Copies;
use async_trait::async_trait;
use bson::Document;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, BoxStream, StreamExt};
use std::sync::Arc;
use std::time::Duration;

pub use error::{StoreError, Verdict};
pub use hold::{Kept, Silent, Taken, Taker};
pub use timetable::{Definition, Timetable};
pub use upkeep::{Absence, TableState, Upkeep};
pub use usual::DEFAULT_ORDER;

/// The embedded store's file in the data folder.
pub const STORE_FILE: &str = "reports.sqlite3";

/// Copies and checks the embedded store's file.
pub const STORE_COPIES: Copies = Copies { copy: embedded::copy::copy, check: embedded::copy::check };

/// Opens the store that the configuration names: MongoDB where it has an address, else the embedded store.
///
/// # Errors
/// Where the address cannot be read or the embedded store's file cannot be opened. MongoDB itself is not reached yet.
pub async fn open(config: &config::Config) -> Result<Arc<dyn Store>, StoreError> {
    connect(&config.store, config.api.query_timeout).await
}

/// Opens a store by its settings; one query of rows may work for `query_timeout`.
///
/// # Errors
/// As for [`open`].
pub async fn connect(settings: &config::Store, query_timeout: Duration) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match &settings.mongo_uri {
        Some(uri) => Arc::new(mongo::MongoStore::open(uri, &settings.mongo_database, query_timeout).await?),
        None => Arc::new(embedded::EmbeddedStore::open(&settings.data_dir, query_timeout).await?),
    })
}

/// A store of reports. Both implementations pass the same conformance suite (`tests/it/store.rs`).
#[async_trait]
pub trait Store: Upkeep + Timetable {
    /// One line for people, without secrets: the kind of store and where it is.
    fn describe(&self) -> String;

    /// Reaches the store and comes back.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Which migrations are applied and which this program needs.
    async fn schema(&self) -> Result<Schema, StoreError>;

    /// Applies the missing migrations in order; the names of those applied. Running it twice applies nothing more.
    async fn migrate(&self) -> Result<Vec<String>, StoreError>;

    /// Records a requested report as `process`, keeping the readable rows (and what describes them) of an earlier run.
    async fn request(&self, report: &NewReport, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// A report's record.
    async fn report(&self, table: &TableName) -> Result<Option<Report>, StoreError>;

    /// The newest `limit` records by request time.
    async fn reports(&self, limit: u64) -> Result<Vec<Report>, StoreError>;

    /// Gives a table to a run, unless another run has it or the report was requested again after this task.
    /// A table without a record gets one. Whoever holds it already holds it longer.
    async fn take(
        &self,
        table: &TableName,
        taker: &Taker,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<Taken, StoreError>;

    /// A sign of life of the attempt `holder`: the table is its for `ttl` more.
    async fn keep(
        &self,
        table: &TableName,
        holder: &str,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<Kept, StoreError>;

    /// The attempt `holder` has ended in good order: the table is free. The report is in good hands until `due`: now,
    /// or when its next attempt should begin.
    async fn leave(&self, table: &TableName, holder: &str, due: DateTime<Utc>) -> Result<(), StoreError>;

    /// The reports in `process` that nobody holds and that were last in good hands at `before` or earlier; the oldest
    /// first.
    async fn silent(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<Silent>, StoreError>;

    /// Ends a silent report and drops what its lost run has staged; false where it is not silent any more.
    async fn give_up(&self, silent: &Silent, end: &End, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Starts a run: an empty staging generation that only this attempt may fill, and `started_at` in the record.
    ///
    /// A later `begin` for the same table makes earlier attempts *superseded* and removes what they staged. A table
    /// without a record gets one (a task enqueued by a Python producer, a batch from another host).
    async fn begin(&self, table: &TableName, run_id: &str, now: DateTime<Utc>) -> Result<Staging, StoreError>;

    /// Finds the staging that `begin` made for this run, for a caller that holds no `Staging` (batches by HTTP).
    async fn staging(&self, table: &TableName, run_id: &str) -> Result<Option<Staging>, StoreError>;

    /// Adds rows to the staging. A row whose `_id` is already staged is left out, so a batch that is delivered twice
    /// counts once.
    ///
    /// # Errors
    /// `Superseded` when a later attempt has begun; `Refused` for a row without `_id`, one of more than 16 MiB, or
    /// with a key that the store cannot hold.
    async fn stage(&self, staging: &Staging, rows: Vec<Row>) -> Result<Staged, StoreError>;

    /// How many batches of one staging are worth adding at once.
    fn stages_at_once(&self) -> usize;

    /// Makes the staging the readable generation and writes the outcome into the record, atomically. Where the report
    /// was requested again since the run began, status and message stay: the newer run will tell.
    ///
    /// # Errors
    /// `Superseded` when a later attempt has begun or the table is gone; `Incomplete` when the staging does not hold
    /// `outcome.rows` rows. No error when this very staging is already committed.
    async fn commit(&self, staging: &Staging, outcome: &Outcome) -> Result<(), StoreError>;

    /// Indexes the readable rows on the usual columns that they have. Once they are readable, so that nobody waits for
    /// this; nothing is done where it is done already, where the rows are few, and where there is no table.
    async fn index(&self, table: &TableName) -> Result<(), StoreError>;

    /// Removes the staging and what it holds. No error when it is already gone.
    async fn abort(&self, staging: &Staging) -> Result<(), StoreError>;

    /// Ends the report's run without a new result: status and message change, the readable rows do not.
    /// A message for a task that is no longer the report's last one (`task_id`) changes nothing; a table without a
    /// record gets one.
    async fn end(&self, table: &TableName, task_id: &str, end: &End) -> Result<(), StoreError>;

    /// Adds rows to the readable generation (makes one where there is none): replaces rows of the same `_id`,
    /// skips rows without `_id`.
    async fn append(&self, table: &TableName, rows: Vec<Row>) -> Result<Appended, StoreError>;

    /// The readable rows that match: how many, and those asked for. `None` where the table has neither rows nor a record,
    /// or where the query asks for another generation than the readable one.
    /// Both are of one state of the table; rows appended meanwhile to a table in MongoDB may be in one and not the other.
    async fn find(&self, table: &TableName, query: RowQuery) -> Result<Option<Found>, StoreError>;

    /// How many readable rows match; `None` where the table has neither rows nor a record.
    async fn count(&self, table: &TableName, filter: &Document) -> Result<Option<u64>, StoreError> {
        let query = RowQuery { filter: filter.clone(), limit: Some(0), ..RowQuery::default() };
        Ok(self.find(table, query).await?.map(|found| found.count))
    }

    /// The readable rows that match. No rows where there is no table.
    async fn rows(&self, table: &TableName, query: RowQuery) -> Result<RowStream, StoreError> {
        Ok(self.find(table, query).await?.map_or_else(|| stream::empty().boxed(), |found| found.rows))
    }

    /// Sets where the rows of a report are sent, in place of an earlier endpoint. The table need not be there yet.
    async fn set_endpoint(&self, table: &TableName, endpoint: &Endpoint) -> Result<(), StoreError>;

    /// Where the rows of a report are sent, besides the endpoints of the configuration.
    async fn endpoint(&self, table: &TableName) -> Result<Option<Endpoint>, StoreError>;

    /// Removes a report's endpoint; whether there was one.
    async fn remove_endpoint(&self, table: &TableName) -> Result<bool, StoreError>;

    /// Removes the table, its staging, its record and its endpoint; whether there was a table or a record.
    async fn drop_table(&self, table: &TableName) -> Result<bool, StoreError>;

    /// Takes or renews the lease `name` for `holder` until `now + ttl`; false while another holder has it.
    async fn lease(&self, name: &str, holder: &str, ttl: Duration, now: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Gives the lease back, if `holder` has it.
    async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError>;

    /// When the task of this name was last marked due, if ever.
    async fn last_due(&self, schedule: &str) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Marks a task of ours as run for `due`; false when it is already marked for `due` or later, so each due time runs once.
    async fn claim_due(&self, schedule: &str, due: DateTime<Utc>) -> Result<bool, StoreError>;
}

/// Rows that match a query.
pub struct Found {
    /// How many there are, whatever part of them is asked for.
    pub count: u64,
    /// Those asked for, as a stream with flat memory.
    pub rows: RowStream,
}

/// A stream of rows.
pub type RowStream = BoxStream<'static, Result<Row, StoreError>>;

/// A run's own generation, before it is readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staging {
    /// The table it will replace.
    pub table: TableName,
    /// The run (task id) that it belongs to.
    pub run_id: String,
    /// The generation's number, never used before for this table.
    pub generation: u64,
    /// Distinguishes two attempts of one run.
    pub attempt: String,
}

/// What became of rows that were to be staged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Staged {
    /// How many were new.
    pub new: u64,
    /// Those left out, as their `_id` was already staged.
    pub again: Vec<Row>,
}

/// What a committed run leaves in the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `Finished` or `Warning`.
    pub status: Status,
    /// For people.
    pub message: String,
    /// Rows staged: the sum of those that were new.
    pub rows: u64,
    /// Columns in display order.
    pub columns: Vec<String>,
    /// Flattened columns; none where they are not known.
    pub paths: Vec<String>,
    /// Chart counts (contract §7).
    pub aggr: serde_json::Value,
    /// Seconds of each stage.
    pub stages: StageSeconds,
    /// When the run ended.
    pub ended_at: DateTime<Utc>,
}

/// How a run without a new result ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// The status to record; `Process` with a message tells of a retry.
    pub status: Status,
    /// For people.
    pub message: String,
    /// Seconds of each stage.
    pub stages: StageSeconds,
    /// When.
    pub at: DateTime<Utc>,
}

/// Which readable rows to read, in which order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowQuery {
    /// A MongoDB query document, already checked against the operator whitelist (`filter::rows`); empty for all.
    pub filter: Document,
    /// Path and direction; rows that compare equal follow in `_id` order, in the same direction.
    pub sort: Option<(String, Direction)>,
    /// Rows to pass over.
    pub skip: u64,
    /// Rows at most; `None` for all.
    pub limit: Option<u64>,
    /// Only rows of this generation; `None` for whichever is readable.
    pub generation: Option<u64>,
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// What `append` did, in the terms of a MongoDB bulk write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Appended {
    /// Rows with a new `_id`.
    pub upserted: u64,
    /// Rows whose `_id` was there.
    pub matched: u64,
    /// Rows skipped because they had no `_id`.
    pub skipped: u64,
}

/// The state of the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// Names of applied migrations, in order.
    pub applied: Vec<String>,
    /// Names of migrations that this program needs and that are missing, in order.
    pub missing: Vec<String>,
    /// Names of applied migrations that this program does not know: the store is newer than the program.
    pub unknown: Vec<String>,
}

impl Schema {
    /// Compares what is applied with what this program knows, both in order.
    fn compare<'a>(applied: Vec<String>, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let missing =
            known.iter().filter(|name| !applied.iter().any(|a| a == *name)).map(ToString::to_string).collect();
        let unknown = applied.iter().filter(|name| !known.contains(&name.as_str())).cloned().collect();
        Self { applied, missing, unknown }
    }
}
