//! The store in MongoDB: for any number of hosts.
//!
//! `maestro_reports` holds a record for each table. A generation is a collection `<table>.g<number>`; the record says
//! which one is readable, so a commit is one atomic update of one document and needs neither transactions nor renames.
//! The generation before the readable one stays until the next commit, so that whoever reads it can finish.

mod connection;
mod endpoints;
mod error;
mod generations;
mod holds;
mod leases;
mod migrations;
mod reading;
mod record;
mod registry;
mod rows;
mod runs;
mod timetable;
mod upkeep;

use super::{
    Appended, End, Found, Kept, Outcome, RowQuery, Schema, Silent, Staged, Staging, Store, StoreError, Taken, Taker,
};
use crate::config::Secret;
use crate::domain::{Endpoint, NewReport, Report, Row, TableName};
use async_trait::async_trait;
use bson::doc;
use chrono::{DateTime, Utc};
use connection::Connection;
use std::time::Duration;

/// The store in MongoDB.
pub(super) struct MongoStore {
    connection: Connection,
}

impl MongoStore {
    /// Prepares the connection; the server is reached with the first call.
    pub(super) async fn open(uri: &Secret, database: &str, query_timeout: Duration) -> Result<Self, StoreError> {
        Ok(Self { connection: Connection::open(uri, database, query_timeout).await? })
    }
}

#[async_trait]
impl Store for MongoStore {
    fn describe(&self) -> String {
        self.connection.describe()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.connection.call("to answer", self.connection.database().run_command(doc! { "ping": 1 })).await?;
        Ok(())
    }

    async fn schema(&self) -> Result<Schema, StoreError> {
        migrations::schema(&self.connection).await
    }

    async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        migrations::migrate(&self.connection).await
    }

    async fn request(&self, report: &NewReport, now: DateTime<Utc>) -> Result<(), StoreError> {
        registry::request(&self.connection, report, now).await
    }

    async fn report(&self, table: &TableName) -> Result<Option<Report>, StoreError> {
        registry::report(&self.connection, table).await
    }

    async fn reports(&self, limit: u64) -> Result<Vec<Report>, StoreError> {
        registry::reports(&self.connection, limit).await
    }

    async fn take(
        &self,
        table: &TableName,
        taker: &Taker,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<Taken, StoreError> {
        holds::take(&self.connection, table, taker, ttl, now).await
    }

    async fn keep(
        &self,
        table: &TableName,
        holder: &str,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<Kept, StoreError> {
        holds::keep(&self.connection, table, holder, ttl, now).await
    }

    async fn leave(&self, table: &TableName, holder: &str, due: DateTime<Utc>) -> Result<(), StoreError> {
        holds::leave(&self.connection, table, holder, due).await
    }

    async fn silent(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Vec<Silent>, StoreError> {
        holds::silent(&self.connection, before, now).await
    }

    async fn give_up(&self, silent: &Silent, end: &End, now: DateTime<Utc>) -> Result<bool, StoreError> {
        holds::give_up(&self.connection, silent, end, now).await
    }

    async fn begin(&self, table: &TableName, run_id: &str, now: DateTime<Utc>) -> Result<Staging, StoreError> {
        runs::begin(&self.connection, table, run_id, now).await
    }

    async fn staging(&self, table: &TableName, run_id: &str) -> Result<Option<Staging>, StoreError> {
        runs::staging(&self.connection, table, run_id).await
    }

    async fn stage(&self, staging: &Staging, rows: Vec<Row>) -> Result<Staged, StoreError> {
        let (connection, staging) = (self.connection.clone(), staging.clone());
        // A task of its own, which goes on to its end where the caller is stopped in the middle: what is under way to the
        // server by then would be written all the same, and nobody would look what became of it.
        let staged = tokio::spawn(async move { runs::stage(&connection, &staging, &rows).await });
        staged.await.unwrap_or_else(|error| {
            Err(StoreError::Unavailable { what: "to stage rows".to_owned(), source: error.into() })
        })
    }

    /// A batch waits for the journals of a majority of servers; meanwhile others are under way.
    fn stages_at_once(&self) -> usize {
        4
    }

    async fn commit(&self, staging: &Staging, outcome: &Outcome) -> Result<(), StoreError> {
        runs::commit(&self.connection, staging, outcome).await
    }

    async fn index(&self, table: &TableName) -> Result<(), StoreError> {
        runs::index(&self.connection, table).await
    }

    async fn abort(&self, staging: &Staging) -> Result<(), StoreError> {
        runs::abort(&self.connection, staging).await
    }

    async fn end(&self, table: &TableName, task_id: &str, end: &End) -> Result<(), StoreError> {
        registry::end(&self.connection, table, task_id, end).await
    }

    async fn append(&self, table: &TableName, rows: Vec<Row>) -> Result<Appended, StoreError> {
        rows::append(&self.connection, table, &rows, Utc::now()).await
    }

    async fn find(&self, table: &TableName, query: RowQuery) -> Result<Option<Found>, StoreError> {
        reading::find(&self.connection, table, query).await
    }

    async fn set_endpoint(&self, table: &TableName, endpoint: &Endpoint) -> Result<(), StoreError> {
        endpoints::set(&self.connection, table, endpoint).await
    }

    async fn endpoint(&self, table: &TableName) -> Result<Option<Endpoint>, StoreError> {
        endpoints::find(&self.connection, table).await
    }

    async fn remove_endpoint(&self, table: &TableName) -> Result<bool, StoreError> {
        endpoints::remove(&self.connection, table).await
    }

    async fn drop_table(&self, table: &TableName) -> Result<bool, StoreError> {
        runs::drop_table(&self.connection, table).await
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration, now: DateTime<Utc>) -> Result<bool, StoreError> {
        leases::lease(&self.connection, name, holder, ttl, now).await
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        leases::release(&self.connection, name, holder).await
    }

    async fn last_due(&self, schedule: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        leases::last_due(&self.connection, schedule).await
    }

    async fn claim_due(&self, schedule: &str, due: DateTime<Utc>) -> Result<bool, StoreError> {
        leases::claim_due(&self.connection, schedule, due).await
    }
}
