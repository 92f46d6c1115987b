//! The stores' conformance suite: every rule runs over the embedded store and over MongoDB.

mod endpoints;
mod holds;
mod order;
mod reading;
mod registry;
mod restart;
mod runs;
mod schema;
mod timetable;
mod upkeep;
mod writing;

use crate::support::mongo;
use bson::oid::ObjectId;
use bson::{Document, doc};
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use maestro_reports::config;
use maestro_reports::domain::{NewReport, OwnerId, Row, StageSeconds, Status, TableName};
use maestro_reports::store::{self, End, Outcome, RowQuery, Staging, Store};
use std::sync::Arc;
use std::time::Duration;

/// Makes each rule (an `async fn(Arc<dyn Store>)`) a test over each store.
macro_rules! over_every_store {
    ($($rule:ident),+ $(,)?) => {
        mod embedded {
            $(#[test] fn $rule() { crate::store::on_embedded(super::$rule); })+
        }
        mod mongodb {
            $(#[test] fn $rule() { crate::store::on_mongodb(super::$rule); })+
        }
    };
}
use over_every_store;

const QUERY_TIMEOUT: Duration = Duration::from_secs(20);

fn run<T>(work: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(work)
}

async fn migrated(settings: &config::Store) -> Arc<dyn Store> {
    let store = store::connect(settings, QUERY_TIMEOUT).await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn on_embedded<F: Future<Output = ()>>(rule: impl FnOnce(Arc<dyn Store>) -> F) {
    let folder = tempfile::tempdir().unwrap();
    run(async { rule(migrated(&embedded_settings(folder.path())).await).await });
}

fn on_mongodb<F: Future<Output = ()>>(rule: impl FnOnce(Arc<dyn Store>) -> F) {
    let Some(database) = mongo::database() else { return };
    run(async { rule(migrated(&database.config()).await).await });
}

fn embedded_settings(folder: &std::path::Path) -> config::Store {
    config::Store { mongo_uri: None, mongo_database: String::new(), data_dir: folder.to_owned() }
}

fn table() -> TableName {
    "5c0000000000000000000001_general".parse().unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-01-02T03:04:05.678Z".parse().unwrap()
}

fn oid(number: u32) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

fn numbered(numbers: std::ops::Range<u32>) -> Vec<Row> {
    numbers.map(|n| row(doc! { "_id": oid(n), "n": n })).collect()
}

fn row(document: Document) -> Row {
    document.try_into().unwrap()
}

fn request(task_id: &str) -> NewReport {
    NewReport {
        table: table(),
        name: "All servers".into(),
        component: "Servers".into(),
        filters: serde_json::json!([{ "field": "os.base", "$odd": { "a.b": 1 } }]),
        owner: "5c00000000000000000000aa".parse::<OwnerId>().unwrap(),
        task_id: task_id.into(),
    }
}

fn outcome(rows: u64) -> Outcome {
    Outcome {
        status: Status::Finished,
        message: "done".into(),
        rows,
        columns: vec!["_id".into(), "n".into()],
        paths: vec!["_id".into(), "n".into()],
        aggr: serde_json::json!({ "servers_datacenters.provider": { "aggr": { "label": ["a.b", "$c"], "data": [2, 1] } } }),
        stages: StageSeconds::from([("upload".to_owned(), 1.5)]),
        ended_at: now() + Duration::from_secs(9),
    }
}

fn end(status: Status, message: &str) -> End {
    End { status, message: message.into(), stages: StageSeconds::new(), at: now() + Duration::from_secs(5) }
}

/// Runs a whole report with these rows.
async fn fill(store: &dyn Store, table: &TableName, rows: Vec<Row>) -> Staging {
    let staging = store.begin(table, "run", now()).await.unwrap();
    let count = rows.len() as u64;
    assert_eq!(store.stage(&staging, rows).await.unwrap().new, count);
    store.commit(&staging, &outcome(count)).await.unwrap();
    staging
}

async fn read(store: &dyn Store, query: RowQuery) -> Vec<Row> {
    store.rows(&table(), query).await.unwrap().try_collect().await.unwrap()
}

async fn all(store: &dyn Store) -> Vec<Row> {
    read(store, RowQuery { sort: Some(("_id".into(), store::Direction::Ascending)), ..RowQuery::default() }).await
}

async fn count(store: &dyn Store, filter: Document) -> Option<u64> {
    store.count(&table(), &filter).await.unwrap()
}
