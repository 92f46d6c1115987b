//! The floor under a report: what nobody could leave out of it.
//!
//! The same requests to the Data API, their answers read to the end and thrown away; and the same rows, already BSON,
//! inserted in the same batches into an empty store of the same kind, through the same code in a process that is warm.
//! Nothing is parsed, counted, indexed or put in place of anything.

use crate::report::Kind;
use crate::site::Site;
use crate::stop;
use crate::support::fleet::{OWNER, Parts, token};
use crate::support::mongo;
use anyhow::{Context, ensure};
use chrono::Utc;
use futures_util::TryStreamExt;
use maestro_reports::config::{self, Config};
use maestro_reports::domain::{Row, TableName};
use maestro_reports::filter;
use maestro_reports::stages::BATCH_BYTES;
use maestro_reports::store::{self, RowQuery, Store};
use serde_json::{Map, Value, json};
use std::io::Read;
use std::time::{Duration, Instant};

/// Seconds of the two parts of a floor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    /// The requests.
    pub(crate) fetch: f64,
    /// The inserts.
    pub(crate) insert: f64,
}

impl Floor {
    /// Both, one after the other.
    pub(crate) fn seconds(self) -> f64 {
        self.fetch + self.insert
    }
}

/// Asks the Data API what the report asks it, and reads the answers to their end; the seconds.
///
/// # Errors
/// Where it does not answer as it should.
pub(crate) fn fetch(site: &Site<'_>, kind: Kind) -> anyhow::Result<f64> {
    let requests = match kind {
        Kind::General => pages(site)?,
        Kind::Pivot => vec![aggregation()?],
    };
    let mut buffer = vec![0; 256 * 1024];
    let start = Instant::now();
    for (path, body) in requests {
        stop::check()?;
        let mut answer = send(site, path, &body)?;
        let mut reader = answer.body_mut().as_reader();
        while reader.read(&mut buffer)? > 0 {}
    }
    Ok(start.elapsed().as_secs_f64())
}

type Request = (&'static str, Value);

fn send(site: &Site<'_>, path: &str, body: &Value) -> anyhow::Result<ureq::http::Response<ureq::Body>> {
    let url = format!("{}{path}", site.fleet.data_uri());
    let request = site.agent.post(&url).header("Authorization", token()).content_type("application/json");
    let answer = request.send(body.to_string())?;
    ensure!(answer.status().is_success(), "POST {url}: {}", answer.status());
    Ok(answer)
}

/// The requests of a general report (`stages/general.rs`).
fn pages(site: &Site<'_>) -> anyhow::Result<Vec<Request>> {
    let mut query: Map<String, Value> = filter::general(&Kind::General.filters())?.query;
    query.insert("roles._id".to_owned(), OWNER.into());
    let query = Value::from(query).to_string();
    let page = |limit: u64, page: u64| ("/servers", json!({"query": query, "limit": limit, "page": page}));
    let (path, one) = page(1, 1);
    let found: Value = send(site, path, &one)?.body_mut().read_json()?;
    let found = found["found"].as_u64().context("the Data API does not say how many rows it found")?;
    let limit = defaults()?.stages.fetch_rows;
    Ok((1..=found.div_ceil(limit)).map(|number| page(limit, number)).collect())
}

/// The request of a pivot report (`stages/pivot.rs`).
fn aggregation() -> anyhow::Result<Request> {
    let filter::PivotQuery { entity, pipeline, .. } = filter::pivot(&Kind::Pivot.filters(), OWNER.parse()?)?;
    let rule = json!({"$match": {"roles._id": OWNER}});
    let pipeline: Vec<Value> = std::iter::once(rule).chain(pipeline).collect();
    Ok(("/aggregate", json!({"entity": entity.path(), "pipeline": Value::from(pipeline).to_string()})))
}

/// Inserts the rows of a table into an empty store of the same kind, in the batches of a report; the seconds.
///
/// # Errors
/// Where the store does not take them.
pub(crate) fn insert(site: &Site<'_>, table: &TableName) -> anyhow::Result<f64> {
    stop::check()?;
    let folder = tempfile::TempDir::with_prefix("maestro-bench-")?;
    let database = match site.parts {
        Parts::Embedded => None,
        Parts::Servers => Some(mongo::database().context("the MongoDB server is gone")?),
    };
    let settings = database.as_ref().map_or_else(
        || config::Store { mongo_uri: None, mongo_database: String::new(), data_dir: folder.path().to_owned() },
        mongo::Database::config,
    );
    site.runtime.block_on(async {
        let batches = batches(&*site.store, table, defaults()?.stages.batch_rows).await?;
        let store = store::connect(&settings, Duration::from_secs(60)).await?;
        store.migrate().await?;
        // Once for the connections and the code.
        stage(&*store, table, batches.iter().take(2).cloned().collect()).await?;
        stage(&*store, table, batches).await
    })
}

async fn batches(store: &dyn Store, table: &TableName, batch_rows: usize) -> anyhow::Result<Vec<Vec<Row>>> {
    let mut rows = store.rows(table, RowQuery::default()).await?;
    let mut batches = vec![Vec::with_capacity(batch_rows)];
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await? {
        if bytes >= BATCH_BYTES || batches.last().is_none_or(|batch| batch.len() == batch_rows) {
            batches.push(Vec::with_capacity(batch_rows));
            bytes = 0;
        }
        bytes += row.as_bytes().len();
        batches.last_mut().context("there is a batch")?.push(row);
    }
    Ok(batches)
}

async fn stage(store: &dyn Store, table: &TableName, batches: Vec<Vec<Row>>) -> anyhow::Result<f64> {
    let rows: usize = batches.iter().map(Vec::len).sum();
    let staging = store.begin(table, "floor", Utc::now()).await?;
    let mut staged = 0;
    let start = Instant::now();
    for batch in batches {
        staged += store.stage(&staging, batch).await?.new;
    }
    let seconds = start.elapsed().as_secs_f64();
    ensure!(staged == rows as u64, "{staged} of {rows} rows were staged");
    store.abort(&staging).await?;
    Ok(seconds)
}

/// The settings of an installation that nobody has changed.
fn defaults() -> anyhow::Result<Config> {
    Ok(config::load(&|_| None, None, &[])?)
}
