//! The endpoints of single reports, and rows of one generation alone.

use super::*;
use maestro_reports::domain::{Endpoint, SigningSecret};
use maestro_reports::store::Absence;

over_every_store!(
    an_endpoint_is_kept_replaced_and_removed,
    an_endpoint_outlives_runs_and_goes_with_its_table,
    an_endpoint_outlives_old_rows_but_not_the_platforms_report,
    rows_of_another_generation_are_not_given,
);

fn endpoint(url: &str, secrets: &[u8]) -> Endpoint {
    let secrets = secrets.iter().map(|byte| SigningSecret::of([*byte; 32])).collect();
    Endpoint { url: url.parse().unwrap(), secrets }
}

async fn an_endpoint_is_kept_replaced_and_removed(store: Arc<dyn Store>) {
    assert_eq!(store.endpoint(&table()).await.unwrap(), None);
    let first = endpoint("https://hooks.example.org/a?token='$x\"", &[1]);
    store.set_endpoint(&table(), &first).await.unwrap();
    assert_eq!(store.endpoint(&table()).await.unwrap(), Some(first));
    let second = endpoint("https://hooks.example.org/b", &[2, 1]);
    store.set_endpoint(&table(), &second).await.unwrap();
    assert_eq!(store.endpoint(&table()).await.unwrap(), Some(second));
    let other = "5c0000000000000000000001_pivot".parse().unwrap();
    assert_eq!(store.endpoint(&other).await.unwrap(), None);
    assert!(!store.remove_endpoint(&other).await.unwrap());
    assert!(store.remove_endpoint(&table()).await.unwrap());
    assert!(!store.remove_endpoint(&table()).await.unwrap());
    assert_eq!(store.endpoint(&table()).await.unwrap(), None);
    assert!(store.report(&table()).await.unwrap().is_none(), "an endpoint alone makes no record");
}

async fn an_endpoint_outlives_runs_and_goes_with_its_table(store: Arc<dyn Store>) {
    let wanted = endpoint("https://h/", &[1]);
    store.set_endpoint(&table(), &wanted).await.unwrap();
    store.request(&request("task-1"), now()).await.unwrap();
    for _ in 0..2 {
        fill(&*store, &table(), numbered(0..3)).await;
        assert_eq!(store.endpoint(&table()).await.unwrap().as_ref(), Some(&wanted));
    }
    assert!(store.drop_table(&table()).await.unwrap());
    assert_eq!(store.endpoint(&table()).await.unwrap(), None);
}

async fn rows_of_another_generation_are_not_given(store: Arc<dyn Store>) {
    let first = fill(&*store, &table(), numbered(0..3)).await;
    let of = |generation| RowQuery { generation: Some(generation), skip: 1, ..RowQuery::default() };
    let found = store.find(&table(), of(first.generation)).await.unwrap().unwrap();
    assert_eq!(found.rows.try_collect::<Vec<_>>().await.unwrap().len(), 2);
    let second = fill(&*store, &table(), numbered(0..5)).await;
    assert!(store.find(&table(), of(first.generation)).await.unwrap().is_none());
    let found = store.find(&table(), of(second.generation)).await.unwrap().unwrap();
    assert_eq!(found.rows.try_collect::<Vec<_>>().await.unwrap().len(), 4);
    assert!(store.find(&table(), of(second.generation + 1)).await.unwrap().is_none());
}

async fn an_endpoint_outlives_old_rows_but_not_the_platforms_report(store: Arc<dyn Store>) {
    let own = endpoint("https://hooks.example.org/a", &[1]);
    store.set_endpoint(&table(), &own).await.unwrap();
    let (later, absence) = (now() + Duration::from_secs(90_000), Absence::seen_again(None, now()));
    for (absence, kept) in [(None, Some(own)), (Some(absence), None)] {
        fill(&*store, &table(), numbered(0..3)).await;
        store.note_absence(&table(), absence.as_ref()).await.unwrap();
        let seen = store.tables(None, 1).await.unwrap().remove(0);
        assert!(store.retire(&seen, later).await.unwrap());
        assert_eq!(store.endpoint(&table()).await.unwrap(), kept);
    }
}
