//! Runs: staging, committing, failing, superseding.

use super::*;
use maestro_reports::domain::Report;
use maestro_reports::store::StoreError;

over_every_store!(
    staged_rows_are_invisible_until_the_commit,
    a_commit_replaces_the_old_rows_and_writes_the_outcome,
    a_later_attempt_supersedes_an_earlier_one,
    a_batch_delivered_twice_counts_once,
    a_commit_with_rows_missing_is_refused,
    an_aborted_run_leaves_the_old_rows,
    a_committed_staging_can_be_committed_again_but_not_aborted,
    a_staging_is_found_by_its_run,
    eight_runs_at_once_stay_apart,
    a_dropped_table_is_gone_with_its_staging,
);

async fn staged_rows_are_invisible_until_the_commit(store: Arc<dyn Store>) {
    let staging = store.begin(&table(), "run-1", now()).await.unwrap();
    assert_eq!(store.stage(&staging, numbered(0..3)).await.unwrap().new, 3);
    assert_eq!(count(&*store, doc! {}).await, Some(0));
    assert!(all(&*store).await.is_empty());
    store.commit(&staging, &outcome(3)).await.unwrap();
    assert_eq!(count(&*store, doc! {}).await, Some(3));
    assert_eq!(all(&*store).await, numbered(0..3));
}

async fn a_commit_replaces_the_old_rows_and_writes_the_outcome(store: Arc<dyn Store>) {
    store.request(&request("task-1"), now()).await.unwrap();
    fill(&*store, &table(), numbered(0..5)).await;
    let staging = fill(&*store, &table(), numbered(3..7)).await;
    assert_eq!(all(&*store).await, numbered(3..7));
    let expected = outcome(4);
    let asked = request("task-1");
    let report = store.report(&table()).await.unwrap().unwrap();
    assert_eq!(
        report,
        Report {
            table: table(),
            name: asked.name,
            component: asked.component,
            filters: asked.filters,
            owner: Some(asked.owner),
            status: Status::Finished,
            message: expected.message,
            rows: 4,
            columns: expected.columns,
            paths: Some(expected.paths),
            revision: 2,
            aggr: expected.aggr,
            generation: Some(staging.generation),
            task_id: "run".into(),
            requested_at: now(),
            started_at: Some(now()),
            ended_at: Some(expected.ended_at),
            stages: expected.stages,
        }
    );
}

async fn a_later_attempt_supersedes_an_earlier_one(store: Arc<dyn Store>) {
    let first = store.begin(&table(), "run", now()).await.unwrap();
    store.stage(&first, numbered(0..3)).await.unwrap();
    let second = store.begin(&table(), "run", now()).await.unwrap();
    assert!(second.generation > first.generation, "a number is never used twice");
    assert!(matches!(store.stage(&first, numbered(3..4)).await, Err(StoreError::Superseded { .. })));
    assert!(matches!(store.commit(&first, &outcome(3)).await, Err(StoreError::Superseded { .. })));
    store.abort(&first).await.unwrap();
    store.stage(&second, numbered(5..7)).await.unwrap();
    store.commit(&second, &outcome(2)).await.unwrap();
    assert_eq!(all(&*store).await, numbered(5..7));
}

async fn a_batch_delivered_twice_counts_once(store: Arc<dyn Store>) {
    let staging = store.begin(&table(), "run", now()).await.unwrap();
    assert_eq!(store.stage(&staging, numbered(0..10)).await.unwrap().new, 10);
    assert_eq!(store.stage(&staging, numbered(0..10)).await.unwrap().new, 0);
    let staged = store.stage(&staging, numbered(8..12)).await.unwrap();
    assert_eq!((staged.new, staged.again), (2, numbered(8..10)), "those left out are given back");
    assert_eq!(store.stage(&staging, Vec::new()).await.unwrap().new, 0);
    store.commit(&staging, &outcome(12)).await.unwrap();
    assert_eq!(all(&*store).await, numbered(0..12));
}

