//! A delivery that makes way for others after each batch, in a worker of this process.

use super::*;
use crate::support::receiver::Reply;
use chrono::Utc;
use maestro_reports::app::{App, Role};
use maestro_reports::config;
use maestro_reports::domain::{Endpoint, NewReport, SigningSecret, Status, TableName};
use maestro_reports::stages::{self, Ending};
use maestro_reports::store::{Outcome, Store};
use maestro_reports::worker;
use std::time::Duration;
use tokio::sync::oneshot;

/// Puts so many rows in place as a run would.
async fn fill(store: &dyn Store, table: &TableName, count: u32) {
    let report = NewReport {
        table: *table,
        name: String::new(),
        component: "Servers".into(),
        filters: json!([]),
        owner: fleet::OWNER.parse().unwrap(),
        task_id: "run".into(),
    };
    store.request(&report, Utc::now()).await.unwrap();
    let staging = store.begin(table, "run", Utc::now()).await.unwrap();
    let rows = (0..count).map(|n| bson::doc! {"_id": n, "name": format!("n{n}")}.try_into().unwrap()).collect();
    store.stage(&staging, rows).await.unwrap();
    let outcome = Outcome {
        status: Status::Finished,
        message: String::new(),
        rows: count.into(),
        columns: vec!["_id".into()],
        paths: Vec::new(),
        aggr: json!({}),
        stages: Default::default(),
        ended_at: Utc::now(),
    };
    store.commit(&staging, &outcome).await.unwrap();
}

#[actix_rt::test]
async fn a_delivery_in_many_slices_sends_every_row_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let get = |name: &str| match name {
        "MAESTRO_DATA_DIR" => Some(folder.path().display().to_string()),
        "MAESTRO_WEBHOOK_HTTP" => Some("allow".to_owned()),
        "MAESTRO_WEBHOOK_ALLOW" => Some("127.0.0.0/8".to_owned()),
        "MAESTRO_WEBHOOK_ROWS" => Some("7".to_owned()),
        _ => None,
    };
    let mut config = config::load(&get, None, &[]).unwrap();
    config.webhooks.slice = Duration::ZERO;
    let app = App::open(config, Role::All).await.unwrap();
    let (store, table) = (app.store.clone().unwrap(), TABLE.parse().unwrap());
    fill(&*store, &table, 100).await;
    let receiver = Receiver::start(|_| Reply::Status(200));
    let endpoint = Endpoint { url: receiver.address.parse().unwrap(), secrets: vec![SigningSecret::of([1; 32])] };
    store.set_endpoint(&table, &endpoint).await.unwrap();
    let ending = Ending { run: "run", status: Status::Finished, message: "", at: Utc::now() };
    stages::announce_deliveries(&app, &table, ending).await.unwrap();

    let (stop, stopped) = oneshot::channel::<()>();
    let working = actix_rt::spawn(worker::work_until(app.clone(), async { drop(stopped.await) }));
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !receiver.messages("/").iter().any(|message| message.kind() == "report.finished") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.expect("the message at the end");
    stop.send(()).unwrap();
    working.await.unwrap().unwrap();

    let rows: Vec<Value> = (0..100).map(|n| json!({"_id": n, "name": format!("n{n}")})).collect();
    let batches = batches(&receiver.messages("/"), "run");
    hold_exactly(&batches, &rows);
    assert_eq!((batches.len(), receiver.messages("/").len()), (15, 16), "nothing is sent twice");
    assert_eq!(app.broker.depth(&app.config.broker.webhook_queue()).await.unwrap(), 0);
}
