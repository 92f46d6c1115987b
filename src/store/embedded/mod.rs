//! The store in a SQLite file: nothing to install, shared by all processes of one host.
//!
//! Each generation is a table `rows_<number>` of BSON documents; `reports` says which one is readable. All writing goes
//! through one connection and immediate transactions; readers have connections of their own and see the file as it was
//! when they began. It must not know of queries beyond what `RowQuery` says, nor of HTTP.

mod budget;
pub(super) mod copy;
#[cfg(test)]
mod crash;
mod endpoints;
mod error;
mod functions;
mod holds;
mod leases;
mod migrations;
mod order;
mod pool;
mod registry;
mod room;
mod rows;
mod runs;
mod scan;
mod space;
mod stream;
mod timetable;
mod upkeep;

use super::usual;
use super::{
    Appended, End, Found, Kept, Outcome, RowQuery, Schema, Silent, Staged, Staging, Store, StoreError, Taken, Taker,
};
use crate::domain::{Endpoint, NewReport, Report, Row, TableName};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use pool::Pool;
use rusqlite::Transaction;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The embedded store.
pub(super) struct EmbeddedStore {
    path: PathBuf,
    pool: Pool,
    query_timeout: Duration,
}

impl EmbeddedStore {
    /// Opens the file in `data_dir`, making both where they are missing; no migration is applied.
    pub(super) async fn open(data_dir: &Path, query_timeout: Duration) -> Result<Self, StoreError> {
        let path = data_dir.join(super::STORE_FILE);
        let pool = Pool::open(path.clone()).await?;
        Ok(Self { path, pool, query_timeout })
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    fn describe(&self) -> String {
        format!("SQLite file {}", self.path.display())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.pool.read("to answer", |tx| Ok(tx.query_row("SELECT 1", [], |_| Ok(()))?)).await
    }

    async fn schema(&self) -> Result<Schema, StoreError> {
        self.pool.read("to read the schema", |tx| Ok(migrations::schema(tx)?)).await
    }

    async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        self.pool.write("to migrate", |tx| Ok(migrations::migrate(tx)?)).await
    }

    async fn request(&self, report: &NewReport, now: DateTime<Utc>) -> Result<(), StoreError> {
        let report = report.clone();
        self.pool.write("to record a request", move |tx| Ok(registry::request(tx, &report, now)?)).await
    }

    async fn report(&self, table: &TableName) -> Result<Option<Report>, StoreError> {
        let table = *table;
        self.pool.read("to read a report", move |tx| registry::report(tx, &table)).await
    }

    async fn reports(&self, limit: u64) -> Result<Vec<Report>, StoreError> {
        self.pool.read("to list reports", move |tx| registry::reports(tx, limit)).await
    }