async fn a_commit_with_rows_missing_is_refused(store: Arc<dyn Store>) {
    let staging = store.begin(&table(), "run", now()).await.unwrap();
    store.stage(&staging, numbered(0..3)).await.unwrap();
    let error = store.commit(&staging, &outcome(4)).await.unwrap_err();
    assert!(matches!(error, StoreError::Incomplete { staged: 3, expected: 4, .. }), "{error}");
    assert_eq!(count(&*store, doc! {}).await, Some(0));
    store.stage(&staging, numbered(3..4)).await.unwrap();
    store.commit(&staging, &outcome(4)).await.unwrap();
    assert_eq!(count(&*store, doc! {}).await, Some(4));
}

async fn an_aborted_run_leaves_the_old_rows(store: Arc<dyn Store>) {
    fill(&*store, &table(), numbered(0..2)).await;
    let staging = store.begin(&table(), "run-2", now()).await.unwrap();
    store.stage(&staging, numbered(5..9)).await.unwrap();
    store.abort(&staging).await.unwrap();
    store.abort(&staging).await.unwrap();
    assert_eq!(store.staging(&table(), "run-2").await.unwrap(), None);
    assert!(matches!(store.stage(&staging, numbered(5..6)).await, Err(StoreError::Superseded { .. })));
    store.end(&table(), "run-2", &end(Status::Error, "the Data API is down")).await.unwrap();
    assert_eq!(all(&*store).await, numbered(0..2));
    let report = store.report(&table()).await.unwrap().unwrap();
    assert_eq!((report.status, report.message.as_str()), (Status::Error, "the Data API is down"));
    assert_eq!((report.rows, report.columns, report.aggr), (2, outcome(2).columns, outcome(2).aggr));
}

async fn a_committed_staging_can_be_committed_again_but_not_aborted(store: Arc<dyn Store>) {
    let staging = fill(&*store, &table(), numbered(0..2)).await;
    store.commit(&staging, &outcome(2)).await.unwrap();
    store.abort(&staging).await.unwrap();
    assert_eq!(all(&*store).await, numbered(0..2));
}

async fn a_staging_is_found_by_its_run(store: Arc<dyn Store>) {
    assert_eq!(store.staging(&table(), "run-1").await.unwrap(), None);
    let staging = store.begin(&table(), "run-1", now()).await.unwrap();
    assert_eq!(store.staging(&table(), "run-1").await.unwrap(), Some(staging.clone()));
    assert_eq!(store.staging(&table(), "run-2").await.unwrap(), None);
    store.commit(&staging, &outcome(0)).await.unwrap();
    assert_eq!(store.staging(&table(), "run-1").await.unwrap(), None);
}

async fn eight_runs_at_once_stay_apart(store: Arc<dyn Store>) {
    let runs = (0..8_u32).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let table: TableName = format!("5c000000000000000000010{n}_pivot").parse().unwrap();
            let staging = store.begin(&table, "run", now()).await.unwrap();
            for batch in 0..5 {
                store.stage(&staging, numbered(batch * 20..(batch + 1) * 20 + n)).await.unwrap();
            }
            store.commit(&staging, &outcome(u64::from(100 + n))).await.unwrap();
            (table, u64::from(100 + n))
        })
    });
    for run in runs.collect::<Vec<_>>() {
        let (table, rows) = run.await.unwrap();
        assert_eq!(store.count(&table, &doc! {}).await.unwrap(), Some(rows));
    }
}

async fn a_dropped_table_is_gone_with_its_staging(store: Arc<dyn Store>) {
    assert!(!store.drop_table(&table()).await.unwrap());
    fill(&*store, &table(), numbered(0..2)).await;
    let staging = store.begin(&table(), "run-2", now()).await.unwrap();
    store.stage(&staging, numbered(0..2)).await.unwrap();
    assert!(store.drop_table(&table()).await.unwrap());
    assert_eq!(count(&*store, doc! {}).await, None);
    assert_eq!(store.report(&table()).await.unwrap(), None);
    assert!(all(&*store).await.is_empty());
    assert!(matches!(store.commit(&staging, &outcome(2)).await, Err(StoreError::Superseded { .. })));
    assert!(!store.drop_table(&table()).await.unwrap());
}
