//! The reports' records.

use super::*;
use maestro_reports::domain::Report;

over_every_store!(
    a_request_is_recorded_and_keeps_what_describes_the_old_rows,
    a_run_without_a_request_gets_a_record,
    only_the_last_task_ends_a_run,
    a_retry_is_told_without_ending_the_run,
    ending_an_unknown_table_makes_a_record,
    the_newest_reports_come_first,
    it_answers_and_says_where_it_is,
);

async fn record(store: &dyn Store) -> Report {
    store.report(&table()).await.unwrap().unwrap()
}

async fn a_request_is_recorded_and_keeps_what_describes_the_old_rows(store: Arc<dyn Store>) {
    assert_eq!(store.report(&table()).await.unwrap(), None);
    let first = request("task-1");
    store.request(&first, now()).await.unwrap();
    let asked = record(&*store).await;
    assert_eq!((asked.status, asked.generation, asked.rows), (Status::Process, None, 0));
    assert_eq!((asked.filters, asked.owner), (first.filters, Some(first.owner)));
    assert_eq!((asked.columns, asked.aggr), (Vec::new(), serde_json::Value::Null));

    let staging = fill(&*store, &table(), numbered(0..3)).await;
    let later = now() + Duration::from_secs(60);
    store.request(&NewReport { component: "Systems".into(), ..request("task-2") }, later).await.unwrap();
    let again = record(&*store).await;
    assert_eq!((again.status, again.message.as_str(), again.task_id.as_str()), (Status::Process, "", "task-2"));
    assert_eq!((again.requested_at, again.started_at, again.ended_at), (later, None, None));
    assert_eq!((again.rows, again.columns, again.aggr), (3, outcome(3).columns, outcome(3).aggr));
    assert_eq!((again.generation, again.component.as_str()), (Some(staging.generation), "Systems"));
    assert!(again.stages.is_empty());
}

async fn a_run_without_a_request_gets_a_record(store: Arc<dyn Store>) {
    store.begin(&table(), "task-9", now()).await.unwrap();
    let begun = record(&*store).await;
    assert_eq!((begun.status, begun.owner, begun.task_id.as_str()), (Status::Process, None, "task-9"));
    assert_eq!((begun.requested_at, begun.started_at, begun.generation), (now(), Some(now()), None));
}

async fn only_the_last_task_ends_a_run(store: Arc<dyn Store>) {
    store.request(&request("task-1"), now()).await.unwrap();
    store.request(&request("task-2"), now()).await.unwrap();
    store.end(&table(), "task-1", &end(Status::Error, "old")).await.unwrap();
    assert_eq!(record(&*store).await.status, Status::Process);
    store.end(&table(), "task-2", &end(Status::Error, "new")).await.unwrap();
    let ended = record(&*store).await;
    assert_eq!((ended.status, ended.message.as_str()), (Status::Error, "new"));
    assert_eq!(ended.ended_at, Some(end(Status::Error, "").at));
}

async fn a_retry_is_told_without_ending_the_run(store: Arc<dyn Store>) {
    store.request(&request("task-1"), now()).await.unwrap();
    store.end(&table(), "task-1", &end(Status::Process, "trying again in 5 s")).await.unwrap();
    let told = record(&*store).await;
    assert_eq!((told.status, told.message.as_str(), told.ended_at), (Status::Process, "trying again in 5 s", None));
}

async fn ending_an_unknown_table_makes_a_record(store: Arc<dyn Store>) {
    let refused = end(Status::Error, "not understood");
    store.end(&table(), "task-1", &refused).await.unwrap();
    let told = record(&*store).await;
    assert_eq!(
        (told.status, told.message.as_str(), told.task_id.as_str()),
        (Status::Error, "not understood", "task-1")
    );
    assert_eq!((told.requested_at, told.ended_at, told.generation), (refused.at, Some(refused.at), None));
    store.end(&table(), "task-2", &end(Status::Warning, "of another task")).await.unwrap();
    assert_eq!(record(&*store).await.status, Status::Error);
}

async fn the_newest_reports_come_first(store: Arc<dyn Store>) {
    for n in 0..5_u64 {
        let table = format!("5c000000000000000000000{n}_pivot").parse().unwrap();
        store.request(&NewReport { table, ..request("task") }, now() + Duration::from_secs((n * 7) % 5)).await.unwrap();
    }
    let found: Vec<_> = store.reports(3).await.unwrap().into_iter().map(|report| report.requested_at).collect();
    assert_eq!(found, [4, 3, 2].map(|seconds| now() + Duration::from_secs(seconds)));
    assert!(store.reports(0).await.unwrap().is_empty());
    assert_eq!(store.reports(100).await.unwrap().len(), 5);
}

async fn it_answers_and_says_where_it_is(store: Arc<dyn Store>) {
    store.ping().await.unwrap();
    let place = store.describe();
    assert!(place.starts_with("SQLite file /") || place.starts_with("MongoDB at 127.0.0.1:"), "{place}");
}