    async fn take(
        &self,
        table: &TableName,
        taker: &Taker,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<Taken, StoreError> {
        let (table, taker) = (*table, taker.clone());
        self.pool.write("to take a table", move |tx| holds::take(tx, &table, &taker, ttl, now)).await
    }

    async fn keep(
        &self,
        table: &TableName,
        holder: &str,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<Kept, StoreError> {
        let (table, holder) = (*table, holder.to_owned());
        self.pool.write("to keep a table", move |tx| Ok(holds::keep(tx, &table, &holder, ttl, now)?)).await
    }

    async fn leave(&self, table: &TableName, holder: &str, due: DateTime<Utc>) -> Result<(), StoreError> {
        let (table, holder) = (*table, holder.to_owned());
        self.pool.write("to leave a table", move |tx| Ok(holds::leave(tx, &table, &holder, due)?)).await
    }

    async fn silent(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<Silent>, StoreError> {
        self.pool.read("to look for silent reports", move |tx| holds::silent(tx, before, now)).await
    }

    async fn give_up(&self, silent: &Silent, end: &End, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let (silent, end) = (silent.clone(), end.clone());
        self.pool.write("to give up a report", move |tx| holds::give_up(tx, &silent, &end, now)).await
    }

    async fn begin(&self, table: &TableName, run_id: &str, now: DateTime<Utc>) -> Result<Staging, StoreError> {
        let (table, run_id) = (*table, run_id.to_owned());
        self.pool.write("to begin a run", move |tx| runs::begin(tx, &table, run_id, now)).await
    }

    async fn staging(&self, table: &TableName, run_id: &str) -> Result<Option<Staging>, StoreError> {
        let (table, run_id) = (*table, run_id.to_owned());
        self.pool.read("to find a run", move |tx| runs::staging(tx, &table, &run_id)).await
    }

    async fn stage(&self, staging: &Staging, rows: Vec<Row>) -> Result<Staged, StoreError> {
        let (path, staging) = (self.path.clone(), staging.clone());
        let stage = move |tx: &Transaction<'_>| {
            room::check(tx, &path, &rows)?;
            runs::stage(tx, &staging, &rows)
        };
        self.pool.write_ahead("to stage rows", stage).await
    }

    /// There is one writer.
    fn stages_at_once(&self) -> usize {
        1
    }

    async fn commit(&self, staging: &Staging, outcome: &Outcome) -> Result<(), StoreError> {
        let (staging, outcome) = (staging.clone(), outcome.clone());
        self.pool.write("to commit a run", move |tx| runs::commit(tx, &staging, &outcome)).await
    }

    async fn index(&self, table: &TableName) -> Result<(), StoreError> {
        let Some(report) = self.report(table).await? else { return Ok(()) };
        for column in usual::indexed(&report.columns, report.rows) {
            let table = *table;
            let index = move |tx: &Transaction<'_>| {
                let readable = registry::generation(tx, &table)?.flatten();
                Ok(readable.map_or(Ok(()), |number| rows::index(tx, number, column))?)
            };
            self.pool.write_ahead("to index rows", index).await?;
        }
        Ok(())
    }

    async fn abort(&self, staging: &Staging) -> Result<(), StoreError> {
        let staging = staging.clone();
        self.pool.write("to abort a run", move |tx| runs::abort(tx, &staging)).await
    }

    async fn end(&self, table: &TableName, task_id: &str, end: &End) -> Result<(), StoreError> {
        let (table, task_id, end) = (*table, task_id.to_owned(), end.clone());
        self.pool.write("to end a run", move |tx| Ok(registry::end(tx, &table, &task_id, &end)?)).await
    }

    async fn append(&self, table: &TableName, rows: Vec<Row>) -> Result<Appended, StoreError> {
        let (table, now) = (*table, Utc::now());
        self.pool.write("to append rows", move |tx| rows::append(tx, &table, &rows, now)).await
    }

    async fn find(&self, table: &TableName, query: RowQuery) -> Result<Option<Found>, StoreError> {
        stream::find(&self.pool, *table, query, self.query_timeout).await
    }

    async fn set_endpoint(&self, table: &TableName, endpoint: &Endpoint) -> Result<(), StoreError> {
        let (table, endpoint) = (*table, endpoint.clone());
        self.pool.write("to set an endpoint", move |tx| Ok(endpoints::set(tx, &table, &endpoint)?)).await
    }

    async fn endpoint(&self, table: &TableName) -> Result<Option<Endpoint>, StoreError> {
        let table = *table;
        self.pool.read("to read an endpoint", move |tx| endpoints::find(tx, &table)).await
    }

    async fn remove_endpoint(&self, table: &TableName) -> Result<bool, StoreError> {
        let table = *table;
        self.pool.write("to remove an endpoint", move |tx| Ok(endpoints::remove(tx, &table)?)).await
    }

    async fn drop_table(&self, table: &TableName) -> Result<bool, StoreError> {
        let table = *table;
        self.pool.write("to drop a table", move |tx| runs::drop_table(tx, &table)).await
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let (name, holder) = (name.to_owned(), holder.to_owned());
        self.pool.write("to take a lease", move |tx| Ok(leases::lease(tx, &name, &holder, ttl, now)?)).await
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let (name, holder) = (name.to_owned(), holder.to_owned());
        self.pool.write("to release a lease", move |tx| Ok(leases::release(tx, &name, &holder)?)).await
    }

    async fn last_due(&self, schedule: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        let schedule = schedule.to_owned();
        self.pool.read("to read a schedule", move |tx| leases::last_due(tx, &schedule)).await
    }

    async fn claim_due(&self, schedule: &str, due: DateTime<Utc>) -> Result<bool, StoreError> {
        let schedule = schedule.to_owned();
        self.pool.write("to mark a schedule", move |tx| Ok(leases::claim_due(tx, &schedule, due)?)).await
    }
}
